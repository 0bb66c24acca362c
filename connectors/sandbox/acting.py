"""campaignLeads/actions and the update of one lead: everything that changes leads once they are loaded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from connectors.sandbox.bodies import ACTION, LEAD, PARTIAL_LEAD, read_body
from connectors.sandbox.dates import read_date
from connectors.sandbox.loading import RejectedRowError, keep_fields, read_lead
from connectors.sandbox.refusals import bad_request, not_found
from connectors.sandbox.rows import write_lead, write_lead_state
from connectors.sandbox.searching import select_leads
from connectors.sandbox.state import SandboxState
from connectors.sandbox.store import Lead
from connectors.sandbox.visits import Answer, Change, Visit, answer_json
from connectors.sandbox.vocabulary import LEAD_STATES, SYSTEM_DISPOSITIONS

Parameters = Mapping[str, str | int | bool]


@dataclass(slots=True)
class Outcome:
    """What an action did."""

    updated: int = 0
    deleted: int = 0
    refreshed: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """An action: the parameters it must and may have, and what it does to the selected leads."""

    perform: Callable[[SandboxState, list[Lead], Parameters], Outcome]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    needs: tuple[str, str, str] | None = None
    """A parameter, a value of it, and the parameter which that value makes required."""


def list_lead_states(visit: Visit) -> Answer:
    """Answer the lead states, spelled as this deployment spells them."""
    return answer_json([write_lead_state(visit.state, each) for each in LEAD_STATES])


def list_system_dispositions(_: Visit) -> Answer:
    """Answer the system dispositions."""
    return answer_json(SYSTEM_DISPOSITIONS)


def act(visit: Visit) -> Change:
    """Check an action and its parameters; the leads are selected when it is committed."""
    name = visit.query.get("leadAction", "")
    if name not in ACTIONS:
        raise bad_request(f"leadAction: must be one of {', '.join(ACTIONS)}")
    action = ACTIONS[name]
    body = read_body(ACTION, visit.body)
    params = body.get("leadActionParams")
    parameters: Parameters = params["paramMap"] if params else {}
    _check_parameters(name, action, parameters)

    def apply(share: float) -> Answer:
        leads = select_leads(visit.state, body["campaignLeadSearchCriteria"])
        outcome = action.perform(visit.state, leads[: int(len(leads) * share)], parameters)
        visit.state.store.note_change()
        return answer_json(_write_outcome(name, outcome))

    return Change(apply)


def replace_lead(visit: Visit) -> Change:
    """PUT one lead: what the body does not name is cleared."""
    return _update_lead(visit, cast("dict[str, Any]", read_body(LEAD, visit.body)), {})


def patch_lead(visit: Visit) -> Change:
    """PATCH one lead: what the body does not name stays."""
    lead = _find_lead(visit)
    body = cast("dict[str, Any]", read_body(PARTIAL_LEAD, visit.body))
    return _update_lead(visit, body, lead.fields)


def _update_lead(visit: Visit, body: dict[str, Any], kept: dict[str, Any]) -> Change:
    lead = _find_lead(visit)
    list_id = visit.whole_number("listId", lead.list_id)
    if list_id not in visit.state.store.lists_of_campaign.get(lead.campaign_id, {}):
        raise not_found(f"list {list_id} in campaign {lead.campaign_id}")
    _check_choice(visit.query, "timezoneOption", ("NPA_NXX", "ZIPCODE", "EXPLICIT", "NOT_APPLICABLE"))
    _check_choice(visit.query, "duplicateHandling", ("RETAIN_ALL", "REMOVE_ALL_EXISTING", "REMOVE_FROM_LIST"))
    fields = {"externId": lead.extern_id} | kept | keep_fields(body)
    try:
        numbers = read_lead(fields, international=fields.get("leadPhoneE164") is not None)
    except RejectedRowError as error:
        raise bad_request(str(error)) from None

    def apply(_: float) -> Answer:
        store = visit.state.store
        store.renumber(lead, numbers, fields["externId"])
        lead.fields = fields
        lead.state = body.get("leadState") or lead.state
        lead.timezone = body.get("leadTimezone") or lead.timezone
        if body.get("suppressed") is not None:
            lead.suppressed = body["suppressed"]
        if list_id != lead.list_id:
            store.move(lead, lead.campaign_id, list_id)
        return answer_json(write_lead(visit.state, lead))

    return Change(apply, 1)


def _find_lead(visit: Visit) -> Lead:
    """Return the lead the path names, in the campaign the query names, or refuse."""
    if "campaignId" not in visit.query:
        raise bad_request("campaignId: is missing")
    campaign_id = visit.whole_number("campaignId", 0)
    lead = visit.state.store.by_id.get(visit.path["lead_id"])
    if lead is None or lead.campaign_id != campaign_id:
        raise not_found(f"lead {visit.path['lead_id']} in campaign {campaign_id}")
    return lead


def _check_choice(given: Mapping[str, object], name: str, choices: tuple[str, ...]) -> None:
    if name in given and str(given[name]) not in choices:
        raise bad_request(f"{name}: must be one of {', '.join(choices)}")


def _check_parameters(name: str, action: Action, parameters: Parameters) -> None:
    """Refuse a parameter that is missing, unknown or not one of its choices."""
    for missing in (each for each in action.required if parameters.get(each) in (None, "")):
        raise bad_request(f"paramMap.{missing}: is required by {name}")
    for unknown in (each for each in parameters if each not in (*action.required, *action.optional)):
        raise bad_request(f"paramMap.{unknown}: is not a parameter of {name}")
    for choice, choices in action.choices.items():
        _check_choice(parameters, choice, choices)
    if action.needs is not None:
        given, value, needed = action.needs
        if str(parameters[given]) == value and parameters.get(needed) in (None, ""):
            raise bad_request(f"paramMap.{needed}: is required with {given} {value}")
    for number in _NUMBERS & parameters.keys():
        _read_number(parameters, number)
    if "CALLBACK_DATE" in parameters:
        try:
            read_date(str(parameters["CALLBACK_DATE"]))
        except ValueError as error:
            raise bad_request(f"paramMap.CALLBACK_DATE: {error}") from None


_NUMBERS: Final = {"CAMPAIGN_ID", "LIST_ID", "RESERVATION_AGENT_ID", "PASS_DELAY"}


def _read_number(parameters: Parameters, name: str) -> int:
    text = str(parameters[name])
    if not text.isdecimal():
        raise bad_request(f"paramMap.{name}: must be a whole number")
    return int(text)


def _read_truth(parameters: Parameters, name: str) -> bool:
    return str(parameters.get(name, "false")).lower() == "true"


def _write_outcome(name: str, outcome: Outcome) -> dict[str, Any]:
    return {
        "success": not outcome.error,
        "errorMessage": outcome.error,
        "leadActionType": name,
        "leadUpdateCount": outcome.updated,
        "leadDeleteCount": outcome.deleted,
        "redialDeleteCount": 0,
        "dialerRefreshed": outcome.refreshed,
    }


def _change_each(change: Callable[[SandboxState, Lead], None]) -> Action:
    """Make an action without parameters that changes one lead at a time."""

    def perform(state: SandboxState, leads: list[Lead], _: Parameters) -> Outcome:
        for lead in leads:
            change(state, lead)
        return Outcome(updated=len(leads), refreshed=True)

    return Action(perform)


def _set_state(wanted: str) -> Action:
    """Make an action that overwrites the lead state, so that the earlier one is forgotten."""

    def change(_: SandboxState, lead: Lead) -> None:
        lead.state = wanted

    return _change_each(change)


def _set_suppressed(*, wanted: bool) -> Action:
    """Make an action that stops or resumes dialing and leaves the lead state alone."""

    def change(_: SandboxState, lead: Lead) -> None:
        lead.suppressed = wanted

    return _change_each(change)


def _reset(state: SandboxState, lead: Lead) -> None:
    lead.passes = 0
    lead.state = "READY"
    lead.next_dial_at = state.clock.date()


def _delete(state: SandboxState, leads: list[Lead], _: Parameters) -> Outcome:
    state.store.delete(leads)
    return Outcome(deleted=len(leads), refreshed=True)


def _refresh(_: SandboxState, __: list[Lead], ___: Parameters) -> Outcome:
    return Outcome(refreshed=True)


def _pass_manually(state: SandboxState, leads: list[Lead], parameters: Parameters) -> Outcome:
    for lead in leads:
        lead.passes += 1
        lead.system_disposition = "MANUAL_PASS"
        lead.agent_disposition = str(parameters["PASS_DISPOSITION"])
        lead.last_pass_at = state.clock.date()
        lead.state = "READY" if _read_truth(parameters, "REQUEUE") else "COMPLETE"
        if _read_truth(parameters, "DO_NOT_CALL"):
            lead.state = "DO-NOT-CALL"
            for number in lead.numbers:
                state.do_not_call.add(number)
    return Outcome(updated=len(leads))


def _email(state: SandboxState, leads: list[Lead], parameters: Parameters) -> Outcome:
    receivers = [each.strip() for each in str(parameters["EMAIL_TO"]).split(",")]
    wrong = [each for each in receivers if "@" not in each]
    if wrong:
        return Outcome(error=f"{wrong[0]!r} is not an email address")
    state.emails.append({"to": receivers, "leads": len(leads)})
    return Outcome()


def _call_back(state: SandboxState, leads: list[Lead], parameters: Parameters) -> Outcome:
    kind = parameters["ACTION_TYPE"]
    agent: int | None = None
    if kind == "AGENT":
        agent = _read_number(parameters, "RESERVATION_AGENT_ID")
        if agent not in state.settings.agent_ids:
            return Outcome(error=f"agent {agent} does not exist")
    text = parameters.get("CALLBACK_DATE")
    date: datetime | None = read_date(str(text)) if text else None
    for lead in leads:
        lead.state = {"AGENT": "AGENT-CALLBACK", "CANCEL": "CALLBACK-CANCELLED"}.get(str(kind), "READY")
        lead.reserved_agent = agent
        lead.next_dial_at = date
    return Outcome(updated=len(leads), refreshed=True)


def _reserve(state: SandboxState, leads: list[Lead], parameters: Parameters) -> Outcome:
    agent = _read_number(parameters, "RESERVATION_AGENT_ID")
    if agent and agent not in state.settings.agent_ids:
        return Outcome(error=f"agent {agent} does not exist")
    for lead in leads:
        lead.reserved_agent = agent or None
    return Outcome(updated=len(leads))


def _move(state: SandboxState, leads: list[Lead], parameters: Parameters) -> Outcome:
    """Move or copy leads; with TRANSITION the original stays and is marked TRANSITIONED."""
    target = state.catalogue.find_campaign(_read_number(parameters, "CAMPAIGN_ID"))
    if target is None:
        return Outcome(error=f"campaign {parameters['CAMPAIGN_ID']} does not exist")
    list_id = _read_number(parameters, "LIST_ID")
    if list_id == 0:
        name, now = str(parameters["LIST_NAME"]), state.clock.date()
        list_id = state.store.add_list(target.campaign_id, name, "ACTIVE", now).list_id
    elif list_id not in state.store.lists_of_campaign.get(target.campaign_id, {}):
        return Outcome(error=f"list {list_id} does not exist in campaign {target.campaign_id}")
    if parameters["DUPLICATE_ACTION_SETTING"] == "IGNORE":
        present = {number for each in state.store.lists[list_id].leads.values() for number in each.numbers}
        leads = [lead for lead in leads if present.isdisjoint(lead.numbers)]
    for lead in leads:
        _move_one(state, lead, target.campaign_id, list_id, str(parameters["CREATE_COPY_SETTING"]))
    return Outcome(updated=len(leads), refreshed=True)


def _move_one(state: SandboxState, lead: Lead, campaign_id: int, list_id: int, copy_setting: str) -> None:
    if copy_setting.lower() == "false":
        state.store.move(lead, campaign_id, list_id)
        return
    state.store.copy(lead, campaign_id, list_id)
    if copy_setting == "TRANSITION":
        lead.state = "TRANSITIONED"


ACTIONS: Final[Mapping[str, Action]] = {
    "RESET_LEADS": _change_each(_reset),
    "CANCEL_LEADS": _set_state("CANCELLED"),
    "DELETE_LEADS": Action(_delete),
    "PAUSE_LEADS": _set_state("PAUSED"),
    "DIALER_REFRESH": Action(_refresh, optional=("force_dialer_cache_refresh",)),
    "READY_LEADS": _set_state("READY"),
    "MANUAL_LEADS": Action(
        _pass_manually,
        required=("PASS_DISPOSITION",),
        optional=("REQUEUE", "DO_NOT_CALL", "PASS_DELAY", "MERGE_ORIGINAL"),
    ),
    "EMAIL_LEADS": Action(_email, required=("EMAIL_TO",)),
    "CALLBACK_LEADS": Action(
        _call_back,
        required=("ACTION_TYPE",),
        optional=("RESERVATION_AGENT_ID", "CALLBACK_DATE"),
        choices={"ACTION_TYPE": ("AGENT", "CANCEL", "RESET")},
        needs=("ACTION_TYPE", "AGENT", "RESERVATION_AGENT_ID"),
    ),
    "MOVE_TO_CAMPAIGN": Action(
        _move,
        required=("CAMPAIGN_ID", "LIST_ID", "CREATE_COPY_SETTING", "DUPLICATE_ACTION_SETTING"),
        optional=("LIST_NAME",),
        choices={
            "CREATE_COPY_SETTING": ("false", "true", "TRANSITION", "False", "True"),
            "DUPLICATE_ACTION_SETTING": ("MOVE", "IGNORE"),
        },
        needs=("LIST_ID", "0", "LIST_NAME"),
    ),
    "AGENT_RESERVATION": Action(_reserve, required=("RESERVATION_AGENT_ID",)),
    "SUPPRESS_LEADS": _set_suppressed(wanted=True),
    "UNSUPPRESS_LEADS": _set_suppressed(wanted=False),
}
