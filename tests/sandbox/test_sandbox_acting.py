"""What the lead actions and the update of one lead change."""

import pytest


@pytest.fixture
def loaded(caller, lead):
    caller.load([lead(1), lead(2)], description="first")
    return caller


def row(caller, extern_id):
    return caller.search({"externIds": [extern_id]}).json()[0]


def result(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("action", "state"),
    [("CANCEL_LEADS", "CANCELLED"), ("PAUSE_LEADS", "PAUSED"), ("READY_LEADS", "READY"), ("RESET_LEADS", "READY")],
)
def test_an_action_sets_the_state_of_the_selected_leads_only(loaded, action, state):
    loaded.act("CALLBACK_LEADS", {}, ACTION_TYPE="CANCEL")
    answer = result(loaded.act(action, {"externIds": ["e1"]}))
    assert (answer["success"], answer["leadActionType"], answer["leadUpdateCount"]) == (True, action, 1)
    assert row(loaded, "e1")["leadState"] == state
    assert row(loaded, "e2")["leadState"] == "CALLBACK-CANCELLED"


def test_cancelling_forgets_the_state_and_suppressing_keeps_it(loaded):
    loaded.act("CALLBACK_LEADS", {}, ACTION_TYPE="AGENT", RESERVATION_AGENT_ID=1101)
    loaded.act("SUPPRESS_LEADS", {"externIds": ["e1"]})
    suppressed = row(loaded, "e1")
    assert (suppressed["leadState"], suppressed["suppressed"]) == ("AGENT-CALLBACK", True)
    loaded.act("UNSUPPRESS_LEADS", {"externIds": ["e1"]})
    assert row(loaded, "e1")["suppressed"] is False
    loaded.act("CANCEL_LEADS", {"externIds": ["e2"]})
    loaded.act("READY_LEADS", {"externIds": ["e2"]})
    assert row(loaded, "e2")["leadState"] == "READY"


@pytest.mark.parametrize("by", ["leadIds", "externIds"])
def test_deleting_works_by_either_id(sandbox, loaded, by):
    wanted = {"externIds": ["e1"], "leadIds": [row(loaded, "e1")["leadId"]]}[by]
    answer = result(loaded.act("DELETE_LEADS", {by: wanted}))
    assert (answer["leadDeleteCount"], answer["leadUpdateCount"]) == (1, 0)
    assert loaded.found({}) == ["e2"]
    assert sandbox.state.times_inserted()["e1"] == 1


def test_empty_criteria_delete_every_lead_of_the_account(loaded):
    assert result(loaded.act("DELETE_LEADS", {}))["leadDeleteCount"] == 2
    assert loaded.count({}) == 0


def test_a_deleted_number_can_be_loaded_again(caller, lead):
    for _ in range(2):
        assert caller.load([lead(1)], duplicateHandling="REMOVE_ALL_EXISTING").json()["leadsInserted"] == 1
        caller.act("DELETE_LEADS", {"externIds": ["e1"]})


def test_refreshing_the_dialer_changes_no_lead(loaded):
    answer = result(loaded.act("DIALER_REFRESH", {"campaignId": 12345}, force_dialer_cache_refresh="true"))
    assert (answer["dialerRefreshed"], answer["leadUpdateCount"]) == (True, 0)


def test_a_manual_pass_is_counted_and_resetting_takes_it_back(loaded):
    loaded.act("MANUAL_LEADS", {"externIds": ["e1"]}, PASS_DISPOSITION="Busy", REQUEUE="true")
    passed = row(loaded, "e1")
    assert (passed["leadPasses"], passed["lastPassDisposition"], passed["agentDispostion"]) == (
        1,
        "MANUAL_PASS",
        "Busy",
    )
    assert loaded.found({"systemDispositions": ["MANUAL_PASS"], "agentDispositions": ["Busy"]}) == ["e1"]
    later = {"operator": "GREATER_THAN", "value": "2020-01-01T00:00:00.000+0000"}
    assert loaded.found({"lastPassTimeCriteria": later}) == ["e1"]
    loaded.act("RESET_LEADS", {})
    assert row(loaded, "e1")["leadPasses"] == 0


