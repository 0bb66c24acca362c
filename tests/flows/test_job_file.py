"""The job file: read into typed values, or refused with the file, the key and the nearest known one."""

import datetime as dt
from pathlib import Path

import pytest
from phonenumbers import SUPPORTED_REGIONS
from pydantic import BaseModel

from flows.job_file import Columns, CsvSource, Delivery, ExcelSource, Job, Load, Notify, Quality, TimeZones, read_job
from flows.request_body import load_options
from tests.conftest import PROJECT
from transforms.vocabulary.countries import TWO_LETTERS
from transforms.vocabulary.errors import ConfigurationError
from transforms.vocabulary.lead_fields import INTEGER_FIELDS, OBJECT_FIELDS, TEXT_FIELDS
from transforms.vocabulary.options import DialPriority

GOOD = """
name = "x"
[source]
type = "csv"
path = "in/leads.csv"
[columns]
externId = "id"
leadPhone = "phone"
[load]
campaign = "c"
description = "d"
dial_priority = "IMMEDIATE"
duplicate_handling = "RETAIN_ALL"
time_zone_option = "ZIPCODE"
"""


@pytest.fixture
def read(tmp_path):
    def write_and_read(text: str) -> Job:
        path = tmp_path / "job.toml"
        path.write_text(text, encoding="utf-8")
        return read_job(path)

    return write_and_read


def test_paths_are_relative_to_the_job_file(read, tmp_path):
    assert read(GOOD).source.path == str(tmp_path / "in" / "leads.csv")


def test_an_absolute_path_stays(read):
    assert read(GOOD.replace("in/leads.csv", "/data/leads.csv")).source.path == "/data/leads.csv"


def test_one_phone_column_is_a_list_of_one(read):
    job = read(GOOD)

    assert job.columns.leadPhone == ("phone",)
    assert job.load.dial_priority is DialPriority.IMMEDIATE
    assert job.quality.max_reject_rate == 0.25


def test_a_job_survives_being_kept_as_json(read):
    job = read(GOOD + 'dnc_tags = ["a"]\nschedule_archive_dts = 2030-01-31T00:00:00Z\n')

    assert Job.model_validate_json(job.model_dump_json()) == job
    assert job.load.schedule_archive_dts == "2030-01-31T00:00:00+00:00"


def test_every_documented_lead_field_can_be_mapped():
    assert set(Columns.model_fields) == {*TEXT_FIELDS, *INTEGER_FIELDS, *OBJECT_FIELDS}


