"""Settings that variables of the environment give."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ytpool.config.given import Given, unknown, unknown_key
from ytpool.config.settings import SECTIONS, attribute

OF_OTHER_PROGRAMS: Mapping[str, str] = {
    "YT_ACCOUNT_ID": "serve.account",
    "YT_DLP_COOKIES_FILE": "serve.cookies_file",
}
"""Variables of other programs that say the same as a setting of ours; our own go before them."""

SECRET_VARIABLES = frozenset({"YTPOOL_SERVE_TOKEN"})
"""Variables that hold a secret: they are read where it is needed, and are no settings that anybody could list."""


def from_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    """Return every setting that a variable gives; raises ConfigInvalid for one that is nearly a setting of ours."""
    found = {}
    if state := environ.get("YTPOOL_STATE"):
        found["state"] = Given(state, "YTPOOL_STATE")
    for variable, key in OF_OTHER_PROGRAMS.items():
        if text := environ.get(variable):
            found[key] = Given(text, variable)
    for variable, text in environ.items():
        prefix, _, rest = variable.partition("_")
        if prefix != "YTPOOL" or not text or variable in SECRET_VARIABLES:
            continue
        section, key = _named(rest.lower())
        # A misspelt endpoint would quietly send a rehearsal to Google.
        if section not in SECTIONS:
            if key and get_close_matches(section, SECTIONS, n=1, cutoff=0.7):
                Given(text, variable).refuse(section, unknown("section", section, tuple(SECTIONS)))
            continue
        if key not in SECTIONS[section]._fields:
            Given(text, variable).refuse(f"{section}.{key}", unknown_key(section, key))
        default = SECTIONS[section]._field_defaults[key]
        found[f"{section}.{key}"] = Given(_from_text(text, default), variable)
    return found


def _named(rest: str) -> tuple[str, str]:
    """Tell section and key of a variable's name; a section that stands in another is tried first."""
    for section in SECTIONS:
        if "." in section and rest.startswith(f"{attribute(section)}_"):
            return section, rest[len(section) + 1 :]
    section, _, key = rest.partition("_")
    return section, key


def _from_text(text: str, default: Any) -> Any:
    """Read a variable as the type of its default; what cannot be read stays text, and is refused as such."""
    if isinstance(default, bool):
        return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}.get(text.lower(), text)
    if isinstance(default, tuple):
        return text
    try:
        return type(default)(text)
    except ValueError:
        return text


def variable(key: str) -> str:
    """Name the variable that goes before a setting of the file."""
    return f"YTPOOL_{key.replace('.', '_').upper()}"
