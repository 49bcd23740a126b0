"""Where a token may go."""

import pytest

from ytpool.domain.endpoints import is_loopback, is_safe


@pytest.mark.parametrize(
    "address",
    [
        "https://youtube.googleapis.com/",
        "https://a.example:8443/deep?x=1",
        "http://127.0.0.1:8501/",
        "http://127.255.0.1/",
        "http://[::1]:80/",
        "http://localhost/token",
    ],
)
def test_tls_anywhere_and_plain_http_to_loopback_are_safe(address):
    assert is_safe(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://",
        "http://youtube.example/",
        "http://0.0.0.0/",
        "http://127.0.0.1.example/",
        "http://localhost.example/",
        "http://127.0.0.1@youtube.example/",
        "https://user:word@youtube.example/",
        "http://youtube.example\\@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "https://a.example/\nX: y",
        "https://exämple.example/",
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
    ],
)
def test_everything_else_is_not(address):
    assert not is_safe(address)


def test_loopback_is_told_by_address_and_not_by_looks():
    assert is_loopback("https://127.1.2.3/")
    assert not is_loopback("https://127.1.2.3.example/")
    assert not is_loopback("http://[::1")
