"""What arrived is compared with what was sent: harmless ways of writing pass, everything else is told, masked."""

import polars as pl
import pytest

from transforms.arrivals import MOST_EXAMPLES, add_differences, compare_arrivals, compared_fields, tell_differences


def compare(field, sent, arrived):
    """Compare one field of one lead; None where nothing differs."""
    leads = pl.DataFrame({"source_row": [4], field: [sent]}, schema={"source_row": pl.UInt64, field: pl.String})
    name = "leadPhone" if field == "leadPhoneE164" else field
    seen = pl.DataFrame({"leadId": [9], name: [arrived]}, schema={"leadId": pl.Int64, name: pl.String})
    fields = compared_fields(leads.columns, explicit_zone=True)
    return compare_arrivals(leads, seen, fields).item()


@pytest.mark.parametrize(
    ("field", "sent", "arrived"),
    [
        ("leadPhone", "4155550101", "(415) 555-0101"),
        ("leadPhone", "4155550101", "+1 415 555 0101"),
        ("leadPhone", "4155550101|2125550102", "2125550102|4155550101"),
        ("leadPhoneE164", "+14155550101", "4155550101"),
        ("leadPhoneE164", "+442079460000", "+442079460000"),
        ("zip", "06511-1234", "065111234"),
        ("leadTimezone", "EST", "EDT"),
        ("leadTimezone", "HADT", "HAST"),
        ("lastName", " Smith ", "Smith"),
        ("auxData1", None, ""),
        ("auxData1", "", None),
    ],
)
def test_harmless_ways_of_writing_are_no_difference(field, sent, arrived):
    assert compare(field, sent, arrived) is None


@pytest.mark.parametrize(
    ("field", "sent", "arrived"),
    [
        ("leadPhone", "4155550101", "4155550102"),
        ("leadPhone", "4155550101|2125550102", "4155550101"),
        ("zip", "06511", "6511"),
        ("zip", "06511-1234", "06511"),
        ("leadTimezone", "EST", "CST"),
        ("leadTimezone", "EST", None),
        ("lastName", "Müller", "M?ller"),
        ("lastName", "Smith", "SMITH"),
        ("auxData5", "0123", "123"),
    ],
)
def test_every_other_difference_is_named(field, sent, arrived):
    assert compare(field, sent, arrived) == field


def test_the_number_is_compared_in_whichever_form_each_lead_was_sent():
    leads = pl.DataFrame({"leadPhone": ["4155550101", None], "leadPhoneE164": [None, "+442079460000"]})
    seen = pl.DataFrame({"leadId": [1, 2], "leadPhone": ["4155550101", "+442079460001"]})

    assert compare_arrivals(leads, seen, ["leadPhone"]).to_list() == [None, "leadPhone"]


def test_a_lead_that_is_not_seen_has_nothing_to_compare():
    leads = pl.DataFrame({"zip": ["06511"]})
    seen = pl.DataFrame({"leadId": [None], "zip": [None]}, schema={"leadId": pl.Int64, "zip": pl.String})

    assert compare_arrivals(leads, seen, ["zip"]).to_list() == [None]


def test_zones_that_ringcx_finds_itself_are_not_compared():
    columns = ["externId", "leadPhoneE164", "leadTimezone", "zip", "extendedLeadData.size", "leadPriority"]

    assert compared_fields(columns, explicit_zone=False) == ["leadPhone", "zip"]
    assert compared_fields(columns, explicit_zone=True) == ["leadPhone", "leadTimezone", "zip"]


def test_differences_are_counted_by_field_with_two_masked_examples_each():
    leads = pl.DataFrame(
        {
            "source_row": pl.Series([3, 5, 8], dtype=pl.UInt64),
            "leadPhone": ["4155550101", "4155550102", "4155550103"],
            "lastName": ["Smith", "Jones", "Brown"],
            "leadTimezone": ["EST"] * 3,
        }
    )
    seen = pl.DataFrame(
        {
            "leadId": [1, 2, 3],
            "leadPhone": ["4155550199", "4155550102", "4155550103"],
            "lastName": ["Smythe", "Jonas", "Braun"],
            "leadTimezone": ["EST", "CST", "EDT"],
        }
    )
    fields = ["leadPhone", "lastName", "leadTimezone"]
    differing = compare_arrivals(leads, seen, fields)

    assert differing.to_list() == ["leadPhone, lastName", "lastName, leadTimezone", "lastName"]
    assert tell_differences(leads, seen, differing, fields) == [
        {
            "field": "leadPhone",
            "rows": 1,
            "examples": [{"source_row": 3, "sent": "••••••••01", "arrived": "••••••••99"}],
        },
        {
            "field": "lastName",
            "rows": 3,
            "examples": [
                {"source_row": 3, "sent": "S••••", "arrived": "S•••••"},
                {"source_row": 5, "sent": "J••••", "arrived": "J••••"},
            ],
        },
        {"field": "leadTimezone", "rows": 1, "examples": [{"source_row": 5, "sent": "EST", "arrived": "CST"}]},
    ]


def test_differences_of_parts_add_up():
    part = {"field": "zip", "rows": 2, "examples": [{"source_row": 1}, {"source_row": 2}]}
    other = {"field": "city", "rows": 5, "examples": [{"source_row": 9}]}

    whole = add_differences([part, other, part | {"rows": 4, "examples": [{"source_row": 3}]}])

    assert [(each["field"], each["rows"]) for each in whole] == [("zip", 6), ("city", 5)]
    assert whole[0]["examples"] == [{"source_row": 1}, {"source_row": 2}]
    assert len(whole[0]["examples"]) <= MOST_EXAMPLES
