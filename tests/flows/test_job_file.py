"""The job file: read into typed values, or refused with the file, the key and the nearest known one."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from flows.job_file import Columns, CsvSource, Delivery, ExcelSource, Job, Load, Notify, Quality, TimeZones, read_job
from flows.request_body import load_options
from tests.conftest import PROJECT
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
        ('[phones]\nphone_region = "GB"\nextension = "ext"\n', "phones.extension"),
        ('[phones]\nphone_region = "XX"\n', "'XX' is no ISO 3166 code"),
        ('[duplicates]\nkeep = "largest"\n', "name it with by"),
        ('[duplicates]\nby = "updated"\n', "name it with by"),
        ('[time_zones]\ncalling_hours = ["20:00", "09:00"]\n', "the earlier one first"),
        ('[time_zones]\norder = ["zip", "zip"]\n', "each source of time zones once"),
    ],
)
def test_what_cannot_go_together_is_refused_with_its_key(read, section, told):
    with pytest.raises(ConfigurationError, match=told):
        read(GOOD + section)


def test_numbers_of_another_country_switch_the_international_options_on(read):
    job = read(GOOD + '[phones]\nphone_region = "gb"\n')

    options = load_options(job)
    assert job.is_abroad
    assert (options.phone_numbers_i18n_enabled, options.international_number_format) == (True, True)
    assert options.number_origin_country == "GB"


def test_options_that_contradict_the_numbers_are_refused(read):
    with pytest.raises(ConfigurationError, match="phone_numbers_i18n_enabled"):
        read(GOOD + 'phone_numbers_i18n_enabled = false\n[phones]\nphone_region = "GB"\n')
    with pytest.raises(ConfigurationError, match="number_origin_country is FR"):
        read(GOOD + 'number_origin_country = "FR"\n[phones]\nphone_region = "GB"\n')
