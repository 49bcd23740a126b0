"""What is a sure sign that nobody is logged in, and what is none."""

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool import data
from ytpool.domain import markers
from ytpool.domain.markers import Forms, Heard, Place, Trouble, beforehand, judge, renewed, shipped
from ytpool.domain.sessions import Finding

OUR = shipped("our")._replace(url="https://www.our.example/home", cookies=(("sid",),))
NOW = time.time()


def cookie(name="sid", value="v", domain=".our.example", expires=NOW + 9000, path="/"):
    return {"name": name, "value": value, "domain": domain, "expires": expires, "path": path}


@pytest.mark.parametrize(
    ("name", "url", "place"),
    [
        ("instagram", "https://www.instagram.com/accounts/login/?next=/accounts/edit/", Place.LOGIN),
        ("instagram", "https://www.instagram.com/challenge/123/abc/", Place.CHECKPOINT),
        ("instagram", "https://www.instagram.com/accounts/suspended/?next=/", Place.BANNED),
        ("facebook", "https://m.facebook.com/login.php?next=x", Place.LOGIN),
        ("facebook", "https://www.facebook.com/checkpoint/1501092823525282/", Place.CHECKPOINT),
        ("facebook", "https://www.facebook.com/checkpoint/disabled/", Place.BANNED),
        ("x", "https://x.com/i/flow/login?redirect_after_login=%2Fhome", Place.LOGIN),
        ("x", "https://x.com/account/access", Place.CHECKPOINT),
        ("youtube", "https://accounts.google.com/v3/signin/identifier?service=youtube", Place.LOGIN),
        ("youtube", "https://accounts.google.com/v3/signin/challenge/pwd", Place.CHECKPOINT),
        ("youtube", "https://accounts.google.com/signin/v2/disabled/explanation", Place.BANNED),
        ("instagram", "https://www.instagram.com/loginhelp/", None),
        ("instagram", "https://www.instagram.com/anna/", None),
        ("instagram", "https://wifi.example/accounts/login/", None),
        ("instagram", "https://evil-instagram.com/accounts/login/", None),
        ("youtube", "https://accounts.google.com/ServiceLogin?passive=true", None),  # who can, passes through
        ("youtube", "https://www.youtube.com/signin", None),
    ],
)
def test_a_page_is_known_on_the_platforms_own_site_and_nowhere_else(name, url, place):
    assert shipped(name).place(url) is place


def test_every_platform_that_is_shipped_reads_as_a_setting_would():
    tables = data.load("markers.json")

    def refuse(path, sentence):
        pytest.fail(f"{path}: {sentence}")

    for name, table in tables["platforms"].items():
        assert markers.from_table(name, tables["any"] | table, refuse) == shipped(name)
        assert shipped(name).cookies, "which cookies are a login is known of each"
        assert shipped(name).place(shipped(name).url) is None


def test_a_login_page_of_another_network_proves_nothing():
    assert judge(OUR, Heard(status=302, sent_to="https://wifi.example/login")).finding is Finding.UNCLEAR
    assert judge(OUR, Heard(status=302, sent_to="https://our.example/login")).finding is Finding.LOGGED_OUT
    assert judge(OUR, Heard(trouble=Trouble.NETWORK, words="down")).finding is Finding.NETWORK


def test_a_cookie_that_ended_before_its_date_was_ended_elsewhere_and_only_one_of_the_login_counts():
    page = Heard(status=200, content_type="text/html")

    assert judge(OUR, page).finding is Finding.ALIVE
    assert judge(OUR, page._replace(lost=frozenset({"tracker"}))).finding is Finding.ALIVE
    lost = page._replace(lost=frozenset({"sid"}))
    assert judge(OUR, lost).finding is Finding.ROTATED
    for domain, value, found in (
        ("our.example", "other", Finding.ALIVE),
        ("our.example", "deleted", Finding.ROTATED),
        ("elsewhere.example", "other", Finding.ROTATED),
    ):
        assert judge(OUR, lost, [{"name": "sid", "value": value, "domain": f".{domain}"}]).finding is found
    # Where nobody knows which cookies are a login, losing one proves nothing by itself.
    assert judge(OUR._replace(cookies=()), page._replace(lost=frozenset({"sid"}))).finding is Finding.ALIVE


