"""Coming from the older multi-account tool: its folder in, our books out, through the front door."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator
from newsroom import ROOT, assert_books_agree
from told import data

from ytpool import data as shipped


class OlderTool:
    """The folder of the older tool, as its operator left it."""

    def __init__(self, newsroom, folder):
        self._newsroom = newsroom
        self.folder = folder
        self.file = folder / "multi_account_config.json"
        self.accounts = []
        self.balancing = {"strategy": "quota_based", "failover_enabled": True}
        (folder / "tokens").mkdir(parents=True)

    def account(self, older_id, project="press", channel=None, **changes):
        """Add an account with its token file, logged in to the channel of its name."""
        token = json.loads(self._newsroom.token_file(channel or str(older_id), project).read_text())
        token = {"token": "gone", "expiry": "2020-01-01T00:00:00Z", "scopes": ["x"], **token}
        path = f"tokens/{str(older_id).replace('/', '_')}.json"
        self.write(path, token)
        entry = {
            "id": older_id,
            "client_id": token["client_id"],
            "client_secret": token["client_secret"],
            "token_file": path,
            "max_comments_per_day": 50,
            "priority": len(self.accounts) + 1,
        }
        self.accounts.append({name: value for name, value in {**entry, **changes}.items() if value is not None})
        return self.accounts[-1]

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        path.chmod(0o600)
        return path

    def config(self, **more):
        return self.write(
            "multi_account_config.json", {"accounts": self.accounts, "load_balancing": self.balancing, **more}
        )

    def today(self, **shift):
        return f"{self._newsroom.control.clock() + timedelta(**shift):%Y-%m-%d}"

    def now(self, **shift):
        return (self._newsroom.control.clock() + timedelta(**shift)).replace(tzinfo=None).isoformat()


@pytest.fixture
def older(empty_sandbox, tmp_path):
    return OlderTool(empty_sandbox, tmp_path / "older")


@pytest.fixture
def import_(ytpool, older):
    """Run the import on the folder as it is now; returns status, data and stderr."""

    def run(*words):
        status, out, err = ytpool("config", "import", older.config(), *words, "--json")
        Draft202012Validator(shipped.load("schemas/config-import.json")).validate(data(out))
        return status, data(out), err

    return run


def outcomes(done):
    return {one["account"]: one["outcome"] for one in done["accounts"]}


def became(done, account, field):
    [found] = [one for one in done["fields"] if (one["account"], one["field"]) == (account, field)]
    return found["value"], found["became"]


def books(ytpool):
    """Everything that an import could change, as the reports tell it."""
    reports = (("accounts", "list"), ("pools", "list"), ("projects", "list"), ("quota", "report"), ("auth", "list"))
    return [data(ytpool(*words, "--json")[1]) for words in reports] + [
        data(ytpool("activity", "report", "--json")[1])["totals"]
    ]


# Accounts


def test_a_folder_of_the_older_tool_becomes_a_pool_that_works(ytpool, import_, older, empty_sandbox, video):
    older.account("account_1")
    older.account("account_2", max_comments_per_day=0)
    kept = {path: path.read_bytes() for path in older.folder.rglob("*.json")}

    status, done, err = import_()

    assert (status, outcomes(done)) == (0, {"account_1": "imported", "account_2": "imported"})
    assert f"account_1: is logged in for channel account_1 ({empty_sandbox.channel('account_1').channel_id})" in err
    [pool] = done["pools"]
    assert (pool["pool"], pool["strategy"], pool["accounts"]) == ("main", "least_used", ["account_1", "account_2"])
    rows = data(ytpool("accounts", "list", "--json")[1])["accounts"]
    assert [(row["account"], row["priority"], row["pools"]) for row in rows] == [
        ("account_1", 1, ["main"]),
        ("account_2", 2, ["main"]),
    ]
    caps = {row["account"]: row["comments_cap"] for row in data(ytpool("quota", "report", "--json")[1])["accounts"]}
    assert caps == {"account_1": 50, "account_2": 0}
    assert {path: path.read_bytes() for path in kept} == kept
    assert ytpool("upload", video, "--pool", "main")[0] == 0
    assert_books_agree(ytpool, empty_sandbox)


def test_secrets_are_never_shown(ytpool, older, home, monkeypatch):
    entry = older.account("account_1", api_key="a-key-nobody-may-see", password={"inner": "nor-this"})
    token = json.loads((older.folder / entry["token_file"]).read_text())
    hidden = {entry["client_secret"], token["refresh_token"], "a-key-nobody-may-see", "nor-this"}
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "400")

    said = ""
    for words in (("--dry-run",), (), ("--json",)):
        said += "".join(ytpool("config", "import", older.config(), *words)[1:])

    assert "api_key" in said
    assert "password" in said
    assert [secret for secret in hidden if secret in said] == []
    state = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"account_1" in state
    assert [secret for secret in hidden if secret.encode() in state] == []


def test_importing_again_changes_nothing(ytpool, import_, older, empty_sandbox):
    older.account("account_1")
    older.account("account_2", "other")
    older.write("quota_usage.json", {"account_1": {"date": older.today(), "quota_used": 350}})
    older.write("activity_log_account_1.json", [{"timestamp": older.now(hours=-1), "action_type": "comment"}])
    assert import_()[0] == 0
    [pool, _] = data(ytpool("pools", "list", "--json")[1])["pools"]
    assert ytpool("pools", "set", pool["pool"], "--strategy", "random")[0] == 0
    before, calls = books(ytpool), empty_sandbox.truth()["calls"]

    status, done, _ = import_()

    assert (status, outcomes(done)) == (0, {"account_1": "already", "account_2": "already"})
    assert {one["outcome"] for one in done["pools"]} == {"already"}
    assert {one["became"] for one in done["fields"] if one["account"]} == {"left as it is"}
    assert [(one["added"], one["outcome"]) for one in done["files"]] == [(0, "already")] * 2
    assert (books(ytpool), empty_sandbox.truth()["calls"]) == (before, calls)


def test_a_dry_run_shows_the_same_and_calls_nobody(ytpool, import_, older, sandbox):
    older.account("account_1", note_to_self="x")
    older.account("account_2", token_file="nowhere.json")
    older.write("quota_usage.json", {"date": older.today(), "accounts": {"account_1": {"used": 350}}})
    older.write("activity_log_account_1.json", [{"timestamp": older.now(), "action_type": "comment"}])
    before, calls = books(ytpool), sandbox.truth()["calls"]  # the logins have told ytpool what time it is

    status, planned, _ = import_("--dry-run")

    assert (status, planned["dry_run"]) == (3, True)
    assert outcomes(planned) == {"account_1": "planned", "account_2": "login_needed"}
    assert (books(ytpool), sandbox.truth()["calls"]) == (before, calls)
    _, done, _ = import_()
    assert [one["pool"] for one in planned["pools"]] == [one["pool"] for one in done["pools"]]
    assert planned["fields"] == done["fields"]
    assert [(one["file"], one["found"]) for one in planned["files"]] == [
        (one["file"], one["found"]) for one in done["files"]
    ]


def test_an_account_whose_login_is_dead_waits_for_a_new_one_with_all_its_things(
    ytpool, import_, older, empty_sandbox, video, browser
):
    older.account("account_1")
    older.account("account_2")
    empty_sandbox.channel("account_1").revoke()

    status, done, err = import_()

    assert (status, outcomes(done)) == (3, {"account_1": "login_needed", "account_2": "imported"})
    assert "ytpool auth add account_1" in done["accounts"][0]["error"]["hint"]
    assert "account_1: the login in" in err
    assert data(ytpool("todo", "--json")[1])["items"][0]["command"] == "ytpool auth add account_1"
    assert ytpool("upload", video, "--account", "account_1")[0] == 4
    assert ytpool("upload", video, "--pool", "main", "--json")[0] == 0  # the other one does it
    assert import_()[0] == 3

    browser("account_1")
    assert ytpool("auth", "add", "account_1")[0] == 0  # the client is known; no file is asked for
    row = data(ytpool("accounts", "show", "account_1", "--json")[1])
    assert (row["state"], row["channel_title"], row["priority"], row["pools"]) == ("active", "account_1", 1, ["main"])
    assert import_()[0] == 0
    assert_books_agree(ytpool, empty_sandbox)


def test_a_token_file_that_comes_later_is_taken_by_the_next_run(ytpool, import_, older, empty_sandbox):
    entry = older.account("account_1", token_file=None, enabled=False)
    assert entry.get("token_file") is None
    status, done, _ = import_()
    [account] = done["accounts"]
    assert (status, account["outcome"]) == (4, "login_needed")
    assert "token_account_1.json" in account["error"]["message"]

    (older.folder / "tokens/account_1.json").rename(older.folder / "token_account_1.json")
    status, done, _ = import_()

    assert (status, outcomes(done)) == (0, {"account_1": "imported"})
    row = data(ytpool("accounts", "show", "account_1", "--json")[1])
    assert (row["state"], row["channel_title"], row["pools"]) == ("disabled", "account_1", ["main"])
    assert_books_agree(ytpool, empty_sandbox)


def test_what_fails_at_one_account_leaves_the_others_alone(ytpool, import_, older, empty_sandbox):
    for name in ("account_1", "account_2", "account_3"):
        older.account(name)
    empty_sandbox.channel("account_2").fail("channels.list", "backendError")

    status, done, err = import_()

    assert (status, outcomes(done)) == (3, {"account_1": "imported", "account_2": "failed", "account_3": "imported"})
    assert {one["became"] for one in done["fields"] if one["account"] == "account_2"} == {"not taken"}
    assert "account_2: " in err
    status, done, _ = import_()
    assert (status, outcomes(done)["account_2"]) == (0, "imported")
    assert_books_agree(ytpool, empty_sandbox)


KILLED_AFTER = """
import os, signal, sys
from contextlib import contextmanager
from ytpool.cli.app import main
from ytpool.store.sqlite import SqliteDatabase

