"""Services that run tasks: templates, places in answers, and the keys that are found."""

import pytest

from ytpool.domain import api_keys, providers
from ytpool.domain.providers import Callback, Poll, Submit, Taken

RUNNINGHUB = providers.PRESETS["runninghub"]


def test_a_word_alone_keeps_its_type_and_one_that_may_be_missing_takes_its_field_along():
    template = {"list": "{nodes}", "text": "a {name}!", "gone": "{other?}", "deep": [{"n": "{nodes}"}, "{other?}"]}

    filled = providers.fill(template, {"nodes": [1, {"a": None}], "name": "{key}"})

    assert filled == {"list": [1, {"a": None}], "text": "a {key}!", "deep": [{"n": [1, {"a": None}]}]}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data.taskId", "7"),
        ("data.files.1.url", "b"),
        ("event.code", 0),  # a text that is JSON itself
        ("event.files.0", None),
        ("data.files.2", None),
        ("data.taskId.more", None),
        ("nothing", None),
        ("", None),
    ],
)
def test_a_place_in_an_answer_is_found_or_is_nothing(path, found):
    answer = {"data": {"taskId": "7", "files": [{"url": "a"}, {"url": "b"}]}, "event": '{"code": 0}'}

    assert providers.reach(answer, path) == found


@pytest.mark.parametrize(
    ("status", "answer", "meaning"),
    [
        (200, {"code": 0, "data": {"taskId": "1"}}, Taken.YES),
        (200, {"code": 0, "data": {"taskId": 1}}, Taken.YES),
        (200, {"code": 0, "data": {"taskId": ""}}, Taken.UNKNOWN),
        (200, {"code": 0, "data": {"taskId": True}}, Taken.UNKNOWN),
        (200, None, Taken.UNKNOWN),
        (200, {"code": 421, "data": {"taskId": "1"}}, Taken.BUSY),
        (200, {"code": 802}, Taken.KEY_REFUSED),
        (200, {"code": 433}, Taken.NO),
        (200, {"code": 415}, Taken.BUSY),
        (200, {"code": 814}, Taken.BUSY),
        (200, {"code": 1003}, Taken.BUSY),
        (200, {"code": 416}, Taken.KEY_REFUSED),
        (200, {"code": 436}, Taken.KEY_REFUSED),
        (200, {"code": 812}, Taken.KEY_REFUSED),
        (200, {"code": 500, "msg": "UNKNOWN_ERROR"}, Taken.UNKNOWN),
        (200, {"code": 813, "data": None}, Taken.UNKNOWN),
        (200, {"code": 813, "data": {"taskId": "1"}}, Taken.YES),
        (200, {"code": 804, "data": {}}, Taken.UNKNOWN),
        (404, {"code": 0, "data": {"taskId": "1"}}, Taken.NO),
        (503, None, Taken.UNKNOWN),
        (429, None, Taken.BUSY),
        (403, None, Taken.KEY_REFUSED),
    ],
)
def test_an_answer_to_a_submission_is_taken_for_no_more_than_it_says(status, answer, meaning):
    parts = {key: tuple(value) if isinstance(value, list) else value for key, value in RUNNINGHUB["submit"].items()}

    assert providers.taken(Submit(**parts), status, answer) is meaning


def test_a_state_that_nobody_named_means_that_it_goes_on():
    how = Poll(state="s", done=("ok", "true"), failed=("bad",), result="r", message="m", progress="p")

    assert providers.told(how, {"s": True, "r": 1, "p": 9}) == (True, 1, "9", "")
    assert providers.told(how, {"s": "bad", "m": {"why": "x"}}) == (False, None, "", '{"why": "x"}')
    assert providers.told(how, {"s": "OK", "r": 1}) == (None, None, "", "")
    assert providers.told(Callback(state="s", done=("ok",)), ["ok"]).ended is None


def test_secrets_are_taken_out_of_everything_that_is_said():
    said = {"why": "no key a-key here", "a-key": ["a-key", 1]}

    assert providers.hushed(said, ["a-key"]) == {"why": "no key (secret) here", "(secret)": ["(secret)", 1]}


def test_a_result_is_kept_as_json_or_said_to_be_none():
    deep = []
    for _ in range(500):
        deep = [deep]

    assert providers.stored({"a": ["é\ud800"]}) == '{"a": ["\\u00e9\\ud800"]}'
    assert "no JSON" in providers.stored([float("nan")])
    assert providers.hushed(deep, []) is None


def test_keys_are_found_by_number_and_a_gap_renames_nobody():
    variables = {"K": " one ", "K_2": "", "K_3": "three", "K_03": "x", "K_1": "x", "KX_2": "x", "K_X": "x"}

    found = api_keys.numbered("K", variables)

    assert {api_keys.short_name(number): value for number, value in found.items()} == {
        "primary": "one",
        "account_3": "three",
    }
    assert [api_keys.number_of(name) for name in ("primary", "account_3", "account_1", "account_03", "x")] == [
        1,
        3,
        None,
        None,
        None,
    ]


def test_an_env_file_is_read_as_shells_write_it():
    text = "# keys\n\nexport A='one # not a comment'\nB = two # a comment\nC=\"th=ree\"\nnonsense\nD=\n"

    assert api_keys.variables_of(text) == {"A": "one # not a comment", "B": "two", "C": "th=ree", "D": ""}
    assert api_keys.variables_of('\ufeffA=one\r\nB=\'two\' # the "second"\r\nC="#3"#x\nD=\'\n') == {
        "A": "one",
        "B": "two",
        "C": "#3",
        "D": "'",
    }
