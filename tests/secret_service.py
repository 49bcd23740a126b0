"""A real Secret Service for tests: the GNOME keyring on a D-Bus of its own, without a desktop.

Its home, files and bus lie in a folder of its own. Programs reach it as children with `service.env`.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from real_parts import need

PROGRAMS = ("dbus-daemon", "gnome-keyring-daemon")


@dataclass(frozen=True)
class SecretService:
    """The environment that reaches the keyring, and the keyring's process."""

    env: dict[str, str]
    daemon: subprocess.Popen[bytes]

    @contextmanager
    def collection(self):
        """Reach the default collection behind the back of the program under test."""
        from jeepney.io.blocking import open_dbus_connection
        from secretstorage import get_default_collection

        with closing(open_dbus_connection(self.env["DBUS_SESSION_BUS_ADDRESS"])) as connection:
            yield get_default_collection(connection)

    def is_open(self) -> bool:
        """Ask without waking anybody: a call to a name without an owner would make D-Bus start a second daemon."""
        from jeepney.bus_messages import message_bus
        from jeepney.io.blocking import Proxy, open_dbus_connection

        with closing(open_dbus_connection(self.env["DBUS_SESSION_BUS_ADDRESS"])) as connection:
            (owned,) = Proxy(message_bus, connection).NameHasOwner("org.freedesktop.secrets")
        if not owned:
            return False
        with self.collection() as collection:
            return not collection.is_locked()

    def items(self) -> dict[str, str]:
        """Return what the keyring holds for ytpool: user and password."""
        with self.collection() as collection:
            return {
                item.get_attributes()["username"]: item.get_secret().decode()
                for item in collection.search_items({"service": "ytpool"})
            }

    def lock(self) -> None:
        with self.collection() as collection:
            collection.lock()


@pytest.fixture
def secret_service() -> Iterator[SecretService]:
    """Start an unlocked, empty keyring; where it is not installed, skip (or fail, if everything is required)."""
    for program in PROGRAMS:
        need(program)

    # Not pytest's folder: the path of a socket may have no more than 107 characters.
    with TemporaryDirectory(prefix="keyring-") as home, ExitStack() as running:
        run = Path(home, "run")
        run.mkdir(mode=0o700)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "XDG_RUNTIME_DIR": str(run),
            "XDG_DATA_HOME": f"{home}/data",
        }
        bus = running.enter_context(
            _running(
                ["dbus-daemon", "--session", "--nofork", "--print-address=1", f"--address=unix:path={run}/bus"],
                env,
            )
        )
        env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()
        daemon = running.enter_context(
            _running(["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"], env)
        )
        daemon.stdin.write(b"test")  # no newline: it would be part of the password
        daemon.stdin.close()
        service = SecretService(env, daemon)
        _wait_until_open(service)
        yield service


@contextmanager
def _running(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()  # a frozen process does not hear anything gentler


def _wait_until_open(service: SecretService) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        assert service.daemon.poll() is None, "the keyring daemon ended at once"
        if service.is_open():
            return
        time.sleep(0.01)
    pytest.fail("the keyring daemon did not open its keyring within 15 s")
