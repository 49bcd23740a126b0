"""How far work reaches into a bucket, what Google's refusals teach, and how an operator corrects the books."""

import json
import shlex
from datetime import timedelta

import pytest
from newsroom import PROJECT, assert_books_agree
from told import data


def bucket(ytpool, name="uploads"):
    report = data(ytpool("quota", "report", "--json")[1])
    return next(one for one in report["projects"][0]["buckets"] if one["bucket"] == name)


def pass_time(ytpool, sandbox, **span):
    sandbox.control.clock(forward=timedelta(**span))
    ytpool("refresh-tokens", "--force")  # any answer tells the time


def drift(ytpool, *words):
    status, out, err = ytpool("quota", "drift", "--json", *words)
    assert status == 0, err
    return data(out)


@pytest.fixture
def used(ytpool):
    """Let so many of a hundred uploads be used, by us and by somebody else."""

    def use(units):
        more = units - (100 - bucket(ytpool)["left"])
        assert ytpool("quota", "adjust", PROJECT, "uploads", f"{more:+d}", "--reason", "test")[0] == 0

    return use


# Thresholds


def test_below_eighty_percent_everybody_works(ytpool, sandbox, video, used):
    used(79)

    assert ytpool("upload", video, "--account", "news")[0] == 0

    assert bucket(ytpool)["status"] == "orange"
    assert len(sandbox.videos_on("news")) == 1


def test_from_eighty_percent_new_work_waits_and_reserve_accounts_join(ytpool, sandbox, make_video, used):
    secrets = sandbox.secrets_file()
    assert (
        ytpool(
            *("auth", "import", "spare", "--client-secrets", secrets, "--token", sandbox.token_file("spare")),
            *("--pool", "main", "--tier", "reserve"),
        )[0]
        == 0
    )
    used(80)

    status, out, _ = ytpool("upload", make_video("a.mp4"), "--account", "news", "--json")
    assert (status, json.loads(out)["error"]["code"]) == (5, "quota_exhausted")
    assert ytpool("upload", make_video("b.mp4"), "--pool", "main")[0] == 0

    assert sandbox.videos_on("news") == sandbox.videos_on("sports") == []
    assert len(sandbox.videos_on("spare")) == 1


def test_from_eighty_percent_what_is_wanted_within_a_day_goes_on(ytpool, sandbox, make_video, used):
    used(80)
    now = sandbox.control.clock()
    soon, later = (f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M}+00:00" for hours in (20, 30))

    assert ytpool("upload", make_video("a.mp4"), "--account", "news", "--publish-at", later)[0] == 5
    assert ytpool("upload", make_video("b.mp4"), "--account", "news", "--publish-at", soon)[0] == 0

    assert [video["title"] for video in sandbox.videos_on("news")] == ["b"]


def test_from_ninety_percent_a_publication_that_has_begun_waits_too_and_only_the_buffer_opens(
    ytpool, sandbox, make_video, used
):
    begun, new = make_video("begun.mp4"), make_video("new.mp4")
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", begun, "--account", "news")[0] == 5
    pass_time(ytpool, sandbox, hours=24, minutes=1)

    used(89)
    assert ytpool("upload", new, "--account", "sports")[0] == 5
    assert ytpool("upload", begun, "--account", "news")[0] == 0  # 90 now
    again = make_video("again.mp4")
    assert ytpool("upload", again, "--account", "sports", "--publish-at", "2031-01-01T10:00")[0] == 5
    assert ytpool("upload", new, "--account", "sports")[0] == 5

    assert ytpool("upload", new, "--account", "sports", "--use-buffer")[0] == 0
    assert bucket(ytpool)["left"] == 9


