"""Batches as people write them: what they mean, and that everything wrong is said at once with its place."""

import json
from datetime import UTC, date, datetime
from pathlib import PurePath
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.captions import Caption
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.manifest.batch import Defaults, Problem
from ytpool.domain.manifest.columns import COLUMNS
from ytpool.domain.manifest.listed import read_csv, read_jsonl, read_manifest
from ytpool.domain.manifest.sidecars import Sidecar, pair, read_sidecars
from ytpool.domain.publication import PlaylistWish, Publication
from ytpool.domain.video import Licence, Localization, Privacy, VideoRequest

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NEWS = Target(kind=TargetKind.ACCOUNT, name="news")
LIKED = PlaylistWish(playlist_id="LL")
DEFAULTS = Defaults(target=NEWS, zone=ZoneInfo("Europe/Berlin"))
CSV = PurePath("/batch/videos.csv")
JSONL = PurePath("/batch/videos.jsonl")


def csv(text, defaults=DEFAULTS):
    return read_csv(CSV, text if isinstance(text, bytes) else text.encode(), defaults, NOW)


def jsonl(*rows, defaults=DEFAULTS):
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    return read_jsonl(JSONL, "\n".join(lines).encode(), defaults, NOW)


def toml(text, defaults=DEFAULTS):
    one = Sidecar(
        video=PurePath("/batch/talk.mp4"),
        path=PurePath("/batch/talk.toml"),
        content=text.encode("utf-8", "surrogatepass"),
    )
    return read_sidecars([one], defaults, NOW)


def places(batch):
    return [(problem.line, problem.column) for problem in batch.problems]


def said(batch):
    (problem,) = batch.problems
    return problem.message


EVERYTHING = Publication(
    video=VideoRequest(
        title="The talk",
        description="Line one,\nline two",
        tags=("news", "noon"),
        category="25",
        publish_at=datetime(2026, 12, 24, 17, tzinfo=UTC),
        notify=True,
        made_for_kids=True,
        synthetic=False,
        licence=Licence.CREATIVE_COMMON,
        embeddable=True,
        public_stats=False,
        language="en",
        recorded_on=date(2026, 11, 19),
    ),
    thumbnail=PurePath("/batch/pictures/talk.png"),
    captions=(
        Caption(path=PurePath("/batch/talk.de.srt"), language="de", name="Untertitel"),
        Caption(path=PurePath("/elsewhere/talk.vtt"), language="en"),
    ),
    playlists=(PlaylistWish(title="Talks"), PlaylistWish(title="New", create=True)),
)


def test_a_table_says_everything_about_a_publication():
    batch = csv(
        "file,title,description,tags,category,privacy,publish_at,pool,key,thumbnail,captions,playlists,language,"
        "made_for_kids,synthetic,licence,embeddable,public_stats,recorded_on,notify\r\n"
        'talk.mp4,The talk,"Line one,\nline two","news, noon",25,private,2026-12-24T18:00,main,second,'
        "pictures/talk.png,de:talk.de.srt:Untertitel; en:/elsewhere/talk.vtt,Talks; +New,en,yes,no,creativecommon,"
        "TRUE,off,2026-11-19,1\r\n"
    )

    assert batch.problems == ()
    (entry,) = batch.entries
    assert entry.publication == EVERYTHING
    assert (entry.file, entry.key, entry.line) == (PurePath("/batch/talk.mp4"), "second", 2)
    assert entry.target == Target(kind=TargetKind.POOL, name="main")


def test_an_object_says_the_same_in_json_s_own_kinds():
    batch = jsonl(
        {
            "file": "talk.mp4",
            "title": "The talk",
            "description": "Line one,\nline two",
            "tags": ["news", "noon"],
            "category": 25,
            "publish-at": "2026-12-24T18:00 Europe/Berlin",
            "thumbnail": "pictures/talk.png",
            "captions": [
                {"language": "de", "path": "talk.de.srt", "name": "Untertitel"},
                "en:/elsewhere/talk.vtt",
            ],
            "playlists": ["Talks", "+New"],
            "language": "en",
            "made_for_kids": True,
            "synthetic": False,
            "licence": "creativeCommon",
            "embeddable": True,
            "public_stats": False,
            "recorded_on": "2026-11-19",
            "notify": True,
            "key": None,
        }
    )

    assert batch.problems == ()
    assert batch.entries[0].publication == EVERYTHING
    assert batch.entries[0].target == NEWS


