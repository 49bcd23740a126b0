"""Browser sessions of many users: they come in as files, are lent to one program at a time, and go out again."""

import json
import os
import random
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pexpect
import pytest
from real_parts import miss, need, scaled
from schemas import fits

SECRET = "worth-a-login"
FAR = 1_899_999_999
GONE = 1_700_000_000


def cookie(name="sessionid", domain=".instagram.com", expires=FAR, **more):
    known = {"name": name, "value": f"{SECRET}-{name}", "domain": domain, "path": "/", "expires": expires}
    return {**known, "httpOnly": True, "secure": True, "sameSite": "Lax", **more}


def state(*cookies):
    return json.dumps({"cookies": list(cookies) or [cookie()], "origins": []})


def netscape(*names, domain=".facebook.com"):
    return "".join(f"#HttpOnly_{domain}\tTRUE\t/\tTRUE\t{FAR}\t{name}\t{SECRET}\n" for name in names)


@pytest.fixture
def place(ytpool, tmp_path):
    """A profile that is set up, and a folder for the files of an older program."""
    assert ytpool("init", "--yes", "--vault", "keyfile", "--zone", "UTC")[0] == 0
    folder = tmp_path / "old"
    folder.mkdir()
    return folder


@pytest.fixture
def told(ytpool):
    """Run `ytpool sessions … --json`; return its status, its data and its error."""

    def run(*words):
        status, out, err = ytpool("sessions", words[0], "--json", *words[1:])
        assert SECRET not in err
        answer = json.loads(out)
        return status, answer["data"], answer["error"]

    return run


@pytest.fixture
def bring(place, told):
    """Bring in a session, and return its id."""

    def bring(user="anna", *words, content=None):
        file = place / f"{user}-{len(list(place.iterdir()))}.json"
        file.write_text(content or state(cookie(of=file.name)))
        status, data, error = told("migrate", "--file", file, "--user", user, "--platform", "instagram", *words)
        assert status == 0, error
        return data["files"][0]["session"]

    return bring


def outcomes(data):
    return {Path(one["file"]).name: one["outcome"] for one in data["files"]}


def test_a_folder_of_an_older_program_comes_in_once_and_what_is_broken_is_named(ytpool, place, told):
    (place / "anna_instagram.json").write_text(state())
    (place / "twitter_berta.json").write_text(json.dumps([cookie("auth_token", "x.com", hostOnly=False)]))
    (place / "carl.txt").write_text(netscape("c_user", "xs"))
    (place / "dora_youtube.cookies").write_text("no cookie file")
    (place / "notes.md").write_text("nothing of ours")
    before = {file.name: file.read_bytes() for file in place.iterdir()}
    good, broken = ("anna_instagram.json", "carl.txt", "twitter_berta.json"), {"dora_youtube.cookies": "refused"}

    seen, only_listed, _ = told("migrate", "--list", place)
    dry, foreseen, _ = told("migrate", "--all", place, "--dry-run")
    nothing = told("list")[1]
    status, stored, error = told("migrate", "--all", place)
    again = told("migrate", "--all", place)[1]

    assert (seen, dry, status, error["code"]) == (0, 3, 3, "partly")
    assert outcomes(only_listed) == outcomes(foreseen) == {**dict.fromkeys(good, "would_store"), **broken}
    assert nothing == {"sessions": []}
    assert outcomes(stored) == {**dict.fromkeys(good, "stored"), **broken}
    assert outcomes(again) == {**dict.fromkeys(good, "already_stored"), **broken}
    assert [(one["user"], one["platform"], one["format"]) for one in stored["files"] if not one["error"]] == [
        ("anna", "instagram", "storage-state"),
        ("carl", "facebook", "netscape"),
        ("berta", "x", "extension"),
    ]
    assert {file.name: file.read_bytes() for file in place.iterdir()} == before
    assert len(fits("sessions-list", ytpool("sessions", "list", "--json")[1])["sessions"]) == 3
    fits("sessions-migrate", ytpool("sessions", "migrate", "--all", place, "--json")[1])


