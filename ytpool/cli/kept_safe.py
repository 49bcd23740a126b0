"""How backups and their restoring are asked for and seen; only `ytpool state backup` and `restore` load it."""

from pathlib import Path

import typer

from ytpool.actions import backups, restoring
from ytpool.actions.backups import BackedUp
from ytpool.actions.restoring import Restored
from ytpool.cli.agreeing import agrees
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import VIEWS, View
from ytpool.cli.values import visible
from ytpool.domain import moments
from ytpool.errors import Interrupted


def backup(ctx: typer.Context, file: Path | None, *, keep: int | None, dry_run: bool, yes: bool) -> BackedUp:
    return backups.backup(runtime(ctx), file, keep=keep, overwrite=yes, dry_run=dry_run)


def restore(ctx: typer.Context, file: Path, *, accept: bool, dry_run: bool, yes: bool) -> Restored:
    rt, call = runtime(ctx), invocation(ctx)
    with restoring.prepared(rt, file, accept=accept, dry_run=dry_run) as ready:
        told = ready.restored
        if dry_run:
            return told
        does = "puts another state in the place of the present one"
        question = f"Go back to {moments.spoken(told.taken_at)}?"
        if told.aside is not None and not agrees(call, does, question, yes=yes, shows=_would(told)):
            raise Interrupted("nothing was restored")
        return restoring.put_in_place(rt, ready)


def _would(told: Restored) -> list[str]:
    lines = [f"{told.backup} shows {moments.spoken(told.taken_at)}; all that was done since is not in it"]
    if not told.same_state:
        lines.append("it is not known to be a backup of the state that is here")
    return [*lines, *_unknown(told), *told.wrong]


def _backed_up(told: BackedUp) -> str:
    verb = "would be written" if told.dry_run else "is written"
    lines = [f"{told.path} {verb}, {told.bytes / 1_000_000:.1f} MB, as of {moments.spoken(told.taken_at)}"]
    if not told.dry_run:
        lines.append(f"sha256 {told.sha256}")
    if told.keys:
        lines.append(f"its secrets need {'key' if len(told.keys) == 1 else 'the keys'} {', '.join(told.keys)}")
    gone = "would be deleted" if told.dry_run else "deleted"
    lines += [f"{gone}: {old}" for old in told.deleted]
    return "\n".join(map(visible, filter(None, [*lines, *told.wrong, told.advice])))


VIEWS[BackedUp] = View(text=_backed_up)


def _restored(told: Restored) -> str:
    verb = "would show" if told.dry_run else "shows"
    lines = [f"{told.state} {verb} {moments.spoken(told.taken_at)}, from {told.backup}"]
    if told.dry_run and not told.same_state and told.aside is not None:
        lines.append("it is not known to be a backup of the state that is here")
    return "\n".join(map(visible, [*lines, *_unknown(told), *told.wrong, *told.advice]))


def _unknown(told: Restored) -> list[str]:
    """Say what is left to a person, because nobody knows what was done since."""
    if told.accepted:
        return ["nothing was done since, as you say: nothing is held back"]
    lines = ["all writes are paused until a person says: ytpool unpause"]
    if told.held:
        count = "1 job is" if told.held == 1 else f"{told.held} jobs are"
        lines.append(f"{count} held back and may be done already; begun, and to be looked for first: {told.begun}")
    if told.unknown:
        lines.append(f"calls booked as unknown: {told.unknown}")
    if told.projects and told.rest_until is not None:
        lines.append(f"resting until {moments.spoken(told.rest_until)}: {', '.join(told.projects)}")
    return lines


VIEWS[Restored] = View(text=_restored)