left, transaction = int(sys.argv[1]), SqliteDatabase.transaction

@contextmanager
def watched(self):
    global left
    with transaction(self) as tx:
        yield tx
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

SqliteDatabase.transaction = watched
sys.exit(main(sys.argv[2:]))
"""


def test_a_run_that_is_killed_is_finished_by_the_next(ytpool, import_, older, empty_sandbox):
    older.account("account_1")
    older.account("account_2")
    older.account("dead")
    empty_sandbox.channel("dead").revoke()
    older.write("quota_usage.json", {"account_1": {"date": older.today(), "quota_used": 350}})
    older.write("activity_log_account_1.json", [{"timestamp": older.now(hours=-1), "action_type": "comment"}])

    for commits in range(1, 100):
        words = [sys.executable, "-c", KILLED_AFTER, str(commits), "config", "import", str(older.config())]
        ended = subprocess.run(words, env=os.environ, cwd=ROOT, capture_output=True, check=False).returncode
        if ended != -signal.SIGKILL:
            break

    assert (ended, commits > 4) == (3, True)
    status, done, _ = import_()
    assert (status, outcomes(done)) == (3, {"account_1": "already", "account_2": "already", "dead": "login_needed"})
    rows = data(ytpool("accounts", "list", "--json")[1])["accounts"]
    assert [(row["account"], row["pools"]) for row in rows] == [
        (name, ["main"]) for name in ("account_1", "account_2", "dead")
    ]
    [bucket] = [
        one for one in data(ytpool("quota", "report", "--json")[1])["projects"][0]["buckets"] if one["elsewhere"]
    ]
    assert (bucket["bucket"], bucket["elsewhere"]) == ("general", 350)
    assert sum(one["calls"] for one in history(ytpool)) == 1
    assert ytpool("state", "check")[0] == 0


# Projects, channels, names


def test_every_project_has_a_pool_of_its_own(import_, older, empty_sandbox):
    older.account("account_1")
    older.account("account_2", "other")
    older.account("account_3")

    status, done, _ = import_("--pool", "shows")

    assert status == 0
    numbers = {
        project: empty_sandbox.project(project)["installed"]["client_id"].partition("-")[0]
        for project in ("press", "other")
    }
    assert {one["pool"]: one["accounts"] for one in done["pools"]} == {
        f"shows-{numbers['press']}": ["account_1", "account_3"],
        f"shows-{numbers['other']}": ["account_2"],
    }
    assert "Google forbids" in done["pools"][0]["why"]
    assert any("III.D.1.c" in warning for warning in done["warnings"])
    older.account("account_4", "other")
    assert import_("--pool", "shows")[1]["accounts"][3]["pool"] == f"shows-{numbers['other']}"


def test_a_pool_of_that_name_with_another_project_is_left_alone(ytpool, import_, older, sandbox):
    older.account("account_1", "other")

    status, done, _ = import_()

    assert (status, done["pools"][0]["pool"]) == (0, f"main-{done['accounts'][0]['project']}")
    members = {one["pool"]: one["accounts"] for one in data(ytpool("pools", "list", "--json")[1])["pools"]}
    assert members["main"] == ["news", "sports"]
    assert_books_agree(ytpool, sandbox)


def test_a_channel_is_taken_once(ytpool, import_, older, empty_sandbox):
    older.account("account_1", channel="The News")
    older.account("account_2", "other", channel="The News")

    status, done, _ = import_()

    assert (status, outcomes(done)) == (3, {"account_1": "imported", "account_2": "failed"})
    assert "so does account_1" in done["accounts"][1]["error"]["message"]
    assert [one["outcome"] for one in done["pools"]] == ["made", "failed"]
    assert len(data(ytpool("accounts", "list", "--json")[1])["accounts"]) == 1
    assert_books_agree(ytpool, empty_sandbox)


def test_a_channel_that_is_here_under_another_name_is_said_to_be(ytpool, import_, older, sandbox):
    older.account("account_1", channel="news")
    older.write("quota_usage.json", {"account_1": {"date": older.today(), "quota_used": 7}})

    status, done, _ = import_()

    [account] = done["accounts"]
    assert (status, account["account"], account["older_id"], account["outcome"]) == (0, "news", "account_1", "already")
    assert [(one["account"], one["added"]) for one in done["files"]] == [("news", 7)]
    assert len(data(ytpool("accounts", "list", "--json")[1])["accounts"]) == 2
    assert_books_agree(ytpool, sandbox)


def test_a_name_that_is_anothers_is_refused_and_a_newer_login_stays(ytpool, import_, older, sandbox):
    older.account("news", channel="Somebody else")
    older.account("sports")
    older.account("culture", "other")
    assert import_()[0] == 3
    before = data(ytpool("auth", "list", "--json")[1])

    status, done, _ = import_()

    assert (status, outcomes(done)) == (3, {"news": "failed", "sports": "already", "culture": "already"})
    assert "another id" in done["accounts"][0]["error"]["hint"]
    assert data(ytpool("auth", "list", "--json")[1]) == before
    older.accounts[2]["client_id"] = sandbox.project("third")["installed"]["client_id"]
    assert outcomes(import_()[1])["culture"] == "failed"
    assert_books_agree(ytpool, sandbox)


def test_a_login_for_another_channel_than_the_file_says_is_refused(ytpool, import_, older, empty_sandbox):
    older.account("account_1", channel_id=empty_sandbox.channel("Another").channel_id)

    status, done, _ = import_()

    assert (status, done["accounts"][0]["error"]["code"]) == (2, "wrong_channel")
    assert data(ytpool("accounts", "list", "--json")[1])["accounts"] == []


def test_names_become_legal_and_unknown_fields_are_told(import_, older):
    older.account("sports desk", tags=["a"], max_comments_per_hour=10)
    older.account("sports/desk", channel="second", description="the second")
    older.balancing = {"strategy": "magic", "failover_enabled": False, "quota_threshold_warning": 1000, "cooldown": 5}

    _, done, _ = import_("--dry-run")

    assert [one["account"] for one in done["accounts"]] == ["sports-desk", "sports-desk-2"]
    assert became(done, "sports desk", "id") == ("sports desk", "sports-desk")
    assert became(done, "sports desk", "tags") == ("(a list)", "nothing")
    assert became(done, "sports desk", "max_comments_per_hour") == (10, "nothing")
    assert became(done, "", "load_balancing.strategy") == ("magic", "strategy health")
    assert became(done, "", "load_balancing.failover_enabled") == (False, "nothing")
    assert became(done, "", "load_balancing.cooldown") == (5, "nothing")
    named = {name for one in older.accounts for name in one} | {f"load_balancing.{name}" for name in older.balancing}
    assert {one["field"] for one in done["fields"]} == named


# Files that are not right


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON (line 1)"),
        ("[]", "a list instead of an object"),
        ("{}", "no list"),
        ('{"accounts": []}', "empty"),
        ('{"installed": {}}', "an OAuth client"),
        ('{"refresh_token": "x"}', "ytpool auth import"),
        ('{"accounts": [{"id": "a"}, {"id": "a"}]}', "two accounts have the id 'a'"),
        ('{"accounts": [{"id": "a", "id": "b"}]}', "names 'id' twice"),
        ('{"accounts": [{"id": "a", "priority": NaN}]}', "NaN"),
        (None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_understood_changes_nothing(ytpool, older, empty_sandbox, content, said):
    path = older.folder / "absent.json" if content is None else older.write("other.json", content)

    status, out, err = ytpool("config", "import", path)

    assert (status, out) == (2, "")
    assert str(path) in err
    assert said in err
    assert data(ytpool("accounts", "list", "--json")[1])["accounts"] == []
    assert empty_sandbox.truth()["calls"] == {}


def test_what_is_wrong_with_one_account_is_said_there(import_, older, empty_sandbox):
    older.account("fine")
    older.account("no_client", client_id=None, client_secret=None)
    older.account("no_token", token_file="tokens/empty.json")
    older.account("other_client", client_id=empty_sandbox.project("other")["installed"]["client_id"])
    older.account("late", priority="soon")
    older.account(None)
    older.write("tokens/empty.json", {"token": "only"})

    status, done, _ = import_()

    assert status == 3
    assert outcomes(done) == {
        "fine": "imported",
        "no_client": "imported",  # the older tool keeps the client in the token file, too
        "no_token": "login_needed",
        "other_client": "login_needed",
        "late": "failed",
        "accounts[5]": "failed",
    }
    said = {one["account"]: one["error"]["message"] for one in done["accounts"] if one["error"]}
    assert "no refresh_token" in said["no_token"]
    assert "another OAuth client" in said["other_client"]
    assert "priority" in said["late"]


def test_files_that_others_may_read_are_warned_of(import_, older):
    entry = older.account("account_1")
    older.config()
    (older.folder / entry["token_file"]).chmod(0o644)

    _, done, _ = import_("--dry-run")

    opened, afterwards = done["warnings"]
    assert "chmod 600" in opened
    assert entry["token_file"] in opened
    assert "multi_account_config.json" not in opened
    assert "multi_account_config.json" in afterwards


# What it has counted and logged


def elsewhere(ytpool):
    [project] = data(ytpool("quota", "report", "--json")[1])["projects"]
    return {one["bucket"]: one["elsewhere"] for one in project["buckets"] if one["elsewhere"]}


def history(ytpool):
    rows = data(ytpool("activity", "report", "--json")[1])["rows"]
    return [row for row in rows if row["operation"].startswith("older.")]


def test_what_it_counted_today_is_used_elsewhere_and_other_days_are_not(ytpool, import_, older, empty_sandbox):
    for name in ("account_1", "account_2", "account_3"):
        older.account(name)
    counted = {
        "account_1": {
            older.today(days=-1): {"total_units": 4000, "last_updated": older.now(days=-1)},
            older.today(): {"total_units": 350, "operations": {"comment": 350}, "last_updated": older.now(hours=-1)},
        },
        "account_2": {"date": older.today(), "quota_used": 7},
        "account_3": {"date": older.today(days=-2), "quota_used": 9000},
        "gone": {"date": older.today(), "quota_used": 1},
    }
    older.write("downloads/quota_usage.json", counted)

    status, done, _ = import_()

    assert status == 0
    assert {one["account"]: (one["added"], one["outcome"]) for one in done["files"]} == {
        "account_1": (350, "taken"),
        "account_2": (7, "taken"),
        "account_3": (0, "ignored"),
        "gone": (0, "ignored"),
    }
    assert elsewhere(ytpool) == {"general": 357}
    counted["account_2"]["quota_used"] = 10  # the older tool went on
    older.write("downloads/quota_usage.json", counted)
    assert [one["added"] for one in import_()[1]["files"]] == [0, 3, 0, 0]
    assert elsewhere(ytpool) == {"general": 360}
    assert_books_agree(ytpool, empty_sandbox)


@pytest.mark.parametrize(
    "content", ["[1]", '{"account_1": 7}', '{"account_1": {"date": "today", "used": 1}}', '{"a": {"2026-11-20": "x"}}']
)
def test_a_count_of_an_unknown_shape_is_refused_and_the_accounts_are_taken(ytpool, import_, older, content):
    older.account("account_1")
    older.write("quota_usage.json", content)

    status, done, _ = import_()

    [file] = done["files"]
    assert (status, outcomes(done), file["outcome"]) == (3, {"account_1": "imported"}, "failed")
    assert "quota_usage.json" in file["error"]["message"]
    assert elsewhere(ytpool) == {}


def test_activity_logs_become_history_once(ytpool, import_, older, tmp_path):
    older.account("account_1")
    logs = tmp_path / "logs"
    lines = [
        {
            "timestamp": older.now(hours=-2),
            "action_type": "comment",
            "details": {"video_id": "a1b2c3d4e5f", "text": "Hi"},
        },
        {
            "timestamp": older.now(hours=-2),
            "action_type": "comment",
            "details": {"video_id": "a1b2c3d4e5f", "text": "Hi"},
        },
        {"timestamp": older.now(hours=-1), "action_type": "comment_blocked", "details": {"reason": "limit"}},
        {"timestamp": "yesterday", "action_type": "comment"},
        {"timestamp": older.now(days=3), "action_type": "comment"},
    ]
    older.write(logs / "activity_log_account_1.json", lines)
    older.write(logs / "activity_log_gone.json", {"activities": lines})
    older.write(logs / "activity_log_torn.json", '[{"timestamp"')

    status, done, _ = import_("--data", logs)

    assert status == 3
    assert [(one["file"], one["found"], one["added"], one["outcome"]) for one in done["files"]] == [
        ("activity_log_account_1.json", 3, 3, "taken"),
        ("activity_log_gone.json", 3, 0, "ignored"),
        ("activity_log_torn.json", 0, 0, "failed"),
    ]
    assert "2 lines" in done["files"][0]["detail"]
    lines.append({"timestamp": older.now(minutes=-5), "action_type": "stats"})
    older.write(logs / "activity_log_account_1.json", {"items": lines})
    assert import_("--data", logs)[1]["files"][0]["added"] == 1
    assert {(row["account"], row["operation"], row["done"], row["failed"]) for row in history(ytpool)} == {
        ("account_1", "older.comment", 2, 1),
        ("account_1", "older.stats", 1, 0),
    }
    row = data(ytpool("accounts", "show", "account_1", "--json")[1])
    assert row["success_rate"] == 1.0  # it is nobody's score
