"""Our requests hold to the OpenAPI document: its paths, its fields, their types, and nothing it does not have."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jsonschema
import orjson
import pytest
from ringcx_doubles import CAMPAIGN, LOADED, answer, body_of

from connectors.ringcx.answers import Accepted
from connectors.ringcx.wire import LoadOptions, load_request
from transforms.vocabulary.lead_fields import INTEGER_FIELDS, TEXT_FIELDS
from transforms.vocabulary.options import DialPriority, DuplicateHandling, ListState, TimeZoneOption

EXTRACT = Path(__file__).resolve().parents[3] / "shared" / "ringcx" / "openapi-extract.json"
in_document = pytest.mark.skipif(not EXTRACT.exists(), reason="the OpenAPI extract is not beside this checkout")


FULL_LEAD = (
    dict.fromkeys(TEXT_FIELDS, "text")
    | dict.fromkeys(INTEGER_FIELDS, 3)
    | {f"auxData{number}": str(number) for number in range(1, 6)}
    | {"externId": "e1", "leadPhone": "4155550001", "leadPhoneE164": "+442079460000", "leadTimezone": "EST"}
    | {"extendedLeadData.Owner name": "Ann", "extendedLeadData.size": "12", "personaPhoneConfig.Home": "4155550002"}
)
FULL_OPTIONS = LoadOptions(
    description="A list",
    dial_priority="IMMEDIATE",
    duplicate_handling="REMOVE_ALL_EXISTING",
    time_zone_option="EXPLICIT",
    list_state="PAUSED",
    phone_numbers_i18n_enabled=True,
    international_number_format=False,
    number_origin_country="GBR",
    dnc_tags=("one", "two"),
    schedule_archive_dts="2026-12-31T00:00:00.000Z",
)


@pytest.fixture(scope="module")
def document():
    return json.loads(EXTRACT.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def hold(document):
    """Hold a body to a schema of the document that allows no field it does not name."""
    schemas = {
        name: {"additionalProperties": False} | schema for name, schema in document["components"]["schemas"].items()
    }

    def check(name, body):
        schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        jsonschema.Draft202012Validator(schema).validate(body)
        return body

    return check


def sent(options, *leads):
    return orjson.loads(load_request(options, list(leads)))


@in_document
def test_a_load_with_every_field_and_option_holds_to_the_document(hold):
    body = hold("LeadListProcessingRequest", sent(FULL_OPTIONS, FULL_LEAD))

    assert body["uploadLeads"][0].keys() >= {*TEXT_FIELDS, *INTEGER_FIELDS}


@in_document
def test_the_schema_check_itself_can_fail(hold):
    body = sent(FULL_OPTIONS, FULL_LEAD | {"auxData1": 7})

    with pytest.raises(jsonschema.ValidationError, match="7 is not of type 'string'"):
        hold("LeadListProcessingRequest", body)
    with pytest.raises(jsonschema.ValidationError, match="madeUp"):
        hold("LeadListProcessingRequest", sent(FULL_OPTIONS, FULL_LEAD | {"madeUp": "7"}))


@in_document
@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("dialPriority", DialPriority),
        ("duplicateHandling", DuplicateHandling),
        ("timeZoneOption", TimeZoneOption),
        ("listState", ListState),
    ],
)
def test_the_options_a_job_may_choose_are_those_of_the_document(document, field, options):
    schema = document["components"]["schemas"]["LeadListProcessingRequest"]["properties"][field]

    assert {option.value for option in options} == set(schema["enum"])


@in_document
@pytest.mark.parametrize("kind", [*TEXT_FIELDS, *INTEGER_FIELDS])
def test_each_lead_field_has_the_type_of_the_document(document, kind):
    wanted = "integer" if kind in INTEGER_FIELDS else "string"

    assert document["components"]["schemas"]["CampaignLead"]["properties"][kind]["type"] == wanted


@in_document
def test_search_criteria_hold_to_the_document_and_name_campaign_and_ids(hold, legacy, raw):
    raw.answers += [
        answer("200 OK", b"1"),
        answer("200 OK", b'[{"leadId": 1, "externId": "e0"}]'),
    ]

    legacy.find_leads(CAMPAIGN, ["e0"])

    for heard in raw.heard:
        criteria = hold("CampaignLeadSearchCriteria", orjson.loads(heard.body))
        assert criteria == {"campaignIds": [CAMPAIGN], "externIds": ["e0"], "suppressed": "ALL"}


@in_document
def test_every_path_method_and_query_is_one_of_the_document(document, connect, raw):
    raw.answers += [
        answer("200 OK", b'{"access_token": "platform"}'),
        answer("200 OK", b'{"accessToken": "t", "refreshToken": "r", "agentDetails": [{"accountId": "99990001"}]}'),
        answer("200 OK", b'[{"dialGroupId": 5}]'),
        answer("200 OK", b"[]"),
        answer("401 Unauthorized", b"Jwt is expired"),
        answer("200 OK", b'{"accessToken": "t2", "refreshToken": "r2"}'),
        answer("200 OK", LOADED),
        answer("200 OK", b"1"),
        answer("200 OK", b'[{"leadId": 1}]'),
    ]
    client = connect(raw.url, account_id=None)
    client.campaigns()
    assert isinstance(client.load(CAMPAIGN, body_of(1)), Accepted)
    client.find_leads(CAMPAIGN, ["e0"])

    assert not raw.answers
    for heard in raw.heard[1:]:  # the first is RingCentral's own sign-in, which the extract leaves out
        parts = urlsplit(heard.target)
        path = next(path for path in document["paths"] if matches(path, parts.path))
        operation = document["paths"][path][heard.method.lower()]
        allowed = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
        assert parse_qs(parts.query).keys() <= allowed, heard.target
        if heard.body and "json" in heard.headers["content-type"]:
            assert "application/json" in operation["requestBody"]["content"]


def matches(template, path):
    return re.fullmatch(re.sub(r"\\\{\w+\\\}|\{\w+\}", "[^/]+", template), path) is not None


def test_the_sign_in_calls_are_the_documented_forms(connect, raw):
    raw.answers += [
        answer("200 OK", b'{"access_token": "platform"}'),
        answer("200 OK", b'{"accessToken": "t", "refreshToken": "r"}'),
        answer("401 Unauthorized", b"Jwt is expired"),
        answer("200 OK", b'{"accessToken": "t2", "refreshToken": "r2"}'),
        answer("200 OK", LOADED),
    ]
    client = connect(raw.url)
    assert isinstance(client.load(CAMPAIGN, body_of(1)), Accepted)

    token, exchange, first, refresh, second = raw.heard
    assert token.method == exchange.method == refresh.method == "POST"
    assert token.target == "/restapi/oauth/token"
    assert token.headers["authorization"] == "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQ="
    assert parse_qs(token.body.decode()) == {
        "grant_type": ["urn:ietf:params:oauth:grant-type:jwt-bearer"],
        "assertion": ["sandbox-jwt"],
    }
    assert exchange.target == "/api/auth/login/rc/accesstoken?includeRefresh=true"
    assert parse_qs(exchange.body.decode()) == {"rcAccessToken": ["platform"], "rcTokenType": ["Bearer"]}
    assert refresh.target == "/api/auth/token/refresh"
    assert parse_qs(refresh.body.decode()) == {"refresh_token": ["r"]}
    assert {each.headers["content-type"] for each in (token, exchange, refresh)} == {
        "application/x-www-form-urlencoded"
    }
    assert "authorization" not in exchange.headers
    assert (first.headers["authorization"], second.headers["authorization"]) == ("Bearer t", "Bearer t2")
    assert first.body == second.body
    assert first.headers["content-type"] == "application/json"


def test_everything_that_was_chosen_arrives(client, ringcx):
    lead = FULL_LEAD | {"extendedLeadData.grün": "ä €", "extendedLeadData.a.b": "dotted", "reserveAgent": "1101"}

    accepted = client.load(CAMPAIGN, load_request(FULL_OPTIONS, [lead]))

    assert isinstance(accepted, Accepted), accepted
    (there,) = ringcx.state.leads()
    assert there.numbers == ("+442079460000",)
    assert there.loaded_with == "REMOVE_ALL_EXISTING"
    assert there.timezone == "EST"
    assert there.reserved_agent == 1101
    assert there.fields["extendedLeadData"] == {"Owner name": "Ann", "size": "12", "grün": "ä €", "a.b": "dotted"}
    assert there.fields["personaPhoneConfig"] == {"Home": "4155550002"}
    assert [there.fields[f"auxData{number}"] for number in range(1, 6)] == ["1", "2", "3", "4", "5"]
    assert (there.fields["leadPriority"], there.fields["maxPasses"]) == (3, 3)
    (batch,) = ringcx.state.store.lists.values()
    assert (batch.description, batch.state) == ("A list", "PAUSED")


def test_the_request_options_are_sent_under_their_documented_names():
    body = sent(FULL_OPTIONS)

    assert body == {
        "description": "A list",
        "dialPriority": "IMMEDIATE",
        "duplicateHandling": "REMOVE_ALL_EXISTING",
        "timeZoneOption": "EXPLICIT",
        "listState": "PAUSED",
        "phoneNumbersI18nEnabled": True,
        "internationalNumberFormat": False,
        "numberOriginCountry": "GBR",
        "dncTags": ["one", "two"],
        "scheduleArchiveDts": "2026-12-31T00:00:00.000Z",
        "uploadLeads": [],
    }


def test_what_is_null_is_left_out_and_what_is_empty_is_not():
    body = sent(
        LoadOptions("A list", "NORMAL", "RETAIN_ALL", "NPA_NXX"),
        {"externId": "e1", "lastName": None, "city": "", "extendedLeadData.a": None, "leadPriority": 0},
    )

    assert body["uploadLeads"] == [{"externId": "e1", "city": "", "leadPriority": 0}]
    assert body.keys() == {
        "description", "dialPriority", "duplicateHandling", "timeZoneOption", "dncTags", "uploadLeads",
    }  # fmt: skip


@pytest.mark.parametrize("text", ['quote " and \\', "line\nbreak", "ünïcødé 漢字 🙂", "\x7f", "</script>"])
def test_any_text_arrives_as_it_was(client, ringcx, text):
    client.load(CAMPAIGN, load_request(FULL_OPTIONS, [FULL_LEAD | {"lastName": text}]))

    (there,) = ringcx.state.leads()
    assert there.fields["lastName"] == text
