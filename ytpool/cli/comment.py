"""`ytpool comment`: comments and replies, said once each; what was said, and what of it is seen."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.actions import comments, threads
from ytpool.actions.comments import CommentDone, How
from ytpool.actions.threads import Listed, Verdict
from ytpool.cli.commands import command, group
from ytpool.cli.exits import DONE, common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.options import (
    AccountOption,
    DryRunOption,
    NoWaitOption,
    PoolOption,
    UseBufferOption,
    WaitOption,
    YesOption,
    invocation,
    runtime,
    target,
)
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.values import visible
from ytpool.cli.written import Notes
from ytpool.domain import comments as rules
from ytpool.domain import video
from ytpool.domain.comments import Moderation, Remark
from ytpool.domain.jobs import Target
from ytpool.errors import FileInvalid, UsageWrong

app = group("Comment on videos, reply, list what was said, and decide what is seen.")

_STATUSES = (0, 1, 2, 3, 4, 5, 6, 7, 130)
_MOST_BYTES = 8 * rules.TEXT_CHARACTERS
"""More cannot be a text of so many characters, even if each was two and took four bytes."""

TextArgument = Annotated[
    str | None,
    typer.Argument(metavar="TEXT", help="What to say; - reads it from standard input.", show_default=False),
]
TextFileOption = Annotated[
    str | None,
    typer.Option(
        "--text-file",
        metavar="FILE",
        help="Read what to say from this file, in UTF-8; - is standard input.",
        show_default=False,
    ),
]
RepeatOption = Annotated[
    bool,
    typer.Option(
        "--repeat-text",
        help="Say it although it was said on this video, or in the last day by an account of this pool.",
        show_default=False,
    ),
]


class Word(StrEnum):
    """What may be done with a comment, and what may be listed."""

    PUBLISHED = "published"
    HELD = "held"
    SPAM = "spam"
    REJECTED = "rejected"


_MEANS = {
    Word.PUBLISHED: Moderation.PUBLISHED,
    Word.HELD: Moderation.HELD,
    Word.SPAM: Moderation.SPAM,
    Word.REJECTED: Moderation.REJECTED,
}


def _told(done: CommentDone) -> str:
    what = f"reply to {done.parent_id}" if done.parent_id else f"comment on {done.video_id}"
    who = f" as {done.account} of channel {done.channel_title} ({done.channel_id})" if done.account else ""
    lines = [f"{what} {done.state}{who}: {done.text}"]
    if done.dry_run:
        cost = ", ".join(f"{units} {bucket}" for bucket, units in done.units.items())
        lines.append(f"  nothing was sent{f'; it would cost {cost}' if cost else ''}")
    if done.comment_id:
        lines.append(f"  {done.url}")
    if done.moderation:
        lines.append(f"  {Moderation(done.moderation).spoken}")
    if done.note:
        lines.append(f"  {done.note}")
    return "\n".join(map(visible, lines))


VIEWS[CommentDone] = View(text=_told)

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
        Column("Stands as", "moderation", style=_COLOURS, from_width=120),
    ),
    empty="no comment stands so",
    footer=lambda listed: "there are more: --limit N shows them" if listed.more else "",
)


class Moderated(dict[str, Any]):
    """What became of each comment."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        super().__init__({"comments": [as_item(one) for one in verdicts]})
        self.exit_status = common(DONE if one.problem is None else status_of(one.problem) for one in verdicts)
        self.problem = verdicts[0].problem if len(verdicts) == 1 else None


VIEWS[Moderated] = View(
    rows="comments",
    columns=(
        ("Comment", "comment_id"),
        ("Author", "author"),
        ("Text", "text"),
        Column("As", "account", from_width=100),
        Column("Becomes", lambda row: Moderation(row["moderation"]).spoken + (", banned" if row["ban"] else "")),
        Column("State", "state", style={"done": "green", "failed": "red", "refused": "red", "deferred": "yellow"}),
        Column("Said", lambda row: row["error"]["message"] if row["error"] else "", style="yellow"),
    ),
)


