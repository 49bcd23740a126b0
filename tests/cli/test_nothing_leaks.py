"""Known secrets go through every command and every failure; then everything that is left is searched for them."""

import base64
import contextlib
import json
import os
import re
import signal
import sqlite3
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from echo import babbles, repeats, standing_before
from ftp_servers import PASSWORD, misbehaving, repeating
from newsroom import Newsroom, start
from pictures import png

from ytpool import config
from ytpool.actions.overview import Overviews
from ytpool.cli.app import Root
from ytpool.cli.commands import Group
from ytpool.runtime import Runtime
from ytpool.sandbox.server import Sandbox
from ytpool.store import owners
from ytpool.web.sections import sections

PHRASE = "canary: pass/phrase + of = many words"
COOKIE = "canary/cookie+with=every%kind&of;letter"
SERVICE_KEY = "canary of a service of tasks"
SERVE_TOKEN = "canary-of-those-who-may-ask"
HOOK = "canary-of-a-webhook"
PROXY_WORD = "canary-of-a-proxy"
OF_THE_SANDBOX = re.compile(rb"sandbox-(?:secret|refresh|access|code)-[\w-]+")

ONLY_ONCE = {"demo", "init", "rehearse"}
"""Commands that start programs of their own, or have nothing of a login in them; they are not repeated in bad moods."""


ASKS_YOUTUBE = {"auth", "refresh-tokens", "upload", "video", "comment", "stats", "queue"}
"""Commands that see a mood, and that may wait for it to pass."""

_PATIENCE = 0.15


def leaves(command, path=()):
    if isinstance(command, Group):
        for name in command.list_commands(None):
            yield from leaves(command.find(None, name), (*path, name))
    else:
        yield path


EVERY_COMMAND = set(leaves(Root()))


def command_of(words):
    return next((words[:length] for length in (2, 1) if words[:length] in EVERY_COMMAND), None)


@dataclass
class Heard:
    """Everything that left ytpool and could be read by somebody else: text by where it was found."""

    texts: dict[str, bytes] = field(default_factory=dict)
    lines: list[tuple[str, ...]] = field(default_factory=list)

    def keep(self, where, text):
        self.texts[f"{len(self.texts)} {where}"] = text if isinstance(text, bytes) else text.encode("utf-8", "replace")


class Place:
    """A newsroom with an indiscreet server before it, and the command line with ears."""

    def __init__(self, newsroom, door, ftp, ytpool, home, folder):
        self.newsroom, self.door, self.ftp, self.home, self.folder = newsroom, door, ftp, home, folder
        self._ytpool = ytpool
        self.heard = Heard()

    def run(self, *words, patience=0.0):
        """Run a command; who runs out of patience presses Ctrl-C."""
        words, said = tuple(map(str, words)), ""
        signal.setitimer(signal.ITIMER_REAL, patience)
        try:
            status, out, err = self._ytpool("--debug", *words)
            said = out + err
        except KeyboardInterrupt:  # when all was said
            status, out = 130, ""
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.heard.keep(" ".join(words), said)
        self.heard.lines.append(words)
        return status, out

    def well(self, *words):
        """Run a command that must work, and return what it found."""
        status, out = self.run(*words, "--json")
        assert status == 0, (words, out)
        return json.loads(out.splitlines()[-1])["data"]

    def file(self, name, content, mode=0o600):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path


@pytest.fixture
def place(home, ytpool, tmp_path, monkeypatch):
    with (
        Sandbox(tmp_path / "youtube", seed=1) as server,
        standing_before(server.url) as door,
        misbehaving(repeating) as ftp,
    ):
        newsroom = Newsroom(server, tmp_path)
        for name, value in newsroom.addresses().items():
            monkeypatch.setenv(name, value.replace(server.url, door.url))
        monkeypatch.setenv("YTPOOL_BALANCING_STRATEGY", "fill")
        monkeypatch.setenv("YTPOOL_LOG_LEVEL", "debug")
        newsroom.noon()
        place = Place(newsroom, door, ftp, ytpool, home, tmp_path)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        yield place
        ytpool("sandbox", "down", "--profile", "sandbox")


