"""Each scripted fault strikes the request it names, on the side of the commit it says."""

import json
import time

import httpx
import pytest

from connectors.sandbox.faults import load_faults, read_faults

DROPPED = (httpx.RemoteProtocolError, httpx.ReadError)


def fault(name, call="direct", nth=1, **parameters):
    return {"call": call, "nth": nth, "fault": name} | parameters


def wait_until(condition):
    """Wait for what the server does on its own time; fails loudly after three seconds."""
    deadline = time.monotonic() + 3
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("name", "landed"),
    [("drop_before_commit", 0), ("drop_half_committed", 2), ("drop_after_commit", 4)],
)
def test_a_dropped_connection_leaves_what_was_committed(use, caller, lead, name, landed):
    use(fault(name))
    with pytest.raises(DROPPED):
        caller.load([lead(number) for number in range(4)])
    assert caller.sandbox.state.lead_count == landed
    assert caller.sandbox.state.answers_of("direct", None) == 1
    assert caller.load([lead(9)]).status_code == 200


def test_a_share_can_be_chosen(use, caller, lead):
    use(fault("drop_half_committed", share=0.75))
    with pytest.raises(DROPPED):
        caller.load([lead(number) for number in range(4)])
    assert caller.found({}) == ["e0", "e1", "e2"]


def test_a_late_commit_lands_after_the_connection_is_gone(use, caller, lead):
    use(fault("drop_then_commit_late", seconds=0.2))
    with pytest.raises(DROPPED):
        caller.load([lead(1)])
    assert caller.found({}) == []
    assert caller.sandbox.state.pending_late_commits == 1
    wait_until(lambda: caller.sandbox.state.pending_late_commits == 0)
    assert caller.found({}) == ["e1"]


def test_a_reset_calls_a_late_commit_off(use, caller, lead):
    use(fault("drop_then_commit_late", seconds=0.1))
    with pytest.raises(DROPPED):
        caller.load([lead(1)])
    caller.sandbox.reset()
    wait_until(lambda: caller.sandbox.state.pending_late_commits == 0)
    assert caller.sandbox.state.lead_count == 0


@pytest.mark.parametrize("status", [500, 503, 504])
def test_a_status_says_nothing_about_the_commit(use, caller, lead, status):
    use(fault("status_before_commit", status=status), fault("status_after_commit", nth=2, status=status))
    assert caller.load([lead(1)]).status_code == status
    assert caller.sandbox.state.lead_count == 0
    assert caller.load([lead(1)]).status_code == status
    assert caller.sandbox.state.lead_count == 1


@pytest.mark.parametrize(("style", "there"), [("seconds", True), ("date", True), ("none", False)])
def test_a_throttle_comes_with_or_without_a_time(use, caller, lead, style, there):
    use(fault("throttle", retry_after=style, seconds=7))
    answer = caller.load([lead(1)])
    assert answer.status_code == 429
    assert ("Retry-After" in answer.headers) is there
    assert caller.sandbox.state.lead_count == 0


def test_an_expired_token_stays_expired(use, caller, lead):
    use(fault("expire_token"))
    first, second = caller.load([lead(1)]), caller.load([lead(1)])
    assert (first.status_code, first.text) == (401, "Jwt is expired")
    assert (second.status_code, second.text) == (401, "Jwt is expired")
    caller.sign_in()
    assert caller.load([lead(1)]).status_code == 200


def test_revoked_tokens_cannot_be_refreshed(sandbox, caller, lead):
    user = caller.sign_in()
    sandbox.set_faults([fault("revoke_tokens")])
    assert caller.load([lead(1)]).status_code == 401
    refresh = {"refresh_token": user["refreshToken"]}
    assert caller.http.post("/api/auth/token/refresh", data=refresh).status_code == 401
    caller.sign_in()
    assert caller.load([lead(1)]).status_code == 200


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_a_truncated_answer_comes_after_the_commit(use, caller, lead, share):
    use(fault("truncated_answer", share=share))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        caller.load([lead(1)])
    assert caller.sandbox.state.lead_count == 1


@pytest.mark.parametrize(("when", "landed"), [("before", 0), ("after", 1)])
def test_an_answer_that_is_not_json_is_200(use, caller, lead, when, landed):
    use(fault("not_json_answer", when=when))
    answer = caller.load([lead(1)])
    assert (answer.status_code, answer.text[:6]) == (200, "<html>")
    assert caller.sandbox.state.lead_count == landed


