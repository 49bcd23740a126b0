"""An operator's word is obeyed by whoever has set something aside already, in whichever process."""

import pytest

from ytpool.domain.accounts import Standing
from ytpool.errors import OutOfService
from ytpool.store import accounts, rests
from ytpool.store.rests import Scope

UPLOAD, READ, CHANGE = "videos.insert", "videos.list", "videos.update"


def sends(books, held):
    try:
        books.send(held)
    except OutOfService:
        return False
    return True


@pytest.mark.parametrize(
    ("standing", "goes"),
    [
        (Standing.ACTIVE, {UPLOAD, READ, CHANGE}),
        (Standing.DRAINING, {READ, CHANGE}),
        (Standing.DISABLED, set()),
    ],
)
def test_what_is_held_is_sent_only_if_the_account_may_still_work(books, standing, goes):
    payer = books.account("news")
    held = {operation: books.hold(payer, operation) for operation in (UPLOAD, READ, CHANGE)}

    with books.transaction() as tx:
        accounts.stand(tx, "news", standing, "")

    assert {operation for operation in held if sends(books, held[operation])} == goes
    assert books.differences() == []


@pytest.mark.parametrize(("scope", "name"), [(Scope.EVERYTHING, ""), (Scope.POOL, "main")])
def test_a_pause_stops_what_is_held_to_write_and_lets_reads_go_on(books, scope, name):
    news, other = books.account("news"), books.account("other")
    with books.transaction() as tx:
        tx.run("INSERT INTO pools (pool, strategy, created_at) VALUES ('main', 'fill', :at)", at=tx.at)
        tx.run("INSERT INTO pool_members (pool, account) VALUES ('main', 'news')")
    write, read, elsewhere = books.hold(news, CHANGE), books.hold(news, READ), books.hold(other, CHANGE)

    with books.transaction() as tx:
        rests.rest(tx, scope, name, reason="the cut is wrong", lifts="unpause", until=None)

    assert not sends(books, write)
    assert sends(books, read)
    assert sends(books, elsewhere) == (scope is Scope.POOL)