def test_a_sidecar_says_the_same_in_toml_s_own_kinds_and_localizations_too():
    batch = toml(
        'title = "The talk"\ndescription = """\nLine one,\nline two"""\ntags = ["news", "noon"]\ncategory = 25\n'
        'publish_at = 2026-12-24T18:00:00\nthumbnail = "pictures/talk.png"\n'
        'captions = ["de:talk.de.srt:Untertitel", { language = "en", path = "/elsewhere/talk.vtt" }]\n'
        'playlists = ["Talks", "+New"]\nlanguage = "en"\nmade_for_kids = true\nsynthetic = false\n'
        'licence = "creativeCommon"\nembeddable = true\npublic_stats = false\nrecorded_on = 2026-11-19\n'
        '[localizations.de]\ntitle = "Der Vortrag"\n'
    )

    assert batch.problems == ()
    (entry,) = batch.entries
    request = entry.publication.video
    assert request.localizations == (Localization(language="de", title="Der Vortrag"),)
    assert entry.publication.captions == EVERYTHING.captions
    assert (request.publish_at, request.recorded_on) == (EVERYTHING.video.publish_at, EVERYTHING.video.recorded_on)
    assert (entry.file, entry.target) == (PurePath("/batch/talk.mp4"), NEWS)


def test_what_a_row_does_not_say_the_defaults_say():
    defaults = Defaults(
        target=NEWS,
        key="autumn",
        playlists=(PlaylistWish(title="All"),),
        video=VideoRequest(title="", category="25", privacy=Privacy.UNLISTED, tags=("news",)),
    )

    first, second = csv("file,privacy,playlists\nThe talk.mp4,,\nb.mp4,public,Talks\n", defaults).entries

    assert first.publication == Publication(
        video=VideoRequest(title="The talk", category="25", privacy=Privacy.UNLISTED, tags=("news",), notify=False),
        playlists=(PlaylistWish(title="All"),),
    )
    assert first.key == "autumn"
    assert second.publication.video.privacy is Privacy.PUBLIC
    assert second.publication.playlists == (PlaylistWish(title="Talks"),)


@pytest.mark.parametrize(
    ("text", "asked", "notified"),
    [
        ("file\na.mp4\n", None, [True]),
        ("file\na.mp4\nb.mp4\n", None, [False, False]),
        ("file\na.mp4\nb.mp4\n", True, [True, True]),
        ("file,notify\na.mp4,yes\nb.mp4,\n", None, [True, False]),
        ("file,notify\na.mp4,no\nb.mp4,\n", True, [False, True]),
    ],
)
def test_a_batch_notifies_nobody_unless_it_says_so(text, asked, notified):
    batch = csv(text, Defaults(target=NEWS, notify=asked))

    assert [entry.publication.video.notify for entry in batch.entries] == notified


def test_byte_order_mark_line_ends_quoted_lines_and_empty_rows_change_nothing():
    batch = csv('\ufeffFile,Title\r\n\r\na.mp4,"One\r\nand ""two"""\r\n,\r\nb.mp4,Three'.encode())

    assert batch.problems == ()
    assert [(entry.line, entry.publication.video.title) for entry in batch.entries] == [
        (3, 'One\r\nand "two"'),
        (6, "Three"),
    ]


