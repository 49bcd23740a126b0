"""The pool as it stands, or as it is supposed to stand: all that a plan is made from."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from itertools import count

from ytpool.actions.plan.supposing import Supposed, meant
from ytpool.domain.accounts import CAPPED, Account, AccountState
from ytpool.domain.balancing import Strategy, Tier
from ytpool.domain.jobs import Job, JobState, Target, TargetKind
from ytpool.domain.plan.scene import Block, ChannelCap, Item, Rest, Scene, Seat
from ytpool.domain.terms import Terms
from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, caps, envelopes, ledger, limits, meters, plans, pools, projects, rests
from ytpool.store.db import Tx
from ytpool.store.rests import Scope

_OUT: Mapping[AccountState, str] = {
    AccountState.LOGIN_NEEDED: "login needed",
    AccountState.DRAINING: "draining",
    AccountState.DISABLED: "disabled",
}


class Place:
    """The pool as it stands, or as it is supposed to stand, in one transaction."""

    def __init__(self, rt: Runtime, tx: Tx, terms: Terms, supposed: Supposed, days: int) -> None:
        self.tx = tx
        self.meant: list[str] = []
        self._rt = rt
        self._terms = {day: rt.terms(tx, day) for day in (terms.day + timedelta(days=number) for number in range(days))}
        self._today = terms
        self._accounts = {one.account: one for one in accounts.every(tx)}
        self._pools = {one.pool: one for one in pools.every(tx)}
        self._members = {name: one.accounts for name, one in self._pools.items()}
        self._readings = meters.on(tx, terms.day)
        self._standing = limits.standing(tx, terms.day)
        self._freed: Counter[tuple[str, str, str]] = Counter()
        self.planned = plans.unfinished(tx)
        """Where and when earlier plans let their jobs begin."""
        self._running = rests.running(tx)
        self._supposed_limits: dict[tuple[str, str], int] = {}
        self._seats = {one.account: self._seat(one) for one in self._accounts.values()}
        self._suppose_limits(supposed.limits)
        for name in supposed.added:
            self._add(name)

    def item(
        self,
        name: str,
        target: Target,
        calls: tuple[str, ...],
        *,
        size: int,
        alone: bool,
        deadline: datetime | None = None,
        begun: bool = False,
        not_before: datetime | None = None,
        priority: int = 0,
        overdue: bool = False,
    ) -> Item:
        """Return what something needs of these accounts."""
        of_pool = target.kind is TargetKind.POOL
        _, counted = ledger.needs(calls, self._today)
        strategy = self._pools[target.name].strategy if of_pool and target.name in self._pools else ""
        return Item(
            item=name,
            accounts=self._members.get(target.name, ()) if of_pool else (target.name,),
            calls=calls,
            counts={bucket: counted[bucket] for bucket in CAPPED if bucket in counted},
            bytes=size,
            alone=alone,
            begun=begun,
            not_before=not_before,
            deadline=deadline,
            priority=priority,
            overdue=overdue,
            in_order=strategy == Strategy.FILL,
        )

    def works(self, account: str) -> bool:
        """Tell whether an account takes work without a person's help."""
        return account in self._seats and not self._seats[account].out

    def frees(self, job: Job, calls: tuple[str, ...]) -> None:
        """Count what a running job has set aside for these calls once: it is planned with them."""
        account = self._accounts.get(job.account or "")
        if job.state is not JobState.RUNNING or account is None:
            return
        of_project, of_account = ledger.needs(calls, self._today)
        shares = self._today.envelopes
        needs = {
            meters.PROJECT: of_project,
            meters.ACCOUNT: of_account,
            meters.ENVELOPE: {} if shares is None else shares.needs(calls, self._today.prices),
        }
        for (scope, bucket), units in ledger.set_aside(self.tx, job.job).items():
            name = account.account if scope == meters.ACCOUNT else account.project
            self._freed[scope, name, bucket] += min(units, needs[scope].get(bucket, 0))

    def scene(self, zone: tzinfo, rate: int) -> Scene:
        """Return all that the plan is made from."""
        used = {
            (name, bucket): max(0, reading.used - self._freed[scope, name, bucket])
            for (scope, name, bucket), reading in self._readings.items()
            if scope == meters.PROJECT
        }
        shares = {
            (project.project, one.purpose): max(
                0, one.used - self._freed[meters.ENVELOPE, project.project, one.purpose]
            )
            for project in projects.every(self.tx)
            for one in envelopes.standing(self.tx, project.project, self._today)
        }
        channels = {one.channel_id for one in self._accounts.values() if one.channel_id}
        blocks = tuple(Block(*one) for one in self._rt.config.plan.blocks)
        return Scene(
            now=_whole_second(self.tx.now),
            seats=tuple(self._with_use(seat) for seat in self._seats.values()),
            terms=self._terms,
            limits={day: self._limits(day) for day in self._terms},
            rate=rate,
            used=used,
            envelopes_used=shares,
            channel_caps={
                channel_id: ChannelCap(cap.uploads, cap.ends_at, tuple(caps.taken_at(self.tx, channel_id)))
                for channel_id, cap in caps.standing(self.tx).items()
            },
            blocks=blocks,
            made=tuple(at for one in sorted(channels) for at in caps.taken_at(self.tx, one)) if blocks else (),
            zone=zone,
        )

    def _seat(self, account: Account) -> Seat:
        believed = {
            bucket: self._standing[meters.ACCOUNT, account.account, bucket].units
            for bucket in CAPPED
            if (meters.ACCOUNT, account.account, bucket) in self._standing
        }
        return Seat(
            account=account.account,
            project=account.project,
            channel_id=account.channel_id,
            channel=account.channel_title,
            tier=Tier(account.tier),
            priority=account.priority,
            slots=account.slots,
            out=_OUT.get(account.state, ""),
            rests=tuple(self._rests(account)),
            caps=believed,
        )

    def _with_use(self, seat: Seat) -> Seat:
        keys = {bucket: (meters.ACCOUNT, seat.account, bucket) for bucket in CAPPED}
        return seat._replace(
            used={
                bucket: max(0, self._readings[key].used - self._freed[key])
                for bucket, key in keys.items()
                if key in self._readings
            }
        )

    def _rests(self, account: Account) -> Iterable[Rest]:
        for rest in self._running:
            concerns = {
                Scope.EVERYTHING: True,
                Scope.POOL: account.account in self._members.get(rest.name, ()),
                Scope.SERVICE: rest.name == rests.YOUTUBE,
                Scope.PROJECT: rest.name == account.project,
                Scope.CHANNEL: rest.name == account.channel_id,
                Scope.ACCOUNT: rest.name == account.account,
            }
            if concerns[rest.scope]:
                yield Rest(rest.bucket, rest.until, rest.words)

    def _limits(self, day: date) -> dict[tuple[str, str], int]:
        """Return what each project has of each bucket on a day; what Google taught us is forgotten in time."""
        found: dict[tuple[str, str], int] = {}
        for project in projects.every(self.tx):
            for bucket, default in self._terms[day].prices.limits.items():
                key = (meters.PROJECT, project.project, bucket)
                limit, reading = self._standing.get(key), self._readings.get(key)
                units = default if limit is None or not limit.stands_on(day) else limit.units
                if day == self._today.day and reading is not None and reading.ceiling is not None:
                    units = reading.ceiling
                found[project.project, bucket] = units
        return {**found, **self._supposed_limits}

    def _suppose_limits(self, supposed: Iterable[tuple[str, str, int]]) -> None:
        every = [one.project for one in projects.every(self.tx)]
        for project, bucket, units in supposed:
            named = [project] if project else every
            if project and project not in every:
                raise UsageWrong(
                    f"--what-if: there is no project {project}{meant(project, every)}",
                    hint="see: ytpool projects list",
                )
            self._supposed_limits.update({(one, bucket): units for one in named})
            self.meant.append(f"{', '.join(named)} had {units:,} units of {bucket} a day, from today on")

    def _add(self, name: str) -> None:
        """Suppose one account more: like the one of this name, or a new one where there is none."""
        like = self._seats.get(name)
        new = name if like is None else next(f"{name}+{n}" for n in count(1) if f"{name}+{n}" not in self._seats)
        joins = [pool for pool, members in self._members.items() if like is None or name in members]
        if like is None:
            around = {self._seats[one].project for pool in joins for one in self._members[pool] if one in self._seats}
            if len(around) != 1:
                raise UsageWrong(
                    f"--what-if: there is no account {name} that a new one could be like"
                    f"{meant(name, list(self._seats))}, and {len(around) or 'no'} projects that could pay for it",
                    hint="name an account that is here: ytpool accounts list",
                )
            seat = Seat(account=new, project=around.pop(), channel_id="", channel="a new channel")
        else:
            seat = like._replace(account=new, channel_id="", channel="a new channel", out="", rests=())
        self._seats[new] = seat
        self._members.update({pool: (*self._members[pool], new) for pool in joins})
        into = f" in {', '.join(joins)}" if joins else ""
        settings = f"with the settings of {name}" if like is not None else "with the usual settings"
        self.meant.append(
            f"there were an account {new}{into}, {settings} and a channel of its own; {seat.project} pays for it, so "
            "there is no more quota by it"
        )


def _whole_second(moment: datetime) -> datetime:
    """Return the next full second: nobody plans by parts of one."""
    return moment.replace(microsecond=0) + timedelta(seconds=1 if moment.microsecond else 0)
