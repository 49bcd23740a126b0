"""A real Prometheus scrapes a real `ytpool serve` and goes by the rules of the guide."""

import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager

import pytest
from ports import free_port
from real_parts import need
from served import netscape, once, serving

from ytpool.actions import guide

RULES = guide.page("prometheus-rules.yml").text
DASHBOARD = guide.page("grafana-dashboard.json").text
RECIPES = guide.page("recipes").text

CONFIGURATION = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: ytpool
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


class Prometheus:
    def __init__(self, port):
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, path, **words):
        """Ask its API; what it refuses is an answer too."""
        try:
            with urllib.request.urlopen(f"{self._url}{path}?{urllib.parse.urlencode(words)}", timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            return json.load(refused)

    def answers(self):
        try:
            return urllib.request.urlopen(f"{self._url}/-/ready", timeout=5).status == 200
        except OSError:
            return False

    def firing(self):
        alerts = self.ask("/api/v1/alerts")["data"]["alerts"]
        return {alert["labels"]["alertname"]: alert for alert in alerts if alert["state"] == "firing"}

    def rules(self):
        return [rule for group in self.ask("/api/v1/rules")["data"]["groups"] for rule in group["rules"]]


@contextmanager
def prometheus(folder, port):
    """Let one scrape this port; alerts fire at once."""
    own = free_port()
    (folder / "rules.yml").write_text(re.sub(r"for: \w+", "for: 0s", RULES))
    (folder / "prometheus.yml").write_text(CONFIGURATION.format(port=port))
    process = subprocess.Popen(
        [
            need("prometheus"),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{own}",
            "--log.level=error",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        found = Prometheus(own)
        once(lambda: process.poll() is not None or found.answers())
        assert process.poll() is None, process.stderr.read()
        yield found
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def server(sandbox, tmp_path):  # noqa: ARG001 - two accounts are logged in there
    """A server that watches a cookie file and has looked at everything once."""
    (tmp_path / "cookies.txt").write_text(netscape())
    with serving(YT_ACCOUNT_ID="news", YT_DLP_COOKIES_FILE=tmp_path / "cookies.txt") as server:
        once(lambda: b"ytpool_checks{" in server.ask("/metrics")[1])
        yield server


def test_rules_and_dashboard_are_understood_and_one_alert_fires_when_cookies_are_lost(server, tmp_path):
    shown = [target["expr"] for panel in json.loads(DASHBOARD)["panels"] for target in panel["targets"]]
    with prometheus(tmp_path, server.port) as watching:
        once(lambda: watching.ask("/api/v1/query", query="ytpool_checks")["data"]["result"])
        once(lambda: all(rule["lastEvaluation"] > "0002" for rule in watching.rules()))
        calm = watching.firing()
        asked = {
            expression: watching.ask(
                "/api/v1/query", query=expression.replace("$job", "ytpool").replace("$instance", ".*")
            )
            for expression in shown
        }
        (tmp_path / "cookies.txt").unlink()
        alert = once(lambda: watching.firing().get("YtpoolCookiesLost"))
        rules = watching.rules()

    assert set(calm) <= {"YtpoolCheckWarns"}  # a pool of two has no reserve
    assert alert["labels"] | {"severity": "critical", "account": "news", "job": "ytpool"} == alert["labels"]
    assert "`ytpool sessions refresh news`" in alert["annotations"]["description"]
    assert {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")} == {}
    assert len(rules) == RULES.count("- alert:")
    assert {expression for expression, told in asked.items() if told["status"] != "success"} == set()
    # There were no jobs and no refusals, and for a rate it was asked too seldom.
    silent = {expression for expression, told in asked.items() if not told["data"]["result"]}
    assert all("ytpool_jobs" in expression or "rate(" in expression for expression in silent), silent


def test_every_metric_that_is_named_is_served_and_every_one_that_is_served_is_explained(server):
    served = set(re.findall(r"^# TYPE (ytpool_\w+)", server.ask("/metrics")[1].decode(), re.MULTILINE))
    named = set(re.findall(r"\b(ytpool_[a-z_]+)\b", RULES + DASHBOARD))
    explained = {
        name.replace("…", "ytpool_quota")
        for line in RECIPES.splitlines()
        if line.startswith("| `ytpool_")
        for name in re.findall(r"`((?:ytpool|…)_\w+)`", line)
    }

    assert named <= served
    assert explained == served


def test_promtool_finds_nothing_in_the_rules_as_they_are(tmp_path):
    (tmp_path / "rules.yml").write_text(RULES)
    checked = subprocess.run(
        [need("promtool"), "check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules.yml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
