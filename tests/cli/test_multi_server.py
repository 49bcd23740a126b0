"""Three machines behind nginx and HAProxy with one PostgreSQL, built from the words of the guide's page `servers`.

The machines, the database and the two proxies have the addresses that the page says. Each has its own `/srv`; what is
the tests' own (the program, `scp`, the certificate) is put where the page expects it.
"""

import configparser
import contextlib
import http.client
import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from certificates import certificates
from links import Link
from machines import Machine, machines
from newsroom import ROOT, Newsroom, PatientClock, assert_books_agree
from postgres import running
from real_parts import need, scaled
from served import netscape, once
from typed import blocks_of

from ytpool.actions import guide
from ytpool.sandbox.server import Sandbox

PAGE = guide.page("servers").text
CHAPTERS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
STUDIOS = {"studio-1": ("10.0.0.11", "news"), "studio-2": ("10.0.0.12", "sports"), "studio-3": ("10.0.0.13", "weather")}
DATABASE = ("10.0.0.20", 5432)
PROXY = ("10.0.0.30", 80)
PORT = 8383
PASSWORD = "the words in db-password"
LEASE = 10
EVERYBODY = [account for _, account in STUDIOS.values()]
TYPED = set()
"""The scripts of the page that were run."""

NGINX = """
daemon off; user root; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
{servers}
}}
"""
"""What Debian's own nginx.conf has around the servers."""


def block(chapter, language):
    """The one block of a chapter in this language."""
    [found] = blocks_of(CHAPTERS[chapter], language)
    return found


@dataclass
class Studio:
    """One of the three, with all that is in its `/srv/ytpool`."""

    machine: Machine
    folder: Path
    address: str
    account: str
    environ: dict
    units: dict = field(default_factory=dict)

    def types(self, script):
        """Run a script of the page there, as its user would type it; return what it says."""
        TYPED.add(script)
        shell = self.machine.start_program(need("bash"), "-euc", script, env=self.environ, stderr=subprocess.STDOUT)
        said, _ = shell.communicate(timeout=120)
        assert shell.returncode == 0, (self.machine.name, script, said)
        return said

    def ytpool(self, *words):
        """Run one command there, and return its data."""
        status, out, err = self.machine.run(*words, "--json", env=self.environ)
        assert status == 0, (words, out, err)
        return json.loads(out.splitlines()[-1])["data"]

    def starts(self, instance):
        """Do as systemd does with the unit of the page."""
        unit = configparser.ConfigParser(interpolation=None)
        unit.optionxform = str
        unit.read_string(block("On each studio: what runs", "ini"))
        program, *words = shlex.split(unit["Service"]["ExecStart"].replace("%i", instance))
        name, _, value = unit["Service"]["Environment"].partition("=")
        of_a_shell = ("YTPOOL_HOME", "BROWSER")
        environ = {one: said for one, said in self.environ.items() if one not in of_a_shell}
        with (self.folder / f"{instance}.log").open("ab") as said:
            self.units[instance] = self.machine.start_program(
                self.environ["PROGRAM"] if program == "/opt/ytpool/.venv/bin/ytpool" else program,
                *words,
                "--json",
                env={**environ, name: value},
                stdout=said,
                stderr=said,
            )

    def ask(self, path="/api/health"):
        """Ask it itself, with the token."""
        return ask(self.machine, self.address, PORT, path, Authorization=f"Bearer {self.token}")

    @property
    def token(self):
        return (self.folder.parents[1] / "studio-1" / "ytpool" / "serve-token").read_text().strip()

    def did(self):
        """Return the jobs that its worker has ended."""
        lines = (self.folder / "work.log").read_text().splitlines()
        told = [json.loads(line) for line in lines if line.startswith("{")]
        return [one["job"] for one in told if one.get("event") == "job" and one.get("state") == "done"]


