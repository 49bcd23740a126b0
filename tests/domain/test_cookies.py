"""Stored browser sessions are read strictly, and what they hold is never quoted."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.cookies import LARGEST_BYTES, from_storage_state, named
from ytpool.errors import SessionsInvalid


def make_cookie(**fields):
    return {
        "name": "SID",
        "value": "not-for-logs",
        "domain": ".Example.test",
        "path": "/",
        "expires": 1795231276.836607,
        "httpOnly": True,
        "secure": False,
        "sameSite": "Lax",
    } | fields


def make_state(*cookies):
    return json.dumps({"cookies": list(cookies), "origins": []})


def test_a_session_is_counted_dated_and_given_a_digest():
    text = make_state(
        make_cookie(), make_cookie(expires=-1, domain="127.0.0.1"), make_cookie(expires=1790000000), make_cookie()
    )

    state = from_storage_state(text)

    assert state.cookies == 4
    assert state.expires_at == datetime.fromtimestamp(1790000000, UTC)
    assert state.domains == ("127.0.0.1", "example.test")
    assert state.digest == from_storage_state(text).digest != from_storage_state(text + " ").digest


@pytest.mark.parametrize("expires", [-1, 1e300, float("inf"), 1795231276836607])
def test_a_cookie_without_an_end_we_could_reach_does_not_date_the_session(expires):
    assert from_storage_state(make_state(make_cookie(expires=expires))).expires_at is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("# Netscape HTTP Cookie File", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("9" * 5000, "not JSON"),
        ("[]", "without the list"),
        ('{"cookies": {}}', "without the list"),
        ('{"cookies": []}', "no cookies"),
        (make_state(1), "cookie 1 is not an object"),
        (make_state(make_cookie(), {"name": "SID"}), "cookie 2 has no text as its value"),
        (make_state(make_cookie(value=7)), "cookie 1 has no text as its value"),
        (make_state(make_cookie(domain="")), "cookie 1 has an empty name or domain"),
        (make_state(make_cookie(expires="soon")), "cookie 1 expires at something that is no number"),
        (make_state(make_cookie(expires=True)), "cookie 1 expires"),
        (make_state(make_cookie(expires=float("nan"))), "cookie 1 expires"),
        (" " * LARGEST_BYTES + "{}", "browser session has at most"),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_no_session_is_refused_with_the_place_and_without_its_values(text, says):
    with pytest.raises(SessionsInvalid, match=says) as refused:
        from_storage_state(text)

    assert "not-for-logs" not in refused.value.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(make_cookie())), inner),
)


@given(st.text() | json_values.map(json.dumps) | st.lists(json_values, max_size=3).map(lambda c: make_state(*c)))
def test_no_text_at_all_gets_past_as_anything_but_a_session_or_a_named_refusal(text):
    try:
        state = from_storage_state(text)
    except SessionsInvalid:
        return
    assert state.cookies > 0


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("alice_instagram.json", ("alice", "instagram")),
        ("/old/Sessions/YouTube_news_desk.json", ("news_desk", "youtube")),
        ("news_desk_X.JSON", ("news_desk", "x")),
        ("alice_twitter.json", ("alice", "x")),
        ("x_youtube.json", ("x", "youtube")),
        ("alice.json", None),
        ("_youtube.json", None),
        ("youtube.json", None),
        ("alice_instagram.txt", None),
        ("alice_myspace.json", None),
    ],
)
def test_user_and_platform_are_guessed_from_the_file_s_name(name, guess):
    assert named(name) == guess
