"""Leads that an earlier run loaded just as they are: not sent again where the job says so, and accounted for."""

import json
import shutil
import sqlite3

import polars as pl
import pytest
from click.testing import CliRunner

from flows.cli import cli
from tests.conftest import lead_rows

SKIP = {"already_loaded": "skip"}


@pytest.fixture
def here(environment, tmp_path, monkeypatch):
    """Run the real command in this process; returns its exit code and report."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        ended = CliRunner().invoke(cli, [*map(str, arguments), "--json", "--debug"])
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        assert ended.exit_code == code, ended.stderr
        return json.loads(ended.stdout)

    return run


def outcomes_of(report):
    return pl.read_parquet(f"{report['folder']}/outcomes.parquet")


def counted(report, **wanted):
    counts = {name: number for name, number in report["counts"].items() if number and name != "rows_read"}
    assert report["balanced"]
    assert counts == wanted
    return report


def test_what_is_the_same_is_not_sent_again_and_what_changed_is(here, make_job, ringcx):
    rows = lead_rows(25)
    first = counted(here("load", make_job(rows, load=SKIP)), LOADED=25)
    rows[3]["name"] = "Renamed"
    rows[4]["phone"] = "203-555-7777"
    rows[5]["name"] = ""
    rows[6]["phone"] = rows[6]["phone"].replace("-", ".")  # the same number, written otherwise
    rows += lead_rows(2, 50)
    requests = ringcx.state.requests_of("direct")

    again = counted(here("load", make_job(rows, load=SKIP)), LOADED=5, UNCHANGED=22)

    assert ringcx.state.requests_of("direct") == requests + 1
    assert (again["batches"], again["leads_staged"]) == (1, 5)
    assert again["headline"] == "27 of 27 rows are in RingCX (22 were loaded before)."
    before = {lead.extern_id: lead for lead in ringcx.state.leads()[:25]}
    told = outcomes_of(again).filter(pl.col("outcome") == "UNCHANGED")
    assert told["source_row"].to_list() == [0, 1, 2, *range(6, 25)]
    assert set(told["detail"]) == {f"loaded before, by the run {first['run_id']}"}
    assert told["reason"].null_count() == told["batch_id"].null_count() == 22
    assert told["leadId"].to_list() == [before[name].lead_id for name in told["externId"]]
    assert told["listId"].to_list() == [before[name].list_id for name in told["externId"]]
    assert not (pl.read_csv(f"{again['folder']}/rejects.csv", infer_schema=False).height)
    assert not [warning for warning in again["warnings"] if "loaded before" in warning]


def test_without_the_option_every_lead_is_sent_again(here, make_job, ringcx):
    job = make_job(lead_rows(5))
    here("load", job)

    counted(here("load", job), LOADED=5)

    assert ringcx.state.lead_count == 10


def test_a_night_without_news_sends_nothing_and_is_green(here, make_job, ringcx):
    job = make_job(lead_rows(5), load=SKIP)
    here("load", job)
    requests = ringcx.state.requests_of("direct")

    again = counted(here("load", job), UNCHANGED=5)

    assert (again["status"], again["batches"], again["requests"]) == ("succeeded", 0, 0)
    assert ringcx.state.requests_of("direct") == requests
    counted(here("load", job), UNCHANGED=5)  # and nights after


def test_every_run_keeps_what_later_ones_need(here, make_job):
    """The run that loaded them may be gone, as long as a later one met the leads again."""
    job = make_job(lead_rows(5), load=SKIP)
    first = here("load", job)
    here("load", job)
    shutil.rmtree(first["folder"])

    third = counted(here("load", job), UNCHANGED=5)

    assert set(outcomes_of(third)["detail"]) == {f"loaded before, by the run {first['run_id']}"}
    assert outcomes_of(third)["leadId"].null_count() == 0
    assert "The lead data of 1 earlier run is not kept any more" in " ".join(third["warnings"])
    assert first["run_id"] in " ".join(third["warnings"])


@pytest.mark.parametrize("how", ["folder removed", "pruned", "damaged", "written over"])
def test_runs_whose_files_are_gone_count_as_never_loaded_and_are_told_of(here, make_job, tmp_path, how):
    job = make_job(lead_rows(5), load=SKIP)
    first = here("load", job, "--out", "first")
    match how:
        case "folder removed":
            shutil.rmtree(first["folder"])
        case "pruned":
            with sqlite3.connect(tmp_path / "home" / "ledger.sqlite") as ledger:
                ledger.execute("UPDATE leadferry_runs SET pruned_at = '2026-01-01T00:00:00+00:00'")
        case "damaged":
            (tmp_path / "first" / "outcomes.parquet").write_bytes(b"PAR1")
        case "written over":
            other = make_job(lead_rows(2, 70), name="other")
            here("load", other, "--out", "first")

    again = counted(here("load", job), LOADED=5)

    assert "sent again" in " ".join(again["warnings"])


def test_only_the_same_campaign_and_job_count(here, make_job):
    rows = lead_rows(3)
    here("load", make_job(rows, load=SKIP))
    here("load", make_job(rows, name="other", load=SKIP))
    counted(here("load", make_job(rows, load=SKIP | {"campaign": None, "campaign_id": 12346})), LOADED=3)
    counted(here("load", make_job(rows, load=SKIP | {"campaign": None, "campaign_id": 12345})), UNCHANGED=3)


def test_the_newest_load_of_a_lead_is_what_counts(here, make_job):
    rows = lead_rows(1)
    job = make_job(rows, load=SKIP)
    here("load", job)
    make_job([rows[0] | {"name": "Renamed"}], load=SKIP)
    second = counted(here("load", job), LOADED=1)
    make_job(rows, load=SKIP)

    counted(here("load", job), LOADED=1)  # back to what it was before the second run: that is news
    make_job([rows[0] | {"name": "Renamed"}], load=SKIP)
    last = counted(here("load", job), LOADED=1)
    again = counted(here("load", job), UNCHANGED=1)
    assert last["run_id"] != second["run_id"]
    assert outcomes_of(again)["detail"].to_list() == [f"loaded before, by the run {last['run_id']}"]


def test_the_season_changes_no_lead(here, make_job):
    rows = lead_rows(4)
    job = make_job(rows, load=SKIP, time_zones={"as_of": "2026-01-15"})
    here("load", job)
    job = make_job(rows, load=SKIP, time_zones={"as_of": "2026-07-15"})

    counted(here("load", job), UNCHANGED=4)
    moved = make_job([row | {"zip": "60601", "state": "IL", "phone": row["phone"]} for row in rows], load=SKIP)
    assert here("load", moved)["counts"]["UNCHANGED"] == 0


def test_a_column_that_is_new_and_empty_changes_no_lead_and_one_that_is_filled_does(here, make_job):
    rows = [row | {"color": color} for row, color in zip(lead_rows(4), ["", "", "red", ""], strict=True)]
    here("load", make_job(rows, load=SKIP))

    again = here("load", make_job(rows, load=SKIP, columns={"auxData1": "color"}))

    counted(again, UNCHANGED=3, LOADED=1)


def test_refused_and_repeated_rows_keep_their_own_outcomes(here, make_job):
    rows = lead_rows(6)
    rows[2]["phone"] = "12"
    rows[3]["phone"] = rows[0]["phone"]
    job = make_job(rows, load=SKIP)
    counted(here("load", job), LOADED=4, REJECTED=1, DUPLICATE=1)

    again = counted(here("load", job), UNCHANGED=4, REJECTED=1, DUPLICATE=1)

    assert outcomes_of(again)["outcome"].to_list() == [
        "UNCHANGED", "UNCHANGED", "REJECTED", "DUPLICATE", "UNCHANGED", "UNCHANGED",
    ]  # fmt: skip


def test_with_the_last_row_kept_and_decimal_ids_it_is_the_same(here, make_job):
    rows = [row | {"id": f"{number}.0"} for number, row in enumerate(lead_rows(5))]
    job = make_job(rows, load=SKIP, duplicates={"keep": "last"})
    here("load", job)

    again = counted(here("load", job), UNCHANGED=5)

    assert outcomes_of(again)["externId"].to_list() == ["0", "1", "2", "3", "4"]


def test_a_check_and_a_plan_tell_what_would_not_be_sent_without_credentials(here, make_job, ringcx, monkeypatch):
    rows = lead_rows(4)
    job = make_job(rows, load=SKIP)
    counted(here("check", job), NOT_SENT=4)
    here("load", job)
    make_job(rows + lead_rows(1, 30), load=SKIP)
    for name in ("RC_CLIENT_ID", "RC_CLIENT_SECRET", "RC_JWT", "RINGCX_ACCOUNT_ID"):
        monkeypatch.delenv(name)
    requests = len(ringcx.state.requests)

    counted(here("check", job), UNCHANGED=4, NOT_SENT=1)
    plan = here("load", "--dry-run", job)
    assert plan["headline"] == "1 of 5 rows would be sent in 1 request."

    assert [lead["externId"] for lead in plan["first_request_body"]["uploadLeads"]] == ["X00030"]
    assert len(ringcx.state.requests) == requests


def test_leads_that_never_arrived_are_sent_again_with_a_word_on_the_run_that_stopped(here, make_job, ringcx):
    job = make_job(lead_rows(15), load=SKIP, delivery={"give_up_seconds": 1})
    ringcx.set_faults([{"call": "direct", "from": 2, "fault": "status_before_commit", "status": 503}])
    first = here("load", job, code=1)
    loaded = first["counts"]["LOADED"]
    assert loaded in {5, 10}  # whichever request came first
    ringcx.set_faults([])

    again = counted(here("load", job), UNCHANGED=loaded, LOADED=15 - loaded)

    told = " ".join(again["warnings"])
    assert "1 earlier run did not settle every lead" in told
    assert first["run_id"] in told
    assert not ringcx.state.doubles()


def test_who_was_forgotten_is_not_known_any_more_and_that_is_told(here, make_job):
    job = make_job(lead_rows(4), load=SKIP)
    here("load", job, "--run-id", "first")
    here("load", job)
    here("forget", "X00002")

    again = counted(here("load", job), UNCHANGED=3, LOADED=1)

    assert outcomes_of(again).filter(pl.col("outcome") == "LOADED")["externId"].to_list() == ["X00002"]
    told = " ".join(again["warnings"])
    assert "Somebody was forgotten in 2 earlier runs" in told
    assert "X00002" not in told


def test_what_was_decided_stays_so_in_a_resume(here, make_job, ringcx, tmp_path):
    rows = lead_rows(10)
    job = make_job(rows, load=SKIP, delivery={"give_up_seconds": 1})
    here("load", job)
    make_job(rows + lead_rows(10, 30), load=SKIP, delivery={"give_up_seconds": 1})
    ringcx.set_faults([{"call": "direct", "from": 1, "fault": "status_before_commit", "status": 503}])
    stopped = here("load", job, "--run-id", "tonight", code=1)
    assert (stopped["counts"]["UNCHANGED"], stopped["counts"]["NOT_SENT"]) == (10, 10)
    ringcx.set_faults([])
    shutil.rmtree(next((tmp_path / "home" / "runs").glob("leads-*")))  # the run before is gone meanwhile

    counted(here("resume", "tonight"), UNCHANGED=10, LOADED=10)

    assert not ringcx.state.doubles()
