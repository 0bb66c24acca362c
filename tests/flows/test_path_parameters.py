"""Run parameters in a source's path: what they become, and what is said of those that are none."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.path_parameters import check_path, escape_path, fill_path, unescape_path

AUTUMN = dt.datetime(2026, 11, 1, 2, 30, tzinfo=ZoneInfo("America/New_York"))
"""The night on which clocks go back: 1:30 comes twice."""


@pytest.mark.parametrize(
    ("path", "filled"),
    [
        ("in/leads.csv", "in/leads.csv"),
        ("in/{run_date}.csv", "in/2026-11-01.csv"),
        ("{run_date:%Y/%m/%d}/*.csv", "2026/11/01/*.csv"),
        ("{run_date-1d:%Y%m%d}", "20261031"),
        ("{run_date+2w}", "2026-11-15"),
        ("{run_date:%H}", "02"),
        ("{run_date-1h:%d-%H}", "01-01"),
        ("{run_date-2h:%d-%H}", "01-01"),
        ("{run_date-26h:%d-%H}", "31-01"),
        ("{run_date:%Y}{run_date:%j}", "2026305"),
        ("{{run_date}}", "{run_date}"),
        ("{run_date:day-%d%%}", "day-01%"),
    ],
)
def test_a_path_names_the_night_of_the_run(path, filled):
    assert check_path(path) == path
    assert fill_path(path, AUTUMN) == filled


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("{run_dat}", "unknown parameter 'run_dat'; did you mean 'run_date'?"),
        ("{Phone}", "unknown parameter 'Phone'; known: run_date"),
        ("{}", "unknown parameter ''; known: run_date"),
        ("{run_date-1x}", "an offset that is none; write it as {run_date-1d}"),
        ("{run_date-99999d}", "an offset that is none"),
        ("{run_date:%Q}", "an unknown %Q"),
        ("{run_date:%}", "an unknown %"),
        ("a{b", "a { stands alone; write {{"),
        ("a}b", "a } stands alone; write }}"),
    ],
)
def test_what_is_no_parameter_is_refused_and_the_known_ones_named(path, told):
    for use in (check_path, lambda text: fill_path(text, AUTUMN)):
        with pytest.raises(ValueError, match=re.escape(told)):
            use(path)


@given(st.text("{}ab/*%:-"))
def test_any_name_can_be_written(name):
    assert fill_path(escape_path(name), AUTUMN) == name
    assert unescape_path(escape_path(name)) == name