def test_everything_wrong_is_said_at_once_with_line_and_column():
    batch = csv(
        "file,titel,privacy,publish_at,made_for_kids,recorded_on,captions,account,pool\n"
        "a.mp4,x,publik,2026-12-24 18:00 Europe/Belrin,perhaps,19.11.2026,de,,\n"
        ",x,,,,,,news,main\n"
        "a.mp4,x\n"
        "b.mp4,x,,2020-01-01,,,German:b.srt,,\n"
    )

    assert [str(problem).removeprefix("/batch/videos.csv:").partition(";")[0] for problem in batch.problems] == [
        "1: 'titel' is no column",
        "2: privacy: 'publik' is none of public, unlisted, private",
        "2: publish_at: there is no time zone Europe/Belrin",
        "2: made_for_kids: 'perhaps' is neither yes nor no",
        "2: recorded_on: '19.11.2026' is no date",
        "2: captions: 'de' is no caption",
        "3: file: there is no file",
        "3: account: it names the account news and the pool main",
        "4: this row has 2 cells, and there are 9 columns",
        "5: publish_at: the moment of publication, 2019-12-31T23:00:00Z, is over (it is 2026-11-20T12:00:00Z)",
        "5: captions: the caption's language 'German' is no BCP-47 tag such as en or pt-BR",
    ]
    messages = " ".join(problem.message for problem in batch.problems)
    assert "did you mean title?" in messages
    assert "did you mean public?" in messages
    assert "did you mean Europe/Berlin?" in messages


def test_a_row_with_faults_still_says_which_files_and_names_it_means():
    batch = csv("file,thumbnail,captions,privacy,account,pool\na.mp4,a.png,de:a.srt,publik,news,main\n")

    (entry,) = batch.entries
    assert places(batch) == [(2, "privacy"), (2, "account")]
    assert (entry.file, entry.publication.thumbnail) == (PurePath("/batch/a.mp4"), PurePath("/batch/a.png"))
    assert [one.path for one in entry.publication.captions] == [PurePath("/batch/a.srt")]
    assert [target.name for target in entry.named] == ["news", "main"]


def test_what_a_flag_says_wrongly_for_all_is_told_once_and_as_the_flag_s():
    defaults = Defaults(
        target=NEWS, video=VideoRequest(title="", tags=("a,b",), privacy=Privacy.PUBLIC), playlists=(LIKED,)
    )

    batch = csv('file,publish_at,tags\na.mp4,,\nb.mp4,2027-01-01,"ok"\nc.mp4,,\n', defaults)

    assert [str(problem).split(",")[0] for problem in batch.problems] == [
        "--tags: the tag 'a",
        "--playlist: LL is a list that YouTube keeps itself",
        "/batch/videos.csv:3: privacy: a video with a moment of publication is private until then",
    ]


def test_a_repeated_row_is_refused_unless_target_or_key_differ():
    batch = csv("file,account,key\na.mp4,,\n./a.mp4,news,\na.mp4,sports,\na.mp4,,again\n")

    assert places(batch) == [(3, "file")]
    assert "is there already, in line 2" in said(batch)


def test_a_repeated_row_is_told_whatever_else_is_wrong_with_either():
    batch = csv("file,title\na.mp4,<\na.mp4,>\n")

    assert places(batch) == [(2, "title"), (3, "title"), (3, "file")]


def test_a_table_without_its_files_is_checked_all_the_same():
    batch = csv("title,privacy\n<,\nFine,publik\n")

    assert places(batch) == [(1, None), (2, "title"), (3, "privacy")]


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        ("", None, "it is empty"),
        ("file\n", None, "it names no videos"),
        ("filename,title\na.mp4,x\n", 1, "'filename' is no column; did you mean file?"),
        ("file;title\na.mp4;x\n", 1, "its columns are separated by semicolons; save it with commas"),
        ("file,File\na.mp4,b.mp4\n", 1, "the column 'file' is there 2 times"),
        ('file\n"a.mp4\nb.mp4\n', 2, "the row that begins here cannot be read"),
        ("file\na\0b.mp4\n", 2, "there is a zero byte in it"),
        ("file\ncaf\xe9.mp4\n".encode("latin-1"), 2, "byte 0xe9 is no UTF-8"),
        ("file\na.mp4\n".encode("utf-16"), None, "it is written in UTF-16"),
        ("file\n" + "x" * 200_000 + "\n", 2, "field larger than field limit"),
    ],
)
def test_a_table_that_is_none_is_refused_where_it_goes_wrong(content, line, says):
    first = csv(content).problems[0]

    assert first.line == line
    assert says in first.message


