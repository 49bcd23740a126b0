"""How fast an upload is, beside the bare loop of google-api-python-client: at least 0.9 of it.

Run from the repository's root as `python tests/benchmarks/upload.py`. Ours is all of `ytpool upload` but the start of
the program: hold and ledger, the whole file's hash, resumable state after every chunk, the live progress bar. Both
send 8 MiB chunks of the same file to the same server, which runs in a process of its own and drops the bytes.
"""

import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from googleapiclient.discovery import build_from_document
from googleapiclient.http import MediaFileUpload, build_http

sys.path.insert(0, str(Path(__file__).parents[2]))

from ytpool import config, data
from ytpool.actions import login, publish, setup
from ytpool.actions.claiming import Order
from ytpool.actions.login import Place
from ytpool.cli.invocation import Invocation
from ytpool.cli.progress import uploads
from ytpool.cli.upload import ShownWatch
from ytpool.domain.jobs import JobState, Target, TargetKind
from ytpool.domain.video import VideoRequest
from ytpool.runtime import Runtime

AT_LEAST = 0.9
SIZE = 300_000_000
CHUNK = 8 * 1024 * 1024
ROUNDS = 9


class Terminal(io.StringIO):
    """A terminal that nobody looks at, so that the progress bar is drawn."""

    def isatty(self):
        return True


def main():
    with (
        tempfile.TemporaryDirectory(prefix="ytpool-bench-") as folder,
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("dropping.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="ascii",
        ) as server,
    ):
        try:
            return measure(Path(folder), server.stdout.readline().strip())
        finally:
            server.stdin.close()


def measure(folder, url):
    video = folder / "video.mp4"
    block = os.urandom(1_000_000)
    with video.open("wb") as file:
        for _ in range(SIZE // len(block)):
            file.write(block)
    rt = logged_in(folder, url)
    ours(rt, video, "warm")
    memory = peak()
    bare(url, video)
    ratios, rates = [], []
    for number in range(ROUNDS):
        pair = [(ours, (rt, video, str(number))), (bare, (url, video))]
        seconds = {run: run(*words) for run, words in (pair if number % 2 else reversed(pair))}
        ratios.append(seconds[bare] / seconds[ours])
        rates.append(SIZE / seconds[ours] / 1e6)
    rt.close()
    ratio = statistics.median(ratios)
    print(
        f"upload of {SIZE // 1_000_000} MB in 8 MiB chunks: {ratio:.2f} of the bare loop, at least {AT_LEAST} "
        f"({min(ratios):.2f} to {max(ratios):.2f}; {statistics.median(rates):.0f} MB/s; peak memory {memory:.0f} MB)"
    )
    return 0 if ratio >= AT_LEAST else 1


def logged_in(folder, url):
    environ = {
        "YTPOOL_HOME": str(folder / "home"),
        "YTPOOL_UPLOAD_CHUNK_MIB": "8",
        "YTPOOL_GOOGLE_API_ROOT": f"{url}/",
        "YTPOOL_GOOGLE_TOKEN_URI": f"{url}/token",
        "YTPOOL_GOOGLE_AUTH_URI": f"{url}/auth",
        "YTPOOL_GOOGLE_REVOKE_URI": f"{url}/revoke",
    }
    rt = Runtime(config.load(profile=None, environ=environ), environ=environ)
    setup.init(rt, vault=setup.KEY_FILE)
    client = {"client_id": "1-bench.apps.googleusercontent.com", "client_secret": "bench", "project_id": "bench"}
    where = {"auth_uri": f"{url}/auth", "token_uri": f"{url}/token", "redirect_uris": ["http://localhost"]}
    secrets, token = folder / "client.json", folder / "token.json"
    secrets.write_text(json.dumps({"installed": client | where}))
    token.write_text(json.dumps({"refresh_token": "bench", "client_id": client["client_id"]}))
    login.bring_in(rt, "bench", client_secrets=secrets, token_file=token, place=Place())
    return rt


def ours(rt, video, key):
    call = Invocation(stdout=io.StringIO(), stderr=Terminal())
    order = Order(
        path=video,
        request=VideoRequest(title="Benchmark"),
        target=Target(kind=TargetKind.ACCOUNT, name="bench"),
        key=key,
    )
    began = time.perf_counter()
    with uploads(call, total_files=1) as shown:
        done = publish.publish(rt, order, ShownWatch(call, shown))
    seconds = time.perf_counter() - began
    assert done.state == JobState.DONE, done.problem
    return seconds


def bare(url, video):
    document = json.loads(data.discovery_document())
    document["rootUrl"] = f"{url}/"
    youtube = build_from_document(document, http=build_http())
    body = {"snippet": {"title": "Benchmark"}, "status": {"privacyStatus": "private"}}
    began = time.perf_counter()
    media = MediaFileUpload(str(video), mimetype="video/mp4", chunksize=CHUNK, resumable=True)
    request = youtube.videos().insert(part="snippet,status", body=body, media_body=media)
    answer = None
    while answer is None:
        _, answer = request.next_chunk()
    seconds = time.perf_counter() - began
    youtube.close()
    return seconds


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