def test_a_manual_pass_can_put_the_number_on_the_do_not_call_list(loaded, lead):
    loaded.act("MANUAL_LEADS", {"externIds": ["e1"]}, PASS_DISPOSITION="Stop", DO_NOT_CALL=True)
    assert row(loaded, "e1")["leadState"] == "DO-NOT-CALL"
    assert loaded.load([lead(1)]).json()["internalDncCount"] == 1


def test_leads_are_emailed_to_each_address(sandbox, loaded):
    result(loaded.act("EMAIL_LEADS", {"campaignId": 12345}, EMAIL_TO="a@example.com, b@example.com"))
    assert sandbox.state.emails == [{"to": ["a@example.com", "b@example.com"], "leads": 2}]
    answer = result(loaded.act("EMAIL_LEADS", {}, EMAIL_TO="nobody"))
    assert (answer["success"], "nobody" in answer["errorMessage"]) == (False, True)


def test_a_callback_has_an_agent_and_a_date(loaded):
    date = "2030-01-02T03:04:05.000+0000"
    parameters = {"ACTION_TYPE": "AGENT", "RESERVATION_AGENT_ID": "1102", "CALLBACK_DATE": date}
    result(loaded.act("CALLBACK_LEADS", {"externIds": ["e1"]}, **parameters))
    assert row(loaded, "e1")["nextDialTime"] == date
    assert loaded.found({"pendingAgentId": 1102}) == ["e1"]
    assert loaded.found({"nextDialTimeCriteria": {"operator": "EQUALS", "value": date}}) == ["e1"]
    result(loaded.act("CALLBACK_LEADS", {}, ACTION_TYPE="RESET"))
    assert row(loaded, "e1")["leadState"] == "READY"


def test_a_reservation_is_set_and_cleared_with_zero(loaded):
    result(loaded.act("AGENT_RESERVATION", {"externIds": ["e1"]}, RESERVATION_AGENT_ID=1101))
    assert loaded.found({"pendingAgentId": 1101}) == ["e1"]
    result(loaded.act("AGENT_RESERVATION", {}, RESERVATION_AGENT_ID=0))
    assert loaded.found({"pendingAgentId": 1101}) == []
    assert result(loaded.act("AGENT_RESERVATION", {}, RESERVATION_AGENT_ID=7))["success"] is False


MOVE = {
    "CAMPAIGN_ID": 12346,
    "LIST_ID": "0",
    "LIST_NAME": "moved",
    "CREATE_COPY_SETTING": "false",
    "DUPLICATE_ACTION_SETTING": "MOVE",
}


def test_moving_keeps_the_lead_and_its_id(loaded):
    before = row(loaded, "e1")
    assert result(loaded.act("MOVE_TO_CAMPAIGN", {"externIds": ["e1"]}, **MOVE))["leadUpdateCount"] == 1
    after = row(loaded, "e1")
    assert (after["leadId"], after["campaignId"], after["listDesc"]) == (before["leadId"], 12346, "moved")
    assert loaded.found({"campaignId": 12345}) == ["e2"]


def test_copying_leaves_the_original_and_makes_a_lead_with_a_new_id(sandbox, loaded):
    loaded.act("MOVE_TO_CAMPAIGN", {"externIds": ["e1"]}, **MOVE | {"CREATE_COPY_SETTING": "true"})
    rows = loaded.search({"externIds": ["e1"]}).json()
    assert [each["campaignId"] for each in rows] == [12345, 12346]
    assert rows[0]["leadId"] != rows[1]["leadId"]
    assert sandbox.state.doubles() == {}


def test_a_transition_marks_the_original(loaded):
    loaded.act("MOVE_TO_CAMPAIGN", {"externIds": ["e1"]}, **MOVE | {"CREATE_COPY_SETTING": "TRANSITION"})
    states = [each["leadState"] for each in loaded.search({"externIds": ["e1"]}).json()]
    assert states == ["TRANSITIONED", "READY"]


def test_moving_can_ignore_leads_the_target_list_already_has(loaded, lead):
    loaded.load([lead(1)], campaign=12346)
    target = loaded.search({"campaignId": 12346}).json()[0]["listId"]
    ignore = MOVE | {"LIST_ID": target, "DUPLICATE_ACTION_SETTING": "IGNORE"}
    assert result(loaded.act("MOVE_TO_CAMPAIGN", {"campaignId": 12345}, **ignore))["leadUpdateCount"] == 1
    assert loaded.found({"campaignId": 12345}) == ["e1"]