WRONG = {
    "an unknown table": (GOOD + "[qualty]\nmax_reject_rate = 1\n", "qualty: unknown key; did you mean 'quality'?"),
    "an unknown key": (GOOD.replace("campaign =", "campain ="), "load.campain: unknown key; did you mean 'campaign'?"),
    "a key of another case": (GOOD.replace("externId", "externid"), "did you mean 'externId'?"),
    "an unknown source key": (GOOD.replace('path = "in', 'pth = "in'), "source.pth: unknown key; did you mean 'path'?"),
    "a missing key": (GOOD.replace('description = "d"', ""), "load.description: this key is required"),
    "an unknown option": (GOOD.replace("RETAIN_ALL", "RETAIN"), "did you mean 'RETAIN_ALL'?"),
    "an unknown source": (GOOD.replace('"csv"', '"xls"'), "source.type: 'xls' is no kind of source"),
    "no source type": (GOOD.replace('type = "csv"', ""), "source.type: this key is required"),
    "no campaign": (GOOD.replace('campaign = "c"', ""), "give either campaign (a name) or campaign_id (a number)"),
    "two campaigns": (GOOD.replace('campaign = "c"', 'campaign = "c"\ncampaign_id = 3'), "give either campaign"),
    "no number": (GOOD.replace('leadPhone = "phone"', ""), "map leadPhone (or leadPhoneE164)"),
    "a batch of none": (GOOD + "batch_size = 0\n", "load.batch_size"),
    "a rate above one": (GOOD + "[quality]\nmax_reject_rate = 25\n", "quality.max_reject_rate"),
    "a time without an offset": (GOOD + 'schedule_archive_dts = "2030-01-31"\n', "a time with its offset"),
    "a name that is a path": (GOOD.replace('name = "x"', 'name = "../x"'), "name:"),
    "an unknown run parameter": (GOOD.replace("in/leads", "{run_dat}/leads"), "source.path: {run_dat} has an unknown"),
    "no time zone": (GOOD.replace('path = "in', 'time_zone = "Mars"\npath = "in'), "source.time_zone: 'Mars' is no"),
    "a wait that is none": (GOOD.replace('path = "in', 'wait_minutes = 5\npath = "in'), 'need missing = "wait"'),
    "a sheet before the first": (GOOD.replace('"csv"', '"excel"\nsheet = 0'), "source.sheet"),
    "a sheet of no CSV": (GOOD.replace('"csv"', '"csv"\nsheet = 1'), "source.sheet: unknown key"),
    "no TOML": ("name = ", "is not valid TOML"),
    "a number for a column": (GOOD.replace('externId = "id"', "externId = 1"), "columns.externId"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_job_names_the_file_the_key_and_what_is_known(read, what):
    text, words = WRONG[what]

    with pytest.raises(ConfigurationError) as caught:
        read(text)

    assert words in caught.value.message
    assert "job.toml" in caught.value.message
    assert caught.value.exit_code == 2


def test_all_faults_are_told_at_once(read):
    with pytest.raises(ConfigurationError) as caught:
        read(GOOD.replace("campaign =", "campain =").replace("RETAIN_ALL", "x").replace('description = "d"', ""))

    assert all(key in caught.value.message for key in ("load.campain", "load.duplicate_handling", "load.description"))


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "job.toml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_job(tmp_path / "job.toml")


@pytest.mark.parametrize("model", [Job, CsvSource, ExcelSource, Columns, Load, Quality, TimeZones, Delivery, Notify])
def test_every_key_is_in_the_reference(model: type[BaseModel]):
    reference = (PROJECT / "docs" / "job-file.md").read_text(encoding="utf-8").replace("`auxData1` to `auxData5`", "")
    keys = [key for key in model.model_fields if not key.startswith("auxData")]

    assert not [key for key in keys if f"`{key}`" not in reference and f"[{key}]" not in reference]


@pytest.mark.parametrize("path", sorted((PROJECT / "data-samples").glob("*.toml")), ids=lambda path: path.name)
def test_the_samples_are_valid_jobs(path: Path):
    assert read_job(path).name.startswith("sample-leads")


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('[phones]\nphone_region = "GB"\nus_only = true\npremium_rate = "refuse"\n', "us_only, phones.premium_rate"),
        ('number_origin_country = "GBR"\n[phones]\ntoll_free = "refuse"\n', "phones.toll_free"),
        ('number_origin_country = "England"\n', "load.number_origin_country: 'England' .*phones.phone_region"),
        ('number_origin_country = "UK"\n', "load.number_origin_country: 'UK' .*phones.phone_region"),
        ("international_number_format = true\n", "load.international_number_format: it cannot be true"),
        ('[phones]\nphone_region = "XX"\n', "'XX' is no ISO 3166 code"),
        ('[phones]\nphone_region = "GBR"\n', "'GBR' is no ISO 3166 code of two letters .*GB"),
        ('[duplicates]\nkeep = "largest"\n', "name it with by"),
        ('[duplicates]\nby = "updated"\n', "name it with by"),
        ('[time_zones]\ncalling_hours = ["20:00", "09:00"]\n', "the earlier one first"),
        ('[time_zones]\norder = ["zip", "zip"]\n', "each source of time zones once"),
        ("[time_zones]\ncalling_hours = [9, 20]\n", "time_zones.calling_hours"),
        ("[time_zones]\ncalling_hours = [32400, 72000]\n", "two times in the lead's own zone"),
        ('[time_zones]\ncalling_hours = ["09:00Z", "20:00+02:00"]\n', "two times in the lead's own zone"),
        ("[time_zones]\nas_of = 0\n", "write a day"),
    ],
)
def test_what_cannot_go_together_is_refused_with_its_key(read, section, told):
    with pytest.raises(ConfigurationError, match=told):
        read(GOOD + section)


@pytest.mark.parametrize("hours", ["[09:00:00, 20:00:00]", '["9:00", "20:00"]', '["09:00:00", "20:00"]'])
def test_calling_hours_are_times_or_texts_of_them(read, hours):
    assert read(f"{GOOD}[time_zones]\ncalling_hours = {hours}\n").time_zones.calling_hours == (
        dt.time(9),
        dt.time(20),
    )


def test_the_day_of_a_run_is_that_of_the_sources_own_zone(read):
    """In the evening it is tomorrow in UTC: on the eve of a change its clocks are not yet those of tomorrow."""
    evening = dt.datetime(2026, 11, 1, 1, 30, tzinfo=dt.UTC)
    job = read(GOOD)
    there = job.source.model_copy(update={"time_zone": "America/New_York"})

    assert job.model_copy(update={"source": there}).day_of(evening) == dt.date(2026, 10, 31)
    assert job.day_of(evening) == evening.astimezone().date()


