"""What is told from memory: fresh where it can be, and soon in any case."""

import asyncio
import threading
import time

import pytest

from ytpool.errors import StateBusy
from ytpool.web.memory import Memory


def test_a_look_that_hangs_keeps_nobody_waiting():
    may_go_on = threading.Event()
    memory = Memory("a file", may_go_on.wait, fresh_for=0.0, within=0.2)

    async def many_ask():
        found = await asyncio.gather(*(memory.get() for _ in range(50)), return_exceptions=True)
        again = await asyncio.gather(*(memory.get() for _ in range(50)), return_exceptions=True)
        may_go_on.set()  # had anybody waited for the look, nobody would come here
        return {type(one) for one in (*found, *again)}, await patiently(memory)

    kinds, at_last = asyncio.run(many_ask())

    assert kinds == {StateBusy}
    assert at_last.value is True


async def patiently(memory):
    while True:
        try:
            return await memory.get()
        except StateBusy:
            await asyncio.sleep(0.02)


def test_nobody_is_told_what_was_so_before_the_question_and_one_look_serves_many():
    truth, looks, under_way = ["first"], [], threading.Event()

    def look():
        looks.append(truth[0])
        under_way.set()
        time.sleep(0.05)
        return looks[-1]

    memory = Memory("a file", look, fresh_for=0.0, within=5.0)

    async def ask_while_it_changes():
        early = asyncio.create_task(memory.get())
        await asyncio.to_thread(under_way.wait)
        truth[0] = "second"
        late = await asyncio.gather(*(memory.get() for _ in range(50)))
        return (await early).value, {known.value for known in late}

    assert asyncio.run(ask_while_it_changes()) == ("first", {"second"})
    assert len(looks) <= 3


def test_a_look_that_fails_is_told_until_something_is_known():
    results = iter([StateBusy("not now"), "known", StateBusy("not now")])

    def look():
        found = next(results)
        if isinstance(found, Exception):
            raise found
        return found

    memory = Memory("the books", look, fresh_for=0.0, within=5.0)

    async def ask():
        with pytest.raises(StateBusy, match="not now"):
            await memory.get()
        return await memory.get(), await memory.get()

    first, older = asyncio.run(ask())

    assert (first.value, older.value) == ("known", "known")
    assert older.age >= first.age
