"""Which caption tracks and files YouTube takes."""

from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.captions import FILE_BYTES, Caption, check_file, parse, problems
from ytpool.errors import FileInvalid

SRT = "1\n00:00:01,000 --> 00:00:02,000\nGrüße\n".encode()
SBV = b"0:00:01.000,0:00:02.000\nHello\n"
VTT = b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"
TTML = b'<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml"><body/></tt>'


def caption(path="talk.srt", language="de", name=""):
    return Caption(path=PurePath(path), language=language, name=name)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("de:talk.srt", caption()),
        ("de:talk.srt:Untertitel", caption(name="Untertitel")),
        ("de:10:30 talk.srt:Name: long", caption("10:30 talk.srt", name="Name: long")),
        (" pt-BR : TALK.SRT ", caption("TALK.SRT", "pt-BR")),
        ("de:talk.txt:Name", caption("talk.txt", name="Name")),
    ],
)
def test_a_caption_is_typed_as_language_path_and_name(typed, expected):
    assert parse(typed) == expected


@pytest.mark.parametrize("typed", ["", "talk.srt", ":talk.srt", "de:", "de::Name"])
def test_half_a_caption_is_refused_with_how_to_write_it(typed):
    with pytest.raises(ValueError, match="write it as de:talk"):
        parse(typed)


@given(st.text())
def test_any_text_is_a_caption_or_refused(typed):
    try:
        found = parse(typed)
    except ValueError:
        return
    assert found.language
    assert found.path.name or str(found.path)


@pytest.mark.parametrize(
    ("captions", "says"),
    [
        ([caption(language="German")], "the caption's language 'German' is no BCP-47 tag"),
        ([caption(name="x" * 151)], "the caption's name has 151 characters, YouTube takes 150"),
        ([caption(name="\udcff")], "is no text in UTF-8"),
        ([caption("talk.txt")], "talk.txt is no caption file that YouTube takes: .srt, .sbv, .vtt, .ttml"),
        ([caption(), caption("other.srt", language="DE")], "there are two captions in DE with no name"),
    ],
)
def test_a_track_that_youtube_would_refuse_is_refused(captions, says):
    (sentence,) = problems(captions)

    assert says in sentence


def test_one_language_may_have_several_tracks_with_names():
    assert problems([caption(), caption(name="for the deaf"), caption(language="en")]) == []


@pytest.mark.parametrize(("suffix", "content"), [("srt", SRT), ("sbv", SBV), ("vtt", VTT), ("TTML", TTML)])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_each_format_is_taken_whole_or_byte_by_byte_with_or_without_a_byte_order_mark(suffix, content, mark):
    content = mark + content

    check_file(PurePath(f"talk.{suffix}"), len(content), [content])
    check_file(PurePath(f"talk.{suffix}"), len(content), [bytes([byte]) for byte in content])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.srt", b"", "a.srt is empty"),
        ("a.txt", SRT, "a.txt is no caption file"),
        ("a.srt", SRT.decode().encode("utf-16"), "a.srt is written in UTF-16; save it as UTF-8"),
        ("a.srt", SRT.decode().encode("latin-1"), "a.srt is not written in UTF-8"),
        ("a.srt", SRT + b"\xc3", "a.srt is not written in UTF-8"),
        ("a.vtt", SRT, "a.vtt is not what .vtt promises: it lacks WEBVTT"),
        ("a.srt", b"\x89PNG"[1:], "a.srt is not what .srt promises"),
    ],
)
def test_a_file_that_youtube_would_refuse_is_refused(name, content, says):
    with pytest.raises(FileInvalid, match=says):
        check_file(PurePath(name), len(content), [content])


def test_a_file_over_100_mb_is_refused_unread():
    with pytest.raises(FileInvalid, match="104,857,601 bytes"):
        check_file(PurePath("a.srt"), FILE_BYTES + 1, iter(lambda: pytest.fail("it was read"), None))


@given(st.sampled_from(["srt", "sbv", "vtt", "ttml"]), st.lists(st.binary()))
def test_any_bytes_are_captions_or_refused(suffix, chunks):
    try:
        check_file(PurePath(f"talk.{suffix}"), sum(map(len, chunks)), chunks)
    except FileInvalid:
        return
    assert b"".join(chunks).decode()
