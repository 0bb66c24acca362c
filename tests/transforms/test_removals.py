"""Where a number was before is told from what a search by number shows, as one line without a whole number."""

import datetime as dt

import polars as pl
import pytest

from transforms.removals import lead_numbers, tell_known_numbers

UNTIL = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
BEFORE = "2026-11-19T08:30:00.000+0000"


def found(*rows):
    """Build what a search by number shows: lead id, external id, number, list id, loading date, list name."""
    names = ["leadId", "externId", "leadPhone", "listId", "loadedDts", "listDesc"]
    schema = dict.fromkeys(names, pl.String) | {"leadId": pl.Int64, "listId": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def tell(*rows, numbers=("4155550101",), own_id="A1"):
    return tell_known_numbers({0: numbers}, {0: own_id}, found(*rows), {0: UNTIL}).get(0)


def test_the_list_the_time_and_the_external_id_are_named():
    told = tell((7, "X9", "4155550101", 5003, BEFORE, "Hospitals"))

    assert told == 'its number is on list 5003 "Hospitals" since 2026-11-19 08:30 UTC under externId X9'


def test_the_oldest_of_several_is_named():
    told = tell(
        (9, "X9", "4155550101", 3, BEFORE, "b"),
        (4, "X4", "4155550101", 2, "2026-11-01T00:00:00.000-0500", "a"),
    )

    assert told == 'its number is on list 2 "a" since 2026-11-01 05:00 UTC under externId X4'


def test_the_same_lead_of_an_earlier_load_is_told_as_itself():
    assert tell((7, "A1", "4155550101", 3, BEFORE, None)).endswith("under this same externId")


def test_a_lead_that_came_after_the_answer_explains_nothing():
    assert tell((7, "X9", "4155550101", 3, "2026-11-20T12:30:00.000+0000", "later")) is None


@pytest.mark.parametrize("date", [None, "", "yesterday", "2026-13-45T00:00:00.000+0000"])
def test_a_date_that_cannot_be_read_is_left_out(date):
    assert tell((7, "X9", "4155550101", 3, date, "a")) == 'its number is on list 3 "a" under externId X9'


def test_any_of_several_numbers_is_found_however_it_is_written():
    assert tell((7, "X9", "(212) 555-0102", None, None, None), numbers=("4155550101", "2125550102")) == (
        "its number is on a list under externId X9"
    )
    assert tell((7, "X9", "3125550103", 3, BEFORE, "a"), numbers=("4155550101",)) is None


def test_names_of_others_are_one_short_line_without_a_whole_number():
    told = tell((7, "415-555-0101", "4155550101", 3, BEFORE, "call\n4155550101 " + "x" * 200))

    assert "4155550101" not in told
    assert "415-555-0101" not in told
    assert "\n" not in told
    assert len(told) < 200


def test_numbers_of_leads_are_digits_in_either_form():
    leads = pl.DataFrame(
        {"leadPhone": ["4155550101|2125550102", None, None], "leadPhoneE164": [None, "+442079460000", None]}
    )

    assert lead_numbers(leads) == [["4155550101", "2125550102"], ["442079460000"], []]
