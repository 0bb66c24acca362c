"""Every answer has the shape the OpenAPI document gives it, and no field the document does not have."""

import json
from pathlib import Path

import jsonschema
import pytest

EXTRACT = Path(__file__).resolve().parents[3] / "shared" / "ringcx" / "openapi-extract.json"
ADMIN = "/voice/api/v1/admin/accounts/{accountId}"
GROUP = ADMIN + "/dialGroups/{dialGroupId}"
CAMPAIGN = GROUP + "/campaigns/{campaignId}"
LEADS = ADMIN + "/campaignLeads"

pytestmark = pytest.mark.skipif(not EXTRACT.exists(), reason="the OpenAPI extract is not beside this checkout")


@pytest.fixture(scope="module")
def document():
    return json.loads(EXTRACT.read_text())


def strict(schemas, name):
    """A schema of the document that allows no other field."""
    return schemas[name] | {"additionalProperties": False}


def modern(node):
    """Turn OpenAPI 3.0's `nullable` into JSON Schema."""
    if isinstance(node, list):
        return [modern(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = {key: modern(value) for key, value in node.items()}
    if node.pop("nullable", False) and isinstance(node.get("type"), str):
        node["type"] = [node["type"], "null"]
    return node


@pytest.fixture
def hold(document):
    """Hold an answer to the document's schema for this operation, status and all."""
    schemas = modern(document["components"]["schemas"])

    def check(answer, method, path):
        responses = document["paths"][path][method]["responses"]
        assert str(answer.status_code) in responses
        (content,) = responses[str(answer.status_code)]["content"].values()
        schema = modern(content["schema"])
        target = schema.get("items", schema)
        if "$ref" in target:
            target |= strict(schemas, target.pop("$ref").rpartition("/")[2])
        schema["components"] = {"schemas": schemas}
        jsonschema.Draft202012Validator(schema).validate(answer.json())
        return answer.json()

    return check


@pytest.fixture
def hold_rows(document):
    """Hold the rows of a search to the view the document names for them elsewhere."""
    schemas = modern(document["components"]["schemas"])
    schema = strict(schemas, "CampaignLeadSearchResultsView") | {"components": {"schemas": schemas}}

    def check(rows):
        assert rows
        for row in rows:
            jsonschema.Draft202012Validator(schema).validate(row)

    return check


FULL_LEAD = {
    "externId": "e1", "leadPhone": "4155550001", "leadPhoneE164": "+14155550001", "title": "Dr.",
    "firstName": "Ann", "midName": "B", "lastName": "Cole", "suffix": "Jr.", "address1": "1 Main St",
    "address2": "Suite 2", "city": "Rome", "state": "NY", "zip": "10001", "email": "ann@example.com",
    "gateKeeper": "Bob", "auxData1": "1", "auxData2": "2", "auxData3": "3", "auxData4": "4", "auxData5": "5",
    "auxPhone": "4155550002", "auxExternalUrl": "https://example.com", "auxGreeting": "hello",
    "callerId": "4155550003", "leadTimezone": "EST", "leadPriority": 1, "maxPasses": 3, "reserveAgent": "1101",
    "liveAnswerMessage": "hi", "machAnswerMessage": "bye", "sortCol": "1", "suppressed": False,
    "extendedLeadData": {"important": "data"}, "personaPhoneConfig": {"Home": "4155550004"},
}  # fmt: skip


def test_a_load(hold, caller, lead):
    bad = lead(2, leadPhone="12")
    options = {"timeZoneOption": "EXPLICIT", "phoneNumbersI18nEnabled": True}
    answer = caller.load([FULL_LEAD, bad, FULL_LEAD], duplicateHandling="REMOVE_FROM_LIST", **options)
    result = hold(answer, "post", ADMIN + "/campaigns/{campaignId}/leadLoader/direct")
    assert len(result["rejectedRows"]) == 1


@pytest.mark.parametrize("option", ["NPA_NXX", "ZIPCODE", "COUNTRY", "NOT_APPLICABLE"])
@pytest.mark.parametrize("state", ["ACTIVE", "ARCHIVED"])
def test_a_load_with_each_option(hold, caller, option, state):
    answer = caller.load([FULL_LEAD], timeZoneOption=option, listState=state)
    hold(answer, "post", ADMIN + "/campaigns/{campaignId}/leadLoader/direct")


def test_a_failed_load(hold, use, caller, lead):
    use({"call": "direct", "nth": 1, "fault": "processing_failure"})
    for _ in range(2):
        hold(caller.load([lead(1, leadPhone="12")]), "post", ADMIN + "/campaigns/{campaignId}/leadLoader/direct")


def test_a_search_and_a_phone_search(hold, hold_rows, caller):
    caller.load([FULL_LEAD], timeZoneOption="EXPLICIT")
    caller.act("MANUAL_LEADS", {}, PASS_DISPOSITION="Busy", REQUEUE=True)
    caller.act("CALLBACK_LEADS", {}, ACTION_TYPE="RESET", CALLBACK_DATE="2030-01-02T03:04:05.000+0000")
    caller.act("AGENT_RESERVATION", {}, RESERVATION_AGENT_ID=1101)
    hold_rows(caller.search({}).json())
    path = f"{caller.account}/campaignLeads/leadSearchByPhoneList"
    answer = caller.http.post(path, json={"phoneList": ["4155550001"]})
    assert len(hold(answer, "post", LEADS + "/leadSearchByPhoneList")) == 1


@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_updated_lead(hold, caller, method):
    caller.load([FULL_LEAD], timeZoneOption="EXPLICIT")
    lead_id = caller.search({}).json()[0]["leadId"]
    path = f"{caller.account}/campaignLeads/{lead_id}"
    answer = caller.http.request(method, path, json=FULL_LEAD, params={"campaignId": 12345})
    assert hold(answer, method, LEADS + "/{leadId}")["lastName"] == "Cole"


@pytest.mark.parametrize("action", ["PAUSE_LEADS", "DELETE_LEADS", "DIALER_REFRESH"])
def test_an_action(hold, caller, lead, action):
    caller.load([lead(1)])
    hold(caller.act(action, {"externIds": ["e1"]}), "put", LEADS + "/actions")


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/campaignLeads/leadStates", LEADS + "/leadStates"),
        ("/campaignLeads/systemDispositions", LEADS + "/systemDispositions"),
        ("/dialGroups", ADMIN + "/dialGroups"),
        ("/dialGroups/withChildren", ADMIN + "/dialGroups/withChildren"),
        ("/dialGroups/115801/campaigns", GROUP + "/campaigns"),
        ("/dialGroups/115801/campaigns/12345", CAMPAIGN),
    ],
)
def test_what_can_be_read(hold, caller, path, operation):
    assert hold(caller.get(path), "get", operation)


