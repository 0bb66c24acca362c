"""Leads known from earlier loads: the same if every field that is sent is, and no lead is taken for another."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.accounting import give_verdicts
from transforms.duplicates import DUPLICATE_SCHEMA
from transforms.unchanged import KNOWN_SCHEMA, LoadedBefore, digest_leads, tell_unchanged

FIELDS = ["externId", "leadPhone", "lastName", "auxData1", "leadTimezone", "leadPriority"]
SCHEMA = {"source_row": pl.UInt64} | dict.fromkeys(FIELDS[:-1], pl.String) | {
    "leadPriority": pl.Int32, "time_zone": pl.String, "time_zone_source": pl.String
}  # fmt: skip


def frame(leads):
    return pl.DataFrame([{"source_row": row} | lead for row, lead in enumerate(leads)], schema=SCHEMA, orient="row")


def known(*loads):
    """Loads, newest first, each of leads."""
    before = LoadedBefore()
    for number, leads in enumerate(loads):
        digests = digest_leads(frame(leads), FIELDS).with_columns(
            pl.col("source_row").cast(pl.Int64).alias("leadId"),
            pl.lit(7, pl.Int64).alias("listId"),
            pl.lit(f"run-{number}").alias("run_id"),
        )
        before.add(before.leave_out_known(digests))
    return before


TEXT = st.none() | st.sampled_from(["a", "b", "ab", "1", ""])
LEADS = st.fixed_dictionaries(
    {
        "externId": st.sampled_from(["1", "2", "3", "4"]), "leadPhone": st.sampled_from(["2035550100", "2035550101"]),
        "lastName": TEXT, "auxData1": TEXT, "leadTimezone": st.sampled_from([None, "EST", "EDT", "CST"]),
        "leadPriority": st.none() | st.integers(0, 2),
        "time_zone": st.sampled_from([None, "America/New_York", "America/Chicago"]),
        "time_zone_source": st.sampled_from([None, "zip", "source"]),
    }
)  # fmt: skip
LOADS = st.lists(LEADS, max_size=4, unique_by=lambda lead: lead["externId"])


def sent(lead):
    """What is compared, in plain words."""
    fields = {name: lead[name] for name in FIELDS if lead[name] is not None}
    derived = lead["time_zone"] is not None and lead["time_zone_source"] == "zip"
    return fields | ({"leadTimezone": lead["time_zone"]} if "leadTimezone" in fields and derived else {})


@settings(max_examples=150)
@given(LOADS, LOADS, LOADS)
def test_a_lead_is_the_same_if_its_newest_load_was_the_same(now, newer, older):
    found = known(newer, older).find_same(frame(now), FIELDS)

    newest = {lead["externId"]: (1, row, lead) for row, lead in enumerate(older)}
    newest |= {lead["externId"]: (0, row, lead) for row, lead in enumerate(newer)}
    expected = [
        (place, newest[lead["externId"]][1], 7, f"run-{newest[lead['externId']][0]}")
        for place, lead in enumerate(now)
        if lead["externId"] in newest and sent(newest[lead["externId"]][2]) == sent(lead)
    ]
    assert found.rows() == expected


def test_a_value_in_another_field_is_another_lead():
    lead = dict.fromkeys(FIELDS) | {"externId": "1", "leadPhone": "2035550100", "lastName": "a", "auxData1": "b"}
    lead |= {"time_zone": None, "time_zone_source": None}

    for change in (
        {"lastName": "b", "auxData1": "a"},
        {"lastName": None, "auxData1": "a"},
        {"lastName": "ab", "auxData1": None},
    ):
        assert known([lead]).find_same(frame([lead | change]), FIELDS).is_empty()
    assert known([lead]).find_same(frame([lead]), FIELDS).height == 1


def test_columns_that_are_empty_or_in_another_order_are_no_change():
    lead = {"source_row": [0], "externId": ["1"], "lastName": ["a"], "time_zone": [None], "time_zone_source": [None]}
    before = LoadedBefore()
    digests = digest_leads(pl.DataFrame(lead), ["externId", "lastName"])
    before.add(digests.with_columns(leadId=pl.lit(1), listId=pl.lit(None), run_id=pl.lit("r")))
    wide = pl.DataFrame(lead | {"city": [None]}, schema_overrides={"source_row": pl.UInt64, "city": pl.String})

    assert before.find_same(wide, ["city", "lastName", "externId"]).rows() == [(0, 1, None, "r")]


def test_what_is_held_of_a_lead_is_little():
    assert sum(dtype.to_python() is int for dtype in KNOWN_SCHEMA.dtypes()) == 4
    leads = frame([{**dict.fromkeys(SCHEMA), "externId": f"{'x' * 200}{place}"} for place in range(500)])

    assert digest_leads(leads, FIELDS).estimated_size() / 500 < 25


def test_only_rows_that_are_the_same_are_told_so():
    rows = pl.DataFrame(
        {
            "source_row": pl.Series([4, 5, 6], dtype=pl.UInt64), "externId": list("abc"), "leadPhone": list("123"),
            "leadTimezone": ["EST"] * 3, "reason": [None, "PHONE_MISSING", None], "note": ["n", None, None],
            "row_place": [None] * 3, "time_zone": [None] * 3, "time_zone_source": [None] * 3,
            "time_zone_conflict": [False] * 3, "zip_zone": [None] * 3, "number_zone": [None] * 3,
            "state_zone": [None] * 3, "other_zones": [None] * 3,
        },
        schema_overrides={"row_place": pl.String},
    )  # fmt: skip
    verdicts = give_verdicts(rows, pl.DataFrame(schema=DUPLICATE_SCHEMA))
    same = pl.DataFrame(
        {"source_row": [4], "leadId": [11], "listId": [22], "run_id": ["r"]}, schema_overrides={"source_row": pl.UInt64}
    )

    told = tell_unchanged(verdicts, same)

    assert told.schema == verdicts.schema
    assert told.select("outcome", "detail", "leadId", "listId").rows() == [
        ("UNCHANGED", "loaded before, by the run r", 11, 22),
        ("REJECTED", None, None, None),
        ("NOT_SENT", None, None, None),
    ]
