"""The whole arrangement of a pool: written to a file, and brought about from one.

Applying is one transaction, but for the removal of accounts: each of them is taken out of service in it, its login is
ended at Google after it, and only then is it forgotten. Whatever stops that in between, the same command goes on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ytpool.actions import accounts as arranging
from ytpool.actions import exporting, luggage, removal
from ytpool.actions import projects as paying
from ytpool.actions.luggage import Login
from ytpool.domain import arrangement, logins
from ytpool.domain.accounts import AccountState, Standing
from ytpool.domain.arrangement import ACCOUNTS, HEADER, POOLS, PROJECTS, Change, Fault, Things, Wish
from ytpool.domain.balancing import Tier
from ytpool.domain.jobs import TargetKind
from ytpool.domain.secret import Secret
from ytpool.errors import ArrangementInvalid, Busy, FileInvalid, Interrupted, PoolForbidden, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, jobs, pools, projects
from ytpool.store.db import Tx
from ytpool.store.secrets import Kind, forget

_NEVER_LOGGED_IN = "made by `accounts apply`, and never logged in here"
_TWO_MACHINES = (
    "the other machine's books did not come along: where both work, each believes to have the whole quota; "
    "stop the other one: ytpool pause --reason moved"
)
_LARGEST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The arrangement, as data and as a file's text."""

    path: Path | None
    arrangement: Mapping[str, Things]
    toml: str
    logins: tuple[str, ...] = ()
    """Accounts whose logins are in the file too, under a passphrase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsLogin:
    """An account that a person has to log in, with the OAuth client its login is for."""

    account: str
    client_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was different from a file, and what is left to do."""

    changes: tuple[Change, ...]
    dry_run: bool
    logins_needed: tuple[NeedsLogin, ...]
    logins_brought: tuple[str, ...] = ()
    """Accounts that took their login from the file."""
    notes: tuple[str, ...] = ()
    problem: YtpoolError | None = None
    """An account could not be removed; it is out of service, and the same command tries again."""


def export(rt: Runtime, path: Path | None = None, *, passphrase: Secret | None = None) -> Exported:
    """Write the whole arrangement as TOML, to a file or as the result; the same state gives the same bytes.

    With a passphrase the logins go along, and the file, readable by its owner only, is sealed with it.
    """
    import tomli_w  # noqa: PLC0415 -- few commands write TOML

    with rt.store.reading() as tx:
        there = _there(tx)
    text = HEADER + tomli_w.dumps({name: things for name, things in there.items() if things})
    logins: tuple[str, ...] = ()
    if path is not None and passphrase is not None:
        parcel, logins = luggage.packed(rt, text, passphrase)
        exporting.write_text(path, parcel, private=True)
    elif path is not None:
        exporting.write_text(path, text)
    return Exported(path=path, arrangement=there, toml=text, logins=logins)


def apply(
    rt: Runtime,
    path: Path,
    *,
    prune: bool = False,
    dry_run: bool = False,
    agrees: Callable[[Sequence[Change]], bool],
    passphrase: Callable[[], Secret],
) -> Applied:
    """Bring about what a file wishes; what it does not name stays, and goes only with `prune`.

    A file with logins in it is opened with `passphrase`; accounts that need a login here take theirs from it. `agrees`
    is asked, with the whole difference, before anything is removed. Raises ArrangementInvalid with everything that is
    wrong with the file, Busy where an account or a pool that is to go still has work: then nothing is changed.
    """
    text = _read(path)
    brought = luggage.unpacked(rt, text, passphrase()) if luggage.is_sealed(text) else None
    wish, faults = arrangement.read(text if brought is None else brought.arrangement)
    with rt.store.imagining() as tx:
        shown = _bring_about(rt, tx, path, wish, faults, prune=prune)
        coming = [] if brought is None else luggage.wanted(tx, brought)
        asleep = tuple(_asleep(tx, coming))
    going = [change for change in shown if change.removes]
    if not dry_run and (shown or coming):
        if going and not agrees(shown):
            raise Interrupted("nothing was changed")
        leaving = [change.name for change in going if change.what == arrangement.ONE[ACCOUNTS]]
        if leaving or coming:
            rt.open_vault()
        with rt.store.transaction() as tx:
            rt.require_same_root(tx)
            if _bring_about(rt, tx, path, wish, faults, prune=prune) != shown:
                raise Busy("the state was changed meanwhile; nothing was applied", hint="type the same command again")
            luggage.keep(rt, tx, coming)
            asleep = tuple(_asleep(tx))
        notes, problem = _remove(rt, leaving)
        _forget_projects(rt, [change.name for change in going if change.what == arrangement.ONE[PROJECTS]])
    else:
        notes, problem = [], None
    if coming:
        notes.append(_TWO_MACHINES)
    return Applied(
        changes=tuple(shown),
        dry_run=dry_run,
        logins_needed=asleep,
        logins_brought=tuple(one.account for one in coming),
        notes=tuple(notes),
        problem=problem,
    )


