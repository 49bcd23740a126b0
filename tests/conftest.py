"""Fixtures that every test may use."""

import io
import json
import os
import random
import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import newer
import pytest
from books import Books, ObedientClock
from hypothesis import HealthCheck, settings
from newsroom import ROOT, Newsroom, PatientClock
from postgres import ELSEWHERE, Postgres, running
from real_parts import AT_LENGTH, examples, small_file_system

from ytpool import config
from ytpool.cli.app import main
from ytpool.runtime import Runtime
from ytpool.sandbox.server import Sandbox

# Some tests take these as plugins and some take functions of theirs; whichever comes first, asserts in them explain.
pytest.register_assert_rewrite("chromium", "node_packages", "secret_service")

# Properties are about what is true, not about how fast a busy machine finds it; and one commit is judged alike each
# time. Who asks for more examples than usual searches: those are others each time.
settings.register_profile(
    "ytpool",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=examples(100),
    derandomize=not AT_LENGTH,
)
settings.load_profile("ytpool")

ON_POSTGRES = os.environ.get("YTPOOL_TEST_STATE") == "postgresql"
"""Whether every state of a story lies on PostgreSQL; read at once, like all that says how tests are run."""


@pytest.fixture(scope="session")
def own_postgres():
    """A PostgreSQL that a test may stop and start; whoever does leaves it running."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def postgres(request):
    """A PostgreSQL that stays as it is."""
    return Postgres(ELSEWHERE) if ELSEWHERE else request.getfixturevalue("own_postgres")


@pytest.fixture
def schema(postgres):
    """The name of a schema on it that is not there yet, and is not there afterwards."""
    with postgres.schema() as name:
        yield name


@pytest.fixture
def home(tmp_path, monkeypatch, request):
    """A place of its own for every profile, and an environment that says nothing else, not even where we are."""
    for name in [*os.environ]:
        if name.startswith("YTPOOL_") or name in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "CREDENTIALS_DIRECTORY"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "xterm-256color")
    folder = tmp_path / "home"
    monkeypatch.setenv("YTPOOL_HOME", str(folder))
    if ON_POSTGRES:
        monkeypatch.setenv("YTPOOL_STATE", request.getfixturevalue("postgres").url)
        monkeypatch.setenv("YTPOOL_POSTGRES_SCHEMA", request.getfixturevalue("schema"))
    return folder


@pytest.fixture
def state(home, request):
    """Where the state of the default profile lies: a file, or a schema of PostgreSQL."""
    if ON_POSTGRES:
        return f"{request.getfixturevalue('postgres').url}#{request.getfixturevalue('schema')}"
    return home / "default" / "state.db"


@pytest.fixture
def ytpool(home):  # noqa: ARG001 - it sets the environment
    """The command line: `ytpool("config", "show")` returns status, stdout and stderr."""

    def run(*words):
        stdout, stderr = io.StringIO(), io.StringIO()
        status = main([str(word) for word in words], stdout=stdout, stderr=stderr)
        return status, stdout.getvalue(), stderr.getvalue()

    return run


@pytest.fixture
def installed(tmp_path):
    """A program named ytpool that starts from everywhere, as a virtual environment has it; in an awkward folder."""
    folder = tmp_path / "100 % bin"
    folder.mkdir()
    program = folder / "ytpool"
    start = "from ytpool.__main__ import run; run()"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n{start}\n")
    program.chmod(0o755)

    def run(*words, **more):
        done = subprocess.run(
            [program, *words], env={**os.environ, **more}, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def empty_sandbox(home, ytpool, tmp_path, monkeypatch):  # noqa: ARG001 - the home must be there first
    """A local YouTube that the settings name, where it is noon; the profile is set up and nobody is logged in."""
    clock = PatientClock()
    with Sandbox(tmp_path / "youtube", seed=1, keep_bytes=True, clock=clock) as server:
        newsroom = Newsroom(server, tmp_path, clock)
        for name, value in newsroom.addresses().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("YTPOOL_BALANCING_STRATEGY", "fill")
        newsroom.noon()
        assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
        if newer.EVERYWHERE:
            with closing(Runtime(config.load(profile=None, environ=os.environ))) as rt:
                newer.made(rt.store)
        yield newsroom
        newsroom.goes_on()  # nobody is there any more who waits


@pytest.fixture
def sandbox(empty_sandbox, ytpool):
    """The same, with two accounts logged in: `news`, which comes first, and `sports`, both in the pool `main`."""
    secrets = empty_sandbox.secrets_file()
    for priority, name in ((10, "news"), (20, "sports")):
        status, _, err = ytpool(
            *("auth", "import", name, "--client-secrets", secrets, "--token", empty_sandbox.token_file(name)),
            *("--pool", "main", "--priority", priority),
        )
        assert status == 0, err
    return empty_sandbox


@pytest.fixture
def browser(empty_sandbox, monkeypatch, tmp_path):
    """A person who sits in front of the consent page and chooses this channel, in the browser that $BROWSER names."""

    def sits_there(channel, **answer):
        empty_sandbox.channel(channel).channel_id  # noqa: B018 - asking for it makes it
        program = tmp_path / "browser"
        program.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            "from ytpool.sandbox.control import Control\n"
            "print('Opening in existing browser session.')  # as browsers do, and nobody's result may hold it\n"
            f"Control({empty_sandbox.control.url!r}).consent(sys.argv[1], {channel!r}, **{answer!r})\n"
        )
        program.chmod(0o700)
        monkeypatch.setenv("BROWSER", str(program))

    return sits_there


@pytest.fixture
def make_video(tmp_path):
    """Make a file to upload, of so many bytes; each name has its own content."""

    def make(name="talk.mp4", size=900_000):
        path = tmp_path / name
        path.write_bytes(random.Random(name).randbytes(size))
        return path

    return make


@pytest.fixture
def video(make_video):
    """A file to upload, of one chunk."""
    return make_video()


@pytest.fixture
def talk(ytpool, sandbox, make_video):
    """A video that everybody sees, and quota for ten thousand comments."""
    sandbox.project(limits={"general": 1_000_000})
    assert ytpool("projects", "set", "press", "--limit", "general=1000000")[0] == 0
    status, out, err = ytpool(
        *("upload", make_video("talk.mp4", 1000), "--account", "news", "--privacy", "public", "--json")
    )
    assert status == 0, err
    sandbox.control.clock(forward=timedelta(minutes=1))
    return json.loads(out)["data"]["video_id"]


@pytest.fixture
def clock():
    """A clock that obeys: noon in California, until the test says otherwise."""
    return ObedientClock()


@pytest.fixture
def place(tmp_path):
    """Where a state may be made that lies nowhere else."""
    return tmp_path / "state.db"


@pytest.fixture
def books(place, clock):
    """A fresh state with that clock, and the verbs of the ledger."""
    books = Books(place, clock).created()
    yield books
    books.database.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for two megabytes."""
    with small_file_system(tmp_path / "disk", megabytes=2) as folder:
        yield folder
