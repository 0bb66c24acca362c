"""leadSearch: which leads a set of criteria selects, in the order of their ids, page by page.

Every criterion narrows; an empty list or a blank text is no criterion, as in the guide's examples, so
criteria that are all empty select every lead of the account. Texts are compared whole, without regard to
case. The leads are found through the narrowest index the criteria name.
"""

import operator
from collections.abc import Callable, Iterable, Sized
from datetime import datetime, timedelta
from email.message import Message
from email.parser import BytesParser
from typing import Any, Final, cast

from connectors.sandbox.bodies import CRITERIA, PHONE_LIST, CriteriaBody, read_body
from connectors.sandbox.dates import read_date
from connectors.sandbox.phones import compare_form
from connectors.sandbox.refusals import bad_request, not_found, wrong_media_type
from connectors.sandbox.rows import write_search_rows
from connectors.sandbox.state import SandboxState
from connectors.sandbox.store import Lead, LeadStore
from connectors.sandbox.visits import Answer, Visit, answer_json

Test = Callable[[Lead], bool]

_TEXTS: Final = {
    "firstName": "firstName",
    "lastName": "lastName",
    "address1": "address1",
    "address2": "address2",
    "city": "city",
    "zip": "zip",
    "emailAddress": "email",
    "callerId": "callerId",
    "auxData1": "auxData1",
    "auxData2": "auxData2",
    "auxData3": "auxData3",
    "auxData4": "auxData4",
    "auxData5": "auxData5",
}
_KEPT_SELECTIONS: Final = 16
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "GREATER_THAN": operator.gt,
    "LESS_THAN": operator.lt,
    "EQUALS": operator.eq,
}


def search_leads(visit: Visit) -> Answer:
    """Answer a search with one page of leads."""
    return _answer_page(visit, read_body(CRITERIA, visit.body))


def count_leads(visit: Visit) -> Answer:
    """Answer a search with the number of leads it selects."""
    number = _count(visit.state, read_body(CRITERIA, visit.body))
    return answer_json({"count": number} if visit.state.settings.count_shape == "object" else number)


def search_phone_list(visit: Visit) -> Answer:
    """Answer a search by many numbers, sent as the guide's JSON or as the OpenAPI document's file."""
    content_type = visit.headers.get("content-type", "")
    forms = visit.state.settings.phone_list_forms
    if forms == "none":
        raise not_found("leadSearchByPhoneList")
    if forms not in {"both", "file" if content_type.startswith("multipart/") else "json"}:
        raise wrong_media_type("content-type: is not taken here")
    if content_type.startswith("multipart/form-data"):
        phones = _read_phone_file(content_type, visit.body)
        return _answer_page(visit, {"leadPhoneNumbers": phones}) if phones else answer_json([])
    body = read_body(PHONE_LIST, visit.body)
    if not body["phoneList"]:
        return answer_json([])
    return _answer_page(visit, {"leadPhoneNumbers": body["phoneList"], "campaignIds": body.get("campaignIds")})


def select_leads(state: SandboxState, criteria: CriteriaBody) -> list[Lead]:
    """Return the leads the criteria select and searches can see by now, in a stable order.

    The last selections are kept until something changes, so that reading a campaign page by page selects once, also
    where several searches are read at a time.
    """
    hidden = _make_visibility_tests(state)
    if state.selections_of != state.store.version:
        state.selections.clear()
        state.selections_of = state.store.version
    key = repr(criteria)
    if not hidden and key in state.selections:
        return state.selections[key]
    leads, tests = _plan(state, criteria)
    tests += hidden
    if tests:
        leads = (lead for lead in leads if all(test(lead) for test in tests))
    selection = sorted(leads, key=operator.attrgetter("lead_id"))
    if not hidden:
        if len(state.selections) >= _KEPT_SELECTIONS:
            del state.selections[next(iter(state.selections))]
        state.selections[key] = selection
    return selection


def _count(state: SandboxState, criteria: CriteriaBody) -> int:
    """Return how many leads the criteria select, without collecting them where an index knows."""
    leads, tests = _plan(state, criteria)
    if isinstance(leads, Sized) and not tests and not _make_visibility_tests(state):
        return len(leads)
    return len(select_leads(state, criteria))


