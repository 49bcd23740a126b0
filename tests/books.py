"""Books to tell stories with: a clock that obeys, a state of its own, builders, and the ledger's verbs.

Each verb is one transaction, as it is in the program.
"""

import random
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import newer

from ytpool import config, data
from ytpool.clock import Calendar
from ytpool.domain import quota
from ytpool.domain.envelopes import Envelopes
from ytpool.domain.prices import PriceBook
from ytpool.domain.quota import Urgency
from ytpool.domain.terms import Terms
from ytpool.store import accounts, caps, ledger, limits, pools, projects
from ytpool.store.ledger import Call, Entry, Payer
from ytpool.store.sqlite import SqliteDatabase


def database_at(place, clock, now):
    """Open the state that lies in a file, or in a schema of PostgreSQL (`postgresql://…#schema`), by this clock.

    A test's clock is the database's too.
    """
    if not str(place).startswith("postgresql:"):
        return SqliteDatabase(Path(place), clock, now)
    from ytpool.store.postgres import PostgresDatabase

    url, _, schema = place.partition("#")
    settings = config.load(
        profile=None,
        environ={"YTPOOL_HOME": "/nowhere", "YTPOOL_STATE": url, "YTPOOL_POSTGRES_SCHEMA": schema},
    )
    its_clock = {"time": clock.database_time} if hasattr(clock, "database_time") else {}
    return PostgresDatabase(settings.database, clock, now, **its_clock)


BOOK = PriceBook.from_table(data.load("prices.json"))
NOON = datetime(2026, 11, 18, 20, tzinfo=UTC)
"""Noon in California; the quota day ends twelve hours later."""


class ObedientClock:
    """Both clocks of a machine, and that of a database elsewhere, in the hands of a test."""

    def __init__(self, wall=NOON):
        self.wall = wall
        self.seconds = 1000.0
        self.run = "era-1"
        self.database_seconds = 0.0

    def now(self):
        return self.wall

    def monotonic(self):
        return self.seconds

    def boot(self):
        return self.seconds

    def era(self):
        return self.run

    def sleep(self, seconds):
        self.forward(timedelta(seconds=seconds))

    def forward(self, span):
        """Let time pass on both clocks."""
        self.wall += span
        self.seconds += span.total_seconds()
        self.database_seconds += span.total_seconds()

    def reboot(self):
        """Start the machine again: its own count begins anew, under another name."""
        self.seconds = 10.0
        self.run += "+1"

    def database_time(self):
        """Say in SQL what a database's clock says, which goes on when the machine starts again."""
        return f"to_timestamp({self.database_seconds})"


def make_project(tx, project="acme"):
    tx.run(
        "INSERT INTO projects (project, created_at) VALUES (:project, :at) ON CONFLICT DO NOTHING",
        project=project,
        at=tx.at,
    )
    client = f"{project}-client"
    projects.keep_client(tx, client_id=client, project=project, auth_uri="", token_uri="")
    return client


def make_channel(tx, channel_id="UCnews", *, upload_cap=None):
    accounts.keep_channel(tx, channel_id=channel_id, title=channel_id.removeprefix("UC"), uploads_playlist="")
    if upload_cap is not None:
        caps.learn(tx, channel_id, upload_cap)


def make_account(tx, account="news", *, project="acme", channel_id=None, tier="production", priority=100, slots=3):
    """Make an account with its project and its channel, and return whom it makes pay."""
    channel_id = channel_id or f"UC{account}"
    client = make_project(tx, project)
    if tx.one("SELECT 1 FROM channels WHERE channel_id = :channel_id", channel_id=channel_id) is None:
        make_channel(tx, channel_id)
    accounts.add(
        tx, account=account, project=project, client_id=client, channel_id=channel_id, tier=tier, priority=priority
    )
    tx.run("UPDATE accounts SET slots = :slots WHERE account = :account", account=account, slots=slots)
    return Payer(account=account, project=project, channel_id=channel_id)


def make_pool(tx, pool="main", members=(), *, strategy="health"):
    pools.make(tx, pool, strategy)
    for account in members:
        pools.join(tx, pool, account)


