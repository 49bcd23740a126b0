"""What really goes over the line, and what is known when it breaks."""

import datetime as dt
import ipaddress
import logging
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ytpool.domain.secret import Secret
from ytpool.errors import ConfigInvalid, UpstreamFailed
from ytpool.youtube.client import YouTube

BODY = {"snippet": {"title": "A day"}, "status": {"privacyStatus": "private"}}


def start(youtube, token):
    return youtube.open_session(
        token,
        body=BODY,
        parts=["snippet", "status"],
        size=1000,
        content_type="video/mp4",
        slug="day.mp4",
        notify=False,
    )


def test_a_post_whose_answer_is_lost_on_a_fresh_connection_is_sent_once(google, youtube, token):
    google.answers(google.hang_up, google.reply(Location=f"{google.url}session"))

    with pytest.raises(UpstreamFailed) as failed:
        start(youtube, token)

    time.sleep(0.1)
    assert [request.method for request in google.requests] == ["POST"]
    assert failed.value.sent
    assert not failed.value.answered


def test_a_post_whose_answer_is_lost_on_a_kept_connection_is_sent_once(google, youtube, token):
    google.answers(google.reply(200, {"items": []}), google.hang_up, google.reply(Location=f"{google.url}session"))
    youtube.my_channel(token)

    with pytest.raises(UpstreamFailed) as failed:
        start(youtube, token)

    time.sleep(0.1)
    assert [(request.method, request.connection) for request in google.requests] == [("GET", 1), ("POST", 1)]
    assert failed.value.sent


@pytest.mark.parametrize("status", [429, 500, 503])
def test_no_status_makes_a_post_go_out_twice(google, youtube, token, status):
    google.answers(google.reply(status, {}, Retry_After="0"), google.reply(Location=f"{google.url}session"))

    with pytest.raises(UpstreamFailed) as failed:
        start(youtube, token)

    time.sleep(0.1)
    assert len(google.requests) == 1
    assert (failed.value.http_status, failed.value.retry_after) == (status, 0.0)


def test_a_kept_connection_that_the_server_closed_while_idle_is_replaced_before_anything_is_written(
    google, youtube, token
):
    google.answers(google.reply(200, {"items": []}, hang_up=True), google.reply(Location=f"{google.url}session"))
    youtube.my_channel(token)
    time.sleep(0.1)

    session = start(youtube, token)

    assert session.reveal() == f"{google.url}session"
    assert [(request.method, request.connection) for request in google.requests] == [("GET", 1), ("POST", 2)]


