"""The whole arrangement as a file: written, wiped, brought back; and files that cannot be applied."""

import os
import sqlite3
from contextlib import closing

import pytest
from jsonschema import Draft202012Validator
from newsroom import assert_books_agree, start
from told import data, told
from waiting import wait_until

from ytpool import data as schemas


@pytest.fixture
def arranged(ytpool, sandbox):
    """An arrangement with something of everything."""
    secrets, token = sandbox.secrets_file("other"), sandbox.token_file("culture", "other")
    assert ytpool("auth", "import", "culture", "--client-secrets", secrets, "--token", token)[0] == 0
    for words in (
        ("accounts", "set", "news", "--cap", "uploads=5", "--cap", "comments=0", "--label", "region=eu", "--slots", 2),
        ("accounts", "set", "sports", "--tier", "reserve", "--label", 'say="so" \\o/'),
        ("accounts", "disable", "culture", "--reason", "rights unclear"),
        (
            "pools",
            "set",
            "main",
            "--strategy",
            "round_robin",
            "--add",
            "culture",
            "--across-projects",
            "--reason",
            "two",
        ),
        ("pools", "set", "side", "--add", "sports"),
        ("projects", "set", "press", "--limit", "uploads=50"),
    ):
        assert ytpool(*words)[0] == 0
    return sandbox


@pytest.fixture
def export(ytpool, tmp_path):
    def run(name="pool.toml"):
        assert ytpool("accounts", "export", "--output", tmp_path / name)[0] == 0
        return tmp_path / name

    return run


@pytest.fixture
def apply(ytpool, tmp_path):
    """Apply a file's text; return status and what was told."""

    def run(text, *words):
        path = tmp_path / "wish.toml"
        path.write_text(text)
        status, out, _ = ytpool("accounts", "apply", path, *words, "--json")
        return status, told(out)

    return run


def rows(home, table, where="1 = 1"):
    with closing(sqlite3.connect(home / "default/state.db")) as state:
        return state.execute(f"SELECT * FROM {table} WHERE {where}").fetchall()


@pytest.mark.usefixtures("arranged")
def test_an_arrangement_that_was_wiped_comes_back_to_the_byte(ytpool, export):
    kept = export()
    assert ytpool("accounts", "export")[1] == kept.read_text()
    for word in ("secret", "token"):
        assert word not in kept.read_text().removeprefix(kept.read_text().partition("\n\n")[0])

    assert (
        ytpool("accounts", "set", "news", "sports", "--tier", "production", "--cap", "none", "--unlabel", "region")[0]
        == 0
    )
    assert ytpool("accounts", "set", "news", "sports", "--slots", 7, "--unlabel", "say", "--label", "extra=1")[0] == 0
    assert ytpool("accounts", "enable", "culture")[0] == 0
    assert ytpool("accounts", "drain", "news")[0] == 0
    assert (
        ytpool("pools", "set", "main", "--remove", "culture", "--remove", "news", "--one-project", "--reason", "")[0]
        == 0
    )
    assert ytpool("pools", "set", "third", "--add", "news")[0] == 0
    assert ytpool("projects", "set", "press", "--limit", "uploads=default", "--limit", "search=1")[0] == 0

    status, out, _ = ytpool("accounts", "apply", kept, "--prune", "--yes", "--dry-run", "--json")
    assert (status, data(out)["dry_run"]) == (0, True)
    shown = data(out)["changes"]
    assert {"what": "account", "name": "culture", "field": "state", "before": "active", "after": "disabled"} in shown
    assert {"what": "pool", "name": "third", "field": "", "before": "there", "after": None} in shown
    assert ytpool("accounts", "apply", kept, "--prune", "--json")[0] == 2  # it removes, and nobody can be asked
    status, out, _ = ytpool("accounts", "apply", kept, "--prune", "--yes", "--json")

    assert (status, data(out)["changes"]) == (0, shown)
    assert export("again.toml").read_bytes() == kept.read_bytes()
    assert data(ytpool("accounts", "apply", kept, "--prune", "--json")[1])["changes"] == []
    assert ytpool("state", "check")[0] == 0


