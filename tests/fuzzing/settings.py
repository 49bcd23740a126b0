"""Parsers of settings: the file, the environment, and what points at a PostgreSQL database."""

import os
from pathlib import Path

import tomli_w
from fuzzing.documents import ODD, SIGNS, altered, contents, texts
from fuzzing.target import CANARY, Target, outcome, scratch
from hypothesis import strategies as st

from ytpool.cli.values import visible
from ytpool.config import deciding, file, places, postgres, services
from ytpool.config.given import Given
from ytpool.config.settings import PostgresOptions
from ytpool.domain import endpoints
from ytpool.domain.path_map import PathMap

_FOLDER = scratch()

_SETTINGS = {
    "time": {"zone": "Europe/Berlin"},
    "google": {"api_root": "http://127.0.0.1:8080/", "token_uri": "https://auth.example/token"},
    "vault": {"place": "keyfile", "key_file": "~/keys/ytpool", "keyring_timeout": 5},
    "upload": {"privacy": "unlisted", "chunk_mib": 8, "notify": False, "category": "27"},
    "path": {"map": ["/mnt/a=/srv/a", "/mnt/b=/srv/b"]},
    "plan": {"rate": "5M", "blocks": [{"name": "early", "from": "06:00", "to": "09:30", "videos": 4}]},
    "thresholds": {"yellow": 60, "orange": 75, "red": 95},
    "envelopes": {"preset": "publishing", "buffer": 5, "lend_after": "18:00"},
    "serve": {"bind": "[::1]:8383", "cookies_file": "cookies.txt"},
    "sessions": {"inactive_days": 9, "refresh": {"command": ["/opt/log-in", "{account}"], "timeout": 30}},
    "network": {"timeout": 20.5},
    "providers": {
        "film": {
            "url": "https://api.film.example",
            "keys": "FILM_KEY",
            "time_limit": 600,
            "submit": {"request": "POST /tasks", "task_id": "data.id", "body": {"prompt": "{prompt}"}},
            "poll": {"request": "GET /tasks/{task_id}", "state": "data.state", "done": ["ok"], "failed": [0]},
        },
        "hub": {"preset": "runninghub", "url": "https://hub.example", "keys": "HUB_KEY"},
    },
    "chains": {
        "voice": [{"service": "a", "command": ["say", "{text}"], "cost": 1}, {"service": "f", "provider": "film"}]
    },
    "cookie_files": {"news": {"path": "~/news.txt"}},
    "ftp": {"store": {"host": "ftp.example", "user": "ytpool", "timeout": 5, "password_env": "STORE_PASSWORD"}},
    "checks": {"site": {"url": "https://site.example/well", "expect": [200, "fine"], "timeout": 4}},
    "alerts": {
        "escalate_after_hours": 2,
        "targets": {
            "night": {"type": "email", "host": "mail.example", "from": "y@studio.example", "to": "n@studio.example"},
            "hook": {"type": "webhook", "url": "https://hook.example/x", "quiet": "22:00-07:00", "digest_minutes": 5},
            "page": {"type": "command", "command": ["/opt/page"]},
        },
    },
    "platforms": {
        "tiktok": {"url": "https://www.tiktok.com/setting", "login": ["/login"], "form": ['input[type="x"]']}
    },
}
_WITH_A_DATABASE = {
    "state": "postgresql://ytpool@db.example:5432/ytpool?sslmode=verify-full",
    "postgres": {"schema": "team", "connect_timeout": 4, "sslrootcert": "ca.pem"},
}
_DOCUMENTS = (_SETTINGS, _WITH_A_DATABASE, *({key: value} for key, value in _SETTINGS.items()))


def _as_toml(table):
    try:
        return tomli_w.dumps(table)
    except (TypeError, ValueError, AttributeError, OverflowError):  # TOML knows no null
        return ""


_TOML = st.sampled_from(_DOCUMENTS).flatmap(altered).map(_as_toml)


def read_a_file(content):
    config = _FOLDER / "config.toml"
    config.write_bytes(content)

    decided, sentence = outcome(lambda: _decided(config, {}))

    if sentence is None:
        assert _decided(config, {}).settings() == decided.settings()
        for key, value in decided.settings().items():
            assert isinstance(key, str)
            visible(str(value))


def _decided(config, environ):
    paths = places.paths_of("default", {"YTPOOL_HOME": str(_FOLDER)})._replace(config=config)
    written = {**file.read(config), **deciding.from_environment(environ)}
    return deciding._decide("default", paths, written, environ, {})


def read_variables(environ):
    outcome(lambda: deciding.load(profile=None, environ=environ))


