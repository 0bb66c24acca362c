"""Delivery over real HTTP against a RingCX that fails in every documented way: each lead lands once, or is named."""

import datetime as dt
import os
import re
import signal
import time

import polars as pl
import pytest

from connectors.ledger import EventState, Ledger
from connectors.sandbox.settings import SandboxSettings
from tests.conftest import lead_rows

ENDS_WELL = {
    "dropped before it was carried out": [{"call": "direct", "nth": 1, "fault": "drop_before_commit"}],
    "dropped after it was carried out": [{"call": "direct", "nth": 1, "fault": "drop_after_commit"}],
    "half carried out, then dropped": [{"call": "direct", "nth": 1, "fault": "drop_half_committed"}],
    "dropped, carried out a little later": [
        {"call": "direct", "nth": 1, "fault": "drop_then_commit_late", "seconds": 0.8}
    ],
    "500 before": [{"call": "direct", "nth": 1, "fault": "status_before_commit", "status": 500}],
    "503 after": [{"call": "direct", "nth": 1, "fault": "status_after_commit", "status": 503}],
    "504 before, then after": [
        {"call": "direct", "nth": 1, "fault": "status_before_commit", "status": 504},
        {"call": "direct", "nth": 2, "fault": "status_after_commit", "status": 504},
    ],
    "429 with Retry-After": [{"call": "direct", "nth": 2, "fault": "throttle", "retry_after": "seconds", "seconds": 1}],
    "an expired token": [{"call": "direct", "nth": 2, "fault": "expire_token"}],
    "all tokens revoked": [{"call": "direct", "nth": 2, "fault": "revoke_tokens"}],
    "a truncated 200": [{"call": "direct", "nth": 1, "fault": "truncated_answer"}],
    "a 200 that is no JSON, after": [{"call": "direct", "nth": 1, "fault": "not_json_answer", "when": "after"}],
    "a 200 that is no JSON, before": [{"call": "direct", "nth": 1, "fault": "not_json_answer", "when": "before"}],
    "slower than the time-out": [{"call": "direct", "nth": 1, "fault": "slow", "seconds": 3.0, "when": "after"}],
    "a search that fails": [
        {"call": "direct", "nth": 1, "fault": "drop_after_commit"},
        {"call": "search", "nth": 1, "fault": "search_fails"},
    ],
    "a page that repeats": [{"call": "search", "nth": 1, "fault": "duplicate_page"}],
    "nobody listening for a while": [{"call": "direct", "nth": 1, "fault": "refuse_connections", "seconds": 1.0}],
}
PATIENT = {"timeout_seconds": 2, "settle_seconds": 1.5, "give_up_seconds": 20}


@pytest.mark.parametrize("what", ENDS_WELL)
def test_every_lead_lands_exactly_once_when_a_request_is(leadferry, make_job, ringcx, what):
    job = make_job(lead_rows(25), delivery=PATIENT)
    ringcx.set_faults(ENDS_WELL[what])

    ended = leadferry("load", job, "--json")

    assert ended.code == 0, ended
    assert ended.json["counts"]["LOADED"] == 25
    assert sorted(ringcx.state.times_inserted().values()) == [1] * 25


@pytest.mark.parametrize(
    "settings",
    [
        SandboxSettings(throttles=False, page_base=1, max_rows_cap=4),
        SandboxSettings(throttles=False, max_rows_cap=3, count_shape="object"),
        SandboxSettings(throttles=False, share_lists=True),
        SandboxSettings(throttles=False, search_lag_seconds=0.6),
    ],
    ids=["pages from 1, four rows each", "three rows a page, count in an object", "shared lists", "a lagging index"],
)
def test_a_load_balances_whichever_way_ringcx_answers_searches(leadferry, make_job, ringcx, settings):
    ringcx.reset(settings)

    ended = leadferry("load", make_job(lead_rows(25), delivery=PATIENT), "--json")

    assert ended.code == 0, ended
    assert ended.json["counts"]["LOADED"] == 25


def test_leads_that_were_there_before_are_not_taken_for_ours(leadferry, make_job, ringcx, tmp_path):
    ringcx.reset(SandboxSettings(throttles=False, share_lists=True))
    job = make_job(lead_rows(12), load={"duplicate_handling": "REMOVE_ALL_EXISTING"})
    assert leadferry("load", job, "--json").json["counts"]["LOADED"] == 12

    again = leadferry("load", job, "--json", "--out", tmp_path / "again")

    assert again.code == 0, again
    assert again.json["counts"]["REMOVED_BY_API"] == 12
    assert set(pl.read_parquet(tmp_path / "again" / "outcomes.parquet")["reason"]) == {"API_DUPLICATE"}