def begin(place):
    """Set the profile up, log accounts in in every way, and make what later commands look at."""
    place.well("init", "--yes", "--vault", "keyfile")
    place.newsroom.control.settings(processing_seconds=0)
    place.file("keys.env", f"FILM_KEY={SERVICE_KEY}\n")
    place.file("ftp-password", f"{PASSWORD}\n")
    place.file("hook", f"{place.door.url}/{HOOK}\n")
    place.file("film-key", f"{SERVICE_KEY}-2\n")
    place.file("serve-token", f"{SERVE_TOKEN}\n")
    place.file("good-cookies.txt", f".youtube.com\tTRUE\t/\tTRUE\t4000000000\tSID\t{COOKIE}\n")
    settings = place.home / "default" / "config.toml"
    settings.write_text(f"{settings.read_text()}\n{services(place)}")
    secrets = place.newsroom.secrets_file()
    for name in ("news", "sports", "culture"):
        token = place.newsroom.token_file(name)
        place.well("auth", "import", name, "--client-secrets", secrets, "--token", token, "--pool", "main")
    place.file("cookies.json", json.dumps({"cookies": [cookie()], "origins": []}))
    place.well(
        *("sessions", "migrate", "--file", place.folder / "cookies.json"),
        *("--user", "a", "--platform", "instagram"),
        *("--proxy-file", place.file("proxy", f"http://me:{PROXY_WORD}@proxy.test:8080\n")),
    )
    place.file("ours.json", json.dumps({"cookies": [cookie() | {"domain": "127.0.0.1"}], "origins": []}))
    place.well("sessions", "migrate", "--file", place.folder / "ours.json", "--user", "b", "--platform", "our")
    place.file("talk.mp4", os.urandom(300_000))
    place.file("other.mp4", os.urandom(300_000))
    place.file("cover.png", png(1280, 720))
    place.file("talk.de.srt", "1\n00:00:00,000 --> 00:00:02,000\nGrüß Gott\n")
    place.file("phrase", f"{PHRASE}\n")
    upload = ("upload", place.folder / "talk.mp4", "--account", "news", "--privacy", "public")
    return place.well(*upload, "--thumbnail", place.folder / "cover.png", "--playlist", "+Talks")


def services(place):
    """Settings of services and servers beside YouTube, whose keys and passwords lie outside of the home."""
    return f"""
[providers.film]
preset = "runninghub"
url = "{place.newsroom.server.url}"
keys = "FILM_KEY"
env_file = "{place.folder / "keys.env"}"

[platforms.our]
url = "{place.door.url}/home"

[[chains.voice]]
service = "studio"
command = ["/bin/echo", "said"]

[alerts.targets.team]
type = "webhook"

[alerts.targets.book]
type = "file"
path = "alerts.jsonl"

[ftp.studio]
host = "127.0.0.1"
port = {place.ftp}
user = "studio"
tls = "none"

[cookie_files.news]
path = "{place.folder / "news-cookies.txt"}"

[sessions.refresh]
command = ["/bin/cp", "{place.folder / "good-cookies.txt"}", "{{file}}"]
"""


def cookie():
    expires = time.time() + 3600
    return {"name": "sessionid", "value": COOKIE, "domain": ".instagram.com", "path": "/", "expires": expires}


def older_tool(place):
    """The folder of the older tool, with its secrets in clear, as it keeps them."""
    token = json.loads(place.newsroom.token_file("older").read_text())
    place.file("older.token.json", json.dumps({"token": "gone", "scopes": ["x"], **token}))
    entry = {
        "id": "older",
        "client_id": token["client_id"],
        "client_secret": token["client_secret"],
        "token_file": "older.token.json",
    }
    return place.file("multi_account_config.json", json.dumps({"accounts": [entry]}))


