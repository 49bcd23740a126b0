"""`ytpool serve`: one honest answer to whether this machine can work, for scripts, load balancers and Prometheus."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from newsroom import ROOT
from real_parts import need
from served import LIVES_UNTIL, netscape, once, serving

from ytpool import data

SCHEMAS = {
    "/livez": "readyz",
    "/readyz": "readyz",
    "/health": "health",
    "/api/health": "api-health",
    "/api/health/cookies": "api-health-cookies",
    "/api/cookies/queue-status": "queue-status",
    "/status": "queue-status",
}
TOKEN = "of-the-people-who-may-ask"


@pytest.fixture
def cookies(home, ytpool, tmp_path):  # noqa: ARG001 - it sets the environment
    """The cookie file of another program, in a profile that is set up."""
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    path = tmp_path / "cookies.txt"
    path.write_text(netscape())
    return path


def of(path, account="news"):
    return {"YT_ACCOUNT_ID": account, "YT_DLP_COOKIES_FILE": path}


def has_looked(server):
    return once(lambda: (found := server.ask("/readyz?verbose"))[1]["age_seconds"] is not None and found)


def test_a_machine_that_can_work_says_so_in_every_shape(sandbox, ytpool, cookies_of_news):
    units = sandbox.truth()["units"]
    with serving(**of(cookies_of_news)) as server:
        ready, verbose, _ = has_looked(server)
        answers = {path: server.ask(path) for path in SCHEMAS}

    assert {path: status for path, (status, _, _) in answers.items()} == dict.fromkeys(answers, 200)
    for path, schema in SCHEMAS.items():
        Draft202012Validator(data.load(f"schemas/serve-{schema}.json")).validate(answers[path][1])
    Draft202012Validator(data.load("schemas/serve-readyz.json")).validate(verbose)
    assert all(told["age_seconds"] >= 0 for _, told, _ in answers.values())
    found = {check["status"] for check in verbose["checks"]}  # a pool of two has no reserve, so there is a warning
    assert (ready, found, verbose["status"], answers["/livez"][1]["status"]) == (200, {"pass", "warn"}, "warn", "pass")
    assert {check["check"] for check in verbose["checks"]} >= {
        "state",
        "vault",
        "clock",
        "grant news",
        "cookie file news",
    }
    health = answers["/health"][1]
    assert health["status"] == "warn"
    assert health["services"]["database"]["status"] == "pass"
    assert all(set(one) == {"status", "message"} for one in health["services"].values())
    assert {name: value for name, value in answers["/api/health"][1].items() if name != "age_seconds"} == {
        "status": "healthy",
        "cookies_available": True,
        "refresh_in_progress": False,
        "account_id": "news",
        "can_process_downloads": True,
        "message": "can work",
    }
    told = answers["/api/health/cookies"][1]
    assert (told["configured"], told["exists"], told["account_id"], told["refresh_in_progress"]) == (
        True,
        True,
        "news",
        False,
    )
    assert told["file_info"]["size_bytes"] == cookies_of_news.stat().st_size
    assert told["file_info"]["path"] == str(cookies_of_news)
    assert told["file_info"]["last_modified"].endswith("Z")
    assert answers["/api/cookies/queue-status"][1]["accounts"][0]["name"] == "news"
    queue = json.loads(ytpool("queue", "status", "--json")[1])["data"]
    assert {name: answers["/status"][1][name] for name in queue} == queue
    assert sandbox.truth()["units"] == units


@pytest.fixture
def cookies_of_news(tmp_path):
    path = tmp_path / "cookies.txt"
    path.write_text(netscape())
    return path


def test_head_and_options_are_answered_and_nothing_may_be_kept(cookies):
    with serving(**of(cookies)) as server:
        has_looked(server)
        head, nothing, headers = server.ask("/readyz", "HEAD")
        plain = server.ask("/", "OPTIONS")
        known = server.ask("/api/health", "OPTIONS")

    assert (head, nothing) == (200, b"")
    assert (headers["cache-control"], int(headers["content-length"]) > 0) == ("no-store", True)
    assert (plain[0], plain[1], known[0], known[2]["allow"]) == (204, b"", 204, "GET, HEAD, OPTIONS")


def test_lost_cookies_are_known_at_once_and_come_back_by_themselves(cookies, tmp_path, monkeypatch):
    good = tmp_path / "good.txt"
    good.write_text(netscape("second"))
    runs = tmp_path / "runs"
    script = f"echo run >> {runs}; sleep 1; cp {good} $YTPOOL_COOKIES_FILE"
    monkeypatch.setenv("YTPOOL_SESSIONS_REFRESH_COMMAND", f"sh -c '{script}'")
    with serving(**of(cookies)) as server:
        has_looked(server)
        before = server.ask("/api/health")[0]
        cookies.unlink()
        status, told, headers = server.ask("/api/health")
        others = [server.ask(path)[:2] for path in ("/readyz", "/health", "/api/health/cookies")]
        waits = server.ask("/api/cookies/queue-status")[1]
        again = [server.ask("/api/health")[0] for _ in range(20)]
        once(lambda: server.ask("/api/health")[0] == 200)
        back = once(lambda: not (told := server.ask("/api/health")[1])["refresh_in_progress"] and told)
        cookies.write_text("")
        lost_again = server.ask("/api/health")

    assert (before, status, set(again)) == (200, 503, {503})
    assert (told["status"], told["cookies_available"], told["can_process_downloads"]) == ("degraded", False, False)
    assert (told["refresh_in_progress"], headers["retry-after"]) == (True, "5")
    assert [status for status, _ in others] == [503, 503, 200]
    assert others[1][1]["services"]["cookies"]["message"] == f"cookie file news: there is no cookie file {cookies}"
    assert (others[2][1]["exists"], others[2][1]["file_info"], others[2][1]["refresh_in_progress"]) == (
        False,
        None,
        True,
    )
    assert waits["totalRunning"] == 1
    assert (back["cookies_available"], back["status"]) == (True, "healthy")
    assert (lost_again[0], lost_again[1]["refresh_in_progress"]) == (503, False)
    assert 280 < int(lost_again[2]["retry-after"]) <= 300
    assert runs.read_text() == "run\n"


def test_cookies_that_serve_nobody_are_as_good_as_lost(cookies):
    with serving(**of(cookies)) as server:
        has_looked(server)
        told = []
        for content in (netscape(ends_at=1_600_000_000), "<html>log in</html>", "", netscape()):
            cookies.write_text(content)
            told.append(server.ask("/api/health"))
        cookies.unlink()
        cookies.mkdir()
        told.append(server.ask("/api/health"))

    assert [status for status, _, _ in told] == [503, 503, 503, 200, 503]
    messages = [answer["message"] for _, answer, _ in told]
    assert all(message.startswith("cookie file news: ") for message in (*messages[:3], messages[4]))
    assert "the cookies ended at 2020-09-13 12:26 UTC" in messages[0]
    assert "no browser session" in messages[1]
    assert "has no cookies" in messages[2]


def test_a_server_that_is_asked_to_stop_ends_its_refresh(cookies, ytpool, tmp_path, monkeypatch):
    monkeypatch.setenv("YTPOOL_SESSIONS_REFRESH_COMMAND", f"sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60'")
    for name, value in of(cookies).items():
        monkeypatch.setenv(name, str(value))
    cookies.unlink()
    with serving() as server:
        has_looked(server)
        assert server.ask("/api/health")[1]["refresh_in_progress"]
        pid = once(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
        asked_at = time.monotonic()

    assert time.monotonic() - asked_at < 10
    assert not Path(f"/proc/{pid}").exists()
    status, out, _ = ytpool("sessions", "refresh", "news", "--json")
    assert (status, "failed: interrupted" in json.loads(out)["error"]["message"]) == (5, True)


def test_without_a_cookie_file_nobody_waits_for_one(cookies):
    with serving() as server:
        has_looked(server)
        health, cookies = server.ask("/api/health"), server.ask("/api/health/cookies")

    assert (health[0], health[1]["cookies_available"], health[1]["can_process_downloads"]) == (200, False, True)
    assert (cookies[1]["configured"], cookies[1]["exists"], cookies[1]["file_info"]) == (False, False, None)


def test_an_account_of_the_command_line_has_its_own_cookie_file(cookies, home, tmp_path):
    (tmp_path / "sports.txt").write_text(netscape("sports", LIVES_UNTIL - 1))
    with (home / "default" / "config.toml").open("a") as settings:
        settings.write(f'\n[cookie_files.sports]\npath = "{tmp_path / "sports.txt"}"\n')
    with serving("--account", "sports", **of(cookies)) as server:
        told = server.ask("/api/health/cookies")[1]

    assert (told["account_id"], told["file_info"]["path"]) == ("sports", str(tmp_path / "sports.txt"))


def test_an_account_without_a_cookie_file_is_told_and_one_that_was_to_be_watched_is_refused(ytpool, cookies):
    status, out, _ = ytpool("serve", "--account", "newz", "--json")
    with serving(**{**of(cookies), "YT_DLP_COOKIES_FILE": ""}) as server:
        told = [server.ask(path)[1]["account_id"] for path in ("/api/health", "/api/health/cookies")]

    error = json.loads(out)["error"]
    assert (status, error["code"], "name no cookie file of 'newz'" in error["message"]) == (2, "unknown_name", True)
    assert told == ["news", "news"]


def test_a_refresh_that_cannot_even_begin_is_not_tried_at_every_question(cookies, tmp_path, monkeypatch):
    monkeypatch.setenv("YTPOOL_SESSIONS_REFRESH_COMMAND", "true")
    with serving(**of(tmp_path / "missing" / cookies.name)) as server:
        has_looked(server)
        for _ in range(20):
            server.ask("/api/health")
            time.sleep(0.05)
        _, told, headers = server.ask("/api/health")

    assert (told["refresh_in_progress"], headers["retry-after"]) == (False, "30")
    assert server.said.count("cookies not refreshed") == 1


def test_a_look_that_hangs_is_not_begun_once_more_with_every_round(cookies, tmp_path):
    with serving(program=HURRIED, STUCK_UNTIL=tmp_path / "answer", **of(cookies)) as server:
        hangs = once(lambda: (found := stuck(server)) and found["status"] == "fail" and found)
        before = fewest_threads(server)
        time.sleep(2)
        after = fewest_threads(server)
        (tmp_path / "answer").touch()
        answers = once(lambda: (found := stuck(server))["status"] == "pass" and found)

    assert "has not answered within 0.2 s" in hangs["message"]
    assert after <= before + 2
    assert answers["message"] == "answers again"


HURRIED = """
import os, time
from ytpool.actions.health import looking
from ytpool.actions.health.checks import Check, Look, Status
from ytpool.web import standing