def test_a_machine_that_is_built_anew_says_what_it_still_needs_and_then_is_the_same(
    ytpool, arranged, export, monkeypatch, video
):
    kept = export()
    monkeypatch.setenv("YTPOOL_PROFILE", "rebuilt")
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0

    status, out, _ = ytpool("accounts", "apply", kept, "--json")

    assert status == 0
    assert [one["account"] for one in data(out)["logins_needed"]] == ["news", "sports"]
    assert ytpool("upload", video, "--account", "news")[0] == 4
    status, out, _ = ytpool("auth", "add", "news", "--json")
    assert (status, told(out)["error"]["code"]) == (2, "client_secrets_invalid")
    assert "--client-secrets FILE" in told(out)["error"]["hint"]
    wrong = ("--client-secrets", arranged.secrets_file(), "--token", arranged.token_file("sports"))
    assert told(ytpool("auth", "import", "news", *wrong, "--json")[1])["error"]["code"] == "wrong_channel"
    for name, project in (("news", "press"), ("sports", "press"), ("culture", "other")):
        words = ("--client-secrets", arranged.secrets_file(project), "--token", arranged.token_file(name, project))
        assert ytpool("auth", "import", name, *words)[0] == 0
    assert export("again.toml").read_bytes() == kept.read_bytes()
    assert ytpool("upload", video, "--pool", "side")[0] == 0
    assert len(arranged.videos_on("sports")) == 1


@pytest.mark.usefixtures("sandbox")
def test_what_a_file_does_not_name_stays_as_it_is(ytpool, apply):
    assert ytpool("accounts", "set", "news", "--cap", "uploads=5", "--label", "region=eu")[0] == 0

    status, answer = apply("[accounts.news]\npriority = 3\n[accounts.news.labels]\ndesk = 'night'\n")

    assert (status, [change["field"] for change in answer["data"]["changes"]]) == (0, ["priority", "labels.desk"])
    news, sports = data(ytpool("accounts", "list", "--json")[1])["accounts"]
    assert (news["priority"], news["caps"]) == (3, {"uploads": 5})
    assert news["labels"] == {"desk": "night", "region": "eu"}
    assert (sports["priority"], sports["pools"]) == (20, ["main"])
    assert apply("[pools.main]\nstrategy = 'random'\n", "--prune")[0] == 0  # no section of accounts: none is removed
    assert [one["account"] for one in data(ytpool("accounts", "list", "--json")[1])["accounts"]] == ["news", "sports"]


@pytest.mark.usefixtures("arranged")
def test_what_scripts_read_of_an_arrangement_fits_the_schemas(ytpool, apply):
    assert ytpool("pause", "--reason", "lunch")[0] == 0
    for name, found in [
        ("accounts-list", data(ytpool("accounts", "list", "--json")[1])),
        ("accounts-list", data(ytpool("accounts", "set", "news", "--priority", 1, "--json")[1])),
        ("accounts-drain", data(ytpool("accounts", "drain", "news", "--json")[1])),
        ("pools-list", data(ytpool("pools", "list", "--json")[1])),
        ("projects-list", data(ytpool("projects", "list", "--json")[1])),
        ("accounts-apply", apply("[accounts.news]\nstate = 'active'\n[accounts.news.caps]\nuploads = 9\n")[1]["data"]),
    ]:
        Draft202012Validator(schemas.load(f"schemas/{name}.json")).validate(found)


@pytest.mark.usefixtures("arranged")
def test_everything_that_is_wrong_with_a_file_is_told_at_once_and_nothing_is_changed(export, apply):
    before = export().read_bytes()

    status, answer = apply(
        """\
[accounts.news]
tier = "production"
tier = "reserve"
slots = 0
project = "other"
colour = "red"
[accounts.sports]
priority = 1
[accounts.sports]
priority = 2
[accounts.sports.caps]
thumbnails = 3
[accounts.stranger]
priority = 1
[accounts."two words"]
[projects.press]
number = "1"
limits = { upload = 3, uploads = -1 }
[pools.main]
accounts = ["news", "nobody", "news"]
strategy = "fastest"
[pools.side]
accounts = ["sports", "nobody"]
[bools.main]
"""
    )

    assert (status, answer["error"]["code"]) == (2, "arrangement_invalid")
    for says in (
        "line 3: tier: is there twice",
        "line 4: accounts.news.slots: is a whole number from 1 to 1000",
        "line 5: accounts.news.project: news is of project press here",
        "line 6: accounts.news.colour: is not known",
        "line 9: accounts.sports: is there twice",
        "stranger is not here, and the file does not say its project and client_id",
        "cannot be an account's name",
        "press is another project here",
        "projects.press.limits: has -1 for uploads",
        "line 20: pools.main.accounts: names news twice",
        "line 21: pools.main.strategy: is health, round_robin",
        "line 23: pools.side.accounts: account nobody is neither here nor in the file",
        "line 24: bools: is not known",
        "nothing was changed",
    ):
        assert says in answer["error"]["hint"], answer["error"]["hint"]
    assert export().read_bytes() == before


@pytest.mark.usefixtures("arranged")
def test_a_pool_over_several_projects_is_no_more_allowed_in_a_file_than_elsewhere(export, apply):
    before = export().read_bytes()

    status, answer = apply('[pools.main]\nacross_projects = false\n[pools.side]\naccounts = ["culture", "sports"]\n')

    assert (status, len(answer["error"]["details"]["faults"])) == (2, 2)
    assert "III.D.1.c" in answer["error"]["hint"]
    assert export().read_bytes() == before
    assert apply('[pools.side]\naccounts = ["culture", "sports"]\nacross_projects = true\nreason = "x"\n')[0] == 0


