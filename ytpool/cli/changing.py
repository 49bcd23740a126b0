"""What stands behind the commands that change a video: what was typed is understood, and done now or when it can be.

`cli/video` imports this only when a video is to be changed: its help and its completion do without.
"""

import shutil
import textwrap
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import typer

from ytpool.actions import changing, waiting
from ytpool.actions.chores import How, VideoDone
from ytpool.cli.options import invocation, moment, require_one_way_to_wait, runtime
from ytpool.cli.values import visible
from ytpool.cli.written import Notes
from ytpool.domain import captions, changes, publication, video
from ytpool.domain.changes import Wish
from ytpool.domain.jobs import InLine
from ytpool.domain.video import Licence, Localization, Privacy
from ytpool.errors import UsageWrong


class Asked:
    """One change to one video, as it was asked for."""

    def __init__(
        self,
        ctx: typer.Context,
        video_id: str,
        account: str | None,
        *,
        wait: bool,
        no_wait: bool,
        use_buffer: bool,
        dry_run: bool,
        in_line: InLine | None = None,
    ) -> None:
        require_one_way_to_wait(wait=wait, no_wait=no_wait)
        self._rt = runtime(ctx, logs=True)
        self._call = invocation(ctx)
        self._notes = Notes(self._call)
        self._typed = video_id
        self._wait = wait
        self._how = How(account=account, wait=not no_wait, use_buffer=use_buffer, dry_run=dry_run, in_line=in_line)

    def update(
        self,
        *,
        tags: str | None,
        privacy: str | None,
        publish_at: str | None,
        licence: str | None,
        recorded_on: str | None,
        localizations: list[str],
        **named: Any,
    ) -> VideoDone:
        """Change what is named."""
        never = publish_at is not None and publish_at.strip().lower() == "never"
        wish = Wish(
            tags=None if tags is None else tuple(tag.strip() for tag in tags.split(",") if tag.strip()),
            privacy=None if privacy is None else Privacy(privacy),
            publish_at=None if publish_at is None or never else moment(self._rt.config, publish_at, "--publish-at"),
            unscheduled=never,
            licence=None if licence is None else Licence(licence),
            recorded_on=None if recorded_on is None else _day(recorded_on),
            localizations=tuple(map(_localization, localizations)),
            **named,
        )
        if not wish:
            raise UsageWrong("nothing is named that is to change", hint="see: ytpool video update --help")
        return self._do(lambda of: changing.update(self._rt, of, wish, self._how, self._notes))

    def delete(self, *, yes: bool) -> VideoDone:
        """Delete the video, once the person agrees or has said so."""

        @cache  # who has waited is not asked again
        def agrees(what: str) -> bool:
            if yes:
                return True
            width = max(shutil.get_terminal_size().columns, 20)
            said = textwrap.wrap(visible(what), width, break_long_words=False, break_on_hyphens=False)
            self._call.say("\n".join(said))
            return typer.confirm("Delete it for good?", err=True)

        return self._do(lambda of: changing.delete(self._rt, of, self._how, self._notes, agrees))

    def thumbnail(self, file: Path) -> VideoDone:
        """Set an image as the video's thumbnail."""
        return self._do(lambda of: changing.thumbnail(self._rt, of, file, self._how, self._notes))

    def caption(self, track: str, *, again: bool) -> VideoDone:
        """Add a caption track, or replace one."""
        try:
            wish = captions.parse(track)
        except ValueError as error:
            raise UsageWrong(str(error)) from None
        return self._do(lambda of: changing.caption(self._rt, of, wish, self._how, self._notes, again=again))

    def playlist(self, name: str, *, remove: bool) -> VideoDone:
        """Put the video on a playlist, or take it off."""
        wish = publication.playlist(name)
        if said := "; ".join(publication.playlist_problems((wish,))):
            raise UsageWrong(said, hint="name another: its id, its address or its title")
        if remove and wish.create:
            raise UsageWrong(f"--remove makes no playlist, and {name} asks for that", hint="leave out the +")
        return self._do(lambda of: changing.playlist(self._rt, of, wish, self._how, self._notes, remove=remove))

    def _do(self, act: Callable[[str], VideoDone]) -> VideoDone:
        """Do it, at once or, with --wait, whenever it can go."""
        of = video_id(self._typed)
        if not self._wait:
            return act(of)
        return waiting.patiently(self._rt, self._notes, self._typed, lambda: act(of))


def video_id(typed: str) -> str:
    """Return the id of a video that was typed as one or as an address."""
    try:
        return video.video_id(typed)
    except ValueError as error:
        raise UsageWrong(str(error), hint="an id that begins with - is written behind --") from None


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise UsageWrong(f"--recorded-on does not understand {typed!r}", hint="write it as 2026-12-24") from None


def _localization(typed: str) -> Localization:
    try:
        return changes.localization(typed)
    except ValueError as error:
        raise UsageWrong(f"--localization: {error}") from None
