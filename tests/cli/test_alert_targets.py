"""Who is told of alerts, when, and what becomes of those who cannot be reached."""

import json
import os
import signal
import sqlite3
import stat
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from books import ObedientClock
from certificates import certificates
from ftp_servers import misbehaving
from newsroom import ROOT, start
from receivers import PASSWORD, USER, mail_server, webhook
from schemas import fits

from ytpool import config
from ytpool.actions import pausing
from ytpool.actions.alerts import looking, telling
from ytpool.runtime import Runtime

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SINCE = "2026-06-01T00:00:00.000000Z"
EVERY_SCRIPT = "नमस्ते 你好 مرحبا שלום 🎬 " * 9


@pytest.fixture
def settings(home, ytpool):
    """Write targets into the settings of a profile that is set up; every table anew."""
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    path = home / "default" / "config.toml"
    before = path.read_text()

    def write(**targets):
        tables = (
            f"[alerts.targets.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
            for name, table in targets.items()
        )
        path.write_text(f"{before}\n" + "\n".join(tables))

    return write


@pytest.fixture
def hook():
    with webhook() as found:
        yield found


class Round:
    """Rounds of housekeeping by a clock that obeys."""

    def __init__(self):
        self.clock = ObedientClock(NOON)
        self.rt = Runtime(config.load(profile=None, environ=os.environ), clock=self.clock)

    def __call__(self, **passes):
        self.clock.forward(timedelta(**passes))
        looking.look(self.rt)
        return telling.tell(self.rt)

    def pause(self, *pools):
        for pool in pools or (None,):
            pausing.pause(self.rt, "the strike", pool=pool)

    def unpause(self):
        pausing.unpause(self.rt)


@pytest.fixture
def a_round():
    """Make what goes round by the clock, once the settings are written; it is closed at the end."""
    made = []

    def make():
        made.append(Round())
        return made[-1]

    yield make
    for one in made:
        one.rt.close()


def banned(home, count):
    """Let so many sessions be banned, whose users have names in every script."""
    with closing(sqlite3.connect(home / "default" / "state.db")) as state, state:
        state.executemany(
            """
            INSERT INTO sessions (session, person, platform, state, reason, digest, cookies, stored_at, state_since)
            VALUES (?, ?, 'x', 'banned', 'shut out', '', 0, ?, ?)
            """,
            [(f"s{number:04}", f"{number} {EVERY_SCRIPT}"[:200], SINCE, SINCE) for number in range(count)],
        )


def told(hook):
    """What a webhook was told, message by message: event and severity of each alert."""
    return [[(one["event"], one["severity"]) for one in message["alerts"]] for message in hook.told]


def test_a_webhook_is_told_once_when_it_begins_and_once_when_it_is_over(settings, hook, a_round):
    settings(team={"type": "webhook", "url": hook.url})
    go = a_round()
    go.pause()

    go()
    go(minutes=1)
    go.unpause()
    go(minutes=1)
    go(minutes=11)

    assert told(hook) == [[("opened", "warning")], [("resolved", "warning")]]
    (headers, first), _ = hook.heard
    assert headers["Idempotency-Key"] == headers["Ytpool-Message"] == first["message"]
    assert (first["attempt"], first["more"], headers["Ytpool-Attempt"]) == (1, 0, "1")
    assert first["alerts"][0]["command"] == "ytpool unpause"
    assert "is paused (the strike)" in first["text"]


def test_slack_is_told_in_its_own_words(settings, hook, a_round):
    settings(team={"type": "webhook", "url": hook.url, "format": "slack"})
    go = a_round()
    pausing.pause(go.rt, "<!channel> & co")

    go()

    assert list(hook.told[0]) == ["text"]
    assert "&lt;!channel&gt; &amp; co" in hook.told[0]["text"]


def test_each_is_told_what_it_wants(settings, hook, a_round):
    with webhook() as other:
        settings(
            team={"type": "webhook", "url": hook.url, "severity": "critical"},
            night={"type": "webhook", "url": other.url, "kinds": ["quota", "resting"]},
        )
        go = a_round()
        go.pause()

        go()
        go(hours=25)

        assert told(hook) == [[("escalated", "critical")]]
        assert told(other) == [[("opened", "warning")], [("escalated", "critical")]]


