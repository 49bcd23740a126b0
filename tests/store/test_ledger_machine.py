"""The ledger against a model: whatever order things happen in, the books say what a second bookkeeper says.

The model keeps a list of what was asked for and adds it up anew after every step; it knows nothing of SQL, of meters
that are moved by differences, or of the order in which a transaction does things.
"""

import math
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from books import BOOK, Books, ObedientClock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from real_parts import examples

from ytpool.domain import quota
from ytpool.domain.quota import Urgency
from ytpool.errors import HoldLost, QuotaExhausted
from ytpool.store import ledger
from ytpool.store.ledger import Entry, Payer

MEMORY = Path("/dev/shm")
"""Where there is such a folder, the files of so many examples need not reach a disk."""

PAYERS = (
    Payer(account="a1", project="acme", channel_id="UCa1"),
    Payer(account="a2", project="acme", channel_id="UCa2"),
    Payer(account="b1", project="beta", channel_id="UCb1"),
)
LIMITS = {("project", "acme", "uploads"): 5, ("project", "acme", "general"): 600, ("account", "a1", "uploads"): 3}
JOBS = ("j1", "j2", "j3")
PUBLICATION = ("videos.insert", *["videos.list"] * 4)
SHARES = ({"publishing": 70, "metadata": 10, "reading": 10, "buffer": 10}, {"reading": 1, "metadata": 40}, {})
ADMITS = {Urgency.NORMAL: 80, Urgency.STARTED: 90, Urgency.BUFFER: 100}
BLUR = timedelta(seconds=60)
PICK = st.integers(0, 9)


class Booked:
    """One call as the model remembers it."""

    def __init__(self, held, job, draws, day, dies_at):
        self.held = held
        self.job = job
        self.state = "held"
        self.draws = {(*meter, day): units for meter, units in draws.items()}
        self.dies_at = dies_at
        self.blurred = False


