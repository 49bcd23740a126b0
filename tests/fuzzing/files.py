"""Parsers of files that others wrote: batches, logins, sessions, keys, parcels, copies of a state."""

import json
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePath
from zoneinfo import ZoneInfo

from fuzzing.documents import BYTES, as_json, contents, tables, texts
from fuzzing.target import CANARY, Target, outcome, require_hidden, require_sentence, require_shown, scratch
from hypothesis import strategies as st

from ytpool.actions.luggage import Luggage, _parsed
from ytpool.clock import SystemClock
from ytpool.domain import api_keys, arrangement, captions, cookies, images, logins, older, platforms, scenarios
from ytpool.domain.manifest.batch import Defaults
from ytpool.domain.manifest.listed import read_csv, read_jsonl
from ytpool.domain.manifest.sidecars import Sidecar, read_sidecars
from ytpool.domain.secret import Secret
from ytpool.store import copies
from ytpool.store.db import FIRST_TABLES
from ytpool.store.sqlite import SqliteDatabase
from ytpool.vault import keyfiles, parcels

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_BERLIN = Defaults(zone=ZoneInfo("Europe/Berlin"))
_FOLDER = scratch()

# Batches

_ROW = {
    "file": "talk.mp4",
    "title": "A talk",
    "description": "With, a comma",
    "tags": ["one", "two"],
    "category": "22",
    "privacy": "private",
    "publish_at": "2026-12-24T18:00",
    "language": "de",
    "made_for_kids": False,
    "licence": "youtube",
    "recorded_on": "2026-11-19",
    "localizations": {"en": {"title": "A talk", "description": "In English"}},
    "account": "news",
    "key": "again",
    "thumbnail": "talk.png",
    "captions": [{"language": "de", "path": "talk.de.srt", "name": "Deutsch"}, "en:talk.en.vtt"],
    "playlists": ["+Talks", "PLabcdefghijklmnop"],
    "priority": 5,
    "deadline": "2026-12-01T10:00+01:00",
}
_TABLE = (
    "file,title,description,tags,privacy,publish_at,playlists,captions,account\r\n"
    'a.mp4,A talk,"Two\r\nlines, one comma",one;two,private,2026-12-24 18:00 Europe/Berlin,+Talks,de:a.srt:Name,a\r\n'
    "other.mp4,,,,unlisted,,,,news\r\n"
)
_SIDECAR = """title = "A talk"
tags = ["one", "two"]
publish_at = 2026-12-24T18:00:00
recorded_on = 2026-11-19
account = "news"
[localizations.en]
title = "A talk"
"""


def read_a_table(content):
    _require_batch(read_csv(PurePath("a/batch.csv"), content, _BERLIN, NOW))


def read_lines(content):
    _require_batch(read_jsonl(PurePath("a/batch.jsonl"), content, _BERLIN, NOW))


def read_a_sidecar(content):
    one = Sidecar(video=PurePath("a/talk.mp4"), path=PurePath("a/talk.toml"), content=content)
    _require_batch(read_sidecars([one], _BERLIN, NOW))


def _require_batch(batch):
    assert batch.entries or batch.problems
    for problem in batch.problems:
        require_sentence(str(problem))
        assert len(problem.message) < 4000
    require_shown([problem.message for problem in batch.problems])
    if batch.problems:
        return
    for entry in batch.entries:
        assert (
            type(entry.publication).from_dict(json.loads(json.dumps(entry.publication.to_dict()))) == entry.publication
        )


# Logins

_CLIENT = {
    "client_id": "1234567890-abc.apps.example",
    "project_id": "studio",
    "client_secret": CANARY,
    "auth_uri": "https://accounts.example/auth",
    "token_uri": "https://oauth2.example/token",
    "redirect_uris": ["http://localhost:8080/", "http://127.0.0.1/x"],
}
_TOKEN = {
    "refresh_token": CANARY,
    "token": CANARY + "-access",
    "scopes": ["https://www.googleapis.com/auth/youtube"],
    "client_id": "1234567890-abc.apps.example",
    "client_secret": CANARY,
    "token_uri": "https://oauth2.example/token",
    "type": "authorized_user",
}
_TOKENS = (
    _TOKEN,
    {"accounts": [{"credentials": _TOKEN}]},
    {"accessToken": CANARY, "refreshToken": CANARY, "scope": "a b"},
)


def read_a_client(content):
    client, _ = outcome(lambda: logins.from_secrets_file(content), secrets=(CANARY,))
    if client is not None:
        assert logins.is_token(client.client_id)
        require_hidden(client, "client_secret")