def test_a_second_load_that_keeps_everything_names_the_new_leads(leadferry, make_job, ringcx, tmp_path):
    job = make_job(lead_rows(5), load={"duplicate_handling": "RETAIN_ALL"})
    leadferry("load", job, "--out", tmp_path / "first")
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "drop_after_commit"}])
    leadferry("load", job, "--out", tmp_path / "second")

    first, second = (pl.read_parquet(tmp_path / name / "outcomes.parquet")["leadId"] for name in ("first", "second"))
    assert first.null_count() == second.null_count() == 0
    assert not set(first) & set(second)
    assert ringcx.state.lead_count == 10


@pytest.mark.parametrize("batch_size", [2, 5, 30])
@pytest.mark.parametrize("handling", ["REMOVE_FROM_LIST", "REMOVE_ALL_EXISTING", "RETAIN_ALL"])
def test_duplicate_handling_means_the_same_at_any_batch_size(leadferry, make_job, ringcx, handling, batch_size):
    rows = lead_rows(12)
    for place in (3, 7, 11):
        rows[place]["phone"] = rows[1]["phone"]

    ended = leadferry("load", make_job(rows, load={"duplicate_handling": handling, "batch_size": batch_size}), "--json")

    kept = 12 if handling == "RETAIN_ALL" else 9
    assert ended.code == 0, ended
    assert ended.json["counts"]["LOADED"] == ringcx.state.lead_count == kept
    assert ended.json["counts"]["DUPLICATE"] == 12 - kept


def test_do_not_call_numbers_are_told_from_the_leads_that_landed(leadferry, make_job, ringcx, tmp_path):
    ringcx.reset(SandboxSettings(throttles=False, do_not_call=("2035550000", "6175550000")))

    ended = leadferry("load", make_job(lead_rows(12)), "--json", "--out", tmp_path / "out")

    assert ended.code == 0, ended
    outcomes = pl.read_parquet(tmp_path / "out" / "outcomes.parquet")
    assert outcomes.filter(pl.col("reason") == "API_DO_NOT_CALL")["source_row"].to_list() == [0, 1]


@pytest.mark.parametrize("names_rows", [True, False], ids=["rejected rows named", "rejected rows not named"])
def test_a_lead_that_ringcx_rejects_does_not_sink_its_batch(leadferry, make_job, ringcx, tmp_path, names_rows):
    ringcx.reset(SandboxSettings(throttles=False, send_rejected_rows=names_rows))
    rows = lead_rows(6)
    rows[2] |= {"zip": None}  # RingCX is to find time zones by ZIP code

    ended = leadferry("load", make_job(rows, load={"time_zone_option": "ZIPCODE"}), "--json", "--out", tmp_path / "out")

    assert ended.code == 0, ended
    outcomes = pl.read_parquet(tmp_path / "out" / "outcomes.parquet")
    assert outcomes["outcome"].to_list() == ["LOADED"] * 2 + ["REJECTED_BY_API"] + ["LOADED"] * 3
    assert outcomes["reason"][2] == "API_REJECTED_ROW"
    ledger = b"".join(path.read_bytes() for path in (tmp_path / "home").glob("ledger*"))
    assert not [row["phone"] for row in rows if re.sub(r"\D", "", row["phone"]).encode() in ledger]


def test_a_batch_too_large_for_the_server_is_halved_until_it_fits(leadferry, make_job, ringcx):
    ringcx.reset(SandboxSettings(throttles=False, max_leads_per_request=4))

    ended = leadferry("load", make_job(lead_rows(20)), "--json")

    assert ended.code == 0, ended
    assert ended.json["counts"]["LOADED"] == 20
    assert ringcx.state.doubles() == {}


def test_a_server_that_refuses_every_request_ends_the_run_with_exit_1(leadferry, make_job, ringcx):
    ringcx.set_faults([{"call": "direct", "from": 1, "fault": "status_before_commit", "status": 403}])

    ended = leadferry("load", make_job(lead_rows(20)), "--json")

    assert ended.code == 1
    assert ended.json["status"] == "failed"
    assert ended.json["balanced"]
    assert ended.json["counts"]["LOADED"] == 0
    assert ended.json["error"]["code"] == "HTTP_403"


