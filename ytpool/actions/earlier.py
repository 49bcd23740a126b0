"""What the older tool has counted of today's quota and logged of its work, taken over once however often it is read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ytpool.domain import ids, moments, older
from ytpool.domain.older import Happened
from ytpool.errors import ImportInvalid, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, activity, ledger
from ytpool.store.activity import Outcome
from ytpool.store.ledger import Payer

Found = TypeVar("Found")

BUCKET = "general"
"""What the older tool counts is one number; of today's buckets, this is the one its calls draw on."""

_AT_MOST = 64 * 1024 * 1024
_LINES_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of what the older tool had counted or logged for one account."""

    file: str
    kind: str
    """quota or history"""
    account: str
    found: int
    """Units that it counted for today, or lines that it logged."""
    added: int
    outcome: str
    """taken, already, ignored or failed, or under --dry-run planned"""
    detail: str
    problem: YtpoolError | None = None


def take(rt: Runtime, folders: Sequence[Path], here: Mapping[str, str], *, dry_run: bool) -> Iterator[Taken]:
    """Take what the older tool counted and logged, for the accounts that are here."""
    counted = next((path for folder in folders if (path := folder / "quota_usage.json").exists()), None)
    if counted is not None:
        yield from _guarded(counted, "quota", lambda path: _counted(rt, path, here, dry_run=dry_run))
    for folder in folders:
        for path in sorted(folder.glob("activity_log_*.json")):
            yield from _guarded(path, "history", lambda path: _logged(rt, path, here, dry_run=dry_run))


def _guarded(path: Path, kind: str, take: Callable[[Path], Iterator[Taken]]) -> Iterator[Taken]:
    """Let one file that cannot be understood leave the others alone."""
    try:
        yield from take(path)
    except ImportInvalid as problem:
        yield Taken(
            file=path.name,
            kind=kind,
            account="",
            found=0,
            added=0,
            outcome="failed",
            detail="",
            problem=problem,
        )


def _counted(rt: Runtime, path: Path, here: Mapping[str, str], *, dry_run: bool) -> Iterator[Taken]:
    """Book what the older tool has spent of today's quota as used elsewhere: at most once, however often it is read."""
    zone = moments.named_zone(rt.config.time.zone)
    counted = read(path, "the older tool's count", older.usage)
    with rt.store.reading() as tx:
        day = rt.terms(tx).day
    for older_id in dict.fromkeys(one.older_id for one in counted):
        units = sum(one.units for one in counted if one.older_id == older_id and one.is_of(day, zone))
        account = here.get(older_id, "")
        row = Taken(
            file=path.name,
            kind="quota",
            account=account or older_id,
            found=units,
            added=0,
            outcome="ignored",
            detail="",
        )
        if not account:
            yield replace(row, detail="no account of this id was taken")
        elif not units:
            yield replace(row, detail=f"it counted nothing on the quota day of {day}, and other days are over")
        else:
            yield _booked(rt, row, dry_run=dry_run)


def _booked(rt: Runtime, row: Taken, *, dry_run: bool) -> Taken:
    reason = f"counted by the older tool for {row.account}"
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        account = accounts.find(tx, row.account)
        if account is None:  # only where nothing is changed
            return replace(row, outcome="planned", detail=_AS_IT_IS)
        terms = rt.terms(tx)
        missing = row.found - ledger.booked_elsewhere(tx, account.project, BUCKET, terms, reason)
        if missing <= 0:
            return replace(row, outcome="already", detail=f"booked on project {account.project} before")
        if dry_run:
            return replace(row, outcome="planned", detail=_AS_IT_IS)
        ledger.book_elsewhere(tx, account.project, BUCKET, terms, rt.rng, reason, units=missing)
    return replace(row, added=missing, outcome="taken", detail=_AS_IT_IS)


_AS_IT_IS = f"as it is, from {BUCKET} of its project, though the older tool counts by older prices"


def _logged(rt: Runtime, path: Path, here: Mapping[str, str], *, dry_run: bool) -> Iterator[Taken]:
    """Take an activity log as history, each line once, however often it is read."""
    now = rt.calendar.now()
    zone = moments.named_zone(rt.config.time.zone)
    log = read(path, "the activity log", lambda content: older.log(content, zone, now))
    of_file = path.stem.removeprefix("activity_log_")
    by_account: dict[str, list[Happened]] = {}
    for line in log.lines:
        by_account.setdefault(line.older_id or of_file, []).append(line)
    unreadable = f"{log.unreadable} lines say no time or no action, and are left out" if log.unreadable else ""
    for older_id, lines in (by_account or {of_file: []}).items():
        account = here.get(older_id)
        row = Taken(
            file=path.name,
            kind="history",
            account=account or older_id,
            found=len(lines),
            added=0,
            outcome="ignored",
            detail=unreadable,
        )
        if account is None:
            yield replace(row, detail="no account of this id was taken")
        elif not lines:
            yield replace(row, detail=unreadable or "it is empty")
        elif dry_run:
            yield replace(row, outcome="planned")
        else:
            added = _remembered(rt, path, account, lines)
            yield replace(row, added=added, outcome="taken" if added else "already")


def _remembered(rt: Runtime, path: Path, name: str, lines: Sequence[Happened]) -> int:
    times: dict[str, int] = {}
    added = 0
    for start in range(0, len(lines), _LINES_AT_ONCE):
        rt.require_going()
        with rt.store.transaction() as tx:
            account = accounts.get(tx, name)
            payer = Payer(account=name, project=account.project, channel_id=account.channel_id)
            for line in lines[start : start + _LINES_AT_ONCE]:
                times[line.content] = times.get(line.content, 0) + 1  # the same thing may have happened twice at once
                added += activity.remember(
                    tx,
                    ids.derived(line.moment, f"{name} {times[line.content]} {line.content}"),
                    payer,
                    happened_at=line.moment,
                    operation=f"older.{line.action}",
                    outcome=Outcome.DONE if line.well else Outcome.FAILED,
                    reason=line.reason,
                    detail=f"imported from {path.name}" + (f", video {line.video_id}" if line.video_id else ""),
                )
    return added


def read(path: Path, what: str, reading: Callable[[bytes], Found]) -> Found:
    """Read and understand a file of the older tool; raises ImportInvalid, naming the file, where that fails."""
    try:
        return reading(_content(path, what))
    except ImportInvalid as error:
        message = error.message if str(path) in error.message else f"{path}: {error.message}"
        raise ImportInvalid(message, hint=error.hint, path=str(path)) from error


def _content(path: Path, what: str) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise ImportInvalid(f"{path} is no file", hint="name the JSON file itself", path=str(path))
        with path.open("rb") as file:
            found = file.read(_AT_MOST + 1)
    except OSError as trouble:
        raise ImportInvalid(
            f"{what} {path} cannot be read: {trouble.strerror}", hint="check the path", path=str(path)
        ) from trouble
    if len(found) > _AT_MOST:
        raise ImportInvalid(f"{path} is larger than 64 MiB", hint="name the right file", path=str(path))
    return found
