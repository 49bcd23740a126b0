"""Commands as cron and systemd want them written."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain import schedules
from ytpool.domain.schedules import Schedule

ON_A_LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1)


def schedule(*command, **environment):
    return Schedule(name="it", about="does it", command=command, environment=environment, every_minutes=20)


@given(st.lists(ON_A_LINE, min_size=1), ON_A_LINE)
def test_a_shell_reads_what_was_meant_whatever_stands_in_it(command, value):
    line = schedule(*command, YTPOOL_HOME=value).cron_line()

    five, _, rest = line.partition("* * * * ")
    assert five == "*/20 "
    assert "%" not in rest.replace(r"\%", "")
    # cron itself takes the backslash away
    first, *words = shlex.split(rest.removesuffix(" >/dev/null").replace(r"\%", "%"))
    assert (first, words) == (f"YTPOOL_HOME={value}", command)


def test_a_unit_writes_percent_signs_dollars_and_quotes_twice():
    unit = schedule("/opt/100 %/ytpool", "$HOME", NAME='a "b" %c').service()

    assert 'Environment="NAME=a \\"b\\" %%c"' in unit.splitlines()
    assert 'ExecStart="/opt/100 %%/ytpool" "$$HOME"' in unit.splitlines()


@pytest.mark.parametrize(("within", "minutes"), [(1, 1), (2, 1), (10, 6), (30, 20), (45, 30), (60, 30), (1440, 30)])
def test_whoever_comes_by_misses_nothing_that_is_due(within, minutes):
    assert schedules.every(within) == minutes
    assert minutes < within or within == 1
    assert 60 % minutes == 0