def test_a_search_that_never_answers_leaves_rows_unresolved_and_resume_settles_them(leadferry, make_job, ringcx):
    job = make_job(lead_rows(12), delivery=PATIENT | {"give_up_seconds": 1})
    ringcx.set_faults([{"call": "search", "from": 1, "fault": "search_fails"}])

    ended = leadferry("load", job, "--json", "--run-id", "tonight")
    assert ended.code == 1
    assert ended.json["status"] == "unresolved"
    assert ended.json["counts"]["UNRESOLVED"] == 12

    ringcx.set_faults([])
    again = leadferry("resume", "tonight", "--json")
    assert again.code == 0, again
    assert again.json["counts"]["LOADED"] == 12
    assert ringcx.state.doubles() == {}


def test_a_server_out_of_reach_stops_the_run_and_resume_goes_on(leadferry, make_job, ringcx):
    job = make_job(lead_rows(40), delivery={"give_up_seconds": 1, "max_in_flight": 1})
    ringcx.set_faults([{"call": "direct", "from": 3, "fault": "drop_before_commit"}])

    ended = leadferry("load", job, "--json", "--run-id", "tonight")
    assert ended.code == 1, ended

    ringcx.set_faults([])
    again = leadferry("resume", "tonight", "--json")
    assert again.code == 0, again
    assert again.json["counts"]["LOADED"] == 40
    assert ringcx.state.doubles() == {}


def _wait_for(condition, process):
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the run never came that far"
        time.sleep(0.01)


@pytest.mark.parametrize("batches_before", [1, 3])
def test_a_killed_run_is_resumed_to_the_same_end(leadferry, start_leadferry, make_job, ringcx, batches_before):
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.1))
    job = make_job(lead_rows(60), delivery=PATIENT | {"max_in_flight": 1})
    process = start_leadferry("load", job, "--run-id", "tonight")
    with process:
        _wait_for(lambda: ringcx.state.answers_of("direct", 200) >= batches_before, process)
        process.send_signal(signal.SIGKILL)
    assert ringcx.state.lead_count < 60
    ringcx.state.settings = SandboxSettings(throttles=False)

    again = leadferry("resume", "tonight", "--json")

    assert again.code == 0, again
    assert again.json["counts"]["LOADED"] == 60
    assert again.json["balanced"]
    assert sorted(ringcx.state.times_inserted().values()) == [1] * 60


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_ends_with_130_and_tells_how_to_go_on(leadferry, start_leadferry, make_job, ringcx, number):
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.1))
    job = make_job(lead_rows(60), delivery={"max_in_flight": 1})
    process = start_leadferry("load", job, "--run-id", "tonight")
    with process:
        _wait_for(lambda: ringcx.state.answers_of("direct", 200) >= 1, process)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    ringcx.state.settings = SandboxSettings(throttles=False)

    assert process.returncode == 130, err
    assert "leadferry resume tonight" in err
    assert "Traceback" not in err
    assert "interrupted" in leadferry("runs").out
    again = leadferry("resume", "tonight", "--json")
    assert again.json["counts"]["LOADED"] == 60
    assert ringcx.state.doubles() == {}


def test_a_second_process_cannot_work_on_the_same_run(leadferry, start_leadferry, make_job, ringcx):
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.6))
    job = make_job(lead_rows(60), delivery={"max_in_flight": 1})
    process = start_leadferry("load", job, "--run-id", "tonight")
    with process:
        _wait_for(lambda: ringcx.state.answers_of("direct", 200) >= 1, process)
        second = leadferry("resume", "tonight")
        ringcx.state.settings = SandboxSettings(throttles=False)
        process.communicate(timeout=60)

    assert second.code == 2
    assert "at work on the run" in second.err
    assert process.returncode == os.EX_OK
    assert ringcx.state.doubles() == {}


