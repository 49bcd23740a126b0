"""The real programs that tests run: where each is, and the Debian package that brings it.

Run as a program it prints the packages whose programs, or those named, are missing here; `tests/run` installs them
where it may.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

PACKAGES = {
    "bash": "bash",
    "chromium": "chromium",
    "dbus-daemon": "dbus",
    "ffmpeg": "ffmpeg",
    "fish": "fish",
    "gnome-keyring-daemon": "gnome-keyring",
    "haproxy": "haproxy",
    "nginx": "nginx-light",
    "node": "nodejs",
    "npm": "npm",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "pgbouncer": "pgbouncer",
    "postgres": "postgresql",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "rsvg-convert": "librsvg2-bin",
    "setpriv": "util-linux",
    "systemd-analyze": "systemd",
    "unshare": "util-linux",
    "vsftpd": "vsftpd",
    "zsh": "zsh",
}

# Read at once: a test's own environment knows nothing of how tests are run.
_REQUIRED = os.environ.get("YTPOOL_TEST_REQUIRE") == "all"
_SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "1"))
_EXAMPLES = int(os.environ.get("YTPOOL_TEST_EXAMPLES", "0"))
AT_LENGTH = _EXAMPLES > 0
"""Whether properties are searched for exceptions, and not only tried."""


def need(program: str) -> str:
    """Return the path of a program; without it the test is skipped, or fails under `YTPOOL_TEST_REQUIRE=all`."""
    path = found(program)
    if path is None:
        miss(lacking(program))
    return path


def found(program: str) -> str | None:
    """Return the path of a program, or None where it is not installed."""
    # Servers lie where only an administrator's path leads, and PostgreSQL's programs where no path does.
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    folders = (os.environ.get("PATH", os.defpath), "/usr/sbin", *map(str, reversed(versions)))
    return shutil.which(program, path=os.pathsep.join(folders))


def lacking(program: str) -> str:
    """Say that a program is missing, and which package brings it; nothing where it is there."""
    return "" if found(program) else f"{program} is not installed (Debian package {PACKAGES[program]})"


def miss(what: str) -> NoReturn:
    """Skip the test, or fail it under `YTPOOL_TEST_REQUIRE=all`."""
    import pytest

    if _REQUIRED:
        pytest.fail(what)
    pytest.skip(what)


def scaled(count: int, *, least: int = 1) -> int:
    """Return how many of something a large test makes: all of them, or the share `YTPOOL_TEST_SCALE` says."""
    return max(least, round(count * _SCALE))


def examples(usual: int, *, at_length: int | None = None) -> int:
    """Return how many examples a property is tried with: the usual number, or as many as `YTPOOL_TEST_EXAMPLES` says.

    What takes seconds for each example says how many are enough `at_length`.
    """
    return max(usual, _EXAMPLES if at_length is None else min(_EXAMPLES, at_length))


@contextmanager
def small_file_system(folder: Path, megabytes: int) -> Iterator[Path]:
    """Make a folder whose files lie on a file system of their own, with room for so much."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        miss(f"no small file system can be mounted: {mounted.stderr}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> None:
    """Write a file named `ballast` until the disk is full."""
    with (folder / "ballast").open("ab", buffering=0) as ballast:
        try:
            while ballast.write(b"\0" * 4096):
                pass
        except OSError:
            return


if __name__ == "__main__":
    wanted = sys.argv[1:] or PACKAGES
    print(" ".join(sorted({PACKAGES[program] for program in wanted if found(program) is None})))