def test_a_processing_failure_is_200_and_inserts_nothing(use, caller, lead):
    use(fault("processing_failure", status="DNC_UPLOAD_FAILED", message="scrubbing failed"))
    answer = caller.load([lead(1)])
    assert answer.status_code == 200
    result = answer.json()
    assert (result["processingResult"], result["processingStatus"]) == ("Failed", "DNC_UPLOAD_FAILED")
    assert (result["message"], result["leadsInserted"]) == ("scrubbing failed", 0)
    assert caller.sandbox.state.lead_count == 0


@pytest.mark.parametrize(("when", "landed"), [("before", 0), ("after", 1)])
def test_a_slow_answer_is_slow_on_the_side_it_says(use, caller, lead, when, landed):
    use(fault("slow", seconds=0.3, when=when))
    caller.http.timeout = 0.1
    with pytest.raises(httpx.ReadTimeout):
        caller.load([lead(1)])
    assert caller.sandbox.state.lead_count == landed
    # The client's leaving does not call the load off.
    wait_until(lambda: caller.sandbox.state.requests_of("direct") == 1)
    assert caller.sandbox.state.lead_count == 1


@pytest.mark.parametrize("query", [{}, {"count": "true"}])
def test_a_search_fails(use, caller, query):
    call = "count" if query else "search"
    use(fault("search_fails", call=call, status=502))
    assert caller.search({}, **query).status_code == 502
    assert caller.search({}, **query).status_code == 200


@pytest.mark.parametrize(("rows", "page"), [(0, ["e0", "e1"]), (1, ["e1", "e2"])])
def test_a_page_repeats_rows_of_the_one_before(use, caller, lead, rows, page):
    caller.load([lead(1)])
    use(fault("duplicate_page", call="search", nth=2, rows=rows))
    caller.load([lead(number) for number in range(5)])
    assert caller.found({}, page=0, maxRows=2) == ["e0", "e1"]
    assert caller.found({}, page=1, maxRows=2) == page
    assert caller.found({}, page=1, maxRows=2) == ["e2", "e3"]


def test_hidden_leads_come_back(use, caller, lead):
    use(fault("hide_leads", call="search", seconds=60))
    caller.load([lead(1)])
    assert caller.found({}) == []
    assert caller.count({}) == 0
    caller.sandbox.state.clock.advance(60)
    assert caller.found({}) == ["e1"]


def test_some_leads_can_be_hidden(use, caller, lead):
    use(fault("hide_leads", call="search", seconds=60, every=2))
    caller.load([lead(number) for number in range(4)])
    assert caller.found({}) == ["e1", "e3"]


def test_refused_connections_are_accepted_again(use, caller, lead):
    use(fault("refuse_connections", seconds=60))
    with pytest.raises(DROPPED):
        caller.load([lead(1)])
    with pytest.raises((httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError, httpx.ConnectError)):
        caller.load([lead(1)])
    assert caller.sandbox.state.requests_of("direct") == 1
    caller.sandbox.state.clock.advance(60)
    assert caller.load([lead(1)]).status_code == 200


def test_a_refresh_token_is_spent_even_when_the_answer_is_lost(sandbox, caller):
    user = caller.sign_in()
    sandbox.set_faults([fault("drop_after_commit", call="refresh")])
    refresh = {"refresh_token": user["refreshToken"]}
    with pytest.raises(DROPPED):
        caller.http.post("/api/auth/token/refresh", data=refresh)
    assert caller.http.post("/api/auth/token/refresh", data=refresh).status_code == 401


def test_an_action_can_be_half_done(use, caller, lead):
    use(fault("drop_half_committed", call="actions"))
    caller.load([lead(number) for number in range(4)])
    with pytest.raises(DROPPED):
        caller.act("DELETE_LEADS", {})
    assert caller.found({}) == ["e2", "e3"]


def test_faults_strike_the_requests_they_name(use, caller, lead):
    use(
        {"call": "direct", "from": 2, "to": 3, "fault": "status_before_commit", "status": 500},
        {"call": "any", "nth": 5, "fault": "status_before_commit", "status": 503},
        {"call": "count", "fault": "search_fails", "status": 502},
    )
    assert [caller.load([lead(number)]).status_code for number in range(5)] == [200, 500, 500, 200, 503]
    assert [caller.search({}, count="true").status_code for _ in range(2)] == [502, 502]


