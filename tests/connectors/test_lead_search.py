"""Finding leads again: every page, from whichever number pages count, and never a claim that was not checked."""

import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringcx_doubles import CAMPAIGN, answer, body_of, ids_of

from connectors.ringcx.lead_rows import read_lead_rows
from connectors.ringcx.searching import IDS_PER_SEARCH
from connectors.ringcx.wire import read_count
from connectors.sandbox.settings import SandboxSettings
from transforms.vocabulary.errors import ConfigurationError, RunInterruptedError, ServiceError


@pytest.fixture
def use(connect, ringcx):
    """A client of a sandbox with these settings that holds `count` leads, and then suffers `faults`."""

    def begin(count, *faults, patience=3.0, **settings):
        ringcx.reset(SandboxSettings(**({"throttles": False} | settings)))
        client = connect(ringcx.url, patience=patience)
        client.load(CAMPAIGN, body_of(count))
        ringcx.set_faults(faults)
        return client

    return begin


def found_ids(found):
    return sorted(lead.extern_id for lead in found.leads)


@pytest.mark.parametrize("count_shape", ["number", "object"])
@pytest.mark.parametrize("page_base", [0, 1])
@pytest.mark.parametrize("max_rows_cap", [2, 3, 7, 1000])
def test_every_lead_is_found_however_pages_are_counted_and_cut(use, page_base, max_rows_cap, count_shape):
    client = use(7, page_base=page_base, max_rows_cap=max_rows_cap, count_shape=count_shape)

    for _ in range(2):
        found = client.find_leads(CAMPAIGN, ids_of(7))
        assert found_ids(found) == ids_of(7)
        assert found.complete


def test_where_pages_count_from_one_is_learned_once(use, ringcx):
    client = use(2, page_base=1)

    client.find_leads(CAMPAIGN, ids_of(2))
    client.find_leads(CAMPAIGN, ids_of(2))

    assert ringcx.state.answers_of("search", 400) == 1


def test_a_found_lead_carries_what_a_report_needs(use, ringcx):
    (lead,) = use(1, do_not_call=("4155550000",), dnc_removes=False).find_leads(CAMPAIGN, ids_of(1)).leads

    (there,) = ringcx.state.leads()
    assert (lead.lead_id, lead.extern_id, lead.phone, lead.list_id) == (
        there.lead_id,
        "e0",
        "4155550000",
        there.list_id,
    )
    assert lead.state == "DO_NOT_CALL"


@pytest.mark.parametrize("separator", ["-", "_"])
def test_a_lead_state_has_one_spelling_whichever_the_server_uses(use, separator):
    client = use(1, do_not_call=("4155550000",), dnc_removes=False, lead_state_separator=separator)

    assert client.find_leads(CAMPAIGN, ids_of(1)).leads[0].state == "DO_NOT_CALL"


def test_only_the_leads_of_the_campaign_with_these_ids_are_found(use):
    client = use(5)
    client.load(CAMPAIGN + 1, body_of(5))

    assert found_ids(client.find_leads(CAMPAIGN, ["e1", "e3", "e9"])) == ["e1", "e3"]
    assert client.count_leads(CAMPAIGN, ["e1", "e3", "e9"]) == 2
    assert client.count_leads(CAMPAIGN, ["E1"]) == 0


def test_a_lead_that_is_there_twice_is_found_twice(use):
    client = use(3)
    client.load(CAMPAIGN, body_of(3))

    assert found_ids(client.find_leads(CAMPAIGN, ids_of(3))) == sorted(ids_of(3) * 2)


def test_no_ids_ask_nothing_of_the_server(use, ringcx):
    client = use(3)
    asked = ringcx.state.requests_of("search") + ringcx.state.requests_of("count")

    assert client.find_leads(CAMPAIGN, []).leads == []
    assert client.count_leads(CAMPAIGN, []) == 0
    assert ringcx.state.requests_of("search") + ringcx.state.requests_of("count") == asked


def test_every_request_names_the_campaign_and_at_most_as_many_ids_as_are_asked_for_at_once(legacy, raw):
    ids = [f"id{number}" for number in range(IDS_PER_SEARCH * 2 + 1)]
    raw.answers += [answer("200 OK", b"0")] * 3

    assert legacy.count_leads(7, ids) == 0

    criteria = [orjson.loads(heard.body) for heard in raw.heard]
    assert [len(each["externIds"]) for each in criteria] == [IDS_PER_SEARCH, IDS_PER_SEARCH, 1]
    assert [each["campaignIds"] for each in criteria] == [[7]] * 3
    assert [name for each in criteria for name in each["externIds"]] == ids


