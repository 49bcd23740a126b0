"""A wish is understood whatever is in it, and what there is asks for no change of itself."""

import string

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as some
from real_parts import examples

from ytpool.domain.arrangement import ACCOUNTS, POOLS, PROJECTS, differences, read

texts = some.text(some.characters(exclude_categories=("Cs",)), max_size=40)
names = some.text(some.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=12).filter(
    lambda name: "/" not in name and not name.startswith("-")
)
keys = names.filter(lambda name: "=" not in name)
words = some.text(string.ascii_letters + string.digits + ".-_", min_size=1)
numbers = some.integers(0, 10**9)
lines = some.text(some.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30).filter(
    str.isprintable
)


def said(**fields):
    return some.fixed_dictionaries({}, optional=fields)


arrangements = some.fixed_dictionaries(
    {
        PROJECTS: some.dictionaries(
            names,
            said(number=words, project_id=words, limits=some.dictionaries(words, numbers, min_size=1)),
            max_size=3,
        ),
        ACCOUNTS: some.dictionaries(
            names,
            said(
                project=words,
                client_id=words,
                channel_title=texts,
                tier=some.sampled_from(["production", "reserve"]),
                priority=some.integers(0, 1_000_000),
                slots=some.integers(1, 1000),
                state=some.sampled_from(["active", "draining", "disabled"]),
                reason=texts,
                caps=some.dictionaries(some.sampled_from(["uploads", "comments"]), numbers, min_size=1),
                labels=some.dictionaries(keys, lines, min_size=1, max_size=3),
            ),
            max_size=3,
        ),
        POOLS: some.dictionaries(
            names,
            said(
                strategy=some.sampled_from(["health", "fill"]),
                accounts=some.sets(names, max_size=4).map(sorted).map(tuple),
                across_projects=some.booleans(),
                reason=texts,
            ),
            max_size=3,
        ),
    }
)


@settings(max_examples=examples(60), deadline=None)
@given(arrangements)
def test_what_is_written_is_read_without_a_fault_and_differs_in_nothing(there):
    wish, faults = read(tomli_w.dumps(there))

    assert faults == []
    assert list(differences(wish, there, prune=True)) == []


@settings(max_examples=examples(60), deadline=None)
@given(arrangements, arrangements)
def test_nothing_goes_unless_it_is_asked_for_and_then_all_that_is_not_named(before, after):
    wish, _ = read(tomli_w.dumps(after))

    kept, pruned = (list(differences(wish, before, prune=prune)) for prune in (False, True))

    assert not any(change.after is None for change in kept)
    gone = {(change.what, change.name) for change in pruned if change.removes}
    assert gone == {
        (what, name)
        for section, what in ((PROJECTS, "project"), (ACCOUNTS, "account"), (POOLS, "pool"))
        for name in before[section].keys() - after[section].keys()
    }
