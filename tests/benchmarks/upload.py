"""How fast an upload is, beside the bare loop of google-api-python-client: at least 0.9 of it.

Run from the repository's root as `python tests/benchmarks/upload.py`. Ours is all of `ytpool upload` but the start of
the program: hold and ledger, the whole file's hash, resumable state after every chunk, the live progress bar. Both
send 8 MiB chunks of the same file to the same server, which runs in a process of its own and drops the bytes.
"""

import io
import itertools
import json
import os
import resource
import sys
from pathlib import Path

from googleapiclient.discovery import build_from_document
from googleapiclient.http import MediaFileUpload, build_http

sys.path.insert(0, str(Path(__file__).parents[2]))

import dropping
import ratios

from ytpool import config, data
from ytpool.actions import login, publish, setup
from ytpool.actions.claiming import Order
from ytpool.actions.grants import Place
from ytpool.cli.invocation import Invocation
from ytpool.cli.progress import uploads
from ytpool.cli.watching import ShownWatch
from ytpool.domain.jobs import JobState, Target, TargetKind
from ytpool.domain.publication import Publication
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
    with dropping.running() as (folder, url):
        measure(folder, url)


def measure(folder, url):
    video = folder / "video.mp4"
    block = os.urandom(1_000_000)
    with video.open("wb") as file:
        for _ in range(SIZE // len(block)):
            file.write(block)
    rt = logged_in(folder, url)
    keys = itertools.count()
    seconds = ratios.in_turn(lambda: ours(rt, video, str(next(keys))), lambda: bare(url, video), ROUNDS)
    rt.close()
    fastest = SIZE / min(own for own, _ in seconds) / 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    ratios.report(
        f"uploading {SIZE // 1_000_000} MB against the bare loop of google-api-python-client",
        [theirs / own for own, theirs in seconds],
        at_least=AT_LEAST,
        note=f"at best {fastest:.0f} MB/s; peak memory {memory:.0f} MB",
    )


def logged_in(folder, url, names=("bench",)):
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
    for name in names:
        token.write_text(json.dumps({"refresh_token": name, "client_id": client["client_id"]}))
        login.bring_in(rt, name, client_secrets=secrets, token_file=token, place=Place())
    return rt


def ours(rt, video, key):
    call = Invocation(stdout=io.StringIO(), stderr=Terminal())
    order = Order(
        path=video,
        publication=Publication(video=VideoRequest(title="Benchmark")),
        target=Target(kind=TargetKind.ACCOUNT, name="bench"),
        key=key,
    )
    with uploads(call, total_files=1) as shown:
        done = publish.publish(rt, order, ShownWatch(call, shown))
    assert done.state == JobState.DONE, done.problem


def bare(url, video):
    document = json.loads(data.discovery_document())
    document["rootUrl"] = f"{url}/"
    youtube = build_from_document(document, http=build_http())
    body = {"snippet": {"title": "Benchmark"}, "status": {"privacyStatus": "private"}}
    media = MediaFileUpload(str(video), mimetype="video/mp4", chunksize=CHUNK, resumable=True)
    request = youtube.videos().insert(part="snippet,status", body=body, media_body=media)
    answer = None
    while answer is None:
        _, answer = request.next_chunk()
    youtube.close()


if __name__ == "__main__":
    ratios.run(main)