@pytest.mark.parametrize("change", [{"CAMPAIGN_ID": 99}, {"LIST_ID": 99}])
def test_moving_to_nowhere_does_not_succeed(loaded, change):
    answer = result(loaded.act("MOVE_TO_CAMPAIGN", {}, **MOVE | change))
    assert answer["success"] is False
    assert "99" in answer["errorMessage"]
    assert loaded.count({"campaignId": 12345}) == 2


@pytest.mark.parametrize(
    ("action", "parameters", "word"),
    [
        ("EXPLODE_LEADS", {}, "leadAction"),
        ("EMAIL_LEADS", {}, "EMAIL_TO"),
        ("PAUSE_LEADS", {"REASON": "x"}, "REASON"),
        ("CALLBACK_LEADS", {"ACTION_TYPE": "LATER"}, "ACTION_TYPE"),
        ("CALLBACK_LEADS", {"ACTION_TYPE": "AGENT"}, "RESERVATION_AGENT_ID"),
        ("CALLBACK_LEADS", {"ACTION_TYPE": "RESET", "CALLBACK_DATE": "tomorrow"}, "CALLBACK_DATE"),
        ("MOVE_TO_CAMPAIGN", MOVE | {"LIST_NAME": ""}, "LIST_NAME"),
        ("MOVE_TO_CAMPAIGN", MOVE | {"CREATE_COPY_SETTING": "yes"}, "CREATE_COPY_SETTING"),
        ("MOVE_TO_CAMPAIGN", MOVE | {"CAMPAIGN_ID": "x"}, "CAMPAIGN_ID"),
        ("AGENT_RESERVATION", {"RESERVATION_AGENT_ID": "x"}, "RESERVATION_AGENT_ID"),
    ],
)
def test_a_wrong_action_is_400_and_named(loaded, action, parameters, word):
    answer = loaded.act(action, {}, **parameters)
    assert answer.status_code == 400
    assert word in answer.json()["details"]


def test_an_action_needs_criteria(caller):
    path = f"{caller.account}/campaignLeads/actions"
    answer = caller.http.put(path, json={}, params={"leadAction": "PAUSE_LEADS"})
    assert answer.status_code == 400
    assert "campaignLeadSearchCriteria" in answer.json()["details"]


def update(caller, method, lead_id, body, **query):
    return caller.http.request(method, f"{caller.account}/campaignLeads/{lead_id}", json=body, params=query)


def test_patching_changes_what_is_named_and_keeps_the_rest(caller, lead):
    caller.load([lead(1, firstName="Ann", lastName="Bee")])
    lead_id = row(caller, "e1")["leadId"]
    answer = update(caller, "PATCH", lead_id, {"lastName": "Cole", "leadPhone": "4155550009"}, campaignId=12345)
    assert (answer.json()["firstName"], answer.json()["lastName"]) == ("Ann", "Cole")
    assert caller.found({"leadPhoneNum": "4155550009"}) == ["e1"]
    assert caller.found({"leadPhoneNum": "4155550001"}) == []


def test_putting_clears_what_is_not_named(caller, lead):
    caller.load([lead(1, firstName="Ann")])
    lead_id = row(caller, "e1")["leadId"]
    answer = update(caller, "PUT", lead_id, lead(1, lastName="Cole"), campaignId=12345)
    assert answer.json()["lastName"] == "Cole"
    assert "firstName" not in answer.json()


def test_a_lead_is_only_found_in_its_own_campaign(loaded, lead):
    lead_id = row(loaded, "e1")["leadId"]
    assert update(loaded, "PATCH", lead_id, {}, campaignId=12346).status_code == 404
    assert update(loaded, "PATCH", 1, {}, campaignId=12345).status_code == 404
    assert update(loaded, "PATCH", lead_id, {}).status_code == 400
    assert update(loaded, "PUT", lead_id, lead(1, leadPhone="12"), campaignId=12345).status_code == 400