def test_a_thousand_causes_at_once_are_one_message(settings, hook, a_round, home):
    settings(team={"type": "webhook", "url": hook.url})
    banned(home, 1000)
    go = a_round()

    go()
    go(hours=1)

    (message,) = hook.told
    assert (len(message["alerts"]), message["more"]) == (20, 980)
    assert "and 980 more: ytpool alerts list" in message["text"]
    assert EVERY_SCRIPT[:5] in message["text"]


def test_a_webhook_that_answers_500_for_a_day_is_tried_less_and_less_and_somebody_else_is_told(
    settings, hook, a_round, ytpool
):
    with webhook() as other:
        settings(
            team={"type": "webhook", "url": hook.url, "kinds": ["resting"]},
            night={"type": "webhook", "url": other.url, "kinds": ["target_down"]},
        )
        go = a_round()
        go.pause()
        hook.status = 500

        for _ in range(26 * 12):
            go(minutes=5)

        first = hook.told[0]["message"]
        tried = [(one["attempt"], one["message"]) for one in hook.told if one["message"] == first]
        assert tried == [(number, first) for number in range(1, len(tried) + 1)]
        assert 20 < len(tried) < 60
        assert "attempt 2; an earlier one may have arrived" in hook.told[1]["text"]
        assert [(one["event"], one["subject"]) for message in other.told for one in message["alerts"]] == [
            ("opened", "team"),
            ("escalated", "team"),
        ]
        assert "answered 500" in other.told[0]["text"]
        seen = json.loads(ytpool("alerts", "list", "--json")[1])["data"]["targets"][0]
        assert (seen["target"], seen["reached_at"]) == ("team", None)

        hook.status = 200
        go.unpause()
        assert [one.delivered for one in telling.try_out(go.rt, "team")] == [True]
        go(minutes=1)
        go(minutes=11)

        assert hook.told[-1]["alerts"][-1]["event"] == "resolved"


def test_whoever_asks_for_patience_is_given_it(settings, hook, a_round):
    settings(team={"type": "webhook", "url": hook.url})
    go = a_round()
    go.pause()
    hook.status, hook.headers = 429, {"Retry-After": "1800"}

    go()
    go(minutes=29)
    hook.status = 200
    go(minutes=2)

    assert [one["attempt"] for one in hook.told] == [1, 2]


def test_quiet_hours_hold_back_what_is_not_critical(settings, hook, a_round):
    settings(team={"type": "webhook", "url": hook.url, "quiet": "11:00-14:30"})
    go = a_round()
    go.pause()

    go()
    go(hours=2)
    assert told(hook) == []
    go(minutes=31)

    assert told(hook) == [[("opened", "warning")]]


def test_a_digest_gathers_and_the_rate_is_kept(settings, hook, a_round, home):
    settings(team={"type": "webhook", "url": hook.url, "digest_minutes": 10, "hourly": 1})
    go = a_round()
    go.pause()

    go()
    banned(home, 1)
    go(minutes=9)
    assert told(hook) == []
    go(minutes=1)
    go.unpause()
    go(minutes=20)
    assert told(hook) == [[("opened", "warning")] * 2]
    go(minutes=45)

    assert told(hook)[1:] == [[("resolved", "warning")]]


def test_what_comes_and_goes_is_told_no_more_than_it_must(settings, hook, a_round):
    settings(team={"type": "webhook", "url": hook.url, "digest_minutes": 5})
    go = a_round()
    go.pause()
    go()
    go(minutes=5)

    for _ in range(5):
        go.unpause()
        go(seconds=10)
        go.pause()
        go(seconds=10)
    go(minutes=5)

    assert told(hook) == [[("opened", "warning")]]


def test_what_flaps_is_told_once_and_its_end_once_it_stays_away(settings, hook, a_round):
    settings(team={"type": "webhook", "url": hook.url})
    go = a_round()
    go.pause()
    go()

    for _ in range(5):
        go.unpause()
        go(minutes=1)
        go.pause()
        go(minutes=1)
    assert told(hook) == [[("opened", "warning")]]
    go.unpause()
    go(minutes=1)
    go(minutes=10)
    assert len(told(hook)) == 1
    go(minutes=1)

    assert told(hook)[1:] == [[("resolved", "warning")]]