def _plan(state: SandboxState, criteria: CriteriaBody) -> tuple[Iterable[Lead], list[Test]]:
    """Choose the narrowest index the criteria name, and make tests of the criteria it leaves over."""
    given = {name: value for name, value in criteria.items() if value not in (None, [], "")}
    for name, look_up in _INDEXES.items():
        if name in given:
            leads = look_up(state.store, given.pop(name))
            break
    else:
        leads = state.store.by_id.values()
    return leads, [_make_test(state, name, value) for name, value in given.items()]


def _answer_page(visit: Visit, criteria: CriteriaBody) -> Answer:
    """Answer one page of the selected leads."""
    settings = visit.state.settings
    page = visit.whole_number("page", settings.page_base)
    if page < settings.page_base and settings.page_below_base == "refuse":
        raise bad_request(f"page: must be at least {settings.page_base}")
    page = max(page, settings.page_base)
    rows = visit.whole_number("maxRows", settings.default_max_rows)
    if rows < 1:
        raise bad_request("maxRows: must be at least 1")
    if rows > settings.max_rows_cap:
        if settings.too_many_rows == "refuse":
            raise bad_request(f"maxRows: must be at most {settings.max_rows_cap}")
        rows = settings.max_rows_cap if settings.too_many_rows == "cut" else settings.default_max_rows
    first = (page - settings.page_base) * rows
    repeated = visit.fault("duplicate_page")
    if repeated is not None:
        first = max(0, first - (repeated.parameters["rows"] or rows))
    selected = select_leads(visit.state, criteria)
    if visit.fault("other_order"):
        selected = selected[::-1]
    leads = selected[first : first + rows]
    return answer_json(write_search_rows(visit.state, leads))


def _look_up_ids(store: LeadStore, ids: list[int]) -> Iterable[Lead]:
    return [store.by_id[key] for key in dict.fromkeys(ids) if key in store.by_id]


def _look_up_extern_ids(store: LeadStore, extern_ids: list[str]) -> Iterable[Lead]:
    return _each_once(store.by_extern_id.get(key, ()) for key in set(extern_ids))


def _look_up_numbers(store: LeadStore, phones: list[str]) -> Iterable[Lead]:
    return _each_once(store.by_number.get(number, ()) for number in {compare_form(text) for text in phones})


def _look_up_number(store: LeadStore, phone: str) -> Iterable[Lead]:
    return store.by_number.get(compare_form(phone), ())


def _look_up_lists(store: LeadStore, ids: list[int]) -> Iterable[Lead]:
    return _each_once(store.lists[key].leads.values() for key in set(ids) if key in store.lists)


def _look_up_campaign(store: LeadStore, campaign_id: int) -> Iterable[Lead]:
    return store.by_campaign.get(campaign_id, {}).values()


def _look_up_campaigns(store: LeadStore, ids: list[int]) -> Iterable[Lead]:
    return _each_once(_look_up_campaign(store, key) for key in set(ids))


# The narrowest comes first; what one request names beside it becomes a test.
_INDEXES: Final[dict[str, Callable[[LeadStore, Any], Iterable[Lead]]]] = {
    "leadIds": _look_up_ids,
    "externIds": _look_up_extern_ids,
    "leadPhoneNumbers": _look_up_numbers,
    "leadPhoneNum": _look_up_number,
    "listIds": _look_up_lists,
    "campaignId": _look_up_campaign,
    "campaignIds": _look_up_campaigns,
}


def _each_once(groups: Iterable[Iterable[Lead]]) -> Iterable[Lead]:
    """Return the leads of all groups; one with two of the wanted numbers still comes once."""
    return dict.fromkeys(lead for group in groups for lead in group).keys()


def _make_test(state: SandboxState, name: str, value: object) -> Test:
    """Make the test of a criterion that no index answered."""
    if name in _TEXTS:
        return _text_test(_TEXTS[name], str(value))
    return _TESTS[name](state, value)


def _make_visibility_tests(state: SandboxState) -> list[Test]:
    """Make the tests that keep leads out of sight, when any are at the moment."""
    now = state.clock.now()
    tests: list[Test] = []
    if state.store.all_visible_from > now:
        tests.append(lambda lead: lead.visible_from <= now)
    if state.hidden_until > now:
        every = state.hidden_every
        # As an index that lags: what is older than that was indexed long ago. 0 hides leads of any age.
        indexed_until = state.clock.date() - timedelta(seconds=state.hidden_younger) if state.hidden_younger else None
        tests.append(
            lambda lead: lead.lead_id % every != 0 or (indexed_until is not None and lead.loaded_at < indexed_until)
        )
    return tests


def _text_test(name: str, value: str) -> Test:
    wanted = value.casefold()
    return lambda lead: str(lead.fields.get(name, "")).casefold() == wanted