def go_through_every_command(place):
    """Run every command at least once where it works, and leave something that each failure can be tried with."""
    made = begin(place)
    video, job = made["video_id"], made["job"]
    folder = place.folder
    project = place.well("projects", "list")["projects"][0]["project"]
    place.run("upload", folder / "other.mp4", "--account", "nobody")
    place.run("upload", folder / "other.mp4", "--pool", "main", "--dry-run")
    comment = place.well("comment", "post", video, "What a talk", "--account", "sports")["comment_id"]
    place.well("config", "import", older_tool(place))
    parcel = folder / "pool.parcel"
    phrase = ("--passphrase-file", folder / "phrase")
    place.well("accounts", "export", "--with-secrets", "--output", parcel, *phrase)
    place.well("accounts", "export", "--output", place.home / "pool.toml")
    task = place.well("task", "submit", "film", "--set", "workflow_id=7")["job"]
    chain = place.well("chain", "run", "voice")["job"]
    lines = (
        ("task", "submit", "film", "--set", "workflow_id=8"),
        ("task", "keep-key", "film", "account_2", "--key-file", folder / "film-key"),
        ("task", "keys"),
        ("task", "poll"),
        ("task", "list"),
        ("task", "show", task),
        ("chain", "run", "voice", "--again"),
        ("chain", "list"),
        ("chain", "show", chain),
        ("chain", "test", "voice"),
        ("queue", "add", "comment", "post", video, "Later on", "--account", "news"),
        ("queue", "status"),
        ("queue", "hold", job),
        ("plan", "--queue"),
        ("rehearse", "lost-answers", "--at-least", "10", "--json"),
        ("work", "--once"),
        ("auth", "list"),
        ("auth", "status"),
        ("auth", "add", "somebody"),
        ("auth", "refresh", "news", "--force"),
        ("refresh-tokens", "--force"),
        ("accounts", "list"),
        ("accounts", "show", "news"),
        ("accounts", "set", "news", "--label", "a=b"),
        ("accounts", "apply", parcel, *phrase),
        ("accounts", "disable", "culture"),
        ("accounts", "enable", "culture"),
        ("accounts", "drain", "culture"),
        ("projects", "show", project),
        ("projects", "set", project, "--limit", "uploads=90"),
        ("projects", "merge", project, "nowhere"),
        ("pools", "list"),
        ("pools", "show", "main"),
        ("pools", "set", "main", "--strategy", "health"),
        ("pools", "compare", "main"),
        ("queue", "list", "--all"),
        ("queue", "show", job),
        ("queue", "retry", job),
        ("queue", "resolve", job, "--as", "failed"),
        ("queue", "cancel", job),
        ("todo",),
        ("tidy",),
        ("alerts", "list", "--all"),
        ("alerts", "ack", "--all", "--note", "seen"),
        ("video", "show", video),
        ("video", "update", video, "--title", "Another", "--account", "news"),
        ("video", "thumbnail", video, folder / "cover.png"),
        ("video", "caption", video, f"de:{folder}/talk.de.srt"),
        ("video", "playlist", video, "Talks", "--remove"),
        ("comment", "reply", comment, "Thanks", "--account", "news"),
        ("comment", "list", video),
        ("comment", "moderate", comment, "--as", "published", "--account", "news"),
        ("stats", video),
        ("quota", "report"),
        ("quota", "report", "--plot"),
        ("quota", "history"),
        ("quota", "history", "--compare"),
        ("quota", "forecast", "--plot"),
        ("quota", "adjust", project, "general", "+1", "--reason", "by hand"),
        ("quota", "drift"),
        ("quota", "prices"),
        ("rests", "list", "--all"),
        ("rests", "lift", "account", "news"),
        ("activity", "report", "--plot"),
        ("activity", "tail"),
        ("activity", "export", "--rows"),
        ("activity", "export", "--rows", "--output", folder / "activity.csv"),
        ("report", "--html", place.home / "report.html"),
        ("report", "--svg", place.home / "slots.svg", "--picture", "slots"),
        ("report", "--html", "-"),
        ("why", "news"),
        ("vault", "keep", "ftp.studio", "--password-file", folder / "ftp-password"),
        ("vault", "keep", "serve", "--password-file", folder / "serve-token"),
        ("serve", "--bind", "203.0.113.7"),
        ("vault", "forget", "ftp.somewhere"),
        ("vault", "keep", "alerts.targets.team", "--password-file", folder / "hook"),
        ("alerts", "test"),
        ("health",),
        ("health", "--daily"),
        ("guide",),
        ("guide", "failover"),
        ("fleet", "status"),
        ("fleet", "drain", owners.me().host, "--reason", "a break"),
        ("fleet", "resume", owners.me().host),
        ("fleet", "forget", owners.me().host, "--dry-run"),
        ("pause", "--reason", "a break"),
        ("unpause",),
        ("sessions", "migrate", "--all", folder),
        ("sessions", "list"),
        ("sessions", "show", "a"),
        ("sessions", "check", "--within", "0.5"),
        ("sessions", "checkout", "a", "--to", folder / "state.json", "--proxy-to", folder / "proxy.out"),
        ("sessions", "release", "a", "--number", "1", "--from", folder / "state.json"),
        ("sessions", "export", "a", "--to", folder / "state.json"),
        ("sessions", "mark", "a", "active"),
        ("sessions", "capture", "a", "--platform", "instagram", "--dry-run"),
        ("sessions", "delete", "a", "--yes"),
        ("sessions", "refresh", "news"),
        ("vault", "status"),
        ("vault", "rotate"),
        ("vault", "rotate", "--finish"),
        ("vault", "move", "--to", "keyfile", "--key-file", place.home / "moved.key"),
        ("state", "check"),
        ("state", "backup", folder / "saved.db"),
        ("state", "restore", folder / "saved.db", "--accept", "--yes"),
        ("state", "migrate", "--to", folder / "moved.db", "--dry-run"),
        ("state", "password", "--password-file", folder / "ftp-password"),
        ("config", "show"),
        ("config", "path"),
        ("config", "check"),
        ("upload", "--resume"),
        ("video", "delete", video, "--yes"),
        ("auth", "revoke", "culture", "--yes"),
        *ALONE,
    )
    for words in lines:
        place.run(*words)
        if words[0] not in ONLY_ONCE:
            place.run(*words, "--json")