_NAMES = [
    *("YTPOOL_STATE", "YTPOOL_TIME_ZONE", "YTPOOL_PATH_MAP", "YTPOOL_SESSIONS_REFRESH_COMMAND", "YTPOOL_PLAN_RATE"),
    *("YTPOOL_GOOGLE_API_ROOT", "YTPOOL_NETWORK_TIMEOUT", "YTPOOL_REFRESH_WITHIN_MINUTES", "YTPOOL_PLAN_BLOCKS"),
    *(
        "YTPOOL_SERVE_BIND",
        "YTPOOL_UPLOAD_NOTIFY",
        "YTPOOL_UPLOAD_CATEGORY",
        "YTPOOL_BALANCING_QUOTA",
        "YTPOOL_TIEM_ZONE",
    ),
    *("YTPOOL_POSTGRES_SSLMODE", "YTPOOL_POSTGRES_SERVICE", "YTPOOL_SERVE_COOKIES_FILE", "YT_DLP_COOKIES_FILE"),
    *("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR", "PGHOSTADDR"),
    *("YTPOOL_PROFILE", "YTPOOL_HOME", "YTPOOL_TOKEN_", "YTPOOL_", "YTPOOL_VAULT_KEY_FILE"),
]
_PLAIN = [
    *("Europe/Berlin", "/mnt/a=/srv/a '/mnt/b c=/srv/b'", "5M", "30", "0.5", "yes", "[::1]:80", "https://g.example/"),
    *("postgresql://ytpool@db.example/ytpool", "postgresql:///ytpool?host=/run/pg&port=5433", "verify-full", "~/x"),
]
_VARIABLES = st.dictionaries(
    st.sampled_from(_NAMES),
    # As a system hands it to a program: bytes without a zero, whatever else they are.
    (st.sampled_from(_PLAIN) | texts(*_PLAIN)).map(
        lambda text: os.fsdecode(text.replace("\0", "").encode(errors="surrogatepass"))
    ),
    max_size=4,
).map(lambda found: {"YTPOOL_HOME": str(_FOLDER / "home"), **found})


_ADDRESSES = (
    "postgresql://ytpool@db.example/ytpool",
    "postgres://a%40b@[::1]:5433,db.example:5432/y%2Fx?sslmode=require&connect_timeout=3",
    "postgresql:///ytpool?host=/run/postgresql&port=5433",
    "postgresql://db/ytpool?hostaddr=127.0.0.1&keepalives_idle=5&service=",
)
_WITH_A_PASSWORD = (
    f"postgresql://ytpool:{CANARY}@db.example/ytpool",
    f"postgresql://ytpool@db.example/ytpool?sslmode=require&password={CANARY}",
    f"host=db.example user=ytpool password={CANARY} dbname=ytpool",
    f"postgresql://ytpool:{CANARY}@[::1/ytpool?x",
)


def read_an_address(text):
    options = PostgresOptions()
    environ = {"SSL_CERT_FILE": "/none"}

    def read(url):
        return postgres.read(Given(url, "YTPOOL_STATE"), options, {}, placed=Path, environ=environ)

    found, sentence = outcome(lambda: read(text))

    if sentence is None:
        assert found.url.isprintable()
        again = read(found.url)
        assert (again.hosts, again.ports, again.user, again.name) == (found.hosts, found.ports, found.user, found.name)
        found.settings()
        visible(found.warning)


def keep_a_password_to_oneself(text):
    """An address with a password is refused, or is taken where the password is no password any more; never told."""
    _, sentence = outcome(lambda: postgres.at(text, PostgresOptions(), {}, origin="--to"), secrets=(CANARY,))
    assert sentence is not None


_SERVICES = (
    f"# shared\n[ytpool]\nhost=db.example\nport=5432\nuser=ytpool\npassword={CANARY}\n\n[other]\nhost=x\n",
    "[ytpool]\ndbname=ytpool\n sslmode = require \n",
)


def read_a_service_file(content):
    path = _FOLDER / "pg_service.conf"
    path.write_bytes(content)
    environ = {"PGSERVICEFILE": str(path), "PGSYSCONFDIR": str(_FOLDER)}

    found, _ = outcome(lambda: services.find("ytpool", environ), secrets=(CANARY,), says=ValueError)

    assert found is None or "password" not in found.options


def read_a_path_map(lines):
    found, _ = outcome(lambda: PathMap.from_texts(lines), says=ValueError)
    if found is None:
        return
    assert PathMap.from_texts(f"{name}={place}" for name, place in found.pairs) == found
    for line in lines:
        path = Path(line.partition("=")[0], "talk.mp4")
        named, _ = outcome(lambda path=path: found.there(path))
        assert named is None or found.here(named) == path


def read_a_place(text):
    found, _ = outcome(lambda: endpoints.place(text, 8383), says=ValueError)
    if found is not None:
        host, port = found
        assert 0 <= port <= 65535
        assert endpoints.place(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", 1) == found


def judge_an_address(text):
    if endpoints.is_safe(text):
        assert text.startswith(("http", "HTTP", "Http")) or text[:5].lower() == "https"[: len(text[:5])]
    endpoints.is_loopback(text)


_MAPS = ("/mnt/a=/srv/a", "/mnt/a/b=/srv/c", "/=/mnt", "/srv/a=/mnt/a", "/a=b=/c")

TARGETS = (
    Target(name="settings file", inputs=contents(*map(tomli_w.dumps, _DOCUMENTS), of=_TOML), check=read_a_file),
    Target(name="settings variables", inputs=_VARIABLES, check=read_variables),
    Target(name="database address", inputs=texts(*_ADDRESSES), check=read_an_address),
    Target(
        name="database password",
        inputs=st.sampled_from(_WITH_A_PASSWORD).flatmap(
            lambda text: st.one_of(
                st.just(text), (SIGNS | ODD).map(lambda sign: text + sign), (SIGNS | ODD).map(lambda sign: sign + text)
            )
        ),
        check=keep_a_password_to_oneself,
    ),
    Target(name="service file", inputs=contents(*_SERVICES), check=read_a_service_file),
    Target(name="path map", inputs=st.lists(texts(*_MAPS), max_size=4), check=read_a_path_map),
    Target(name="place", inputs=texts("127.0.0.1:8383", "[::1]:80", "8383", "db.example"), check=read_a_place),
    Target(
        name="web address",
        inputs=texts("https://a.example/x?y=1", "http://[::1]:80/", "http://127.0.0.1/"),
        check=judge_an_address,
    ),
)
