"""Where a run's files go: private, and never over those of a run that may still go on."""

import stat

import pytest

from flows.run_place import check_run_id, new_run_id, place_of
from tests.conftest import lead_rows
from transforms.vocabulary.errors import ConfigurationError


def test_a_run_folder_is_private(tmp_path):
    folder = place_of(tmp_path, "tonight", None)

    assert folder.path == tmp_path / "runs" / "tonight"
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


@pytest.mark.parametrize("run_id", ["", ".", "..", "a/b", "../x", "a b", "-x", "x" * 151, "é"])
def test_a_run_id_cannot_leave_its_folder(run_id):
    with pytest.raises(ConfigurationError):
        check_run_id(run_id)


def test_fresh_run_ids_differ_and_are_valid():
    ids = {check_run_id(new_run_id("My job! №1")) for _ in range(20)}

    assert len(ids) == 20
    assert all(each.startswith("my-job-1-") for each in ids)


def test_an_ended_runs_folder_can_be_used_again_and_shows_the_new_run_alone(leadferry, make_job, tmp_path):
    out = tmp_path / "out"
    assert leadferry("load", make_job(lead_rows(6), name="first"), "--out", out).code == 0

    ended = leadferry("load", make_job(lead_rows(4, first=50), name="second"), "--out", out, "--json")

    assert ended.json["counts"]["rows_read"] == 4
    assert ended.json["counts"]["LOADED"] == 4


def test_the_folder_of_a_run_that_may_go_on_is_not_written_over(leadferry, make_job, ringcx, tmp_path):
    out = tmp_path / "out"
    ringcx.set_faults([{"call": "direct", "from": 1, "fault": "status_before_commit", "status": 403}])
    assert leadferry("load", make_job(lead_rows(4)), "--out", out, "--run-id", "stuck").code == 1
    ringcx.set_faults([])

    for command in ("load", "check"):
        ended = leadferry(command, make_job(lead_rows(4)), "--out", out)
        assert ended.code == 2
        assert "leadferry resume stuck" in ended.err


def test_a_check_or_dry_run_never_touches_a_recorded_run(leadferry, make_job, tmp_path):
    job = make_job(lead_rows(4))
    assert leadferry("load", job, "--run-id", "tonight").code == 0
    report = tmp_path / "home" / "runs" / "tonight" / "report.json"
    before = report.read_bytes()

    for command in (["check"], ["load", "--dry-run"]):
        assert leadferry(*command, job, "--run-id", "tonight").code == 2
    assert report.read_bytes() == before