def test_an_account_that_goes_is_ended_at_google_and_leaves_no_secret_behind(ytpool, sandbox, apply, home, video):
    assert ytpool("upload", video, "--account", "sports")[0] == 0
    [published] = sandbox.videos_on("sports")
    assert rows(home, "secrets", "owner = 'sports'")

    status, answer = apply("[accounts.news]\n[pools.main]\n[projects.press]\n", "--prune", "--yes")

    assert (status, answer["data"]["notes"]) == (0, [])
    assert sandbox.calls("revoke") == 1
    assert rows(home, "secrets", "owner = 'sports'") == []
    assert [one["account"] for one in data(ytpool("accounts", "list", "--json")[1])["accounts"]] == ["news"]
    assert data(ytpool("pools", "show", "main", "--json")[1])["accounts"] == ["news"]
    for words in (("queue", "list", "--all"), ("activity", "report"), ("quota", "report"), ("todo",), ("health",)):
        assert ytpool(*words)[0] == 0, words
    [done] = data(ytpool("queue", "list", "--all", "--json")[1])["jobs"]
    assert (done["account"], done["video_id"]) == ("sports", published["id"])
    assert ytpool("why", done["job"])[0] == 0
    assert_books_agree(ytpool, sandbox)
    again = ("--client-secrets", sandbox.secrets_file(), "--token", sandbox.token_file("sports"))
    assert ytpool("auth", "import", "sports", *again)[0] == 0
    assert_books_agree(ytpool, sandbox)


def test_an_account_whose_login_cannot_be_ended_waits_out_of_service_for_the_same_command(
    ytpool, sandbox, apply, home, video
):
    sandbox.control.add_fault(method="revoke", kind="error", error="backendError")

    status, answer = apply("[accounts.news]\n", "--prune", "--yes")

    assert (status, answer["ok"]) == (1, False)
    assert "sports is out of service and not removed yet" in answer["data"]["notes"][0]
    assert rows(home, "secrets", "owner = 'sports'")
    assert ytpool("upload", video, "--account", "sports", "--dry-run")[0] == 6
    assert apply("[accounts.news]\n", "--prune", "--yes")[0] == 0
    assert rows(home, "secrets", "owner = 'sports'") == []
    assert (ytpool("accounts", "show", "sports")[0], sandbox.calls("revoke")) == (2, 2)


def test_a_process_that_dies_while_it_ends_a_login_leaves_an_account_that_goes_with_the_same_command(
    ytpool, sandbox, apply, tmp_path, home
):
    sandbox.holds_back("revoke")
    (tmp_path / "wish.toml").write_text("[accounts.news]\n")
    process = start("accounts", "apply", tmp_path / "wish.toml", "--prune", "--yes", env=os.environ)
    wait_until(lambda: sandbox.calls("revoke"))
    process.kill()
    process.communicate()
    assert data(ytpool("accounts", "show", "sports", "--json")[1])["state"] == "disabled"

    status, answer = apply("[accounts.news]\n", "--prune", "--yes")

    assert (status, answer["data"]["notes"]) == (0, [])
    assert rows(home, "secrets", "owner = 'sports'") == []
    assert sandbox.calls("revoke") == 2


def test_an_account_is_not_removed_while_its_job_runs_or_waits(ytpool, sandbox, apply, video, make_video):
    sandbox.channel("sports").holds_back("upload.final")
    process = start("upload", video, "--account", "sports", "--json", env=os.environ)
    wait_until(lambda: sandbox.calls("videos.insert"))

    status, answer = apply("[accounts.news]\n", "--prune", "--yes")

    assert (status, answer["error"]["code"]) == (6, "busy")
    assert answer["error"]["message"].startswith("sports is not removed: it has 1 unfinished job")
    assert "ytpool accounts drain sports" in answer["error"]["hint"]
    sandbox.goes_on()
    with process:
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, data(out)["state"]) == (0, "done")
    assert ytpool("accounts", "disable", "sports")[0] == 0
    assert ytpool("upload", make_video("b.mp4"), "--account", "sports")[0] == 6
    status, answer = apply("[accounts.news]\n", "--prune", "--yes")
    assert (status, answer["error"]["details"]["jobs"]) == (6, [_only_job(ytpool)])
    assert ytpool("queue", "cancel", _only_job(ytpool))[0] == 0
    assert apply("[accounts.news]\n", "--prune", "--yes")[0] == 0
    assert_books_agree(ytpool, sandbox)


def _only_job(ytpool):
    [job] = data(ytpool("queue", "list", "--json")[1])["jobs"]
    return job["job"]
