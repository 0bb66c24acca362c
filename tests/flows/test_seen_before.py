"""A re-run over the same rows is recognised, whatever the file is called."""

import pytest

from tests.conftest import lead_rows


@pytest.mark.parametrize("how", ["warn", "stop", "ignore"])
def test_rows_that_an_earlier_run_loaded_are_recognised(leadferry, make_job, ringcx, tmp_path, how):
    job = make_job(lead_rows(5), quality={"seen_before": how})
    first = leadferry("load", job, "--json")
    assert first.code == 0
    assert "before" not in first.err

    again = leadferry("load", job, "--json", "--out", tmp_path / "again")

    assert again.code == (3 if how == "stop" else 0), again
    assert (f"loaded before, by the run {first.json['run_id']}" in again.out + again.err) == (how != "ignore")
    assert ringcx.state.lead_count == (5 if how == "stop" else 10)
    assert (again.json["counts"]["NOT_SENT"] == 5) == (how == "stop")
    if how == "stop":
        assert again.json["headline"].startswith("Nothing was sent: the same rows were loaded before")


def test_other_rows_and_runs_that_sent_nothing_are_no_reason_to_warn(leadferry, make_job, ringcx):
    job = make_job(lead_rows(5), quality={"seen_before": "stop"})
    ringcx.set_faults([{"call": "direct", "from": 1, "fault": "status_before_commit", "status": 403}])
    assert leadferry("load", job).code == 1
    ringcx.set_faults([])

    assert leadferry("load", job).code == 0
    assert leadferry("load", make_job(lead_rows(6), quality={"seen_before": "stop"})).code == 0
    assert leadferry("load", make_job(lead_rows(5), quality={"seen_before": "stop"})).code == 3


def test_a_resume_of_the_same_run_is_not_a_second_load(leadferry, make_job):
    job = make_job(lead_rows(5), quality={"seen_before": "stop"})
    assert leadferry("load", job, "--run-id", "tonight").code == 0

    assert leadferry("resume", "tonight").code == 0
