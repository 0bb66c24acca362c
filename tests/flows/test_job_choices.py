"""What a job chooses reaches its leads, its gates and its report: through the real command, choice by choice."""

import csv

import polars as pl
import pytest

from tests.conftest import lead_rows
from transforms.lead_rules import REASONS

ELSEWHERE = {"phone": "213-555-0123", "zip": "10001", "state": "NY"}


@pytest.fixture
def check(leadferry_here, make_job, tmp_path):
    """Check rows; returns how it ended and the folder."""

    def run(rows, *, code=0, **sections):
        out = tmp_path / "out"
        ended = leadferry_here("check", make_job(rows, **sections), "--json", "--out", out)
        assert ended.code == code, ended
        return ended, out

    return run


def outcomes(out):
    return pl.read_parquet(out / "outcomes.parquet")


# --- time zones ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zones", "name", "source"),
    [
        ({"as_of": "2026-07-15"}, "PDT", "number"),
        ({"as_of": "2026-01-15"}, "PST", "number"),
        ({"as_of": "2026-07-15", "names": "standard"}, "PST", "number"),
        ({"as_of": "2026-01-15", "conflict": "trust"}, "EST", "zip"),
        ({"as_of": "2026-01-15", "conflict": "trust", "order": ["number", "zip"]}, "PST", "number"),
        ({"as_of": "2026-01-15", "order": ["state"]}, "EST", "state"),
        ({"as_of": "2026-01-15", "calling_hours": ["11:00", "20:00"]}, "EST", "zip"),
    ],
)
def test_the_jobs_choices_of_time_zones_hold(check, zones, name, source):
    _, out = check([lead_rows(1)[0] | ELSEWHERE], time_zones=zones)
    assert outcomes(out).select("leadTimezone", "time_zone_source").row(0) == (name, source)


@pytest.mark.parametrize(
    ("unknown", "reason"), [(None, "TIME_ZONE_UNKNOWN"), ("reject", "TIME_ZONE_UNKNOWN"), ("send_without", None)]
)
def test_a_lead_without_a_zone_is_refused_or_sent_as_the_job_says(check, unknown, reason):
    rows = [lead_rows(1)[0] | {"phone": "850-555-0123", "zip": None, "state": None}, lead_rows(2)[1]]
    _, out = check(rows, time_zones={"unknown": unknown})
    assert outcomes(out)["reason"].to_list() == [reason, None]


def test_disputes_are_counted_in_the_report_whatever_became_of_the_rows(check):
    rows = [row | ELSEWHERE for row in lead_rows(3)]
    ended, _ = check(rows)
    assert (ended.json["counts"]["DUPLICATE"], ended.json["time_zone_conflicts"]) == (2, 3)
    refused = {"time_zones": {"conflict": "refuse"}, "quality": {"max_reject_rate": 1}}
    ended, _ = check(rows, **refused)
    assert (ended.json["counts"]["REJECTED"], ended.json["time_zone_conflicts"]) == (3, 3)


def test_disputes_of_refused_rows_count_at_the_gate(check):
    """What shows that columns are mixed up need not be fit to be sent."""
    rows = [row | {"zip": "90001", "state": "CA"} for row in lead_rows(4)]
    limits = {"max_zone_conflict_rate": 0.2, "max_reject_rate": 1}
    ended, _ = check(rows, code=3, time_zones={"conflict": "refuse"}, quality=limits)
    assert ended.json["trouble"]["code"] == "TOO_MANY_ZONE_CONFLICTS"


# --- numbers ------------------------------------------------------------------------------------------------------


def test_an_extension_goes_where_the_job_says(check):
    rows = [row | {"phone": f"{row['phone']} x4{place}"} for place, row in enumerate(lead_rows(2))]
    _, out = check(rows, phones={"extension": "ext"})
    assert pl.read_parquet(out / "leads.parquet")["extendedLeadData.ext"].to_list() == ["40", "41"]


def test_a_british_job_sends_british_numbers_and_says_so(leadferry_here, make_job, tmp_path):
    numbers = ["020 7946 0958", "0161 496 0123"]
    rows = [row | {"phone": number} for row, number in zip(lead_rows(2), numbers, strict=True)]
    job = make_job(rows, phones={"phone_region": "GB"}, load={"time_zone_option": "COUNTRY"})
    body = leadferry_here("load", "--dry-run", job, "--json", "--out", tmp_path / "out").json["first_request_body"]
    assert [lead["leadPhoneE164"] for lead in body["uploadLeads"]] == ["+442079460958", "+441614960123"]
    assert not [lead for lead in body["uploadLeads"] if "leadPhone" in lead]
    told = [body[key] for key in ("phoneNumbersI18nEnabled", "internationalNumberFormat", "numberOriginCountry")]
    assert told == [True, True, "GB"]