def test_a_sender_that_is_killed_is_replaced_and_says_so(settings, hook, ytpool, home):
    settings(team={"type": "webhook", "url": hook.url, "timeout": 30})
    assert ytpool("pause", "--reason", "the strike")[0] == 0
    hook.hangs.set()
    sender = start("tidy", env=dict(os.environ))
    hook.hears(1)
    sender.send_signal(signal.SIGKILL)
    sender.communicate(timeout=10)
    hook.hangs.clear()

    assert ytpool("tidy")[0] == 0
    assert len(hook.told) == 1  # its turn has not come again yet
    with closing(sqlite3.connect(home / "default" / "state.db")) as state, state:
        state.execute("UPDATE alert_messages SET not_before = written_at")
    assert ytpool("tidy")[0] == 0
    assert ytpool("tidy")[0] == 0

    first, second = hook.heard
    assert second[0]["Idempotency-Key"] == first[0]["Idempotency-Key"]
    assert [body["attempt"] for _, body in hook.heard] == [1, 2]
    assert second[1]["alerts"] == first[1]["alerts"]


@pytest.mark.usefixtures("sandbox")
def test_a_webhook_that_hangs_slows_no_command(ytpool, hook, home):
    path = home / "default" / "config.toml"
    path.write_text(f'{path.read_text()}\n[alerts.targets.team]\ntype = "webhook"\nurl = "{hook.url}"\ntimeout = 30\n')
    hook.hangs.set()
    assert ytpool("pause", "--reason", "the strike")[0] == 0
    assert ytpool("alerts", "list")[0] == 0
    assert hook.heard == []

    began = time.monotonic()
    assert ytpool("refresh-tokens", "--force")[0] == 0
    took = time.monotonic() - began

    assert len(hook.heard) == 1
    assert took < 10  # of the thirty that it may take where nobody waits


def test_a_program_is_given_the_message_and_none_of_our_secrets(settings, ytpool, tmp_path, monkeypatch):
    program = tmp_path / "page"
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"open({str(tmp_path / 'got')!r}, 'w').write(sys.stdin.read())\n"
        f"open({str(tmp_path / 'env')!r}, 'w').write(json.dumps(sorted(os.environ)))\n"
        "sys.exit(len(sys.argv) - 2)\n"
    )
    program.chmod(0o700)
    hangs = tmp_path / "hangs"
    hangs.write_text("#!/bin/sh\nsleep 60\n")
    hangs.chmod(0o700)
    monkeypatch.setenv("HOOK_WORD", "canary of a hook")
    settings(
        page={"type": "command", "command": [str(program), "--now"]},
        cross={"type": "command", "command": [str(program), "--now", "1"]},
        gone={"type": "command", "command": [str(tmp_path / "nowhere")]},
        slow={"type": "command", "command": [str(hangs)], "timeout": 0.3},
        team={"type": "webhook", "password_env": "HOOK_WORD"},
    )

    status, out, _ = ytpool("alerts", "test", "--json")

    came = {
        one["target"]: one["error"]["message"] if one["error"] else "" for one in fits("alerts-test", out)["targets"]
    }
    assert status == 3
    assert came["page"] == ""
    assert json.loads((tmp_path / "got").read_text())["alerts"][0]["kind"] == "test"
    assert not {"HOOK_WORD", "YTPOOL_HOME"} & set(json.loads((tmp_path / "env").read_text()))
    assert came["cross"].endswith("ended with status 1")
    assert came["gone"].startswith("there is no program")
    assert came["slow"].endswith("was not done within 0.3 s, and was ended")
    assert "canary" not in out


def test_a_file_gets_a_whole_line_for_each_message_and_is_its_owners(settings, ytpool, tmp_path):
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"half of a li')
    path.chmod(0o644)
    settings(book={"type": "file", "path": str(path)})
    assert ytpool("pause", "--reason", "the strike")[0] == 0

    assert ytpool("tidy")[0] == 0
    assert ytpool("alerts", "test", "book")[0] == 0

    _, first, second = path.read_text().splitlines()
    assert json.loads(first)["alerts"][0]["kind"] == "resting"
    assert json.loads(second)["alerts"][0]["kind"] == "test"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.mkfifo(tmp_path / "pipe")
    settings(pipe={"type": "file", "path": str(tmp_path / "pipe")}, folder={"type": "file", "path": str(tmp_path)})
    status, out, _ = ytpool("alerts", "test", "--json")
    assert (status, [one["delivered"] for one in json.loads(out)["data"]["targets"]]) == (8, [False, False])


