"""What is told of a write to a video: notes on stderr while it is made, and a few lines at its end."""

from ytpool.actions.chores import VideoDone
from ytpool.cli.invocation import Invocation
from ytpool.cli.output import VIEWS, View
from ytpool.cli.values import visible
from ytpool.domain import changes
from ytpool.domain.jobs import JobState


class Notes:
    """What is said while a video is worked on, as notes on stderr."""

    def __init__(self, call: Invocation) -> None:
        self._call = call

    def started(self, job: str, name: str, size: int) -> None: ...

    def announces(self, job: str, text: str) -> None:  # noqa: ARG002 -- the text names the video
        self._call.note(visible(text))

    def says(self, job: str, text: str) -> None:  # noqa: ARG002
        self._call.note(visible(text))

    def waits(self, job: str, text: str) -> None:  # noqa: ARG002
        self._call.note(visible(text))

    def moved(self, job: str, sent: int) -> None: ...

    def stands(self, job: str, kept: int) -> None: ...

    def ended(self, job: str, text: str) -> None: ...


def _told(done: VideoDone) -> str:
    who = f"{done.title!r} ({done.video_id}) on channel {done.channel_title} ({done.channel_id}) as {done.account}"
    state = "not done" if done.state == "refused" else done.state  # it may be the person who refused
    if done.state == JobState.QUEUED:
        return visible(f"{done.action} queued: video {done.video_id} as {done.account}; job {done.job}")
    lines = [f"{done.action} {state}: {who}"]
    lines += [f"  {one.field}: {changes.shown(one.before)} -> {changes.shown(one.after)}" for one in done.changes]
    if done.dry_run:
        cost = ", ".join(f"{units} {bucket}" for bucket, units in done.units.items())
        cost = cost or "nothing, for there is nothing to change"
        lines.append(f"  nothing was sent; it would cost {cost}; the video is {done.privacy} now")
    elif done.detail and not done.changes:
        lines.append(f"  {done.detail}")
    return "\n".join(map(visible, lines))


VIEWS[VideoDone] = View(text=_told)
