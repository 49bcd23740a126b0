"""The demo: fifty videos over fifteen accounts, with faults on the way, and a verdict against the sandbox's truth.

It runs in a home of its own, which it removes, and by the real way of every upload: nothing is arranged but the
disasters.
"""

import hashlib
import queue
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from ytpool import config
from ytpool.actions import activity, login, publish, reports, setup
from ytpool.actions.activity import Wanted
from ytpool.actions.claiming import Order
from ytpool.actions.grants import Place
from ytpool.actions.publish import PublishedVideo
from ytpool.actions.rehearsal import books
from ytpool.actions.rehearsal.books import BooksRow
from ytpool.actions.reports import QuotaReport
from ytpool.actions.watch import Watch
from ytpool.domain import grants, quota
from ytpool.domain.accounts import AccountState
from ytpool.domain.balancing import Tier
from ytpool.domain.jobs import JobState, Target, TargetKind
from ytpool.domain.publication import Publication
from ytpool.domain.video import VideoRequest
from ytpool.runtime import Runtime
from ytpool.store import accounts, ledger, rests
from ytpool.store.rests import Scope

PRODUCTION, RESERVE, VIDEOS = 12, 3, 50
POOL = "demo"

_WORKERS = 4
_LONG_EVERY, _LONG_FIRST = 10, 7
_LONG = 20 * 1024 * 1024
"""More than two chunks, so that some chunks are not the last."""
_SHORT = (200_000, 2_000_000)

