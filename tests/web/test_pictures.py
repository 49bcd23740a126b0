"""Pictures stay within their frames, whatever the numbers and names are."""

import re
import unicodedata
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from ytpool.actions.forecast import Ahead
from ytpool.actions.pictures.done import HeatMap, HeatRow, Sent, UploadTimeline
from ytpool.actions.pictures.use import BurnDown, Used
from ytpool.domain.jobs import JobState
from ytpool.web.pictures.canvas import as_file, fitting
from ytpool.web.pictures.done import heat_map, upload_timeline
from ytpool.web.pictures.use import burn_down

BEGINS = datetime(2026, 11, 20, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = st.text(max_size=200) | st.sampled_from(
    ["频道" * 100, "<script>&\"'", "أخبار", "\x00\x1b\ud800", "e" + "\u0301" * 300]
)


def drawn(drawing):
    """Read a picture as any other program does, and see that all its shapes are within it."""
    root = ET.fromstring(as_file(drawing))
    wide, high = int(root.get("width")), int(root.get("height"))
    for shape in root.iter():
        for name, most in (("x", wide), ("cx", wide), ("x1", wide), ("x2", wide), ("y", high), ("cy", high)):
            assert 0 <= float(shape.get(name, 0)) <= most, shape.attrib
        points = re.findall(r"[ML](\S+) ([^LZ]+)", shape.get("d", ""))
        assert all(0 <= float(x) <= wide and 0 <= float(y) <= high for x, y in points)
        if shape.tag.endswith("rect"):
            assert float(shape.get("width")) >= 0
            assert float(shape.get("x", 0)) + float(shape.get("width")) <= wide + 3.5, shape.attrib
    return root


@given(text=NAMES, cells=st.integers(1, 80))
@example(text="abe\u0301\u0301d", cells=3)
def test_a_text_is_cut_to_its_width_and_only_where_it_must_be(text, cells):
    def width(letters):
        wide = (
            0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
            for one in letters
        )
        return sum(wide)

    cut = fitting(text, cells)

    assert width(cut) <= cells
    assert cut == text if width(text) <= cells else text.startswith(cut.removesuffix("…"))


@given(
    name=NAMES,
    limit=st.integers(0, 10**9),
    uses=st.lists(st.integers(0, 10**8), max_size=23),
    more=st.lists(st.floats(0, 1e9), min_size=3, max_size=3).map(sorted),
    minutes=st.integers(0, 59),
)
def test_a_burn_down_stays_in_its_frame(name, limit, uses, more, minutes):
    now = BEGINS + len(uses) * HOUR + timedelta(minutes=minutes)
    course = [Used(at=BEGINS, used=0)]
    course += [Used(at=BEGINS + (hour + 1) * HOUR, used=sum(uses[: hour + 1])) for hour in range(len(uses))]
    resets_at = BEGINS + 24 * HOUR
    band = tuple(
        {"at": at, "low": sum(uses) + more[0], "likely": sum(uses) + more[1], "high": sum(uses) + more[2]}
        for at in (now, resets_at)
    )
    ahead = Ahead(
        scope="project",
        name=name,
        bucket="uploads",
        limit=limit,
        level=limit * 4 // 5,
        used=sum(uses),
        queued=0.0,
        percent=0.0,
        status="possible",
        early=now,
        likely=None,
        late=None,
        days=0,
        enough=False,
        band=band,
    )
    seen = BurnDown(
        scope="project",
        name=name,
        bucket="uploads",
        begins=BEGINS,
        now=now,
        resets_at=resets_at,
        limit=limit,
        level=ahead.level,
        used=sum(uses),
        course=(*course, Used(at=now, used=sum(uses))),
        ahead=ahead,
    )

    root = drawn(burn_down(seen))

    assert f"{max(limit - sum(uses), 0):,} left" in "".join(root.itertext())


@given(
    rows=st.lists(st.tuples(NAMES, st.lists(st.integers(0, 10**6), min_size=24, max_size=24)), max_size=4),
    back=st.integers(-50_000, 40),
)
def test_a_heat_map_and_a_timeline_stay_in_their_frames(rows, back):
    ends = BEGINS + 24 * HOUR
    heat = HeatMap(
        since=BEGINS,
        until=ends,
        starts=tuple(BEGINS + hour * HOUR for hour in range(24)),
        span=HOUR,
        rows=tuple(
            HeatRow(account=name, calls=sum(cells), failed=0, cells=tuple(cells), wrong=tuple(cells))
            for name, cells in rows
        ),
        calls=sum(sum(cells) for _, cells in rows),
        most=max((max(cells) for _, cells in rows), default=0),
        more=3,
    )
    moments = {"begun_at": BEGINS + back * HOUR, "ended_at": None, "until": ends}
    line = UploadTimeline(
        since=BEGINS + min(back, 0) * HOUR,
        until=ends,
        uploads=tuple(
            Sent(job="1", file=name, account=name, state=state, working=False, bytes=0, kept=0, **moments)
            for (name, _), state in zip(rows, JobState, strict=False)
        ),
        more=0,
    )

    told = "".join(drawn(heat_map(heat)).itertext())
    drawn(upload_timeline(line))

    assert ("Left out: 3 accounts that did less." in told) == bool(rows)
    assert all(f"{sum(cells):,}" in told for _, cells in rows)