def test_files_go_only_when_told_and_only_what_is_surely_stored(place, told, tmp_path):
    (place / "anna_instagram.json").write_text(state())
    (place / "bad_instagram.json").write_text("{")
    (tmp_path / "elsewhere.json").write_text(state(cookie(value="other")))
    (place / "berta_instagram.json").symlink_to(tmp_path / "elsewhere.json")

    refused = told("migrate", "--all", place, "--delete-files")
    dry = told("migrate", "--all", place, "--delete-files", "--dry-run")
    still_there = {file.name for file in place.iterdir()}
    status, data, _ = told("migrate", "--all", place, "--delete-files", "--yes")

    assert (refused[0], refused[2]["code"], dry[0]) == (2, "usage", 3)
    assert still_there == {"anna_instagram.json", "bad_instagram.json", "berta_instagram.json"}
    assert status == 3
    assert {Path(one["file"]).name: (one["outcome"], one["deleted"]) for one in data["files"]} == {
        "anna_instagram.json": ("stored", True),
        "bad_instagram.json": ("refused", False),
        "berta_instagram.json": ("stored", False),
    }
    assert {file.name for file in place.iterdir()} == {"bad_instagram.json", "berta_instagram.json"}
    assert (place / "berta_instagram.json").read_text() == state(cookie(value="other"))


def test_a_thousand_files_some_broken_come_in_at_one_go(place, told):
    count = scaled(1000, least=60)
    for number in range(count):
        cookies = [cookie(), *(cookie(f"c{n}", value="v" * 200) for n in range(20))]
        (place / f"user{number}_instagram.json").write_text(state(*cookies) if number % 10 else '{"cookies": [{}]}')
    begun = time.monotonic()

    status, data, _ = told("migrate", "--all", place)

    refused = [one for one in data["files"] if one["outcome"] == "refused"]
    assert (status, len(data["files"])) == (3, count)
    assert {one["user"] for one in refused} == {f"user{number}" for number in range(0, count, 10)}
    assert all("cookie 1 has no text as its name" in one["error"]["message"] for one in refused)
    assert len(told("list")[1]["sessions"]) == count - len(refused)
    assert time.monotonic() - begun < 60  # one transaction, and one fsync, for each file would take minutes


def test_whenever_it_is_killed_each_session_is_in_its_file_or_in_the_vault(home, place, told):
    everyone = {f"user{number}" for number in range(scaled(1000, least=150))}
    for user in everyone:
        (place / f"{user}_instagram.json").write_text(state(cookie(value=f"of {user}")))
    move = [sys.executable, "-m", "ytpool", "sessions", "migrate", "--all", place, "--delete-files", "--yes"]
    rng, killed = random.Random(7), 0

    def in_files():
        return {file.name.partition("_")[0] for file in place.iterdir()}

    for _ in range(scaled(30, least=3)):
        before = in_files()
        with subprocess.Popen(move, env={**os.environ, "YTPOOL_HOME": str(home)}, stdout=subprocess.PIPE) as moving:
            while moving.poll() is None and in_files() == before:
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.02))
            moving.kill()
        killed += moving.returncode < 0
        assert in_files() | {one["user"] for one in told("list")[1]["sessions"]} == everyone

    assert killed
    assert told("migrate", "--all", place, "--delete-files", "--yes")[0] == 0
    assert in_files() == set()
    assert len(told("list")[1]["sessions"]) == len(everyone)
    for user in rng.sample(sorted(everyone), 20):
        assert json.loads(told("export", user)[1]["text"])["cookies"][0]["value"] == f"of {user}"