_CAPPED = "channel-03"
"""Its owner has uploaded by hand today: YouTube counts those too, so the first upload of ours is one too many."""
_DEAD = "channel-07"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What ytpool believes, beside what really happened."""

    uploaded: int
    wanted: int
    duplicates: int
    oversold: int
    hash_mismatches: int
    unknown: int
    seconds: float
    seed: int
    accounts_used: int
    sessions_asked: int
    """How often an upload session was asked how far it is, because an answer was an error or did not come."""
    took_over: tuple[str, ...]
    """What went wrong on purpose, and what became of it."""
    books: tuple[BooksRow, ...]
    complaints: tuple[str, ...]
    """What is wrong, in words; none when all is well."""
    quota: QuotaReport
    exit_status: int


def run(
    environ: Mapping[str, str],
    watch: Watch,
    *,
    seed: int,
    told: Callable[[PublishedVideo], None],
    says: Callable[[str], None],
) -> Verdict:
    """Run the demo in a temporary home and return its verdict."""
    with tempfile.TemporaryDirectory(prefix="ytpool-demo-") as home:
        rt = Runtime(
            config.load(profile=config.SANDBOX, environ={"YTPOOL_HOME": home, "YTPOOL_UPLOAD_CHUNK_MIB": "8"}),
            environ=environ,
        )
        try:
            return _run(rt, Path(home), watch, seed=seed, told=told, says=says)
        finally:
            rt.stop_sandbox()
            rt.close()


def _run(
    rt: Runtime,
    home: Path,
    watch: Watch,
    *,
    seed: int,
    told: Callable[[PublishedVideo], None],
    says: Callable[[str], None],
) -> Verdict:
    started = rt.clock.monotonic()
    chance = random.Random(seed)
    setup.init(rt, vault=setup.KEY_FILE)
    rt.sandbox.clock(to=_noon_in_california(rt.sandbox.clock()))
    says(f"a local YouTube answers at {rt.sandbox_url}; its clock stands at noon in California")
    _log_in(rt)
    says(f"{PRODUCTION} production accounts and {RESERVE} reserve ones are logged in, in one project")
    files = _videos(home / "videos", chance)
    says(f"{VIDEOS} videos are made; some chunks will fail, a channel fills up, a login dies, an answer gets lost")
    _disturb(rt)
    done = _publish(rt, files, watch, told)
    return _judge(rt, files, done, seed=seed, seconds=rt.clock.monotonic() - started)


def _noon_in_california(now: datetime) -> datetime:
    day = quota.quota_day(now)
    noon = datetime.combine(day, time(12), tzinfo=quota.PACIFIC).astimezone(UTC)
    return noon if noon > now else datetime.combine(day + timedelta(days=1), time(12), quota.PACIFIC).astimezone(UTC)


def _log_in(rt: Runtime) -> None:
    for number in range(PRODUCTION + RESERVE):
        reserve = number >= PRODUCTION
        login.add(
            rt,
            f"channel-{number + 1:02}",
            client_secrets=None,
            scopes=(grants.DEFAULT_SCOPE,),
            place=Place(pool=POOL, tier=Tier.RESERVE if reserve else Tier.PRODUCTION),
            browse=lambda _: None,
        )


def _videos(folder: Path, chance: random.Random) -> dict[Path, str]:
    """Make files that are all different, a few of them longer than two chunks; return their hashes."""
    folder.mkdir()
    made = {}
    for number in range(VIDEOS):
        size = _LONG + number if number % _LONG_EVERY == _LONG_FIRST else chance.randint(*_SHORT)
        content = chance.randbytes(size)
        path = folder / f"video-{number + 1:02}.mp4"
        path.write_bytes(content)
        made[path] = hashlib.sha256(content).hexdigest()
    return made


def _disturb(rt: Runtime) -> None:
    control = rt.sandbox
    control.add_fault(method="upload.chunk", kind="error", error="backendError", times=2, skip=1)
    control.add_fault(method="upload.chunk", kind="error", error="backendError", skip=6, at=3_000_000)
    control.add_fault(method="upload.final", kind="error", error="backendError", skip=6)
    control.add_fault(method="upload.final", kind="lose_answer", skip=20)
    control.add_channel(_CAPPED, cap=0)
    control.revoke_grant(_DEAD)


def _publish(
    rt: Runtime, files: dict[Path, str], watch: Watch, told: Callable[[PublishedVideo], None]
) -> list[PublishedVideo]:
    waiting: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for path in files:
        waiting.put(path)
    done: list[PublishedVideo] = []
    broken: list[BaseException] = []
    finished = threading.Lock()

    def work() -> None:
        try:
            while not broken:
                path = waiting.get_nowait()
                order = Order(
                    path=path,
                    publication=Publication(video=VideoRequest(title=path.stem)),
                    target=Target(kind=TargetKind.POOL, name=POOL),
                )
                video = publish.publish(rt, order, watch)
                with finished:
                    done.append(video)
                    told(video)
        except queue.Empty:
            return
        except BaseException as error:  # noqa: BLE001 -- a thread's end is told by the one who waits for it
            broken.append(error)

    threads = [threading.Thread(target=work, name=f"upload {number}", daemon=True) for number in range(_WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return done


def _judge(rt: Runtime, files: dict[Path, str], done: list[PublishedVideo], *, seed: int, seconds: float) -> Verdict:
    """Compare the books with the truth: each file exactly once, byte for byte, and every unit accounted for."""
    truth = rt.sandbox.truth()
    there = [video for video in truth["videos"] if not video["deleted"]]
    copies = Counter(video["sha256"] for video in there)
    by_id = {video["id"]: video for video in there}
    duplicates = sum(copies.values()) - len(copies)
    mismatches = sum(
        {files[Path(video.file)]} != {video.sha256, by_id.get(video.video_id, {}).get("sha256")}
        for video in done
        if video.video_id is not None
    )
    with rt.store.transaction() as tx:
        ledger.expire(tx)
        broken = ledger.differences(tx)
    rows = tuple(books.compare(rt))
    oversold = sum(row.truth > row.limit for row in rows)
    uploaded = sum(copies[sha256] > 0 for sha256 in files.values())
    unknown = sum(video.state == JobState.FINISHED_UNKNOWN for video in done)
    wrong = {
        "duplicates": duplicates,
        "wrong hashes": mismatches,
        "oversold buckets": oversold,
        "unknown outcomes": unknown,
        "videos missing": len(files) - uploaded,
    }
    disasters = rt.sandbox.faults()
    complaints = [
        *(f"{video.file}: {video.problem.message}" for video in done if video.problem is not None),
        *(
            f"{row.bucket}: {row.spent} booked, {row.unknown} unknown, {row.truth} charged"
            for row in rows
            if not row.agree
        ),
        *broken,
        *(f"the planned fault of {one['method']} never struck" for one in disasters if one["done"] < one["times"]),
        *_missed(rt),
        *(f"{count} {what}" for what, count in wrong.items() if count),
    ]
    return Verdict(
        uploaded=uploaded,
        wanted=len(files),
        duplicates=duplicates,
        oversold=oversold,
        hash_mismatches=mismatches,
        unknown=unknown,
        seconds=round(seconds, 1),
        seed=seed,
        accounts_used=len({video.account for video in done if video.account}),
        sessions_asked=truth["calls"].get("upload.query", 0),
        took_over=_took_over(rt),
        books=rows,
        complaints=tuple(complaints),
        quota=reports.quota_report(rt),
        exit_status=1 if complaints else 0,
    )


def _missed(rt: Runtime) -> list[str]:
    """Name the disasters that did not happen: without them the rehearsal would prove less than it says."""
    with rt.store.reading() as tx:
        full = {rest.name for rest in rests.running(tx) if rest.scope is Scope.CHANNEL}
        found = {one.account: one for one in accounts.every(tx)}
    missed = []
    if found[_CAPPED].channel_id not in full:
        missed.append(f"{_CAPPED} never reached its cap")
    if found[_DEAD].state is not AccountState.LOGIN_NEEDED:
        missed.append(f"the dead login of {_DEAD} was never met")
    return missed


def _took_over(rt: Runtime) -> tuple[str, ...]:
    with rt.store.reading() as tx:
        titles = {one.channel_id: one.channel_title for one in accounts.every(tx)}
        resting = [
            f"{rest.scope} {titles.get(rest.name, rest.name)} rests: {rest.reason}" for rest in rests.running(tx)
        ]
        dead = [f"{one.account} needs a login" for one in accounts.every(tx) if one.state is AccountState.LOGIN_NEEDED]
    failed = [
        "{operation}: {reason}, {often}".format(
            **error, often="once" if error["times"] == 1 else f"{error['times']} times"
        )
        for error in activity.report(rt, Wanted()).errors
    ]
    return (*failed, *resting, *dead)
