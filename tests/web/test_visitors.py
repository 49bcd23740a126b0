"""Who has brought the token: known to one server, or to all machines of a fleet."""

import time

import pytest

from ytpool.domain.secret import Secret
from ytpool.web.visitors import Visitors

TOKEN = "a token of more than sixteen characters"
SHARED = Secret("what all machines know")


def brought(set_cookie):
    """Return the header that a browser sends, once it was given this one."""
    return {b"cookie": set_cookie.partition(";")[0].encode()}


def entered(visitors, port=8383):
    return brought(visitors.enter(TOKEN, port=port, is_secure=True))


def test_machines_that_share_a_secret_let_in_whom_another_has_let_in_whatever_their_ports():
    here, there = Visitors(Secret(TOKEN), SHARED), Visitors(Secret(TOKEN), SHARED)

    headers = entered(here)

    assert here.knows(headers, 8383)
    assert there.knows(headers, 9000)
    assert here.enter("another token, and long enough", port=8383, is_secure=True) is None
    assert TOKEN.encode() not in headers[b"cookie"]


def test_who_logs_out_is_not_let_in_any_more():
    here = Visitors(Secret(TOKEN), SHARED)
    headers = entered(here)
    others = entered(here)

    assert "Max-Age=0" in here.leave(headers, port=8383, is_secure=True)

    assert (here.knows(headers, 8383), here.knows(others, 8383)) == (False, True)


@pytest.mark.parametrize(
    "visitors",
    [
        Visitors(Secret(TOKEN)),
        Visitors(Secret(TOKEN), Secret("what another fleet knows")),
        Visitors(Secret("the token that came after this one"), SHARED),
        Visitors(None, SHARED),
    ],
    ids=["another server alone", "another secret", "another token", "no token"],
)
def test_who_was_let_in_elsewhere_is_not_let_in_by(visitors):
    assert not visitors.knows(entered(Visitors(Secret(TOKEN), SHARED)), 8383)


def test_a_cookie_is_good_for_half_a_day_and_nobody_makes_it_good_for_longer(monkeypatch):
    here = Visitors(Secret(TOKEN), SHARED)
    name, _, value = entered(here)[b"cookie"].decode().partition("=")
    until, _, rest = value.partition(".")

    for forged in (f"{int(until) + 1}.{rest}", f"{until}.x{rest}", f"{until}..", f"{until}", ".", "", "é.ü.ß"):
        assert not here.knows({b"cookie": f"{name}={forged}".encode()}, 8383), forged

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 12 * 3600 + 1)
    assert not here.knows({b"cookie": f"{name}={value}".encode()}, 8383)
