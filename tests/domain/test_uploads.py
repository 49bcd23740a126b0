"""How a file is cut, and when it counts as changed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.uploads import CHUNK_STEP, PIECE, FileMarks, chunk_size, fingerprint, pieces, why_changed
from ytpool.errors import ConfigInvalid

MARKS = FileMarks(size=1000, modified_ns=5, fingerprint="1000-aa")


@given(st.integers(8, 64))
def test_a_chunk_is_a_multiple_of_what_the_server_keeps(mib):
    assert chunk_size(mib) == mib * 1024 * 1024
    assert chunk_size(mib) % CHUNK_STEP == 0


@pytest.mark.parametrize("mib", [-1, 0, 7, 65])
def test_a_chunk_outside_of_8_to_64_mib_is_refused(mib):
    with pytest.raises(ConfigInvalid, match=f"{mib} MiB"):
        chunk_size(mib)


@given(st.integers(0, 3 * PIECE) | st.integers(0, 2**38))
def test_the_pieces_lie_in_the_file_and_cover_all_of_a_short_one(size):
    first, middle, last = pieces(size)

    assert first[0] == 0
    assert sum(last) == size
    for offset, length in (first, middle, last):
        assert 0 <= offset <= offset + length <= size
        assert length == min(PIECE, size)
    if size <= 3 * PIECE:
        assert middle[0] <= sum(first)
        assert last[0] <= sum(middle)


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_changed_byte_changes_the_fingerprint_of_a_short_file(content, draw):
    place = draw.draw(st.integers(0, len(content) - 1))
    changed = bytes(byte ^ (index == place) for index, byte in enumerate(content))

    assert _fingerprint(content) == _fingerprint(bytes(content))
    assert _fingerprint(content) != _fingerprint(changed)
    assert _fingerprint(content) != _fingerprint(content + b"x")


def test_each_piece_and_the_size_count_for_the_fingerprint():
    marks = {
        fingerprint(9, b"a", b"b", b"c"),
        fingerprint(8, b"a", b"b", b"c"),
        fingerprint(9, b"x", b"b", b"c"),
        fingerprint(9, b"a", b"x", b"c"),
        fingerprint(9, b"a", b"b", b"x"),
    }

    assert len(marks) == 5


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"size": 1001}, "it had 1,000 bytes when its upload began, and has 1,001 now"),
        ({"fingerprint": "1000-bb"}, "other content"),
        ({"fingerprint": "1000-bb", "modified_ns": 6}, "other content"),
        ({"modified_ns": 6}, "written to"),
    ],
)
def test_a_changed_file_is_noticed_and_the_change_named(facts, says):
    assert says in why_changed(MARKS, replace(MARKS, **facts))


def test_the_same_file_is_the_same():
    assert why_changed(MARKS, MARKS) is None


def test_the_whole_hash_decides_where_both_are_known():
    hashed = replace(MARKS, sha256="aa")

    assert why_changed(hashed, replace(hashed, modified_ns=6)) is None
    assert "other content" in why_changed(hashed, replace(hashed, sha256="bb"))
    assert why_changed(hashed, MARKS) is None
    assert "written to" in why_changed(hashed, replace(MARKS, modified_ns=6))


def _fingerprint(content):
    return fingerprint(len(content), *(content[offset : offset + length] for offset, length in pieces(len(content))))