class LedgerMachine(RuleBasedStateMachine):
    """Holds, sends, waits, settles, renews, expires, corrects; and midnight passes."""

    def __init__(self):
        super().__init__()
        self.clock = ObedientClock()
        self.books = Books(self.empty_place(), self.clock, now=self.clock.now, seed=1)
        self.calls = []
        self.limits = {}
        self.ceilings = {}
        self.elsewhere = Counter()
        self.overrun = Counter()

    def empty_place(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ytpool-", dir=MEMORY if MEMORY.is_dir() else None))
        return shutil.copy(_empty_state(), self.folder / "state.db")

    @property
    def seconds(self):
        """The clock by which holds expire."""
        return self.clock.database_seconds if self.books.database.is_shared else self.clock.seconds

    def teardown(self):
        self.books.database.close()
        shutil.rmtree(self.folder)

    @initialize()
    def begin_with_small_limits(self):
        for meter, units in LIMITS.items():
            self.set_limit(meter=meter, units=units)
        self.share_out(shares=SHARES[0], lends_from=14)

    @rule(
        payer=st.sampled_from(PAYERS),
        operations=st.sampled_from(
            [("videos.list",), ("videos.insert",), ("commentThreads.insert",), ("captions.insert",), PUBLICATION]
        ),
        urgency=st.sampled_from(list(Urgency)),
        job=st.sampled_from(JOBS),
        lasts_for=st.sampled_from([timedelta(seconds=90), timedelta(hours=20)]),
    )
    def hold(self, payer, operations, urgency, job, lasts_for):
        draws = [_draws(payer, operation, self.today) for operation in operations]
        shares = [self._shares_of(payer, operation) for operation in operations]
        needs = sum(shares, Counter())
        admitted = self._can_take(sum(draws, Counter()), ADMITS[urgency]) and self._envelopes_admit(needs, urgency)

        try:
            made = self.books.hold(payer, *operations, urgency=urgency, job=job, lasts_for=lasts_for)
        except QuotaExhausted:
            assert not admitted
            return

        assert admitted
        made = made if isinstance(made, tuple) else (made,)
        dies_at = self.seconds + lasts_for.total_seconds()
        self._open_envelopes(needs)
        calls = [
            Booked(held, job, drawn + shared, self.today, dies_at)
            for held, drawn, shared in zip(made, draws, shares, strict=True)
        ]
        self._open(meter for call in calls for meter in call.draws)
        self.calls += calls

    @rule(payer=st.sampled_from(PAYERS), operation=st.sampled_from(PUBLICATION[:2]))
    def hold_and_send(self, payer, operation):
        before = len(self.calls)
        self.hold(payer, (operation,), Urgency.BUFFER, "j1", timedelta(seconds=90))
        if len(self.calls) > before:
            self._send(self.calls[-1])

    @rule(payer=st.sampled_from(PAYERS[:2]), urgency=st.sampled_from(list(Urgency)))
    def comment_until_the_envelope_is_empty(self, payer, urgency):
        for _ in range(3):
            self.hold(payer, ("commentThreads.insert",), urgency, "j2", timedelta(seconds=90))

    @precondition(lambda self: self.calls)
    @rule(pick=PICK, gone=st.booleans())
    def send(self, pick, gone):
        self._send(self._pick(pick, ("held",), gone=gone))

    def _send(self, call):
        day = next(iter(call.draws))[3]
        draws = _draws(call.held.payer, call.held.operation, self.today)
        needs = self._shares_of(call.held.payer, call.held.operation)
        if call.state != "held" or call.dies_at <= self.seconds:
            expected = HoldLost
        elif day != self.today and not (
            self._can_take(draws, ADMITS[Urgency.STARTED]) and self._envelopes_admit(needs, Urgency.STARTED)
        ):
            expected = QuotaExhausted
        else:
            expected = None

        if expected is not None:
            with pytest.raises(expected):
                self.books.send(call.held)
            return
        self.books.send(call.held)

        call.state = "sent"
        call.dies_at = self.seconds + 180
        if day != self.today:
            self._open_envelopes(needs)
            call.draws = {(*meter, self.today): units for meter, units in (draws + needs).items()}
            self._open(call.draws)
        for other in {quota.quota_day(self.clock.wall + BLUR), quota.quota_day(self.clock.wall - BLUR)} - {self.today}:
            call.blurred = True
            twins = {(*m, other): units for m, units in _draws(call.held.payer, call.held.operation, other).items()}
            room = all(self._used(meter) + units <= self._ceiling(meter) for meter, units in twins.items())
            self._open(twins)
            if room:
                call.draws |= twins

    @precondition(lambda self: self.calls)
    @rule(pick=PICK, gone=st.booleans(), outcome=st.sampled_from([Entry.SPENT, Entry.RELEASED, Entry.UNKNOWN]))
    def settle(self, pick, gone, outcome):
        call = self._pick(pick, ("sent", "unknown"), gone=gone)

        self.books.settle(call.held, outcome)

        if call.state in ("sent", "unknown"):
            call.state = "unknown" if call.blurred and outcome is Entry.SPENT else outcome.value

    @rule(job=st.sampled_from(JOBS))
    def renew(self, job):
        with self.books.transaction() as tx:
            ledger.renew(tx, job)

        for call in self.calls:
            if call.job == job and call.state == "held" and call.dies_at > self.seconds:
                call.dies_at = self.seconds + 90

    @rule(job=st.sampled_from(JOBS))
    def give_back(self, job):
        with self.books.transaction() as tx:
            ledger.release_job(tx, job)

        for call in self.calls:
            if call.job == job and call.state == "held":
                call.state = "released"

    @rule()
    def expire(self):
        late = [call for call in self.calls if call.state in ("held", "sent") and call.dies_at <= self.seconds]

        assert self.books.expire() == len(late)

        for call in late:
            call.state = "released" if call.state == "held" else "unknown"

    @rule(seconds=st.sampled_from([1, 30, 89, 91, 181, 3600]))
    def wait(self, seconds):
        self.books.forward(seconds=seconds)

    @rule(seconds=st.sampled_from([-90, -59, -1, 0, 1, 59, 90]))
    def wait_for_midnight(self, seconds):
        span = quota.resets_at(self.today) + timedelta(seconds=seconds) - self.clock.wall
        if span > timedelta(0):
            self.clock.forward(span)

    @precondition(lambda self: self.calls)
    @rule()
    def reboot(self):
        self.clock.reboot()
        for call in self.calls:
            if not self.books.database.is_shared:  # else a clock that is elsewhere goes on
                call.dies_at = -math.inf

    @rule(meter=st.sampled_from([*LIMITS, ("project", "beta", "general")]), units=st.integers(0, 6) | st.none())
    def set_limit(self, meter, units):
        scope, name, bucket = meter
        units = units if units is None or bucket == "uploads" else units * 100

        self.books.limit(units, scope=scope, name=name, bucket=bucket)

        self.limits[meter] = units
        self._open([(*meter, self.today)])
        for opened in self.ceilings:
            if opened[:3] == meter and opened[3] >= self.today:
                self.ceilings[opened] = self._believed(opened)
                self.overrun[opened] += max(0, self._booked(opened) - self.ceilings[opened] - self.overrun[opened])

    @rule(project=st.sampled_from(["acme", "beta"]), units=st.integers(-500, 500) | st.none())
    def use_elsewhere(self, project, units):
        meter = ("project", project, "general", self.today)
        expected = max(0, self._ceiling(meter) - self._used(meter)) if units is None else units
        expected = max(expected, -self.elsewhere[meter])

        assert self.books.elsewhere(units, project=project) == expected

        self._open([meter])
        self.elsewhere[meter] += expected

    @rule(shares=st.sampled_from(SHARES), lends_from=st.sampled_from([None, 0, 14, 23]))
    def share_out(self, shares, lends_from):
        self.books.share_out(lends_from, **shares)

    @invariant()
    def the_ledger_agrees_with_itself(self):
        assert self.books.differences() == []

    @invariant()
    def both_bookkeepers_agree(self):
        expected = {meter: Counter() for meter in self.ceilings}
        for call in self.calls:
            for meter, units in call.draws.items():
                if call.state != "released":
                    expected[meter][call.state] += units
        for meter, sums in expected.items():
            sums["elsewhere"], sums["overrun"] = self.elsewhere[meter], self.overrun[meter]
        with self.books.database.reading() as tx:
            rows = tx.all("SELECT * FROM meters")
        columns = ("held", "sent", "spent", "unknown", "elsewhere", "overrun")
        key = ("scope", "name", "bucket", "day")
        assert {tuple(row[part] for part in key): {column: row[column] for column in columns} for row in rows} == {
            (*meter[:3], meter[3].isoformat()): {column: sums[column] for column in columns}
            for meter, sums in expected.items()
        }
        for row in rows:
            booked = row["spent"] + row["held"] + row["sent"] + row["unknown"]
            assert row["ceiling"] is None or booked <= row["ceiling"] + row["overrun"]
            assert min(row[column] for column in columns) >= 0

    def _pick(self, pick, states, *, gone):
        """Pick a call in one of these states, the latest first; or any, whatever has become of it."""
        fit = [call for call in self.calls if gone or call.state in states] or self.calls
        return fit[-1 - pick % len(fit)]

    @property
    def today(self):
        return quota.quota_day(self.clock.wall)

    def _can_take(self, draws, percent):
        for meter, units in draws.items():
            on_day = (*meter, self.today)
            used, ceiling = self._used(on_day), self._ceiling(on_day)
            threshold = percent if meter[0] == "project" else 100
            if used + units > ceiling or (ceiling < math.inf and used * 100 >= ceiling * threshold):
                return False
        return True

    def _shares_of(self, payer, operation):
        """Say what a call draws on an envelope: its general units, where its purpose has a share."""
        units = BOOK.on(self.today).prices[operation].get("general", 0)
        purpose = BOOK.purposes.get(operation)
        return Counter(
            {("envelope", payer.project, purpose): units} if units and self.books.shares.get(purpose) else {}
        )

    def _envelopes_admit(self, needs, urgency):
        """What is beyond one's own envelope is lent: by other purposes once they lend, by the buffer where it may."""
        for project in {project for _, project, _ in needs}:
            limit = self._ceiling(("project", project, "general", self.today))
            sizes = {purpose: limit * percent // 100 for purpose, percent in self.books.shares.items()}
            buffer = sizes.pop("buffer", 0)
            lends_at = None if self.books.lends_from is None else quota.at(self.today, self.books.lends_from, 0)
            lends = lends_at is not None and self.clock.wall >= lends_at

            def from_buffer(more, project=project, sizes=sizes, lends=lends):
                use = {one: self._share_used(project, one) + more["envelope", project, one] for one in sizes}
                beyond = sum(max(0, use[one] - sizes[one]) for one in sizes)
                left = sum(max(0, sizes[one] - use[one]) for one in sizes)
                return max(0, beyond - left) if lends else beyond

            wanted = from_buffer(needs)
            if wanted > from_buffer(Counter()) and (wanted > buffer or urgency is not Urgency.BUFFER):
                return False
        return True

    def _share_used(self, project, purpose):
        opened = ("envelope", project, purpose, self.today)
        if opened in self.ceilings:
            return self._booked(opened)
        return sum(units for _, units in self._used_before(project, purpose))

    def _used_before(self, project, purpose):
        """Return the calls of a purpose that were booked today before it had an envelope."""
        meter = ("project", project, "general", self.today)
        return [
            (call, call.draws[meter])
            for call in self.calls
            if call.state != "released" and meter in call.draws and BOOK.purposes[call.held.operation] == purpose
        ]

    def _open_envelopes(self, needs):
        """The first need of a day opens every envelope of the project, with what the day has used before."""
        for project in {project for _, project, _ in needs}:
            for purpose in self.books.shares:
                opened = ("envelope", project, purpose, self.today)
                if opened not in self.ceilings:
                    for call, units in self._used_before(project, purpose):
                        call.draws[opened] = units
                    self.ceilings[opened] = math.inf

    def _booked(self, meter):
        return sum(call.draws.get(meter, 0) for call in self.calls if call.state != "released")

    def _used(self, meter):
        return self._booked(meter) + self.elsewhere[meter]

    def _believed(self, meter):
        decided = self.limits.get(meter[:3])
        if decided is not None:
            return decided
        return BOOK.on(meter[3]).limits[meter[2]] if meter[0] == "project" else math.inf

    def _ceiling(self, meter):
        return self.ceilings.get(meter, self._believed(meter))

    def _open(self, meters):
        for meter in meters:
            self.ceilings.setdefault(meter, self._believed(meter))


def _draws(payer, operation, day):
    """Say what a call draws on, from the price book's data."""
    draws = Counter()
    for bucket, units in BOOK.on(day).prices[operation].items():
        draws["project", payer.project, bucket] = draws["account", payer.account, bucket] = units
    if operation == "commentThreads.insert":
        draws["account", payer.account, "comments"] = 1
    return draws


_templates = []


def _empty_state():
    """Make an empty state once; a copy of it is made sooner than another."""
    if not _templates:
        path = Path(tempfile.mkdtemp(prefix="ytpool-")) / "state.db"
        Books(path, ObedientClock()).created().database.close()
        _templates.append(path)
    return _templates[0]


class LedgerMachineOnPostgresql(LedgerMachine):
    """The same where machines share the books."""

    used_again = None

    def empty_place(self):
        return self.used_again.place()

    def teardown(self):
        self.books.database.close()
        self.used_again.empty()


_SETTINGS = {"deadline": None, "stateful_step_count": 150, "suppress_health_check": [HealthCheck.too_slow]}

TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=examples(300), **_SETTINGS)


class TestLedgerOnPostgresql(LedgerMachineOnPostgresql.TestCase):
    settings = settings(max_examples=examples(6, at_length=200), **_SETTINGS)

    @pytest.fixture(autouse=True)
    def _where(self, used_again):
        LedgerMachineOnPostgresql.used_again = used_again