def _remove(rt: Runtime, leaving: Iterable[str]) -> tuple[list[str], YtpoolError | None]:
    notes: list[str] = []
    problem: YtpoolError | None = None
    for account in leaving:
        try:
            notes += removal.remove(rt, account).notes
        except YtpoolError as error:  # one account's trouble is not another's
            notes.append(f"{account} is out of service and not removed yet: {error.message}")
            problem = problem or error
    return notes, problem


def _forget_projects(rt: Runtime, leaving: Iterable[str]) -> None:
    """Forget projects and their clients' secrets once no account is theirs any more."""
    for project in leaving:
        with rt.store.transaction() as tx:
            if not any(one.project == project for one in accounts.every(tx)):
                for client in projects.clients_of(tx, project):
                    forget(tx, Kind.CLIENT_SECRET, client)
                projects.remove(tx, project)


def _asleep(tx: Tx, but: Iterable[Login] = ()) -> Iterator[NeedsLogin]:
    awake = {one.account for one in but}
    for one in accounts.every(tx):
        if one.needs_login and one.standing is not Standing.DISABLED and one.account not in awake:
            yield NeedsLogin(account=one.account, client_id=one.client_id)


# What there is


def _there(tx: Tx) -> dict[str, Things]:
    """Return the arrangement as it is, in the form of a wish that asks for just this."""
    limits, caps, labels = projects.decided_limits(tx), arranging.caps(tx), accounts.labels(tx)
    return {
        PROJECTS: {
            one.project: _said(
                project_id=one.project_id,
                number=one.number,
                clients=tuple(projects.clients_of(tx, one.project)),
                limits=limits.get(one.project),
            )
            for one in projects.every(tx)
        },
        ACCOUNTS: {
            one.account: _said(
                project=one.project,
                client_id=one.client_id,
                channel_id=one.channel_id,
                channel_title=one.channel_title,
                tier=str(one.tier),
                priority=one.priority,
                slots=one.slots,
                state=str(one.standing),
                reason=one.standing_reason,
                caps=caps.get(one.account),
                labels=labels.get(one.account),
            )
            for one in sorted(accounts.every(tx), key=lambda one: one.account)
        },
        POOLS: {
            one.pool: {
                "strategy": one.strategy,
                "accounts": tuple(sorted(one.accounts)),
                "across_projects": one.across_projects,
                **_said(reason=one.reason),
            }
            for one in pools.every(tx)
        },
    }


def _said(**fields: Any) -> dict[str, Any]:
    """Leave out what there is nothing to say about."""
    return {name: value for name, value in fields.items() if value not in (None, "", (), {})}


# What is wished


def _bring_about(rt: Runtime, tx: Tx, path: Path, wish: Wish, faults: Sequence[Fault], *, prune: bool) -> list[Change]:
    """Make it so in this transaction, and return the differences there were; or raise everything that is wrong."""
    there = _there(tx)
    wish = _under_present_names(tx, wish)
    changes = list(arrangement.differences(wish, there, prune=prune))
    found = [*faults, *_contradictions(rt, tx, wish, there, changes)]
    if not found:
        _require_no_work(tx, changes)
        _make_so(rt, tx, wish, changes)
        found = list(_forbidden(tx, wish))
    if found:
        found.sort(key=lambda fault: (fault.line or 0, fault.where))
        raise ArrangementInvalid(
            f"{path}: {found[0]}" if len(found) == 1 else f"{len(found)} things are wrong with {path}",
            hint="nothing was changed" if len(found) == 1 else "\n".join([*map(str, found), "nothing was changed"]),
            faults=[{"where": one.where, "line": one.line, "message": one.message} for one in found],
        )
    return changes


def _under_present_names(tx: Tx, wish: Wish) -> Wish:
    """Read names of projects that were merged or renamed since the file was written as what they have become."""
    of_projects = {projects.current(tx, name): fields for name, fields in wish.of(PROJECTS).items()}
    of_accounts = {
        name: {**fields, "project": projects.current(tx, fields["project"])} if "project" in fields else fields
        for name, fields in wish.of(ACCOUNTS).items()
    }
    renamed = {PROJECTS: of_projects, ACCOUNTS: of_accounts}
    return replace(wish, sections={name: renamed.get(name, things) for name, things in wish.sections.items()})


@dataclass(slots=True)
class _Known:
    """Whose numbers, ids and clients there are, here and in the file as far as it was read."""

    number: dict[str, str] = field(default_factory=dict)
    project_id: dict[str, str] = field(default_factory=dict)
    client: dict[str, str] = field(default_factory=dict)