@pytest.mark.parametrize("key", ["us_only = true", 'personal_number = "refuse"'])
def test_no_choice_of_numbers_is_left_without_effect(read, key):
    numbers = GOOD.replace('leadPhone = "phone"', 'leadPhoneE164 = "phone"')
    with pytest.raises(ConfigurationError, match=f"phones.{key.split()[0]}: only numbers"):
        read(f"{numbers}[phones]\n{key}\n")
    beside = numbers.replace("[load]", 'auxPhone = "second"\n[load]')
    assert read(f"{beside}[phones]\n{key}\n").sends_e164


def test_an_extension_needs_a_column_that_may_have_one(read):
    section = '[phones]\nextension = "ext"\n'
    e164 = GOOD.replace('leadPhone = "phone"', 'leadPhoneE164 = "phone"')
    with pytest.raises(ConfigurationError, match="it keeps the extensions of leadPhone"):
        read(e164 + section)
    assert read(e164 + 'number_origin_country = "GB"\n' + section).phones.extension == "ext"


@pytest.mark.parametrize(
    ("keys", "origin"),
    [
        ('[phones]\nphone_region = "gb"\n', "GB"),
        ('number_origin_country = "GB"\n', "GB"),
        ('number_origin_country = "gbr"\n', "GBR"),
        ('number_origin_country = "GBR"\n[phones]\nphone_region = "GB"\n', "GBR"),
        ('number_origin_country = "England"\n[phones]\nphone_region = "GB"\n', "England"),
        ('number_origin_country = "44"\n[phones]\nphone_region = "GB"\n', "44"),
    ],
)
def test_numbers_of_another_country_switch_the_international_options_on(read, keys, origin):
    job = read(GOOD + keys)

    options = load_options(job)
    assert job.is_abroad
    assert job.phone_region == "GB"
    assert (options.phone_numbers_i18n_enabled, options.international_number_format) == (True, True)
    assert options.number_origin_country == origin


@pytest.mark.parametrize("country", ["US", "USA", "can"])
def test_a_country_of_the_nanp_switches_no_international_option_on(read, country):
    job = read(f'{GOOD}number_origin_country = "{country}"\n')

    options = load_options(job)
    assert not job.is_abroad
    assert job.phone_region == country.upper()[:2]
    assert (options.phone_numbers_i18n_enabled, options.international_number_format) == (None, None)


def test_the_guides_own_options_for_ten_digits_are_taken(read):
    """RingCX's guide to bulk import loads ten digits with these two."""
    job = read(GOOD + "phone_numbers_i18n_enabled = true\ninternational_number_format = false\n")

    options = load_options(job)
    assert (options.phone_numbers_i18n_enabled, options.international_number_format) == (True, False)


def test_every_code_of_three_letters_means_a_country_with_telephones():
    assert set(TWO_LETTERS.values()) == SUPPORTED_REGIONS - {"AC", "TA", "XK"}
    assert {code: TWO_LETTERS[code] for code in ("AUT", "AUS", "CHE", "CHN", "SVK", "SVN")} == {
        "AUT": "AT", "AUS": "AU", "CHE": "CH", "CHN": "CN", "SVK": "SK", "SVN": "SI"
    }  # fmt: skip


@pytest.mark.parametrize("key", ["phone_numbers_i18n_enabled", "international_number_format"])
@pytest.mark.parametrize(
    "numbers", [GOOD, GOOD.replace('leadPhone = "phone"', 'leadPhone = "phone"\nleadPhoneE164 = "other"')]
)
def test_no_international_option_is_false_beside_e164_numbers(read, numbers, key):
    section = '[phones]\nphone_region = "GB"\n' if numbers == GOOD else ""
    with pytest.raises(ConfigurationError, match=f"load.{key}: it cannot be false"):
        read(f"{numbers}{key} = false\n{section}")


@pytest.mark.parametrize("origin", ["FR", "USA", "Fr"])
def test_an_origin_of_another_country_than_the_numbers_is_refused(read, origin):
    with pytest.raises(
        ConfigurationError, match=f"load.number_origin_country is {origin.upper()}, but phones.phone_region GB"
    ):
        read(f'{GOOD}number_origin_country = "{origin}"\n[phones]\nphone_region = "GB"\n')
