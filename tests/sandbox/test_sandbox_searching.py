"""Which leads a search finds, and how its pages are cut."""

import itertools

import pytest


@pytest.fixture
def three(caller, lead):
    """Three leads in two lists of one campaign, and a fourth in another campaign."""
    caller.load(
        [
            lead(1, firstName="Ann", state="NY", email="ann@example.com", auxData1="gold", zip="10001"),
            lead(2, firstName="Bob", state="CA", callerId="4155550999"),
        ],
        description="first",
    )
    caller.load([lead(3, firstName="ann", state="NY", suppressed=True)], description="second")
    caller.load([lead(4)], campaign=12346)
    return caller


def test_no_criteria_select_every_lead_of_the_account(three):
    assert three.found({}) == ["e1", "e2", "e3", "e4"]
    assert three.count({"externIds": [], "listIds": [], "firstName": ""}) == 4


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"campaignId": 12345}, ["e1", "e2", "e3"]),
        ({"campaignIds": [12346]}, ["e4"]),
        ({"campaignIds": [12345, 12346], "campaignId": 12346}, ["e4"]),
        ({"campaignId": 12345, "campaignIds": [12346]}, []),
        ({"externIds": ["e3", "e1", "e9"]}, ["e1", "e3"]),
        ({"externIds": ["e1", "e4"], "campaignId": 12345}, ["e1"]),
        ({"leadPhoneNum": "4155550002"}, ["e2"]),
        ({"leadPhoneNumbers": ["4155550002", "4155550004"]}, ["e2", "e4"]),
        ({"externIds": ["e1", "e2"], "leadPhoneNumbers": ["4155550002"]}, ["e2"]),
        ({"firstName": "Ann"}, ["e1", "e3"]),
        ({"firstName": "An"}, []),
        ({"physicalStates": ["NY"], "suppressed": "ONLY_UNSUPPRESSED"}, ["e1"]),
        ({"suppressed": "ONLY_SUPPRESSED"}, ["e3"]),
        ({"suppressed": "ALL"}, ["e1", "e2", "e3", "e4"]),
        ({"emailAddress": "ann@example.com"}, ["e1"]),
        ({"auxData1": "gold"}, ["e1"]),
        ({"zip": "10001"}, ["e1"]),
        ({"callerId": "4155550999"}, ["e2"]),
        ({"leadStates": ["READY"], "campaignId": 12346}, ["e4"]),
        ({"leadStates": ["DO_NOT_CALL", "AGENT-CALLBACK"]}, []),
        ({"orphanedLeadsOnly": True}, []),
        ({"orphanedLeadsOnly": False, "campaignId": 12346}, ["e4"]),
        ({"leadPassesCriteria": {"operator": "EQUALS", "value": 0}, "campaignId": 12346}, ["e4"]),
        ({"leadPassesCriteria": {"operator": "GREATER_THAN", "value": 0}}, []),
        ({"loadedDtsStart": "2020-01-01T00:00:00.000+0000", "campaignId": 12346}, ["e4"]),
        ({"loadedDtsEnd": "2020-01-01T00:00:00.000+0000"}, []),
        ({"agentId": 1101}, []),
    ],
)
def test_each_criterion_narrows(three, criteria, found):
    assert three.found(criteria) == found
    assert three.count(criteria) == len(found)


def test_ids_of_a_result_find_it_again(three):
    row = three.search({"externIds": ["e2"]}).json()[0]
    assert three.found({"leadIds": [row["leadId"]]}) == ["e2"]
    assert three.found({"listIds": [row["listId"]]}) == ["e1", "e2"]
    assert three.found({"listIds": [row["listId"]], "firstName": "bob"}) == ["e2"]
    edges = {"loadedDtsStart": row["loadedDts"], "loadedDtsEnd": row["loadedDts"], "externIds": ["e2"]}
    assert three.found(edges) == ["e2"]


def test_a_result_says_where_the_lead_is(three):
    row = three.search({"externIds": ["e3"]}).json()[0]
    assert row["leadPhone"] == "4155550003"
    assert (row["campaignId"], row["campaignName"]) == (12345, "My Predictive Campaign")
    assert (row["listDesc"], row["leadState"], row["suppressed"]) == ("second", "READY", True)
    assert row["firstName"] == "ann"


def test_lead_states_can_be_written_with_underscores(use, caller, lead):
    use(do_not_call=("4155550001",), dnc_removes=False, lead_state_separator="_")
    caller.load([lead(1)])
    assert caller.search({}).json()[0]["leadState"] == "DO_NOT_CALL"
    assert "AGENT_CALLBACK" in caller.get("/campaignLeads/leadStates").json()


