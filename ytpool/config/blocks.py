"""The blocks of a day in which uploads are planned: `[[plan.blocks]]`."""

import re

from ytpool.config.given import Given, suggestion
from ytpool.config.settings import Block


def read(key: str, given: Given) -> tuple[Block, ...]:
    """Return the blocks that were written, in the order of the day; raises ConfigInvalid where two overlap."""
    if not isinstance(given.value, list) or not all(isinstance(entry.value, dict) for entry in given.value):
        given.refuse(key, f"{key} is a list of tables in the file: write [[{key}]], and {', '.join(_BLOCK_KEYS)} below")
    blocks: list[Block] = []
    for entry in given.value:
        block = _block(key, entry)
        for other in blocks:
            if other.name == block.name:
                entry.refuse(key, f"there are two blocks called {block.name}")
            if other.begins < block.ends and block.begins < other.ends:
                entry.refuse(key, f"the blocks {other.name} and {block.name} overlap")
        blocks.append(block)
    return tuple(sorted(blocks, key=lambda block: block.begins))


def _block(key: str, entry: Given) -> Block:
    for name, inner in entry.value.items():
        if name not in _BLOCK_KEYS:
            inner.refuse(
                f"{key}.{name}", f"a block has no {name}{suggestion(name, _BLOCK_KEYS)}; it has {_BLOCK_WORDS}"
            )
    for name in _BLOCK_KEYS:
        if name not in entry.value:
            entry.refuse(f"{key}.{name}", f"a block needs {_BLOCK_WORDS}, and this one has no {name}")
    values = {name: entry.value[name].value for name in _BLOCK_KEYS}
    if not isinstance(values["name"], str) or not values["name"].strip() or not values["name"].isprintable():
        entry.value["name"].refuse(f"{key}.name", f"a block's name is text in quotes, not {values['name']!r}")
    for name in ("from", "to"):
        if not isinstance(values[name], str) or not re.fullmatch(_CLOCK, values[name]):
            sentence = f"{name} must be an hour in quotes like 06:00, or 24:00, not {values[name]!r}"
            entry.value[name].refuse(f"{key}.{name}", sentence)
    videos = values["videos"]
    if type(videos) is not int or not 1 <= videos <= _MOST_VIDEOS:
        sentence = f"videos must be a whole number between 1 and {_MOST_VIDEOS}, not {videos!r}"
        entry.value["videos"].refuse(f"{key}.videos", sentence)
    block = Block(values["name"], _minutes(values["from"]), _minutes(values["to"]), videos)
    if block.begins >= block.ends:
        sentence = (
            f"{block.name} must end after it begins; one that goes over midnight is two, until 24:00 and from 00:00"
        )
        entry.value["to"].refuse(f"{key}.to", sentence)
    return block


def _minutes(hour: str) -> int:
    hours, _, minutes = hour.partition(":")
    return 60 * int(hours) + int(minutes)


_CLOCK = r"([01]\d|2[0-3]):[0-5]\d|24:00"
_BLOCK_KEYS = ("name", "from", "to", "videos")
_BLOCK_WORDS = "name, from, to and videos"
_MOST_VIDEOS = 10_000