def test_a_server_that_hangs_up_within_a_chunk_is_told_by_what_it_said_or_as_a_lost_line(google, youtube, token):
    google.answers(google.reply(503, {"error": {"message": "later"}}, hang_up=True, reads_body=False))

    events = youtube.send(
        Secret(f"{google.url}session"),
        token=lambda: token,
        read=lambda _, length: bytes(length),
        size=32 << 20,
        offset=0,
        chunk_size=32 << 20,
    )

    with pytest.raises(UpstreamFailed) as failed:
        next(events)
    assert failed.value.http_status in (503, 0)  # a reset may overtake the answer
    assert len(google.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(google, youtube, token, status):
    google.answers(google.reply(status, b"", Location=f"{google.url}elsewhere"), google.reply(200, {"items": []}))

    with pytest.raises(UpstreamFailed) as failed:
        youtube.my_channel(token)

    assert (failed.value.http_status, failed.value.reason) == (status, "redirect")
    assert len(google.requests) == 1


def test_what_never_left_is_known_not_to_have_left(heard, token):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refused = YouTube(api_root=f"http://127.0.0.1:{port}/", heard=heard.append)
    unknown = YouTube(api_root="https://no-such-host.invalid/", heard=heard.append)

    for client in (refused, unknown):
        with pytest.raises(UpstreamFailed) as failed:
            client.my_channel(token)
        assert not failed.value.sent
        assert failed.value.http_status == 0


def test_a_server_that_says_nothing_is_waited_for_and_then_counted_as_sent(heard, token):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = YouTube(api_root=f"http://127.0.0.1:{listener.getsockname()[1]}/", heard=heard.append, timeout=0.2)

        with pytest.raises(UpstreamFailed, match="in time") as failed:
            client.my_channel(token)

        client.close()
    assert failed.value.sent


def test_every_answer_tells_its_moment_good_or_bad(google, youtube, token, heard):
    google.answers(
        google.reply(200, {"items": []}),
        google.reply(500, b"", Date="Fri, 20 Nov 2026 12:00:05 GMT"),
        google.reply(500, b"", Date="yesterday, or the day before"),
        google.reply(500, b"", Date=None),
    )

    youtube.my_channel(token)
    for _ in range(3):
        with pytest.raises(UpstreamFailed):
            youtube.my_channel(token)

    assert heard == [dt.datetime(2026, 11, 20, 12, 0, second, tzinfo=dt.UTC) for second in (0, 5)]


@pytest.mark.parametrize(
    "address",
    [
        "http://youtube.example/",
        "http://127.0.0.1.example/",
        "http://127.0.0.1@youtube.example/",
        "http://youtube.example\\@127.0.0.1/",
        "ftp://127.0.0.1/",
        "127.0.0.1:80",
    ],
)
def test_a_token_never_goes_over_plain_http_beyond_this_machine(address, heard):
    with pytest.raises(ConfigInvalid):
        YouTube(api_root=address, heard=heard.append)


@pytest.mark.parametrize(
    "address", ["http://127.9.8.7:1/", "http://[::1]:1/", "http://localhost:1/", "https://a.example/"]
)
def test_loopback_and_https_are_accepted(address, heard):
    YouTube(api_root=address, heard=heard.append)


@pytest.mark.parametrize("location", ["http://youtube.example/session", "http://[half", ""])
def test_a_session_address_that_must_not_have_a_token_is_refused(google, youtube, token, location):
    google.answers(google.reply(200, b"", Location=location))

    with pytest.raises(UpstreamFailed) as failed:
        start(youtube, token)

    assert (failed.value.reason, failed.value.http_status) == ("malformedAnswer", 200)


def test_this_machine_is_never_reached_through_a_proxy(google, youtube, token, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    google.answers(google.reply(200, {"items": []}))

    assert youtube.my_channel(token) is None


def test_https_goes_through_the_proxy_of_the_environment(google, heard, token, monkeypatch):
    monkeypatch.setenv("https_proxy", google.url)
    google.answers(google.reply(403, b"", hang_up=True))
    client = YouTube(api_root="https://youtube.example/", heard=heard.append)

    with pytest.raises(UpstreamFailed) as failed:
        client.my_channel(token)

    (request,) = google.requests
    assert (request.method, request.target) == ("CONNECT", "youtube.example:443")
    assert "authorization" not in request.headers
    assert not failed.value.sent


def test_a_login_in_netrc_does_not_replace_the_token(google, youtube, token, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    google.answers(google.reply(200, {"items": []}))

    youtube.my_channel(token)

    assert google.requests[0].headers["authorization"] == "Bearer the-access-token"


def test_a_cookie_given_to_one_account_is_not_shown_with_the_next(google, youtube, token):
    google.answers(google.reply(200, {"items": []}, Set_Cookie="who=first; Path=/"), google.reply(200, {"items": []}))

    youtube.my_channel(token)
    youtube.my_channel(Secret("another-token"))

    assert "cookie" not in google.requests[1].headers


def test_neither_logs_nor_errors_show_a_token_or_a_session(google, youtube, caplog):
    caplog.set_level(logging.DEBUG)
    secret, session = Secret("tok-3F7A"), Secret(f"{google.url}upload?upload_id=ses-9C2E")
    repeats = {"error": {"message": f"bad tok-3F7A at {session.reveal()}", "errors": [{"reason": "x"}]}}
    google.answers(google.reply(200, b"", Location=session.reveal()), google.reply(400, repeats), google.hang_up)
    told = []

    start(youtube, secret)
    for _ in range(2):
        with pytest.raises(UpstreamFailed) as failed:
            youtube.ask(session, secret, 1000)
        told += [str(failed.value), repr(failed.value.details), repr(failed.value.__cause__)]

    assert "bad … at …" in told[0]
    for secret_word in ("3F7A", "9C2E"):
        assert secret_word not in caplog.text
        assert all(secret_word not in words for words in told)


def test_a_certificate_nobody_trusts_stops_the_request_before_it_leaves(google, heard, token, tmp_path, monkeypatch):
    bundle = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle)
    google.wrap = lambda connection: context.wrap_socket(connection, server_side=True)
    client = YouTube(api_root=google.url.replace("http:", "https:"), heard=heard.append)

    with pytest.raises(UpstreamFailed, match="certificate") as failed:
        client.my_channel(token)

    assert not failed.value.sent
    assert google.requests == []

    google.answers(google.reply(200, {"items": []}))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert client.my_channel(token) is None
    client.close()

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with pytest.raises(ConfigInvalid, match="REQUESTS_CA_BUNDLE"):
        client.my_channel(token)


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "bundle.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
