"""Who works where now: drawn."""

from ytpool.actions.pictures.slots import Slots
from ytpool.actions.queue import AccountSlots
from ytpool.domain import moments
from ytpool.domain.accounts import AccountState
from ytpool.web.markup import Markup, together
from ytpool.web.pictures.canvas import SMALL, Drawing, box, label, nothing
from ytpool.web.pieces import counted

_NAMES, _WORDS = 130, 120
_ROW = 20
_WIDEST = 15


def slots(seen: Slots) -> Drawing:
    """Draw each account's places to work, and which of them are taken."""
    title = f"Slots: {seen.running:,} of {seen.max_slots:,} taken"
    if not seen.accounts:
        return nothing(title, "There is no account yet.")
    return Drawing(
        title=title,
        left_out=f"Left out: {counted(seen.more, 'account')} with less to do." if seen.more else "",
        about=f"{seen.running:,} of {seen.max_slots:,} places are taken at {moments.spoken(seen.at)}, and "
        f"{seen.queued:,} {'job waits' if seen.queued == 1 else 'jobs wait'}.",
        width=SMALL,
        height=len(seen.accounts) * _ROW + 6,
        content=together([_row(one, number * _ROW + 2) for number, one in enumerate(seen.accounts)]),
    )


def _row(one: AccountSlots, top: float) -> Markup:
    room = SMALL - _NAMES - _WORDS
    places = max(one.max_slots, one.running)
    wide = min(_WIDEST + 3, room / places) if places else 0
    gap = 3 if wide > 8 else 0
    words = f"{one.running:,} of {one.max_slots:,}"
    if one.state != AccountState.ACTIVE:
        words += f", {one.state.replace('_', ' ')}"
    if wide >= 2:
        marks = [
            box(_NAMES + number * wide, top + 2, wide - gap, _ROW - 6, "taken" if number < one.running else "free")
            for number in range(places)
        ]
    else:
        marks = [
            box(_NAMES, top + 2, room, _ROW - 6, "free"),
            box(_NAMES, top + 2, room * one.running / (places or 1), _ROW - 6, "taken"),
        ]
    return together(
        label(one.name, _NAMES - 8, top + 13, (_NAMES - 16) / 6.7, anchor="end"),
        marks,
        label(words, SMALL - _WORDS + 8, top + 13, (_WORDS - 10) / 6.7),
    )
