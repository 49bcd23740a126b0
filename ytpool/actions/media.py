"""The files that go along with a video, checked when they are asked for and again when they are sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ytpool.domain import captions, images
from ytpool.domain.images import Thumbnail
from ytpool.domain.publication import Publication
from ytpool.domain.uploads import Media
from ytpool.errors import FileInvalid

_BLOCK = 1024 * 1024
_CAPTION_TYPE = "application/octet-stream"


def check(publication: Publication) -> None:
    """Look at every file that goes along; raises FileInvalid for the first that YouTube would not take."""
    if publication.thumbnail is not None:
        with thumbnail_media(Path(publication.thumbnail)):
            pass
    for track in publication.captions:
        with caption_media(Path(track.path)):
            pass


@contextmanager
def thumbnail_media(path: Path) -> Iterator[tuple[Media, Thumbnail]]:
    """Open an image and say what it is."""
    with _opened(path) as (file, size):
        found = images.thumbnail(path.name, size, file.read(images.HEAD))
        yield _media(file, size, found.content_type), found


@contextmanager
def caption_media(path: Path) -> Iterator[Media]:
    """Open a caption track that YouTube can read."""
    with _opened(path) as (file, size):
        captions.check_file(path, size, iter(lambda: file.read(_BLOCK), b""))
        yield _media(file, size, _CAPTION_TYPE)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    try:
        if not path.is_file():
            raise FileInvalid(f"there is no file {path}", hint="check the path", path=str(path))
        with path.open("rb") as file:
            yield file, path.stat().st_size
    except OSError as error:
        raise FileInvalid(f"{path} cannot be read: {error.strerror}", path=str(path)) from error


def _media(file: BinaryIO, size: int, content_type: str) -> Media:
    def read(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    return Media(read=read, size=size, content_type=content_type)
