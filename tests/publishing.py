"""A program that publishes one file with all that goes along: `python tests/publishing.py FILE ACCOUNT FOLDER`.

The folder has `title.png`, `talk.de.srt` and `talk.en.srt`. What became of it is printed as JSON; the status is 0 if
all is done.
"""

import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from ytpool import config
from ytpool.actions import publish
from ytpool.actions.claiming import Order
from ytpool.actions.watch import Nobody
from ytpool.domain import captions
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.publication import Publication, playlist
from ytpool.domain.video import VideoRequest
from ytpool.runtime import Runtime


def main(file, account, folder):
    rt = Runtime(config.load(profile=None, environ=os.environ))
    wished = Publication(
        video=VideoRequest(title="The talk"),
        thumbnail=Path(folder, "title.png"),
        captions=tuple(captions.parse(f"{language}:{folder}/talk.{language}.srt") for language in ("de", "en")),
        playlists=(playlist("+Talks"),),
    )
    order = Order(path=Path(file), publication=wished, target=Target(kind=TargetKind.ACCOUNT, name=account))
    done = publish.publish(rt, order, Nobody())
    rt.close()
    print(json.dumps({"state": done.state, "steps": {one.step: one.state for one in done.steps}}))
    if done.problem is not None:
        print(done.problem.message, file=sys.stderr)
    return 0 if done.problem is None else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
