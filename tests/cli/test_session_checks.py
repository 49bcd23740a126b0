"""A platform of our own does to sessions what platforms do: each is told apart, over HTTP and in a real Chromium."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import platform_site
import pytest
from certificates import certificates
from chromium import logged_in
from newsroom import start
from schemas import fits

SURE = {
    "in": ("alive", "active"),
    "out": ("logged_out", "expired"),
    "unauthorised": ("logged_out", "expired"),
    "form": ("logged_out", "expired"),
    "rotated": ("rotated", "expired"),
    "ended": ("rotated", "expired"),
    "checkpoint": ("checkpoint", "banned"),
    "banned": ("checkpoint", "banned"),
}
"""What the platform does, what is found, and the state it proves."""

UNSURE = {
    "refused": "unclear",
    "endless": "unclear",
    "unsafe": "unclear",
    "elsewhere": "unclear",
    "download": "unclear",
    "huge": "unclear",
    "slow page": "unclear",
    "silent": "network",
    "drip": "network",
    "hangs up": "network",
}


@pytest.fixture
def site():
    with platform_site.running(login_takes=10) as site:
        yield site


@pytest.fixture
def pool(ytpool, home, tmp_path, site):
    """A profile that knows the platform `our`, and the way to bring sessions in and have them looked at."""
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0

    class Pool:
        def knows(self, platform, url):
            with (home / "default" / "config.toml").open("a") as settings:
                settings.write(f'\n[platforms.{platform}]\nurl = "{url}"\ncookies = ["{platform_site.COOKIE}"]\n')

        def add(self, user, state, *more, platform="our"):
            path = tmp_path / f"{user}.json"
            path.write_text(json.dumps(state))
            status, _, err = ytpool(
                "sessions", "migrate", "--file", path, "--user", user, "--platform", platform, *more
            )
            assert status == 0, err

        def check(self, *words):
            status, out, _ = ytpool("sessions", "check", *words, "--json")
            return status, {one["user"]: one for one in fits("sessions-check", out)["sessions"]}

        def states(self):
            found = json.loads(ytpool("sessions", "list", "--json")[1])["data"]["sessions"]
            return {one["user"]: (one["found"], one["state"]) for one in found}

    pool = Pool()
    pool.knows("our", site.home)
    return pool


def test_everything_a_platform_does_is_told_apart_and_the_slow_login_page_is_never_fetched(pool, site):
    for mood in SURE:
        pool.add(mood, site.state(mood=mood))

    status, found = pool.check()

    assert status == 7  # for two of them a person has to act
    assert {user: (one["finding"], one["state"]) for user, one in found.items()} == SURE
    assert pool.states() == SURE
    assert not {"/login", "/checkpoint/1501/", "/account/suspended"} & set(site.paths())
    assert max(one["seconds"] for one in found.values()) < 9  # of the ten that it takes


def test_what_proves_nothing_changes_nothing_and_is_said(pool, site):
    for mood in UNSURE:
        pool.add(mood, site.state(mood=mood))
    began = time.monotonic()

    status, found = pool.check("--within", "1")

    assert status == 3
    assert time.monotonic() - began < 12  # of the fifteen for which the platform would keep each of them
    assert {user: one["finding"] for user, one in found.items()} == UNSURE
    assert pool.states() == {mood: (finding, "active") for mood, finding in UNSURE.items()}
    assert len(site.visits) < 3 * len(UNSURE)


def test_what_a_real_browser_left_is_told_apart_over_http_and_in_a_browser_before_a_page_is_there(pool, site):
    site.login_takes = 0
    left = logged_in(f"{site.url}/login")
    site.login_takes = 10
    assert [cookie["name"] for cookie in left["cookies"]] == [platform_site.COOKIE]
    for mood in (*SURE, "scripted", "drawn"):
        of_this_mood = {**left["cookies"][0], "value": site.log_in(mood)}
        pool.add(mood, {**left, "cookies": [of_this_mood]})

    # Generous, for a machine that has much else to do: who waits for the login page takes ten seconds.
    over_http = pool.check("--dry-run", "--within", "30")[1]
    in_a_browser = pool.check("--dry-run", "--within", "30", "--browser")[1]

    by_scripts = {"scripted": ("logged_out", "expired"), "drawn": ("logged_out", "expired")}
    unseen = dict.fromkeys(by_scripts, ("alive", "active"))
    for found, expected in ((over_http, SURE | unseen), (in_a_browser, SURE | by_scripts)):
        assert {user: (one["finding"], one["state"]) for user, one in found.items()} == expected
        assert max(one["seconds"] for one in found.values()) < 9
    assert set(pool.states().values()) == {("", "active")}


def test_a_file_that_no_browser_wrote_keeps_nobody_from_being_looked_at(pool, site):
    strange = (
        {"sameSite": 7},
        {"sameSite": {"is": "Lax"}},
        {"expires": 10**400},
        {"partitionKey": [7]},
        {"secure": None},
    )
    for number, fields in enumerate(({}, *strange)):
        pool.add(f"user{number}", site.state(**fields))

    over_http, in_a_browser = pool.check(), pool.check("--browser", "--within", "6")

    assert [status for status, _ in (over_http, in_a_browser)] == [0, 0]
    assert {one["finding"] for _, found in (over_http, in_a_browser) for one in found.values()} == {"alive"}


def test_a_page_is_judged_when_its_scripts_are_done_and_a_chat_that_never_ends_is_not_waited_for(pool, site):
    for mood in ("fetched", "busy"):
        pool.add(mood, site.state(mood=mood))
    slow = pool.check("--dry-run", "--within", "30", "--browser")[1]
    pool.add("chatting", site.state(mood="chatting"))
    chatting = pool.check("chatting", "--dry-run", "--within", "5", "--browser")[1]

    assert {user: one["finding"] for user, one in slow.items()} == {"fetched": "logged_out", "busy": "logged_out"}
    assert max(one["seconds"] for one in slow.values()) < 15
    assert chatting["chatting"]["finding"] == "alive"
    assert chatting["chatting"]["seconds"] < 5


@pytest.mark.parametrize("way", [(), ("--browser", "--within", "6")], ids=["http", "browser"])
def test_a_cookie_that_ends_while_another_stands_in_for_it_is_no_sure_sign(pool, site, home, way):
    settings = home / "default" / "config.toml"
    settings.write_text(settings.read_text().replace('["sid"]', '["sid", "sid_of_old"]'))
    for user, more in (("anna", {"name": "sid_of_old"}), ("ben", {"path": "/home"}), ("cleo", {"name": "shown_to"})):
        state = site.state(mood="ended")
        state["cookies"].append({**state["cookies"][0], **more})
        pool.add(user, state)

    found = pool.check(*way)[1]

    assert {user: one["finding"] for user, one in found.items()} == {"anna": "alive", "ben": "alive", "cleo": "rotated"}


def test_cookies_past_their_date_need_no_question(pool, site):
    pool.add("anna", site.state(expires=time.time() + 1.2))
    pool.add("ben", {"cookies": [*site.state()["cookies"], *site.state(name="other", expires=5)["cookies"]]})
    time.sleep(1.3)

    status, found = pool.check()

    assert status == 3
    assert (found["anna"]["finding"], found["anna"]["state"]) == ("cookies_expired", "expired")
    assert (found["ben"]["finding"], found["ben"]["state"]) == ("alive", "active")
    assert len(site.visits) == 1


def test_cookies_go_to_their_own_domains_and_the_browser_calls_itself_what_it_was(pool, site):
    own = site.state()["cookies"][0]
    others = [
        {**own, "name": "secure", "secure": True},
        {**own, "name": "elsewhere", "domain": "example.test"},
        {**own, "name": "below", "path": "/below"},
        {**own, "name": "over", "expires": 5},
        {**own, "name": "lasting", "expires": -1},
    ]
    pool.add("anna", {"cookies": [own, *others]}, "--user-agent", "Anna's Browser/7")

    assert pool.check()[0] == 0

    assert [(visit.cookies, visit.user_agent) for visit in site.visits] == [
        (f"{own['name']}={own['value']}; lasting={own['value']}", "Anna's Browser/7")
    ]


@pytest.mark.parametrize("way", [(), ("--browser",)])
def test_through_its_proxy_or_not_at_all(pool, site, tmp_path, way):
    with platform_site.running() as proxy:
        value = proxy.log_in()
        for name, url in (("up", proxy.url), ("down", "http://127.0.0.1:9")):
            (tmp_path / name).write_text(url)
            (tmp_path / name).chmod(0o600)
        pool.add("anna", site.state(value), "--proxy-file", tmp_path / "up")
        pool.add("ben", site.state(), "--proxy-file", tmp_path / "down")

        status, found = pool.check("--within", "30", *way)

        assert proxy.paths() == ["/home"]
    assert site.visits == []
    assert status == 3
    assert found["anna"]["finding"] == "alive"
    assert (found["ben"]["finding"], found["ben"]["state"]) == ("network", "active")
    assert "proxy" in found["ben"]["message"]
    assert "127.0.0.1:9" not in json.dumps(found["ben"])


def test_a_certificate_has_to_be_vouched_for(pool, ytpool, tmp_path, monkeypatch):
    authority, pem = certificates(tmp_path)
    with platform_site.running(pem=pem) as site:
        pool.knows("safe", site.home)
        pool.add("anna", site.state(), platform="safe")

        status, found = pool.check()
        assert (status, found["anna"]["finding"], found["anna"]["state"]) == (8, "network", "active")
        assert "certificate" in found["anna"]["message"]
        assert site.visits == []

        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
        assert pool.check()[0] == 0
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
        assert ytpool("sessions", "check")[0] == 2


@pytest.mark.parametrize("way", [(), ("--browser",)])
def test_what_the_platform_renews_is_kept_also_in_a_dry_run(pool, site, way):
    first = site.log_in("renewed")
    pool.add("anna", site.state(first))

    assert pool.check("--dry-run", "--within", "30", *way)[1]["anna"]["renewed"]
    site.becomes(first, "out")  # as platforms do: the old cookies are void
    status, found = pool.check()

    assert (status, found["anna"]["finding"], found["anna"]["renewed"]) == (0, "alive", False)


def test_one_that_is_checked_out_is_left_alone_and_one_that_was_looked_at_is_free_again(pool, site, ytpool):
    pool.add("anna", site.state())
    pool.add("ben", site.state())
    assert pool.check()[0] == 0
    assert ytpool("sessions", "checkout", "ben")[0] == 0
    site.visits.clear()

    status, found = pool.check()

    assert status == 0
    assert found["ben"]["finding"] is None
    assert "ben@our is with" in found["ben"]["message"]
    assert pool.check("ben")[0] == 6


@pytest.mark.parametrize(("by", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_check_that_is_ended_waits_for_nobody_and_every_session_is_free_again(pool, site, by, status):
    for user in ("anna", "ben"):
        pool.add(user, site.state(mood="silent"))
    check = start("sessions", "check", "--within", "60", "--json", env=os.environ)
    while len(site.visits) < 2:
        assert check.poll() is None
        time.sleep(0.02)
    assert pool.check("--within", "1")[1]["anna"]["finding"] is None  # it is with the other check

    check.send_signal(by)
    check.communicate(timeout=15)

    assert check.returncode == status
    assert pool.check("--within", "1")[1]["anna"]["finding"] == "network"


def test_a_browser_that_stands_still_holds_nobody_up(pool, site, home):
    pool.add("anna", site.state(mood="silent"))
    check = ["sessions", "check", "--browser", "--within", "5", "--json"]  # a busy machine needs a while for a browser
    with start(*check, env={"PATH": os.environ["PATH"], "YTPOOL_HOME": str(home)}) as checking:
        while not site.visits:
            assert checking.poll() is None, checking.communicate()
            time.sleep(0.01)
        stopped = [pid for pid in offspring(checking.pid) if "chrom" in Path(f"/proc/{pid}/exe").readlink().name]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        out, err = checking.communicate(timeout=30)

    [found] = fits("sessions-check", out)["sessions"]
    assert stopped
    assert (found["finding"], found["state"]) == ("unclear", "active")
    assert found["seconds"] < 15
    assert "--browser" not in found["error"]["hint"]
    assert "Task was destroyed" not in err


def offspring(pid):
    """Return the numbers of the processes that a process has started, and of those that these have."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *offspring(child)]
    return found


