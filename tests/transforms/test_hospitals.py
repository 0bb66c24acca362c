"""The register of American hospitals, prepared whole: real data, real numbers."""

import datetime as dt
from pathlib import Path

import phonenumbers
import polars as pl
import pytest

from transforms.lead_rules import REASONS
from transforms.lead_schema import validate_leads
from transforms.preparing import VERDICT_COLUMNS, LeadMapping, PreparingRules, prepare_leads
from transforms.time_zones import RINGCX_OFFSETS, ZoneNaming, ZonePolicy

HOSPITALS = Path(__file__).resolve().parents[3] / "shared" / "data" / "cms_hospitals.csv"
MAPPING = LeadMapping(
    {"externId": "Facility ID", "lastName": "Facility Name", "city": "City", "state": "State", "zip": "ZIP Code"},
    ("Phone Number",),
    {"ownership": "Hospital Ownership"},
)


@pytest.fixture(scope="module")
def source():
    if not HOSPITALS.exists():
        pytest.skip(f"{HOSPITALS.name} is not beside this project")
    rows = pl.read_csv(HOSPITALS, infer_schema=False).with_row_index("source_row")
    return rows.with_columns(pl.lit(None, pl.String).alias("row_fault"))


@pytest.fixture(scope="module")
def prepared(source):
    zones = ZonePolicy(ZoneNaming(dt.date(2026, 6, 15)))
    return prepare_leads(source, MAPPING, PreparingRules(zones, explicit_zones=True, reject_unknown_zone=True))


def library_verdict(text):
    """The ten digits of the number, if phonenumbers finds it valid."""
    try:
        number = phonenumbers.parse(text or "", "US")
    except phonenumbers.NumberParseException:
        return None
    if number.country_code != 1 or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.national_significant_number(number)


def test_every_hospital_comes_out_once_in_order(source, prepared):
    assert prepared.height == source.height > 5_000
    assert prepared.get_column("source_row").equals(source.get_column("source_row"))
    assert prepared.get_column("externId").to_list() == source.get_column("Facility ID").to_list()


def test_every_refusal_has_a_reason_and_every_lead_keeps_the_contract(prepared):
    refused = prepared.filter(pl.col("reason").is_not_null())
    assert set(refused.get_column("reason")) <= set(REASONS)
    leads = prepared.filter(pl.col("reason").is_null())
    assert leads.height > 0.95 * prepared.height
    validate_leads(leads.drop("source_row", *VERDICT_COLUMNS))
    assert leads.get_column("leadPhone").is_not_null().all()
    assert set(leads.get_column("leadTimezone")) <= set(RINGCX_OFFSETS)


def test_the_verdict_on_every_number_is_the_librarys(source, prepared):
    expected = [library_verdict(text) for text in source.get_column("Phone Number")]
    assert prepared.get_column("leadPhone").to_list() == expected
    refused = prepared.get_column("reason").fill_null("").str.starts_with("PHONE_")
    assert refused.to_list() == [phone is None for phone in expected]


def test_the_hospitals_of_guam_and_saipan_have_a_zone_without_a_name(source, prepared):
    islands = source.get_column("State").is_in(["GU", "MP"])
    assert islands.any()
    assert set(prepared.filter(islands).get_column("reason")) == {"TIME_ZONE_NOT_NAMED"}


EXPLAINED = (
    "PHONE_MISSING",
    "PHONE_NOT_VALID",
    "PHONE_TOO_SHORT",
    "PHONE_TOO_LONG",
    "PHONE_NO_AREA_CODE",
    "TIME_ZONE_NOT_NAMED",
    "TIME_ZONE_UNKNOWN",
)


def test_every_refusal_is_explained_by_its_row(source, prepared):
    """What a code says of a row can be seen in the row: no number for one of a number, no zone for one of a zone."""
    refused = prepared.with_columns(source["State"].alias("region")).filter(pl.col("reason").is_not_null())
    assert 0 < refused.height < 0.05 * source.height
    assert set(refused["reason"]) <= set(EXPLAINED)
    for row in refused.iter_rows(named=True):
        if row["reason"].startswith("PHONE_"):
            assert row["leadPhone"] is None
            assert library_verdict(source["Phone Number"][row["source_row"]]) is None
        else:
            assert row["leadPhone"] is not None
            assert row["leadTimezone"] is None
            assert (row["time_zone"] is None) == (row["reason"] == "TIME_ZONE_UNKNOWN")


def test_every_dispute_about_a_zone_is_noted_and_is_one(prepared):
    disputed = prepared["time_zone_conflict"]
    assert 0 < disputed.sum() < 0.1 * prepared.height
    noted = prepared["note"].fill_null("").str.contains("time zone in dispute")
    assert noted.equals(disputed.fill_null(value=False))
    said = prepared.filter(disputed).select("zip_zone", "number_zone", "state_zone")
    assert said.select(pl.concat_list(pl.all()).list.drop_nulls().list.n_unique() > 1).to_series().all()