def _contradictions(
    rt: Runtime, tx: Tx, wish: Wish, there: Mapping[str, Things], changes: Sequence[Change]
) -> Iterator[Fault]:
    """Yield everything in a file that cannot be true together with the state, or with the rest of the file."""
    known = _Known()
    for name, fields in there[PROJECTS].items():
        known.number[fields.get("number", "")] = name
        known.project_id[fields.get("project_id", "")] = name
        known.client.update(dict.fromkeys(fields.get("clients", ()), name))
    buckets = {*rt.terms(tx).prices.limits}
    for name, fields in wish.of(PROJECTS).items():
        yield from _of_project(wish, name, fields, there[PROJECTS].get(name), known, buckets)
    going = {change.name for change in changes if change.removes and change.what == arrangement.ONE[ACCOUNTS]}
    for name, fields in wish.of(ACCOUNTS).items():
        yield from _of_account(wish, name, fields, there, known)
    members = {*there[ACCOUNTS], *wish.of(ACCOUNTS)} - going
    for name, fields in wish.of(POOLS).items():
        for account in fields.get("accounts", ()):
            if account not in members:
                why = "is to be removed by the same file" if account in going else "is neither here nor in the file"
                yield wish.fault(f"account {account} {why}", POOLS, name, "accounts")


def _of_project(
    wish: Wish,
    name: str,
    fields: Mapping[str, Any],
    there: Mapping[str, Any] | None,
    known: _Known,
    buckets: set[str],
) -> Iterator[Fault]:
    number, project_id = fields.get("number"), fields.get("project_id")
    if number is not None:
        whose = known.number.setdefault(number, name)
        if whose != name:
            yield wish.fault(f"{number} is the number of project {whose}", PROJECTS, name, "number")
        elif there is not None and there.get("number", number) != number:
            yield wish.fault(f"{name} is another project here, with number {there['number']}", PROJECTS, name, "number")
    elif project_id is not None and (whose := known.project_id.setdefault(project_id, name)) != name:
        yield wish.fault(f"{project_id} is project {whose} here", PROJECTS, name, "project_id")
    for client in fields.get("clients", ()):
        whose = known.client.setdefault(client, name)
        begins = logins.number_of(client)
        if whose != name:
            yield wish.fault(f"client {client} is of project {whose}", PROJECTS, name, "clients")
        elif None not in (begins, number) and begins != number:
            yield wish.fault(f"client {client} is not of the project with number {number}", PROJECTS, name, "clients")
    for bucket in fields.get("limits", {}):
        if bucket not in buckets:
            listed = ", ".join(sorted(buckets))
            yield wish.fault(f"there is no bucket {bucket!r}; there are {listed}", PROJECTS, name, "limits", bucket)


def _of_account(
    wish: Wish, name: str, fields: Mapping[str, Any], there: Mapping[str, Things], known: _Known
) -> Iterator[Fault]:
    standing = there[ACCOUNTS].get(name)
    if standing is not None:
        for key, what in (("project", "of project"), ("client_id", "logged in with"), ("channel_id", "for channel")):
            if key in fields and standing.get(key, fields[key]) != fields[key]:
                message = (
                    f"{name} is {what} {standing[key]} here; only a new login changes that: ytpool auth add {name}"
                )
                yield wish.fault(message, ACCOUNTS, name, key)
        return
    missing = [key for key in ("project", "client_id") if key not in fields]
    if missing:
        unsaid = " and ".join(missing)
        message = f"{name} is not here, and the file does not say its {unsaid}; log it in: ytpool auth add {name}"
        yield wish.fault(message, ACCOUNTS, name)
    project, client = fields.get("project"), fields.get("client_id")
    if project is not None and project not in {*there[PROJECTS], *wish.of(PROJECTS)}:
        yield wish.fault(f"project {project} is neither here nor in the file", ACCOUNTS, name, "project")
    elif project is not None and client is not None and known.client.setdefault(client, project) != project:
        yield wish.fault(f"client {client} is of project {known.client[client]}", ACCOUNTS, name, "client_id")


def _forbidden(tx: Tx, wish: Wish) -> Iterator[Fault]:
    """Yield the pools that would spread over several projects without a reason, now that everything is in its place."""
    for pool in pools.every(tx):
        try:
            pools.require_one_project(tx, pool.pool)
        except PoolForbidden as forbidden:
            hint = f"{forbidden.message}; across_projects = true and a reason allow it"
            yield wish.fault(hint, POOLS, pool.pool)