def test_a_shell_is_told_what_it_is_about(pool, site, ytpool):
    alive, out, shut = site.log_in(), site.log_in("out"), site.log_in("checkpoint")
    pool.add("alive", site.state(alive))
    pool.add("out", site.state(out))
    pool.add("shut", site.state(shut))

    statuses = {user: pool.check(user)[0] for user in ("alive", "out", "shut")}
    assert statuses == {"alive": 0, "out": 4, "shut": 7}
    assert pool.check("alive", "out")[0] == 3
    assert pool.check()[0] == 7

    site.visits.clear()
    for value in (out, shut):
        site.becomes(value, "in")  # a person has logged in, or settled it; a ban only a person lifts
    assert (pool.check("out")[0], pool.check("shut")[0]) == (4, 7)
    assert site.visits == []
    assert (pool.check("out", "--expired")[0], pool.check("shut", "--expired")[0]) == (0, 7)
    assert len(site.visits) == 1
    assert ytpool("sessions", "mark", "shut", "active")[0] == 0
    assert pool.check()[0] == 0


def test_a_platform_that_nobody_described_is_unclear_and_the_words_say_what_to_write(pool, site, ytpool):
    pool.add("anna", site.state(), platform="elsewhere")

    status, _, err = ytpool("sessions", "check", "anna")

    assert status == 1
    assert "in config.toml: [platforms.elsewhere] url =" in err


