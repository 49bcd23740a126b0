"""Coming from the older multi-account tool: its accounts become ours, with everything that belongs to them.

Every login is verified as `auth import` does it, and an account is stored whole or not at all, so that a run that broke
off is finished by the next: what is there is left alone. The older tool's own files are read and never touched.
"""

import shlex
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ytpool.actions import earlier, grants, login, secrets
from ytpool.actions.earlier import Taken
from ytpool.actions.grants import LoggedIn, Place
from ytpool.config.places import expanded
from ytpool.domain import logins, names, older, quota
from ytpool.domain.accounts import Account, Standing
from ytpool.domain.balancing import Strategy
from ytpool.domain.logins import Client, TokenFile
from ytpool.domain.older import Entry, Field
from ytpool.errors import (
    Busy,
    HoldLost,
    ImportInvalid,
    LoginFailed,
    LoginNeeded,
    PoolForbidden,
    QuotaExhausted,
    Resting,
    TokenFileInvalid,
    UpstreamFailed,
    WrongChannel,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts, limits, meters, pools, projects
from ytpool.store.db import Tx
from ytpool.store.secrets import Kind

_FOR_LOOKING = "(import)"
"""Who a look at a channel is booked for whose account stays as it is."""

_OF_ONE_ACCOUNT = (
    Busy,
    HoldLost,
    ImportInvalid,
    LoginFailed,
    LoginNeeded,
    PoolForbidden,
    QuotaExhausted,
    Resting,
    UpstreamFailed,
    WrongChannel,
)
"""What goes wrong with one account and leaves the others alone; anything else ends the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of one account of the older file."""

    account: str
    older_id: str
    outcome: str
    """imported, already, login_needed, failed, or under --dry-run planned"""
    project: str | None
    pool: str | None
    channel_id: str | None
    channel_title: str | None
    detail: str
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFound:
    """One pool for one project."""

    pool: str
    project: str
    strategy: str
    accounts: tuple[str, ...]
    outcome: str
    """made, already or failed (none of its accounts could be taken), or under --dry-run planned"""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was done, or under --dry-run would be."""

    file: Path
    dry_run: bool
    accounts: tuple[Imported, ...]
    pools: tuple[PoolFound, ...]
    fields: tuple[Field, ...]
    files: tuple[Taken, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """One account, and what there is to bring it in with."""

    entry: Entry
    token_file: Path
    client: Client | None = None
    known: TokenFile | None = None
    project: str | None = None
    pool: str | None = None
    account: Account | None = None
    is_same_login: bool = False
    strategy: Strategy = Strategy.HEALTH
    """Of its pool, where that is made."""
    problem: YtpoolError | None = None
    """Why it cannot be taken at all."""
    no_login: str = ""
    """Why its token file opens nothing."""


def bring_in(
    rt: Runtime,
    file: Path,
    *,
    pool: str,
    data: Path | None,
    dry_run: bool,
    says: Callable[[str], None],
) -> Report:
    """Take over the older tool's accounts, what it has counted of today's quota, and its activity logs.

    `data` is the folder of the last two, where it is another than the file's own or `downloads` in it. What goes wrong
    with one account is said there, and the others go on. Under `dry_run` nothing is changed and nobody is called.
    Raises ImportInvalid where the file as a whole cannot be understood.
    """
    names.require(pool, "a pool")
    found = earlier.read(file, "the older tool's file", older.configuration)
    rt.open_vault()
    folder = file.parent
    with rt.store.reading() as tx:
        rt.require_same_root(tx)
        strategy = found.strategy or Strategy(rt.config.balancing.strategy)
        plans = [replace(_plan(rt, tx, entry, folder), strategy=strategy) for entry in found.entries]
        plans = _with_pools(tx, plans, pool)
        made = tuple(_pools(tx, plans))
    listed = frozenset(plan.entry.name for plan in plans)
    done = tuple(_account(rt, plan, listed, says, dry_run=dry_run) for plan in plans)
    if not dry_run:
        made = tuple(_as_they_are(rt, made))
    outcomes = {one.older_id: one.outcome for one in done}
    here = {one.older_id: one.account for one in done if one.outcome != "failed"}
    taken = tuple(earlier.take(rt, [data] if data else [folder, folder / "downloads"], here, dry_run=dry_run))
    return Report(
        file=file,
        dry_run=dry_run,
        accounts=done,
        pools=made,
        fields=tuple(_as_it_came(one, outcomes.get(one.account, ""), made) for one in found.fields),
        files=taken,
        warnings=tuple(_warnings(file, plans, made)),
    )


def _as_it_came(field: Field, outcome: str, made: Sequence[PoolFound]) -> Field:
    """Say of a field what really became of it, where that is not what the file alone tells."""
    if field.field == "load_balancing.strategy" and {one.outcome for one in made} == {"already"}:
        return replace(field, became="nothing", why="a pool that is here already keeps its strategy")
    match outcome:
        case "already":
            return replace(field, became=LEFT, why="the account is here already")
        case "failed":
            return replace(field, became=NOT_TAKEN, why="the account could not be taken")
        case "login_needed" if field.field == "token_file":
            return replace(field, became="nothing", why="it opens nothing, so the account needs a login")
        case _:
            return field


LEFT = "left as it is"
NOT_TAKEN = "not taken"
"""What became of every field of an account that was there already, and of one that could not be taken."""


def _plan(rt: Runtime, tx: Tx, entry: Entry, folder: Path) -> _Plan:
    """Look at one account without calling anybody."""
    plan = _Plan(entry=entry, token_file=folder / expanded(entry.token_file))
    if entry.problem:
        advice = "put it right in the file, and import it again"
        return replace(plan, problem=ImportInvalid(entry.problem, hint=advice))
    known, no_login = _token(plan.token_file)
    client = _client(entry, known)
    if client is None:
        problem = ImportInvalid(
            "it names no client_id and client_secret, and its token file names none either",
            hint=f"write them into the file, or: ytpool auth add {entry.name} --client-secrets FILE",
        )
        return replace(plan, problem=problem)
    if known is not None and known.client_id not in (None, client.client_id):
        no_login = f"{plan.token_file} belongs to another OAuth client, {known.client_id}"
        known = None
    account = accounts.find(tx, entry.name)
    project = projects.known_of_client(tx, client_id=client.client_id, project_id=None, number=client.number)
    plan = replace(
        plan,
        client=client,
        known=known,
        no_login=no_login,
        project=project or client.number or client.client_id,
        account=account,
    )
    if account is None:
        return plan
    if account.client_id != client.client_id:
        return replace(plan, problem=_name_is_taken(plan, f"is an account of {account.project} here already"))
    stored = secrets.read(rt, tx, Kind.REFRESH_TOKEN, account.account)
    return replace(plan, is_same_login=known is not None and stored == known.refresh)


def _token(path: Path) -> tuple[TokenFile | None, str]:
    """Read a token file, or say why it opens nothing."""
    try:
        return earlier.read(path, "the token file", logins.from_token_file), ""
    except (ImportInvalid, TokenFileInvalid) as error:
        return None, error.message if str(path) in error.message else f"{path}: {error.message}"


def _client(entry: Entry, known: TokenFile | None) -> Client | None:
    """Return the account's OAuth client; what the file leaves out, the older tool has put into the token file."""
    client_id = entry.client_id or (known.client_id if known else None)
    client_secret = entry.client_secret or (known.client_secret if known else None)
    if client_id is None or client_secret is None or not logins.is_token(client_id):
        return None
    return Client(client_id=client_id, client_secret=client_secret)


def _name_is_taken(plan: _Plan, why: str) -> ImportInvalid:
    return ImportInvalid(
        f"{plan.entry.name} {why}, and the older tool's is another one; nothing was changed",
        hint=f"give it another id in the file than {plan.entry.older_id}",
    )


def _with_pools(tx: Tx, plans: Sequence[_Plan], base: str) -> list[_Plan]:
    """Name the pool of each project: the name that was asked for, with the project behind it where there are several.

    A pool of that name that has the project's accounts already is the one.
    """
    all_projects = {plan.project for plan in plans if plan.problem is None}
    payer_of = {account.account: account.project for account in accounts.every(tx)}
    payers = {pool.pool: {payer_of.get(member) for member in pool.accounts} for pool in pools.every(tx)}
    chosen: dict[str, str] = {}
    for project in sorted(one for one in all_projects if one is not None):
        own = f"{base}-{names.legal(project)}"[:64]
        fits = [name for name in (base, own) if payers.get(name) == {project}]
        is_free = len(all_projects) == 1 and payers.get(base, set()) <= {project}
        chosen[project] = fits[0] if fits else base if is_free else own
    return [replace(plan, pool=chosen.get(plan.project or "")) for plan in plans]


def _pools(tx: Tx, plans: Sequence[_Plan]) -> Iterator[PoolFound]:
    members: dict[tuple[str, str], list[_Plan]] = {}
    for plan in plans:
        if plan.problem is None and plan.pool is not None and plan.project is not None:
            members.setdefault((plan.pool, plan.project), []).append(plan)
    why = "all its accounts are paid by this one project"
    if len(members) > 1:
        why = "one pool for each project: Google forbids spreading one use case over several to gain quota"
    for (pool, project), those in members.items():
        there = pools.find(tx, pool)
        if there is None and all(plan.account for plan in those):
            continue  # nobody is new, and where they are now was somebody's wish
        yield PoolFound(
            pool=pool,
            project=project,
            strategy=there.strategy if there else those[0].strategy,
            accounts=tuple(plan.entry.name for plan in those),
            outcome="already" if there else "planned",
            why=why,
        )


def _as_they_are(rt: Runtime, planned: Sequence[PoolFound]) -> Iterator[PoolFound]:
    with rt.store.reading() as tx:
        for one in planned:
            there = pools.find(tx, one.pool)
            if there is None:
                yield replace(one, accounts=(), outcome="failed")
            else:
                outcome = "made" if one.outcome == "planned" else one.outcome
                yield replace(one, strategy=there.strategy, accounts=there.accounts, outcome=outcome)


def _account(
    rt: Runtime, plan: _Plan, listed: frozenset[str], says: Callable[[str], None], *, dry_run: bool
) -> Imported:
    """Bring in one account, or say why not; `listed` are all that the file names."""
    rt.require_going()
    try:
        if plan.problem is not None:
            raise plan.problem
        works = plan.account is not None and not plan.account.needs_login
        if works and (plan.is_same_login or plan.known is None):
            done = _told(plan, "already", plan.account, "nothing was changed")
        elif dry_run:
            if plan.known is None:
                raise _login_needed(plan, plan.no_login)
            done = _told(plan, "planned", plan.account, "YouTube is asked which channel it is")
        elif works:
            done = _compared(rt, plan)
        else:
            done = _logged_in(rt, plan, listed)
    except _OF_ONE_ACCOUNT as problem:
        done = Imported(
            account=plan.entry.name or plan.entry.older_id,
            older_id=plan.entry.older_id,
            outcome="login_needed" if isinstance(problem, LoginNeeded) else "failed",
            project=plan.project,
            pool=plan.pool if isinstance(problem, LoginNeeded) else None,
            channel_id=None,
            channel_title=None,
            detail="",
            problem=problem,
        )
    if not dry_run:
        says(f"{done.account}: {done.problem.message if done.problem else _spoken(done)}")
    return done


def _spoken(done: Imported) -> str:
    words = "is here already" if done.outcome == "already" else "is logged in"
    return f"{words} for channel {done.channel_title} ({done.channel_id}), paid by project {done.project}"


def _told(plan: _Plan, outcome: str, account: Account | None, detail: str) -> Imported:
    return Imported(
        account=account.account if account else plan.entry.name,
        older_id=plan.entry.older_id,
        outcome=outcome,
        project=account.project if account else plan.project,
        pool=None if outcome == "already" else plan.pool,
        channel_id=(account.channel_id or None) if account else None,
        channel_title=(account.channel_title or None) if account else None,
        detail=detail,
    )


def _login_needed(plan: _Plan, why: str) -> LoginNeeded:
    name = plan.entry.name
    return LoginNeeded(why, hint=f"log in through the browser: ytpool auth add {name}", account=name)


def _compared(rt: Runtime, plan: _Plan) -> Imported:
    """Ask whose channel the file's token is for, where an account of that name works with another login."""
    assert plan.client is not None
    assert plan.known is not None
    assert plan.account is not None
    client = login.addressed(rt, plan.client)
    try:
        token = login.revived(rt, client, plan.known, plan.token_file, "")
    except LoginFailed:
        return _told(plan, "already", plan.account, "its login here goes on; the one in the token file is dead")
    _, channel = grants.seen(rt, _FOR_LOOKING, client, token)
    if channel.channel_id != plan.account.channel_id:
        raise _name_is_taken(plan, f"is for channel {plan.account.channel_title} ({plan.account.channel_id}) here")
    return _told(plan, "already", plan.account, "its login here goes on; the one in the token file is another")


def _logged_in(rt: Runtime, plan: _Plan, listed: frozenset[str]) -> Imported:
    """Verify a login and keep it with all that belongs to it; one that is dead is kept as one that is needed."""
    assert plan.client is not None
    entry, client = plan.entry, login.addressed(rt, plan.client)
    place = Place(pool=plan.pool, strategy=plan.strategy, priority=entry.priority)
    if plan.account is not None:  # it was brought in before, and only its login was missing
        place = Place()
    try:
        token = login.revived(rt, client, plan.known, plan.token_file, "") if plan.known else None
        why = plan.no_login
    except LoginFailed as dead:
        token, why = None, dead.message
    if token is None:
        grants.keep_waiting(rt, entry.name, client, place, reason=why, along=lambda tx: _keep_caps(rt, tx, entry))
        raise _login_needed(plan, why)

    def along(tx: Tx, done: LoggedIn) -> None:
        _require_right_channel(tx, plan, listed, done)
        if not done.renewed:
            _keep_caps(rt, tx, entry)
        if not entry.enabled and (plan.account is None or not plan.account.channel_id):  # its first login here
            accounts.stand(tx, entry.name, Standing.DISABLED, "the older tool had it disabled")

    try:
        done = grants.keep(rt, entry.name, client, token, place, along=along)
    except _There as there:
        return _told(plan, "already", there.account, f"its channel is account {there.account.account} here")
    return Imported(
        account=entry.name,
        older_id=entry.older_id,
        outcome="imported",
        project=done.project,
        pool=done.pool,
        channel_id=done.channel_id,
        channel_title=done.channel_title,
        detail=" ".join(done.warnings),
    )


def _keep_caps(rt: Runtime, tx: Tx, entry: Entry) -> None:
    if entry.comments is not None:
        limits.set_limit(
            tx,
            meters.ACCOUNT,
            entry.name,
            quota.COMMENTS,
            entry.comments,
            rt.terms(tx),
            rt.rng,
            origin="operator",
            reason="max_comments_per_day of the older tool",
        )


class _There(Exception):
    """The channel is in the pool under a name that the older file does not have."""

    def __init__(self, account: Account) -> None:
        super().__init__(account.account)
        self.account = account


def _require_right_channel(tx: Tx, plan: _Plan, listed: frozenset[str], done: LoggedIn) -> None:
    expected = plan.entry.channel_id
    if expected not in (None, done.channel_id):
        raise WrongChannel(
            f"{plan.entry.older_id} is for channel {expected} in the older file, and its login is for "
            f"{done.channel_title} ({done.channel_id}); nothing of it was kept",
            hint=f"log in as the right channel: ytpool auth add {plan.entry.name} --client-secrets FILE",
            account=plan.entry.name,
            expected=expected,
            found=done.channel_id,
        )
    for other in accounts.on_channel(tx, done.channel_id):
        if other.account != plan.entry.name:
            if other.account not in listed:
                raise _There(other)
            raise ImportInvalid(
                f"{plan.entry.older_id} goes to channel {done.channel_title} ({done.channel_id}), and so does "
                f"{other.account}: one channel twice gains nothing, and over two projects it is what Google forbids",
                hint="leave out one of them",
                channel_id=done.channel_id,
            )


def _warnings(file: Path, plans: Sequence[_Plan], made: Sequence[PoolFound]) -> Iterator[str]:
    secret = [path for path in dict.fromkeys([file, *(plan.token_file for plan in plans)]) if path.is_file()]
    open_ones = [path for path in secret if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_ones:
        yield f"Others on this machine can read the secrets in these files now: chmod 600 {_listed(open_ones)}"
    yield (
        "Stop the older tool: two programs that spend one project's quota do not see each other. Then delete the "
        f"files that hold its secrets in plain text: {_listed(secret)}. Do not take the access back at Google: it is "
        "the same login."
    )
    if len(made) > 1:
        yield (
            f"There are {len(made)} projects, and so {len(made)} pools: several projects for one use case to gain "
            "quota are what Google's Developer Policies III.D.1.c forbid. A job for a pool stays within its project, "
            "and waits for the reset where that has nothing left."
        )


def _listed(paths: Sequence[Path]) -> str:
    return " ".join(shlex.quote(str(path)) for path in paths)
