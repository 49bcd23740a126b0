"""A rehearsal's verdict as a page that holds all it shows, in the manner of the report."""

from collections.abc import Iterator
from string import Template

from ytpool import data
from ytpool.actions.rehearsal import rehearsing
from ytpool.actions.rehearsal.judging import Ended, Run
from ytpool.actions.rehearsal.rehearsing import Rehearsed
from ytpool.domain import moments
from ytpool.domain.replay import span
from ytpool.web import pieces
from ytpool.web.markup import Markup, tag, together
from ytpool.web.pictures import canvas

_FILMS = 60
_BADGES = {Ended.PASSED: "pass", Ended.FAILED: "fail", Ended.NOT_MET: "warn", Ended.BROKEN_OFF: "warn"}
_HEADS = (
    *("Scenario", "Ended", "Kept", "Late", "Later", "Person", "Unknown", "Lost", "Twice", "Oversold", "Level after"),
    "Units",
)


def page(told: Rehearsed, profile: str) -> str:
    """Write the verdict."""
    runs = (told.undisturbed, *told.runs)
    summary = tag(
        "section",
        tag("h2", "Verdict", id="verdict-title"),
        pieces.note(f"Seed {told.seed}, {told.days} days by the rehearsed clock. Nothing of it reached YouTube."),
        list(map(pieces.note, rehearsing.not_rehearsed(told))),
        pieces.table("verdict", _HEADS, map(_row, runs)),
        id="verdict",
        aria_labelledby="verdict-title",
    )
    links = [tag("li", tag("a", one.title, href=f"#run-{number}")) for number, one in enumerate(runs)]
    return Template(data.text("report/report.html")).substitute(
        made_by=canvas.MADE_BY,
        title=together(f"ytpool {profile}: rehearsal of {moments.spoken(told.at)}"),
        profile=together(profile),
        style="\n".join(map(data.text, ("dashboard/dashboard.css", "report/pictures.css", "report/report.css"))),
        header=together(tag("p", "as of ", pieces.moment(told.at)), tag("p", told.source, class_="note")),
        content=together(
            tag("nav", tag("ul", links), id="summary", aria_label="Sections"),
            tag("main", summary, [_section(one, number) for number, one in enumerate(runs)], id="main"),
        ),
        footer=f"{canvas.MADE_BY}. All moments are UTC, by the rehearsed clock.",
    )


def _row(run: Run) -> tuple[str | Markup | None, ...]:
    counts = (run.kept, run.late, run.waiting, run.for_a_person, run.unknown, run.lost, run.duplicates, run.oversold)
    return (
        pieces.words(run.scenario),
        pieces.badge(_BADGES[run.ended], run.ended),
        *map(pieces.number, counts),
        "not yet" if run.recovers_after is None else span(run.recovers_after),
        ", ".join(f"{units:,} {bucket}" for bucket, units in run.units.items()) or None,
    )


def _section(run: Run, number: int) -> Markup:
    name = f"run-{number}"
    return tag(
        "section",
        tag("h2", run.title, id=f"{name}-title"),
        tag("ul", [tag("li", one) for one in _said(run)]),
        _todo(run, name),
        _films(run, name),
        id=name,
        aria_labelledby=f"{name}-title",
    )


def _said(run: Run) -> Iterator[Markup | str]:
    yield from (together(pieces.badge("fail", "wrong"), " ", one) for one in run.complaints)
    if run.broken_off:
        yield f"broken off: {run.broken_off}"
    yield from (f"{one.told}; met {pieces.counted(one.times, 'time')}" for one in run.struck)
    yield from (f"workers took nothing: {one}" for one in run.stopped)
    for one in run.reserves:
        yield together(
            pieces.words(one.account),
            f" of the reserve joined for {pieces.counted(one.videos, 'video')}, at ",
            pieces.moment(one.joined_at),
        )
    yield f"from {moments.spoken(run.began_at)} to {moments.spoken(run.ended_at)}, played in {run.seconds:g} s"


def _todo(run: Run, name: str) -> Markup | None:
    if not run.todo:
        return None
    rows = [(pieces.words(one.name), pieces.words(one.what), tag("code", one.command)) for one in run.todo]
    return together(
        tag("h3", "For a person", id=f"{name}-todo-title"),
        pieces.table(f"{name}-todo", ("Name", "What", "What to type"), rows),
    )


def _films(run: Run, name: str) -> Markup | None:
    """Show the videos that did not go as they would have; those that did are counted above."""
    others = [one for one in run.films if one.fate != "kept"]
    if not others:
        return None
    rows = [
        (
            pieces.words(one.file),
            pieces.badge(one.fate),
            pieces.words(one.account or ""),
            pieces.when(one.arrived_at),
            None if one.late_by is None else span(one.late_by),
            one.why and pieces.words(one.why),
        )
        for one in others[:_FILMS]
    ]
    return together(
        tag("h3", "Videos", id=f"{name}-films-title"),
        pieces.table(f"{name}-films", ("File", "Fate", "Account", "Arrived", "Late by", "Why"), rows),
        pieces.more(len(others) - _FILMS, "ytpool rehearse --json"),
    )
