"""How a rehearsal is asked for, and how its verdict is seen; only its own command imports this."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ytpool.actions import exporting
from ytpool.actions.claiming import Order
from ytpool.actions.rehearsal import rehearsing
from ytpool.actions.rehearsal.judging import Run
from ytpool.actions.rehearsal.rehearsing import Listed, Rehearsed, Shown, WouldRehearse
from ytpool.cli import planned
from ytpool.cli.exits import status_of
from ytpool.cli.invocation import Invocation
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.values import visible
from ytpool.domain import moments
from ytpool.domain.replay import span
from ytpool.domain.scenarios import Scenario
from ytpool.domain.sizes import spoken_bytes
from ytpool.errors import UsageWrong, YtpoolError
from ytpool.runtime import Runtime

_LIST, _SHOW = "list", "show"
_MARK = "ytpool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What stood on the command line."""

    words: tuple[str, ...]
    manifest: Path | None
    account: str | None
    pool: str | None
    days: int
    videos: int | None
    at_least: int | None
    seed: int
    html: Path | None
    weekly: bool
    dry_run: bool
    yes: bool


def told(asked: Asked) -> Listed | Shown | None:
    """Answer what needs no state: which scenarios there are, and what is in one; None where it is to be rehearsed."""
    if not asked.words or asked.words[0] not in (_LIST, _SHOW):
        return None
    what, *names = asked.words
    if what == _LIST:
        if names:
            raise UsageWrong("list takes nothing else", hint="a file of this name: ./list.toml")
        return rehearsing.listed()
    if len(names) != 1:
        raise UsageWrong("show takes one scenario", hint="for instance: ytpool rehearse show outage")
    return rehearsing.shown(rehearsing.find(names[0]))


def rehearsed(call: Invocation, rt: Runtime, asked: Asked) -> Rehearsed | WouldRehearse:
    """Rehearse what was asked for; whatever stands in the way is met before the first thing is copied."""
    _require_numbers(asked)
    wanted = _scenarios(rt, asked)
    if asked.dry_run:
        orders, at_least, videos = _work(call, rt, asked, wanted)
        return rehearsing.would_rehearse(rt, wanted, orders, days=asked.days, videos=videos, at_least=at_least)
    if not asked.weekly:
        return _with_page(call, rt, asked, _played(call, rt, asked, wanted))
    with rehearsing.remembered(rt, wanted[0], seed=asked.seed):
        done = _played(call, rt, asked, wanted)
        rehearsing.remember(rt, done)
    return _with_page(call, rt, asked, done)


def _work(
    call: Invocation, rt: Runtime, asked: Asked, wanted: Sequence[Scenario]
) -> tuple[Sequence[Order], int | None, int]:
    """Return what a manifest asks for, and how many videos there are to be at least and at the most."""
    if asked.html is not None:
        exporting.require_folder(asked.html)
        if not asked.yes:
            exporting.require_replaceable(asked.html, _MARK)
    orders = _orders(call, rt, asked)
    at_least = rehearsing.enough(rt, wanted) if asked.weekly and asked.at_least is None else asked.at_least
    return orders, at_least, max(_USUALLY, at_least or 0) if asked.videos is None else asked.videos


def _played(call: Invocation, rt: Runtime, asked: Asked, wanted: Sequence[Scenario]) -> Rehearsed:
    orders, at_least, videos = _work(call, rt, asked, wanted)

    def ended(run: Run) -> None:
        call.emit("scenario", scenario=run.scenario, ended=run.ended, seconds=run.seconds)
        call.note(visible(f"{run.scenario}: {_ended(run)}, {rehearsing.in_short(run)} ({run.seconds:.0f} s)"))

    return rehearsing.rehearse(
        rt,
        wanted,
        orders,
        seed=asked.seed,
        days=asked.days,
        videos=videos,
        at_least=at_least,
        proves=asked.weekly,
        says=call.note,
        ended=ended,
    )


def _with_page(call: Invocation, rt: Runtime, asked: Asked, done: Rehearsed) -> Rehearsed:
    if asked.html is not None:
        from ytpool.web import rehearsal as paper  # noqa: PLC0415 -- few want a page

        try:
            exporting.write(asked.html, [paper.page(done, rt.config.profile)])
        except YtpoolError as problem:  # the verdict is told all the same
            return replace(done, problem=problem, exit_status=done.exit_status or status_of(problem))
        call.note(f"{asked.html}: the verdict as a page")
    return done


_USUALLY = 100
"""Videos that are rehearsed at the most, unless somebody wants another number."""


def _require_numbers(asked: Asked) -> None:
    if asked.videos is not None and (asked.at_least or 0) > asked.videos:
        raise UsageWrong(
            f"--at-least {asked.at_least} is more than --videos {asked.videos} lets", hint="leave out one of them"
        )


def _scenarios(rt: Runtime, asked: Asked) -> Sequence[Scenario]:
    if asked.weekly:
        if asked.words:
            raise UsageWrong("--weekly takes the next scenario in turn, and none by name", hint="leave out one of them")
        return (rehearsing.next_in_turn(rt),)
    if len(set(asked.words)) < len(asked.words):
        raise UsageWrong("a scenario is named twice", hint="once is enough: the same seed plays it the same way")
    wanted = tuple(map(rehearsing.find, asked.words)) or rehearsing.shipped()
    names = [one.name for one in wanted]
    if len(set(names)) < len(names):
        raise UsageWrong("two scenarios have the same name", hint="rename one of the files")
    return wanted


