"""The whole story of one lead over all runs: read, repaired, sent, answered, read back, and its state now."""

import json

import pytest

from connectors.sandbox.settings import SandboxSettings
from tests.conftest import lead_rows

WHO = "(203) 555-0777"
DIGITS = "2035550777"


def rows_with_them(**changes):
    rows = lead_rows(12)
    rows[4] |= {"id": "ID-777", "phone": WHO, "name": "Somebody Special"} | changes
    return rows


@pytest.fixture
def load(leadferry_here, make_job):
    def run(run_id, rows=None, *, code=0, **sections):
        ended = leadferry_here("load", make_job(rows or rows_with_them(), **sections), "--run-id", run_id, "--json")
        assert ended.code == code, ended
        return ended.json

    return run


@pytest.fixture
def trace(leadferry_here):
    def run(*arguments):
        ended = leadferry_here("trace", *arguments, "--json")
        assert ended.code == 0, ended
        return ended.json

    return run


@pytest.mark.parametrize("who", ["+12035550777", "203.555.0777", "ID-777"])
def test_a_loaded_lead_is_told_from_its_row_to_its_state_now(load, trace, who):
    load("first", rows_with_them(zip="06511-1234 "))

    (match,) = trace("first", who)["matches"]

    assert (match["run_id"], match["source_row"], match["outcome"]) == ("first", 4, "LOADED")
    assert match["source"] == {
        "id": "ID-777", "phone": "(•••) •••-••77", "name": "Somebody Special", "zip": "06511-1234 ", "state": "CT",
    }  # fmt: skip
    assert match["sent"]["leadPhone"] == "••••••••77"
    assert match["sent"]["zip"].startswith("06511")
    assert match["batch"]["number"] == 1
    assert match["batch"]["place"] == 4
    (attempt,) = match["attempts"]
    assert (attempt["state"], attempt["leads"], attempt["counts"]["inserted"]) == ("accepted", 10, 10)
    assert attempt["started_at"] <= attempt["finished_at"]
    assert match["now"]["asked"]
    (now,) = match["now"]["leads"]
    assert now["leadId"] == match["read_back"]["leadId"]
    assert now["leadState"] == match["read_back"]["leadState"] == "READY"
    assert DIGITS not in json.dumps(match)


def test_numbers_are_whole_only_when_asked_for(load, leadferry_here, trace):
    load("first")

    told = leadferry_here("trace", "first", "ID-777")
    assert DIGITS not in told.out
    assert "555-0777" not in told.out
    (match,) = trace("first", "ID-777", "--show-numbers")["matches"]
    assert (match["source"]["phone"], match["sent"]["leadPhone"]) == (WHO, DIGITS)


def test_what_an_unanswered_request_did_is_told_with_the_search_that_proved_it(load, trace, ringcx):
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "drop_half_committed"}])
    load("first", rows_with_them()[:10])  # one batch: which of several comes first is nobody's to say

    (fifth,) = trace("first", "ID-777", "--offline")["matches"]  # the first half of ten was carried out
    (tenth,) = trace("first", "X00009", "--offline")["matches"]

    assert [attempt["state"] for attempt in fifth["attempts"]] == ["unknown", "partly_landed"]
    assert fifth["attempts"][1]["meaning"] == "a search proved that the lead is in RingCX"
    assert [attempt["state"] for attempt in tenth["attempts"]] == ["unknown", "partly_landed", "accepted"]
    assert tenth["attempts"][1]["meaning"] == "a search proved that the lead is not in RingCX"
    assert (tenth["attempts"][2]["leads"], tenth["now"]) == (5, None)


def test_all_runs_are_told_oldest_first_and_rows_that_repeat_too(load, trace, leadferry_here):
    load("first")
    rows = rows_with_them()
    rows[7]["phone"] = "1-203-555-0777"
    load("second", rows)

    told = trace("--all", WHO)

    assert [(match["run_id"], match["source_row"], match["outcome"]) for match in told["matches"]] == [
        ("first", 4, "LOADED"), ("second", 4, "LOADED"), ("second", 7, "DUPLICATE"),
    ]  # fmt: skip
    assert "source_row 4 is kept" in told["matches"][2]["detail"]
    assert told["matches"][2]["attempts"] == []
    assert len(told["matches"][0]["now"]["leads"]) == 2  # one of each run
    words = leadferry_here("trace", "--all", WHO).out
    assert words.count("source_row") == 4
    assert words.count("(of another load, under the same external id)") == 2
    assert words.index("first (leads") < words.index("second (leads")


