"""How today's quota goes down, and who uses it: drawn."""

from datetime import datetime

from ytpool.actions.forecast import Ahead
from ytpool.actions.pictures.use import AccountUse, BurnDown, UseByAccount
from ytpool.domain import moments
from ytpool.web.markup import tag, together
from ytpool.web.pictures.canvas import (
    SMALL,
    Drawing,
    Field,
    amounts,
    box,
    hours,
    label,
    legend,
    legend_height,
    line,
    nothing,
    path,
    short,
)

_TOP, _BOTTOM, _LEFT, _RIGHT = 16, 186, 56, SMALL - 12
_UNDER = 44
"""Below the field: the hours, and their zone."""


def burn_down(seen: BurnDown) -> Drawing:
    """Draw what is left of a bucket from midnight in California until now, and until the reset as it may go on."""
    left = seen.limit - seen.used
    field = _today(seen, max(seen.limit, 1))
    course = [(field.x(one.at), field.y(seen.limit - one.used)) for one in seen.course]
    high = [(field.x(one["at"]), field.y(seen.limit - one["high"])) for one in seen.ahead.band]
    low = [(field.x(one["at"]), field.y(seen.limit - one["low"])) for one in seen.ahead.band]
    likely = [(field.x(one["at"]), field.y(seen.limit - one["likely"])) for one in seen.ahead.band]
    now_x, now_y = field.x(seen.now), field.y(left)
    kept = field.y(seen.limit - seen.level)
    is_late = now_x > _RIGHT - 80  # what is left only goes down: there is room above on the right, or below on the left
    above = not is_late and now_y > _TOP + 24
    content = together(
        box(_LEFT, kept, _RIGHT - _LEFT, _BOTTOM - kept, "kept"),
        hours(field),
        amounts(field),
        path([*high, *reversed(low)], "band", closed=True) if high else None,
        path(likely, "likely") if likely else None,
        path(course, "course"),
        line(now_x, _TOP, now_x, _BOTTOM, "now"),
        tag("circle", cx=short(now_x), cy=short(now_y), r="3.5", class_="here"),
        label(
            f"{max(left, 0):,} left",
            now_x + (-8 if is_late else 8),
            now_y - 8 if above else min(now_y + 18, _BOTTOM - 4),
            24,
            kind="told",
            anchor="end" if is_late else None,
        ),
        legend(
            [
                ("course", "left"),
                ("likely", "as it may go on"),
                ("band", "quiet to busy days"),
                ("kept", "kept for what has begun"),
            ],
            _BOTTOM + _UNDER,
            SMALL,
        ),
    )
    return Drawing(
        title=f"{seen.name} {seen.bucket}: {max(left, 0):,} of {seen.limit:,} left",
        about=f"{seen.used:,} of {seen.limit:,} are used at {moments.spoken(seen.now)}. "
        f"{expected(seen.ahead, seen.resets_at)}",
        width=SMALL,
        height=_BOTTOM + _UNDER + legend_height(4) + 4,
        content=content,
    )


def expected(ahead: Ahead, resets_at: datetime) -> str:
    """Say in a sentence when a bucket runs out, as `quota forecast` does in its columns."""
    reset = moments.spoken(resets_at)
    match ahead.status:
        case "out":
            return f"New work has stopped until the reset at {reset}."
        case "lasts":
            return f"It lasts until the reset at {reset}."
    between = ""
    if ahead.early is not None and ahead.early != ahead.late:
        late = "perhaps not today" if ahead.late is None else f"at the latest at {moments.spoken(ahead.late)}"
        between = f", at the earliest at {moments.spoken(ahead.early)}, {late}"
    if ahead.likely is None:
        return f"It may run out before the reset at {reset}{between}."
    return f"It runs out at {moments.spoken(ahead.likely)}{between}."


def use_by_account(seen: UseByAccount) -> Drawing:
    """Draw what the accounts used of a bucket today, hour by hour, one upon the other."""
    title = f"{seen.bucket}: {seen.used:,} used by accounts today"
    rows = [*seen.accounts, *(() if seen.others is None else (seen.others,))]
    if not rows:
        return nothing(title, f"No account has used any of {seen.bucket} today.")
    ends = [*seen.hours[1:], seen.now]
    field = _today(seen, max(seen.used, 1) * 1.05)
    below = [0] * (len(ends) + 1)
    areas, entries = [], []
    for number, row in enumerate(rows):
        above, total = [below[0]], 0
        for hour, units in enumerate(row.hourly):
            total += units
            above.append(below[hour + 1] + total)
        at = [seen.begins, *ends][: len(above)]
        kind = "others" if row is seen.others else f"series s{number % 8}"
        upper = [(field.x(moment), field.y(amount)) for moment, amount in zip(at, above, strict=True)]
        lower = [(field.x(moment), field.y(amount)) for moment, amount in zip(at, below, strict=False)]
        hint = f"{_who(row, seen)}: {row.used:,}"
        areas.append(tag("g", tag("title", hint), path([*upper, *reversed(lower)], kind, closed=True)))
        entries.append((kind, hint))
        below = above
    content = together(
        hours(field),
        amounts(field),
        areas,
        line(field.x(seen.now), _TOP, field.x(seen.now), _BOTTOM, "now"),
        legend(entries, _BOTTOM + _UNDER, SMALL),
    )
    most = ", ".join(f"{row.account} {row.used:,}" for row in seen.accounts[:3])
    return Drawing(
        title=title,
        about=f"Of {seen.limit:,} {seen.bucket}, accounts have used {seen.used:,} by {moments.spoken(seen.now)}. "
        f"Most was used by {most}."[:290],
        width=SMALL,
        height=_BOTTOM + _UNDER + legend_height(len(entries)) + 4,
        content=content,
    )


def _who(row: AccountUse, seen: UseByAccount) -> str:
    return f"{seen.more:,} others" if row is seen.others else row.account


def _today(seen: BurnDown | UseByAccount, most: float) -> Field:
    """Return where a picture of today's use is drawn, from midnight in California to the reset."""
    return Field(left=_LEFT, right=_RIGHT, top=_TOP, bottom=_BOTTOM, begins=seen.begins, ends=seen.resets_at, most=most)