def read_a_token(content):
    found, _ = outcome(lambda: logins.from_token_file(content), secrets=(CANARY,))
    if found is not None:
        assert logins.is_token(found.refresh.reveal())
        require_hidden(found, "refresh", "access", "client_secret")
        _ = found.client


_STATE = "state-of-this-login"
_CAME_BACK = (
    f"http://127.0.0.1:40001/?state={_STATE}&code=4%2F{CANARY}&scope=a",
    f"code=4%2F{CANARY}&state={_STATE}",
    f"http://localhost/?error=access_denied&state={_STATE}",
    f"4/{CANARY}",
)


def read_what_was_pasted(text):
    outcome(lambda: logins.read_answer(text, _STATE), secrets=(CANARY,))
    outcome(lambda: logins.read_pasted(text, _STATE), secrets=(CANARY,))


# Sessions

_COOKIE = {
    "name": "SID",
    "value": CANARY,
    "domain": ".youtube.com",
    "path": "/",
    "expires": 1795231276.8,
    "httpOnly": True,
    "secure": True,
    "sameSite": "Lax",
}
_STATES = (
    {
        "cookies": [_COOKIE, {**_COOKIE, "name": "SAPISID"}],
        "origins": [{"origin": "https://a.example", "localStorage": []}],
    },
    [{**_COOKIE, "expirationDate": 1795231276, "hostOnly": False, "session": False, "storeId": "0", "sameSite": "lax"}],
)
_NETSCAPE = (
    "# Netscape HTTP Cookie File\n\n"
    f".youtube.com\tTRUE\t/\tTRUE\t1795231276\tSID\t{CANARY}\n"
    f"#HttpOnly_youtube.com\tFALSE\t/\tTRUE\t0\tLOGIN_INFO\t{CANARY}\n"
)


def read_a_session(text):
    state, _ = outcome(lambda: cookies.read(text), secrets=(CANARY,))
    if state is None:
        return
    content = json.loads(state.content.reveal())
    again = cookies.read(state.content.reveal())
    assert (again.cookies, again.expires_at, again.domains) == (state.cookies, state.expires_at, state.domains)
    assert json.loads(again.content.reveal()) == content
    require_hidden(state, "content")
    for platform in ("youtube", "tiktok"):
        cookies.login(content["cookies"], platforms.known(platform))
    cookies.platform_of(content["cookies"])
    written, _ = outcome(lambda: cookies.netscape(content), secrets=(CANARY,))
    if written is not None:
        named = [(one["name"], one["value"], one["path"]) for one in content["cookies"]]
        assert [(one["name"], one["value"], one["path"]) for one in _of(cookies.read(written))] == named


def _of(state):
    return json.loads(state.content.reveal())["cookies"]


# The older tool's files, arrangements, env files

_OLDER = {
    "accounts": [
        {
            "id": "account_1",
            "name": "News",
            "client_id": "1234567890-abc.apps.example",
            "client_secret": CANARY,
            "token_file": "tokens/1.json",
            "channel_id": "UC" + "a" * 22,
            "enabled": True,
            "priority": 1,
            "daily_quota_limit": 10000,
            "tags": ["a"],
        },
        {"id": "account_2", "client_id": "x", "client_secret": CANARY, "token_file": "2.json"},
    ],
    "load_balancing": {"strategy": "round_robin", "failover_enabled": True, "max_retries": 3},
}
_USAGES = (
    {"date": "2026-11-20", "accounts": {"account_1": {"used": 100}}},
    {"account_1": {"date": "2026-11-20", "quota_used": 1600}},
    {"account_1": {"2026-11-19": {"total_units": 5}, "2026-11-20": {"total_units": 7}}},
)
_LOGS = (
    [
        {
            "timestamp": "2026-11-19T10:00:00",
            "action_type": "upload",
            "account_id": "account_1",
            "details": {"success": True},
        }
    ],
    {"activities": [{"timestamp": "2026-11-19T10:00:00+01:00", "action_type": "comment_blocked", "details": {}}]},
)


def read_an_older_configuration(content):
    found, _ = outcome(lambda: older.configuration(content), secrets=(CANARY,))
    if found is not None:
        for entry in found.entries:
            assert CANARY not in (entry.problem or "")


def read_older_use(content):
    found, _ = outcome(lambda: older.usage(content))
    for one in found or ():
        assert one.units >= 0


def read_an_older_log(content):
    found, _ = outcome(lambda: older.log(content, ZoneInfo("America/New_York"), NOW))
    for line in found.lines if found else ():
        assert line.moment.tzinfo is UTC


