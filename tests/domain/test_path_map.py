"""What a machine calls the folders of the state."""

from pathlib import Path

import pytest

from ytpool.domain.path_map import PathMap
from ytpool.errors import FileInvalid


@pytest.mark.parametrize(
    ("said", "here"),
    [
        ("/mnt/a/talk.mp4", "/srv/a/talk.mp4"),
        ("/mnt/a/new/talk.mp4", "/fast/talk.mp4"),  # the longest that fits
        ("/mnt/ab/talk.mp4", "/mnt/ab/talk.mp4"),  # a folder is not the beginning of another one's name
        ("/mnt/a", "/srv/a"),
        ("/else/talk.mp4", "/else/talk.mp4"),
    ],
)
def test_what_the_state_names_is_found_here_and_what_lies_here_is_named_so(said, here):
    paths = PathMap.from_texts(["/mnt/a=/srv/a/", "/mnt/a/new=/fast"])

    assert paths.here(Path(said)) == Path(here)
    assert paths.there(Path(here)) == Path(said)


def test_two_names_for_one_folder_both_lead_there_and_the_first_is_written():
    paths = PathMap.from_texts(["/mnt/nas=/srv/nas", "/Volumes/nas=/srv/nas"])

    assert {paths.here(Path(name, "a.mp4")) for name in ("/mnt/nas", "/Volumes/nas")} == {Path("/srv/nas/a.mp4")}
    assert paths.there(Path("/srv/nas/a.mp4")) == Path("/mnt/nas/a.mp4")


def test_folders_that_changed_names_are_told_apart_and_what_no_name_leads_to_is_refused():
    swapped = PathMap.from_texts(["/a=/b", "/b=/a"])
    assert swapped.here(swapped.there(Path("/a/x"))) == Path("/a/x")

    hidden = PathMap.from_texts(["/a=/b"])
    with pytest.raises(FileInvalid, match="what has this name there is /b/x here"):
        hidden.there(Path("/a/x"))


def test_the_root_and_folders_with_an_equals_sign_can_be_mapped():
    paths = PathMap.from_texts(["/=/backup", "/data/day=7=/days/7"])

    assert paths.here(Path("/home/x")) == Path("/backup/home/x")
    assert paths.there(Path("/days/7/x")) == Path("/data/day=7/x")


def test_what_is_typed_goes_before_what_is_set():
    typed = PathMap.from_texts(["/mnt/a=/tmp/a"])

    both = PathMap.from_texts(["/mnt/a=/srv/a", "/mnt/b=/srv/b"]).overruled_by(typed)

    assert (both.here(Path("/mnt/a/x")), both.here(Path("/mnt/b/x"))) == (Path("/tmp/a/x"), Path("/srv/b/x"))


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["/mnt/a"], "must be FROM=TO"),
        (["/mnt/a=srv/a"], "must be FROM=TO"),
        (["mnt/a=/srv/a"], "must be FROM=TO"),
        (["=/srv/a"], "must be FROM=TO"),
        ([""], "must be FROM=TO"),
        (["/a=/b=/c"], "must be FROM=TO"),
        (["/mnt/../a=/srv/a"], "without . and .. in them"),
        (["/mnt/a=/srv/a", "/mnt/a/=/srv/b"], "leads /mnt/a to two places, /srv/a and /srv/b"),
    ],
)
def test_a_map_that_cannot_be_meant_is_refused_in_words(texts, words):
    with pytest.raises(ValueError, match=words):
        PathMap.from_texts(texts)
