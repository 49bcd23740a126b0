"""The settings: who decides, and what is said when something is wrong."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from ytpool import config
from ytpool.errors import ConfigInvalid


@pytest.fixture(autouse=True)
def nobody_names_a_state(home, monkeypatch):  # noqa: ARG001 - after it
    """What the settings come to is asked here, wherever the states of other stories lie."""
    for name in ("YTPOOL_STATE", "YTPOOL_POSTGRES_SCHEMA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(home):
    home.joinpath("default").mkdir(parents=True)
    return home / "default" / "config.toml"


MORNING = '[[plan.blocks]]\nname = "morning"\nfrom = "06:00"\nto = "12:00"\nvideos = 20\n'


def shown(ytpool, *words):
    status, out, _ = ytpool("config", "show", "--json", *words)
    assert status == 0
    return {one["key"]: (one["value"], one["origin"]) for one in json.loads(out)["data"]["settings"]}


def test_every_value_knows_where_it_comes_from(ytpool, file, monkeypatch):
    file.write_text('# settings\n\n[upload]\nprivacy = "unlisted"\nchunk_mib = 32\n')
    monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "64")
    monkeypatch.setenv("YTPOOL_GOOGLE_API_ROOT", "http://127.0.0.1:8080/youtube")

    settings = shown(ytpool)

    assert settings["upload.privacy"] == ("unlisted", f"{file}:4")
    assert settings["upload.chunk_mib"] == (64, "YTPOOL_UPLOAD_CHUNK_MIB")
    assert settings["upload.notify"] == (True, "default")
    assert settings["google.api_root"] == ("http://127.0.0.1:8080/youtube/", "YTPOOL_GOOGLE_API_ROOT")


@pytest.mark.parametrize(
    ("text", "line", "key", "meant"),
    [
        ('[upload]\n\nprivcy = "private"', 3, "upload.privcy", "did you mean upload.privacy?"),
        ("[uplaod]\nnotify = true", 1, "uplaod", "did you mean upload?"),
        ("[upload]\nzzz = 1", 2, "upload.zzz", "upload has privacy, chunk_mib, notify, category"),
        ('[upload]\nchunk_mib = "16"', 2, "upload.chunk_mib", "must be a whole number, not '16'"),
        ("[upload]\nnotify = 1", 2, "upload.notify", "must be true or false, not 1"),
        ("[upload]\nchunk_mib = true", 2, "upload.chunk_mib", "must be a whole number, not True"),
        ("[upload]\nchunk_mib = 65", 2, "upload.chunk_mib", "between 8 and 64, not 65"),
        ('upload.privacy = "secret"', 1, "upload.privacy", "one of private, unlisted, public, not 'secret'"),
        ('\nupload = { privacy = "secret" }', 2, "upload.privacy", "one of private, unlisted, public"),
        ("upload = 3", 1, "upload", "write [upload]"),
        ('[time]\nzone = "Europe/Berln"', 2, "time.zone", "did you mean Europe/Berlin?"),
        ("[thresholds]\nyellow = 85", 2, "thresholds.yellow", "rise from yellow over orange to red"),
        ('[google]\ntoken_uri = "http://example.com/t"', 2, "google.token_uri", "plain http only for this machine"),
        ('[google]\napi_root = "youtube"', 2, "google.api_root", "an address like https://host/path"),
        ('[google]\napi_root = "https://[::1"', 2, "google.api_root", "must be an address"),
        ("[balancing]\nage = -0.1", 2, "balancing.age", "between 0 and 1000, not -0.1"),
        ("[balancing]\nquota = nan", 2, "balancing.quota", "between 0 and 1000"),
        (
            "[balancing]\nquota = 0\nsuccess = 0\nidle = 0\nage = 0",
            2,
            "balancing.quota",
            "balancing must weigh something",
        ),
        ("[envelopes]\nreading = 101", 2, "envelopes.reading", "between 0 and 100, not 101"),
        (
            '[envelopes]\npreset = "publishing"\nreading = 15',
            3,
            "envelopes.reading",
            "100 per cent together at the most, not publishing 70, metadata 10, reading 15, buffer 10",
        ),
        ('[envelopes]\npreset = "publishin"', 2, "envelopes.preset", "must be publishing, or empty"),
        ('[envelopes]\nlend_after = "24:00"', 2, "envelopes.lend_after", "an hour of the quota day like 18:00"),
        ('[plan]\nrate = "fast"', 2, "plan.rate", "bytes per second like 800K, 5M or 1.5G, not 'fast'"),
        ('[plan]\nblocks = "morning"', 2, "plan.blocks", "write [[plan.blocks]], and name, from, to, videos below"),
        (f'{MORNING}[[plan.blocks]]\nname = "noon"', 6, "plan.blocks.from", "and this one has no from"),
        (f"{MORNING}vidoes = 2", 6, "plan.blocks.vidoes", "did you mean videos?"),
        (f"{MORNING.replace('20', '0')}", 5, "plan.blocks.videos", "between 1 and 10000, not 0"),
        (f"{MORNING.replace('06:00', '6')}", 3, "plan.blocks.from", "an hour in quotes like 06:00, or 24:00, not '6'"),
        (f"{MORNING.replace('06:00', '22:00')}", 4, "plan.blocks.to", "one that goes over midnight is two"),
        (MORNING * 2, 6, "plan.blocks", "two blocks called morning"),
        (
            f'{MORNING}\n[[plan.blocks]]\nname = "noon"\nfrom = "11:59"\nto = "24:00"\nvideos = 1',
            7,
            "plan.blocks",
            "the blocks morning and noon overlap",
        ),
        ("[providers.film]\nslot = 3", 2, "providers.film.slot", "there is no setting providers.film.slot"),
        ("providers = 3", 1, "providers", "write [providers]"),
        ('[providers.film]\npreset = "runingub"', 2, "providers.film.preset", "must be one of runninghub"),
        (
            '[providers.film]\npreset = "runninghub"\nkeys = "K"\nurl = "http://example.com"',
            4,
            "providers.film.url",
            "must be an https address; plain http is for this machine only",
        ),
        (
            (
                '[providers.film]\npreset = "runninghub"\nkeys = "K"\nurl = "https://x.example"\n\n'
                '[providers.film.submit]\ntask_id = ""'
            ),
            7,
            "providers.film.submit.task_id",
            "must say where the id stands in the answer",
        ),
        (
            (
                '[providers.film]\nkeys = "K"\nurl = "https://x.example"\nsubmit.request = "POST /a"\n'
                'submit.task_id = "id"'
            ),
            1,
            "providers.film.poll.request",
            "nobody would hear how a task ended",
        ),
        ('[providers.youtube]\npreset = "runninghub"', 1, "providers.youtube", "cannot be a service's name"),
        ('state = "mysql://db/ytpool"', 1, "state", "there is no state at mysql:; it is a path, or an address like"),
        ('state = ""', 1, "state", "must be a path, or an address like postgresql://user@host/database"),
        ('state = "postgresql://db/x"\n[postgres]\nschema = "My"', 3, "postgres.schema", "small letters, digits and"),
        ('[postgres]\nsslmode = "verify"', 2, "postgres.sslmode", "one of disable, allow, prefer, require, verify-ca"),
        ('[postgres]\npassword = "guess"', 2, "postgres.password", "is no setting; a password does not belong there"),
        (
            'state = "postgresql://db.example/x"\n[postgres]\nsslmode = "verify-ca"\nsslrootcert = "system"',
            3,
            "postgres.sslmode",
            "needs sslrootcert, the certificate of an authority of your own",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(ytpool, file, text, line, key, meant):
    file.write_text(text)

    status, out, _ = ytpool("config", "check", "--json")

    error = json.loads(out)["error"]
    assert (status, error["code"]) == (2, "config_invalid")
    assert error["message"].startswith(f"{file}:{line}: ")
    assert meant in error["message"]
    assert error["details"] == {"key": key, "file": str(file), "line": line}


def test_blocks_of_the_day_are_shown_as_they_are_meant(ytpool, file):
    file.write_text(f'[plan]\nrate = "5M"\n\n{MORNING}[[plan.blocks]]\nname="late"\nfrom="18:00"\nto="24:00"\nvideos=9')

    settings = shown(ytpool)

    assert settings["plan.rate"] == ("5M", f"{file}:2")
    assert settings["plan.blocks"] == (["morning 06:00-12:00: 20", "late 18:00-24:00: 9"], f"{file}:4")


def test_blocks_are_no_variable(ytpool, monkeypatch):
    monkeypatch.setenv("YTPOOL_PLAN_BLOCKS", "morning")

    status, _, err = ytpool("config", "check")

    assert status == 2
    assert "YTPOOL_PLAN_BLOCKS: plan.blocks is a list of tables in the file: write [[plan.blocks]]" in err


def test_broken_toml_is_named_with_its_line(ytpool, file):
    file.write_text('[upload]\nprivacy = "private"\nnotify =\n')

    status, _, err = ytpool("config", "check")

    assert status == 2
    assert err.startswith(f"ytpool: {file}:3: this is not TOML: ")


def test_a_misspelt_section_in_the_environment_is_named(ytpool, monkeypatch):
    monkeypatch.setenv("YTPOOL_GOOLGE_API_ROOT", "http://127.0.0.1:1/")

    status, _, err = ytpool("config", "check")

    assert status == 2
    assert "YTPOOL_GOOLGE_API_ROOT: there is no section goolge; did you mean google?" in err


def test_a_file_that_is_no_text_is_named_with_its_line(ytpool, file):
    file.write_bytes(b"# \xc3\xa4\n[upload]\nprivacy = '\xff'\n")

    status, _, err = ytpool("config", "check")

    assert status == 2
    assert f"{file}:3: is not UTF-8" in err


@pytest.mark.parametrize(
    ("variable", "value", "meant"),
    [
        ("YTPOOL_UPLOAD_CHUNK_MIB", "many", "upload.chunk_mib must be a whole number, not 'many'"),
        ("YTPOOL_UPLOAD_NOTIFY", "perhaps", "upload.notify must be true or false"),
        ("YTPOOL_GOOGLE_API_ROT", "http://127.0.0.1/", "did you mean google.api_root?"),
        ("YTPOOL_PROFILE", "../default", "is no name for a profile"),
        ("YTPOOL_STATE", "postgres://db", "state names no database: write it like postgresql://user@host/database"),
        ("YTPOOL_STATE", "postgres://db:5x/y", "state must name its host like db.example, db.example:5432"),
        ("YTPOOL_STATE", "postgres://db:70000/y", "a port between 1 and 65535"),
        ("YTPOOL_STATE", "postgres://a,b:1,c/y?port=1,2", "says port twice"),
        ("YTPOOL_STATE", "postgres://db/x?sslmod=require", "state has no option sslmod; did you mean sslmode?"),
        ("YTPOOL_STATE", "postgres://db/x?connect_timeout=0", "connect_timeout must be a whole number above 0"),
        ("YTPOOL_STATE", "postgres://db/x?sslmode", "an option without a value"),
        ("YTPOOL_STATE", "postgres://db/%ff", "a % in it that stands for no letter"),
        ("YTPOOL_STATE", "postgres://db/x#y", "and # / ? @ : in names as %23"),
        ("YTPOOL_POSTGRES_PASWORD_FILE", "/x", "did you mean postgres.password_file?"),
    ],
)
def test_a_wrong_variable_is_named(ytpool, monkeypatch, variable, value, meant):
    monkeypatch.setenv(variable, value)

    status, _, err = ytpool("config", "check")

    assert status == 2
    assert err.startswith(f"ytpool: {variable}: ")
    assert meant in err


def test_the_sandbox_profile_can_not_be_pointed_at_google(ytpool, home, monkeypatch):
    home.joinpath("sandbox").mkdir(parents=True)
    home.joinpath("sandbox", "config.toml").write_text('[google]\napi_root = "https://youtube.googleapis.com/"\n')
    monkeypatch.setenv("YTPOOL_GOOGLE_TOKEN_URI", "https://oauth2.googleapis.com/token")

    settings = shown(ytpool, "--profile", "sandbox")

    assert {settings[f"google.{key}"][0] for key in config.Google._fields} == {""}


def test_a_command_that_is_advised_is_for_the_profile_that_was_typed(ytpool, home, monkeypatch):  # noqa: ARG001
    advised = [ytpool(*words, "quota", "report")[2] for words in ((), ("--profile", "two"))]
    monkeypatch.setenv("YTPOOL_PROFILE", "two")
    advised.append(ytpool("--profile", "two", "quota", "report")[2])

    assert [told.splitlines()[-1].strip() for told in advised] == [
        "run: ytpool init",
        "run: ytpool --profile two init",
        "run: ytpool init",
    ]
    assert ytpool("--profile", "three", "init", "--vault", "keyfile")[0] == 0
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "for this profile with --profile three" in ytpool("--profile", "three", "init", "--vault", "keyfile")[2]
    assert "--profile" not in ytpool("--profile", "three", "rests", "list")[2]


def test_the_flag_beats_the_variable_for_the_profile(ytpool, home, monkeypatch):
    monkeypatch.setenv("YTPOOL_PROFILE", "one")

    _, out, _ = ytpool("--profile", "two", "config", "path", "--json")

    assert json.loads(out)["data"]["state"] == str(home / "two" / "state.db")


def test_without_a_home_the_platform_says_where_things_live(ytpool, monkeypatch, tmp_path):
    monkeypatch.delenv("YTPOOL_HOME")
    for kind in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))

    _, out, _ = ytpool("config", "path", "--json")

    assert json.loads(out)["data"] == {
        "profile": "default",
        "config": str(tmp_path / "CONFIG/ytpool/default/config.toml"),
        "state": str(tmp_path / "STATE/ytpool/default/state.db"),
        "cache": str(tmp_path / "CACHE/ytpool/default"),
        "sandbox": str(tmp_path / "STATE/ytpool/default/sandbox"),
    }


def database(monkeypatch, address="", **variables):
    if address:
        monkeypatch.setenv("YTPOOL_STATE", address)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    return config.load(profile=None, environ=os.environ).database


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:open-sesame@db/x",
        "POSTGRES://me:open-sesame@db/x",
        "postgresql://db/x?user=me&password=open-sesame",
        "postgresql://me:open-sesame#1@db/x",
        "postgresql://me:open-sesame/1@db/x",
        "postgresql://me:open-sesame?@db/x",
        "postgresql:/me:open-sesame@db/x",
        "postgresql:me:open-sesame@db/x",
        "mysql://me:open-sesame@db/x",
        "host=db password=open-sesame",
    ],
)
def test_a_password_in_the_address_of_a_state_is_refused_and_never_repeated(ytpool, monkeypatch, address):
    monkeypatch.setenv("YTPOOL_STATE", address)

    status, out, err = ytpool("config", "show", "--json")

    assert status == 2
    assert json.loads(out)["error"]["message"].startswith("YTPOOL_STATE: ")
    assert "open-sesame" not in out + err


def test_who_writes_a_password_into_the_address_is_told_where_it_belongs(ytpool, monkeypatch):
    monkeypatch.setenv("YTPOOL_STATE", "postgresql://me:open-sesame@db/x")

    _, _, err = ytpool("config", "check")

    for place in ("~/.pgpass", "a service file", "systemd's credential ytpool-pg", "ytpool state password"):
        assert place in err


def test_a_state_in_a_database_is_shown_and_its_own_files_stay_where_they_are(ytpool, home, monkeypatch):
    monkeypatch.setenv("YTPOOL_STATE", "postgres://me@db.example/books")

    assert shown(ytpool)["state"] == ("postgresql://me@db.example:5432/books", "YTPOOL_STATE")
    assert json.loads(ytpool("config", "path", "--json")[1])["data"]["state"] == "postgresql://me@db.example:5432/books"
    assert database(monkeypatch).shown == "postgresql://me@db.example:5432/books (schema ytpool)"
    assert config.load(profile=None, environ=os.environ).paths.state == home / "default" / "state.db"


@pytest.mark.parametrize(
    ("address", "host", "mode"),
    [
        ("postgresql://db.example/x", "db.example", "verify-full"),
        ("postgresql://10.0.0.7/x", "10.0.0.7", "verify-full"),
        ("postgresql://localhost.example/x", "localhost.example", "verify-full"),
        ("postgresql://localhost,db.example/x", "localhost,db.example", "verify-full"),
        ("postgresql://localhost/x?hostaddr=10.0.0.7", "localhost", "verify-full"),
        ("postgresql://127.0.0.1/x", "127.0.0.1", "prefer"),
        ("postgresql://a,b/x?hostaddr=,", "a,b", "verify-full"),
        ("postgresql://[::1]/x", "::1", "prefer"),
        ("postgresql://%2Frun%2Fpg/x", "/run/pg", "prefer"),
        ("postgresql:///x?host=/run/pg", "/run/pg", "prefer"),
    ],
)
def test_whoever_is_elsewhere_must_prove_who_it_is(monkeypatch, home, address, host, mode):  # noqa: ARG001
    found = database(monkeypatch, address)

    assert (found.parameters()["host"], found.sslmode) == (host, mode)
    assert found.warning == ""


def test_what_the_driver_would_take_from_its_own_variables_is_seen_before_it_is_trusted(monkeypatch, home, tmp_path):  # noqa: ARG001
    assert database(monkeypatch, "postgresql://localhost/x", PGHOSTADDR="10.0.0.7").sslmode == "verify-full"
    monkeypatch.delenv("PGHOSTADDR")
    assert database(monkeypatch, "postgresql:///x", PGHOST="db.example", PGSSLMODE="disable").sslmode == "verify-full"
    monkeypatch.delenv("PGHOST")
    services = tmp_path / "services"
    services.write_text("[books]\nhostaddr=10.0.0.7\n")
    assert database(monkeypatch, "postgresql:///x").sslmode == "prefer"
    assert database(monkeypatch, PGSERVICEFILE=services, PGSERVICE="books").sslmode == "verify-full"


def test_options_are_shown_as_they_will_be_wherever_they_were_said(ytpool, monkeypatch, file):
    file.write_text('state = "postgresql://db.example/x?connect_timeout=5"\n\n[postgres]\nsslrootcert = "ca.pem"\n')

    settings = shown(ytpool)

    assert settings["postgres.sslmode"] == ("verify-full", "default")
    assert settings["postgres.sslrootcert"] == (str(file.parent / "ca.pem"), f"{file}:4")
    assert settings["postgres.connect_timeout"] == (5, f"{file}:1")

    monkeypatch.setenv("YTPOOL_STATE", "postgresql://db.example/x?sslmode=require")
    assert shown(ytpool)["postgres.sslmode"] == ("require", "YTPOOL_STATE")


def test_the_systems_certificates_are_named_by_file_because_the_driver_looks_elsewhere(monkeypatch, home, tmp_path):  # noqa: ARG001
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/roots.pem")

    assert database(monkeypatch, "postgresql://db.example/x").parameters()["sslrootcert"] == "/etc/roots.pem"

    own = tmp_path / ".postgresql" / "root.crt"
    own.parent.mkdir()
    own.touch()
    assert database(monkeypatch).parameters()["sslrootcert"] == str(own)
    assert database(monkeypatch, YTPOOL_POSTGRES_SSLROOTCERT="ca.pem").parameters()["sslrootcert"] == str(
        Path.cwd() / "ca.pem"
    )


def test_weaker_tls_is_a_word_away_and_is_warned_of(ytpool, monkeypatch):
    monkeypatch.setenv("YTPOOL_STATE", "postgresql://db.example/x")
    monkeypatch.setenv("YTPOOL_POSTGRES_SSLMODE", "require")

    status, out, _ = ytpool("config", "check", "--json")

    assert status == 0
    [warning] = json.loads(out)["data"]["warnings"]
    assert "sslmode require: whoever is between here and the server" in warning


def test_the_address_goes_before_the_section_and_the_section_before_the_service(monkeypatch, home, tmp_path):  # noqa: ARG001
    services = tmp_path / "services"
    services.write_text(
        "[other]\nhost=nowhere\n\n[books]\n# ours\nhost=db.example\nport=6432\ndbname=ledger\nuser=clerk\n"
        "sslmode=require\nconnect_timeout=3\npassword=open-sesame\n[last]\nhost=nowhere\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(services))

    served = database(monkeypatch, "postgresql://?service=books")
    assert served.url == "postgresql://clerk@db.example:6432/ledger"
    assert (served.sslmode, served.parameters()["connect_timeout"]) == ("require", "3")
    assert "open-sesame" not in repr(served)

    assert database(monkeypatch, YTPOOL_POSTGRES_SSLMODE="verify-full").sslmode == "verify-full"
    assert (
        database(monkeypatch, "postgresql://me@/?service=books&sslmode=verify-ca&sslrootcert=/ca").sslmode
        == "verify-ca"
    )
    assert database(monkeypatch).url == "postgresql://me@db.example:6432/ledger"


@pytest.mark.parametrize(
    ("content", "meant"),
    [
        (None, "there is no service books in {file} or "),
        ("[other]\nhost=x\n", "there is no service books in {file}"),
        ("[books]\nldap://x:open-sesame\n", "{file}:2: this line is no KEY=VALUE"),
        ("[books]\nreplication=true\n", "the service books in {file} says replication, which is not used here"),
        (b"[books]\nhost=\xff", "{file} is no text in UTF-8"),
    ],
)
def test_a_service_that_is_of_no_use_is_named_with_its_file(ytpool, monkeypatch, tmp_path, content, meant):
    services = tmp_path / "services"
    if content is not None:
        services.write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("YTPOOL_STATE", "postgresql://db.example/x")
    monkeypatch.setenv("YTPOOL_POSTGRES_SERVICE", "books")

    status, _, err = ytpool("config", "check")

    assert status == 2
    assert f"YTPOOL_POSTGRES_SERVICE: {'the service file ' if isinstance(content, bytes) else ''}" in err
    assert meant.format(file=services) in err
    assert "open-sesame" not in err


@pytest.mark.parametrize(
    ("key", "mode", "meant"),
    [
        ("sslrootcert", None, "the root certificate {file} cannot be read: No such file or directory"),
        ("passfile", 0o640, "the password file {file} can be read by others"),
        ("password_file", 0o604, "the password file {file} can be read by others"),
        ("sslkey", 0o644, "the key {file} can be read by others"),
    ],
)
def test_a_file_that_the_driver_would_stumble_over_is_found_before(ytpool, monkeypatch, tmp_path, key, mode, meant):
    file = tmp_path / "it"
    if mode is not None:
        file.touch()
        file.chmod(mode)
    monkeypatch.setenv("YTPOOL_STATE", "postgresql://db.example/x")
    monkeypatch.setenv(f"YTPOOL_POSTGRES_{key.upper()}", str(file))

    status, _, err = ytpool("config", "check")

    assert status == 2
    assert meant.format(file=file) in err


def test_a_peer_that_is_silent_for_as_long_as_was_said_is_taken_for_dead(monkeypatch, home):  # noqa: ARG001
    found = database(monkeypatch, "postgresql://db.example/x", YTPOOL_POSTGRES_DEAD_AFTER=60).parameters()

    idle, interval, count = (int(found[f"keepalives_{what}"]) for what in ("idle", "interval", "count"))
    assert idle + interval * count == 60
    assert found["tcp_user_timeout"] == "60000"


def test_the_sandbox_profile_keeps_books_of_its_own(ytpool, home, monkeypatch):
    monkeypatch.setenv("YTPOOL_STATE", "postgresql://me@db.example/books")

    value, origin = shown(ytpool, "--profile", "sandbox")["state"]

    assert value == str(home / "sandbox" / "state.db")
    assert "YTPOOL_STATE is ignored" in origin

    home.joinpath("sandbox").mkdir(parents=True)
    home.joinpath("sandbox", "config.toml").write_text('state = "postgresql://me@db.example/books"\n')
    status, _, err = ytpool("--profile", "sandbox", "config", "check")
    assert status == 2
    assert "the sandbox profile keeps its books in a file of its own" in err


def test_a_state_in_the_file_is_meant_from_the_files_folder(ytpool, file):
    file.write_text('state = "elsewhere/my.db"\n')

    assert shown(ytpool)["state"][0] == str(file.parent / "elsewhere" / "my.db")


def test_looking_at_settings_creates_nothing(ytpool, home):
    for verb in ("show", "path", "check"):
        assert ytpool("config", verb)[0] == 0

    assert not home.exists()


def test_one_of_many_creates_the_file_and_only_its_owner_may_read_it(home):
    paths = config.load(profile=None, environ=os.environ).paths
    created = []
    previous = os.umask(0)
    try:
        threads = [
            threading.Thread(
                target=lambda zone: created.append(config.write_initial(paths, {"time": {"zone": zone}})), args=(zone,)
            )
            for zone in ("Europe/Berlin", "Asia/Tokyo", "UTC")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        os.umask(previous)

    assert sorted(created) == [False, False, True]
    assert stat.S_IMODE(paths.config.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (home, paths.config.parent)} == {0o700}
    assert [one.name for one in paths.config.parent.iterdir()] == ["config.toml"]
    assert config.load(profile=None, environ=os.environ).is_set("time.zone")


def test_a_wrong_first_setting_is_refused_before_anything_is_written(home):
    paths = config.load(profile=None, environ=os.environ).paths

    with pytest.raises(ConfigInvalid, match="time zone"):
        config.write_initial(paths, {"time": {"zone": "Nowhere"}})

    assert not Path(home).exists()