def test_numbers_of_the_country_of_origin_need_no_country_code(check):
    rows = [lead_rows(1)[0] | {"phone": None, "abroad": "020 7946 0958"}]
    load = {"number_origin_country": "GB", "time_zone_option": "COUNTRY"}
    _, out = check(rows, columns={"leadPhoneE164": "abroad"}, load=load)
    assert outcomes(out)["leadPhoneE164"].to_list() == ["+442079460958"]


@pytest.mark.parametrize(("keep", "kept"), [("first", 0), ("last", 1)])
def test_numbers_in_e164_form_repeat_like_others(check, keep, kept):
    rows = [row | {"phone": None, "abroad": "+442079460958"} for row in lead_rows(2)]
    load = {"time_zone_option": "COUNTRY"}
    _, out = check(rows, columns={"leadPhoneE164": "abroad"}, duplicates={"keep": keep}, load=load)
    aside = outcomes(out).row(1 - kept, named=True)
    assert (aside["reason"], aside["detail"]) == ("PHONE_REPEATED", f"source_row {kept} is kept")


# --- gates and the report -----------------------------------------------------------------------------------------


def test_damage_is_seen_and_told_in_every_column_that_is_mapped(check):
    damaged = ["4.15555E+09" if place % 10 == 0 else f"{place}" for place in range(100)]
    rows = [row | {"second": cell, "third": cell} for row, cell in zip(lead_rows(100), damaged, strict=True)]
    columns = {"leadPhone": ["phone", "second"], "extendedLeadData": {"account": "third"}}
    ended, _ = check(rows, code=3, columns=columns, quality={"damage": "stop"})
    assert {each["column"] for each in ended.json["damage"] if each["damaged"]} == {"second", "third"}
    assert all(f"Column '{name}'" in ended.json["trouble"]["message"] for name in ("second", "third"))


def test_shares_are_of_all_rows_read(check):
    rows = [row | {"phone": f"(203) 555-{place:04}"} for place, row in enumerate(lead_rows(10))]
    for row in rows[:4]:
        row["phone"] = "12"
    rows[9]["id"] = rows[8]["id"]
    rows[5]["phone"], rows[6]["phone"] = "(213) 555-0105", "(213) 555-0106"
    limits = {"max_duplicate_rate": 0.1, "max_zone_conflict_rate": 0.2, "max_reject_rate": 1}
    assert check(rows, quality=limits)[0].json["status"] == "checked"


def test_a_refused_row_comes_with_the_sentence_of_its_rule_and_repairs_are_counted(check):
    rows = lead_rows(3)
    rows[0]["phone"], rows[1]["zip"] = "12", "6511"
    ended, out = check(rows, quality={"max_reject_rate": 1})
    with (out / "rejects.csv").open(encoding="utf-8", newline="") as file:
        refused = next(csv.DictReader(file))
    assert refused["leadferry_advice"] == REASONS["PHONE_TOO_SHORT"].advice
    assert {"note": "ZIP: leading zero put back, proved by the state", "rows": 1} in ended.json["repairs"]


def test_a_repair_is_counted_once_a_row(check):
    rows = [row | {"other": "888-555-0123", "third": "12", "fourth": "34"} for row in lead_rows(2)]
    rows[0]["phone"] = "800-555-0123"
    columns = {"leadPhone": ["phone", "other", "third", "fourth"]}
    ended, _ = check(rows, columns=columns, load={"duplicate_handling": "RETAIN_ALL"})
    assert {each["note"]: each["rows"] for each in ended.json["repairs"]} == {
        "toll-free number": 2,
        "number left out: PHONE_TOO_SHORT": 2,
    }


def test_a_broken_row_says_nothing_about_the_ids_of_others(check):
    lines = ["id,phone,name,zip,state", "1.0,203-555-0001 x5,A,06511,CT", "Total,4711", "2.0,203-555-0002,B,06511,CT"]
    _, out = check("\n".join([*lines, ""]), quality={"max_reject_rate": 1})
    assert outcomes(out)["externId"].to_list()[::2] == ["1", "2"]
    assert outcomes(out)["note"][0] == "extension set aside; externId: decimal zero left out, as in the whole column"


def test_the_detail_of_a_broken_row_says_where_it_is(check):
    lines = ["id,phone,name,zip,state", "A1,203-555-0001,A,06511,CT", "A2,203-555-0002 x5,B,06511,CT,more", ""]
    _, out = check("\n".join(lines), quality={"max_reject_rate": 1})
    assert "line 3" in outcomes(out)["detail"][1]