def _require_no_work(tx: Tx, changes: Sequence[Change]) -> None:
    """Raise Busy, naming all of them, where something that is to go still has work."""
    refused: list[Busy] = []
    for change in changes:
        if not change.removes:
            continue
        if change.what == arrangement.ONE[ACCOUNTS]:
            try:
                removal.require_no_work(tx, change.name)
            except Busy as busy:
                refused.append(busy)
        if change.what == arrangement.ONE[POOLS]:
            waiting = [
                job.job
                for job in jobs.unfinished(tx)
                if (job.target.kind, job.target.name) == (TargetKind.POOL, change.name)
            ]
            if waiting:
                some = f"{', '.join(waiting[:5])}{' …' if len(waiting) > 5 else ''}"
                message = f"pool {change.name} is not removed: it has unfinished jobs: {some}"
                hint = "let them finish: ytpool upload --resume; or end them with `ytpool queue cancel JOB`"
                refused.append(Busy(message, hint=hint, pool=change.name, jobs=waiting))
    if len(refused) == 1:
        raise refused[0]
    if refused:
        raise Busy(
            f"{len(refused)} things that are to go still have work; nothing was changed",
            hint="\n".join(f"{one.message}; {one.hint}" for one in refused),
        )


def _make_so(rt: Runtime, tx: Tx, wish: Wish, changes: Sequence[Change]) -> None:
    things: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        things.setdefault((change.what, change.name), []).append(change)
    for (what, name), some in things.items():
        after = {change.field: change.after for change in some}
        match what:
            case "project" if not some[0].removes:
                _make_project(rt, tx, name, after)
            case "account" if some[0].removes:
                removal.retire(tx, name)
            case "account":
                _make_account(rt, tx, name, after, wish.of(ACCOUNTS).get(name, {}))
            case "pool" if some[0].removes:
                pools.remove(tx, name)
            case "pool":
                _make_pool(rt, tx, name, after)
    jobs.look_again(tx)


def _make_project(rt: Runtime, tx: Tx, name: str, after: Mapping[str, Any]) -> None:
    if "" in after:
        projects.add(tx, name, project_id=after.get("project_id"), number=after.get("number"))
        for client in after.get("clients", ()):
            _keep_client(tx, client, name)
    paying.set_limits(rt, tx, name, _within("limits", after))


def _make_account(rt: Runtime, tx: Tx, name: str, after: Mapping[str, Any], wished: Mapping[str, Any]) -> None:
    if "" in after:
        _keep_client(tx, wished["client_id"], wished["project"])
        channel_id = wished.get("channel_id")
        if channel_id is not None and channel_id not in accounts.channel_titles(tx):
            title = wished.get("channel_title", "")
            accounts.keep_channel(tx, channel_id=channel_id, title=title, uploads_playlist="")
        accounts.add(
            tx,
            account=name,
            project=wished["project"],
            client_id=wished["client_id"],
            channel_id=channel_id,
            tier=Tier.PRODUCTION,
            priority=100,
        )
        accounts.set_state(tx, name, AccountState.LOGIN_NEEDED, _NEVER_LOGGED_IN)
    labels = _within("labels", after)
    arranging.arrange(
        rt,
        tx,
        name,
        arranging.Wish(
            tier=after.get("tier"),
            priority=after.get("priority"),
            slots=after.get("slots"),
            caps=_within("caps", after),
            labels={label: value for label, value in labels.items() if value is not None},
            unlabel=[label for label, value in labels.items() if value is None],
        ),
    )
    if "state" in after or "reason" in after:
        found = accounts.get(tx, name)
        standing = Standing(after.get("state", found.standing))
        reason = after.get("reason", found.standing_reason if "state" not in after else wished.get("reason", ""))
        accounts.stand(tx, name, standing, reason)


def _make_pool(rt: Runtime, tx: Tx, name: str, after: Mapping[str, Any]) -> None:
    if "" in after:
        pools.make(tx, name, after.get("strategy") or rt.config.balancing.strategy)
    if "accounts" in after:
        before, wanted = set(pools.get(tx, name).accounts), set(after["accounts"])
        for account in sorted(wanted - before):
            pools.join(tx, name, account)
        for account in before - wanted:
            pools.leave(tx, name, account)
    pools.arrange(
        tx,
        name,
        strategy=after.get("strategy"),
        across_projects=after.get("across_projects"),
        reason=after.get("reason"),
    )


def _keep_client(tx: Tx, client_id: str, project: str) -> None:
    """Remember an OAuth client; its secret comes with the first login."""
    if client_id not in projects.clients_of(tx, project):
        projects.keep_client(
            tx, client_id=client_id, project=project, auth_uri=logins.AUTH_URI, token_uri=logins.TOKEN_URI
        )


def _within(table: str, after: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{table}."
    return {key.removeprefix(prefix): value for key, value in after.items() if key.startswith(prefix)}


# Files


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST)
    except OSError as error:
        raise FileInvalid(f"{path} cannot be read: {error.strerror}", hint="check the path", path=str(path)) from error
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ArrangementInvalid(f"{path} is no text in UTF-8", hint="save it as UTF-8", path=str(path)) from None