def _too_large(path):
    with path.open("wb") as file:
        file.write(b'{"cookies": [')
        file.truncate(50_000_000)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (str, "No such file"),
        (lambda path: path.write_text("no json"), "line 1 is neither JSON"),
        (lambda path: path.write_text('{"cookies": [}'), "not JSON: line 1, column 14"),
        (lambda path: path.write_text('{"cookies": []}'), "has no cookies"),
        (
            lambda path: path.write_text(state(cookie(domain=".notinstagram.com"))),
            "none of its cookies is of instagram.com",
        ),
        (lambda path: path.write_text(state(cookie("csrftoken"))), "it has no sessionid"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "no text"),
        (_too_large, "larger than any browser session"),
        (lambda path: path.mkdir(), "no file"),
        (os.mkfifo, "no file"),
        (lambda path: path.symlink_to("/dev/zero"), "no file"),
        (lambda path: path.symlink_to(path), "symbolic links"),
    ],
    ids=[
        *("missing", "no json", "broken json", "no cookies", "other domains", "not logged in"),
        *("no text", "50 MB", "a folder", "a pipe", "a device", "a loop"),
    ],
)
def test_a_file_that_is_no_session_is_refused_in_one_clear_sentence(place, told, make, says):
    file = place / "anna_instagram.json"
    make(file)

    status, data, error = told("migrate", "--file", file)

    assert (status, error["code"], data["files"][0]["outcome"]) == (2, "session_invalid", "refused")
    assert says in error["message"]
    assert told("list")[1] == {"sessions": []}


@pytest.mark.parametrize("user", ["田中太郎", "анна", "u" * 200, "anna@example.test", "- --help", "علی‌رضا"])
def test_a_name_in_any_script_comes_in_and_is_found_again(place, told, user):
    file = place / f"{user[:60]}_instagram.json"
    file.write_text(state())

    assert told("migrate", "--file", file, f"--user={user}")[0] == 0

    assert told("show", "--", f"{user}@instagram")[1]["sessions"][0]["user"] == user
    assert [one["user"] for one in told("list")[1]["sessions"]] == [user]


@pytest.mark.parametrize("user", ["../../etc/passwd", "a\x1b]0;owned\x07", "a\nb", "a\u202eb", "u" * 201, "..", " "])
def test_a_name_that_could_do_harm_is_refused_before_anything_is_read(place, told, user):
    status, _, error = told("migrate", "--file", place / "none", "--user", user, "--platform", "instagram")

    assert (status, error["code"]) == (2, "usage")
    assert error["message"].isprintable()


def test_a_file_name_that_could_do_harm_is_refused_and_the_rest_comes_in(place, told):
    (place / "a\x1b[2Jb_instagram.json").write_text(state())
    (place / os.fsdecode(b"\xff\xfe_instagram.json")).write_text(state())
    (place / "anna_instagram.json").write_text(state())

    status, data, _ = told("migrate", "--all", place)

    assert (status, sorted(one["outcome"] for one in data["files"])) == (3, ["refused", "refused", "stored"])


@pytest.mark.parametrize(
    "name", ["cookies.txt", "www.facebook.com_cookies.txt", "storage_state (1).json", "state.json"]
)
def test_what_programs_call_their_files_is_nobody_s_name(place, told, name):
    (place / name).write_text(netscape("c_user", "xs"))

    status, _, error = told("migrate", "--file", place / name)

    assert (status, error["message"]) == (2, "nothing says whose session it is")
    assert told("migrate", "--file", place / name, "--user", "anna")[1]["files"][0]["platform"] == "facebook"


def test_several_of_one_user_on_one_platform_are_told_apart(told, bring):
    first, second = bring(), bring()
    third = bring("anna", "--name", "shop")
    bring("berta")

    names = {one["session"]: one["name"] for one in told("list", "anna@instagram")[1]["sessions"]}
    taken = told("migrate", "--file", "nothing", "--user", "anna", "--platform", "instagram", "--name", "shop")
    several, found, error = told("mark", "anna", "active")

    assert names == {first: "", second: "2", third: "shop"}
    assert taken[0] == 2
    assert (several, found, error["code"]) == (2, None, "usage")
    assert f"anna@instagram is {first}, anna@instagram/2 is {second}" in error["message"]
    assert told("mark", "anna@ig/shop", "active")[1]["session"] == third
    assert told("mark", second, "active")[1]["name"] == "2"


