"""Books beside truth: what was booked, and what was really charged, by project, bucket and quota day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ytpool.runtime import Runtime
from ytpool.store import rehearsals
from ytpool.store.rehearsals import Used


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksRow:
    """What we booked and what was really charged: one project, bucket and quota day."""

    project: str
    bucket: str
    day: date
    limit: int
    """What YouTube gives for a day."""
    believed: int | None
    """What the books let through on that day."""
    spent: int
    unknown: int
    truth: int
    agree: bool


def compare(rt: Runtime, before: Sequence[Used] = ()) -> Iterator[BooksRow]:
    """Compare the books with the truth of this profile's sandbox; `before` is what both began with.

    They agree where no more was charged than was booked and may have been charged, and no less than was booked.
    """
    truth = rt.sandbox.truth()
    with rt.store.reading() as tx:
        used = rehearsals.used(tx)
    said = {(one["name"], bucket): units for one in truth["projects"] for bucket, units in one["limits"].items()}
    charged = {
        (one["name"], bucket, date.fromisoformat(day)): units
        for one in truth["projects"]
        for day, buckets in truth["units"].get(one["number"], {}).items()
        for bucket, units in buckets.items()
    }
    names = {one["name"] for one in truth["projects"]}
    booked = {(one.project, one.bucket, one.day): one for one in used if one.project in names}
    begun = {(one.project, one.bucket, one.day): one for one in before}
    for key in sorted({*charged, *booked}):
        earlier, now = begun.get(key, _NOTHING), booked.get(key, _NOTHING)
        spent, unknown = now.spent - earlier.spent, now.open - earlier.open
        really = charged[key] - earlier.all if key in charged else 0
        if spent or unknown or really:
            yield BooksRow(
                project=key[0],
                bucket=key[1],
                day=key[2],
                limit=said.get(key[:2], rt.book.on(key[2]).limits.get(key[1], 0)),
                believed=now.ceiling,
                spent=spent,
                unknown=unknown,
                truth=really,
                agree=spent <= really <= spent + unknown,
            )


_NOTHING = Used(project="", bucket="", day=date.min, spent=0, open=0, elsewhere=0)