def _orders(call: Invocation, rt: Runtime, asked: Asked) -> Sequence[Order]:
    if asked.manifest is None:
        if asked.account is not None or asked.pool is not None:
            raise UsageWrong("--account and --pool go with --manifest", hint="what waits knows where it is to go")
        return ()
    found = planned.orders_of(rt, asked.manifest, account=asked.account, pool=asked.pool)
    left = rehearsing.not_asked_for_yet(rt, found)
    if len(left) < len(found):
        gone = len(found) - len(left)
        call.note(f"left out of {asked.manifest}: {gone:,} of {len(found):,}, which were asked for before")
    return left


def _ended(run: Run) -> str:
    return run.ended.replace("_", " ")


def _recovers(run: Run) -> str:
    return "not yet" if run.recovers_after is None else span(run.recovers_after) if run.recovers_after else ""


def _units(run: Run) -> str:
    return ", ".join(f"{units:,} {bucket}" for bucket, units in run.units.items() if units)


def _blank(count: int) -> str:
    return str(count) if count else ""


_COLOURS = {"passed": "green", "failed": "red", "not_met": "yellow", "broken_off": "yellow"}


def _bad(field: str) -> Any:
    return lambda run: "bold red" if getattr(run, field) else ""


def _head(told: Rehearsed) -> str:
    first = f"rehearsed as of {moments.spoken(told.at)}, seed {told.seed}: {told.source}"
    return "\n".join([first, *rehearsing.not_rehearsed(told)])


def _details(told: Rehearsed) -> str:
    lines = [line for run in (told.undisturbed, *told.runs) for line in _of_run(run)]
    runs = (told.undisturbed, *told.runs)
    broken = sum(run.ended == "failed" for run in runs)
    end = f"in {broken} of {len(runs)} runs a promise was broken" if broken else "no promise was broken"
    unmet = sum(run.ended == "not_met" for run in runs)
    if unmet:
        end += f"; {unmet} not met, so nothing is proven there: more videos may help, --at-least N"
    cut = sum(run.ended == "broken_off" for run in runs)
    if cut:
        end += f"; {cut} broken off, so nothing is proven of what comes later: let it last for less"
    return "\n".join([*map(visible, lines), f"{end}; {told.seconds:.0f} s"])


def _of_run(run: Run) -> Iterator[str]:
    found = [
        *(f"WRONG: {one}" for one in run.complaints),
        *([f"broken off: {run.broken_off}"] if run.broken_off else []),
        *(f"{one.told}{'' if one.times else ': nobody met it'}" for one in run.struck),
        *(f"workers took nothing: {one}" for one in run.stopped),
        *(
            f"{one.account} of the reserve joined at {moments.spoken(one.joined_at)}, for {one.videos} videos"
            for one in run.reserves
        ),
        *(f"{one.fate.replace('_', ' ')}: {one.file}{f', {one.why}' if one.why else ''}" for one in _worth_naming(run)),
        *(f"for a person: {one.name}, {one.command}" for one in run.todo),
    ]
    if found:
        yield f"{run.scenario}: {run.title}"
        yield from (f"  {one}" for one in found)


_NAMED = 5


def _worth_naming(run: Run) -> list[Any]:
    """Return some of the videos that did not arrive, or of which nobody knows."""
    return [one for one in run.films if one.fate not in ("kept", "late")][:_NAMED]


VIEWS[Rehearsed] = (
    View(text=_head),
    View(
        rows=lambda told: (told.undisturbed, *told.runs),
        columns=(
            ("Scenario", "scenario"),
            Column("Ended", "ended", shown=lambda word: word.replace("_", " "), style=_COLOURS),
            Column("Kept", "kept", justify="right"),
            Column("Late", "late", shown=_blank, justify="right"),
            Column("Later", "waiting", shown=_blank, justify="right", from_width=100),
            Column("Person", "for_a_person", shown=_blank, justify="right", from_width=100),
            Column("Unknown", "unknown", shown=_blank, justify="right", from_width=100),
            Column("Lost", "lost", justify="right", style=_bad("lost")),
            Column("Twice", "duplicates", justify="right", style=_bad("duplicates")),
            Column("Oversold", "oversold", justify="right", style=_bad("oversold")),
            Column("Level after", _recovers, justify="right"),
            Column("Units", _units, from_width=120),
            Column("Reserve", lambda run: len(run.reserves), shown=_blank, justify="right", from_width=120),
            Column("To do", lambda run: len(run.todo), shown=_blank, justify="right", from_width=120),
        ),
    ),
    View(text=_details),
)
VIEWS[WouldRehearse] = View(
    text=lambda would: (
        f"would rehearse {', '.join(would.scenarios)}: {would.queued} uploads of the queue, {would.manifest} of a "
        f"manifest and {would.made_up} that are made up, on a copy of {spoken_bytes(would.state_bytes)} with "
        f"{would.accounts} accounts; it needs {spoken_bytes(would.needs_bytes)} for as long as it takes"
    )
)
VIEWS[Listed] = View(
    rows="scenarios",
    columns=(("Scenario", "scenario"), ("What goes wrong", "title")),
    footer="in words: ytpool rehearse show SCENARIO",
)
VIEWS[Shown] = (
    View(text=lambda told: "\n\n".join(map(_lines, filter(None, (told.title, told.about))))),
    View(
        rows="disasters",
        columns=(Column("", "what", style="cyan"), ("When", "when"), ("What happens", "told")),
    ),
)


def _lines(text: str) -> str:
    return "\n".join(map(visible, text.split("\n")))
