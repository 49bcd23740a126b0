"""Looks at what this machine brings: the state, the vault, the clock."""

from collections.abc import Iterator

from ytpool.actions.health.checks import Check, Sight, Status
from ytpool.store import ledger, meta, secrets


def state(sight: Sight) -> Iterator[Check]:
    broken = sight.rt.store.integrity()
    if broken:
        yield Check(
            check="state", status=Status.FAIL, message=broken[0], fix="stop all ytpool processes; restore a backup"
        )
        return
    with sight.rt.store.transaction() as tx:  # it can be written, too
        wrong = ledger.differences(tx, sight.rt.terms(tx).day)
    if wrong:
        yield Check(check="state", status=Status.FAIL, message=wrong[0], fix="run: ytpool state check")
        return
    size = sight.rt.store.path.stat().st_size
    yield Check(check="state", status=Status.PASS, message=f"{sight.rt.store.path} is whole, {size / 1_000_000:.1f} MB")


def vault(sight: Sight) -> Iterator[Check]:
    found = sight.rt.vault.locate()
    yield Check(check="vault", status=Status.PASS, message=f"key {found.key_id} is in the {found.place}: {found.where}")
    with sight.rt.store.reading() as tx:
        coming = meta.get(tx, meta.VAULT_NEXT_KEY)
        left = sum(count for key_id, count in secrets.keys_in_use(tx).items() if key_id != found.key_id)
    if coming is not None:
        message = f"the change to key {coming} is begun, and nothing is sealed with it yet"
        yield Check(check="vault rotation", status=Status.WARN, message=message, fix="run: ytpool vault rotate")
    elif left:
        message = f"{left} secrets are still sealed with the key before"
        yield Check(
            check="vault rotation", status=Status.WARN, message=message, fix="run: ytpool vault rotate --finish"
        )


def clock(sight: Sight) -> Iterator[Check]:
    sight.rt.require_clock()
    yield Check(check="clock", status=Status.PASS, message=f"{sight.rt.calendar.now():%Y-%m-%d %H:%M:%S} UTC")