def look(sight):
    while not os.path.exists(os.environ["STUCK_UNTIL"]):
        time.sleep(0.05)
    yield Check(check="stuck", status=Status.PASS, message="answers again")

standing._ROUNDS_EVERY = 0.1
looking.LOOKS = (*looking.LOOKS, Look(name="stuck", about="a disk that hangs", ask=look, within=0.2, needs_state=False))
from ytpool.__main__ import run
run()
"""
"""The same program, which goes round ten times a second and has one more look, at something that hangs."""


def stuck(server):
    return server.ask("/health")[1]["services"].get("stuck")


def fewest_threads(server):
    """Return how many threads there are between two rounds: while one goes on, each of its looks has its own."""
    counts = []
    for _ in range(20):
        counts.append(len(list(Path(f"/proc/{server.process.pid}/task").iterdir())))
        time.sleep(0.02)
    return min(counts)


def test_with_a_token_only_statuses_are_told_to_others(cookies, ytpool, tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    assert ytpool("vault", "keep", "serve", "--password-file", file)[0] == 0
    with serving(**of(cookies)) as server:
        once(lambda: server.ask("/readyz")[0] == 200)
        told = {path: server.ask(path)[:2] for path in ("/livez", "/readyz?verbose", "/api/health")}
        paths = ("/health", "/api/health/cookies", "/api/cookies/queue-status", "/status", "/metrics", "/nix")
        refused = {server.ask(path)[0] for path in paths}
        wrong = [
            server.ask("/status", Authorization=header)[0]
            for header in (f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer ", "B\xe4r")
        ]
        callback = server.ask("/webhooks/nobody", "POST", "{}")[0]
        right = server.ask("/status", Authorization=f"Bearer {TOKEN}")[0]
        verbose = server.ask("/readyz?verbose", Authorization=f"bearer {TOKEN}")[1]

    assert told == {
        "/livez": (200, {"status": "pass"}),
        "/readyz?verbose": (200, {"status": "warn"}),
        "/api/health": (200, {"status": "healthy"}),
    }
    assert (refused, set(wrong), callback, right) == ({401}, {401}, 404, 200)
    assert "checks" in verbose
    assert TOKEN not in server.said


def test_others_than_this_machine_are_served_with_a_token_only(ytpool, cookies, monkeypatch):  # noqa: ARG001
    status, out, _ = ytpool("serve", "--bind", "203.0.113.7:8383", "--json")
    monkeypatch.setenv("YTPOOL_SERVE_TOKEN", TOKEN)
    with_token, told, _ = ytpool("serve", "--bind", "203.0.113.7:8383", "--json")
    monkeypatch.setenv("YTPOOL_SERVE_TOKEN", "short")
    short, refused, _ = ytpool("serve", "--bind", "203.0.113.7:8383", "--json")

    assert (status, "serving there needs a token" in json.loads(out)["error"]["message"]) == (2, True)
    assert (with_token, json.loads(told)["error"]["message"][:16]) == (2, "cannot listen on")
    assert (short, "16 to 512 visible characters" in json.loads(refused)["error"]["message"]) == (2, True)
    assert TOKEN not in out + told + refused


def test_a_token_is_never_a_setting(ytpool, cookies, home, monkeypatch):  # noqa: ARG001
    monkeypatch.setenv("YTPOOL_SERVE_TOKEN", TOKEN)
    shown = ytpool("config", "show", "--json")
    with (home / "default" / "config.toml").open("a") as settings:
        settings.write(f'\n[serve]\ntoken = "{TOKEN}"\n')

    status, out, _ = ytpool("config", "show", "--json")

    assert (shown[0], status) == (0, 2)
    assert "set YTPOOL_SERVE_TOKEN, or run: ytpool vault keep serve" in json.loads(out)["error"]["message"]
    assert TOKEN not in shown[1] + out


@pytest.mark.parametrize("place", ["127.0.0.1:99999", "127.0.0.1:", ":8383", "http://127.0.0.1", "a b:1", "[::1"])
def test_a_place_to_listen_that_is_none_is_refused(ytpool, cookies, place):  # noqa: ARG001
    status, out, _ = ytpool("serve", "--bind", place, "--json")

    assert (status, json.loads(out)["error"]["code"]) == (2, "usage")


def test_the_numbers_are_what_prometheus_expects_and_what_the_books_say(sandbox, ytpool, cookies_of_news, tmp_path):
    assert sandbox.truth()["refused"] == []
    report = json.loads(ytpool("quota", "report", "--json")[1])["data"]
    with serving("--account", 'ne"ws\\', **of(cookies_of_news, "")) as server:
        has_looked(server)
        server.ask("/no/such/address")
        status, content, headers = server.ask("/metrics")
    (tmp_path / "metrics").write_bytes(content)

    checked = subprocess.run(
        [need("promtool"), "check", "metrics"], input=content, capture_output=True, check=False, timeout=30
    )
    lines = content.decode().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
    told = set(re.findall(r"`(ytpool_\w+)`", (ROOT / "ytpool/data/guide/recipes.md").read_text(encoding="utf-8")))
    assert {line.split()[2] for line in lines if line.startswith("# TYPE")} == told
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert len(values) == sum(not line.startswith("#") for line in lines), "a series is given twice"
    for project in report["projects"]:
        for bucket in project["buckets"]:
            labels = f'{{bucket="{bucket["bucket"]}",project="{project["project"]}"}}'
            assert float(values[f"ytpool_quota_left_units{labels}"]) == bucket["left"]
            assert float(values[f"ytpool_quota_limit_units{labels}"]) == bucket["limit"]
    assert float(values['ytpool_accounts{state="active",tier="production"}']) == 2
    assert float(values['ytpool_cookies_available{account="ne\\"ws\\\\"}']) == 1
    assert float(values['ytpool_checks{look="vault",status="pass"}']) == 1
    assert float(values['ytpool_http_requests_total{method="GET",path="other",status="404"}']) == 1
