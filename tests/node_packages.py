"""What others have written for Node: Google's own client, and servers of OAuth; npm brings it at the first need."""

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from real_parts import miss, need

NODE = Path(__file__).parent / "node"
CACHE = Path(__file__).parents[1] / ".cache" / "tests" / "node"


@pytest.fixture(scope="session")
def packages():
    """Where the packages are installed; npm brings them the first time, without running anything of them."""
    npm = need("npm")
    wanted = (NODE / "package.json").read_bytes()
    if (CACHE / "node_modules").exists() and (CACHE / "package.json").read_bytes() == wanted:
        return CACHE / "node_modules"
    shutil.rmtree(CACHE, ignore_errors=True)
    draft = CACHE.with_name(f"node.{os.getpid()}")
    draft.mkdir(parents=True)
    (draft / "package.json").write_bytes(wanted)
    quiet = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    try:
        run = subprocess.run(
            [npm, "install", *quiet, "--prefix", draft], capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        shutil.rmtree(draft)
        miss("npm has not installed what others have written within two minutes")
    if run.returncode:
        shutil.rmtree(draft)
        miss(f"npm could not install what others have written: {run.stderr.strip()[-500:]}")
    try:
        draft.rename(CACHE)  # whole or not there
    except OSError:  # whoever tests beside us was faster, with the same
        shutil.rmtree(draft)
    return CACHE / "node_modules"


class Served:
    """A server of OAuth that is not ours, in a process of its own."""

    def __init__(self, process):
        self._process = process
        self.addresses = self._line()

    def answers(self, status, body):
        """Let the token endpoint give this answer once, instead of its own."""
        self._process.stdin.write(json.dumps({"statusCode": status, "body": body}) + "\n")
        self._process.stdin.flush()
        self._line()

    def secrets_file(self, path):
        """Write what its operator would hand out to a desktop program."""
        client = {"client_id": "desk", "client_secret": "opens-nothing", "project_id": "press"}
        path.write_text(json.dumps({"installed": {**client, **self.addresses}}))
        return path

    def _line(self):
        line = self._process.stdout.readline()
        assert line, f"it ended with {self._process.wait(10)}"
        return json.loads(line)


@pytest.fixture
def oauth_server(packages, tmp_path):
    """Start one of the servers in `node/` by its name, for as long as the `with` statement lasts."""
    program = need("node")

    @contextmanager
    def start(name):
        with (
            (tmp_path / f"{name}.log").open("wb") as log,
            subprocess.Popen(
                [program, NODE / f"{name}.mjs"],
                env={"PATH": os.environ["PATH"], "NODE_PATH": str(packages)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
            ) as process,
        ):
            try:
                yield Served(process)
            finally:
                process.stdin.close()  # it serves until then

    return start