@command(
    app,
    "post",
    example=(
        "ytpool comment post a1b2c3d4e5f 'Slides: https://example.com/talk' --account news\n"
        "ytpool comment post https://youtu.be/a1b2c3d4e5f --text-file welcome.txt --pool main --wait\n"
        "ytpool comment post a1b2c3d4e5f 'We are live' --pool main --dry-run"
    ),
    statuses=_STATUSES,
)
def post(
    ctx: typer.Context,
    video_id: Annotated[str, typer.Argument(metavar="VIDEO", help="The video: its id or its address.")],
    text: TextArgument = None,
    text_file: TextFileOption = None,
    account: AccountOption = None,
    pool: PoolOption = None,
    *,
    repeat_text: RepeatOption = False,
    wait: WaitOption = False,
    no_wait: NoWaitOption = False,
    use_buffer: UseBufferOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> CommentDone:
    """Comment on a video, once.

    A text that one of your accounts has posted on this video, or an account of the pool in the last day anywhere, is
    refused; case, spacing and invisible characters make no difference. One unit for looking at the video, 50 for the
    comment, one for looking whether it is seen or held for review. An answer that does not come is looked for, and
    never posted again: status 7, and `ytpool todo` says what to type.
    """
    remark = Remark(text=_text(text, text_file), video_id=_video(video_id))
    how = _how(repeat_text, wait, no_wait, use_buffer)
    return _say(ctx, remark, target(account, pool), how, dry_run=dry_run)


@command(
    app,
    "reply",
    example="ytpool comment reply UgzDE2tasfmrYLyNkGt4AaABAg 'Thank you!' --account news",
    statuses=_STATUSES,
)
def reply(
    ctx: typer.Context,
    comment: Annotated[
        str, typer.Argument(metavar="COMMENT", help="The comment: its id, or the address behind its date.")
    ],
    text: TextArgument = None,
    text_file: TextFileOption = None,
    account: AccountOption = None,
    pool: PoolOption = None,
    *,
    repeat_text: RepeatOption = False,
    wait: WaitOption = False,
    no_wait: NoWaitOption = False,
    use_buffer: UseBufferOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> CommentDone:
    """Reply to a comment that begins a thread, once; the rules and the costs are those of `comment post`."""
    remark = Remark(text=_text(text, text_file), parent_id=_comment(comment))
    how = _how(repeat_text, wait, no_wait, use_buffer)
    return _say(ctx, remark, target(account, pool), how, dry_run=dry_run)


@command(
    app,
    "list",
    example=(
        "ytpool comment list a1b2c3d4e5f\n"
        "ytpool comment list a1b2c3d4e5f --status held --account news\n"
        "ytpool comment list a1b2c3d4e5f --replies --limit 500 --json"
    ),
    statuses=(0, 1, 2, 4, 5, 6, 130),
)
def list_(
    ctx: typer.Context,
    video_id: Annotated[str, typer.Argument(metavar="VIDEO", help="The video: its id or its address.")],
    account: AccountOption = None,
    pool: PoolOption = None,
    status: Annotated[
        Word, typer.Option(metavar="WORD", help="published, held, spam or rejected.", show_default=False)
    ] = Word.PUBLISHED,
    search: Annotated[str, typer.Option(metavar="WORDS", help="Only those with these words.", show_default=False)] = "",
    limit: Annotated[
        int, typer.Option(metavar="N", help="At most so many; 100 unless told.", min=1, show_default=False)
    ] = 100,
    *,
    replies: Annotated[bool, typer.Option("--replies", help="The replies as well, one unit a thread.")] = False,
    use_buffer: UseBufferOption = False,
) -> Listed:
    """List the comments of a video, the newest first; one unit for a hundred.

    What is held for review, likely spam or rejected YouTube shows only to the video's own channel: name its account.
    """
    asks = target(account, pool) if account or pool else None
    return threads.list_comments(
        runtime(ctx, logs=True),
        _video(video_id),
        asks,
        moderation=_MEANS[status],
        search=search,
        replies=replies,
        most=limit,
        use_buffer=use_buffer,
    )


@command(
    app,
    "moderate",
    example=(
        "ytpool comment moderate UgzDE2tasfmrYLyNkGt4AaABAg --as published --account news\n"
        "ytpool comment moderate UgzDE2tasfmrYLyNkGt4AaABAg --as rejected --ban --pool main --dry-run"
    ),
    statuses=_STATUSES,
)
def moderate(
    ctx: typer.Context,
    comment_ids: Annotated[
        list[str],
        typer.Argument(metavar="COMMENT", help="The comments: their ids, or addresses with lc=."),
    ],
    word: Annotated[
        Word, typer.Option("--as", metavar="WORD", help="published, held or rejected.", show_default=False)
    ],
    account: AccountOption = None,
    pool: PoolOption = None,
    *,
    ban: Annotated[
        bool, typer.Option("--ban", help="With rejected: reject all that their authors say from now on, too.")
    ] = False,
    no_wait: NoWaitOption = False,
    use_buffer: UseBufferOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> Moderated:
    """Decide which comments on your videos are seen, each as the account of its video's channel.

    They are looked at first, one unit for fifty of a channel; deciding costs 50 units for up to fifty of a channel.
    It may be repeated: it names the state that is wanted.
    """
    if word is Word.SPAM:
        raise UsageWrong("YouTube alone calls a comment spam", hint="say --as published, held or rejected")
    asks = target(account, pool) if account or pool else None
    how = _how(False, False, no_wait, use_buffer)
    wanted = [_comment(one) for one in comment_ids]
    rt = runtime(ctx, logs=True)
    notes = Notes(invocation(ctx))
    return Moderated(threads.moderate(rt, wanted, _MEANS[word], asks, how, notes, ban=ban, dry_run=dry_run))


def _say(ctx: typer.Context, remark: Remark, asks: Target, how: How, *, dry_run: bool) -> CommentDone:
    rt = runtime(ctx, logs=True)
    if dry_run:
        return comments.plan(rt, remark, asks, how)
    return comments.say(rt, remark, asks, how, Notes(invocation(ctx)))


def _how(repeat_text: bool, wait: bool, no_wait: bool, use_buffer: bool) -> How:
    if wait and no_wait:
        raise UsageWrong("--wait and --no-wait cannot both be meant", hint="leave out one")
    return How(wait=not no_wait, sleeps=wait, use_buffer=use_buffer, repeat_text=repeat_text)


def _text(typed: str | None, file: str | None) -> str:
    if (typed is None) == (file is None):
        raise UsageWrong("say what to post: TEXT, or --text-file FILE", hint="- reads it from standard input")
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
