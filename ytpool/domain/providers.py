"""Services that run tasks for us over HTTP: how each is asked, and what its answers mean.

A provider is described in `[providers.NAME]`: three small tables say how a task is submitted, how it is asked about
and what a callback looks like. A place in an answer is written as a path such as `data.taskId`; where it leads into a
text that is JSON itself, as some services nest it, the path goes on inside. A template is a request with `{words}` in
it: `{key}`, `{callback}`, `{task_id}` and `{job}` are ours, every other word is what a submitter has to give, and
`{word?}` leaves its field out where nobody gives one.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote

from ytpool.domain import names
from ytpool.domain.endpoints import is_safe

OURS = frozenset({"key", "callback", "task_id", "job"})
"""What a template may name that nobody has to give."""

_TAKEN = ("youtube", "oauth")

_WORD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\??)\}")
_REQUEST = re.compile(r"(GET|POST|PUT) (/[^\s#]*|https?://[^\s#]+)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")


class Submit(NamedTuple):
    """How a task begins, and where its id stands in the answer."""

    request: str = ""
    headers: Mapping[str, Any] = {}
    body: Mapping[str, Any] = {}
    task_id: str = ""
    code: str = ""
    """Where an answer says whether the task was taken, beside its HTTP status; empty: the status is all there is."""
    accepted: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    """Codes that mean: not now."""
    denied: tuple[str, ...] = ()
    """Codes that mean: not with this key."""
    unclear: tuple[str, ...] = ()
    """Codes that leave open whether it was taken: unless the answer names the task it is unknown, as after 5xx."""


class Poll(NamedTuple):
    """How a task is asked about. Without a request only a callback tells its end."""

    request: str = ""
    headers: Mapping[str, Any] = {}
    body: Mapping[str, Any] = {}
    every: float = 15.0
    state: str = ""
    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    result: str = ""
    progress: str = ""
    message: str = ""


class Callback(NamedTuple):
    """What the service sends when a task ends. Without an address it is not asked to."""

    url: str = ""
    """Where we are reached by the service: `/webhooks/NAME` is put behind it."""
    task_id: str = ""
    state: str = ""
    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    result: str = ""
    message: str = ""


class Provider(NamedTuple):
    """A service, its keys' place, and what one key may do at once; spans are seconds."""

    name: str
    preset: str = ""
    url: str = ""
    keys: str = ""
    """The variable of the first key; NAME_2, NAME_3 and so on are the others."""
    env_file: str = ""
    slots: int = 3
    cost: float = 0.0
    time_limit: float = 3600.0
    submit: Submit = Submit()
    poll: Poll = Poll()
    callback: Callback = Callback()

    @property
    def inputs(self) -> dict[str, bool]:
        """Return what a submitter may give, and whether it has to be."""
        found: dict[str, bool] = {}
        for word, optional in _words([self.submit.request, self.submit.headers, self.submit.body]):
            if word not in OURS:
                found[word] = found.get(word, False) or not optional
        return found


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "runninghub": {
        "submit": {
            "request": "POST /task/openapi/create",
            "headers": {"Authorization": "Bearer {key}"},
            "body": {
                "apiKey": "{key}",
                "workflowId": "{workflow_id}",
                "nodeInfoList": "{nodes?}",
                "webhookUrl": "{callback?}",
            },
            "task_id": "data.taskId",
            "code": "code",
            "accepted": ["0"],
            "busy": ["415", "421", "814", "1003", "1520"],
            "denied": ["401", "416", "436", "801", "802", "806", "811", "812", "1002", "1014"],
            "unclear": ["500", "804", "805", "813", "1000", "1005", "1006", "1010", "1011", "1012", "1015", "1504"],
        },
        "poll": {
            "request": "POST /task/openapi/outputs",
            "headers": {"Authorization": "Bearer {key}"},
            "body": {"apiKey": "{key}", "taskId": "{task_id}"},
            "state": "code",
            "done": ["0"],
            "failed": ["805"],
            "result": "data",
            "message": "msg",
        },
        "callback": {
            "task_id": "taskId",
            "state": "eventData.code",
            "done": ["0"],
            "failed": ["805"],
            "result": "eventData.data",
            "message": "eventData.msg",
        },
    }
}
"""Ready-made descriptions; what is set beside `preset` is put over them, key by key.

`runninghub` is written from the service's own pages as they were in 2026: its error codes
(apifox.com/apidoc/docs-site/5441421/doc-6913925, and in full www.runninghub.cn/runninghub-api-doc-cn/doc-8435517),
"Start ComfyUI Task" and "Check Task Output" beside them. Its HTTP status is 200 whatever happened. Busy are no free
machine (415), the most that may run or wait at once (421, 814, 1520) and too many requests (1003); a key is denied that
is wrong, switched off or without money (416, 812) or a subscription (436, 801). 804 and 813 say of a task that it runs
or waits, and of the service's own faults (500, 1000, ...) nobody says whether a task came of them. Asked how a task
went, 0 is done with its files, 805 failed with `failedReason`, 804 and 813 not yet. The callback holds that answer as
text in `eventData`, and is repeated where it is not answered in time.
"""

