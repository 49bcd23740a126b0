"""Pictures for thumbnails: small, of any size, and the same every time."""

import struct
import zlib


def png(width, height, padding=b""):
    """Make a picture of one colour; with padding behind it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(height * (width + 1))))
    return b"\x89PNG\r\n\x1a\n" + head + rows + chunk(b"IEND", b"") + padding


def jpeg(width, height):
    """Make the head of a picture: a comment, and then its size."""
    comment = b"\xff\xfe" + struct.pack(">H", 12) + b"no picture"
    return b"\xff\xd8" + comment + b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