def test_a_row_without_a_target_says_how_to_give_one():
    assert "--account or --pool" in said(csv("file\na.mp4\n", Defaults()))


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        ('{"file": "a.mp4", "file": "b.mp4"}', None, "'file' is named twice"),
        ('{"file": "a.mp4", "publish_at": null, "publish-at": null}', None, "'publish_at' is named twice"),
        ('{"file": "a.mp4"', None, "this is no JSON"),
        ('{"file": NaN}', None, "NaN is no number of JSON"),
        ('{"file": ' + "9" * 5000 + "}", None, "this is no JSON that we read"),
        ("[" * 100_000, None, "this is no JSON that we read"),
        ('["a.mp4"]', None, "a line is an object"),
        ('{"title": "x"}', "file", "there is no file"),
        ('{"file": ""}', "file", "'' is no path"),
        ('{"file": "a\\u0000.mp4"}', "file", "it has a zero byte in it"),
        ('{"file": "a\\ud800.mp4"}', "file", "it has half a sign in it"),
        ('{"file": "a.mp4", "account": "\\ud800"}', "account", "is no text in UTF-8"),
        ('{"file": "a.mp4", "key": "\\ud800"}', "key", "is no text in UTF-8"),
        ('{"file": "a.mp4", "title": 7.5}', "title", "7.5 is no text"),
        ('{"file": "a.mp4", "title": ""}', "title", "the title is empty"),
        ('{"file": "a.mp4", "tags": {"a": 1}}', "tags", "an object is no list of tags"),
        ('{"file": "a.mp4", "made_for_kids": 1}', "made_for_kids", "1 is neither yes nor no"),
        ('{"file": "a.mp4", "captions": [{"path": "a.srt"}]}', "captions", "a caption has a language, a path"),
        ('{"file": "a.mp4", "playlists": [["x"]]}', "playlists", "a list is no text"),
        ('{"file": "a.mp4", "localizations": {"de": {"titel": "x"}}}', "localizations", "'de' wants a title"),
        ('{"file": "a.mp4", "localizations": {"de": {"title": "x"}}}', "localizations", "the language of the title"),
    ],
)
def test_an_object_that_is_none_is_refused_where_it_goes_wrong(row, column, says):
    batch = jsonl("", row)

    assert places(batch) == [(2, column)]
    assert says in said(batch)


def test_a_sign_that_some_take_for_a_line_end_stays_in_its_text():
    batch = jsonl('{"file": "a.mp4", "title": "one\u2028two"}')

    assert batch.entries[0].publication.video.title == "one\u2028two"


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ('title = "x"\ntitle = "y"\n', 2, None, "this is no TOML: Cannot overwrite a value"),
        ("title = \n", 1, None, "this is no TOML: Invalid value"),
        ('\n"titel" = "x"\n', 2, None, "did you mean title?"),
        ('title = "x"\nfile = "b.mp4"\n', 2, "file", "the file is talk.mp4, because this stands beside it"),
        ('title = "x"\n\nprivacy = "publik"\n', 3, "privacy", "did you mean public?"),
        ("recorded_on = 12:00:00\n", 1, "recorded_on", "12:00:00 is no date"),
        ("publish_at = 12:00:00\n", 1, "publish_at", "12:00:00 is no date and time"),
        ("publish_at = 0001-01-01T00:00:00+14:00\n", 1, "publish_at", "lies outside of all calendars"),
        ("title = 0x" + "f" * 5000 + "\n", 1, None, "more than 64 bits"),
        ('[localizations.de]\ntitle = ""\n', 1, "localizations", "the language of the title itself"),
        ("a = " + "[" * 100_000, None, None, "this is no TOML"),
    ],
)
def test_a_sidecar_that_is_none_is_refused_where_it_goes_wrong(text, line, column, says):
    first = toml(text).problems[0]

    assert (first.line, first.column) == (line, column)
    assert says in first.message
    assert first.source == "/batch/talk.toml"