def test_the_buffer_passes_neither_limit_nor_rest(ytpool, sandbox, make_video, used):
    used(99)
    assert ytpool("upload", make_video("last.mp4"), "--account", "news", "--use-buffer")[0] == 0
    assert bucket(ytpool)["left"] == 0

    status, out, _ = ytpool("upload", make_video("more.mp4"), "--account", "news", "--use-buffer", "--json")

    assert (status, json.loads(out)["error"]["code"]) == (5, "quota_exhausted")
    used(50)
    sandbox.channel("sports").fail("videos.insert", "uploadLimitExceeded")
    resting = make_video("resting.mp4")
    assert ytpool("upload", resting, "--account", "sports", "--use-buffer")[0] == 5
    assert ytpool("upload", resting, "--account", "sports", "--use-buffer")[0] == 5
    assert sandbox.calls("videos.insert") == 2


# What refusals teach


def test_a_limit_that_google_names_is_believed_and_tried_again_the_next_day(ytpool, sandbox, make_video):
    sandbox.project(limits={"uploads": 2})
    for number in range(2):
        assert ytpool("upload", make_video(f"{number}.mp4"), "--account", "news")[0] == 0
    third = make_video("third.mp4")

    assert ytpool("upload", third, "--account", "news")[0] == 5

    assert (bucket(ytpool)["limit"], bucket(ytpool)["left"], bucket(ytpool)["elsewhere"]) == (2, 0, 0)
    [row] = drift(ytpool)["rows"]
    assert (row["believed"], row["limit"], row["spent"]) == (100, 2, 2)
    assert [(one["kind"], one["units"], one["by"], one["operation"]) for one in row["reasons"]] == [
        ("limit", 2, "google", "videos.insert")
    ]
    asked = sandbox.calls("videos.insert")
    assert ytpool("upload", third, "--account", "sports", "--use-buffer")[0] == 5
    assert sandbox.calls("videos.insert") == asked  # the last one that the project sees today

    sandbox.project(limits={"uploads": 100})
    pass_time(ytpool, sandbox, hours=13)
    for name in ("third.mp4", "fourth.mp4", "fifth.mp4"):
        assert ytpool("upload", make_video(name), "--account", "news")[0] == 0  # the third of today tried
    assert ytpool("upload", make_video("sixth.mp4"), "--account", "news")[0] == 5
    assert bucket(ytpool)["limit"] == 3
    [belief] = drift(ytpool)["beliefs"]
    assert (belief["of"], belief["units"]) == (f"project {PROJECT}", 3)
    assert_books_agree(ytpool, sandbox)