def test_mail_is_sent_over_tls_that_is_checked_with_a_login(settings, ytpool, tmp_path, home, monkeypatch):
    authority, pem = certificates(tmp_path)
    word = tmp_path / "word"
    word.touch(mode=0o600)
    word.write_text(f"{PASSWORD}\n")
    with mail_server(tmp_path / "mails", pem=pem) as server:
        night = {
            "type": "email",
            "host": "localhost",
            "port": server.port,
            "user": USER,
            "from": "ytpool@studio.example",
            "to": ["night@studio.example", "nobody@studio.example"],
            "ca_file": str(authority),
        }
        settings(night=night, strange={**night, "ca_file": ""}, wrong={**night, "password_env": "WRONG_WORD"})
        monkeypatch.setenv("WRONG_WORD", "not this")
        keep = ("vault", "keep", "--password-file", word)
        assert ytpool(*keep, "alerts.targets.night")[0] == 0
        assert ytpool(*keep, "alerts.targets.strange")[0] == 0
        banned(home, 1)

        status, out, err = ytpool("alerts", "test", "--json")
        assert ytpool("tidy")[0] == 0

        came = {one["target"]: one["error"] and one["error"]["message"] for one in json.loads(out)["data"]["targets"]}
        assert (status, came["night"]) == (3, None), err
        assert "is not to be trusted" in came["strange"]
        assert "no password was sent" in came["strange"]
        assert "refuses the login of night" in came["wrong"]
        test, mail = server.mails
        assert test["Subject"] == "ytpool: info, test night: this is a test, and nothing is wrong"
        assert (mail["From"], mail["To"]) == ("ytpool@studio.example", "night@studio.example, nobody@studio.example")
        assert mail["Subject"].startswith(f"ytpool: warning, session_banned 0 {EVERY_SCRIPT[:20]}")
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Message-ID"].endswith("@studio.example>")
        assert "ytpool sessions mark s0000 active" in mail.get_content()
        assert PASSWORD not in out + err


def test_tls_is_as_the_settings_say_and_never_less(settings, ytpool, tmp_path, monkeypatch):
    authority, pem = certificates(tmp_path)
    monkeypatch.setenv("SMTP_WORD", PASSWORD)
    mail = {
        "type": "email",
        "host": "localhost",
        "user": USER,
        "password_env": "SMTP_WORD",
        "from": "a@b.example",
        "to": "c@d.example",
        "ca_file": str(authority),
        "timeout": 2,
    }
    with (
        mail_server(tmp_path / "sealed", pem=pem, implicit=True) as sealed,
        mail_server(tmp_path / "open") as plain,
    ):
        settings(
            sealed={**mail, "port": sealed.port, "tls": "implicit"},
            stripped={**mail, "port": plain.port},
            plain={
                "type": "email",
                "host": "localhost",
                "port": plain.port,
                "tls": "none",
                "from": "a@b.c",
                "to": "c@d.e",
            },
            mistaken={**mail, "port": plain.port, "tls": "implicit"},
        )
        status, out, _ = ytpool("alerts", "test", "--json")

    came = {one["target"]: one["error"] and one["error"]["message"] for one in json.loads(out)["data"]["targets"]}
    assert (status, came["sealed"], came["plain"]) == (3, None, None)
    assert came["stripped"].endswith("does not offer the TLS or the login that is wanted; no password was sent")
    assert came["mistaken"].endswith("; no password was sent")
    assert (len(sealed.mails), len(plain.mails)) == (1, 1)


def test_a_mail_server_that_hangs_or_drips_is_given_up_in_time(settings, ytpool):
    def drips(connection):
        while True:
            connection.sendall(b"2")
            time.sleep(0.05)

    def hangs(connection):
        connection.recv(1)

    for behave in (hangs, drips):
        with misbehaving(behave) as port:
            settings(
                night={
                    "type": "email",
                    "host": "127.0.0.1",
                    "port": port,
                    "from": "a@b.example",
                    "to": "c@d.example",
                    "timeout": 0.4,
                }
            )
            began = time.monotonic()
            status, out, _ = ytpool("alerts", "test", "--json")

        assert status == 8
        assert "within 0.4 s" in json.loads(out)["data"]["targets"][0]["error"]["message"]
        assert time.monotonic() - began < 20  # neither ever comes to an end


