"""`refresh-tokens` of 500 accounts beside one after the other, where each refresh takes the server 100 ms: ten times.

Run from the repository's root as `python tests/benchmarks/refresh.py`. What is compared are seconds for each account,
without the start of the program: all accounts as the command refreshes them, and some of them one by one, each as
`refresh-tokens --account` does. The server is a process of its own.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import ratios

from ytpool import config
from ytpool.actions import secrets, setup, tokens
from ytpool.domain.secret import Secret
from ytpool.runtime import Runtime
from ytpool.store import accounts, projects
from ytpool.store.secrets import Kind

AT_LEAST = 10.0
ACCOUNTS = 500
ALONE = 20
"""How many are refreshed one by one in a round; the others would only repeat them."""
ANSWERS_AFTER = 0.1
ROUNDS = 5
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def main():
    with tempfile.TemporaryDirectory(prefix="ytpool-bench-") as folder, server() as url:
        rt = logged_in(Path(folder), url)
        try:
            measure(rt)
        finally:
            rt.close()


def measure(rt):
    names = [f"account-{number}" for number in range(ALONE)]
    seconds = ratios.in_turn(
        lambda: require_refreshed(tokens.refresh_all(rt, force=True), ACCOUNTS),
        lambda: [require_refreshed(tokens.refresh_all(rt, account=name, force=True), 1) for name in names],
        ROUNDS,
    )
    together = min(all_ for all_, _ in seconds)
    alone = min(one for _, one in seconds) / ALONE * ACCOUNTS
    ratios.report(
        f"refreshing {ACCOUNTS} accounts at once against one by one",
        [one / ALONE * ACCOUNTS / all_ for all_, one in seconds],
        at_least=AT_LEAST,
        note=f"at best {together:.1f} and {alone:.1f} s",
    )


def require_refreshed(found, count):
    assert [one.outcome for one in found] == ["refreshed"] * count, found


def logged_in(folder, url):
    """Return a runtime whose state knows the accounts, as if each had been logged in."""
    environ = {"YTPOOL_HOME": str(folder), "YTPOOL_GOOGLE_TOKEN_URI": f"{url}/token", "PATH": os.environ["PATH"]}
    rt = Runtime(config.load(profile=None, environ=environ), environ=environ)
    setup.init(rt, vault=setup.KEY_FILE)
    rt.open_vault()
    client = "1-bench.apps.example"
    with rt.store.transaction() as tx:
        project = projects.of_client(tx, client_id=client, project_id="bench", number="1")
        projects.keep_client(tx, client_id=client, project=project, auth_uri=f"{url}/auth", token_uri=f"{url}/token")
        secrets.keep(rt, tx, Kind.CLIENT_SECRET, client, Secret("bench"))
        for number in range(ACCOUNTS):
            name = f"account-{number}"
            accounts.keep_channel(tx, channel_id=f"UC{number}", title=name, uploads_playlist=f"UU{number}")
            accounts.add(
                tx,
                account=name,
                project=project,
                client_id=client,
                channel_id=f"UC{number}",
                tier="production",
                priority=number,
            )
            secrets.keep(rt, tx, Kind.REFRESH_TOKEN, name, Secret(f"refresh-{number}"))
    return rt


@contextmanager
def server():
    """Run the token endpoint in a process of its own; yields its address."""
    with subprocess.Popen(
        [sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="ascii"
    ) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


async def serve():
    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    print("http://{}:{}".format(*listening.sockets[0].getsockname()), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def talk(reader, writer):
    given = 0
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(_LENGTH.search(head)[1]))
            await asyncio.sleep(ANSWERS_AFTER)
            given += 1
            body = json.dumps(
                {"access_token": f"access-{id(writer)}-{given}", "expires_in": 3599, "token_type": "Bearer"}
            ).encode()
            kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            writer.write(kind + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    else:
        ratios.run(main)