class Studios:
    """The whole of it, as somebody sees who looks from outside."""

    def __init__(self, folder, studios, proxies, postgres, newsroom):
        self.folder = folder
        self.studios = studios
        self.proxies = proxies
        self.postgres = postgres
        self.newsroom = newsroom
        self.token = studios[0].token

    def by(self, account):
        return next(one for one in self.studios if one.account == account)

    def asked(self, proxy, path="/api/health", method="GET", body=None, **headers):
        """Ask through a proxy, with the token unless told; return status, content, and headers."""
        return ask(
            self.proxies[proxy], *PROXY, path, method, body, **{"Authorization": f"Bearer {self.token}"} | headers
        )

    def answers(self, proxy, count=6):
        """Ask so often whether somebody can work, and count who answers how; nobody is who is no studio."""
        told = [self.asked(proxy)[:2] for _ in range(count)]
        return Counter((status, body["account_id"] if isinstance(body, dict) else None) for status, body in told)

    def is_ready(self, proxy):
        """Tell whether anybody can work."""
        return any(status == 200 for status, _ in self.answers(proxy))

    def queues(self, name, *words):
        """Put an upload in the queue, of a file that hangs on every machine; return its job."""
        file = self.folder / f"{name}.mp4"
        file.write_bytes(name.encode() * 10_000)
        return self.studios[0].ytpool("upload", file, *(words or ("--pool", "main")), "--queue")["videos"][0]["job"]

    def who_uploads(self):
        """Return the studio that sends to a channel now, or None."""
        rows = self.studios[0].ytpool("fleet", "status")["machines"]
        busy = [row["host"] for row in rows if row["holds"].get("channel")]
        return next((one for one in self.studios if one.machine.name in busy), None)

    def are_sent_to(self, *accounts):
        """Tell whether work is sent to all of these by both proxies, and to nobody else."""
        return all({*self.answers(proxy)} == {(200, one) for one in accounts} for proxy in self.proxies)


def ask(machine, address, port, path="/api/health", method="GET", body=None, **headers):
    """Ask what listens on a machine; return status, content, and headers."""
    with closing(http.client.HTTPConnection(address, port, timeout=20)) as line:
        line.sock = machine.connect(port, address)
        line.sock.settimeout(20)
        line.request(method, path, body=body, headers=headers)
        with line.getresponse() as answer:
            content = answer.read()
    is_json = answer.headers["content-type"] == "application/json"
    return answer.status, json.loads(content) if is_json else content, answer.headers


@contextmanager
def database(folder):
    """Run a PostgreSQL with TLS, and do there what the page says."""
    _, pem = certificates(folder, of="db.studio.example", at=DATABASE[0])
    with running(certificate=pem) as server:
        for statement in block("On the database", "sql").split(";")[:-1]:
            server.sql(statement)
        rules = server.folder / "data" / "pg_hba.conf"
        # To the server all come from here: what is between are links.
        line = block("On the database", "pg_hba").replace("10.0.0.0/24", "127.0.0.1/32")
        rules.write_text(f"{line}\n{rules.read_text()}")
        server.sql("SELECT pg_reload_conf()")
        yield server


def made_programs(folder, newsroom):
    """Make a folder of programs: ytpool, an scp between our machines, and a browser with somebody before it."""
    studios, folder = folder, folder / "bin"
    folder.mkdir()
    channels = folder / "channels"
    channels.write_text("\n".join(account for _, account in STUDIOS.values()))
    for account in channels.read_text().split():
        newsroom.channel(account).channel_id  # noqa: B018 - asking for it makes it
    start = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
    programs = {
        "ytpool": f"{start}from ytpool.__main__ import run; run()\n",
        "scp": f'#!/bin/sh\nexec cp "{studios}/${{1%%:/srv/*}}/${{1#*:/srv/}}" "$2"\n',
        "browser": f"{start}from pathlib import Path\nfrom ytpool.sandbox.control import Control\n"
        f"file = Path({str(channels)!r})\nchannel, *rest = file.read_text().split()\nfile.write_text(' '.join(rest))\n"
        f"Control({newsroom.control.url!r}).consent(sys.argv[1], channel)\n",
    }
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def settings_of(address, account):
    """The settings of the page, with what each writes for itself."""
    lines = block("On each studio: the settings", "toml")
    for name, theirs in (("bind", f'"{address}:{PORT}"'), ("account", f'"{account}"')):
        lines, count = re.subn(rf'^({name} = )"[^"]*".*$', rf"\g<1>{theirs}", lines, flags=re.MULTILINE)
        assert count == 1, name
    return lines


def furnish(folder, address, account, ca, secrets_file):
    """Put into a studio's `/srv/ytpool` what the page says has to be there."""
    (folder / "default").mkdir(parents=True)
    (folder / "default" / "config.toml").write_text(settings_of(address, account))
    (folder / "db-ca.pem").write_bytes(ca.read_bytes())
    (folder / "db-password").write_text(f"{PASSWORD}\n")
    (folder / "db-password").chmod(0o600)
    (folder / "cookies.txt").write_text(netscape())
    (folder / "good.txt").write_text(netscape("fetched"))
    waits = 'while ! test -e /srv/ytpool/go; do sleep 0.1; done; exec cp /srv/ytpool/good.txt "$2"'
    (folder / "log-in").write_text(f"#!/bin/sh\n{waits}\n")
    (folder / "log-in").chmod(0o755)
    (folder / "client_secret.json").write_bytes(secrets_file.read_bytes())


