"""What a person may ask about by name: a job, an account, a project, one of its buckets.

Names are given by people and ids by us, so one may be both; then it is said how to name the one that is meant.
"""

from collections.abc import Iterator
from enum import StrEnum

from ytpool.actions.why import account, job, project
from ytpool.actions.why.account import AccountExplained
from ytpool.actions.why.job import Explanation
from ytpool.actions.why.project import ProjectExplained
from ytpool.errors import UnknownName, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, jobs, projects
from ytpool.store.db import Tx


class Kind(StrEnum):
    """What a name is the name of; written before it with a colon, it says so."""

    JOB = "job"
    ACCOUNT = "account"
    PROJECT = "project"
    BUCKET = "bucket"


def explain(rt: Runtime, name: str) -> Explanation | AccountExplained | ProjectExplained:
    """Explain what has this name.

    Raises UsageWrong where several things have it, UnknownName where none has.
    """
    with rt.store.reading() as tx:
        kind, found = _resolved(tx, name)
    match kind:
        case Kind.JOB:
            return job.explain(rt, found)
        case Kind.ACCOUNT:
            return account.explain(rt, found)
        case Kind.PROJECT:
            return project.explain(rt, found)
        case Kind.BUCKET:
            of, _, bucket = found.rpartition("/")
            return project.explain(rt, of, bucket)


def _resolved(tx: Tx, name: str) -> tuple[Kind, str]:
    word, colon, rest = name.partition(":")
    if colon and word in {*Kind}:
        return Kind(word), rest
    meant = [*_meanings(tx, name)]
    if len(meant) == 1:
        return meant[0], name
    if meant:
        forms = " or ".join(f"ytpool why {kind}:{name}" for kind in meant)
        raise UsageWrong(f"{name!r} is the name of more than one thing: {', '.join(meant)}", hint=f"type {forms}")
    raise _unknown(tx, name)


def _meanings(tx: Tx, name: str) -> Iterator[Kind]:
    if jobs.is_beginning(tx, name):
        yield Kind.JOB
    if accounts.find(tx, name) is not None:
        yield Kind.ACCOUNT
    known = {one.project for one in projects.every(tx)}
    if name in known:
        yield Kind.PROJECT
    of, slash, _ = name.rpartition("/")
    if slash and of in known:
        yield Kind.BUCKET


def _unknown(tx: Tx, name: str) -> UnknownName:
    from difflib import get_close_matches  # noqa: PLC0415 -- only a mistyped name needs it

    names = [*(one.account for one in accounts.every(tx)), *(one.project for one in projects.every(tx))]
    close = get_close_matches(name, names, n=3)
    lists = "see: ytpool queue list --all, ytpool accounts list, ytpool quota report"
    hint = f"did you mean {' or '.join(close)}?" if close else lists
    return UnknownName(f"there is no job, account, project or bucket {name!r}", hint=hint, what="anything", name=name)