def test_what_shows_a_session_tells_its_cookies_that_matter_and_never_what_is_in_them(ytpool, place, told, bring):
    (place / "proxy").write_text(f"http://me:{SECRET}@proxy.test:8080\n")
    (place / "proxy").chmod(0o600)
    content = state(cookie(), cookie("csrftoken", expires=-1), cookie("theme", expires=GONE))
    bring("anna", "--proxy-file", place / "proxy", "--user-agent", "Mozilla/5.0 (X11)", content=content)

    shown = ytpool("sessions", "show", "anna", "--json")
    (session,) = fits("sessions-show", shown[1])["sessions"]

    assert (session["has_proxy"], session["user_agent"], session["cookies"]) == (True, "Mozilla/5.0 (X11)", 3)
    assert (session["login_ends_at"], session["expires_at"]) == ("2030-03-17T17:46:39Z", "2023-11-14T22:13:20Z")
    assert [(mark["name"], mark["needed"], mark["expires_at"]) for mark in session["marks"]] == [
        ("sessionid", True, "2030-03-17T17:46:39Z"),
        ("csrftoken", False, None),
    ]
    for words in (("show", "anna"), ("list",), ("list", "--json"), ("show", "anna", "--json")):
        _, out, err = ytpool("sessions", *words)
        assert SECRET not in out + err
        assert "proxy.test" not in out + err
    _, lent, _ = told("checkout", "anna")
    assert lent["proxy"] == f"http://me:{SECRET}@proxy.test:8080"
    assert lent["user_agent"] == "Mozilla/5.0 (X11)"
    assert lent["storage_state"] == json.loads(content)


@pytest.mark.parametrize(
    "address", ["proxy.test:8080", "ftp://proxy.test:21", "http://proxy.test", "http://[::1", "http://a b:1"]
)
def test_a_proxy_that_is_no_address_is_refused_without_being_quoted(place, told, address):
    (place / "proxy").write_text(address)
    (place / "proxy").chmod(0o600)

    status, _, error = told("migrate", "--list", place, "--proxy-file", place / "proxy")

    assert (status, error["code"]) == (2, "usage")
    assert address not in error["message"] + error["hint"]


def test_states_are_marked_with_a_reason_and_each_has_its_error(ytpool, told, bring):
    bring()
    unsaid = told("mark", "anna", "banned")

    told("mark", "anna", "banned", "--reason", "asks for a phone number")
    banned = told("checkout", "anna")
    (to_do,) = fits("todo", ytpool("todo", "--json")[1])["items"]
    told("mark", "anna", "expired", "--reason", "logged out everywhere")
    expired = told("checkout", "anna")
    dry = told("mark", "anna", "active", "--dry-run")
    (seen,) = told("list", "--state", "expired")[1]["sessions"]
    told("mark", "anna", "active")
    nobody = told("checkout", "ana")

    assert unsaid[2]["code"] == "usage"
    assert (banned[0], banned[2]["code"]) == (6, "session_banned")
    assert "asks for a phone number" in banned[2]["message"]
    assert (to_do["kind"], to_do["name"]) == ("session_banned", "anna@instagram")
    assert (expired[0], expired[2]["code"]) == (4, "session_expired")
    assert (dry[1]["state"], seen["reason"]) == ("active", "logged out everywhere")
    assert (nobody[0], nobody[2]["code"]) == (2, "session_not_found")
    assert "did you mean anna" in nobody[2]["message"]
    assert told("checkout", "anna")[0] == 0