def test_faults_of_one_request_strike_together(use, caller, lead):
    use(fault("slow", seconds=0.05), fault("drop_after_commit"))
    with pytest.raises(DROPPED):
        caller.load([lead(1)])
    assert caller.sandbox.state.requests[-1].faults == ("slow", "drop_after_commit")
    assert caller.sandbox.state.requests[-1].milliseconds >= 50


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"call": "direct", "fault": "drop_after_comit"}, ["drop_after_comit", "drop_after_commit"]),
        ({"call": "driect", "fault": "slow"}, ["driect", "direct"]),
        ({"call": "direct", "fault": "slow", "second": 1}, ["second", "seconds"]),
        ({"call": "direct", "fault": "slow", "status": 500}, ["status"]),
        ({"call": "search", "fault": "processing_failure"}, ["search"]),
        ({"fault": "slow"}, ["call", "missing"]),
        ({"call": "direct"}, ["fault", "missing"]),
        ({"call": "direct", "fault": "slow", "seconds": "1"}, ["seconds"]),
        ({"call": "direct", "fault": "slow", "when": "never"}, ["when", "never"]),
        ({"call": "direct", "fault": "status_before_commit", "status": 200}, ["status", "400"]),
        ({"call": "direct", "fault": "slow", "nth": 0}, ["nth"]),
        ({"call": "direct", "fault": "slow", "nth": 1, "to": 2}, ["nth", "to"]),
        ({"call": "direct", "fault": "drop_half_committed", "share": 2}, ["share"]),
    ],
)
def test_a_wrong_fault_is_named(entry, words):
    with pytest.raises(ValueError, match="fault 2: ") as caught:
        read_faults([{"call": "any", "fault": "slow"}, entry])
    assert all(word in str(caught.value) for word in words)


def test_a_schedule_is_read_from_a_file(tmp_path):
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([fault("slow", seconds=2)]))
    (only,) = load_faults(path).faults
    assert (only.name, only.call, only.first, only.last) == ("slow", "direct", 1, 1)
    assert only.parameters == {"seconds": 2, "when": "before"}


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"call": "any", "fault": "x"}]'])
def test_a_wrong_file_is_named(tmp_path, text):
    path = tmp_path / "faults.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"faults\.json"):
        load_faults(path)


def test_a_server_that_stopped_listening_refuses_connections_and_comes_back(use, caller, lead):
    use(fault("refuse_connections", how="refuse", seconds=0.3))
    with pytest.raises(DROPPED):
        caller.load([lead(1)])
    with pytest.raises(httpx.ConnectError):
        caller.load([lead(1)])
    time.sleep(0.4)
    assert caller.load([lead(1)]).status_code == 200


def test_an_index_that_lags_hides_young_leads_alone(use, caller, lead):
    use(fault("hide_leads", call="search", younger=0.2, seconds=5.0))
    caller.load([lead(1)])
    time.sleep(0.25)
    caller.load([lead(2)])
    assert caller.found({}) == ["e1"]
    time.sleep(0.25)
    assert caller.found({}) == ["e1", "e2"]


def test_the_truth_tells_why_a_lead_was_turned_away(use, caller, lead):
    use(fault("processing_failure", nth=2), do_not_call=("4155550002",))
    caller.load([lead(1), lead(2), lead(3, leadPhone="1"), lead(4) | {"leadPhone": lead(1)["leadPhone"]}])
    caller.load([lead(5)])
    caller.load([lead(6), lead(7, leadPhone=lead(6)["leadPhone"])], duplicateHandling="REMOVE_FROM_LIST")
    turned_away = {"e2": {"do_not_call"}, "e3": {"rejected"}, "e5": {"failed"}, "e7": {"duplicate"}}
    assert caller.sandbox.state.turned_away() == turned_away


def test_requests_that_are_still_served_are_counted(use, caller):
    use(fault("slow", seconds=0.3))
    with pytest.raises(httpx.ReadTimeout):
        caller.http.post(f"{caller.account}/campaigns/12345/leadLoader/direct", json={}, timeout=0.1)
    assert caller.sandbox.state.open_requests == 1
    wait_until(lambda: caller.sandbox.state.open_requests == 0)


def test_a_load_can_be_carried_out_twice_and_answered_once(use, caller, lead):
    use(fault("load_twice"))
    assert caller.load([lead(1)]).json()["leadsInserted"] == 1
    assert caller.sandbox.state.doubles() == {"e1": 2}


def test_a_counter_can_be_wrong_or_left_out(use, caller, lead):
    use(fault("miscount", counter="leadsSupplied", by=-2), fault("omit_counter", nth=2, counter="leadsInserted"))
    wrong, without = caller.load([lead(1)]).json(), caller.load([lead(2)]).json()
    assert (wrong["leadsSupplied"], wrong["leadsInserted"]) == (-1, 1)
    assert "leadsInserted" not in without
    assert caller.sandbox.state.lead_count == 2


def test_a_page_can_be_cut_from_another_order(use, caller, lead):
    use(fault("other_order", call="search", nth=2))
    caller.load([lead(number) for number in range(4)])
    assert caller.found({}, page=0, maxRows=2) == ["e0", "e1"]
    assert caller.found({}, page=1, maxRows=2) == ["e1", "e0"]