def test_a_page_given_in_the_place_of_another_makes_the_search_incomplete_and_the_next_one_whole(use):
    client = use(7, {"call": "search", "nth": 2, "fault": "duplicate_page"}, max_rows_cap=3)

    assert not client.find_leads(CAMPAIGN, ids_of(7)).complete

    found = client.find_leads(CAMPAIGN, ids_of(7))
    assert found_ids(found) == ids_of(7)
    assert found.complete


def test_rows_that_come_on_two_pages_count_once(use):
    client = use(7, {"call": "search", "from": 2, "fault": "duplicate_page", "rows": 1}, max_rows_cap=3)

    found = client.find_leads(CAMPAIGN, ids_of(7))

    assert len(found.leads) == len(set(found_ids(found)))
    assert found.complete == (found_ids(found) == ids_of(7))


def test_pages_that_repeat_for_ever_end_as_incomplete(use):
    client = use(7, {"call": "search", "from": 2, "fault": "duplicate_page", "rows": 1000}, max_rows_cap=3)

    found = client.find_leads(CAMPAIGN, ids_of(7))

    assert found_ids(found) == ids_of(3)
    assert not found.complete


def test_leads_that_a_page_holds_back_make_the_search_incomplete(use, ringcx):
    client = use(6, {"call": "search", "fault": "hide_leads", "seconds": 60.0, "every": 2})

    found = client.find_leads(CAMPAIGN, ids_of(6))

    assert len(found.leads) == 3
    assert not found.complete
    assert ringcx.state.lead_count == 6


def test_leads_that_no_search_shows_yet_are_not_found(use):
    client = use(3, search_lag_seconds=60.0)

    found = client.find_leads(CAMPAIGN, ids_of(3))

    assert found.leads == []
    assert found.complete  # as far as the server's own count goes: only repeated misses prove absence


def test_an_unreadable_count_never_makes_a_search_complete(legacy, raw):
    raw.answers += [answer("200 OK", b'"many"'), answer("200 OK", b"[]"), answer("200 OK", b"[]")]

    assert not legacy.find_leads(CAMPAIGN, ["e1"]).complete


@pytest.mark.parametrize("page_base", [0, 1])
def test_a_first_page_refused_for_another_reason_is_an_error_and_teaches_nothing(use, page_base):
    client = use(3, {"call": "search", "from": 1, "to": 2, "fault": "search_fails", "status": 403}, page_base=page_base)

    with pytest.raises(ConfigurationError, match="403"):
        client.find_leads(CAMPAIGN, ids_of(3))
    assert client.find_leads(CAMPAIGN, ids_of(3)).complete


def test_a_first_page_refused_once_by_mistake_is_asked_for_again_after_an_incomplete_search(use):
    client = use(3, {"call": "search", "nth": 1, "fault": "search_fails", "status": 400})

    assert not client.find_leads(CAMPAIGN, ids_of(3)).complete
    assert client.find_leads(CAMPAIGN, ids_of(3)).complete


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "search_fails", "status": 500},
        {"fault": "search_fails", "status": 503},
        {"fault": "search_fails", "status": 408},
        {"fault": "drop_before_commit"},
        {"fault": "drop_after_commit"},
        {"fault": "truncated_answer"},
        {"fault": "expire_token"},
        {"fault": "revoke_tokens"},
        {"fault": "throttle", "seconds": 1.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("call", ["search", "count"])
def test_a_search_that_fails_and_recovers_is_asked_again(use, ringcx, call, fault):
    client = use(3, {"call": call, "nth": 1} | fault)

    found = client.find_leads(CAMPAIGN, ids_of(3))

    assert found_ids(found) == ids_of(3)
    assert found.complete
    assert ringcx.state.requests_of(call) == 2


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_search_that_keeps_failing_is_given_up_when_patience_ends(use, status):
    client = use(1, {"call": "search", "fault": "search_fails", "status": status}, patience=0.8)
    began = time.monotonic()

    with pytest.raises(ServiceError):
        client.find_leads(CAMPAIGN, ids_of(1))

    assert time.monotonic() - began < 3


def test_a_search_that_keeps_meeting_401_does_not_hammer_the_sign_in(use, ringcx):
    client = use(1, {"call": "count", "fault": "expire_token"}, patience=2.0)

    with pytest.raises(ServiceError, match="401"):
        client.count_leads(CAMPAIGN, ids_of(1))

    assert ringcx.state.requests_of("refresh") <= 4


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "expire_token"},
        {"fault": "throttle", "retry_after": "seconds", "seconds": 1},
    ],
    ids=["a token that ran out", "a pause that RingCX asks for"],
)
def test_what_is_no_failure_costs_no_patience(use, fault):
    client = use(1, {"call": "search", "nth": 1} | fault, patience=0.0)

    assert found_ids(client.find_leads(CAMPAIGN, ids_of(1))) == ids_of(1)


