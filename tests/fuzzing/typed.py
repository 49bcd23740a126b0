"""Parsers of what people type: moments and spans, sizes and rates, playlists, captions, ids, sessions, suppositions."""

from datetime import UTC, date
from pathlib import PurePath
from zoneinfo import ZoneInfo

from books import BOOK
from fuzzing.documents import texts
from fuzzing.target import CANARY, Target, outcome, require_sentence
from hypothesis import strategies as st

from ytpool.actions import session_files
from ytpool.actions.plan import supposing
from ytpool.cli.options import span
from ytpool.cli.values import visible
from ytpool.domain import (
    captions,
    changes,
    comments,
    grants,
    moments,
    names,
    pacing,
    publication,
    sessions,
    video,
)
from ytpool.domain.secret import Secret
from ytpool.probes import browser

_BERLIN = ZoneInfo("Europe/Berlin")


def type_a_moment(text):
    found, _ = outcome(lambda: moments.typed(text, _BERLIN), says=ValueError)
    if found is not None:
        assert found.tzinfo is UTC
        assert moments.parse(moments.text(found)) == found
        assert len(moments.text(found)) == 27
        moments.spoken(found)


def type_a_span(text):
    found, _ = outcome(lambda: span(text, "--forward"))
    assert found is None or found.total_seconds() >= 0


def type_a_rate(text):
    found, _ = outcome(lambda: pacing.bytes_per_second(text))
    assert found is None or found > 0
    if found is not None and len(str(found)) <= 12:
        assert pacing.bytes_per_second(str(found)) == found


def type_a_playlist(text):
    wish = publication.playlist(text)
    assert publication.PlaylistWish.from_dict(wish.to_dict()) == wish
    for sentence in publication.playlist_problems((wish,)):
        require_sentence(sentence)
    visible(publication.spoken(wish.step))


def type_a_caption(text):
    found, _ = outcome(lambda: captions.parse(text), says=ValueError)
    if found is not None:
        assert captions.Caption.from_dict(found.to_dict()) == found
        for sentence in captions.problems((found, found)):
            require_sentence(sentence)


def type_an_id(text):
    for read in (video.video_id, comments.comment_id):
        found, _ = outcome(lambda read=read: read(text), says=ValueError)
        assert found is None or read(found) == found
    outcome(lambda: changes.localization(text), says=ValueError)
    grants.parse_scopes(text)


def type_a_name(text):
    found, _ = outcome(lambda: names.legal(text))
    assert found is None or names.legal(found) == found
    known, _ = outcome(lambda: sessions.require_name(text, "user"))
    assert known is None or sessions.require_name(known, "user") == known
    outcome(lambda: names.require_words(text, "a reason"))
    outcome(lambda: sessions.require_platform(text))
    assert sessions.readings(text)
    assert video.default_title(text) is not None
    video.content_type(text)
    PurePath(text)


def type_a_proxy(text):
    """What is taken for a proxy, a browser takes too."""
    secret = Secret(text)
    _, sentence = outcome(lambda: session_files._require_proxy(secret), secrets=(CANARY,))
    if sentence is None:
        assert browser.way_out(secret)["server"].isprintable()


_PRICES = BOOK.on(date(2026, 11, 20))


def suppose_something(lines):
    outcome(lambda: supposing.suppose(lines, _PRICES))


TARGETS = (
    Target(
        name="moment",
        inputs=texts(
            "2026-12-24T18:00", "2026-10-25 02:30 Europe/Berlin", "2026-12-24T18:00+01:00", "0001-01-01T00:00"
        ),
        check=type_a_moment,
    ),
    Target(name="span", inputs=texts("90s", "1d12h", "1.5h", "99999999999999999999d"), check=type_a_span),
    Target(name="rate", inputs=texts("800K", "5M/s", "1.5GiB", "1"), check=type_a_rate),
    Target(name="playlist", inputs=texts("PLabcdefghijklmnop", "+Talks", "https://y/?list=LL"), check=type_a_playlist),
    Target(name="caption", inputs=texts("de:talk.de.srt", "de:a:b.srt:Name", "en:x"), check=type_a_caption),
    Target(
        name="id", inputs=texts("abcdefghijk", "https://youtu.be/abcdefghijk?t=1", "de:A title:text"), check=type_an_id
    ),
    Target(name="name", inputs=texts("news", "user@tiktok/x", "a b/c"), check=type_a_name),
    Target(
        name="proxy",
        inputs=texts(f"socks5://user:{CANARY}@[::1]:1080", f"http://a%40b:{CANARY}@proxy.example:3128/", "https://a:1"),
        check=type_a_proxy,
    ),
    Target(
        name="supposition",
        inputs=st.lists(texts("limit uploads=500", "limit studio uploads = 5", "add account:news"), max_size=3),
        check=suppose_something,
    ),
)