def test_a_deleted_session_is_gone_with_cookies_and_proxy_and_its_name_with_it(home, ytpool, place, told, bring):
    (place / "proxy").write_text("http://me:word@proxy.test:8080\n")
    (place / "proxy").chmod(0o600)
    lost = bring("anna", "--proxy-file", place / "proxy")
    bring("berta")
    told("mark", "anna", "banned", "--reason", "shut out for good")
    would = ytpool("sessions", "delete", "anna", "--dry-run", "--json")
    there = told("show", "anna")[0]
    unsaid = told("delete", "anna")

    status, out, _ = ytpool("sessions", "delete", lost, "--yes", "--json")

    assert (would[0], there, fits("sessions-delete", would[1])["dry_run"]) == (0, 0, True)
    assert (unsaid[0], unsaid[2]["code"]) == (2, "usage")
    assert "anna@instagram, which is banned" in unsaid[2]["message"]
    assert (status, [one["session"] for one in fits("sessions-delete", out)["sessions"]]) == (0, [lost])
    assert [one["user"] for one in told("list")[1]["sessions"]] == ["berta"]
    assert told("show", lost)[2]["code"] == "session_not_found"
    with closing(sqlite3.connect(home / "default" / "state.db")) as state:
        assert [owner for (owner,) in state.execute("SELECT owner FROM secrets WHERE owner = ?", (lost,))] == []
        deeds = state.execute("SELECT operation, account, outcome, detail FROM activity").fetchall()
    assert deeds == [("sessions.delete", "", "done", f"{lost}, of instagram")]
    assert ytpool("activity", "report", "--json")[0] == 0
    assert json.loads(ytpool("health", "--only", "sessions", "--json")[1])["data"]["status"] == "pass"


def test_all_that_is_named_is_deleted_or_nothing_and_never_what_somebody_has(told, bring):
    first, _ = bring("anna"), bring("anna")
    bring("berta")
    bring("anna@instagram")
    number = told("checkout", "berta")[1]["number"]

    busy = told("delete", "anna", "berta", "--yes")
    two_people = told("delete", "anna@instagram", "--yes")
    kept = len(told("list")[1]["sessions"])
    told("release", "berta", "--number", number)
    gone = told("delete", "anna", "berta", first, "--yes")

    assert (busy[0], busy[2]["code"]) == (6, "session_busy")
    assert (two_people[0], two_people[2]["code"]) == (2, "usage")
    assert first in two_people[2]["message"]
    assert kept == 4
    assert (gone[0], len(gone[1]["sessions"])) == (0, 3)
    assert [one["user"] for one in told("list")[1]["sessions"]] == ["anna@instagram"]


def test_a_person_at_a_terminal_is_asked_before_a_session_is_deleted(home, told, bring):
    bring()
    environment = {**os.environ, "YTPOOL_HOME": str(home)}

    def answer(word):
        command = ["-m", "ytpool", "sessions", "delete", "anna"]
        with pexpect.spawn(sys.executable, command, env=environment, timeout=20, encoding="utf-8") as child:
            child.expect_exact("Delete anna@instagram, which is active, for good")
            child.sendline(word)
            child.expect(pexpect.EOF)
            child.close()
            return child.exitstatus

    assert (answer("n"), len(told("list")[1]["sessions"])) == (130, 1)
    assert (answer("y"), told("list")[1]["sessions"]) == (0, [])


def test_a_login_that_is_over_is_stored_as_expired_until_new_cookies_come(place, told, bring):
    session = bring(content=state(cookie(expires=GONE)))
    refused = told("checkout", "anna")
    in_vain = told("mark", "anna", "active")
    new = place / "new.json"
    new.write_text(state())
    renew = ("migrate", "--renew", "--file", new, "--user", "anna", "--platform", "instagram")

    dry = told(*renew, "--dry-run")[1]["files"][0]
    renewed = told(*renew)[1]["files"][0]

    assert (refused[2]["code"], in_vain[2]["code"]) == ("session_expired", "session_expired")
    assert "migrate --renew" in refused[2]["hint"]
    assert (dry["outcome"], dry["state"]) == ("would_renew", "active")
    assert (renewed["outcome"], renewed["session"], renewed["state"]) == ("renewed", session, "active")
    assert told("checkout", "anna")[0] == 0


