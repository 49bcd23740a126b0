"""Inputs for parsers: valid documents that something was done to, and bytes and signs that nobody meant."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

SIGNS = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
"""Any signs, halves of surrogate pairs included, as a terminal hands over bytes that are no UTF-8."""

ODD = st.sampled_from(
    [
        *("", " ", "\0", "\n", "\r\n", "\t", "\x1b[2J", "\u2028", "\ud800", "\udcff", "\ufeff", "\U0001f9ff", "٣", "²"),
        *("-1", "0", "1e999", "NaN", "-Infinity", "9" * 30, "9" * 5000, "0x10", "1_0", "true", "null", "[]", "{}"),
        *("~nobody-of-this-name/x", "../..", "//", "http://[", "http://[::1", "https://a@b\\c", "%", "%ff", "%00"),
        *("0000-00-00", "9999-12-31T23:59:59.999999", "0001-01-01T00:00", "2026-02-30", "24:00", "2026-01-01T00+24:00"),
        *("[" * 3000, "{" * 3000, '{"a":' * 3000, "[[" * 400 + "1" + "]]" * 400, "a." * 400 + "a"),
        *(" " * 2000, "\t" * 2000, "a" * 2000, "a " * 1000, "\n" * 2000, "%41" * 500, "<a b=" * 500),  # for patterns
        *('"', "'", '"""', "\\", "=", ":", ";", ",", "#", "&", "?", "@", "/", "[", "]", "{", "}", "<", ">"),
    ]
)
"""What parsers have stumbled over."""


def texts(*valid: str, of: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[str]:
    """Give documents as they should be, with a few places changed, or made by `of`; and anything at all."""
    changed = st.sampled_from(valid).flatmap(_changed)
    return st.one_of(changed if of is None else of, changed, SIGNS | ODD)


def contents(*valid: str, of: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[bytes]:
    """The same as files hold it: as UTF-8, as other codings, with bytes changed; and any bytes at all."""
    written = texts(*valid, of=of).map(lambda text: text.encode("utf-8", "surrogatepass"))
    codings = st.sampled_from(["utf-8-sig", "utf-16", "utf-32", "latin-1"])
    otherwise = st.builds(lambda text, coding: text.encode(coding, "replace"), st.sampled_from(valid), codings)
    spoilt = st.tuples(st.sampled_from(valid).map(str.encode), st.binary(max_size=8)).flatmap(_spoilt)
    return st.one_of(written, written, written, otherwise, spoilt, BYTES)


BYTES = st.binary(max_size=400)


@st.composite
def _changed(draw: st.DrawFn, text: str) -> str:
    for _ in range(draw(st.integers(0, 3))):
        begins = draw(st.integers(0, len(text)))
        ends = draw(st.integers(begins, min(len(text), begins + draw(st.sampled_from([0, 1, 8, 60, 10_000])))))
        put = draw(st.one_of(st.just(""), ODD, SIGNS, st.just(text[begins:ends] * 2)))
        text = text[:begins] + put + text[ends:]
    return text


def _spoilt(of: tuple[bytes, bytes]) -> st.SearchStrategy[bytes]:
    content, put = of
    return st.integers(0, len(content)).map(lambda place: content[:place] + put + content[place + len(put) :])


NUMBERS = st.sampled_from([0, -1, 1, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan")])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), NUMBERS, SIGNS, ODD)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SIGNS, inner, max_size=3), max_leaves=4
)
"""Anything that JSON can say, and some that it should not."""


@st.composite
def altered(draw: st.DrawFn, document: Any) -> Any:
    """Give a document with up to three places changed: another value, another name, gone, or there twice."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, 3))):
        places = list(_places(document))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        what = draw(st.integers(0, 9))
        if what == 0:
            del holder[key]
        elif what == 1 and isinstance(holder, dict):
            holder[draw(SIGNS | ODD)] = holder.pop(key)
        elif what == 1:
            holder.append(copy.deepcopy(holder[key]))
        elif what == 2 and isinstance(holder, dict):
            holder[draw(SIGNS | ODD)] = draw(VALUES)
        else:
            holder[key] = draw(LEAVES if what < 8 else VALUES)
    return document


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from _places(inner)


def tables(*valid: Any) -> st.SearchStrategy[Any]:
    """Give documents of JSON, as they are read, in which some values are others than they should be."""
    return st.sampled_from(valid).flatmap(altered)


def as_json(*valid: Any) -> st.SearchStrategy[str]:
    """Write altered documents as JSON, half of them with signs changed as well."""
    written = tables(*valid).map(json.dumps)
    return st.one_of(written, texts(*map(json.dumps, valid)))