SANDBOX = ("--profile", "sandbox")
ALONE = (
    ("sandbox", "up", *SANDBOX),
    ("auth", "add", "news", *SANDBOX),
    ("sandbox", "status", *SANDBOX),
    ("sandbox", "clock", "--forward", "1m", *SANDBOX),
    ("sandbox", "fault", "token", "--error", "invalid_grant", *SANDBOX),
    ("refresh-tokens", "--force", *SANDBOX),
    ("sandbox", "reset", "--yes", *SANDBOX),
    ("sandbox", "down", *SANDBOX),
    ("demo", *SANDBOX),
)
"""What a local YouTube of its own is there for."""


def go_through_every_failure(place, monkeypatch):
    """Run what was run once more while the other side repeats what it hears, while keys are gone, and with a bug."""
    said = dict.fromkeys(words for words in place.heard.lines if "--json" in words and "sandbox" not in words)
    lines = [words for words in said if words[0] not in ONLY_ONCE]
    place.newsroom.channel("sports").spoil("upload.chunk", "close", times=99)
    third = place.file("third.mp4", os.urandom(300_000))
    place.run("upload", third, "--account", "sports", "--json", patience=0.5)  # a session that somebody goes on with
    place.newsroom.control.clear_faults()
    for mood in (repeats(400), repeats(401), babbles):
        place.door.mood = mood
        for words in lines if mood is babbles else [line for line in lines if line[0] in ASKS_YOUTUBE]:
            place.run(*words, patience=_PATIENCE if words[0] in ASKS_YOUTUBE else 0)
    place.door.mood = None
    with monkeypatch.context() as broken:
        broken.setattr("requests.adapters.HTTPAdapter.send", _breaks)
        for words in lines:
            place.run(*words, patience=_PATIENCE if words[0] in ASKS_YOUTUBE else 0)
    key = place.home / "moved.key"
    for mode in (0o644, None):
        key.chmod(mode) if mode else key.rename(key.with_suffix(".gone"))
        for words in lines:
            place.run(*words, patience=_PATIENCE if words[0] in ASKS_YOUTUBE else 0)
    key.with_suffix(".gone").rename(key)
    key.chmod(0o600)


def _breaks(*_, **__):
    raise RuntimeError("as if requests had a bug")


def go_as_programs(place, seen):
    """Run some as programs of their own, with every process below this one looked at while they last."""
    place.newsroom.control.add_fault(method="upload.final", kind="slow", seconds=1)
    phrase = ("--passphrase-file", place.folder / "phrase")
    for words in (
        ("refresh-tokens", "--force"),
        ("upload", place.folder / "other.mp4", "--account", "sports"),
        ("accounts", "export", "--with-secrets", "--output", place.folder / "again.parcel", *phrase),
        ("vault", "status"),
    ):
        with _watching(seen), start(*words, env=os.environ) as process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        place.heard.keep(" ".join(map(str, words)), out + err)
        place.heard.lines.append(tuple(map(str, words)))


@contextlib.contextmanager
def _watching(seen):
    stopped = threading.Event()

    def watch():
        while not stopped.wait(0.005):
            for pid in _below(os.getpid()):
                for part in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        seen.setdefault(f"/proc {part}", set()).add(Path(f"/proc/{pid}/{part}").read_bytes())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _below(pid):
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from _below(child)


def known_secrets(place):
    """Every secret there was: what the local YouTubes issued, the vault's keys, a cookie, and the passphrase."""
    found = {PHRASE.encode(): "the passphrase", COOKIE.encode(): "a cookie", SERVICE_KEY.encode(): "a service's key"}
    found |= {PASSWORD.encode(): "a password"}
    found[SERVE_TOKEN.encode()] = "the token of serve"
    found[PROXY_WORD.encode()] = "a proxy's password"
    found[HOOK.encode()] = "the address of a webhook"
    for journal in (place.folder / "youtube" / "journal.jsonl", *(place.home / "sandbox").rglob("journal.jsonl")):
        text = journal.read_bytes()
        found |= dict.fromkeys(OF_THE_SANDBOX.findall(text), "of the sandbox")
        found |= dict.fromkeys(re.findall(rb'\["sessions","([^"]{16,})"', text), "an upload session")
    for path in place.home.rglob("*.key"):
        found |= {line.split()[2]: "a vault key" for line in path.read_bytes().splitlines()}
    return found