def test_a_refused_row_says_why_and_what_to_do(load, trace):
    load("first", rows_with_them(phone="203-555-07770"))

    (match,) = trace("first", "ID-777")["matches"]

    assert (match["outcome"], match["sent"], match["batch"], match["now"]) == ("REJECTED", None, None, None)
    assert match["reason"] == "PHONE_TOO_LONG"
    assert match["advice"]


def test_a_gate_that_stopped_the_run_leaves_a_lead_that_was_never_tried(load, trace):
    rows = [row if row["id"] == "ID-777" else row | {"phone": ""} for row in rows_with_them()]
    load("first", rows, code=3)

    (match,) = trace("first", "ID-777")["matches"]

    assert (match["outcome"], match["batch"], match["attempts"], match["now"]) == ("NOT_SENT", None, [], None)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"RC_JWT": ""}, "CREDENTIALS_MISSING"),
        ({"RINGCX_BASE_URL": "http://127.0.0.1:9", "RINGCENTRAL_BASE_URL": "http://127.0.0.1:9"}, "reach"),
        ({"RINGCX_ACCOUNT_ID": "99"}, ""),
    ],
)
def test_where_ringcx_cannot_be_asked_the_story_is_told_all_the_same(load, trace, monkeypatch, changes, why):
    load("first")
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("flows.tracing.PATIENCE_SECONDS", 0.2)

    (match,) = trace("first", "ID-777")["matches"]

    assert match["outcome"] == "LOADED"
    assert (match["now"]["asked"], match["now"]["leads"]) == (False, [])
    assert why in match["now"]["why"]


def test_a_lead_that_is_gone_from_ringcx_is_told_so(load, leadferry_here, trace, ringcx):
    load("first")
    ringcx.reset(SandboxSettings(throttles=False))

    assert trace("first", "ID-777")["matches"][0]["now"] == {"asked": True, "complete": True, "leads": []}
    assert "no lead of the campaign has this external id" in leadferry_here("trace", "first", "ID-777").out


def test_the_story_of_a_stopped_run_is_told_from_what_it_left(load, trace, ringcx):
    ringcx.set_faults([{"call": "direct", "fault": "status_before_commit", "status": 403}])
    load("first", code=1, load={"batch_size": 20})  # of two requests the one with theirs may never have begun

    (match,) = trace("first", "ID-777", "--offline")["matches"]

    assert (match["status"], match["outcome"]) == ("failed", "NOT_SENT")
    assert {attempt["code"] for attempt in match["attempts"]} == {"HTTP_403"}
    assert "RingCX answered 403" in match["attempts"][0]["message"]


def test_text_of_a_row_cannot_steer_a_terminal(load, leadferry_here):
    load("first", rows_with_them(name="\x1b[31mred\x07[bold]x[/bold]"))

    said = leadferry_here("trace", "first", "ID-777").out

    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[bold]x[/bold]" in said


def test_runs_whose_data_is_gone_are_named(load, trace, leadferry_here, tmp_path):
    load("first")
    load("second", rows_with_them())
    for file in (tmp_path / "home" / "runs" / "first").iterdir():
        file.unlink()
    (tmp_path / "home" / "runs" / "first").rmdir()

    told = trace("--all", "ID-777")
    assert [match["run_id"] for match in told["matches"]] == ["second"]
    assert told["not_kept"] == [{"run_id": "first", "why": "its files are not there any more"}]
    alone = leadferry_here("trace", "first", "ID-777", "--json")
    assert (alone.code, alone.json["error"]["code"]) == (2, "RUN_FILES_GONE")


def test_somebody_forgotten_has_no_story_and_others_have_theirs(load, trace, leadferry_here):
    load("first")
    leadferry_here("forget", WHO)

    assert trace("first", "ID-777")["matches"] == []
    assert [match["outcome"] for match in trace("first", "X00001")["matches"]] == ["LOADED"]
    assert "no run that is kept has this lead in it" in leadferry_here("trace", "--all", WHO).out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("first",), None), (("--all", "first", "who"), None), (("nowhere", "who"), "RUN_UNKNOWN"),
     (("first", ""), "PERSON_NOT_VALID")],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(load, leadferry_here, arguments, code):
    load("first", lead_rows(1))

    ended = leadferry_here("trace", *arguments, "--json")

    assert ended.code == 2
    assert code is None or ended.json["error"]["code"] == code


def test_without_a_ledger_there_is_nothing_to_tell(leadferry_here):
    assert leadferry_here("trace", "--all", "who", "--json").json["error"]["code"] == "NO_RUNS"
