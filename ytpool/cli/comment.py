"""`ytpool comment`: comments and replies, said once each; what was said, and what of it is seen.

What speaks is loaded where it is wanted: help and completion do without.
"""

from enum import StrEnum
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, group
from ytpool.cli.options import (
    AccountOption,
    DryRunOption,
    NotAskedOption,
    NoWaitOption,
    PoolOption,
    UseBufferOption,
    WaitOption,
)
from ytpool.cli.writing import DeadlineOption, NotBeforeOption, QueueOption, QueuePriorityOption, in_line

app = group("Comment on videos, reply, list what was said, and decide what is seen.")

_STATUSES = (0, 1, 2, 3, 4, 5, 6, 7, 130)
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


@command(
    app,
    "post",
    example=(
        "ytpool comment post a1b2c3d4e5f 'Slides: https://example.com/talk' --account news\n"
        "ytpool comment post https://youtu.be/a1b2c3d4e5f --text-file welcome.txt --pool main --wait\n"
        "ytpool comment post a1b2c3d4e5f 'We are live' --pool main --dry-run\n"
        "ytpool comment post a1b2c3d4e5f 'Good morning' --pool main --queue --not-before 2030-12-24T07:00"
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
    queue: QueueOption = False,
    priority: QueuePriorityOption = None,
    not_before: NotBeforeOption = None,
    deadline: DeadlineOption = None,
    dry_run: DryRunOption = False,
    yes: NotAskedOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> Any:  # CommentDone
    """Comment on a video, once.

    A text that one of your accounts has posted on this video, or an account of the pool in the last day anywhere, is
    refused; case, spacing and invisible characters make no difference. One unit for looking at the video, 50 for the
    comment, one for looking whether it is seen or held for review. An answer that does not come is looked for, and
    never posted again: status 7, and `ytpool todo` says what to type.
    """
    from ytpool.cli import said  # noqa: PLC0415

    return said.post(
        ctx,
        on=video_id,
        text=text,
        text_file=text_file,
        account=account,
        pool=pool,
        repeat_text=repeat_text,
        wait=wait,
        no_wait=no_wait,
        use_buffer=use_buffer,
        dry_run=dry_run,
        waits=in_line(ctx, queue=queue, priority=priority, not_before=not_before, deadline=deadline),
    )


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
    queue: QueueOption = False,
    priority: QueuePriorityOption = None,
    not_before: NotBeforeOption = None,
    deadline: DeadlineOption = None,
    dry_run: DryRunOption = False,
    yes: NotAskedOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> Any:  # CommentDone
    """Reply to a comment that begins a thread, once; the rules and the costs are those of `comment post`."""
    from ytpool.cli import said  # noqa: PLC0415

    return said.post(
        ctx,
        under=comment,
        text=text,
        text_file=text_file,
        account=account,
        pool=pool,
        repeat_text=repeat_text,
        wait=wait,
        no_wait=no_wait,
        use_buffer=use_buffer,
        dry_run=dry_run,
        waits=in_line(ctx, queue=queue, priority=priority, not_before=not_before, deadline=deadline),
    )


@command(
    app,
    "list",
    example=(
        "ytpool comment list a1b2c3d4e5f\n"
        "ytpool comment list a1b2c3d4e5f --status held\n"
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
) -> Any:  # Listed
    """List the comments of a video, the newest first; one unit for a hundred.

    What is held for review, likely spam or rejected YouTube shows only to the video's own channel, whose account is
    asked unless another one is named.
    """
    from ytpool.cli import said  # noqa: PLC0415

    return said.listed(
        ctx,
        video_id,
        account=account,
        pool=pool,
        status=status,
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
        "ytpool comment moderate UgzDE2tasfmrYLyNkGt4AaABAg --as rejected --ban --pool main --dry-run\n"
        "ytpool comment moderate UgzDE2tasfmrYLyNkGt4AaABAg --as held --pool main --queue --priority 5"
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
    queue: QueueOption = False,
    priority: QueuePriorityOption = None,
    not_before: NotBeforeOption = None,
    deadline: DeadlineOption = None,
    dry_run: DryRunOption = False,
    yes: NotAskedOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> Any:  # Moderated
    """Decide which comments on your videos are seen, each as the account of its video's channel.

    They are looked at first, one unit for fifty of a channel; deciding costs 50 units for up to fifty of a channel.
    It may be repeated: it names the state that is wanted. With --queue they are looked at when their turn comes, so
    --account or --pool says who may decide.
    """
    from ytpool.cli import said  # noqa: PLC0415

    return said.moderated(
        ctx,
        comment_ids,
        word,
        account=account,
        pool=pool,
        ban=ban,
        no_wait=no_wait,
        use_buffer=use_buffer,
        dry_run=dry_run,
        waits=in_line(ctx, queue=queue, priority=priority, not_before=not_before, deadline=deadline),
    )
