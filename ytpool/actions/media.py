"""The files that go along with a video, checked when they are asked for and again when they are sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import BinaryIO

from ytpool.actions.files import require_file
from ytpool.config.places import expanded
from ytpool.domain import captions, images
from ytpool.domain.images import Thumbnail
from ytpool.domain.publication import Publication
from ytpool.domain.uploads import Media
from ytpool.errors import FileChanged, FileInvalid

_BLOCK = 1024 * 1024
_CAPTION_TYPE = "application/octet-stream"


def located(publication: Publication) -> Publication:
    """Name every file by its whole path: a later run may stand in another folder."""
    return publication.with_paths(_absolute)


def check(publication: Publication) -> None:
    """Look at every file that goes along; raises FileInvalid, with every problem, for what YouTube would not take."""
    found = list(_problems(publication))
    if len(found) > 1:
        problems = [one.message for one in found]
        raise FileInvalid("; ".join(problems), hint="nothing was sent", problems=problems)
    if found:
        raise found[0]


def _problems(publication: Publication) -> Iterator[FileInvalid]:
    if publication.thumbnail is not None:
        try:
            with thumbnail_media(Path(publication.thumbnail)):
                pass
        except FileInvalid as problem:
            yield problem
    for track in publication.captions:
        try:
            with caption_media(Path(track.path)):
                pass
        except FileInvalid as problem:
            yield problem


@contextmanager
def thumbnail_media(path: Path) -> Iterator[tuple[Media, Thumbnail]]:
    """Open an image and say what it is; whatever is wrong with the file while it is sent, names it."""
    with _opened(path, "thumbnail") as (file, size):
        found = images.thumbnail(path.name, size, file.read(images.HEAD))
        yield _media(file, size, found.content_type), found


@contextmanager
def caption_media(path: Path) -> Iterator[Media]:
    """Open a caption track that YouTube can read; whatever is wrong with the file while it is sent, names it."""
    with _opened(path, "caption file") as (file, size):
        captions.check_file(path, size, iter(lambda: file.read(_BLOCK), b""))
        yield _media(file, size, _CAPTION_TYPE)


@contextmanager
def _opened(path: Path, what: str) -> Iterator[tuple[BinaryIO, int]]:
    try:
        found = path.stat()
        require_file(path, found, f"the {what} ")
        with path.open("rb") as file:
            yield file, found.st_size
    except FileChanged as error:
        raise FileChanged(f"the {what} {path} changed while it was sent: {error.message}", path=str(path)) from error
    except FileNotFoundError as error:
        raise FileInvalid(f"there is no {what} {path}", hint="check the path", path=str(path)) from error
    except OSError as error:
        raise FileInvalid(f"the {what} {path} cannot be read: {error.strerror}", path=str(path)) from error


def _absolute(path: PurePath) -> Path:
    return expanded(path).absolute()


def _media(file: BinaryIO, size: int, content_type: str) -> Media:
    def read(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    return Media(read=read, size=size, content_type=content_type)
