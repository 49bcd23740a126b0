"""Browser sessions are read strictly, in each way they are written, and what they hold is never quoted."""

import json
from datetime import UTC, datetime
from http.cookiejar import MozillaCookieJar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.cookies import LARGEST_BYTES, Format, login, named, netscape, platform_of, read
from ytpool.domain.platforms import known
from ytpool.errors import SessionsInvalid

SOON, LATER = 1790000000, 1795231276


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


def make_line(
    name="SID", value="not-for-logs", domain=".example.test", under="TRUE", path="/", secure="TRUE", expires=LATER
):
    return "\t".join((domain, under, path, secure, str(expires), name, value))


def moment(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def content(text):
    return json.loads(read(text).content.reveal())


def test_a_session_is_counted_dated_and_given_a_digest():
    text = make_state(
        make_cookie(), make_cookie(expires=-1, domain="127.0.0.1"), make_cookie(expires=SOON), make_cookie()
    )

    state = read(text)

    assert (state.format, state.cookies, state.expires_at) == (Format.STORAGE_STATE, 4, moment(SOON))
    assert state.domains == ("127.0.0.1", "example.test")
    assert state.digest == read(text).digest != read(text + " ").digest


@pytest.mark.parametrize("expires", [-1, 1e300, float("inf"), 1795231276836607, 10**400])
def test_a_cookie_without_an_end_we_could_reach_does_not_date_the_session(expires):
    state = read(make_state(make_cookie(expires=expires)))

    assert state.expires_at is None
    json.loads(state.content.reveal(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_a_storage_state_keeps_everything_that_is_in_it():
    whole = {
        "cookies": [make_cookie(partitionKey="https://top.test", new="field")],
        "origins": [
            {"origin": "https://a.test", "localStorage": [{"name": "k", "value": "\ud83d"}], "indexedDB": [{}]}
        ],
        "later": {"versions": ["add", 1]},
    }

    assert content(json.dumps(whole)) == whole


def test_a_netscape_file_becomes_a_storage_state():
    text = "\r\n".join(
        (
            "# Netscape HTTP Cookie File",
            "",
            "#HttpOnly_" + make_line("sessionid", domain=".instagram.com"),
            make_line("theme", value="", domain="www.instagram.com", under="FALSE", secure="FALSE", expires=0),
            "127.0.0.1\tTRUE\t/\tfalse\t\tlocal",
            make_line("one", domain="sub.example.test", value="a\tb"),
        )
    )

    assert content(text)["cookies"] == [
        {**_cookie("sessionid", ".instagram.com"), "httpOnly": True},
        {**_cookie("theme", "www.instagram.com"), "value": "", "secure": False, "expires": -1},
        {**_cookie("local", "127.0.0.1"), "value": "", "secure": False, "expires": -1},
        {**_cookie("one", ".sub.example.test"), "value": "a\tb"},
    ]
    assert (read(text).format, read(text).expires_at) == (Format.NETSCAPE, moment(LATER))


def _cookie(name, domain):
    return {
        "name": name,
        "value": "not-for-logs",
        "domain": domain,
        "path": "/",
        "expires": LATER,
        "httpOnly": False,
        "secure": True,
    }


@pytest.mark.parametrize("wrapped", [False, True], ids=["a list", "an object"])
def test_what_an_extension_exports_becomes_a_storage_state(wrapped):
    listed = [
        {
            "domain": "instagram.com",
            "hostOnly": False,
            "expirationDate": LATER + 0.25,
            "httpOnly": True,
            "name": "sessionid",
            "path": "/",
            "sameSite": "no_restriction",
            "secure": True,
            "session": False,
            "storeId": "0",
            "value": "not-for-logs",
            "id": 1,
        },
        {
            "domain": ".www.instagram.com",
            "hostOnly": True,
            "name": "theme",
            "sameSite": "unspecified",
            "session": True,
            "expirationDate": LATER,
            "value": "dark",
        },
        {"domain": "x.com", "name": "ct0", "value": "v", "path": "/", "sameSite": None, "expiry": SOON},
        {"domain": "x.com", "name": "n", "value": "v", "sameSite": "None", "expires": LATER, "secure": False},
        {
            "domain": "x.com",
            "name": "p",
            "value": "v",
            "sameSite": "STRICT",
            "partitionKey": {"topLevelSite": "https://t"},
        },
    ]

    state = content(json.dumps({"url": "https://instagram.com", "cookies": listed} if wrapped else listed))

    plain = {"path": "/", "httpOnly": False, "secure": False}
    assert state["origins"] == []
    assert state["cookies"] == [
        {**_cookie("sessionid", ".instagram.com"), "expires": LATER + 0.25, "httpOnly": True, "sameSite": "None"},
        {**plain, "name": "theme", "value": "dark", "domain": "www.instagram.com", "expires": -1},
        {**plain, "name": "ct0", "value": "v", "domain": "x.com", "expires": SOON},
        {**plain, "name": "n", "value": "v", "domain": "x.com", "expires": LATER},
        {
            **plain,
            "name": "p",
            "value": "v",
            "domain": "x.com",
            "expires": -1,
            "sameSite": "Strict",
            "partitionKey": "https://t",
        },
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no cookies"),
        ("# Netscape HTTP Cookie File\n# and nothing in it", "no cookies"),
        ("not-for-logs=1; and=so on", "line 1 is neither JSON nor a cookie"),
        (make_line().replace("\t", " "), "line 1 is neither JSON nor a cookie"),
        (f"# so\n\n{make_line(under='YES')}", "line 3 says neither TRUE nor FALSE"),
        (make_line(expires="soon"), "line 1 expires at something that is no number"),
        (make_line(expires="nan"), "line 1 expires at something that is no number"),
        (make_line(domain="a/b"), "cookie 1 has a domain that is none"),
        ("[" * 100_000, "not JSON"),
        ('{"cookies": not-for-logs}', "not JSON: line 1, column 13"),
        ("9" * 5000, "neither JSON"),
        ("[" + "9" * 5000 + "]", "not JSON"),
        ("[]", "no cookies"),
        ("[7]", "cookie 1 is not an object"),
        ('{"cookies": {}}', "without the list"),
        ('{"cookies": []}', "no cookies"),
        ('{"cookies": [], "origins": 7}', "origins"),
        (make_state(1), "cookie 1 is not an object"),
        (make_state(make_cookie(), {"name": "SID"}), "cookie 2 has no text as its value"),
        (make_state(make_cookie(value=7)), "cookie 1 has no text as its value"),
        (make_state(make_cookie(value="a\r\nb: not-for-logs")), "cookie 1 has a control character in its value"),
        (make_state(make_cookie(domain="")), "cookie 1 has an empty name or domain"),
        (make_state(make_cookie(domain="../not-for-logs")), "cookie 1 has a domain that is none"),
        (make_state(make_cookie(domain="a" * 256)), "cookie 1 has a domain that is none"),
        (make_state(make_cookie(expires="soon")), "cookie 1 expires at something that is no number"),
        (make_state(make_cookie(expires=True)), "cookie 1 expires"),
        (make_state(make_cookie(expires=float("nan"))), "cookie 1 expires"),
        (" " * LARGEST_BYTES + "{}", "browser session has at most"),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_no_session_is_refused_with_the_place_and_without_its_values(text, says):
    with pytest.raises(SessionsInvalid, match=says) as refused:
        read(text)

    assert "not-for-logs" not in f"{refused.value.message}{refused.value.hint}{refused.value.__cause__!r}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*make_cookie(), "cookies", "hostOnly", "expirationDate", "origins"]), inner)
    ),
)
lines = st.lists(st.sampled_from(["", "TRUE", "FALSE", ".a.test", "/", "0", "-7", "1e9", "#HttpOnly_", "x y"])).map(
    "\t".join
)


@given(
    st.text()
    | json_values.map(json.dumps)
    | st.lists(json_values, max_size=3).map(lambda found: make_state(*found))
    | st.lists(lines | st.text(max_size=9), max_size=4).map("\n".join)
)
def test_no_text_at_all_gets_past_as_anything_but_a_session_or_a_named_refusal(text):
    try:
        state = read(text)
    except SessionsInvalid:
        return
    assert state.cookies > 0
    again = read(state.content.reveal())
    assert (again.format, again.content) == (Format.STORAGE_STATE, state.content)


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1, max_size=9)
cookies = st.fixed_dictionaries(
    {
        "name": words.filter(lambda name: not name.startswith("#")),
        "value": words,
        "domain": st.sampled_from([".example.test", "example.test", "127.0.0.1", ".co.test"]),
        "path": words.map("/{}".format),
        "expires": st.just(-1) | st.integers(1, 2**37).map(float),
        "httpOnly": st.booleans(),
        "secure": st.booleans(),
    }
)


@given(st.lists(cookies, min_size=1, max_size=4))
def test_what_goes_out_as_a_netscape_file_comes_back_the_same(state):
    assert content(netscape({"cookies": state}))["cookies"] == state


def test_python_reads_the_netscape_file(tmp_path):
    file = tmp_path / "cookies.txt"
    file.write_text(netscape({"cookies": [make_cookie(domain=".example.test"), make_cookie(name="S", expires=-1)]}))
    jar = MozillaCookieJar(file)

    jar.load(ignore_discard=True, ignore_expires=True)

    found = {(one.name, one.value, one.domain, one.expires or 0, one.has_nonstandard_attr("HTTPOnly")) for one in jar}
    # 0 is how curl, wget and yt-dlp write a cookie that lasts as long as the browser; Python 3.15 calls it None.
    assert found == {
        ("SID", "not-for-logs", ".example.test", LATER, True),
        ("S", "not-for-logs", ".example.test", 0, True),
    }


@pytest.mark.parametrize("value", ["a\tb", "\ud83d"])
def test_what_a_netscape_file_cannot_hold_is_not_written_into_one(value):
    with pytest.raises(SessionsInvalid, match="cannot"):
        netscape({"cookies": [make_cookie(value=value)]})


def make_youtube(**ends):
    return [
        make_cookie(name=name.replace("Secure", "__Secure-"), domain=".youtube.com", expires=ends[name])
        for name in ends
    ]


def test_a_login_ends_with_the_first_cookie_that_nothing_stands_in_for():
    found = login(make_youtube(SID=SOON, Secure3PSID=LATER, SAPISID=LATER, Secure1PSIDTS=1), known("youtube"))

    assert (found.belongs, found.missing, found.ends_at) == (True, (), moment(LATER))
    assert [(mark.name, mark.needed) for mark in found.marks] == [
        ("SID", True),
        ("__Secure-3PSID", True),
        ("SAPISID", True),
        ("__Secure-1PSIDTS", False),
    ]


def test_what_a_login_lacks_is_named_and_other_domains_do_not_count():
    cookies = [make_cookie(name="c_user", domain=".facebook.com"), make_cookie(name="xs", domain=".notfacebook.com")]

    found = login(cookies, known("facebook"))

    assert (found.belongs, found.missing, found.ends_at) == (True, ("xs",), None)
    assert not login(cookies, known("instagram")).belongs


def test_an_unknown_platform_s_login_ends_with_the_last_of_its_cookies_if_all_of_them_end():
    cookies = [make_cookie(expires=SOON), make_cookie(expires=LATER)]

    assert login(cookies, known("our-forum")).ends_at == moment(LATER)
    assert login([*cookies, make_cookie(expires=-1)], known("our-forum")).ends_at is None


@pytest.mark.parametrize(
    ("cookies", "platform"),
    [
        (make_youtube(SID=LATER, SAPISID=LATER), "youtube"),
        (make_youtube(SID=LATER), None),
        ([{**cookie, "domain": ".google.com"} for cookie in make_youtube(SID=1, SAPISID=1)], "google"),
        ([make_cookie(name="auth_token", domain=".twitter.com")], "x"),
        ([make_cookie(name="sessionid", domain=domain) for domain in (".instagram.com", ".tiktok.com")], None),
        ([make_cookie(domain="forum.test")], None),
    ],
)
def test_cookies_say_where_they_are_a_login(cookies, platform):
    google = [{**cookie, "domain": ".google.com"} for cookie in cookies if platform == "youtube"]

    assert platform_of([*cookies, *google]) == platform


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("alice_instagram.json", ("alice", "instagram")),
        ("/old/Sessions/YouTube_news_desk.json", ("news_desk", "youtube")),
        ("news_desk_X.JSON", ("news_desk", "x")),
        ("alice_twitter.json", ("alice", "x")),
        ("x_youtube.json", ("x", "youtube")),
        ("alice_instagram.txt", ("alice", "instagram")),
        ("alice.json", None),
        ("_youtube.json", None),
        ("youtube.json", None),
        ("alice_instagram.jpg", None),
        ("alice_myspace.json", None),
    ],
)
def test_user_and_platform_are_guessed_from_the_file_s_name(name, guess):
    assert named(name) == guess
