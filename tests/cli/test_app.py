"""The edge: what a command returns or raises becomes output and an exit status, in one place."""

import json
import re
from io import StringIO

import pytest

from ytpool.cli import app, exits, output
from ytpool.cli.app import COMMANDS, SECTIONS, Line
from ytpool.cli.commands import built
from ytpool.cli.invocation import Invocation


@pytest.fixture(autouse=True)
def scratch(monkeypatch):
    monkeypatch.setitem(COMMANDS, "scratch", Line("scratch", "app", "End in one way or another."))
    monkeypatch.setitem(COMMANDS, "alone", Line("scratch", "alone", "Stand directly under ytpool."))


@pytest.mark.parametrize(
    ("several", "one"), [((), 0), ((0, 0), 0), ((0, 7, 5), 7), ((5, 5), 5), ((0, 5), 3), ((4, 5), 3)]
)
def test_several_items_have_one_status(several, one):
    assert exits.common(several) == one


def test_the_list_says_of_each_command_what_its_own_help_says():
    for name, line in COMMANDS.items():
        about = built(getattr(__import__(line.module, fromlist=["_"]), line.attribute)).help
        assert about.splitlines()[0] == line.about, name


def test_the_list_has_a_heading_for_every_command_and_each_once(ytpool):
    listed = [name for names in SECTIONS.values() for name in names]
    _, out, _ = ytpool("--help")
    under = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ")}

    assert len(listed) == len(set(listed))
    assert COMMANDS.keys() - {"scratch", "alone"} == set(listed), "give these a heading in SECTIONS"
    assert under.keys() >= set(listed)
    assert "\nCommands\n  scratch" in out  # what has no heading is listed all the same
    assert [heading for heading in SECTIONS if f"\n{heading}\n" not in out] == []
    assert out.index("\nOptions\n") > out.index("  state")
    assert "\nExample\n  ytpool demo\n" in out


def test_a_result_is_one_line_of_json_in_one_envelope(ytpool):
    status, out, err = ytpool("scratch", "table", "--json")

    assert (status, err, out.count("\n")) == (0, "", 1)
    told = json.loads(out)
    assert (told["ok"], told["schema"], told["error"]) == (True, 1, None)
    assert told["data"]["rows"][0] == {
        "name": "news\t[bold]\x1b[2J",
        "percent": 0.4,
        "light": "green",
        "at": "2026-11-20T03:38:50Z",
    }
    assert {key: told["data"][key] for key in ("day", "where", "for_")} == {
        "day": "2026-11-19",
        "where": "/tmp/x",
        "for_": 60.0,
    }


def test_a_pipe_gets_tabs_and_nothing_that_breaks_a_line(ytpool):
    _, out, _ = ytpool("scratch", "table")

    assert out.split("\n") == [
        "Name\tUsed\tSince\tState",
        "news\\t[bold]\\x1b[2J\t0.4\t2026-11-20T03:38:50Z\tgreen",
        "Спорт 日本\t120.0\t2026-11-20T03:38:50Z\tgreen",
        "",
    ]


def test_a_result_without_a_view_is_one_line_per_field(ytpool):
    assert ytpool("scratch", "beside")[1] == "done\t3\n"


def test_an_error_is_a_sentence_and_a_hint_on_stderr(ytpool):
    status, out, err = ytpool("scratch", "refused")

    assert (status, out) == (5, "")
    assert err == "ytpool: news has 12 units left\n        wait\n"


def test_with_json_an_error_stands_in_the_envelope(ytpool):
    status, out, err = ytpool("scratch", "refused", "--json")

    assert (status, err) == (5, "")
    assert json.loads(out) == {
        "ok": False,
        "schema": 1,
        "data": None,
        "error": {
            "code": "quota_exhausted",
            "message": "news has 12 units left",
            "hint": "wait",
            "details": {"left": 12, "resets_at": "2026-11-20T08:00:00Z"},
        },
    }


@pytest.mark.parametrize(("verb", "status", "code"), [("partly", 3, "partly"), ("beside", 8, "books_disagree")])
def test_what_is_known_stands_beside_what_went_wrong(ytpool, verb, status, code):
    ended, out, _ = ytpool("scratch", verb, "--json")

    told = json.loads(out)
    assert (ended, told["ok"], told["data"], told["error"]["code"]) == (status, False, {"done": 3}, code)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("activity", "report", "--hours", "x"), "'--hours': 'x' is no number\n"),
        (("activity", "report", "--hours", "-3"), "'--hours': -3.0 is less than 0.0\n"),
        (("activity", "tail", "-n", "1.5"), "'1.5' is no whole number\n"),
        (("activity", "tail", "-n", "99999999999999999999"), " is not between 0 and 1000000\n"),
        (("work", "--parallel", "0"), ": 0 is not between 1 and 64\n"),
    ],
)
def test_a_number_that_is_none_is_refused_in_words_that_are_nobodys_types(ytpool, words, says):
    status, _, err = ytpool(*words)

    assert (status, says in err) == (2, True), err


def test_a_value_that_is_missing_or_neither_yes_nor_no_is_refused_with_the_way_to_the_right_help(ytpool, monkeypatch):
    assert ytpool("quota", "report", "--account")[2].endswith("see `ytpool quota report --help`\n")

    monkeypatch.setenv("YTPOOL_WAIT", "maybe")

    assert "'maybe' is neither yes nor no\n" in ytpool("upload", "a.mp4", "--pool", "main")[2]


def test_events_are_lines_and_the_last_one_is_the_result(ytpool):
    _, out, err = ytpool("scratch", "events", "--json")

    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[:2] == [{"event": "sent", "bytes": 5}, {"event": "done", "at": "2026-11-20T00:00:00Z"}]
    assert (lines[2]["event"], lines[2]["ok"], lines[2]["data"]) == ("result", True, {"done": 2})
    assert err == "private, on news\n"