Refuse = Callable[[tuple[str, ...], str], NoReturn]
"""Says what is wrong with the setting at this path, and raises."""


def from_table(name: str, table: Mapping[str, Any], refuse: Refuse) -> Provider:
    """Read one `[providers.NAME]`, strictly; a path given to `refuse` begins behind the name."""
    if not names.is_legal(name) or "." in name:
        refuse((), f"{name!r} cannot be a service's name: no spaces, slashes and dots")
    if name in _TAKEN:
        refuse((), f"{name} cannot be a service's name: it is what rests when Google does not answer")
    preset = table.get("preset", "")
    if preset not in ("", *PRESETS):
        refuse(("preset",), f"providers.{name}.preset must be one of {', '.join(PRESETS)}, not {preset!r}")
    found = Provider(name, **_fields(name, Provider, (), _merged(PRESETS.get(preset, {}), table), refuse))
    _check(found, refuse)
    return found


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Put one table over another; a body or headers are replaced as a whole, for half of one is no request."""
    merged = dict(below)
    for key, value in above.items():
        under = below.get(key)
        is_part = key in _PARTS and isinstance(value, Mapping) and isinstance(under, Mapping)
        merged[key] = {**under, **value} if is_part and isinstance(under, Mapping) else value
    return merged


_PARTS: Mapping[str, type[Any]] = {"submit": Submit, "poll": Poll, "callback": Callback}


def _fields(
    name: str, kind: type[Any], path: tuple[str, ...], table: Mapping[str, Any], refuse: Refuse
) -> dict[str, Any]:
    found = {}
    known = [field for field in kind._fields if field != "name"]
    for key, value in table.items():
        here = (*path, key)
        shown = ".".join(("providers", name, *here))
        if key not in known:
            refuse(here, f"there is no setting {shown}; {'.'.join(('providers', name, *path))} has {', '.join(known)}")
        if key in _PARTS and not path:
            if not isinstance(value, Mapping):
                refuse(here, f"{shown} is a section: write [{shown}] and its keys below")
            found[key] = _PARTS[key](**_fields(name, _PARTS[key], here, value, refuse))
        else:
            found[key] = _typed(shown, here, value, kind._field_defaults[key], refuse)
    return found


def _typed(shown: str, path: tuple[str, ...], value: Any, default: Any, refuse: Refuse) -> Any:
    match default:
        case tuple():
            if not isinstance(value, list) or not all(isinstance(one, str | int) for one in value):
                refuse(path, f"{shown} must be a list of words or numbers, not {value!r}")
            return tuple(spoken(one) for one in value)
        case float() if type(value) is int:
            return float(value)
        case dict() if not isinstance(value, Mapping):
            refuse(path, f"{shown} must be a table, not {value!r}")
        case str() | int() | float() if type(value) is not type(default):
            kinds = {str: "text in quotes", int: "a whole number", float: "a number"}
            refuse(path, f"{shown} must be {kinds[type(default)]}, not {value!r}")
    return value


def _check(provider: Provider, refuse: Refuse) -> None:
    """Refuse what cannot work, before a task is ever submitted."""
    for path, sentence in _wrong(provider):
        refuse(path, f"providers.{'.'.join((provider.name, *path))} {sentence}")


def _wrong(provider: Provider) -> Iterator[tuple[tuple[str, ...], str]]:
    address = "must be an https address; plain http is for this machine only (127.0.0.1, ::1, localhost)"
    if not provider.url:
        yield ("url",), "is missing: it is the address of the service, such as 'https://api.film.example'"
    if not is_safe(provider.url) or "?" in provider.url:
        yield ("url",), f"{address}, not {provider.url!r}"
    if not provider.keys:
        yield ("keys",), "is missing: it is the name of the variable that holds the first key, such as 'FILM_KEY'"
    if not _VARIABLE.fullmatch(provider.keys):
        yield ("keys",), f"must be the name of the variable that holds the first key, not {provider.keys!r}"
    for key, value, least, most in (
        ("slots", provider.slots, 1, 1000),
        ("cost", provider.cost, 0, 1_000_000),
        ("time_limit", provider.time_limit, 1, 30 * 24 * 3600),
    ):
        if not least <= value <= most:
            yield (key,), f"must be between {least} and {most}, not {value!r}"
    if not 0.1 <= provider.poll.every <= 24 * 3600:
        yield ("poll", "every"), f"must be between 0.1 and {24 * 3600}, not {provider.poll.every!r}"
    yield from _wrong_requests(provider)
    if provider.callback.url and not is_safe(provider.callback.url):
        yield ("callback", "url"), f"{address}, not {provider.callback.url!r}"
    if not provider.poll.request and not provider.callback.url:
        yield ("poll", "request"), "is needed where there is no callback.url: nobody would hear how a task ended"
    yield from _wrong_places(provider)


def _wrong_requests(provider: Provider) -> Iterator[tuple[tuple[str, ...], str]]:
    for part, request in (("submit", provider.submit.request), ("poll", provider.poll.request)):
        if part == "poll" and not request:
            continue
        if not request:
            yield (part, "request"), "is missing: it says how a task is submitted, such as 'POST /tasks'"
        match = _REQUEST.fullmatch(request)
        if match is None or (match[2].startswith("http") and not is_safe(_WORD.sub("x", match[2]))):
            yield (part, "request"), f"must be like 'POST /tasks', not {request!r}"
    asks = _words([provider.poll.request, provider.poll.headers, provider.poll.body])
    if stranger := next((word for word, _ in asks if word not in OURS), None):
        yield ("poll",), f"may name {', '.join(sorted(OURS))} in braces, and not {stranger}"
    sends = [word for word, _ in _words([provider.submit.request, provider.submit.headers, provider.submit.body])]
    if "task_id" in sends:
        yield ("submit",), "cannot name {task_id}: there is none before the answer"
    if provider.callback.url and "callback" not in sends:
        yield ("submit",), "must name {callback} somewhere, or the service does not know where to call"


def _wrong_places(provider: Provider) -> Iterator[tuple[tuple[str, ...], str]]:
    if not _PATH.fullmatch(provider.submit.task_id):
        yield (
            ("submit", "task_id"),
            f"must say where the id stands in the answer, like data.taskId, not {provider.submit.task_id!r}",
        )
    if provider.submit.code and not provider.submit.accepted:
        yield ("submit", "accepted"), "must list the codes that mean the task was taken"
    heard: tuple[tuple[str, bool, Poll | Callback], ...] = (
        ("poll", bool(provider.poll.request), provider.poll),
        ("callback", bool(provider.callback.url), provider.callback),
    )
    for part, used, told in heard:
        if used and not (_PATH.fullmatch(told.state) and told.done):
            yield (
                (part, "state"),
                f"and {part}.done must say where the state stands, and what it is when a task is done",
            )
    if provider.callback.url and not _PATH.fullmatch(provider.callback.task_id):
        yield ("callback", "task_id"), "must say where the id stands in what the service sends"


def _words(template: Any) -> Iterator[tuple[str, bool]]:
    """Yield every word in braces, and whether it may be missing."""
    if isinstance(template, str):
        for match in _WORD.finditer(template):
            yield match[1], bool(match[2])
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from _words(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from _words(value)


class _Missing:
    """Stands for a field that is left out."""


_MISSING = _Missing()


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Put values into a template. A text that is one word alone becomes the value itself, whatever its type."""
    filled = _filled(template, values)
    return None if filled is _MISSING else filled