@pytest.mark.parametrize("base", [0, 1])
def test_pages_cover_everything_once(use, caller, lead, base):
    use(page_base=base)
    caller.load([lead(number) for number in range(7)])
    pages = [caller.found({}, page=base + number, maxRows=3) for number in range(4)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert sorted(itertools.chain.from_iterable(pages)) == [f"e{number}" for number in range(7)]


def test_page_zero_is_400_where_pages_count_from_one(use, caller):
    use(page_base=1)
    assert caller.search({}, page=0).status_code == 400
    assert caller.search({}, page=1).status_code == 200


def test_too_many_rows_are_cut_without_a_word(use, caller, lead):
    use(max_rows_cap=2)
    caller.load([lead(number) for number in range(5)])
    assert caller.found({}, page=1, maxRows=4) == ["e2", "e3"]


def test_a_page_without_max_rows_is_short(use, caller, lead):
    use(default_max_rows=2)
    caller.load([lead(number) for number in range(5)])
    assert len(caller.found({})) == 2


@pytest.mark.parametrize("query", [{"page": "-1"}, {"page": "x"}, {"maxRows": 0}, {"count": "yes"}, {"max_rows": 1}])
def test_a_wrong_query_parameter_is_400_and_named(caller, query):
    answer = caller.search({}, **query)
    assert answer.status_code == 400
    assert next(iter(query)) in answer.json()["details"]


@pytest.mark.parametrize(
    ("criteria", "field"),
    [
        ({"externIds": [1]}, "externIds[0]"),
        ({"leadIds": ["1"]}, "leadIds[0]"),
        ({"leadStates": ["NEW"]}, "leadStates[0]"),
        ({"externId": "e1"}, "externId"),
        ({"suppressed": True}, "suppressed"),
        ({"loadedDtsStart": "2020-05-26T07:00:00.000+00:00"}, "loadedDtsStart"),
        ({"leadTimezones": ["EST"]}, "leadTimezones[0]"),
        ({"leadPassesCriteria": {"operator": "MORE", "value": 1}}, "leadPassesCriteria.operator"),
    ],
)
def test_a_wrong_criterion_is_400_and_named(caller, criteria, field):
    answer = caller.search(criteria)
    assert answer.status_code == 400
    assert field in answer.json()["details"]


def test_count_can_be_an_object(use, caller, lead):
    use(count_shape="object")
    caller.load([lead(1)])
    assert caller.count({"campaignId": 12345}) == {"count": 1}


def test_a_new_lead_becomes_visible_after_the_lag(use, sandbox, caller, lead):
    use(search_lag_seconds=5)
    caller.load([lead(1)])
    assert (caller.found({}), caller.count({"campaignId": 12345})) == ([], 0)
    assert sandbox.state.lead_count == 1
    sandbox.state.clock.advance(5)
    assert (caller.found({}), caller.count({"campaignId": 12345})) == (["e1"], 1)


def test_a_second_search_sees_what_changed_since_the_first(three):
    assert three.found({"leadStates": ["PAUSED"]}) == []
    three.act("PAUSE_LEADS", {"externIds": ["e1"]})
    assert three.found({"leadStates": ["PAUSED"]}) == ["e1"]
    three.act("DELETE_LEADS", {"externIds": ["e1"]})
    assert three.found({"leadStates": ["PAUSED"]}) == []


def test_a_phone_list_is_searched_as_json(three):
    path = f"{three.account}/campaignLeads/leadSearchByPhoneList"
    body = {"phoneList": ["4155550001", "4155550004"], "campaignIds": [12345]}
    assert [row["externId"] for row in three.http.post(path, json=body).json()] == ["e1"]
    assert three.http.post(path, json={"phoneList": []}).json() == []


def test_a_phone_list_is_searched_as_a_file(three):
    path = f"{three.account}/campaignLeads/leadSearchByPhoneList"
    file = {"file": ("phones.csv", b"4155550002\r\n4155550004\r\n", "text/csv")}
    assert [row["externId"] for row in three.http.post(path, files=file).json()] == ["e2", "e4"]
    assert three.http.post(path, files={"other": b"4155550002"}).status_code == 400


@pytest.mark.parametrize(("way", "found"), [("cut", 3), ("default", 2), ("refuse", None)])
def test_more_rows_than_a_page_may_have_are_cut_or_refused(use, caller, lead, way, found):
    use(max_rows_cap=3, default_max_rows=2, too_many_rows=way)
    caller.load([lead(number) for number in range(5)])
    answer = caller.search({}, maxRows=4)
    assert answer.status_code == (400 if found is None else 200)
    assert found is None or len(answer.json()) == found


def test_a_page_before_the_first_may_be_the_first(use, caller, lead):
    use(page_base=1, page_below_base="first")
    caller.load([lead(number) for number in range(3)])
    assert caller.found({}, page=0, maxRows=2) == caller.found({}, page=1, maxRows=2) == ["e0", "e1"]


@pytest.mark.parametrize(("forms", "statuses"), [("json", (200, 415)), ("file", (415, 200)), ("none", (404, 404))])
def test_a_list_of_numbers_may_be_taken_in_one_form_only(use, caller, lead, forms, statuses):
    use(phone_list_forms=forms)
    caller.load([lead(1)])
    path = f"{caller.account}/campaignLeads/leadSearchByPhoneList"
    as_json = caller.http.post(path, json={"phoneList": ["4155550001"]})
    as_file = caller.http.post(path, files={"file": ("phones.txt", "4155550001")})
    assert (as_json.status_code, as_file.status_code) == statuses