def test_a_wait_for_the_throttle_is_no_part_of_an_attempt(leadferry, make_job, ringcx, tmp_path):
    """A resume reckons from an attempt's start how long it may still land, so the start must be the request's own."""
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "throttle", "retry_after": "seconds", "seconds": 2}])
    assert leadferry("load", make_job(lead_rows(4)), "--run-id", "tonight").code == 0

    ledger = Ledger(f"sqlite:///{tmp_path / 'home' / 'ledger.sqlite'}")
    refused, accepted = ledger.events("tonight")
    ledger.close()
    began, ended = dt.datetime.fromisoformat(accepted.started_at), dt.datetime.fromisoformat(refused.finished_at)
    assert (refused.state, accepted.state) == (EventState.NOT_SENT, EventState.ACCEPTED)
    assert (began - ended).total_seconds() > 1.5


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_of_the_caller_blames_no_lead_and_resume_sends_what_it_stopped(leadferry, make_job, ringcx, status):
    job = make_job(lead_rows(40), delivery={"max_in_flight": 1})
    ringcx.set_faults([{"call": "direct", "from": 2, "fault": "status_before_commit", "status": status}])

    ended = leadferry("load", job, "--json", "--run-id", "tonight")
    assert (ended.code, ended.json["error"]["code"]) == (1, f"HTTP_{status}")
    assert (ended.json["counts"]["LOADED"], ended.json["counts"]["NOT_SENT"]) == (10, 30)

    ringcx.set_faults([])
    again = leadferry("resume", "tonight", "--json")
    assert again.code == 0, again
    assert again.json["counts"]["LOADED"] == 40
    assert ringcx.state.doubles() == {}


def test_a_load_that_ringcx_calls_failed_is_not_said_to_be_resumable(leadferry, make_job, ringcx):
    ringcx.set_faults([{"call": "direct", "from": 1, "fault": "processing_failure", "message": "no +1 203 555 0123"}])

    ended = leadferry("load", make_job(lead_rows(4), delivery=PATIENT))

    assert ended.code == 1
    assert "resume" not in ended.err
    assert "555" not in ended.out + ended.err


@pytest.mark.parametrize("seconds", [0.4, 60.0])
def test_nothing_is_sent_before_all_earlier_leads_with_these_ids_were_seen(leadferry, make_job, ringcx, seconds):
    patience = {"give_up_seconds": 5 if seconds < 1 else 1}
    job = make_job(lead_rows(5), load={"duplicate_handling": "RETAIN_ALL"}, delivery=patience)
    assert leadferry("load", job).code == 0
    ringcx.set_faults([{"call": "search", "nth": 1, "fault": "hide_leads", "seconds": seconds}])

    ended = leadferry("load", job, "--json", "--run-id", "second")

    if seconds < 1:
        assert (ended.code, ended.json["counts"]["LOADED"], ringcx.state.lead_count) == (0, 5, 10)
    else:
        assert (ended.code, ended.json["error"]["code"]) == (1, "EARLIER_LEADS_UNSEEN")
        assert (ended.json["counts"]["NOT_SENT"], ringcx.state.lead_count) == (5, 5)


def test_a_run_whose_staged_files_went_missing_is_not_staged_anew(leadferry, make_job, tmp_path):
    """Its batches are rows of the old file: a new one may order or hold other leads, and send one twice."""
    loaded = leadferry("load", make_job(lead_rows(12)), "--json", "--out", tmp_path / "out")
    (tmp_path / "out" / "prepared.json").unlink()
    before = (tmp_path / "out" / "leads.parquet").stat().st_mtime_ns

    ended = leadferry("resume", loaded.json["run_id"], "--json")

    assert ended.code == 2, ended
    assert ended.json["error"]["code"] == "STAGED_FILES_MISSING"
    assert (tmp_path / "out" / "leads.parquet").stat().st_mtime_ns == before


def test_the_size_that_ringcx_takes_is_learned_once_and_not_by_every_batch(leadferry, make_job, ringcx):
    ringcx.reset(SandboxSettings(throttles=False, max_leads_per_request=5))
    job = make_job(lead_rows(200), load={"batch_size": 20}, delivery={"max_in_flight": 1})

    ended = leadferry("load", job, "--json")

    assert ended.code == 0, ended
    assert ended.json["counts"]["LOADED"] == 200
    # Two batches may be on their way before the first refusal is known; no third meets one.
    assert ringcx.state.answers_of("direct", 413) <= 4
    assert ringcx.state.doubles() == {}


def test_one_lead_that_ringcx_refuses_a_batch_for_stands_alone_with_the_servers_words(
    leadferry, make_job, ringcx, tmp_path
):
    ringcx.reset(SandboxSettings(throttles=False, invalid_leads="refuse"))
    rows = lead_rows(40)
    rows[13] |= {"zip": None}  # RingCX is to find time zones by ZIP code

    ended = leadferry("load", make_job(rows, load={"time_zone_option": "ZIPCODE"}), "--json", "--out", tmp_path / "out")

    assert ended.code == 0, ended
    assert (ended.json["counts"]["LOADED"], ended.json["counts"]["REJECTED_BY_API"]) == (39, 1)
    outcome = pl.read_parquet(tmp_path / "out" / "outcomes.parquet").row(13, named=True)
    assert (outcome["outcome"], outcome["reason"]) == ("REJECTED_BY_API", "API_REFUSED_REQUEST")
    assert "400" in outcome["detail"]
    assert ringcx.state.doubles() == {}