def test_what_can_be_made_and_changed(hold, caller):
    group = caller.http.post(caller.account + "/dialGroups", json={"dialGroupName": "Third"})
    hold(group, "post", ADMIN + "/dialGroups")
    body = {
        "campaignName": "Spring",
        "startDate": "2026-01-01T07:00:00.000+0000",
        "endDate": "2027-01-01T07:00:00.000+0000",
        "callerId": "4155550123",
    }
    path = f"{caller.account}/dialGroups/{group.json()['dialGroupId']}/campaigns"
    made = hold(caller.http.post(path, json=body), "post", GROUP + "/campaigns")
    path = f"{path}/{made['campaignId']}"
    hold(caller.http.put(path, json=body), "put", CAMPAIGN)
    hold(caller.http.post(path + "/clearCache"), "post", CAMPAIGN + "/clearCache")
    hold(caller.http.delete(path), "delete", CAMPAIGN)


def test_every_call_of_the_document_is_served_except_file_uploads(document, caller):
    left_out = {ADMIN + "/campaigns/{campaignId}/leadLoader/" + name for name in ("preview", "process")}
    values = {"accountId": "99990001", "dialGroupId": "115801", "campaignId": "12345", "leadId": "1"}
    for path, operations in document["paths"].items():
        url = path
        for name, value in values.items():
            url = url.replace(f"{{{name}}}", value)
        for method in operations:
            before = caller.sandbox.state.requests_of("unknown")
            answer = caller.http.request(method, url)
            known = caller.sandbox.state.requests_of("unknown") == before and answer.status_code != 405
            assert known is (path not in left_out), f"{method} {path}"
            # What was deleted is there again for the next call.
            if method == "delete":
                caller.sandbox.reset()
                caller.sign_in()
