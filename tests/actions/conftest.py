"""A local YouTube in this process, and a fresh state whose accounts are logged in to it."""

import json
import random

import pytest
from newsroom import PatientClock, let_it_be_noon

from ytpool import config
from ytpool.actions import login, publish, setup
from ytpool.actions.claiming import Order
from ytpool.actions.grants import Place
from ytpool.actions.watch import Nobody
from ytpool.domain.grants import DEFAULT_SCOPE
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.publication import Publication
from ytpool.domain.video import VideoRequest
from ytpool.runtime import Runtime
from ytpool.sandbox.server import Sandbox

PROJECT = "press"


class Desk(Nobody):
    """Where one person works: one state, one local YouTube, and everything that was said."""

    def __init__(self, server, folder, clock, variables):
        self._clock = clock
        self.server, self.control, self.folder = server, server.control, folder
        self.environ = {
            "YTPOOL_HOME": str(folder / "home"),
            "YTPOOL_GOOGLE_API_ROOT": f"{server.url}/",
            "YTPOOL_GOOGLE_AUTH_URI": f"{server.url}/o/oauth2/v2/auth",
            "YTPOOL_GOOGLE_TOKEN_URI": f"{server.url}/token",
            "YTPOOL_BALANCING_STRATEGY": "fill",
            "YTPOOL_UPLOAD_CHUNK_MIB": "8",
            **variables,
        }
        self.said = []
        self.rt = self.runtime()
        setup.init(self.rt, vault=setup.KEY_FILE)

    def runtime(self):
        return Runtime(config.load(profile=None, environ=self.environ), environ=self.environ, seed=1)

    def secrets_file(self, project=PROJECT):
        path = self.folder / f"client-{project}.json"
        path.write_text(json.dumps(self.control.add_project(project)))
        return path

    def token_file(self, channel, project=PROJECT):
        self.control.add_channel(channel)
        client = self.control.add_project(project)["installed"]
        refresh_token = self.control.grant(project, channel, [DEFAULT_SCOPE])["refresh_token"]
        path = self.folder / f"token-{channel}.json"
        keys = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
        path.write_text(json.dumps({"type": "authorized_user", **keys, "refresh_token": refresh_token}))
        return path

    def log_in(self, name, *, pool=None, priority=None, project=PROJECT):
        return login.bring_in(
            self.rt,
            name,
            client_secrets=self.secrets_file(project),
            token_file=self.token_file(name, project),
            place=Place(pool=pool, priority=priority),
        )

    def order(self, path, *, pool=None, account=None, request=None, **how):
        target = Target(kind=TargetKind.POOL if pool else TargetKind.ACCOUNT, name=pool or account)
        return Order(
            path=path, publication=Publication(video=request or VideoRequest(title=path.stem)), target=target, **how
        )

    def upload(self, path, **how):
        return publish.publish(self.rt, self.order(path, **how), self)

    def holds_back(self, method):
        """Let the next answer to this method keep waiting until the local YouTube goes on."""
        self.control.add_fault(method=method, kind="slow", seconds=30)

    def goes_on(self):
        self._clock.goes_on.set()

    def calls(self, name):
        return self.control.truth()["calls"].get(name, 0)

    @property
    def videos(self):
        return self.control.truth()["videos"]

    def announces(self, job, text):  # noqa: ARG002 - a watch is told whose
        self.said.append(text)

    def says(self, job, text):  # noqa: ARG002
        self.said.append(text)

    def waits(self, job, text):  # noqa: ARG002
        self.said.append(text)


@pytest.fixture
def make_desk(tmp_path):
    """Set up a desk without accounts, with these settings beside its own."""
    opened = []

    def make(**variables):
        clock = PatientClock()
        server = Sandbox(tmp_path / "youtube", seed=1, keep_bytes=True, clock=clock)
        server.__enter__()
        let_it_be_noon(server.control)
        opened.append(server)
        return Desk(server, tmp_path, clock, variables)

    yield make
    for server in opened:
        server.__exit__(None, None, None)


@pytest.fixture
def desk(make_desk):
    """A desk with `news`, which comes first, and `sports`, both in the pool `main`."""
    made = make_desk()
    made.log_in("news", pool="main", priority=10)
    made.log_in("sports", pool="main", priority=20)
    yield made
    made.rt.close()


@pytest.fixture
def make_video(tmp_path):
    """Make a file of so many bytes; each name has its own content."""

    def make(name="talk.mp4", size=300_000):
        path = tmp_path / name
        path.write_bytes(random.Random(name).randbytes(size))
        return path

    return make