def forms(secret):
    """In clear, as base64 wherever it may begin, and as URLs and JSON write it."""
    text = secret.decode()
    yield secret
    yield json.dumps(text)[1:-1].encode()
    for quoted in (quote(text, safe=""), quote(text), quote_plus(text)):
        yield quoted.encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            whole = encode(b"\0" * before + secret).rstrip(b"=")
            yield whole[(before * 8 + 5) // 6 : -1]


def found_in(texts, secrets):
    """Where which secret is found: nothing else is said of it."""
    haystack = b"\n".join({*texts.values()})
    guilty = [
        (what, form) for secret, what in secrets.items() for form in dict.fromkeys(forms(secret)) if form in haystack
    ]
    return sorted({(what, where) for what, form in guilty for where, text in texts.items() if form in text})


def files_of(home):
    """Everything below the home but the keys themselves, and the local YouTube that issued the secrets."""
    for path in home.rglob("*"):
        if path.is_file() and path.suffix != ".key" and path.name != "journal.jsonl":
            yield path


def dashboard():
    """What `serve` shows of all this in a browser."""
    rt = Runtime(config.load(profile=None, environ=os.environ))
    try:
        found = sections(Overviews(rt).take())
    finally:
        rt.close()
    assert all(found.values())
    return "".join(found.values())


_CHILDREN = []
"""Arguments and environment of every process that was started from this one; an audit hook cannot be taken away."""


def _audit(event, args):
    if event == "subprocess.Popen" and _CHILDREN and _CHILDREN[-1] is not None:
        _, argv, _, env = args
        told = os.environ if env is None else env
        _CHILDREN[-1].append(f"{argv} {dict(told)}")


sys.addaudithook(_audit)


# Ctrl-C at any line may leave a socket or a file to the process's end, which here is not the end of the command.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_secret_is_ever_found_by_anybody_else(place, monkeypatch):
    children = []
    _CHILDREN.append(children)
    seen = {}
    try:
        go_through_every_command(place)
        missing = sorted(" ".join(path) for path in EVERY_COMMAND - {command_of(line) for line in place.heard.lines})
        assert missing == [], "give these commands a line in go_through_every_command"
        place.heard.keep("the dashboard", dashboard())
        go_as_programs(place, seen)
        # A reader that stays keeps the write-ahead log from being folded into the state.
        with contextlib.closing(sqlite3.connect(place.home / "default" / "state.db")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM secrets").fetchone()
            go_through_every_failure(place, monkeypatch)
            reader.execute("COMMIT")
            reader.execute("VACUUM INTO ?", (str(place.home / "backup.db"),))
            files = {str(path): path.read_bytes() for path in files_of(place.home)}
    finally:
        _CHILDREN.append(None)

    secrets = known_secrets(place)
    assert len(secrets) > 30
    assert {"a vault key", "an upload session", "of the sandbox"} <= {*secrets.values()}
    assert any(name.endswith("state.db-wal") for name in files)
    assert children
    assert (len(seen["/proc environ"]) > 1, len(seen["/proc cmdline"]) > 4) == (True, True)  # cron's child is bare
    assert any(b"Traceback" in text for text in place.heard.texts.values())
    texts = {**place.heard.texts, **files}
    texts |= {f"{name} {number}": text for name, several in seen.items() for number, text in enumerate(several)}
    texts |= {f"child {number}": text.encode() for number, text in enumerate(children)}
    texts["parcel"] = (place.folder / "pool.parcel").read_bytes()

    assert found_in(texts, secrets) == []


@pytest.mark.parametrize("secret", [COOKIE, PHRASE, "sandbox-access-0123456789abcdef"])
def test_the_search_finds_what_it_looks_for(secret):
    texts = {
        "clear": f"token {secret}.".encode(),
        "form": f"token={quote_plus(secret)}&a=b".encode(),
        "url": quote(f"https://example.com/?{secret}", safe="").encode(),
        "json": json.dumps({"a": secret}).encode(),
        "base64": base64.b64encode(f"id:{secret}".encode()),
        "base64 of more": base64.urlsafe_b64encode(f"{{{secret} and more".encode()),
        "nothing": b"token 0",
    }

    found = {where for _, where in found_in(texts, {secret.encode(): "it"})}

    assert found == texts.keys() - {"nothing"}