def test_quiet_leaves_out_notes_and_keeps_the_result(ytpool):
    assert ytpool("scratch", "events", "--quiet") == (0, "done\t2\n", "")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["scrach"], "there is no command `ytpool scrach`; did you mean `ytpool scratch`?"),
        (["scratch", "tabel"], "did you mean `ytpool scratch table`?"),
        (["scratch", "--quiet"], "missing command"),
        (["scratch", "table", "--jsn"], "no such option: --jsn (Possible options: --json)"),
        (["scratch", "table", "more"], "got unexpected extra argument(s) (more)"),
        (["alone"], "missing argument 'FILE'"),
        (["alone", "x", "--count", "many"], "'many' is no whole number"),
        (["vault", "move"], "missing option '--to': one of keyring, keyfile"),
    ],
)
def test_a_wrong_command_line_says_what_was_meant_also_in_json(ytpool, words, meant):
    status, out, err = ytpool(*words)
    assert (status, out) == (2, "")
    assert meant in err
    assert "--help`" in err

    status, out, err = ytpool(*words, "--json")
    error = json.loads(out)["error"]
    assert (status, err, error["code"]) == (2, "", "usage")
    assert meant in error["message"]


def test_an_option_without_its_value_leads_to_the_help_of_its_command(ytpool):
    assert "see `ytpool activity tail --help`" in ytpool("activity", "tail", "--lines")[2]
    assert "see `ytpool activity --help`" in ytpool("activity", "--profile")[2]


def test_json_after_two_dashes_is_no_flag(ytpool):
    status, out, err = ytpool("scratch", "table", "--", "--json")

    assert (status, out) == (2, "")
    assert "unexpected" in err


def test_nothing_asked_is_answered_with_help_on_stderr(ytpool):
    for words in ((), ("scratch",)):
        status, out, err = ytpool(*words)

        assert (status, out) == (2, "")
        assert "Commands" in err


def test_a_bug_is_one_sentence_and_its_traceback_is_for_debug(ytpool):
    status, _, err = ytpool("scratch", "bug")
    assert status == 1
    assert err.startswith("ytpool: this is a bug in ytpool: KeyError: 'nothing'\n")
    assert "Traceback" not in err

    _, _, err = ytpool("--debug", "scratch", "bug")
    assert "Traceback" in err

    _, out, _ = ytpool("scratch", "bug", "--json")
    assert json.loads(out)["error"]["code"] == "bug"


@pytest.mark.parametrize("flag", [[], ["--json"]])
def test_a_secret_has_no_form_in_which_it_is_shown(ytpool, flag):
    status, out, err = ytpool("scratch", "secret", *flag)

    assert status == 1
    assert "hidden" not in out + err
    assert "a Secret is not shown" in out + err


def test_a_command_may_stand_directly_under_the_root(ytpool):
    assert ytpool("alone", "x", "--count", 2) == (0, "done\t2\n", "")


def test_flags_count_before_and_after_the_command(ytpool):
    for words in (["--json", "alone", "x"], ["alone", "--json", "x"], ["alone", "x", "--json"]):
        assert json.loads(ytpool(*words)[1])["data"] == {"done": 1}
    assert json.loads(ytpool("scratch", "--json", "partly")[1])["data"] == {"done": 3}


def test_help_shows_example_statuses_and_the_options_of_every_command(ytpool):
    status, out, err = ytpool("scratch", "refused", "--help")

    assert (status, err) == (0, "")
    for words in ("End with an error of ours.", "ytpool scratch refused", "named time", "--json", "--profile NAME"):
        assert words in out


@pytest.mark.parametrize("width", [40, 80, 200])
def test_help_never_runs_over_the_edge(ytpool, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))

    for words in ((), ("scratch",), ("alone",)):
        _, out, _ = ytpool(*words, "--help")
        assert max(map(len, out.splitlines())) <= min(width, 100)


def test_the_version_is_told_in_both_tongues(ytpool):
    _, out, _ = ytpool("--version")
    assert out == f"ytpool {app.__version__}\n"

    _, out, _ = ytpool("--version", "--json")
    assert json.loads(out)["data"]["version"] == app.__version__


def test_people_get_a_table_with_bars_and_nothing_that_moves_their_cursor(ytpool, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")

    _, out, _ = ytpool("scratch", "table")

    assert "\x1b[2J" not in out
    assert "news\\t[bold]\\x1b[2J" in out
    assert "█" * 10 in out  # 120 % fills the bar and does not run over
    assert "Two rows" in out
    assert "on 2026-11-19" in out
    assert "\x1b[32m" in out


def test_a_table_without_room_breaks_lines_and_no_words(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    terminal = StringIO()
    titles = ("Job", "State", "What", "Not before", "Type")
    row = (
        "1m7wyq8g9q8kzme3",
        "cancelled",
        "video.caption SC0EHT_91ce",
        "2026-11-20 17:38Z",
        "ytpool queue retry 1m7x0hz15bzk4zk9",
    )
    view = output.View(rows=lambda rows: rows, columns=[(title, lambda r, n=n: r[n]) for n, title in enumerate(titles)])
    monkeypatch.setitem(output.VIEWS, list, view)

    shown = output.drawn([row], Invocation(stdout=terminal, stderr=terminal), terminal)

    assert max(map(len, re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines())) <= 80
    assert [word for word in " ".join(row).split() if word not in shown.split()] == []


def test_no_colour_beats_force_colour_and_a_narrow_terminal_drops_a_column(ytpool, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "50")

    _, out, _ = ytpool("scratch", "table")

    assert "\x1b[32m" not in out
    assert "Since" not in out
    assert "Used" in out
