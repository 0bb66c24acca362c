"""What a job does not say: its defaults, and what follows from the keys that it has."""

import pytest

from flows.job_file import Job, read_job, read_recorded_job
from flows.request_body import load_options
from tests.flows.test_job_file import GOOD
from transforms.vocabulary.errors import ConfigurationError


@pytest.fixture
def read(tmp_path):
    """Read a job from its text."""

    def write_and_read(text):
        path = tmp_path / "job.toml"
        path.write_text(text, encoding="utf-8")
        return read_job(path)

    return write_and_read


def test_what_a_job_leaves_out_is_what_the_reference_says(read):
    job = read(GOOD)
    assert job.time_zones.model_dump() == {
        "names": "run_date",
        "as_of": None,
        "unknown": "reject",
        "order": ("source", "zip", "number", "state"),
        "conflict": "safe",
        "calling_hours": None,
    }
    assert job.phones.model_dump() == {
        "phone_region": None,
        "us_only": False,
        "toll_free": "warn",
        "premium_rate": "warn",
        "personal_number": "warn",
        "extension": None,
    }
    assert (job.quality.damage, job.quality.damage_share, job.duplicates.keep) == ("warn", 0.01, "first")


@pytest.mark.parametrize("region", ["CA", "PR", "JM"])
def test_a_country_of_the_nanp_is_not_abroad(read, region):
    job = read(GOOD + f'[phones]\nphone_region = "{region}"\n')
    assert not job.is_abroad
    assert load_options(job).number_origin_country is None


def test_mapped_e164_numbers_switch_the_international_options_on(read):
    options = load_options(read(GOOD.replace('leadPhone = "phone"', 'leadPhone = "phone"\nleadPhoneE164 = "abroad"')))
    assert (options.phone_numbers_i18n_enabled, options.international_number_format) == (True, True)
    assert options.number_origin_country is None
    plain = load_options(read(GOOD))
    assert plain.phone_numbers_i18n_enabled is plain.international_number_format is plain.number_origin_country is None


def test_the_jobs_own_country_of_origin_is_sent_as_it_is_written(read):
    region = '[phones]\nphone_region = "GB"\n'
    assert load_options(read(GOOD + 'number_origin_country = "GBR"\n' + region)).number_origin_country == "GBR"
    assert read(GOOD + 'number_origin_country = "gb"\n' + region).phone_region == "GB"


def test_an_extension_needs_a_label_of_its_own(read):
    with pytest.raises(ConfigurationError, match="has this label already"):
        read(GOOD.replace("[load]", 'extendedLeadData = { ext = "e" }\n[load]') + '[phones]\nextension = "ext"\n')


def test_a_column_is_looked_at_as_the_first_field_that_it_fills(read):
    more = (
        'auxData1 = "id"\npersonaPhoneConfig = { home = "home" }\n'
        'extendedLeadData = { p = "phone", note = "note" }\n[load]'
    )
    assert read(GOOD.replace("[load]", more)).column_roles() == {
        "id": "externId",
        "phone": "leadPhone",
        "home": "personaPhoneConfig",
        "note": "extendedLeadData",
    }


def test_the_job_of_a_run_is_read_as_it_was_taken(read):
    """A run that an earlier version began has to end, and its leads to be found and forgotten."""
    kept = (
        read(GOOD).model_dump_json().replace('"international_number_format":null', '"international_number_format":true')
    )

    assert read_recorded_job(kept).load.international_number_format is True
    with pytest.raises(ValueError, match="international_number_format"):
        Job.model_validate_json(kept)


def test_a_job_that_this_version_cannot_read_is_told_by_its_key(read):
    kept = read(GOOD).model_dump_json().replace('"batch_size":', '"size_of_batches":')

    with pytest.raises(ConfigurationError, match="size_of_batches") as told:
        read_recorded_job(kept)
    assert told.value.code == "RUN_JOB_UNREADABLE"
