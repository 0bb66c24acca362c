"""What leadLoader/direct does with a load: who gets in, who does not, and what the answer says."""

import httpx
import pytest

COUNTERS = ["leadsSupplied", "leadsAccepted", "leadsConverted", "leadsInserted", "deletedCount", "internalDncCount"]


def counters(answer):
    return [answer.json()[name] for name in COUNTERS]


def test_a_load_inserts_its_leads_and_names_no_ids(sandbox, caller, lead):
    answer = caller.load([lead(1), lead(2)], listState="ACTIVE")
    assert answer.status_code == 200
    assert counters(answer) == [2, 2, 2, 2, 0, 0]
    result = answer.json()
    assert (result["processingResult"], result["processingStatus"]) == ("OK", "DEFAULT_NOT_A_FAILURE")
    assert (result["listState"], result["timeZoneOption"]) == ("ACTIVE", "NOT_APPLICABLE")
    assert result["rejectedRows"] == []
    assert not {"listId", "leadIds", "leads"} & result.keys()
    assert sandbox.state.times_inserted() == {"e1": 1, "e2": 1}


def test_the_same_load_twice_doubles_every_lead(sandbox, caller, lead):
    for _ in range(2):
        caller.load([lead(1)], duplicateHandling="REMOVE_FROM_LIST")
    assert sandbox.state.doubles() == {"e1": 2}


def test_retain_all_keeps_repeats(caller, lead):
    assert counters(caller.load([lead(1), lead(1)])) == [2, 2, 2, 2, 0, 0]


def test_remove_from_list_drops_repeats_of_the_upload_only(caller, lead):
    caller.load([lead(1)], duplicateHandling="REMOVE_FROM_LIST")
    answer = caller.load([lead(1), lead(2), lead(3, leadPhone="4155550002")], duplicateHandling="REMOVE_FROM_LIST")
    assert counters(answer) == [3, 3, 3, 2, 1, 0]
    assert answer.json()["hasDeletedLeads"] is True
    assert caller.found({}) == ["e1", "e1", "e2"]


def test_remove_all_existing_drops_numbers_loaded_before_with_the_same_mode(caller, lead):
    caller.load([lead(1)], duplicateHandling="REMOVE_ALL_EXISTING", description="first")
    answer = caller.load([lead(1), lead(2), lead(2)], duplicateHandling="REMOVE_ALL_EXISTING")
    assert counters(answer) == [3, 3, 3, 1, 2, 0]
    assert caller.found({}) == ["e1", "e2"]


@pytest.mark.parametrize("earlier", ["RETAIN_ALL", "REMOVE_FROM_LIST"])
def test_remove_all_existing_does_not_see_leads_of_another_mode(caller, lead, earlier):
    caller.load([lead(1)], duplicateHandling=earlier)
    assert caller.load([lead(1)], duplicateHandling="REMOVE_ALL_EXISTING").json()["leadsInserted"] == 1


def test_remove_all_existing_does_not_see_another_campaign(caller, lead):
    caller.load([lead(1)], duplicateHandling="REMOVE_ALL_EXISTING")
    answer = caller.load([lead(1)], campaign=12346, duplicateHandling="REMOVE_ALL_EXISTING")
    assert answer.json()["leadsInserted"] == 1


def test_any_of_several_numbers_makes_a_duplicate(caller, lead):
    both = lead(1, leadPhone="4155550001|4155550002")
    answer = caller.load([both, lead(2)], duplicateHandling="REMOVE_FROM_LIST")
    assert answer.json()["deletedCount"] == 1
    assert caller.found({"leadPhoneNum": "4155550002"}) == ["e1"]


def test_a_lead_on_the_do_not_call_list_is_dropped(use, caller, lead):
    use(do_not_call=("4155550001",))
    assert counters(caller.load([lead(1), lead(2)])) == [2, 2, 2, 1, 0, 1]
    assert caller.found({}) == ["e2"]


def test_a_lead_on_the_do_not_call_list_can_be_kept_apart_instead(use, caller, lead):
    use(do_not_call=("4155550001",), dnc_removes=False)
    assert counters(caller.load([lead(1), lead(2)])) == [2, 2, 2, 2, 0, 1]
    assert caller.found({"leadStates": ["DO-NOT-CALL"]}) == ["e1"]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"leadPhone": "415555000"}, "leadPhone"),
        ({"leadPhone": "(415) 555-0001"}, "leadPhone"),
        ({"leadPhone": "4155550001|12"}, "leadPhone"),
        ({"leadPhone": ""}, "leadPhone"),
        ({"leadPhone": None, "leadPhoneE164": "+14155550001"}, "leadPhone"),
        ({"externId": None}, "externId"),
        ({"externId": "  "}, "externId"),
    ],
)
def test_a_row_that_is_not_valid_is_rejected_and_the_rest_goes_in(caller, lead, wrong, word):
    answer = caller.load([lead(1, lastName="Bright", auxData1="x", **wrong), lead(2)])
    assert counters(answer) == [2, 1, 1, 1, 0, 0]
    (row,) = answer.json()["rejectedRows"]
    assert word in row["message"]
    assert {"Bright", "x"} <= set(row["rowData"])
    assert caller.found({}) == ["e2"]


