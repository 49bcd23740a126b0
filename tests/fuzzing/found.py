"""What fuzzing has found, by target: inputs that once broke a promise. Each is tried first, for ever."""

import json

from fuzzing import files, sandboxes

_LONG = "9" * 5000
"""More digits than Python makes a number of."""
_HUGE = "9" * 400
"""A whole number that no floating-point number can hold."""
_HEX = "0x" + "f" * 5000
"""A number that is read, and that Python refuses to write."""
_NOBODY = "~nobody-of-this-name/x"


def _session(**fields):
    return json.dumps({"cookies": [files._COOKIE | fields], "origins": []})


def _luggage(**fields):
    return json.dumps(files._LUGGAGE | fields)


def _login(**fields):
    return _luggage(logins=[files._LUGGAGE["logins"][0] | fields])


FOUND = {
    # A traceback each: of the stack's end, of Python's limit for numbers, of a home folder, of a list as a word.
    "settings file": (
        b"a = " + b"[" * 3000,
        b"a = " + b"{b=" * 3000,
        f"[network]\ntimeout = {_LONG}".encode(),
        f"[upload]\nchunk_mib = {_HEX}".encode(),
        f"[upload]\nprivacy = {_HEX}".encode(),
        f"[network]\ntimeout = {_HUGE}".encode(),
        f"[ftp.x]\nhost='a'\nuser='b'\ntimeout = {_HUGE}".encode(),
        f"[alerts.targets.x]\ntype='command'\ncommand=['a']\ndigest_minutes = {_HUGE}".encode(),
        f"[providers.x]\nurl='https://a.example'\nkeys='A'\ncost = {_HUGE}".encode(),
        f"state = '{_NOBODY}'".encode(),
        f"[cookie_files.a]\npath = '{_NOBODY}'".encode(),
        f"state='postgresql://a@b/c'\n[postgres]\nsslcert = '{_NOBODY}'".encode(),
        b"[alerts.targets.x]\ntype=[]",
        b"[alerts.targets.x]\ntype={}",
        b'[upload]\ncategory = """\n' + b" " * 20_000 + b'\n"""',
    ),
    # A pattern went back and forth over spaces: a second for 250 of them, and sixteen for twice as many.
    "sidecar": (b'description = """\n' + b" " * 4000 + b'\n"""',),
    "settings variables": (
        {"YTPOOL_HOME": _NOBODY},
        {"YTPOOL_HOME": "/nowhere", "YTPOOL_STATE": _NOBODY},
        {"YTPOOL_HOME": "/nowhere", "YTPOOL_STATE": f"postgresql://a@b/c?port={_LONG}"},
        {"YTPOOL_HOME": "/nowhere", "YTPOOL_STATE": "postgresql://a@b/c", "PGPORT": _LONG},
    ),
    # The address for people named another host than the one that was meant.
    "database address": (
        "postgres://a%40;:5433,db.example:5432/y",
        "postgresql://%40folder/y",
        "postgresql://a@b/y?host=a%25b",
    ),
    # A name or a value of thousands of letters was repeated whole.
    # A sentence of thousands of signs.
    "manifest csv": (_LONG.encode(), f"file,account,publish_at\na.mp4,a,2026-12-24 18:00 Eur{'a' * 5000}".encode()),
    "manifest jsonl": tuple(
        json.dumps({"file": "a.mp4", "account": "a", **row}).encode()
        for row in (
            {_LONG: 1},
            {"category": _LONG},
            {"language": _LONG},
            {"localizations": {_LONG: {"title": "a"}}},
            {"captions": [_LONG]},
            {"captions": [{"language": _LONG, "path": _LONG}]},
        )
    ),
    # An address that cannot be one, and bytes that are no UTF-8: tracebacks, also in the receiver of a login.
    "pasted answer": ("http://[", "?code=x&state=\udcff", "http://\u2100?code=1"),
    # Numbers without end beside the cookies; a date beyond calendars was kept in one form and not in the other.
    "storage state": (
        _session(priority=float("nan")),
        json.dumps({"cookies": [files._COOKIE], "origins": [{"origin": "a", "x": float("inf")}]}),
    ),
    "cookie file": ("a.b\tTRUE\t/\tTRUE\t1e300\tn\tv",),
    # It never ended: what stands aside got a name that the file had already.
    "arrangement": (files._TWICE,),
    "scenario": (b"a = " + b"[" * 3000, f"title = {_LONG}".encode(), f"title = {_HEX}".encode()),
    # Two gigabytes were asked for before the passphrase was looked at.
    "parcel": (json.dumps(files._PARCEL | {"n": 2**20, "r": 16}),),
    "luggage": (
        "[" * 100_000,
        _luggage(api_root=None),
        _luggage(arrangement=[]),
        _login(account=5),
        _login(logged_in_at="yesterday"),
        _login(logins=float("inf")),
    ),
    "copy of a state": (
        files._META | {"schema": "x"},
        files._META | {"min_reader": None},
        files._META | {"schema": float("inf")},
        files._META | {"backup_taken": "yesterday"},
        files._META | {"backup_taken": 5},
    ),
    # SQLite quotes a damaged name, and Python cannot read the quotation.
    "bytes of a copy": (files._COPY.replace(b"ledger", b"ledge\xfb", 1),),
    "video": (
        {"statistics": False},
        {"snippet": 0},
        {"contentDetails": ""},
        {"statistics": {"viewCount": _LONG}},
    ),
    "comment": ({"snippet": {"publishedAt": "9999-12-31T23:59:59-23:00"}},),
    # An error of nothing but a line's end, or of blanks as far as it is repeated, was the sentence.
    "error body": (
        (400, {}, b'{"error": "invalid_grant", "error_description": "\\n"}'),
        (400, {}, b'{"error": "invalid_grant", "error_description": "' + b" " * 2000 + b'too far"}'),
    ),
    # JSON within a text: it went deeper than can be shown, and a secret was spelt so that it was not seen.
    "task answer": (
        {"taskId": "7", "eventData": '{"code":0,"data":' + "[" * 900 + "]" * 900 + "}"},
        {"taskId": "7", "eventData": '{"code":0,"data":["canary\\u002dZx81-not-for-logs"]}'},
    ),
    # It ended where the head of the film was to begin.
    "film": (sandboxes._LONG,),
    "line of the sandbox": (b"GET http://[ HTTP/1.1\r\n\r\n", sandboxes._POSTED + b"[" * 3000),
    # Text that cannot be written down, and lists within lists without end: no answer, and what was made stayed.
    "call of the sandbox": (
        sandboxes._wish("playlists.insert", {"snippet": {"title": "\ud800"}}),
        # Nothing, where there is to be something: no answer either.
        sandboxes._wish("videos.update", sandboxes._UPDATE | {"snippet": sandboxes._SNIPPET | {"tags": [None]}}),
    ),
    # The thread that calls back ended, and nobody was called back any more.
    "task of the sandbox": tuple(
        ("create", sandboxes._CREATES | {"webhookUrl": address})
        for address in ("http://[", "http://127.0.0.1:1x/", "http://127.0.0.1:1/\xc4")
    ),
    # Signs beyond ASCII where there are none, and lines of its own that a visitor put into the head of an answer.
    "login at the sandbox": (
        [("POST", "/token", sandboxes._REFRESH, "Basic e2Ns\xc4")],
        [("POST", "/o/oauth2/v2/auth", {**sandboxes._CHOICE, "redirect_uri": "http://localhost/\r\nA: b"}, None)],
        [("POST", "/o/oauth2/v2/auth", {**sandboxes._CHOICE, "redirect_uri": "http://localhost/\u0416"}, None)],
        [
            ("POST", "/o/oauth2/v2/auth", {**sandboxes._CHOICE, "code_challenge": "\xfc"}, None),
            ("POST", "/token", sandboxes._EXCHANGE, None),
        ],
    ),
    "upload to the sandbox": (
        # A picture that is none was refused, and the upload that had brought it stayed.
        (sandboxes._STARTS[2] | {"query": {"videoId": "{video}"}}, []),
        (sandboxes._STARTS[0], [("{address}", f"bytes 0-262143/{_LONG}", None, False)]),
        (sandboxes._STARTS[0], [("{address}", f"bytes 0-{_LONG}/*", None, True)]),
    ),
    # Half a minute, and half an hour for a megabyte, in which nobody else was answered.
    "parts of an upload": ((sandboxes._RELATED, b"--here\n\n" + b"--here\n" * 16_000),),
    # What was said to be wrong stayed half done, and numbers without end were an error of every later answer.
    "desk of the sandbox": (
        {"name": "projects", "wish": {"name": []}},
        {"name": "clients", "wish": {"client_id": 5, "client_secret": "s"}},
        {"name": "clients", "wish": {"client_id": "123-x", "client_secret": [], "project": "studio"}},
        {"name": "settings", "wish": {"tasks_take": 10**400}},
        {"name": "settings", "wish": {"processing_seconds": 10**300}},
        {"name": "settings", "wish": {"processing_seconds": 10**12}},
        {"name": "settings", "wish": {"video_width": 5, "video_height": "tall"}},
        {"name": "clock", "wish": {"forward_seconds": 10**300}},
        {"name": "clock", "wish": {"to": "9999-12-31T23:59:59Z"}},
        {"name": "projects", "wish": {"name": "studio", "limits": {"general": "many"}}},
        {"name": "units", "wish": {"project": "studio", "bucket": "a/b", "units": 5}},
    ),
}