def test_the_profile_that_never_leaves_this_machine_asks_no_platform(ytpool, tmp_path, site):
    path = tmp_path / "anna_instagram.json"
    path.write_text(json.dumps(site.state(name="sessionid", domain=".instagram.com")))
    assert ytpool("sessions", "migrate", "--file", path, "--profile", "sandbox")[0] == 0

    status, out, _ = ytpool("sessions", "check", "--profile", "sandbox", "--json")

    assert status == 1
    [told] = fits("sessions-check", out)["sessions"]
    assert "never leaves this machine" in told["message"]
    assert "ask from a --profile" in told["error"]["hint"]


@pytest.mark.parametrize("way", [(), ("--browser", "--within", "8")], ids=["http", "browser"])
def test_nor_does_it_follow_a_platform_of_this_machine_out_of_it(ytpool, home, tmp_path, site, monkeypatch, way):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, site.url)  # whoever leaves would come by here
    assert ytpool("sessions", "list", "--profile", "sandbox")[0] == 0
    with (home / "sandbox" / "config.toml").open("a") as settings:
        settings.write(f'\n[platforms.instagram]\nurl = "{site.home}"\ncookies = ["{platform_site.COOKIE}"]\n')
    path, proxy = tmp_path / "state.json", tmp_path / "proxy"
    proxy.write_text("http://user:word@proxy.example:3128")
    proxy.chmod(0o600)
    for user, more in (("onward", ()), ("outward", ()), ("in", ("--proxy-file", proxy))):
        state = site.state(mood=user)
        state["cookies"].append({**state["cookies"][0], "domain": ".instagram.com"})
        path.write_text(json.dumps(state))
        who = ("--file", path, "--user", user, "--platform", "instagram")
        assert ytpool("sessions", "migrate", *who, *more, "--profile", "sandbox")[0] == 0

    out = ytpool("sessions", "check", *way, "--profile", "sandbox", "--json")[1]

    found = {one["user"]: (one["finding"], one["message"]) for one in fits("sessions-check", out)["sessions"]}
    assert found["onward"] == ("unclear", "is sent to www.instagram.com, and this profile never leaves this machine")
    assert found["in"] == ("unclear", "is not asked: its proxy is not on this machine, which this profile never leaves")
    assert found["outward"][0] == "alive"
    assert site.connects == []


def test_without_a_browser_the_words_say_what_to_install(pool, site, ytpool, monkeypatch):
    pool.add("anna", site.state())
    monkeypatch.setenv("YTPOOL_BROWSER_EXECUTABLE", "/nowhere/chromium")

    status, _, err = ytpool("sessions", "check", "--browser")
    assert (status, "apt install chromium" in err) == (6, True)

    monkeypatch.setitem(sys.modules, "playwright", None)
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    status, _, err = ytpool("sessions", "check", "--browser")
    assert (status, "pip install 'ytpool[browser]'" in err) == (6, True)
