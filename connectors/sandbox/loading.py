"""leadLoader/direct: what becomes of each lead of a load, and the counters that say so.

The order is the sandbox's choice: rows that are not valid are rejected, then leads on the do-not-call list
fall out, then duplicates. So `leadsSupplied` = rejected rows + `leadsAccepted`, and `leadsAccepted` =
`leadsInserted` + `deletedCount` + `internalDncCount` (the last only where do-not-call leads are removed).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from connectors.sandbox.bodies import LOAD, LoadBody, read_body
from connectors.sandbox.phones import US_DIGITS, read_e164_numbers, read_us_numbers
from connectors.sandbox.refusals import bad_request, too_large
from connectors.sandbox.state import SandboxState
from connectors.sandbox.store import Lead, LeadList
from connectors.sandbox.timezones import TIMEZONE_NAMES, guess_by_phone, guess_by_zip
from connectors.sandbox.visits import Answer, Change, Visit, answer_json
from connectors.sandbox.vocabulary import UNANSWERED_LIST_STATE, UNANSWERED_TIME_ZONE_OPTION

_ZIP = re.compile(r"\d{5}(?:-?\d{4})?")
_BAD_REQUEST = 400

# Kept by the server for each lead, so what a load says about them is ignored.
_KEPT_BY_SERVER = frozenset(
    [
        "campaign", "campaignRedials", "dupeKeyOverride", "id", "lastPassDisposition", "lastPassDts",
        "leadId", "leadPasses", "leadState", "leadTimezone", "loadedDts", "nextDialTime", "personaMapping",
        "quotaTargetIds", "quotaTargets", "reserveAgent", "stateDts", "suppressed",
    ]
)  # fmt: skip


class RejectedRowError(Exception):
    """A lead that is not valid; the message goes into its rejected row."""


@dataclass(slots=True)
class Tally:
    """What became of the leads of one load so far."""

    supplied: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    accepted: int = 0
    do_not_call: int = 0
    duplicates: int = 0
    unassigned_agents: int = 0
    inserted: int = 0


def load_directly(visit: Visit) -> Change:
    """Check a load as far as its types and sizes go; the leads are looked at when it is committed."""
    campaign_id = visit.state.catalogue.campaign(visit.path["campaign_id"]).campaign_id
    body = read_body(LOAD, visit.body)
    size = len(body["uploadLeads"])
    _refuse_too_many(visit.state, size)
    if visit.state.settings.invalid_leads == "refuse":
        _refuse_invalid(visit.state, visit.body)

    def apply(share: float) -> Answer:
        return _load(visit.state, campaign_id, body, int(size * share))

    return Change(apply, size)


def _refuse_too_many(state: SandboxState, size: int) -> None:
    most = state.settings.max_leads_per_request
    if size > most:
        details = f"uploadLeads: {size} leads, at most {most}"
        raise bad_request(details) if state.settings.too_many_leads_status == _BAD_REQUEST else too_large(details)


def _refuse_invalid(state: SandboxState, content: bytes) -> None:
    """Refuse a load for its first lead that is not valid; none of the others is loaded either."""
    body = read_body(LOAD, content)
    international = bool(body.get("phoneNumbersI18nEnabled"))
    leads = cast("Sequence[dict[str, Any]]", body["uploadLeads"])
    for place, fields in enumerate(leads):
        try:
            _read_zone(fields, read_lead(fields, international=international), body["timeZoneOption"])
        except RejectedRowError as error:
            note_refused_load(state, content)
            raise bad_request(f"uploadLeads[{place}]: {error}") from None


def note_refused_load(state: SandboxState, content: bytes) -> None:
    """Keep that a load was refused for good, if it has one lead alone; of several any may still be loaded."""
    leads = read_body(LOAD, content)["uploadLeads"]
    if len(leads) == 1:
        with state.lock:
            state.store.note_turned_away(leads[0]["externId"], "refused")


def answer_failed_load(state: SandboxState, body: bytes, status: str, message: str) -> Answer:
    """Answer 200 with a load that failed as a whole."""
    load = read_body(LOAD, body)
    with state.lock:
        for fields in load["uploadLeads"]:
            state.store.note_turned_away(fields["externId"], "failed")
    tally = Tally(supplied=len(load["uploadLeads"]))
    return answer_json(_write_result(load, tally, status, message))


def _load(state: SandboxState, campaign_id: int, body: LoadBody, size: int) -> Answer:
    """Insert what may be inserted of the first `size` leads, all at once, and report."""
    loading = _Loading(state, campaign_id, body)
    for fields in cast("Sequence[dict[str, Any]]", body["uploadLeads"][:size]):
        loading.take(fields)
    tally = loading.commit()
    if not tally.accepted:
        message = "No leads passed validation"
        result = _write_result(body, tally, "NO_LEADS_PASSED_VALIDATION", message)
    else:
        message = f"{tally.inserted} leads inserted"
        result = _write_result(body, tally, "DEFAULT_NOT_A_FAILURE", message)
    if state.settings.send_rejected_rows:
        result["rejectedRows"] = tally.rejected
    return answer_json(result)


class _Loading:
    """One load being committed: sorts its leads, then inserts the good ones in one go."""

    def __init__(self, state: SandboxState, campaign_id: int, body: LoadBody) -> None:
        self._state = state
        self._store = state.store
        self._campaign_id = campaign_id
        self._body = body
        self._mode = body["duplicateHandling"]
        self._zone_option = body["timeZoneOption"]
        self._international = bool(body.get("phoneNumbersI18nEnabled"))
        self._tally = Tally()
        self._seen: set[str] = set()
        self._leads: list[Lead] = []
        self._loaded_at = state.clock.date()
        self._visible_from = state.clock.now() + state.settings.search_lag_seconds

    def take(self, fields: dict[str, Any]) -> None:
        """Sort one lead: reject it, drop it, or keep it for insertion."""
        tally = self._tally
        tally.supplied += 1
        try:
            numbers = read_lead(fields, international=self._international)
            zone = _read_zone(fields, numbers, self._zone_option)
        except RejectedRowError as error:
            tally.rejected.append({"message": str(error), "rowData": _write_row(fields)})
            self._store.note_turned_away(fields["externId"], "rejected")
            return
        tally.accepted += 1
        lead_state = "READY"
        if self._state.do_not_call.forbids(numbers):
            tally.do_not_call += 1
            if self._state.settings.dnc_removes:
                self._store.note_turned_away(fields["externId"], "do_not_call")
                return
            lead_state = "DO-NOT-CALL"
        if self._is_duplicate(numbers):
            tally.duplicates += 1
            self._store.note_turned_away(fields["externId"], "duplicate")
            return
        self._leads.append(self._make_lead(fields, numbers, zone, lead_state))

    def commit(self) -> Tally:
        """Insert the leads that were kept, into a list of their own."""
        if self._tally.accepted:
            lead_list = self._find_or_add_list()
            lead_list.supplied += self._tally.supplied
            for lead in self._leads:
                lead.list_id = lead_list.list_id
            self._store.insert(self._leads)
            self._tally.inserted = len(self._leads)
        return self._tally

    def _find_or_add_list(self) -> LeadList:
        description = self._body.get("description") or ""
        if self._state.settings.share_lists:
            shared = self._store.find_list(self._campaign_id, description)
            if shared is not None:
                return shared
        list_state = self._body.get("listState") or "ACTIVE"
        return self._store.add_list(self._campaign_id, description, list_state, self._loaded_at)

    def _is_duplicate(self, numbers: tuple[str, ...]) -> bool:
        """Say whether any number was seen before, as far back as the load's mode looks."""
        if self._mode == "RETAIN_ALL":
            return False
        if not self._seen.isdisjoint(numbers):
            return True
        if self._mode == "REMOVE_ALL_EXISTING" and any(
            self._store.number_is_taken(number, self._campaign_id, self._mode) for number in numbers
        ):
            return True
        self._seen.update(numbers)
        return False

    def _make_lead(self, fields: dict[str, Any], numbers: tuple[str, ...], zone: str | None, lead_state: str) -> Lead:
        return Lead(
            lead_id=self._store.take_lead_id(),
            extern_id=fields["externId"],
            numbers=numbers,
            fields=keep_fields(fields),
            list_id=0,
            campaign_id=self._campaign_id,
            loaded_with=self._mode,
            state=lead_state,
            loaded_at=self._loaded_at,
            visible_from=self._visible_from,
            timezone=zone,
            suppressed=bool(fields.get("suppressed")),
            reserved_agent=self._read_agent(fields.get("reserveAgent")),
        )

    def _read_agent(self, text: str | None) -> int | None:
        """Return the agent a lead is reserved for; one that does not exist is only counted."""
        if text is None or not text.strip():
            return None
        if text.isdecimal() and int(text) in self._state.settings.agent_ids:
            return int(text)
        self._tally.unassigned_agents += 1
        return None


