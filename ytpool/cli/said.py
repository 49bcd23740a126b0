"""What was said on videos, as data and as people see it, and the way there from what was typed."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import typer

from ytpool.actions import comments, threads, waiting
from ytpool.actions.comments import CommentDone
from ytpool.actions.saying import How
from ytpool.actions.threads import CommentModerated, Listed
from ytpool.cli.exits import DONE, common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.options import invocation, require_one_way_to_wait, runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.values import visible
from ytpool.cli.writing import target
from ytpool.cli.written import Notes
from ytpool.domain import comments as rules
from ytpool.domain import video
from ytpool.domain.comments import Moderation, Remark
from ytpool.domain.jobs import InLine
from ytpool.errors import FileInvalid, UsageWrong

_MOST_BYTES = 8 * rules.TEXT_CHARACTERS
"""More cannot be a text of so many characters, even if each was two and took four bytes."""

_SHOWN = 200
"""Characters of a text that people see of it again."""

_MEANS = {
    "published": Moderation.PUBLISHED,
    "held": Moderation.HELD,
    "spam": Moderation.SPAM,
    "rejected": Moderation.REJECTED,
}


def _told(done: CommentDone) -> str:
    what = f"reply to {done.parent_id}" if done.parent_id else f"comment on {done.video_id}"
    who = f" as {done.account} of channel {done.channel_title} ({done.channel_id})" if done.account else ""
    text = done.text if len(done.text) <= _SHOWN else f"{done.text[: _SHOWN - 1]}…"
    lines = [f"{what} {done.state}{who}: {text}"]
    if done.dry_run:
        cost = ", ".join(f"{units} {bucket}" for bucket, units in done.units.items())
        lines.append(f"  nothing was sent{f'; it would cost {cost}' if cost else ''}")
    if done.comment_id:
        lines.append(f"  {done.url}")
    if done.note or done.moderation:
        lines.append(f"  {done.note or Moderation(done.moderation or '').spoken}")
    return "\n".join(map(visible, lines))


VIEWS[CommentDone] = View(text=_told)


def _status(moderation: str) -> str:
    """Word how a comment stands as --status and --as do; what these never say in full."""
    return next((word for word, meant in _MEANS.items() if meant == moderation), Moderation(moderation).spoken)


_COLOURS = {"published": "green", "held_for_review": "yellow", "likely_spam": "yellow", "rejected": "red"}

VIEWS[Listed] = View(
    rows="comments",
    columns=(
        ("Comment", "comment_id"),
        Column("When", "published_at", from_width=100),
        ("Author", "author"),
        ("Text", "text"),
        Column("Likes", "likes", justify="right", from_width=100),
        Column("Replies", "replies", justify="right"),
        Column("Status", "moderation", style=_COLOURS, shown=_status, from_width=120),
    ),
    empty="no comment has this status",
    footer=lambda listed: "there are more: --limit N shows them" if listed.more else "",
)


class Moderated(dict[str, Any]):
    """What became of each comment."""

    def __init__(self, comments: Sequence[CommentModerated]) -> None:
        super().__init__({"comments": [as_item(one) for one in comments]})
        self.exit_status = common(DONE if one.problem is None else status_of(one.problem) for one in comments)
        self.problem = comments[0].problem if len(comments) == 1 else None


_STATES = {"done": "green", "failed": "red", "refused": "red", "deferred": "yellow", "queued": "yellow"}

VIEWS[Moderated] = View(
    rows="comments",
    columns=(
        ("Comment", "comment_id"),
        ("Author", "author"),
        ("Text", "text"),
        Column("As", "account", from_width=100),
        Column("Becomes", lambda row: _status(row["moderation"]) + (", banned" if row["ban"] else "")),
        Column("State", "state", style=_STATES),
        Column("Job", "job", from_width=120),
        Column("Said", lambda row: row["error"]["message"] if row["error"] else "", style="yellow"),
    ),
)


def post(
    ctx: typer.Context,
    *,
    on: str | None = None,
    under: str | None = None,
    text: str | None,
    text_file: str | None,
    account: str | None,
    pool: str | None,
    repeat_text: bool,
    wait: bool,
    no_wait: bool,
    use_buffer: bool,
    dry_run: bool,
    waits: InLine | None,
) -> CommentDone:
    """Comment `on` a video, or reply `under` a comment; now, or when its turn comes."""
    require_one_way_to_wait(wait=wait, no_wait=no_wait)
    remark = Remark(
        text=_text(text, text_file),
        video_id=None if on is None else _video(on),
        parent_id=None if under is None else _comment(under),
    )
    asks = target(account, pool)
    how = How(wait=not no_wait, use_buffer=use_buffer, repeat_text=repeat_text)
    rt = runtime(ctx, logs=True)
    if dry_run:
        return comments.plan(rt, remark, asks, how)
    if waits is not None:
        return comments.put_in_line(rt, remark, asks, how, waits)
    notes = Notes(invocation(ctx))
    say = partial(comments.say, rt, remark, asks, how, notes)
    return waiting.patiently(rt, notes, remark.place, say) if wait else say()


def listed(
    ctx: typer.Context,
    video_id: str,
    *,
    account: str | None,
    pool: str | None,
    status: str,
    search: str,
    replies: bool,
    most: int,
    use_buffer: bool,
) -> Listed:
    """List the comments of a video."""
    return threads.list_comments(
        runtime(ctx, logs=True),
        _video(video_id),
        target(account, pool) if account or pool else None,
        moderation=_MEANS[status],
        search=search,
        replies=replies,
        most=most,
        use_buffer=use_buffer,
    )


def moderated(
    ctx: typer.Context,
    comment_ids: Sequence[str],
    word: str,
    *,
    account: str | None,
    pool: str | None,
    ban: bool,
    no_wait: bool,
    use_buffer: bool,
    dry_run: bool,
    waits: InLine | None,
) -> Moderated:
    """Decide which comments are seen; now, or when their turn comes."""
    if _MEANS[word] is Moderation.SPAM:
        raise UsageWrong("YouTube alone calls a comment spam", hint="say --as published, held or rejected")
    asks = target(account, pool) if account or pool else None
    how = How(wait=not no_wait, use_buffer=use_buffer)
    wanted = [_comment(one) for one in comment_ids]
    rt = runtime(ctx, logs=True)
    if waits is not None and not dry_run:
        return Moderated(threads.put_in_line(rt, wanted, _MEANS[word], asks, waits, ban=ban))
    notes = Notes(invocation(ctx))
    return Moderated(threads.moderate(rt, wanted, _MEANS[word], asks, how, notes, ban=ban, dry_run=dry_run))


def _text(typed: str | None, file: str | None) -> str:
    if (typed is None) == (file is None):
        which = "one of them" if typed is not None else "- reads it from standard input"
        raise UsageWrong("say what to post by TEXT or by --text-file FILE", hint=which)
    if typed is not None and typed != "-":
        return typed
    return _read(file or "-")


def _read(name: str) -> str:
    """Read a text, without the line end that editors put behind it."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        text = content.decode("utf-8-sig") if len(content) <= _MOST_BYTES else "x" * len(content)
    except OSError as error:
        raise FileInvalid(f"{name} cannot be read: {error.strerror}", path=name) from None
    except UnicodeDecodeError:
        raise FileInvalid(f"{name} is no text in UTF-8", hint="save it as UTF-8", path=name) from None
    return text.removesuffix("\n").removesuffix("\r")


def _video(typed: str) -> str:
    try:
        return video.video_id(typed)
    except ValueError as error:
        raise UsageWrong(str(error), hint="an id that begins with - is written behind --") from None


def _comment(typed: str) -> str:
    try:
        return rules.comment_id(typed)
    except ValueError as error:
        raise UsageWrong(str(error), hint="ytpool comment list VIDEO shows the ids") from None
