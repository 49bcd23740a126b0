"""The two files an operator brings, and everything that is mistaken for them."""

import json
import pickle
from types import SimpleNamespace

import pytest

from ytpool.domain.logins import AUTH_URI, TOKEN_URI, Client, TokenFile, from_secrets_file, from_token_file, read_answer
from ytpool.domain.secret import Secret
from ytpool.errors import ClientSecretsInvalid, LoginFailed, TokenFileInvalid

INSTALLED = {
    "client_id": "123456789012-abc.apps.googleusercontent.com",
    "project_id": "my-project",
    "auth_uri": "https://accounts.google.com/o/oauth2/auth",
    "token_uri": "https://oauth2.googleapis.com/token",
    "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
    "client_secret": "a-secret",
    "redirect_uris": ["http://localhost"],
}
TOKEN = {"token": "acc", "refresh_token": "ref", "scopes": ["a", "b"], "client_id": "1-a"}


def test_a_desktop_clients_file_is_read_as_google_writes_it():
    client = from_secrets_file(json.dumps({"installed": INSTALLED}))

    assert client == Client(
        client_id=INSTALLED["client_id"],
        client_secret=Secret("a-secret"),
        auth_uri="https://accounts.google.com/o/oauth2/auth",
        token_uri="https://oauth2.googleapis.com/token",
        project_id="my-project",
    )
    assert client.number == "123456789012"
    assert "a-secret" not in repr(client)


def test_what_an_old_file_leaves_out_is_googles_usual():
    client = from_secrets_file(b'\xef\xbb\xbf{"installed": {"client_id": "abc", "client_secret": "s"}}')

    assert (client.auth_uri, client.token_uri, client.project_id, client.number) == (AUTH_URI, TOKEN_URI, None, None)


def test_a_web_client_is_taken_only_where_its_answers_come_to_this_machine():
    web = {**INSTALLED, "redirect_uris": ["https://a.example/back", "http://localhost:8080/back"]}

    assert from_secrets_file(json.dumps({"web": web})).redirect_uri == "http://localhost:8080/back"

    for elsewhere in (["https://a.example/"], ["http://a.example/"], ["http://[::1]:8080/"], [7], None):
        with pytest.raises(ClientSecretsInvalid, match="web application"):
            from_secrets_file(json.dumps({"web": {**web, "redirect_uris": elsewhere}}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        ("[]", "no object"),
        ("{}", "installed"),
        ({"installed": []}, "no client"),
        ({"installed": {**INSTALLED, "client_id": ""}}, "no client_id"),
        ({"installed": {**INSTALLED, "client_secret": "two words"}}, "no client_secret"),
        ({"installed": {**INSTALLED, "token_uri": "http://a.example/token"}}, "token_uri"),
        ({"installed": {**INSTALLED, "auth_uri": 7}}, "auth_uri"),
        ({"type": "service_account", "private_key": "x"}, "service account"),
        (TOKEN, "--token"),
    ],
)
def test_a_file_that_is_no_client_says_what_it_is_and_where_one_comes_from(content, words):
    with pytest.raises(ClientSecretsInvalid, match=words) as refused:
        from_secrets_file(content if isinstance(content, bytes | str) else json.dumps(content))

    assert "Desktop app" in refused.value.hint
    assert "a-secret" not in refused.value.message


@pytest.mark.parametrize(
    "content",
    [
        TOKEN,
        {"access_token": "acc", "refresh_token": "ref", "scope": "a b", "client_id": "1-a", "token_type": "Bearer"},
        {"access_token": "acc", "refresh_token": "ref", "scopes": ["a", "b", 7], "client_id": "1-a", "_class": "Old"},
    ],
)
def test_a_token_file_is_read_whoever_wrote_it(content):
    assert from_token_file(json.dumps(content)) == TokenFile(
        refresh=Secret("ref"), access=Secret("acc"), scopes=("a", "b"), client_id="1-a"
    )


def test_a_token_file_needs_nothing_but_its_refresh_token():
    content = {"type": "authorized_user", "refresh_token": "ref", "token": None, "client_id": ""}

    assert from_token_file(json.dumps(content)) == TokenFile(
        refresh=Secret("ref"), access=None, scopes=(), client_id=None
    )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_for_what_it_could_do(protocol):
    with pytest.raises(TokenFileInvalid, match="pickle"):
        from_token_file(pickle.dumps(SimpleNamespace(refresh_token="ref"), protocol))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("token", "not JSON"),
        ('"ref"', "no object"),
        ({"token": "acc"}, "no refresh_token"),
        ({"refresh_token": ""}, "no refresh_token"),
        ({"refresh_token": 7}, "refresh_token in the token file is not a token"),
        ({"refresh_token": "ref\nX-Evil: 1"}, "refresh_token in the token file is not a token"),
        ({"refresh_token": "ref", "token": "a b"}, "token in the token file is not a token"),
        ({"type": "service_account"}, "service account"),
        ({"installed": INSTALLED}, "--client-secrets"),
    ],
)
def test_a_file_that_is_no_token_says_why(content, words):
    with pytest.raises(TokenFileInvalid, match=words):
        from_token_file(content if isinstance(content, str) else json.dumps(content))


def test_an_address_pasted_by_a_person_gives_its_code_only_to_its_own_login():
    address = "http://127.0.0.1:5/?state=ours&code=4/0A&scope=a%20b"

    assert read_answer(address, "ours") == Secret("4/0A")
    assert read_answer(address, "theirs") is None
    assert read_answer("http://127.0.0.1:5/?code=4/0A", "") is None
    assert read_answer("http://127.0.0.1:5/?state=ours", "ours") is None
    with pytest.raises(LoginFailed, match="declined"):
        read_answer("http://127.0.0.1:5/?state=ours&error=access_denied", "ours")