def test_a_stop_ends_a_search_that_keeps_failing(use, stop):
    client = use(1, {"call": "count", "fault": "search_fails", "status": 500}, patience=60.0)
    stop.set()

    with pytest.raises(RunInterruptedError):
        client.count_leads(CAMPAIGN, ids_of(1))


def test_a_search_answered_with_something_else_than_leads_is_an_error_of_the_service(use):
    client = use(1, {"call": "search", "fault": "not_json_answer"}, patience=0.0)

    with pytest.raises(ServiceError, match="something else than leads"):
        client.find_leads(CAMPAIGN, ids_of(1))


@pytest.mark.parametrize("body", [b"7", b'{"count": 7}', b'{"totalCount": 7}', b'[{"count": 7}]', b'"7"', b"[7]"])
def test_a_count_is_read_in_every_likely_shape(body):
    assert read_count(body) == 7


@pytest.mark.parametrize("body", [b'{"accountId": 9, "count": 7}', b'{"accountId": "9", "leadCount": "7"}'])
def test_an_account_id_beside_a_count_is_not_taken_for_one(body):
    assert read_count(body) == 7


@pytest.mark.parametrize(
    "body", [b"", b"x", b"null", b"true", b"-1.5", b"{}", b'{"a": 7}', b'{"count": 1, "total": 2}', b"[1, 2]", b"[]"]
)
def test_a_count_that_is_not_one_number_is_unknown(body):
    assert read_count(body) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b"[{}]",
        b'[{"leadId": null}]',
        b'[{"leadId": "x"}]',
        b"null",
        b"[[]]",
        b'[{"leadId": 1}] x',
        b'[{"leadId": 1}, null]',
    ],
)
def test_an_answer_that_is_no_array_of_leads_is_not_understood(body):
    assert read_lead_rows(body) is None


# --- whole lists, and numbers -----------------------------------------------------------------------------------


def lists_of(ringcx):
    return list(ringcx.state.store.lists)


@pytest.mark.parametrize("pages", [(0, "refuse"), (1, "refuse"), (1, "first")], ids=str)
@pytest.mark.parametrize("rows", [(150, "cut"), (150, "refuse"), (1000, "refuse"), (1000, "default")], ids=str)
def test_every_lead_of_a_list_is_read_however_long_pages_may_be(use, ringcx, rows, pages):
    (page_base, page_below_base), (max_rows_cap, too_many_rows) = pages, rows
    settings = {"page_base": page_base, "page_below_base": page_below_base, "too_many_rows": too_many_rows}
    client = use(350, max_rows_cap=max_rows_cap, default_max_rows=100, **settings)

    found = client.search.find_in_lists(CAMPAIGN, lists_of(ringcx), 350)

    assert found.complete
    assert sorted(found.rows["externId"]) == sorted(ids_of(350))


def test_a_list_is_read_in_as_few_pages_as_the_server_allows(use, ringcx):
    client = use(2300, max_rows_cap=5000)

    client.search.find_in_lists(CAMPAIGN, lists_of(ringcx), 2300)

    assert ringcx.state.requests_of("search") == 1


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_rows_that_change_places_between_pages_make_a_list_incomplete_or_whole_but_never_double(use, ringcx, nth):
    client = use(350, {"call": "search", "nth": nth, "fault": "other_order"}, max_rows_cap=150)

    found = client.search.find_in_lists(CAMPAIGN, lists_of(ringcx), 350)

    assert found.rows["leadId"].is_unique().all()
    assert found.complete == (found.rows.height == 350)


def test_only_the_lists_asked_for_are_read_and_counted(use, ringcx):
    client = use(3)
    client.load(CAMPAIGN, body_of(2, first=10))
    first, second = lists_of(ringcx)

    assert sorted(client.search.find_in_lists(CAMPAIGN, [second], 2).rows["externId"]) == ids_of(2, first=10)
    assert client.search.count(CAMPAIGN, list_ids=[first, second]) == 5