def read_lead(fields: dict[str, Any], *, international: bool) -> tuple[str, ...]:
    """Return a lead's numbers as they are compared; a RejectedRowError says what is wrong with the lead."""
    extern_id = fields["externId"]
    if extern_id is None or not extern_id.strip():
        raise RejectedRowError("externId is required")
    e164 = fields.get("leadPhoneE164")
    if international and e164:
        numbers = read_e164_numbers(e164)
        if numbers is None:
            raise RejectedRowError("leadPhoneE164 is not a valid E.164 number")
        return numbers
    phone = fields.get("leadPhone")
    if not phone:
        raise RejectedRowError("leadPhone is required")
    numbers = read_us_numbers(phone)
    if numbers is None:
        raise RejectedRowError(f"leadPhone must have {US_DIGITS} digits")
    return numbers


def keep_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what is stored of a lead's fields: what was given and is not the server's own."""
    return {name: value for name, value in fields.items() if value is not None and name not in _KEPT_BY_SERVER}


def _read_zone(fields: dict[str, Any], numbers: tuple[str, ...], option: str) -> str | None:
    """Return the time zone a lead gets under this option; a RejectedRowError when it cannot be found."""
    if option == "EXPLICIT":
        zone = fields.get("leadTimezone")
        if zone not in TIMEZONE_NAMES:
            raise RejectedRowError("leadTimezone is not a known time zone")
        return str(zone)
    if option == "ZIPCODE":
        zip_code = fields.get("zip")
        if not zip_code or not _ZIP.fullmatch(zip_code):
            raise RejectedRowError("zip is required to find the time zone")
        return guess_by_zip(zip_code)
    if option == "NPA_NXX":
        if numbers[0].startswith("+"):
            raise RejectedRowError("no time zone is known for the area code of leadPhoneE164")
        return guess_by_phone(numbers[0])
    return None


def _write_row(fields: dict[str, Any]) -> list[str]:
    """Write a rejected lead's values, in the order of the API's fields rather than of the request's."""
    return [
        value if isinstance(value, str) else orjson.dumps(value).decode()
        for value in fields.values()
        if value is not None
    ]


def _write_result(body: LoadBody, tally: Tally, status: str, message: str) -> dict[str, Any]:
    """Write the answer of a load; it names no list and no lead."""
    result: dict[str, Any] = {
        "leadsSupplied": tally.supplied,
        "leadsAccepted": tally.accepted,
        "leadsConverted": tally.accepted,
        "leadsInserted": tally.inserted,
        "internalDncCount": tally.do_not_call,
        "dncUploadCount": 0,
        "dncReturnedCount": 0,
        "whitelistCount": 0,
        "quotaCount": 0,
        "deletedCount": tally.duplicates,
        "failedAgentAssignment": tally.unassigned_agents,
        "hasDeletedLeads": tally.duplicates > 0,
        "uploadFileName": "",
        "processingResult": "OK" if status == "DEFAULT_NOT_A_FAILURE" else "Failed",
        "processingStatus": status,
        "message": message,
    }
    list_state = body.get("listState") or "ACTIVE"
    if list_state != UNANSWERED_LIST_STATE:
        result["listState"] = list_state
    if body["timeZoneOption"] != UNANSWERED_TIME_ZONE_OPTION:
        result["timeZoneOption"] = body["timeZoneOption"]
    return result