def test_the_address_of_a_webhook_may_be_a_secret_and_is_never_shown(settings, ytpool, tmp_path, hook):
    address = tmp_path / "address"
    address.touch(mode=0o600)
    address.write_text(f"{hook.url}\n")
    settings(team={"type": "webhook"}, open={"type": "webhook", "url": hook.url})

    missing = ytpool("alerts", "test", "team", "--json")
    assert ytpool("vault", "keep", "alerts.targets.team", "--password-file", address)[0] == 0
    hook.status = 404
    seen = [
        ytpool("alerts", "test", "--json"),
        ytpool("alerts", "test"),
        ytpool("alerts", "list", "--json"),
        ytpool("config", "show"),
        ytpool("config", "show", "--json"),
    ]

    assert (missing[0], json.loads(missing[1])["data"]["targets"][0]["error"]["hint"]) == (
        8,
        "run: ytpool vault keep alerts.targets.team --password-file FILE",
    )
    assert len(hook.heard) == 4
    assert "canary" not in "".join(f"{out}{err}" for _, out, err in seen)


def test_what_health_finds_out_there_is_an_alert_until_it_is_seen_again(ytpool, home, hook):
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    path = home / "default" / "config.toml"
    path.write_text(f'{path.read_text()}\n[checks.site]\nurl = "{hook.url}"\n')
    hook.status = 500

    def alerts(*words):
        assert ytpool("health", "--only", *words)[0] in (0, 8)
        out = ytpool("alerts", "list", "--json")[1]
        return [(one["kind"], one["subject"]) for one in fits("alerts-list", out)["alerts"]]

    assert alerts("checks.site") == [("health", "checks.site")]
    hook.status = 200
    assert alerts("disk") == [("health", "checks.site")]
    assert alerts("checks") == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "type must be one of command, webhook, email, file, not None"),
        ({"type": "pigeon"}, "type must be one of command, webhook, email, file, not 'pigeon'"),
        ({"type": "file"}, "path must be the path of a file, not ''"),
        ({"type": "file", "path": "a", "urll": "b"}, "there is no setting alerts.targets.team.urll"),
        ({"type": "file", "path": "a", "severity": "bad"}, "severity must be one of info, warning, critical"),
        ({"type": "file", "path": "a", "kinds": ["quotas"]}, "did you mean quota?"),
        ({"type": "file", "path": "a", "quiet": "22-7"}, "quiet must be hours like 22:00-07:00, not '22-7'"),
        ({"type": "file", "path": "a", "hourly": 0}, "hourly must be between 1 and 1000, not 0"),
        ({"type": "file", "path": "a", "timeout": 31}, "timeout must be between 0.1 and 30 seconds, not 31"),
        ({"type": "command", "command": "rm -rf"}, "command must be a list of texts in quotes, not 'rm -rf'"),
        ({"type": "webhook", "url": "https://me:word@host/"}, "without a user or a password in it"),
        ({"type": "webhook", "url": "https://host/", "password_env": "a word"}, "and never the password itself"),
        ({"type": "email", "host": "a", "from": "x", "to": "b@c"}, "from must be a mail address"),
        ({"type": "email", "host": "a", "from": "a@b", "to": ["b@c\r\nBcc: d@e"]}, "to must be mail addresses"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused_with_its_line(settings, ytpool, table, said):
    settings(team=table)

    status, _, err = ytpool("alerts", "list")

    assert status == 2
    assert said in err
    assert "config.toml:" in err


@pytest.mark.parametrize("command", [("serve", "--bind", "127.0.0.1:0"), ("work",)])
def test_whoever_runs_on_tells_what_happens_meanwhile(settings, ytpool, hook, command):
    settings(team={"type": "webhook", "url": hook.url})
    assert ytpool("pause", "--reason", "the strike")[0] == 0
    running = start(*command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        (message,) = hook.hears(1)
    finally:
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=30)

    assert message["alerts"][0]["message"] == "is paused (the strike)"
    assert "Traceback" not in err
