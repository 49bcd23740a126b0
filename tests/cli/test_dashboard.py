"""The page of `ytpool serve`, as people see it in a real browser and as nobody should."""

import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
from contextlib import ExitStack, closing
from urllib.parse import urlencode

import pytest
from chromium import amiss, looking
from newsroom import start
from node_packages import packages  # noqa: F401 - a fixture
from ports import free_port
from real_parts import need, scaled
from served import once, serving

from ytpool.web import events

TOKEN = "of-the-people-who-may-look"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp; أخبار 新闻 "
QUICK = """
from ytpool.web import events
events.EVERY = 0.4
from ytpool.__main__ import run
run()
"""
"""The same program, which looks at the books more often."""

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1400, "height": 900}


def rows(page, section):
    return page.locator(f"#{section} tbody tr")


def test_the_page_shows_what_happens_while_uploads_run(sandbox, ytpool, make_video, packages):  # noqa: F811
    assert ytpool("pools", "set", "main", "--strategy", "round_robin")[0] == 0
    assert ytpool("upload", make_video("first.mp4"), "--pool", "main")[0] == 0
    sandbox.holds_back("upload.final", times=2)
    with serving() as server, looking(viewport=DESKTOP) as page:
        page.goto(server.url)
        page.get_by_text("Live", exact=True).wait_for()
        assert page.locator("h2").all_inner_texts() == [
            *("Alerts", "Quota", "Uploads", "Queue and slots", "Rests", "Accounts", "Logins", "Sessions", "Activity")
        ]
        assert page.locator("#quota th[scope=col]").all_inner_texts() == [
            *("Project, bucket", "Used", "Left", "Spent", "Held", "Unknown", "Elsewhere", "Limit")
        ]
        page.keyboard.press("Tab")
        order = [page.evaluate("document.activeElement.textContent")]
        for _ in range(9):
            page.keyboard.press("Tab")
            order.append(page.evaluate("document.activeElement.getAttribute('href')"))
        page.get_by_role("link", name="Quota").focus()

        working = [
            start("upload", make_video(f"{name}.mp4", 2_000_000), "--pool", "main", "--json", env={**os.environ})
            for name in ("second", "third")
        ]
        rows(page, "uploads").nth(1).wait_for()
        under_way = rows(page, "uploads").all_inner_texts()
        slots = page.locator("#queue dd").first.inner_text()
        sandbox.goes_on()
        outcomes = [json.loads(process.communicate(timeout=60)[0].splitlines()[-1])["ok"] for process in working]
        newest = page.locator("#activity time").first
        last = moment_of_the_last(sandbox_state())
        page.wait_for_function("last => document.querySelector('#activity time').dateTime === last", arg=last)
        page.get_by_text("No upload is under way.").wait_for()
        used = page.locator("#quota tbody tr", has_text="uploads").locator("[data-head=Spent]").inner_text()

        assert outcomes == [True, True]
        assert ({"second.mp4", "third.mp4"}, slots) == ({text.split()[0] for text in under_way}, "2 of 6")
        assert newest.get_attribute("datetime") == last
        assert page.get_by_text("in 1", exact=False).count() > 0  # the countdown to the reset, of some hours
        assert used.split()[-1] == "3"
        assert order == ["Skip to the page", *(f"#{name}" for name in NAMES)]
        assert page.evaluate("document.activeElement.getAttribute('href')") == "#quota"
        for size, colours in ((DESKTOP, "light"), (PHONE, "dark")):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=colours)
            assert amiss(page, packages) == []
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
        assert page.said == []
    assert sandbox.truth()["refused"] == []


NAMES = ("alerts", "quota", "uploads", "queue", "rests", "accounts", "logins", "sessions", "activity")


def sandbox_state():
    return f"{os.environ['YTPOOL_HOME']}/default/state.db"


def moment_of_the_last(state):
    with closing(sqlite3.connect(state)) as books:
        return books.execute("SELECT max(happened_at) FROM activity").fetchone()[0]


