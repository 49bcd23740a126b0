"""Which images YouTube takes as thumbnails, told from their first bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.images import FILE_BYTES, HEAD, JPEG, PNG, thumbnail
from ytpool.errors import FileInvalid


def png(width, height):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x02\0\0\0"


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(width, height, *before, frame=0xC0):
    exif = segment(0xE1, b"Exif\0\0" + b"\xff\xc0" * 20)  # a picture in the picture must not be measured
    return b"\xff\xd8" + exif + b"".join(before) + segment(frame, struct.pack(">BHHB", 8, height, width, 3))


def read(content, size=None):
    return thumbnail("a.png", len(content) if size is None else size, content)


sides = st.integers(640, 65535)


@given(sides, st.integers(1, 65535), st.sampled_from([0xC0, 0xC1, 0xC2, 0xC9, 0xCF]))
def test_width_and_height_are_read_from_either_format(width, height, frame):
    found_png, found_jpeg = read(png(width, height)), read(jpeg(width, height, frame=frame))

    assert (found_png.content_type, found_png.width, found_png.height) == (PNG, width, height)
    assert (found_jpeg.content_type, found_jpeg.width, found_jpeg.height) == (JPEG, width, height)
    assert found_png.upright == found_jpeg.upright == (height > width)


def test_tables_filling_and_standalone_markers_before_the_frame_are_stepped_over():
    before = segment(0xC4, b"\xff\xc0" * 40) + b"\xff\xff\xff\xd0" + b"\xff\x01"

    assert read(jpeg(1280, 720, before)).width == 1280


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"GIF89a" + bytes(20), "is a GIF, YouTube takes JPEG and PNG; save it as one of them"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "is a WebP"),
        (b"\0\0\0\x20ftypheic", "is a HEIC"),
        (b"<svg></svg>", "is an SVG"),
        (b"hello", "is no image we know"),
        (png(639, 400), "is 639 pixels wide, YouTube wants at least 640"),
        (png(0, 400), "is damaged: it says that it is 0 x 400 pixels"),
        (png(1280, 720)[:20], "is damaged: it ends before its width and height"),
        (png(1280, 720).replace(b"IHDR", b"CgBI"), "is damaged: it does not begin with its header"),
        (jpeg(1280, 0), "is damaged: it says that it is 1280 x 0"),
        (jpeg(1280, 720)[:-7], "is damaged: it ends before"),
        (b"\xff\xd8" + segment(0xDA, b"x") + segment(0xC0, bytes(8)), "is damaged: the picture begins before"),
        (b"\xff\xd8\xff\xe0\0\0", "is damaged: the segment at byte 4 has no length"),
        (b"\xff\xd8" + segment(0xE0, b"JFIF") + b"junk", "is damaged: there is no segment at byte 10"),
    ],
)
def test_what_youtube_would_refuse_is_refused_with_the_reason(content, says):
    with pytest.raises(FileInvalid) as refused:
        read(content)

    assert refused.value.message.startswith(f"the thumbnail a.png {says}")


def test_size_and_width_are_refused_together():
    with pytest.raises(FileInvalid) as refused:
        read(png(600, 400), FILE_BYTES + 1)

    assert len(refused.value.details["problems"]) == 2
    assert read(png(1280, 720), FILE_BYTES).width == 1280


@pytest.mark.parametrize(
    ("width", "height", "says"),
    [(1280, 720, ""), (1366, 768, ""), (720, 1280, "9:16"), (1000, 1000, "1000 x 1000"), (1280, 800, "cut it")],
)
def test_another_shape_is_advised_against_and_not_refused(width, height, says):
    advice = read(png(width, height)).advice

    assert (advice == ()) == (says == "")
    assert says in " ".join(advice)


def test_a_header_beyond_what_was_read_is_said_and_not_refused():
    whole = jpeg(1280, 720, *(segment(0xE2, bytes(65000)) for _ in range(20)))

    found = read(whole[:HEAD], len(whole))

    assert (found.content_type, found.width) == (JPEG, None)
    assert "was not checked" in found.advice[0]
    assert not found.upright


@given(
    st.binary(max_size=80)
    | st.binary(max_size=80).map(lambda rest: b"\xff\xd8\xff" + rest)
    | st.binary(max_size=80).map(lambda rest: b"\x89PNG\r\n\x1a\n" + rest),
    st.integers(0, 200),
)
def test_any_bytes_are_a_thumbnail_or_refused(head, more):
    try:
        found = read(head, len(head) + more)
    except FileInvalid:
        return
    assert found.width is None or found.width >= 640