class Books:
    """A fresh state, and what is done with it."""

    def __init__(self, place, clock, *, now=None, seed=None):
        self.clock = clock
        self.rng = random.Random(seed)
        self.place = place
        self.database = database_at(place, clock, now or Calendar(clock).now)
        self.shares = {}
        self.lends_from = None

    def created(self):
        self.database.create()
        if newer.EVERYWHERE:
            with closing(database_at(self.place, self.clock, self.clock.now)) as beside:
                newer.made(beside)  # our own calendar knows nothing of it
        return self

    def transaction(self):
        return self.database.transaction()

    def terms(self, tx):
        day = quota.quota_day(tx.now)
        return Terms(day=day, prices=BOOK.on(day), envelopes=self._envelopes(day) if self.shares else None)

    def share_out(self, lends_from=None, **shares):
        """Give each purpose a share of the general bucket, in per cent; from this hour on they lend."""
        self.shares, self.lends_from = shares, lends_from

    def _envelopes(self, day):
        lends_at = None if self.lends_from is None else quota.at(day, self.lends_from, 0)
        return Envelopes(shares=self.shares, purposes=BOOK.purposes, lends_at=lends_at)

    def account(self, account="news", **given):
        with self.transaction() as tx:
            return make_account(tx, account, **given)

    def hold(self, payer, *operations, **given):
        """Hold these calls; videos.list, which costs one general unit, where none is named."""
        calls = [Call(operation=operation) for operation in operations or ("videos.list",)]
        with self.transaction() as tx:
            holds = ledger.hold(tx, payer, calls, self.terms(tx), self.rng, **given)
        return holds if len(holds) > 1 else holds[0]

    def send(self, held):
        with self.transaction() as tx:
            ledger.send(tx, held, BOOK, self.terms(tx))

    def settle(self, held, outcome, reason=""):
        with self.transaction() as tx:
            ledger.settle(tx, held.hold, outcome, reason)

    def sent(self, payer, *operations, **given):
        held = self.hold(payer, *operations, **given)
        self.send(held)
        return held

    def spend(self, payer, *operations, **given):
        held = self.sent(payer, *operations, **given)
        self.settle(held, Entry.SPENT)
        return held

    def expire(self):
        with self.transaction() as tx:
            return ledger.expire(tx)

    def limit(self, units, *, scope="project", name="acme", bucket="general"):
        with self.transaction() as tx:
            terms = self.terms(tx)
            limits.set_limit(
                tx, scope, name, bucket, units, terms, self.rng, origin="operator", reason="the operator said so"
            )

    def elsewhere(self, units=None, *, project="acme", bucket="general"):
        with self.transaction() as tx:
            return ledger.book_elsewhere(tx, project, bucket, self.terms(tx), self.rng, "test", units)

    def fill(self, payer, units, bucket="general"):
        """Use up so many units of a bucket of which one call takes one; a new call may then be over a threshold."""
        operation = {"general": "videos.list", "uploads": "videos.insert"}[bucket]
        with self.transaction() as tx:
            calls = [Call(operation=operation)] * units
            ledger.hold(tx, payer, calls, self.terms(tx), self.rng, urgency=Urgency.BUFFER)

    def meter(self, bucket="general", *, scope="project", name="acme", day=None):
        """Return what a meter says, as far as it is not nothing."""
        with self.database.reading() as tx:
            row = tx.one(
                "SELECT * FROM meters WHERE scope = :scope AND name = :name AND bucket = :bucket AND day = :day",
                scope=scope,
                name=name,
                bucket=bucket,
                day=(day or quota.quota_day(tx.now)).isoformat(),
            )
        columns = ("held", "sent", "spent", "unknown", "elsewhere", "overrun")
        return {} if row is None else {column: row[column] for column in columns if row[column]}

    def differences(self):
        with self.database.reading() as tx:
            return ledger.differences(tx)

    def forward(self, **span):
        self.clock.forward(timedelta(**span))

    def at(self, day, hour, minute=0, second=0):
        """Set both clocks to this time of day in California; they only go forward."""
        year, month, number = day if isinstance(day, tuple) else (day.year, day.month, day.day)
        moment = datetime(year, month, number, hour, minute, second, tzinfo=quota.PACIFIC).astimezone(UTC)
        assert moment >= self.clock.wall
        self.clock.forward(moment - self.clock.wall)


TODAY = date(2026, 11, 18)
TOMORROW = date(2026, 11, 19)