_ARRANGEMENT = """[projects.studio]
number = "1234567890"
clients = ["1234567890-abc.apps.example"]
limits = { uploads = 50 }
[accounts.news]
project = "studio"
tier = "production"
slots = 2
caps = { uploads = 6 }
labels = { team = "north" }
[pools.main]
strategy = "health"
accounts = ["news"]
"""
_TWICE = '["again, at line 3"]\n[pools.a]\n[pools.a]\n[pools.a]\nx = 1\nx = 2\n'


def read_an_arrangement(text):
    wish, faults = arrangement.read(text)
    for fault in faults:
        require_sentence(str(fault))
    require_shown([str(fault) for fault in faults])
    assert faults or list(arrangement.differences(wish, {}, prune=True)) == list(
        arrangement.differences(arrangement.read(text)[0], {}, prune=True)
    )


def read_an_env_file(text):
    found = api_keys.variables_of(text)
    assert all(name.replace("_", "a").isalnum() for name in found)
    for number, key in api_keys.numbered("KEY", found).items():
        assert key == key.strip() != ""
        assert api_keys.number_of(api_keys.short_name(number)) == number


# Keys, parcels, copies

_KEY = "ytpool-key-1 o4wfpxbvkxvs AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def read_a_key_file(content):
    keys, _ = outcome(lambda: keyfiles._parse(content, Path("key")), secrets=("AAECAwQF",))
    for key in keys or ():
        assert type(key).from_line(key.line().reveal()) == key