def test_one_lead_too_large_by_itself_does_not_make_all_others_small(leadferry, make_job, ringcx):
    ringcx.reset(SandboxSettings(throttles=False, max_body_bytes=20_000))
    rows = lead_rows(200)
    rows[57] |= {"name": "x" * 30_000}

    ended = leadferry("load", make_job(rows, load={"batch_size": 50}, delivery={"max_in_flight": 1}), "--json")

    assert (ended.json["counts"]["LOADED"], ended.json["counts"]["REJECTED_BY_API"]) == (199, 1)
    assert ringcx.state.answers_of("direct", 200) < 30


def test_a_request_that_is_wrong_as_a_whole_is_found_out_without_a_request_for_every_lead(leadferry, make_job, ringcx):
    ringcx.set_faults([{"call": "direct", "from": 1, "fault": "status_before_commit", "status": 400}])

    ended = leadferry("load", make_job(lead_rows(600)), "--json")

    assert (ended.code, ended.json["error"]["code"]) == (1, "HTTP_400")
    assert ended.json["balanced"]
    assert ringcx.state.answers_of("direct", 400) < 100


def test_a_moments_trouble_in_processing_sinks_nobody(leadferry, make_job, ringcx):
    ringcx.set_faults([{"call": "direct", "nth": nth, "fault": "processing_failure"} for nth in (1, 3)])

    ended = leadferry("load", make_job(lead_rows(12)), "--json")

    assert ended.code == 0, ended
    assert ended.json["counts"]["LOADED"] == 12


@pytest.mark.parametrize("status", ["DNC_ACCOUNT_SETTINGS", "DNC_GREATER_ONE_DAY"])
def test_scrubbing_that_is_not_set_up_stops_the_run_and_resume_sends_all(leadferry, make_job, ringcx, status):
    ringcx.set_faults([{"call": "direct", "from": 1, "fault": "processing_failure", "status": status}])

    ended = leadferry("load", make_job(lead_rows(12)), "--json", "--run-id", "tonight")
    assert (ended.code, ended.json["error"]["code"]) == (1, status)
    assert ended.json["counts"]["NOT_SENT"] == 12

    ringcx.set_faults([])
    again = leadferry("resume", "tonight", "--json")
    assert (again.code, again.json["counts"]["LOADED"]) == (0, 12)


@pytest.mark.parametrize("retry_after", ["seconds", "date", "none"])
def test_answers_of_429_for_somebody_elses_traffic_slow_down_and_lose_nothing(leadferry, make_job, ringcx, retry_after):
    ringcx.set_faults(
        [{"call": "direct", "from": 2, "to": 4, "fault": "throttle", "retry_after": retry_after, "seconds": 1}]
    )

    ended = leadferry("load", make_job(lead_rows(60)), "--json")

    assert ended.code == 0, ended
    assert ended.json["counts"]["LOADED"] == 60
    assert ringcx.state.doubles() == {}


def test_an_answer_that_is_older_than_its_arrival_proves_no_absence(leadferry, make_job, ringcx):
    """Searches take a second here: the third is answered from before the batch lands, and arrives after settling."""
    ringcx.set_faults(
        [
            {"call": "direct", "nth": 1, "fault": "drop_then_commit_late", "seconds": 3.2},
            {"call": "count", "from": 1, "fault": "slow", "seconds": 1.0, "when": "after"},
        ]
    )
    patient = {"timeout_seconds": 4, "settle_seconds": 3.5, "give_up_seconds": 30}

    ended = leadferry("load", make_job(lead_rows(5), delivery=patient), "--json")

    assert (ended.code, ended.json["counts"]["LOADED"]) == (0, 5), ended
    assert ringcx.state.doubles() == {}


def test_a_load_of_which_ringcx_took_nothing_is_not_green_however_small_it_is(leadferry, make_job, ringcx):
    ringcx.set_faults([{"call": "direct", "from": 1, "fault": "status_before_commit", "status": 400}])

    ended = leadferry("load", make_job(lead_rows(3)), "--json")

    assert (ended.code, ended.json["status"], ended.json["counts"]["REJECTED_BY_API"]) == (1, "failed", 3)