def test_a_rejected_row_holds_every_value_as_text(caller, lead):
    bad = lead(1, leadPhone="12", leadPriority=5, extendedLeadData={"a": "b"})
    (row,) = caller.load([bad, lead(2)]).json()["rejectedRows"]
    assert sorted(row["rowData"]) == sorted(["e1", "12", "5", '{"a":"b"}'])


def test_a_load_of_nothing_but_rejected_rows_fails_with_200(sandbox, caller, lead):
    answer = caller.load([lead(1, leadPhone="12")])
    assert answer.status_code == 200
    assert answer.json()["processingResult"] == "Failed"
    assert answer.json()["processingStatus"] == "NO_LEADS_PASSED_VALIDATION"
    assert sandbox.state.lead_count == 0


def test_an_older_deployment_counts_rejected_rows_without_sending_them(use, caller, lead):
    use(send_rejected_rows=False)
    answer = caller.load([lead(1, leadPhone="12"), lead(2)])
    assert "rejectedRows" not in answer.json()
    assert counters(answer) == [2, 1, 1, 1, 0, 0]


def test_an_international_number_goes_in_where_it_is_enabled(caller):
    abroad = {"externId": "e1", "leadPhoneE164": "+442071838750"}
    answer = caller.load([abroad], phoneNumbersI18nEnabled=True)
    assert answer.json()["leadsInserted"] == 1
    (row,) = caller.search({"leadPhoneNum": "+442071838750"}).json()
    assert row["leadPhone"] == "+442071838750"


def test_a_us_number_is_one_number_however_it_is_written(caller, lead):
    caller.load([lead(1)], duplicateHandling="REMOVE_ALL_EXISTING")
    again = {"externId": "e2", "leadPhoneE164": "+14155550001"}
    options = {"phoneNumbersI18nEnabled": True, "duplicateHandling": "REMOVE_ALL_EXISTING"}
    assert caller.load([again], **options).json()["deletedCount"] == 1


def test_the_time_zone_is_read_only_when_it_is_explicit(caller, lead):
    caller.load([lead(1, leadTimezone="PST")], timeZoneOption="EXPLICIT")
    caller.load([lead(2, leadTimezone="nonsense")])
    assert caller.found({"leadTimezones": [{"name": "PST"}]}) == ["e1"]
    assert "leadTimezone" not in caller.search({"externIds": ["e2"]}).json()[0]


@pytest.mark.parametrize("zone", ["ChST", "America/New_York", "", None])
def test_an_explicit_time_zone_must_be_a_documented_one(caller, lead, zone):
    answer = caller.load([lead(1, leadTimezone=zone), lead(2, leadTimezone="EST")], timeZoneOption="EXPLICIT")
    assert len(answer.json()["rejectedRows"]) == 1
    assert caller.found({}) == ["e2"]


def test_a_time_zone_by_zip_needs_a_zip(caller, lead):
    answer = caller.load([lead(1, zip="94105"), lead(2), lead(3, zip="abc")], timeZoneOption="ZIPCODE")
    assert counters(answer)[:2] == [3, 1]
    assert caller.found({"leadTimezones": [{"name": "PST"}]}) == ["e1"]


def test_a_time_zone_by_phone_comes_from_the_number(caller, lead):
    caller.load([lead(1), lead(2, leadPhone="2125550001")], timeZoneOption="NPA_NXX")
    assert caller.found({"leadTimezones": [{"name": "PST"}]}) == ["e1"]
    assert caller.found({"leadTimezones": [{"name": "EST"}]}) == ["e2"]


def test_a_reserved_agent_that_does_not_exist_is_counted_and_the_lead_kept(caller, lead):
    answer = caller.load([lead(1, reserveAgent="1101"), lead(2, reserveAgent="9"), lead(3, reserveAgent="")])
    assert answer.json()["failedAgentAssignment"] == 1
    assert answer.json()["leadsInserted"] == 3
    assert caller.found({"pendingAgentId": 1101}) == ["e1"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dialPriority": ...}, "dialPriority"),
        ({"duplicateHandling": ...}, "duplicateHandling"),
        ({"timeZoneOption": ...}, "timeZoneOption"),
        ({"uploadLeads": ...}, "uploadLeads"),
        ({"dialPriority": "SOON"}, "dialPriority"),
        ({"listState": "active"}, "listState"),
        ({"dncTags": "tag"}, "dncTags"),
        ({"phoneNumbersI18nEnabled": "true"}, "phoneNumbersI18nEnabled"),
        ({"descripton": "typo"}, "descripton"),
    ],
)
def test_a_wrong_option_is_400_and_named(sandbox, caller, lead, change, field):
    answer = caller.load([lead(1)], **change)
    assert answer.status_code == 400
    assert field in answer.json()["details"]
    assert sandbox.state.lead_count == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("auxData1", 30),
        ("externId", 1),
        ("leadPhone", 4155550001),
        ("leadPriority", "5"),
        ("leadPriority", 5.5),
        ("maxPasses", True),
        ("zip", 94105),
        ("extendedLeadData", {"interested": True}),
        ("fristName", "typo"),
    ],
)
def test_a_wrong_type_in_one_lead_is_400_and_named_with_its_place(sandbox, caller, lead, field, value):
    answer = caller.load([lead(1), lead(2, **{field: value})])
    assert answer.status_code == 400
    assert f"uploadLeads[1].{field}" in answer.json()["details"]
    assert sandbox.state.lead_count == 0