def test_criteria_without_ids_and_lists_are_never_sent(use, ringcx):
    client = use(3)
    ringcx.state.counts.clear()

    assert client.search.count(CAMPAIGN) == 0
    with pytest.raises(ValueError, match="not enough values"):
        client.search.find_in_lists(CAMPAIGN, [], 3)
    assert not ringcx.state.counts


@pytest.mark.parametrize("forms", ["both", "json", "file", "none"])
def test_leads_are_found_by_number_whichever_form_the_server_takes(use, ringcx, forms):
    client = use(3, phone_list_forms=forms)
    client.load(CAMPAIGN, body_of(2))
    client.load(CAMPAIGN + 1, body_of(3))

    for _ in range(2):
        found = client.search.find_numbers(CAMPAIGN, ["4155550001", "4155550002", "2125550100"], ["loadedDts"])
        assert sorted(found["externId"]) == ["e1", "e1", "e2"]
        assert found["loadedDts"].str.contains(r"^\d{4}-").all()
    refused = {status for (call, status) in ringcx.state.counts if call == "search_phones"} - {200}
    assert refused == {"both": set(), "json": set(), "file": {415}, "none": {404}}[forms]


def test_a_search_by_number_that_is_refused_in_every_form_is_an_error(use):
    faults = [{"call": call, "fault": "search_fails", "status": 404} for call in ("search", "search_phones")]
    client = use(1, *faults)

    with pytest.raises(ConfigurationError, match="404"):
        client.search.find_numbers(CAMPAIGN, ["4155550000"])


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("zip", 6511, "6511"),
        ("zip", 1.5, "1.5"),
        ("zip", True, "True"),
        ("externId", 17, "17"),
        ("listId", "12", 12),
        ("listId", "x", None),
        ("listId", 2**70, None),
        ("listId", True, None),
        ("leadState", "AGENT-CALLBACK", "AGENT_CALLBACK"),
        ("leadState", "", None),
    ],
)
def test_a_field_of_another_type_than_documented_is_read_as_what_it_says(field, value, read):
    rows = [{"leadId": 1, "externId": "a"}, {"leadId": "2", field: value}]

    found = read_lead_rows(orjson.dumps(rows) if value != 2**70 else str(rows).replace("'", '"').encode(), ["zip"])

    assert found["leadId"].to_list() == [1, 2]
    assert found[field][1] == read


def test_an_id_too_large_to_be_one_is_not_understood():
    assert read_lead_rows(b'[{"leadId": 1}, {"leadId": 99999999999999999999}]') is None


def test_half_a_character_is_no_text():
    assert read_lead_rows(b'[{"leadId": 1, "externId": "\\ud800"}]') is None
    assert read_lead_rows(b'[{"leadId": 1, "externId": "\\ud83d\\ude42"}]')["externId"].to_list() == ["🙂"]


TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"leadId": st.integers(0, 2**63 - 1)},
            optional={
                **dict.fromkeys(("externId", "leadPhone", "leadTimezone", "zip", "unknown"), TEXTS),
                "leadState": st.sampled_from([None, "", "READY", "DO-NOT-CALL"]),
                "listId": st.none() | st.integers(0, 2**31),
                "campaignLead": st.none() | st.dictionaries(st.text(max_size=2), st.integers(0, 9), max_size=2),
            },
        ),
        max_size=5,
    ),
    st.booleans(),
)
def test_leads_of_the_documented_types_are_read_the_same_as_others(leads, indented):
    content = orjson.dumps(leads, option=orjson.OPT_INDENT_2 if indented else 0)
    otherwise = orjson.dumps([*leads, {"leadId": "7"}])

    rows = read_lead_rows(content, ["zip"])

    assert rows.equals(read_lead_rows(otherwise, ["zip"]).head(len(leads)))
    assert rows["leadId"].to_list() == [lead["leadId"] for lead in leads]
    assert rows["externId"].to_list() == [lead.get("externId") or "" for lead in leads]
    assert rows["zip"].to_list() == [lead.get("zip") for lead in leads]


@given(st.binary(max_size=30) | st.text(alphabet='[]{}",:\\u0d8 leadId123.eE-+ntfals', max_size=40).map(str.encode))
def test_whatever_an_answer_is_it_is_leads_or_nothing(content):
    rows = read_lead_rows(content)

    assert rows is None or rows["leadId"].null_count() == 0


def test_a_found_lead_may_lack_all_but_its_id():
    (row,) = read_lead_rows(b'[{"leadId": "7"}]').rows()

    assert row == (7, "", "", None, None, None)