def proxy_commands(folder):
    nginx, haproxy = folder / "nginx.conf", folder / "haproxy.cfg"
    nginx.write_text(NGINX.format(folder=folder, servers=block("On the proxy", "nginx")))
    haproxy.write_text(block("On the proxy", "haproxy"))
    return {
        "nginx": (need("nginx"), "-e", "stderr", "-c", nginx),
        "haproxy": (need("haproxy"), "-f", haproxy),
    }


def listens(proxy):
    with contextlib.suppress(ConnectionRefusedError):
        proxy.connect(*reversed(PROXY)).close()
        return True
    return False


def end(processes):
    """End programs as systemd does."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """Everything that the page makes, made by its own words."""
    need("openssl")
    folder = tmp_path_factory.mktemp("servers")
    commands = proxy_commands(folder)
    processes = []
    with ExitStack() as up:
        server = up.enter_context(database(folder))
        clock = PatientClock()
        newsroom = Newsroom(up.enter_context(Sandbox(folder / "youtube", seed=1, clock=clock)), folder, clock)
        newsroom.noon()
        youtube = urlsplit(newsroom.server.url).port
        *made, nginx, haproxy = up.enter_context(machines(*STUDIOS, "nginx", "haproxy", reach=[youtube]))
        programs = made_programs(folder, newsroom)
        environ = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PROGRAM": str(programs / "ytpool"),
            "BROWSER": str(programs / "browser"),
            "HOME": str(folder),
            "YTPOOL_HOME": "/srv/ytpool",
            "LANG": "C.UTF-8",
            **newsroom.addresses(),
        }
        studios = []
        for machine, (address, account) in zip(made, STUDIOS.values(), strict=True):
            own = folder / machine.name / "ytpool"
            furnish(own, address, account, folder / "ca.pem", newsroom.secrets_file())
            mounting = machine.start_program("mount", "--bind", own.parent, "/srv", stderr=subprocess.STDOUT)
            said, _ = mounting.communicate(timeout=10)
            assert mounting.returncode == 0, said
            to_database = Link(server.port, listen=lambda machine=machine: machine.listen(*reversed(DATABASE)))
            machine.links[DATABASE] = up.enter_context(to_database)
            for proxy in (nginx, haproxy):
                machine.links[proxy.name] = up.enter_context(proxy.leads_to(machine, PORT, address))
            studios.append(Studio(machine, own, address, account, environ))

        first, *others = studios
        first.types(block("On studio-1", "sh"))
        for one in others:
            one.types(block("On studio-2 and studio-3", "sh"))
        up.callback(end, processes)
        for one in studios:
            for instance in ("serve", "work"):
                one.starts(instance)
                processes.append(one.units[instance])
        proxies = {proxy.name: proxy for proxy in (nginx, haproxy)}
        for name, proxy in proxies.items():
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = proxy.start_program(*commands[name], **quiet)
            processes.append(process)
            once(lambda proxy=proxy, process=process: process.poll() is None and listens(proxy))
        yield Studios(folder, studios, proxies, server, newsroom)


def test_requests_are_spread_over_the_three(fleet):
    once(lambda: fleet.are_sent_to(*EVERYBODY), within=60)

    many = scaled(300, least=30)
    for proxy in fleet.proxies:
        counts = fleet.answers(proxy, many)
        assert {status for status, _ in counts} == {200}
        assert min(counts[200, account] for account in EVERYBODY) > many // 4


def test_a_visitor_who_has_brought_the_token_to_one_is_known_to_all(fleet):
    once(lambda: fleet.are_sent_to(*EVERYBODY), within=60)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""}
    for proxy in fleet.proxies:
        assert fleet.asked(proxy, "/", Authorization="")[0] == 303
        status, _, headers = fleet.asked(proxy, "/login", "POST", urlencode({"token": fleet.token}), **form)
        assert status == 303
        [cookie] = SimpleCookie(headers["set-cookie"]).values()
        by = {"Cookie": f"{cookie.key}={cookie.value}"}

        assert [fleet.asked(proxy, "/", Authorization="", **by)[0] for _ in range(6)] == [200] * 6
        assert [ask(one.machine, one.address, PORT, "/", **by)[0] for one in fleet.studios] == [200] * 3


def test_one_whose_cookies_went_stale_is_left_alone_until_it_has_fetched_new_ones(fleet):
    once(lambda: fleet.are_sent_to(*EVERYBODY), within=60)
    stale = fleet.by("sports")
    (stale.folder / "cookies.txt").write_text(netscape(ends_at=1_600_000_000))

    lost = [fleet.answers(proxy) for proxy in fleet.proxies]
    once(lambda: fleet.are_sent_to("news", "weather"))
    cookies = stale.ask("/api/health/cookies")[1]
    told = {one.account: one.ask()[0] for one in fleet.studios}
    (stale.folder / "go").touch()
    once(lambda: fleet.are_sent_to(*EVERYBODY), within=30)

    assert {key for counts in lost for key in counts} == {(200, "news"), (200, "weather")}
    assert cookies["refresh_in_progress"]
    assert told == {"news": 200, "sports": 503, "weather": 200}
    assert (stale.folder / "cookies.txt").read_text() == netscape("fetched")


def test_one_that_is_drained_is_sent_nothing_and_the_others_take_what_waits(fleet):
    once(lambda: fleet.are_sent_to(*EVERYBODY), within=60)
    drain, resume = blocks_of(CHAPTERS["Maintenance, and upgrades"], "sh")
    first, drained = fleet.by("news"), fleet.by("sports")

    first.types(drain)
    meanwhile = [fleet.answers(proxy) for proxy in fleet.proxies]
    once(lambda: fleet.are_sent_to("news", "weather"))
    before = drained.did()
    jobs = [fleet.queues(f"while-drained-{number}") for number in range(3)]
    once(lambda: {*jobs} <= {job for one in fleet.studios for job in one.did()}, within=60)
    by_the_drained = drained.did()
    first.types(resume)
    once(lambda: fleet.are_sent_to(*EVERYBODY), within=30)

    assert {status for counts in meanwhile for status, _ in counts} == {200}
    assert by_the_drained == before
    [row] = [row for row in first.ytpool("fleet", "status")["machines"] if row["host"] == "studio-2"]
    assert row["condition"] == "idle"


def test_servers_and_workers_go_on_by_themselves_after_postgresql_was_restarted(fleet):
    once(lambda: fleet.are_sent_to(*EVERYBODY), within=60)

    fleet.postgres.stop("immediate")
    if scaled(1, least=0):  # until the next round of checks has noticed
        once(lambda: not any(fleet.is_ready(proxy) for proxy in fleet.proxies), within=60)
    fleet.postgres.start()

    job = fleet.queues("after-the-restart")
    once(lambda: job in {job for one in fleet.studios for job in one.did()}, within=60)
    once(lambda: fleet.are_sent_to(*EVERYBODY), within=60)
    assert [unit.poll() for one in fleet.studios for unit in one.units.values()] == [None] * 6


def test_what_one_held_that_is_switched_off_is_done_by_the_others_and_everything_agrees(fleet):
    once(lambda: fleet.are_sent_to(*EVERYBODY), within=60)
    videos = len(fleet.newsroom.truth()["videos"])
    fleet.newsroom.channel("news").holds_back("upload.final")
    job = fleet.queues("to-be-continued", "--account", "news")
    off = once(fleet.who_uploads)
    others = [one for one in fleet.studios if one is not off]

    off.machine.power_off()
    fleet.newsroom.goes_on()

    meanwhile = [fleet.answers(proxy) for proxy in fleet.proxies]
    once(lambda: fleet.are_sent_to(*(one.account for one in others)), within=30)
    for chapter in ("Look", "Backups"):
        others[0].types(block(chapter, "sh"))
    once(lambda: job in {job for one in others for job in one.did()}, within=60)
    assert {status for counts in meanwhile for status, _ in counts} == {200}
    assert len(fleet.newsroom.truth()["videos"]) == videos + 1
    assert_books_agree(lambda *words: others[0].machine.run(*words, env=others[0].environ), fleet.newsroom)
    assert {*blocks_of(PAGE, "sh")} == TYPED
    for one in fleet.studios:
        for instance in one.units:
            said = (one.folder / f"{instance}.log").read_text()
            assert "Traceback" not in said, said
            assert "this is a bug" not in said, said