def test_a_page_that_scripts_draw_proves_something_in_a_browser_only():
    page = Heard(status=200, content_type="text/html")

    assert judge(shipped("x"), page).finding is Finding.UNCLEAR
    assert judge(shipped("x"), page._replace(drawn=True)).finding is Finding.ALIVE


def test_a_login_is_over_when_one_of_its_needed_groups_is():
    alive, over, lasting = cookie(), cookie(expires=NOW - 1), cookie(expires=-1)

    assert beforehand(OUR, [over], NOW).finding is Finding.COOKIES_EXPIRED
    assert beforehand(OUR, [over, alive], NOW) is None
    assert beforehand(OUR, [over, lasting], NOW) is None
    two = OUR._replace(cookies=(("sid",), ("token", "token2")))
    assert beforehand(two, [alive, cookie("token", expires=NOW - 1)], NOW).finding is Finding.COOKIES_EXPIRED
    assert beforehand(two, [alive, cookie("token", expires=NOW - 1), cookie("token2")], NOW) is None
    assert beforehand(OUR, [cookie(domain=".example.test")], NOW).finding is Finding.UNCLEAR


def test_cookies_are_renewed_when_one_of_the_login_has_another_value_or_lasts_longer():
    stored = [cookie(), cookie("tracker", "1")]

    assert renewed(OUR, stored, stored) is None
    assert renewed(OUR, stored, [cookie(), cookie("tracker", "2")]) is None
    assert renewed(OUR, stored, [cookie(expires=NOW + 9001)]) is None
    assert renewed(OUR, stored, [cookie(value="w"), cookie("tracker", "2")]) == [
        cookie(value="w"),
        cookie("tracker", "2"),
    ]
    assert renewed(OUR, stored, [cookie(expires=NOW + 99_000)]) == [cookie(expires=NOW + 99_000)]


FORM = '<form method=post action="/accounts/LOGIN/"><input name=x><INPUT  TYPE = Password name="word"/></form>'
NO_FORM = f"""<!-- {FORM} --><script>write('{FORM}')</script><template>{FORM}</template><textarea>{FORM}</textarea>
    <input type="text" value="password"><p title='<input type="password'>a < b, and c</p>"""


@given(st.lists(st.integers(0, 700), max_size=8))
def test_a_form_is_found_in_whichever_pieces_the_page_comes(cuts):
    def found(page, *marks):
        forms, edges = Forms(marks), [0, *sorted(cuts), len(page)]
        return [forms.feed(page[begin:end]) for begin, end in pairwise(edges)][-1]

    assert found(NO_FORM + FORM, 'input[type="password"]')
    assert found(NO_FORM + FORM, "form[id]", 'form[action*="/login/"][method]')
    assert not found(NO_FORM, 'input[type="password"]')
    assert not found(FORM, 'form[action^="login"]', 'button[name="login"]')


@pytest.mark.parametrize("piece", ["<", "<!--", "<script", "<a ", "<!---->", "<p =\"'", '<input type="x'])
def test_a_page_made_to_be_read_for_ever_is_not(piece):
    began = time.process_time()

    assert not Forms(shipped("our").form).feed(piece * (markers.LONGEST_LOOK // len(piece)))

    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ('url = "http://www.our.example/home"', "must be an https address"),
        ('login = "/login"', "must be a list of paths"),
        ('login = ["login"]', "must be a list of paths"),
        ('form = ["form > input"]', "must be a list of elements"),
        ('cookies = ["a b"]', "must be a list of names of cookies"),
        ('scripted = "yes"', "must be true or false"),
        ('logon = ["/logon"]', "there is no setting platforms.our.logon; platforms.our has url"),
    ],
)
def test_a_platform_is_read_strictly(ytpool, home, setting, sentence):
    path = home / "default" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(f"[platforms.our]\n{setting}\n")

    status, out, _ = ytpool("config", "check", "--json")

    assert status == 2
    error = json.loads(out)["error"]
    assert f"{path}:2: " in error["message"]
    assert sentence in error["message"]


def test_a_platform_that_is_set_shows_what_was_set_and_where(ytpool, home):
    path = home / "default" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[platforms.instagram]\nlogin = ["/login"]\n[platforms."our.example"]\nscripted = true\n')

    status, out, _ = ytpool("config", "show")

    assert status == 0
    assert "platforms.instagram.login" in out
    assert "platforms.our.example.scripted" in out