@pytest.fixture
def careless():
    """A shell in which every new file is for everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("careless")
def test_a_session_is_with_one_at_a_time_and_comes_back_with_what_its_cookies_became(ytpool, place, told, bring):
    session = bring()
    file = place / "out" / "state.json"
    file.parent.mkdir()

    lent = fits("sessions-checkout", ytpool("sessions", "checkout", "anna", "--to", file, "--json")[1])
    busy = told("checkout", "anna@instagram", "--holder", "somebody else")
    held = told("show", "anna")[1]["sessions"][0]
    (place / "new.json").write_text(state(cookie(value="meanwhile")))
    renew = ("--renew", "--file", place / "new.json", "--user", "anna", "--platform", "instagram")
    renewed = told("migrate", *renew)
    file.write_text(state(cookie(value="rotated")))
    back = ytpool("sessions", "release", session, "--number", lent["number"], "--from", file, "--json")

    assert (lent["storage_state"], lent["path"]) == (None, str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["state.json"]
    assert (busy[0], busy[2]["code"], busy[2]["details"]["until"][:16]) == (6, "session_busy", held["held_until"][:16])
    assert (held["holder"], held["number"]) == (lent["holder"], lent["number"])
    assert renewed[2]["code"] == "session_busy"
    assert fits("sessions-release", back[1])["replaced"]
    assert told("checkout", "anna")[1]["storage_state"]["cookies"][0]["value"] == "rotated"


def test_who_is_late_and_was_followed_changes_nothing_any_more(place, told, bring):
    bring()
    old = place / "old.json"
    old.write_text(state(cookie(value="stale")))
    first = told("checkout", "anna", "--for", "1m")[1]["number"]
    told("release", "anna", "--number", first)
    second = told("checkout", "anna")[1]["number"]

    late = told("release", "anna", "--number", first, "--from", old, "--as", "ok")
    twice = told("release", "anna", "--number", second), told("release", "anna", "--number", second)

    assert second == first + 1
    assert (late[0], late[2]["code"]) == (1, "hold_lost")
    assert (twice[0][0], twice[1][2]["code"]) == (0, "hold_lost")
    assert told("checkout", "anna")[1]["storage_state"]["cookies"][0]["value"] != "stale"


def test_cookies_that_are_no_login_any_more_are_refused_and_nothing_is_lost(place, told, bring):
    bring()
    number = told("checkout", "anna")[1]["number"]
    file = place / "logged-out.json"

    for content in (state(cookie("csrftoken")), state(cookie(expires=GONE)), "{", state(cookie(domain="x.com"))):
        file.write_text(content)
        status, _, error = told("release", "anna", "--number", number, "--from", file)
        assert (status, error["code"]) == (2, "session_invalid")

    assert told("show", "anna")[1]["sessions"][0]["number"] == number
    assert told("release", "anna", "--number", number)[1]["replaced"] is False


@pytest.mark.parametrize(
    ("outcome", "status", "code"), [("expired", 4, "session_expired"), ("banned", 6, "session_banned")]
)
def test_what_a_holder_found_is_the_session_s_state_from_then_on(told, bring, outcome, status, code):
    bring()
    number = told("checkout", "anna", "--holder", "night run")[1]["number"]

    told("release", "anna", "--number", number, "--as", outcome, "--reason", "met a wall")

    (seen,) = told("list")[1]["sessions"]
    assert (seen["state"], seen["holder"]) == (outcome, "")
    assert "says night run: met a wall" in seen["reason"]
    assert (told("checkout", "anna")[0], told("checkout", "anna")[2]["code"]) == (status, code)


def test_of_several_the_one_that_was_left_alone_for_longest_is_lent(told, bring):
    mine = [bring(), bring(), bring()]
    told("mark", mine[1], "expired", "--reason", "as told")

    lent = [told("checkout", "anna")[1]["session"] for _ in range(2)]
    busy = told("checkout", "anna")
    told("release", lent[0], "--number", 1)

    assert (lent, busy[2]["code"]) == ([mine[0], mine[2]], "session_busy")
    assert told("checkout", "anna")[1]["session"] == mine[0]


def test_where_it_cannot_be_written_nothing_is_lent(place, told, bring):
    proxy = place / "proxy"
    proxy.write_text("http://127.0.0.1:3128")
    proxy.chmod(0o600)
    bring("anna", "--proxy-file", proxy)
    files = sorted(place.iterdir())

    for path in (place / "missing" / "state.json", place):
        status, _, error = told("checkout", "anna", "--to", path)
        assert (status, error["code"]) == (2, "file_invalid")
    assert told("checkout", "anna", "--to", place / "state.json", "--proxy-to", place)[0] == 2
    assert told("checkout", "anna", "--to", place, "--proxy-to", place / "address")[0] == 2

    assert told("show", "anna")[1]["sessions"][0]["holder"] == ""
    assert sorted(place.iterdir()) == files


def test_of_many_processes_that_ask_at_once_one_gets_it(home, bring):
    bring()
    ask = [sys.executable, "-m", "ytpool", "sessions", "checkout", "anna", "--json"]

    asking = [
        subprocess.Popen(ask, stdout=subprocess.PIPE, env={**os.environ, "YTPOOL_HOME": str(home)}, text=True)
        for _ in range(scaled(20, least=6))
    ]
    answers = [json.loads(one.communicate()[0]) for one in asking]

    assert sum(answer["ok"] for answer in answers) == 1
    assert {answer["error"]["code"] for answer in answers if not answer["ok"]} == {"session_busy"}
    assert sorted(one.returncode for one in asking) == [0] + [6] * (len(asking) - 1)


def test_what_is_printed_for_a_program_is_that_and_nothing_else(ytpool, bring):
    bring()

    status, out, err = ytpool("sessions", "checkout", "anna")
    exported = ytpool("sessions", "export", "anna")
    netscape = ytpool("sessions", "export", "anna", "--format", "netscape")

    assert (status, json.loads(out)) == (0, json.loads(exported[1]))
    assert "ytpool sessions release" in err
    assert netscape[1].splitlines()[1].startswith("#HttpOnly_.instagram.com\tTRUE\t/\tTRUE\t1899999999\tsessionid\t")


def test_an_export_is_for_its_owner_s_eyes_and_comes_in_elsewhere_as_the_same(place, told, bring):
    bring()
    file = place / "berta_instagram.txt"
    file.write_text("an older one, which others may read")
    file.chmod(0o644)

    _, exported, _ = told("export", "anna", "--format", "netscape", "--to", file)
    status, data, _ = told("migrate", "--file", file)

    assert (exported["text"], exported["cookies"]) == (None, 1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (status, data["files"][0]["user"], data["files"][0]["platform"]) == (0, "berta", "instagram")


class _Site(BaseHTTPRequestHandler):
    """A platform of one page: who comes with the cookie is at home, who logs in gets it."""

    hasty = "<script>setTimeout(() => document.forms[0].submit(), 300)</script>"

    def do_GET(self):
        at_home = f"sid={SECRET}" in self.headers.get("Cookie", "")
        page = "<h1>at home</h1>" if at_home else '<form method="post"><button>Log in</button></form>'
        self._answer(200, page + (self.hasty if self.path == "/hasty" and not at_home else ""))

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(303, "", ("Location", "/"), ("Set-Cookie", f"sid={SECRET}; HttpOnly; Max-Age=86400; SameSite=Lax"))

    def _answer(self, status, page, *headers):
        self.send_response(status)
        for name, value in (*headers, ("Content-Type", "text/html"), ("Content-Length", str(len(page)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def _site():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def browser():
    """Chromium, where Playwright can drive it."""
    found = need("chromium")
    if find_spec("playwright") is None:
        miss("Playwright is not installed (pip install playwright)")
    return found


def test_a_login_in_a_real_browser_goes_through_the_vault_and_is_a_login_in_the_next_browser(place, told, browser):
    from playwright.sync_api import sync_playwright

    file, out = place / "anna_our-site.json", place / "out.json"
    with _site() as url, sync_playwright() as driver, driver.chromium.launch(executable_path=browser) as chrome:
        page = chrome.new_page()
        page.goto(url)
        page.get_by_role("button").click()
        page.evaluate("localStorage.setItem('theme', 'dark')")
        page.context.storage_state(path=file)

        status, data, error = told("migrate", "--file", file, "--user", "anna", "--platform", "our-site")
        lent = told("checkout", "anna", "--to", out)[1]
        again = chrome.new_context(storage_state=out).new_page()
        again.goto(url)

        assert (status, data["files"][0]["outcome"]) == (0, "stored"), error
        assert again.inner_text("h1") == "at home"
        assert again.evaluate("localStorage.getItem('theme')") == "dark"
        again.context.storage_state(path=out)
        assert told("release", "anna", "--number", lent["number"], "--from", out)[1]["replaced"]


@pytest.fixture
def window(browser, tmp_path, monkeypatch):
    """A Chromium that believes in its windows where there is no screen; without this nobody could see one here."""
    program = tmp_path / "chromium"
    program.write_text(f'#!/bin/sh\nexec {browser} --headless=new "$@"\n')
    program.chmod(0o700)
    monkeypatch.setenv("YTPOOL_BROWSER_EXECUTABLE", str(program))
    monkeypatch.setenv("DISPLAY", ":0")


@pytest.mark.usefixtures("place", "window")
def test_a_person_logs_in_in_a_window_and_once_more_when_it_is_over(home, ytpool, told):
    with (home / "default" / "config.toml").open("a") as settings:
        settings.write('\n[platforms.our-site]\ncookies = ["sid"]\n')
    with _site() as url:
        login = ("capture", "anna", "--platform", "our-site", "--url", f"{url}hasty")
        nobody, _, error = told("capture", "anna", "--platform", "our-site", "--url", url, "--within", "1s")
        first = fits("sessions-capture", ytpool("sessions", *login, "--json")[1])
        told("mark", "anna", "expired", "--reason", "logged out everywhere")
        again = told(*login)[1]
        number = told("checkout", "anna")[1]["number"]
        busy = told(*login)

    assert (nobody, error["code"]) == (4, "login_failed")
    assert (first["renewed"], first["state"], first["cookies"]) == (False, "active", 1)
    assert "Chrome/" in first["user_agent"]
    assert (again["renewed"], again["session"], again["state"]) == (True, first["session"], "active")
    assert (number, busy[2]["code"]) == (2, "session_busy")


@pytest.mark.usefixtures("place")
def test_where_there_is_no_screen_or_nobody_knows_what_a_login_is_nothing_is_begun(told, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    if find_spec("playwright") is not None:
        status, _, error = told("capture", "anna", "--platform", "instagram")
        assert (status, error["code"]) == (4, "login_failed")
        assert "sessions migrate" in error["hint"]
    assert told("capture", "anna", "--platform", "our-site", "--url", "http://127.0.0.1:9/")[2]["code"] == "usage"
    assert told("capture", "anna", "--platform", "instagram", "--dry-run")[1]["session"] is None
    for way in (("--platform", "instagram"), ("--platform", "instagram", "--url", "https://platform.example/")):
        status, _, error = told("capture", "anna", *way, "--profile", "sandbox")
        assert (status, error["code"], "never leaves this machine" in error["message"]) == (2, "usage", True)
