"""A load is read back: few searches, every outcome proved, RingCX's numbers held against ours, and again at will."""

import json
import os
import signal
import threading

import polars as pl
import pytest
from click.testing import CliRunner

from connectors.sandbox.settings import SandboxSettings
from flows import reading_back
from flows.cli import cli
from flows.run_folder import RunFolder
from tests.conftest import Ended, lead_rows

REMOVE_ALL = {"duplicate_handling": "REMOVE_ALL_EXISTING"}


@pytest.fixture
def command(environment, monkeypatch, tmp_path):
    """Run a command in this process: starting one takes longer than most of these loads."""
    for name in set(os.environ) - set(environment):
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        result = CliRunner().invoke(cli, [*map(str, arguments), "--json"])
        return Ended(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def load(command, make_job):
    """Load rows as the run `tonight`; sections of the job follow."""

    def begin(rows, *, run_id="tonight", **sections):
        return command("load", make_job(rows, **sections), "--run-id", run_id)

    return begin


def outcomes_of(told):
    return pl.read_parquet(f"{told['folder']}/outcomes.parquet")


def settings(**changes):
    return SandboxSettings(**({"throttles": False} | changes))


# --- searches ---------------------------------------------------------------------------------------------------


def test_lists_that_are_the_loads_own_are_read_whole(load, ringcx):
    ringcx.reset(settings(max_rows_cap=5000))
    ended = load(lead_rows(6000), load={"batch_size": 1000})

    assert ended.code == 0
    assert ended.json["counts"]["LOADED"] == 6000
    assert ringcx.state.requests_of("search") == 3  # a sample to learn the lists, and two pages
    assert ringcx.state.requests_of("count") == 6 + 1  # what was there before each load, and the lists
    there = {lead.extern_id: lead for lead in ringcx.state.leads()}
    for row in outcomes_of(ended.json).iter_rows(named=True):
        lead = there[row["externId"]]
        assert (row["leadId"], row["listId"], row["leadState"], row["lead_time_zone"]) == (
            lead.lead_id,
            lead.list_id,
            "READY",
            lead.timezone,
        )


def test_lists_that_are_shared_with_other_loads_are_searched_by_external_id(load, ringcx):
    ringcx.reset(settings(share_lists=True))
    rows = lead_rows(4200)
    load(rows, run_id="before", load={"batch_size": 1000, "duplicate_handling": "RETAIN_ALL"})
    earlier = {lead.lead_id for lead in ringcx.state.leads()}
    ended = load(rows, load={"batch_size": 1000, "duplicate_handling": "RETAIN_ALL"})

    outcomes = outcomes_of(ended.json)
    assert ended.code == 0
    assert (outcomes["outcome"] == "LOADED").all()
    assert not earlier & set(outcomes["leadId"])
    assert outcomes["leadId"].n_unique() == 4200


@pytest.mark.parametrize(
    ("deployment", "faults"),
    [
        ({"page_base": 1, "max_rows_cap": 700}, []),
        ({"page_base": 1, "page_below_base": "first"}, []),
        ({"too_many_rows": "refuse"}, []),
        ({"too_many_rows": "default"}, []),
        ({"search_lag_seconds": 0.4}, []),
        ({}, [{"call": "search", "nth": 2, "fault": "duplicate_page", "rows": 300}]),
        ({}, [{"call": "search", "nth": 3, "fault": "other_order"}]),
        ({}, [{"call": "search", "nth": 1, "fault": "hide_leads", "seconds": 0.3, "every": 3}]),
        ({}, [{"call": "search", "nth": 2, "fault": "search_fails", "status": 503}]),
        ({}, [{"call": "direct", "nth": 2, "fault": "drop_half_committed"}]),
        ({}, [{"call": "direct", "nth": 2, "fault": "drop_after_commit"}]),
        ({}, [{"call": "direct", "nth": 3, "fault": "omit_counter", "counter": "leadsInserted"}]),
    ],
    ids=str,
)
def test_every_lead_is_seen_whatever_searches_do(load, ringcx, deployment, faults):
    ringcx.reset(settings(**deployment), faults=faults)
    ended = load(lead_rows(4100), load={"batch_size": 1000})

    assert ended.code == 0, ended
    assert ended.json["ringcx"]["differences"] == []
    assert ended.json["ringcx"]["found"] == 4100
    outcomes = outcomes_of(ended.json)
    there = {lead.lead_id: lead.extern_id for lead in ringcx.state.leads()}
    assert [there[lead_id] for lead_id in outcomes["leadId"]] == outcomes["externId"].to_list()


def test_a_load_of_several_units_keeps_its_order(load, ringcx, monkeypatch):
    monkeypatch.setattr(reading_back, "_UNIT_LEADS", 25)
    ended = load(lead_rows(90), load={"batch_size": 10})

    assert ended.code == 0
    outcomes = outcomes_of(ended.json)
    there = {lead.lead_id: lead.extern_id for lead in ringcx.state.leads()}
    assert [there[lead_id] for lead_id in outcomes["leadId"]] == outcomes["externId"].to_list()


def test_the_throttles_share_is_told_before_reading_back_begins(load):
    kept = load(lead_rows(20), delivery={"keep_throttles": True})
    left_out = load(lead_rows(20, first=20), run_id="other")

    assert "reading back 20 leads: up to 1 search, up to 0 seconds by RingCX's throttle" in kept.err
    assert "reading back 20 leads: up to 1 search, without throttles" in left_out.err
    assert kept.json["reading_back"] == {"leads": 20, "searches_at_most": 1, "throttle_seconds": 0}


# --- RingCX's books ---------------------------------------------------------------------------------------------


def test_the_books_of_a_mixed_load_balance_to_the_last_lead(load, ringcx):
    rows = lead_rows(40)
    ringcx.reset(settings(do_not_call=("6175550000",)))
    load(rows[2:5], run_id="before", load=REMOVE_ALL)
    ringcx.set_faults([{"call": "direct", "nth": 2, "fault": "drop_after_commit"}])
    ended = load(rows, load=REMOVE_ALL)

    assert ended.code == 0
    books = ended.json["ringcx"]
    unanswered = books["unanswered"]
    assert unanswered in {6, 10}  # four leads of the first batch were not inserted, and sent again where it was dropped
    assert books == {
        "sent": 40,
        "supplied": 40 - unanswered,
        "accepted": 40 - unanswered,
        "inserted": 36 - unanswered,
        "removed": {"duplicates": 3, "do_not_call": 1, "quota": 0, "whitelist": 0},
        "rejected_rows": 0,
        "unanswered": unanswered,
        "found": 36,
        "differences": [],
    }
    assert ended.json["lead_states"] == [{"value": "READY", "rows": 36}]


@pytest.mark.parametrize(
    ("fault", "status", "difference"),
    [
        ({"fault": "miscount", "counter": "leadsInserted", "by": 2}, "unresolved", (20, 18, 2)),
        ({"fault": "miscount", "counter": "leadsSupplied", "by": -1}, "failed", (18, 17, 1)),
        ({"fault": "load_twice"}, "failed", (18, 27, 9)),
    ],
    ids=str,
)
def test_a_difference_is_shown_with_its_size_and_the_run_is_not_green(load, ringcx, fault, status, difference):
    ringcx.set_faults([{"call": "direct", "nth": 1} | fault])
    ended = load(lead_rows(18), load={"batch_size": 9, "duplicate_handling": "RETAIN_ALL"})

    assert ended.code == 1
    assert ended.json["status"] == status
    told = ended.json["ringcx"]["differences"]
    assert difference in [(each["expected"], each["found"], each["size"]) for each in told]
    assert ended.json["balanced"]  # every row has its one outcome all the same
    assert "RingCX" in ended.err or "resume" in ended.err


def test_counters_that_a_server_leaves_out_are_no_difference(load, ringcx):
    counters = ("leadsInserted", "leadsAccepted", "leadsSupplied", "deletedCount", "internalDncCount")
    ringcx.set_faults([{"call": "direct", "fault": "omit_counter", "counter": counter} for counter in counters])
    ended = load(lead_rows(12))

    assert ended.code == 0
    assert ended.json["ringcx"]["inserted"] is None
    assert ended.json["ringcx"]["differences"] == []


def test_a_check_has_no_books(command, make_job):
    told = command("check", make_job(lead_rows(3))).json

    assert (told["ringcx"], told["arrived_differently"], told["lead_states"]) == (None, [], [])


# --- what RingCX removed ----------------------------------------------------------------------------------------


def test_removed_leads_are_explained_by_where_their_number_was(load, ringcx):
    rows = lead_rows(10)
    ringcx.reset(settings(do_not_call=("9735550000",)))
    other = [row | {"id": f"OLD-{row['id']}"} for row in rows[4:6]]
    load(other, run_id="before", load=REMOVE_ALL | {"description": "Old leads"})
    (old_list,) = ringcx.state.store.lists
    outcomes = outcomes_of(load(rows, load=REMOVE_ALL).json)

    told = outcomes.filter(pl.col("outcome") == "REMOVED_BY_API").select("source_row", "reason", "detail").rows()
    assert [row[:2] for row in told] == [(2, "API_DO_NOT_CALL"), (4, "API_DUPLICATE"), (5, "API_DUPLICATE")]
    assert told[0][2].startswith("it came back from do-not-call scrubbing")
    assert told[1][2].startswith(f'its number is on list {old_list} "Old leads" since 20')
    assert "under externId OLD-X00004" in told[1][2]
    assert outcomes.filter(pl.col("outcome") == "REMOVED_BY_API")["leadPhone"].is_not_null().all()
    assert not any(phone in row[2] for row in told for phone in outcomes["leadPhone"])


def test_numbers_of_many_requests_are_looked_up_at_once(load, ringcx):
    rows = lead_rows(60)
    load([row | {"id": f"OLD-{row['id']}"} for row in rows[::3]], run_id="before", load=REMOVE_ALL)
    ended = load(rows, load=REMOVE_ALL)

    removed = outcomes_of(ended.json).filter(pl.col("outcome") == "REMOVED_BY_API")
    assert removed["source_row"].to_list() == list(range(0, 60, 3))
    assert all(
        f"under externId OLD-{extern_id}" in detail
        for extern_id, detail in removed.select("externId", "detail").iter_rows()
    )
    assert ringcx.state.requests_of("search_phones") == 1 + 1  # a page, and one that shows it was the last


def test_where_the_number_search_fails_removed_leads_keep_what_the_counters_say(load, ringcx):
    rows = lead_rows(4)
    load(rows, run_id="before", load=REMOVE_ALL)
    ringcx.set_faults([{"call": "search_phones", "fault": "search_fails", "status": 403}])
    ended = load(rows, load=REMOVE_ALL)

    assert ended.code == 0
    assert set(outcomes_of(ended.json)["detail"]) == {"RingCX counted: duplicates 4"}
    assert any("numbers" in warning for warning in ended.json["warnings"])


def test_a_number_that_is_on_no_list_any_more_is_not_said_to_be_on_one(load, ringcx):
    rows = lead_rows(4)
    load(rows, run_id="before", load=REMOVE_ALL)
    ringcx.set_faults([{"call": "search_phones", "fault": "hide_leads", "seconds": 60}])
    outcomes = outcomes_of(load(rows, load=REMOVE_ALL, delivery={"settle_seconds": 0.1}).json)

    assert set(outcomes["reason"]) == {"API_DUPLICATE"}
    assert set(outcomes["detail"]) == {"RingCX counted: duplicates 4"}


# --- what arrived -----------------------------------------------------------------------------------------------


def test_what_arrived_differently_is_listed_by_lead_and_by_field(load, command, ringcx):
    load(lead_rows(5))
    leads = sorted(ringcx.state.leads(), key=lambda lead: lead.lead_id)
    leads[1].fields["zip"] = "6511"
    leads[1].fields["lastName"] = "Somebody Else"
    leads[3].timezone = "PST"
    leads[4].timezone = {"EST": "EDT", "EDT": "EST"}.get(leads[4].timezone, leads[4].timezone)
    ringcx.state.store.note_change()

    ended = command("reconcile", "tonight")

    outcomes = outcomes_of(ended.json)
    assert outcomes["arrived_differently"].to_list() == [None, "zip, lastName", None, "leadTimezone", None]
    told = {each["field"]: each for each in ended.json["arrived_differently"]}
    assert {field: each["rows"] for field, each in told.items()} == {"zip": 1, "lastName": 1, "leadTimezone": 1}
    assert told["lastName"]["examples"] == [{"source_row": 1, "sent": "L••• •", "arrived": "S••••••• ••••"}]
    assert ended.code == 0


# --- reading back again -----------------------------------------------------------------------------------------


def test_what_was_unresolved_is_settled_later_and_new_states_are_picked_up(load, command, ringcx):
    rows = lead_rows(20)
    ringcx.set_faults([{"call": "search", "fault": "search_fails", "status": 403}])
    first = load(rows)
    assert (first.code, first.json["counts"]["UNRESOLVED"]) == (1, 20)
    ringcx.set_faults([])
    next(iter(ringcx.state.leads())).state = "COMPLETE"
    sent = ringcx.state.requests_of("direct")

    again = command("reconcile", "tonight")

    assert (again.code, again.json["status"], again.json["counts"]["LOADED"]) == (0, "succeeded", 20)
    assert again.json["lead_states"] == [{"value": "READY", "rows": 19}, {"value": "COMPLETE", "rows": 1}]
    assert json.loads(command("runs", "tonight").out)["status"] == "succeeded"
    assert ringcx.state.requests_of("direct") == sent


def test_a_lead_that_was_deleted_since_stays_loaded_and_is_said_to_be_gone(load, command, ringcx):
    load(lead_rows(3))
    ringcx.state.store.delete([next(lead for lead in ringcx.state.leads() if lead.extern_id == "X00001")])

    ended = command("reconcile", "tonight")

    assert ended.code == 0
    outcomes = outcomes_of(ended.json)
    assert (outcomes["outcome"] == "LOADED").all()
    assert outcomes["leadState"].to_list() == ["READY", None, "READY"]
    assert outcomes["detail"][1] == "an earlier look saw this lead; searches do not show it any more"
    assert command("reconcile", "tonight").code == 0


def test_reading_back_again_that_fails_leaves_the_run_as_it_was(load, command, ringcx):
    told = load(lead_rows(3)).json
    before = outcomes_of(told)
    ringcx.set_faults([{"call": "search", "fault": "search_fails", "status": 403}])

    ended = command("reconcile", "tonight")

    assert (ended.code, ended.json["error"]["code"]) == (2, "HTTP_403")
    assert outcomes_of(told).equals(before)
    assert json.loads(command("runs", "tonight").out)["status"] == "succeeded"


@pytest.mark.parametrize(
    ("account", "code"), [("99990000", "ACCOUNT"), ("", None)], ids=["another account", "whichever the sign-in names"]
)
def test_a_run_is_read_back_from_the_account_it_was_loaded_into(load, command, monkeypatch, account, code):
    load(lead_rows(3))
    monkeypatch.setenv("RINGCX_ACCOUNT_ID", account)

    ended = command("reconcile", "tonight")

    assert ended.code == (2 if code else 0)
    assert code is None or code in ended.json["error"]["code"]


def test_a_run_that_is_not_known_or_sent_nothing_cannot_be_read_back(load, command):
    load([{"id": "1", "phone": "none", "name": "", "zip": "", "state": ""}], quality={"max_reject_rate": 0.1})

    assert command("reconcile", "nobody").json["error"]["code"] == "RUN_UNKNOWN"
    ended = command("reconcile", "tonight")
    assert (ended.code, ended.json["error"]["code"]) == (2, "NOTHING_SENT")


def test_a_run_that_somebody_works_on_is_not_read_back(load, command, tmp_path):
    told = load(lead_rows(3)).json
    with RunFolder(tmp_path / told["folder"]).held():
        ended = command("reconcile", "tonight")

    assert (ended.code, ended.json["error"]["code"]) == (2, "RUN_BUSY")


def test_reading_back_again_can_be_interrupted_and_leaves_the_run_as_it_was(load, command, ringcx, monkeypatch):
    told = load(lead_rows(30)).json
    before = outcomes_of(told)
    monkeypatch.setattr(reading_back, "_UNIT_LEADS", 10)
    ringcx.set_faults([{"call": "count", "fault": "slow", "seconds": 1.0}])
    monkeypatch.setattr(reading_back, "_READERS", 1)
    interrupt = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()

    ended = command("reconcile", "tonight")

    interrupt.join()
    assert (ended.code, ended.json["error"]["code"]) == (130, "INTERRUPTED")
    assert outcomes_of(told).equals(before)
    assert json.loads(command("runs", "tonight").out)["status"] == "succeeded"