def fill_request(request: str, values: Mapping[str, Any]) -> str:
    """Put values into a request's address, written so that they can stand there."""
    return _WORD.sub(lambda match: quote(spoken(values.get(match[1], "")), safe=""), request)


def _filled(template: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(template, str):
        alone = _WORD.fullmatch(template)
        if alone is not None:
            return values.get(alone[1], _MISSING)
        return _WORD.sub(lambda match: spoken(values.get(match[1], "")), template)
    if isinstance(template, Mapping):
        pairs = ((key, _filled(value, values)) for key, value in template.items())
        return {key: value for key, value in pairs if value is not _MISSING}
    if isinstance(template, list | tuple):
        return [value for value in (_filled(one, values) for one in template) if value is not _MISSING]
    return template


def reach(answer: Any, path: str) -> Any:
    """Return what stands at a path of an answer, or None; an empty path leads nowhere."""
    if not path:
        return None
    for name in path.split("."):
        if isinstance(answer, str):
            try:
                answer = json.loads(answer)
            except (ValueError, RecursionError):
                return None
        if isinstance(answer, Mapping):
            answer = answer.get(name)
        elif isinstance(answer, list) and name.isdecimal() and int(name) < len(answer):
            answer = answer[int(name)]
        else:
            return None
    return answer


def spoken(value: Any) -> str:
    """Write a value of an answer as settings name it: `true`, `0`, `SUCCESS`."""
    if not isinstance(value, str):
        return json.dumps(value)
    return value if names.is_text(value) else value.encode("utf-8", "backslashreplace").decode()


def hushed(content: Any, unspoken: Collection[str]) -> Any:
    """Take secrets out of what a service says: some repeat in an error what they were sent."""
    if isinstance(content, str):
        for secret in unspoken:
            content = content.replace(secret, "(secret)")
        return _hushed_within(content, unspoken)
    if not _is_shallow(content, _DEEPEST):
        return None
    if isinstance(content, Mapping):
        return {hushed(name, unspoken): hushed(value, unspoken) for name, value in content.items()}
    if isinstance(content, list):
        return [hushed(value, unspoken) for value in content]
    return content


def _hushed_within(text: str, unspoken: Collection[str]) -> str:
    """Take secrets out of a text that is JSON itself, which `reach` reads, and where they may be spelt otherwise."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return text
    try:
        within = json.loads(text)
    except ValueError:
        return text
    except RecursionError:
        return json.dumps(None)
    clean = hushed(within, unspoken)
    return text if clean == within else json.dumps(clean)


def stored(result: Any) -> str:
    """Write a task's result as it is kept. What no reader of JSON would take is not kept, and that is said."""
    try:
        return json.dumps(result, allow_nan=False)
    except ValueError:
        return json.dumps("the service gave a result that is no JSON")


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, Mapping | list):
        return True
    inner = value.values() if isinstance(value, Mapping) else value
    return levels > 0 and all(_is_shallow(one, levels - 1) for one in inner)