def _member_test(read: Callable[[Lead], object]) -> Callable[[SandboxState, Any], Test]:
    """Make a criterion that wants one of several values."""

    def make(_: SandboxState, values: Iterable[object]) -> Test:
        wanted = frozenset(values)
        return lambda lead: read(lead) in wanted

    return make


def _number_test(_: SandboxState, values: list[str] | str) -> Test:
    texts = [values] if isinstance(values, str) else values
    wanted = {compare_form(text) for text in texts}
    return lambda lead: not wanted.isdisjoint(lead.numbers)


def _zone_test(_: SandboxState, zones: list[dict[str, str]]) -> Test:
    wanted = {zone.get("name") for zone in zones}
    return lambda lead: lead.timezone in wanted


def _suppressed_test(_: SandboxState, wanted: str) -> Test:
    if wanted == "ALL":
        return lambda _: True
    return lambda lead: lead.suppressed == (wanted == "ONLY_SUPPRESSED")


def _orphan_test(state: SandboxState, only_orphans: bool) -> Test:  # noqa: FBT001 - the criterion is a truth
    if not only_orphans:
        return lambda _: True
    return lambda lead: state.catalogue.find_campaign(lead.campaign_id) is None


def _passes_test(_: SandboxState, criterion: dict[str, Any]) -> Test:
    compare, value = _COMPARISONS[criterion["operator"]], criterion["value"]
    return lambda lead: compare(lead.passes, value)


def _date_test(read: Callable[[Lead], datetime | None]) -> Callable[[SandboxState, Any], Test]:
    """Make a criterion that compares a date the lead may not have."""

    def make(_: SandboxState, criterion: dict[str, Any]) -> Test:
        compare, value = _COMPARISONS[criterion["operator"]], read_date(criterion["value"])

        def test(lead: Lead) -> bool:
            date = read(lead)
            return date is not None and compare(date, value)

        return test

    return make


def _loaded_test(compare: Callable[[datetime, datetime], bool]) -> Callable[[SandboxState, Any], Test]:
    """Make a criterion on the loading date, which is written, and so compared, in whole milliseconds."""

    def make(_: SandboxState, text: str) -> Test:
        value = read_date(text)

        def test(lead: Lead) -> bool:
            loaded = lead.loaded_at.replace(microsecond=lead.loaded_at.microsecond // 1000 * 1000)
            return compare(loaded, value)

        return test

    return make


_TESTS: Final[dict[str, Callable[[SandboxState, Any], Test]]] = {
    "campaignId": lambda _, wanted: lambda lead: lead.campaign_id == wanted,
    "campaignIds": _member_test(lambda lead: lead.campaign_id),
    "listIds": _member_test(lambda lead: lead.list_id),
    "externIds": _member_test(lambda lead: lead.extern_id),
    "leadPhoneNum": _number_test,
    "leadPhoneNumbers": _number_test,
    "leadStates": _member_test(lambda lead: lead.state),
    "agentDispositions": _member_test(lambda lead: lead.agent_disposition),
    "systemDispositions": _member_test(lambda lead: lead.system_disposition),
    "physicalStates": _member_test(lambda lead: lead.fields.get("state")),
    "leadTimezones": _zone_test,
    "suppressed": _suppressed_test,
    "orphanedLeadsOnly": _orphan_test,
    # No agent works here, so no lead was ever passed by one.
    "agentId": lambda _, __: lambda ___: False,
    "pendingAgentId": lambda _, wanted: lambda lead: lead.reserved_agent == wanted,
    "leadPassesCriteria": _passes_test,
    "lastPassTimeCriteria": _date_test(lambda lead: lead.last_pass_at),
    "nextDialTimeCriteria": _date_test(lambda lead: lead.next_dial_at),
    "loadedDtsStart": _loaded_test(operator.ge),
    "loadedDtsEnd": _loaded_test(operator.le),
}


def _read_phone_file(content_type: str, body: bytes) -> list[str]:
    """Return the numbers of an uploaded file, one a line."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    parts = cast("list[Message] | str", BytesParser().parsebytes(head + body).get_payload())
    for part in parts if isinstance(parts, list) else []:
        if part.get_param("name", header="content-disposition") == "file":
            content = part.get_payload(decode=True)
            text = content.decode("utf-8-sig", "replace") if isinstance(content, bytes) else ""
            return [line.strip() for line in text.splitlines() if line.strip()]
    raise bad_request("file: is missing")
