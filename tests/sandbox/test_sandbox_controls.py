"""The sandbox's own paths, for people and tests in another process."""

import pytest


def test_the_state_counts_requests_by_call_and_status(caller, lead):
    caller.load([lead(1), lead(1)])
    caller.load([lead(1)], campaign=1)
    state = caller.http.get("/sandbox/state").json()
    assert state["requests"]["direct"] == {"200": 1, "404": 1}
    assert (state["leads"], state["inserted"], state["insertedMoreThanOnce"]) == (2, 2, 1)


def test_the_leads_are_shown_hidden_or_not_with_how_often_each_came(use, caller, lead):
    use(search_lag_seconds=60)
    caller.load([lead(1), lead(1), lead(2)])
    shown = caller.http.get("/sandbox/leads").json()
    assert [(each["externId"], each["timesInserted"]) for each in shown] == [("e1", 2), ("e1", 2), ("e2", 1)]
    assert len(caller.http.get("/sandbox/leads", params={"externId": "e2"}).json()) == 1
    assert len(caller.http.get("/sandbox/leads", params={"offset": 1, "limit": 1}).json()) == 1


def test_requests_are_shown_with_what_they_carried_and_suffered(use, caller, lead):
    use({"call": "direct", "fault": "status_after_commit", "status": 500})
    caller.load([lead(1), lead(2)])
    last = caller.http.get("/sandbox/requests").json()[-1]
    assert (last["call"], last["method"], last["status"], last["leads"]) == ("direct", "POST", 500, 2)
    assert last["path"].endswith("/campaigns/12345/leadLoader/direct")
    assert last["faults"] == ["status_after_commit"]


def test_a_reset_forgets_leads_tokens_and_faults(use, caller, lead):
    use({"call": "direct", "fault": "status_after_commit"})
    caller.load([lead(1)])
    assert caller.http.post("/sandbox/reset").json()["leads"] == 0
    assert caller.get("/dialGroups").status_code == 401
    caller.sign_in()
    assert caller.load([lead(1)]).status_code == 200


def test_faults_can_be_set_from_outside(caller, lead):
    caller.load([lead(1)])
    faults = [{"call": "direct", "nth": 1, "fault": "status_before_commit", "status": 503}]
    assert caller.http.post("/sandbox/faults", json=faults).json() == {"faults": 1}
    assert caller.load([lead(2)]).status_code == 503
    assert caller.load([lead(2)]).status_code == 200


def test_numbers_can_be_put_on_the_do_not_call_list(caller, lead):
    assert caller.http.post("/sandbox/do-not-call", json=["4155550001"]).status_code == 200
    assert caller.load([lead(1)]).json()["internalDncCount"] == 1


def test_the_clock_can_be_moved_forward(caller):
    assert caller.http.post("/sandbox/clock", json=300).status_code == 200
    assert caller.get("/dialGroups").text == "Jwt is expired"


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("faults", [{"call": "direct", "fault": "drop"}], "unknown fault 'drop'"),
        ("faults", {"call": "direct"}, "must be a list of objects"),
        ("do-not-call", [4155550001], "must be a list of strings"),
        ("clock", "soon", "number of seconds"),
    ],
)
def test_a_wrong_control_is_400_and_says_why(caller, path, body, words):
    answer = caller.http.post(f"/sandbox/{path}", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
