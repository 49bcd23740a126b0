"""How a pool chooses, seen from the command line."""

from datetime import timedelta

import pytest
from told import data


@pytest.mark.parametrize("strategy", ["health", "round_robin", "least_used", "random", "fill"])
def test_reserve_joins_while_production_cannot_work_today_and_leaves_again(ytpool, sandbox, make_video, strategy):
    spare = ("auth", "import", "spare", "--client-secrets", sandbox.secrets_file())
    assert ytpool(*spare, "--token", sandbox.token_file("spare"), "--pool", "main", "--tier", "reserve")[0] == 0
    assert ytpool("pools", "set", "main", "--strategy", strategy)[0] == 0
    for channel in ("news", "sports"):
        sandbox.channel(channel).fail("videos.insert", "uploadLimitExceeded")

    def uploaded(name):
        status, out, err = ytpool("upload", make_video(name, 300_000), "--pool", "main", "--json")
        assert status == 0, err
        return data(out)

    joined = [uploaded("1.mp4"), uploaded("2.mp4")]
    sandbox.control.clock(forward=timedelta(hours=25))
    assert ytpool("refresh-tokens", "--force")[0] == 0  # its answer tells ytpool the time
    left = uploaded("3.mp4")

    assert [video["account"] for video in joined] == ["spare", "spare"]
    assert left["account"] in ("news", "sports")
    last = data(ytpool("why", joined[0]["job"], "--json")[1])["decisions"][-1]
    assert last["rejected"] == [
        {"reason": "resting (channel): uploadLimitExceeded", "count": 2, "accounts": ["news", "sports"]}
    ]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("weights", "meant"),
    [
        ("age = -0.5", "balancing.age must be between 0 and 1000, not -0.5"),
        ("quota = 0\nsuccess = 0\nidle = 0\nage = 0", "balancing must weigh something: quota, success, idle and age"),
    ],
)
def test_weights_that_cannot_be_proportions_stop_every_command_before_it_chooses(ytpool, home, weights, meant, video):
    with next(home.rglob("config.toml")).open("a") as file:
        file.write(f"\n[balancing]\n{weights}\n")

    for words in (("pools", "list"), ("upload", video, "--pool", "main"), ("config", "check")):
        status, _, err = ytpool(*words)
        assert status == 2
        assert meant in err