def test_a_lead_without_the_key_extern_id_is_400(caller):
    answer = caller.load([{"leadPhone": "4155550001"}])
    assert answer.status_code == 400
    assert "uploadLeads[0].externId" in answer.json()["details"]


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b'"text"'])
def test_a_body_that_is_no_json_object_is_400(caller, body):
    path = f"{caller.account}/campaigns/12345/leadLoader/direct"
    answer = caller.http.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_a_body_of_another_media_type_is_415(caller):
    path = f"{caller.account}/campaigns/12345/leadLoader/direct"
    assert caller.http.post(path, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_an_unknown_campaign_is_404(caller, lead):
    assert caller.load([lead(1)], campaign=99).status_code == 404


def test_too_many_leads_are_413(use, sandbox, caller, lead):
    use(max_leads_per_request=2)
    assert caller.load([lead(1), lead(2), lead(3)]).status_code == 413
    assert sandbox.state.lead_count == 0
    assert caller.load([lead(1), lead(2)]).status_code == 200


def test_too_many_bytes_are_413(use, sandbox, caller, lead):
    use(max_body_bytes=1000)
    assert caller.load([lead(1, lastName="x" * 1000)]).status_code == 413
    assert sandbox.state.lead_count == 0


def test_each_load_makes_its_own_list(caller, lead):
    for number in range(2):
        caller.load([lead(number)], description="same")
    lists = caller.get("/dialGroups/115801/campaigns/12345/lists").json()
    assert [(each["listDesc"], each["leadCount"]) for each in lists] == [("same", 1), ("same", 1)]


def test_loads_of_one_description_can_share_a_list(use, caller, lead):
    use(share_lists=True)
    for number, description in enumerate(["same", "same", "other"]):
        caller.load([lead(number)], description=description)
    lists = caller.get("/campaigns/12345/lists").json()
    assert [(each["listDesc"], each["leadCount"]) for each in lists] == [("same", 2), ("other", 1)]


def test_a_thousand_leads_load_quickly(sandbox, caller, lead):
    leads = [lead(number, firstName="Ann", lastName="Bee", zip="94105", auxData1="x") for number in range(1000)]
    caller.load(leads, duplicateHandling="REMOVE_ALL_EXISTING", timeZoneOption="NPA_NXX")
    fast = sandbox.state.requests[-1]
    assert fast.leads == 1000
    # About 10 ms on a plain machine; the bound only catches a walk through all leads.
    assert fast.milliseconds < 500


def test_a_client_that_leaves_early_loads_nothing(sandbox, caller):
    token = caller.http.headers["Authorization"]
    head = {"Authorization": token, "Content-Type": "application/json", "Content-Length": "100"}
    path = f"{caller.account}/campaigns/12345/leadLoader/direct"

    def half_a_body():
        yield b'{"uploadLeads": ['
        raise TimeoutError

    with pytest.raises(TimeoutError):
        httpx.post(sandbox.url + path, headers=head, content=half_a_body())
    assert caller.count({}) == 0


@pytest.mark.parametrize("status", [413, 400])
def test_too_many_leads_are_refused_as_this_deployment_does(use, caller, lead, status):
    use(max_leads_per_request=2, too_many_leads_status=status)
    answer = caller.load([lead(number) for number in range(3)])
    assert answer.status_code == status
    assert "3 leads, at most 2" in answer.json()["details"]
    assert caller.sandbox.state.lead_count == 0


def test_a_deployment_may_refuse_a_whole_load_for_one_lead(use, caller, lead):
    use(invalid_leads="refuse")
    refused = caller.load([lead(1), lead(2, leadPhone="12")])
    assert (refused.status_code, caller.sandbox.state.lead_count) == (400, 0)
    assert refused.json()["details"].startswith("uploadLeads[1]: leadPhone")
    assert caller.load([lead(2, leadPhone="12")]).status_code == 400
    assert caller.sandbox.state.turned_away() == {"e2": {"refused"}}
    assert caller.load([lead(1)]).json()["leadsInserted"] == 1