def test_an_unnamed_refusal_is_the_rest_of_the_day_used_elsewhere(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.insert", "dailyLimitExceeded")

    assert ytpool("upload", video, "--account", "news")[0] == 5

    assert (bucket(ytpool)["limit"], bucket(ytpool)["elsewhere"]) == (100, 100)
    [row] = drift(ytpool)["rows"]
    assert (row["limit"], row["believed"], row["elsewhere"]) == (100, 100, 100)
    assert [(one["by"], one["operation"], one["reason"]) for one in row["reasons"]] == [
        ("google", "videos.insert", "dailyLimitExceeded")
    ]
    pass_time(ytpool, sandbox, hours=13)
    assert bucket(ytpool)["left"] == 100
    assert [row["elsewhere"] for row in drift(ytpool)["rows"]] == [100]
    assert drift(ytpool, "--days", "1")["rows"] == []


def test_a_limit_nobody_knew_is_proposed_and_the_other_calls_of_its_bucket_go_on(ytpool, sandbox, make_video):
    captions = make_video("talk.mp4").with_name("talk.de.srt")
    captions.write_text("1\n00:00:00,000 --> 00:00:02,000\nGuten Abend.\n", encoding="utf-8")
    sandbox.channel("news").fail("captions.insert", "rateLimitExceeded.new_per_day")

    status, _, _ = ytpool("upload", make_video("a.mp4"), "--account", "news", "--caption", f"de:{captions}")

    assert status == 3
    [proposed] = data(ytpool("quota", "prices", "--proposed", "--json")[1])["proposed"]
    assert {name: proposed[name] for name in ("operation", "metric", "named", "units", "times", "project")} == {
        "operation": "captions.insert",
        "metric": "Captions Insert",
        "named": "defaultCaptionsInsertPerDayPerProject",
        "units": 20,
        "times": 1,
        "project": PROJECT,
    }
    assert bucket(ytpool, "general")["elsewhere"] == 0
    assert drift(ytpool)["proposed"] == 1
    assert "captions.insert" in ytpool("quota", "prices", "--proposed")[1]
    assert ytpool("upload", make_video("b.mp4"), "--account", "news")[0] == 0
    asked = sandbox.calls("captions.insert")
    assert ytpool("upload", make_video("c.mp4"), "--account", "news", "--caption", f"de:{captions}")[0] == 5
    assert sandbox.calls("captions.insert") == asked


def test_a_channels_cap_is_learned_tried_after_a_day_and_raised(ytpool, sandbox, make_video):
    sandbox.control.add_channel("news", cap=2)
    for number in range(2):
        assert ytpool("upload", make_video(f"{number}.mp4"), "--account", "news")[0] == 0
    assert ytpool("upload", make_video("third.mp4"), "--account", "news")[0] == 5

    [lesson] = drift(ytpool)["channels"]
    assert (lesson["channel_title"], lesson["believed"], lesson["shown"]) == ("news", None, 2)
    sandbox.control.add_channel("news", cap=50)
    pass_time(ytpool, sandbox, hours=24, minutes=1)
    for name in ("third.mp4", "fourth.mp4", "fifth.mp4"):
        assert ytpool("upload", make_video(name), "--account", "news")[0] == 0
    status, out, _ = ytpool("upload", make_video("sixth.mp4"), "--account", "news", "--json")

    assert (status, json.loads(out)["error"]["code"]) == (5, "resting")
    assert "learned cap" in json.loads(out)["error"]["message"]
    assert [(one["believed"], one["shown"]) for one in drift(ytpool)["channels"]] == [(None, 2), (2, 3)]
    assert_books_agree(ytpool, sandbox)


# The operator's word


def test_adjusting_gives_back_what_a_refusal_took_and_says_that_the_rest_remains(ytpool, sandbox, video):
    sandbox.channel("news").fail("videos.insert", "dailyLimitExceeded")
    assert ytpool("upload", video, "--account", "news")[0] == 5
    words = ("quota", "adjust", PROJECT, "uploads", "-60", "--reason", "the console says so")

    status, out, _ = ytpool(*words, "--dry-run", "--json")
    assert (status, data(out)["booked"], data(out)["left"], data(out)["dry_run"]) == (0, -60, 60, True)
    assert bucket(ytpool)["left"] == 0

    status, out, _ = ytpool(*words, "--json")

    adjusted = data(out)
    assert (status, adjusted["booked"], adjusted["elsewhere"], adjusted["left"]) == (0, -60, 40, 60)
    assert adjusted["rests_for"] == "dailyLimitExceeded"
    assert adjusted["rests_until"] == data(ytpool("quota", "report", "--json")[1])["resets_at"]
    assert bucket(ytpool)["left"] == 60
    assert [one["units"] for one in drift(ytpool)["rows"][0]["reasons"]] == [100, -60]
    told = ytpool("quota", "adjust", PROJECT, "uploads", "-60", "--reason", "again")[1]
    assert "40 units of uploads of press are taken back" in told
    assert "that is all there was of 60" in told
    assert "still rests (dailyLimitExceeded)" in told
    assert adjusted["advice"] in told
    assert ytpool("upload", video, "--account", "news")[0] == 5
    assert ytpool(*shlex.split(adjusted["advice"])[1:])[0] == 0
    assert ytpool("upload", video, "--account", "news")[0] == 0
    ytpool("quota", "adjust", PROJECT, "general", "+20000", "--reason", "more than there is")
    assert (bucket(ytpool, "general")["left"], bucket(ytpool, "general")["status"]) == (0, "red")
    assert "nothing to take back" in ytpool("quota", "adjust", PROJECT, "uploads", "-1", "--reason", "again")[1]


@pytest.mark.usefixtures("sandbox")
def test_an_adjustment_that_makes_no_sense_is_refused_and_books_nothing(ytpool):
    for words, told in (
        (("presse", "uploads", "+1"), "did you mean press?"),
        (("press", "upload", "+1"), "did you mean uploads?"),
        (("press", "uploads", "5"), "with a sign: +50 or -50"),
        (("press", "uploads", "-0"), "is no adjustment"),
        (("press", "uploads", "+99999999999"), "is no adjustment"),
        (("press", "uploads", "--5"), "is no adjustment"),
    ):
        status, _, err = ytpool("quota", "adjust", *words, "--reason", "test")

        assert status == 2
        assert told in err
    words = ("quota", "adjust", "press", "uploads", "+1")
    assert ytpool(*words)[0] == ytpool(*words, "--reason", " ")[0] == 2
    assert drift(ytpool)["rows"] == []


@pytest.mark.usefixtures("sandbox")
def test_the_price_book_of_today_says_since_when_and_from_where(ytpool):
    told = data(ytpool("quota", "prices", "--json")[1])

    [upload] = [price for price in told["prices"] if price["operation"] == "videos.insert"]
    assert (upload["bucket"], upload["units"], upload["since"]) == ("uploads", 1, "2026-06-01")
    assert {one["bucket"]: one["limit"] for one in told["buckets"]}["general"] == 10_000
    assert ytpool("quota", "prices")[1].splitlines()[0].split("\t")[:3] == ["Operation", "Bucket", "Units"]


# Envelopes


def test_a_purpose_that_has_used_up_its_envelope_waits_and_the_others_go_on(ytpool, sandbox, make_video, monkeypatch):
    assert ytpool("upload", make_video("a.mp4"), "--account", "news")[0] == 0
    assert data(ytpool("quota", "report", "--json")[1])["projects"][0]["envelopes"] == []
    used = bucket(ytpool, "general")["spent"]
    [video] = sandbox.videos_on("news")
    retitle = ("video", "update", f"https://youtu.be/{video['id']}", "--title")
    monkeypatch.setenv("YTPOOL_ENVELOPES_PRESET", "publishing")
    monkeypatch.setenv("YTPOOL_ENVELOPES_METADATA", "1")  # two changes of 10,000 units
    monkeypatch.setenv("YTPOOL_ENVELOPES_LEND_AFTER", "20:00")
    assert [ytpool(*retitle, title)[0] for title in ("one", "two")] == [0, 0]

    status, out, _ = ytpool(*retitle, "three", "--json")

    error = json.loads(out)["error"]
    assert (status, error["code"]) == (5, "quota_exhausted")
    assert "0 of 100 units for metadata" in error["message"]
    assert "--use-buffer" in error["hint"]
    assert ytpool("upload", make_video("b.mp4"), "--account", "news")[0] == 0
    shares = {one["purpose"]: one for one in data(ytpool("quota", "report", "--json")[1])["projects"][0]["envelopes"]}
    assert {name: one["limit"] for name, one in shares.items()} == {
        "publishing": 7000,
        "metadata": 100,
        "reading": 1000,
        "buffer": 1000,
    }
    assert shares["metadata"]["left"] == shares["publishing"]["spent"] == 0
    assert shares["reading"]["spent"] > used  # what the day had used before it was shared out counts too
    assert "general/metadata" in ytpool("quota", "report")[1]

    assert ytpool(*retitle, "three", "--use-buffer")[0] == 0
    pass_time(ytpool, sandbox, hours=9)
    assert ytpool(*retitle, "four")[0] == 0  # lent by the others, now that it is evening
    assert_books_agree(ytpool, sandbox)