_DEEPEST = 64


class Heard(NamedTuple):
    """An answer: its status, what its JSON holds (None where it is none), and seconds of `Retry-After`."""

    status: int
    content: Any
    retry_after: float | None


class Taken(StrEnum):
    """What an answer to a submission means."""

    YES = "yes"
    BUSY = "busy"
    """Not now; the key is not to blame."""
    KEY_REFUSED = "key_refused"
    NO = "no"
    UNKNOWN = "unknown"
    """It may have been taken, and nobody can say so."""


def taken(submit: Submit, status: int, answer: Any) -> Taken:
    """Judge the answer to a submission. 5xx tells nothing: the task may exist."""
    if not 200 <= status < 300:
        return _REFUSALS.get(status, Taken.UNKNOWN if status >= 500 else Taken.NO)
    code = reach(answer, submit.code)
    word = "" if code is None else spoken(code)
    if word in submit.busy:
        return Taken.BUSY
    if word in submit.denied:
        return Taken.KEY_REFUSED
    if code is not None and word not in (*submit.accepted, *submit.unclear):
        return Taken.NO
    return Taken.YES if task_id(answer, submit.task_id) else Taken.UNKNOWN


_REFUSALS = {401: Taken.KEY_REFUSED, 403: Taken.KEY_REFUSED, 408: Taken.UNKNOWN, 429: Taken.BUSY}


def task_id(answer: Any, path: str) -> str:
    """Return the id of a task that an answer names, or nothing; ids are words or numbers."""
    found = reach(answer, path)
    is_id = isinstance(found, str | int) and not isinstance(found, bool) and found != ""
    return spoken(found)[:_LONGEST_ID] if is_id else ""


_LONGEST_ID = 500


class Told(NamedTuple):
    """What an answer or a callback says of a task: `ended` is None while it runs, else whether it went well."""

    ended: bool | None
    result: Any
    progress: str
    message: str


def told(how: Poll | Callback, answer: Any) -> Told:
    """Read a task's state. A word that is neither done nor failed means that it goes on."""
    state = reach(answer, how.state)
    word = None if state is None else spoken(state)
    ended = True if word in how.done else False if word in how.failed else None
    progress = reach(answer, how.progress) if isinstance(how, Poll) else None
    message = reach(answer, how.message)
    return Told(
        ended,
        reach(answer, how.result) if ended is not None else None,
        "" if progress is None else spoken(progress)[:100],
        "" if message is None else spoken(message)[:500],
    )