@pytest.fixture
def crowd(sandbox, ytpool, tmp_path):  # noqa: ARG001 - the project comes first
    """A thousand accounts, whose channels are called what nobody should be called."""
    arrangement = tmp_path / "pool.toml"
    assert ytpool("accounts", "export", "--output", arrangement)[0] == 0
    client = re.search(r'client_id = ".+"', arrangement.read_text())[0]
    title = json.dumps((HOSTILE * 9)[:200], ensure_ascii=False)
    many = scaled(1000)
    arrangement.write_text(
        "\n".join(
            f'[accounts."{n}-<b>-{"é" * 50}"]\nproject = "press"\n{client}\nchannel_id = "UC{n:022d}"\n'
            f"channel_title = {title}"
            for n in range(many)
        )
    )
    assert ytpool("accounts", "apply", arrangement)[0] == 0
    assert ytpool("pause", "--reason", HOSTILE)[0] == 0
    assert ytpool("alerts", "list")[0] == 0  # which looks for them at once
    assert ytpool("alerts", "ack", "--all", "--note", HOSTILE)[0] == 0
    return many


def test_whatever_things_are_called_they_are_text_and_bounded(crowd, packages):  # noqa: F811
    with serving() as server, looking(viewport=PHONE) as page:
        page.on("dialog", lambda dialog: page.said.append(dialog.message))
        page.goto(server.url)
        page.get_by_text("Live", exact=True).wait_for()
        _, content, headers = server.ask("/")

        assert amiss(page, packages) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
        assert page.locator("img, main script").count() == 0
        assert page.locator("#rests").get_by_text(HOSTILE.strip()).count() == 1
        assert page.locator("#alerts .note bdi", has_text=HOSTILE.strip()).count() > 0
        assert rows(page, "accounts").count() == 25
        assert page.locator("#accounts .more").inner_text() == f"and {crowd + 2 - 25} more: ytpool quota report"
        assert page.said == []
    assert len(content) < 150_000
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.fixture
def token(home, ytpool, monkeypatch):  # noqa: ARG001 - it sets the environment
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    monkeypatch.setenv("YTPOOL_SERVE_TOKEN", TOKEN)
    return TOKEN


def post(server, path, content="", **headers):
    return server.ask(path, "POST", content, **{"Content-Type": "application/x-www-form-urlencoded", **headers})


def test_a_browser_brings_the_token_once_and_gets_a_cookie_that_opens_the_page_alone(token):
    with serving() as server:
        closed = {path: server.ask(path) for path in ("/", "/events", "/login", "/dashboard.css")}
        wrong = [post(server, "/login", given)[0] for given in ("token=guessed", "", "x" * 9999, "%ff=%00", "token=")]
        status, nothing, headers = post(server, "/login", urlencode({"token": token}))
        cookie = headers["set-cookie"]
        secure = post(server, "/login", urlencode({"token": token}), **{"X-Forwarded-Proto": "https"})[2]["set-cookie"]
        by = {"Cookie": cookie.partition(";")[0]}
        opened = {path: server.ask(path, **by)[0] for path in ("/", "/login", "/status", "/metrics")}
        page = server.ask("/", **by)[1].decode()
        sent_from_elsewhere = post(server, "/logout")
        by_header = server.ask("/", Authorization=f"Bearer {token}")[0]
        left = post(server, "/logout", **by)
        after = server.ask("/", **by)[0]

    assert (closed["/"][0], closed["/"][2]["location"], closed["/events"][0]) == (303, "./login", 401)
    assert b'type="password"' in closed["/login"][1]
    assert set(wrong) == {401}
    assert (status, nothing, headers["location"]) == (303, b"", "./")
    assert re.fullmatch(r"ytpool-\d+=[\w-]{43}; Max-Age=43200; HttpOnly; SameSite=Strict", cookie)
    assert secure.endswith("; Secure")
    assert opened == {"/": 200, "/login": 303, "/status": 401, "/metrics": 401}
    assert ("Log out" in page, by_header) == (True, 200)
    assert (left[0], "Max-Age=0" in left[2]["set-cookie"], after) == (303, True, 303)
    assert (sent_from_elsewhere[0], sent_from_elsewhere[2]["set-cookie"]) == (303, None)
    assert token not in page + cookie + server.said


def test_the_door_and_the_way_out_work_by_keyboard_and_end_what_is_watched(token, packages):  # noqa: F811
    with serving(program=QUICK) as server, looking(viewport=PHONE) as page:
        page.goto(server.url)
        assert amiss(page, packages) == []
        page.keyboard.type("guessed")
        page.keyboard.press("Enter")
        page.get_by_role("alert").get_by_text("That is not the token.").wait_for()
        assert amiss(page, packages) == []
        page.keyboard.type(token)
        page.keyboard.press("Enter")
        page.get_by_text("Live", exact=True).wait_for()
        assert page.url == f"{server.url}/"
        other = page.context.new_page()
        other.goto(server.url)
        page.get_by_role("button", name="Log out").press("Enter")
        page.get_by_label("The token of this server").wait_for()
        other.bring_to_front()
        other.get_by_label("The token of this server").wait_for()

        assert page.url == f"{server.url}/login"
        assert token not in json.dumps(page.context.cookies())


NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location /pool/ {{
      proxy_pass http://127.0.0.1:{behind}/;
      proxy_set_header Host localhost;
      proxy_read_timeout 3s;
    }}
  }}
}}
"""


def test_it_works_in_a_folder_of_a_proxy_that_logs_every_address(token, ytpool, tmp_path):
    port = free_port()
    with serving() as server, looking(viewport=DESKTOP) as page:
        file = tmp_path / "nginx.conf"
        file.write_text(NGINX.format(folder=tmp_path, port=port, behind=server.port))
        with subprocess.Popen([need("nginx"), "-e", "stderr", "-c", file]) as nginx:
            try:
                once(lambda: reaches(port))
                page.goto(f"http://127.0.0.1:{port}/pool/")
                page.get_by_label("The token of this server").fill(token)
                page.get_by_role("button", name="Open").press("Enter")
                page.get_by_text("Live", exact=True).wait_for()
                assert ytpool("pause", "--reason", "a rest for all")[0] == 0
                page.locator("#rests", has_text="a rest for all").wait_for(timeout=3 * events.EVERY * 1000)
                cookies, said = page.context.cookies(), [*page.said]
                page.goto("about:blank")
                asked = once(lambda: "/events" in (told := (tmp_path / "access.log").read_text()) and told)
            finally:
                nginx.terminate()

    assert said == []
    assert [one["path"] for one in cookies] == ["/pool"]
    assert "/pool/events?after=" in asked
    assert token not in asked
    assert cookies[0]["value"] not in asked


def reaches(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def watch(server, stack):
    line = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)))
    line.request("GET", "/events")
    return line, line.getresponse()


@pytest.mark.usefixtures("home")
def test_viewers_are_counted_and_all_go_home_when_the_server_ends(ytpool):
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    with ExitStack() as stack, serving() as server:
        watching = [watch(server, stack) for _ in range(events.MOST)]
        beginnings = {answer.readline()[:4] for _, answer in watching}
        one_too_many = server.ask("/events")
        watching.pop()[0].sock.shutdown(socket.SHUT_RDWR)
        again = once(lambda: (found := watch(server, stack))[1].status == 200 and found)
        head = server.ask("/events", "HEAD")
        server.process.terminate()
        ends = [answer.read()[-2:] for _, answer in [*watching, again]]  # it raises for a line that breaks

    assert beginnings == {b"retr"}
    assert (one_too_many[0], one_too_many[2]["retry-after"]) == (503, "30")
    assert (head[0], head[1]) == (503, b"")
    assert set(ends) == {b"\n\n"}


@pytest.mark.usefixtures("home")
def test_a_state_that_is_gone_is_said_and_one_that_takes_its_place_is_shown(ytpool, home):
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    folder, aside = home / "default", home / "aside"
    aside.mkdir()

    def page():
        return server.ask("/")[1].decode()

    def swap(here, there):
        for path in list(here.glob("state.db*")):
            path.rename(there / path.name)

    with serving(program=QUICK) as server:
        assert "cannot be read" not in page()
        swap(folder, aside)
        once(lambda: "The books cannot be read: there is no state at" in page())
        assert ytpool("init", "--yes")[0] == 0
        assert ytpool("pause", "--reason", "a rest for all")[0] == 0
        once(lambda: "a rest for all" in page() and "cannot be read" not in page())


@pytest.mark.usefixtures("home")
def test_a_page_whose_server_is_gone_says_so_and_goes_on_when_it_is_back(ytpool, tmp_path):  # noqa: ARG001
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    with looking(viewport=DESKTOP) as page:
        with serving(program=QUICK) as server:
            page.goto(server.url)
            page.get_by_text("Live", exact=True).wait_for()
            port = server.port
        page.locator("#state", has_text="No connection; this is what was").wait_for()
        with serving("--bind", f"127.0.0.1:{port}", program=QUICK):
            assert ytpool("pause", "--reason", "a rest for all")[0] == 0
            assert ytpool("alerts", "list")[0] == 0  # which looks for them at once
            page.locator("#rests", has_text="a rest for all").wait_for(timeout=30_000)
            page.get_by_text("Live", exact=True).wait_for()
            page.locator("#alerts", has_text="a rest for all").wait_for()
            page.locator("#news", has_text="1 alert").wait_for(state="attached")
            assert page.title() == "(1) ytpool: default"