_PASSPHRASE = Secret("correct horse")
_HEAD = {"format": parcels.FORMAT, "kdf": "scrypt", "n": 2, "r": 1, "p": 1, "salt": "AAECAwQFBgcICQoLDA0ODw=="}
_PARCEL = {**_HEAD, "nonce": "AAECAwQFBgcICQoL", "sealed": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"}
_MOST_MEMORY = 512 << 20


def open_a_parcel(text):
    try:
        head, *_ = parcels._read(text)
    except Exception:  # noqa: BLE001 - what it is, `unpack` is asked below
        head = None
    if head is not None:
        assert 128 * head["n"] * head["r"] <= _MOST_MEMORY, head
        if head["n"] * head["r"] * head["p"] > 1 << 12:
            return  # honest, and a third of a second
    outcome(lambda: parcels.unpack(text, _PASSPHRASE), secrets=(_PASSPHRASE.reveal(),))


_LUGGAGE = {
    "api_root": "https://youtube.example/",
    "arrangement": _ARRANGEMENT,
    "logins": [
        {
            "account": "news",
            "client_id": "1234567890-abc.apps.example",
            "auth_uri": "https://a.example",
            "token_uri": "https://t.example",
            "channel_id": "UC" + "a" * 22,
            "channel_title": "News",
            "uploads_playlist": "UU" + "a" * 22,
            "scopes": ["a"],
            "grant_expires_at": None,
            "logged_in_at": "2026-11-19T10:00:00.000000Z",
            "refreshed_at": None,
            "verified_at": None,
            "logins": 1,
            "client_secret": CANARY,
            "refresh_token": CANARY,
        }
    ],
}


def open_luggage(text):
    found, _ = outcome(lambda: Luggage.from_text(Secret(text)), secrets=(CANARY,))
    if found is not None:
        assert isinstance(found.arrangement, str)
        assert isinstance(found.api_root, str)
        for login in found.logins:
            _parsed(login.logged_in_at)
            assert all(isinstance(text, str) for text in (login.account, login.refresh_token, login.client_secret))


_META = {
    "state": "01J000000000000000000000",
    "backup_profile": "default",
    "backup_taken": "2026-11-19T10:00:00.000000Z",
    "api_root": "https://youtube.example/",
    "schema": "9999",
    "min_reader": "1",
}


def look_at_a_copy(said):
    path = _FOLDER / "copy.db"
    for made in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        made.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        for table in FIRST_TABLES - {"meta"}:
            connection.execute(f"CREATE TABLE {table} (x)")
        connection.execute("CREATE TABLE meta (key, value)")
        for key, value in said.items() if isinstance(said, dict) else ():
            if all(isinstance(one, str | float | bool | None) and _is_writable(one) for one in (key, value)):
                connection.execute("INSERT INTO meta VALUES (?, ?)", (key, value))
    _look_at(path)


def _look_at(path):
    outcome(lambda: copies.marks(path))
    copies.last_written_at(path)
    database = SqliteDatabase(path, SystemClock(), SystemClock().now)
    try:
        with suppress(sqlite3.Error):  # of a file that has only some of our tables the migrations make nothing
            outcome(lambda: _opened(database))
    finally:
        database.close()


def _opened(database):
    with database.reading():
        pass


def _is_writable(one):
    return not isinstance(one, str) or one.encode("utf-8", "replace").decode() == one


def look_at_bytes_of_a_copy(content):
    path = _FOLDER / "bytes.db"
    path.write_bytes(content)
    _look_at(path)


with closing(sqlite3.connect(":memory:")) as _made:
    _made.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
    _made.execute("INSERT INTO meta VALUES ('schema', '9999')")
    for _name in sorted(FIRST_TABLES - {"meta"}):
        _made.execute(f"CREATE TABLE {_name} (x)")
    _made.commit()
    _COPY = _made.serialize()

# Scenarios of rehearsals

_SCENARIO = """title = "A day of trouble"
about = "Expected: little."
[[disaster]]
what = "cap"
uploads = 4
after = 30
accounts = ["news"]
[[disaster]]
what = "answer"
at = "1h30m"
for = "20m"
error = "backendError"
[[disaster]]
what = "clock"
over = "reset"
"""


def read_a_scenario(content):
    found, _ = outcome(lambda: scenarios.read("own", content, "own.toml"))
    for disaster in found.disasters if found else ():
        require_sentence(scenarios.words(disaster))
        require_sentence(scenarios.when(disaster), may_be_empty=True)


# Captions and images


def look_at_captions(content):
    outcome(lambda: captions.check_file(PurePath("talk.srt"), len(content), [content[:40], content[40:]]))


def look_at_an_image(content):
    outcome(lambda: images.thumbnail("talk.png", max(len(content), 1), content))


_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\5\0\0\0\2\xd0\x08\2\0\0\0"
_JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x11\x08\2\xd0\5\0\3\1\x22\0\2\x11\1\3\x11\1"


def _spoilt(content):
    places = st.integers(0, len(content))
    return st.builds(lambda at, put: content[:at] + put + content[at + len(put) :], places, st.binary(max_size=6))


_JSONL = tables(_ROW, {"file": "a.mp4", "account": "news"}).map(json.dumps)

TARGETS = (
    Target(name="manifest csv", inputs=contents(_TABLE), check=read_a_table),
    Target(name="manifest jsonl", inputs=contents(json.dumps(_ROW), of=_JSONL), check=read_lines),
    Target(name="sidecar", inputs=contents(_SIDECAR), check=read_a_sidecar),
    Target(
        name="client secrets",
        inputs=contents(
            json.dumps({"installed": _CLIENT}), of=as_json({"installed": _CLIENT}, {"web": _CLIENT}, {"web": []})
        ),
        check=read_a_client,
    ),
    Target(name="token file", inputs=contents(json.dumps(_TOKEN), of=as_json(*_TOKENS)), check=read_a_token),
    Target(name="pasted answer", inputs=texts(*_CAME_BACK), check=read_what_was_pasted),
    Target(name="storage state", inputs=as_json(*_STATES), check=read_a_session),
    Target(name="cookie file", inputs=texts(_NETSCAPE), check=read_a_session),
    Target(
        name="older configuration",
        inputs=contents(json.dumps(_OLDER), of=as_json(_OLDER)),
        check=read_an_older_configuration,
    ),
    Target(name="older use", inputs=contents(json.dumps(_USAGES[0]), of=as_json(*_USAGES)), check=read_older_use),
    Target(name="older log", inputs=contents(json.dumps(_LOGS[0]), of=as_json(*_LOGS)), check=read_an_older_log),
    Target(name="arrangement", inputs=texts(_ARRANGEMENT, _TWICE), check=read_an_arrangement),
    Target(name="scenario", inputs=contents(_SCENARIO), check=read_a_scenario),
    Target(name="env file", inputs=texts("export KEY='a # b'\nKEY_2=b # c\n# x\n"), check=read_an_env_file),
    Target(name="key file", inputs=contents(f"# ours\n{_KEY}\n"), check=read_a_key_file),
    Target(name="parcel", inputs=as_json(_PARCEL), check=open_a_parcel),
    Target(name="luggage", inputs=as_json(_LUGGAGE), check=open_luggage),
    Target(name="copy of a state", inputs=tables(_META), check=look_at_a_copy),
    Target(name="bytes of a copy", inputs=st.one_of(_spoilt(_COPY), BYTES), check=look_at_bytes_of_a_copy),
    Target(
        name="captions",
        inputs=contents("1\n00:00:01,000 --> 00:00:02,000\nHello\n"),
        check=look_at_captions,
    ),
    Target(name="thumbnail", inputs=st.one_of(_spoilt(_PNG), _spoilt(_JPEG), BYTES), check=look_at_an_image),
)