def test_a_video_without_a_sidecar_is_taken_with_the_defaults():
    batch = read_sidecars([Sidecar(video=PurePath("a/one.mp4")), Sidecar(video=PurePath("two.mp4"))], DEFAULTS, NOW)

    assert [(entry.file, entry.publication.video.title) for entry in batch.entries] == [
        (PurePath("a/one.mp4"), "one"),
        (PurePath("two.mp4"), "two"),
    ]
    assert not batch.entries[0].publication.video.notify


def test_a_folder_s_videos_are_found_with_their_sidecars_and_the_rest_is_left_alone():
    sidecars, problems = pair(
        PurePath("/in"), ["b.MOV", "a.mp4", "a.toml", "a.png", ".hidden.mp4", "notes.txt", "a.de.srt"]
    )

    assert problems == ()
    assert sidecars == (
        Sidecar(video=PurePath("/in/a.mp4"), path=PurePath("/in/a.toml")),
        Sidecar(video=PurePath("/in/b.MOV")),
    )


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["talk.mp4", "tlak.toml"], "/in/tlak.toml: there is no video of this name; did you mean talk?"),
        (["talk.mp4", "talk.mov", "talk.toml"], "/in/talk.toml: it stands beside talk.mov and talk.mp4"),
    ],
)
def test_a_folder_that_leaves_a_question_open_is_refused(names, says):
    (problem,) = pair(PurePath("/in"), names)[1]

    assert str(problem).startswith(says)


@pytest.mark.parametrize(("name", "entries"), [("a.CSV", 1), ("a.jsonl", 0), ("a.ndjson", 0), ("a.xlsx", 0), ("a", 0)])
def test_a_manifest_is_read_by_its_suffix(name, entries):
    batch = read_manifest(PurePath(name), b"file\na.mp4\n", DEFAULTS, NOW)

    assert len(batch.entries) == entries
    assert bool(batch.problems) == (entries == 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["path", "language", "name", "de"]) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
cells = st.sampled_from(["", "a.mp4", "yes", "2026-12-24", "de:a.srt", "x", '"', "\n", ";", ":", "+", "public"])


@given(st.binary())
def test_any_bytes_are_a_batch_or_its_problems(content):
    for batch in (
        read_csv(CSV, content, DEFAULTS, NOW),
        read_jsonl(JSONL, content, DEFAULTS, NOW),
        read_sidecars([Sidecar(video=PurePath("a.mp4"), path=PurePath("a.toml"), content=content)], DEFAULTS, NOW),
    ):
        assert batch.entries or batch.problems
        assert all(isinstance(problem, Problem) and problem.message for problem in batch.problems)


@given(
    st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=6),
    st.lists(st.lists(cells, max_size=6), max_size=4),
)
def test_any_table_is_a_batch_or_its_problems(header, rows):
    text = "\n".join([",".join(header), *(",".join(row) for row in rows)])

    batch = csv(text)

    assert batch.entries or batch.problems
    assert all(problem.line is None or 1 <= problem.line <= text.count("\n") + 1 for problem in batch.problems)


@given(st.dictionaries(st.sampled_from(sorted(COLUMNS)), json_values, max_size=5))
def test_any_object_is_a_batch_or_its_problems_and_can_be_stored(row):
    batch = jsonl({"file": "a.mp4"} | row)

    assert batch.entries or batch.problems
    for entry in batch.entries if not batch.problems else ():
        stored = json.loads(json.dumps(entry.publication.to_dict()))
        assert Publication.from_dict(stored) == entry.publication
        assert f"{entry.key}{entry.target}".encode()


@given(st.lists(st.text(max_size=12), unique=True))
def test_each_of_any_names_is_a_video_a_problem_or_left_alone(names):
    sidecars, problems = pair(PurePath("/in"), names)

    assert len(sidecars) + len(problems) <= len(names)
