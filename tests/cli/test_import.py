"""Coming from the older multi-account tool: its folder in, our books out, through the front door."""

import json
from datetime import timedelta

import pytest
from newsroom import assert_books_agree

from ytpool.sandbox.control import Control


def told(out):
    return json.loads(out.splitlines()[-1])


def data(out):
    return told(out)["data"]


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
        path = f"tokens/{older_id}.json".replace(" ", "_")
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
        return status, data(out), err

    return run


def outcomes(done):
    return {one["account"]: one["outcome"] for one in done["accounts"]}


def became(done, account, field):
    [found] = [one for one in done["fields"] if (one["account"], one["field"]) == (account, field)]
    return found["value"], found["became"]


def test_play(ytpool, older, empty_sandbox, monkeypatch):
    older.account("account_1", description="main", max_comments_per_hour=10)
    older.account("sports desk")
    older.account("culture", "other", enabled=False)
    older.account("dead")
    empty_sandbox.channel("dead").revoke()
    older.account("lost", token_file="nowhere.json")
    older.account("wrong", priority=-3)
    older.write("quota_usage.json", {"account_1": {older.today(): {"total_units": 350, "operations": {"comment": 350}, "last_updated": older.now(hours=-1)}}})
    older.write("activity_log_account_1.json", [{"timestamp": older.now(hours=-1), "action_type": "comment", "details": {"video_id": "a1b2c3d4e5f"}}])
    path = older.config(description="x")
    path.chmod(0o644)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    for width in ("80", "200"):
        monkeypatch.setenv("COLUMNS", width)
        print(ytpool("config", "import", path, "--dry-run")[1])
    status, out, err = ytpool("config", "import", path)
    print(status, out, err)
    status, out, err = ytpool("config", "import", path)
    print(status, out, err)
    print(ytpool("accounts", "list")[1], ytpool("pools", "list")[1], ytpool("quota", "report")[1], ytpool("activity","report")[1])
    assert_books_agree(ytpool, empty_sandbox)
    assert 0
