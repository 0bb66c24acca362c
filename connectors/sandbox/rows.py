"""How leads and lists are written out: absent rather than null where a lead has no value."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from connectors.sandbox.dates import write_date
from connectors.sandbox.state import SandboxState
from connectors.sandbox.store import Lead, LeadList

# A lead's own fields that a search result shows under the same name.
_SHOWN = frozenset(
    [
        "leadPhone", "title", "firstName", "midName", "lastName", "suffix", "address1", "address2", "city",
        "state", "zip", "email", "gateKeeper", "auxData1", "auxData2", "auxData3", "auxData4", "auxData5",
        "auxPhone", "auxExternalUrl", "auxGreeting", "callerId", "liveAnswerMessage", "machAnswerMessage",
        "maxPasses", "sortCol",
    ]
)  # fmt: skip
_SHOWN_OR_WRITTEN = _SHOWN | {"externId"}
UPLOADER = "sandbox"


def write_lead_state(state: SandboxState, lead_state: str) -> str:
    """Write a lead state with the separator this deployment uses."""
    return lead_state.replace("-", state.settings.lead_state_separator)


def write_search_row(state: SandboxState, lead: Lead) -> dict[str, Any]:
    """Write a lead as a search shows it."""
    return write_search_rows(state, [lead])[0]


def write_search_rows(state: SandboxState, leads: Iterable[Lead]) -> list[dict[str, Any]]:
    """Write leads as a search shows them; what the leads of one load share is written once."""
    shared: dict[tuple[int, int, datetime], dict[str, Any]] = {}
    rows = []
    for lead in leads:
        load = lead.list_id, lead.campaign_id, lead.loaded_at
        common = shared.get(load)
        if common is None:
            common = shared[load] = _write_load(state, lead)
        fields = lead.fields
        # Most leads have no field that searches leave out.
        row = (
            {**fields, **common}
            if fields.keys() <= _SHOWN_OR_WRITTEN
            else {**{name: value for name, value in fields.items() if name in _SHOWN}, **common}
        )
        if "leadPhone" not in row:
            row["leadPhone"] = fields["leadPhoneE164"]
        row["leadId"] = lead.lead_id
        row["externId"] = lead.extern_id
        row["leadState"] = write_lead_state(state, lead.state)
        row["suppressed"] = lead.suppressed
        row["leadPasses"] = lead.passes
        if lead.timezone is not None:
            row["leadTimezone"] = lead.timezone
        if lead.passes or lead.reserved_agent or lead.next_dial_at or lead.system_disposition or lead.agent_disposition:
            row |= _write_history(lead)
        rows.append(row)
    return rows


def _write_load(state: SandboxState, lead: Lead) -> dict[str, Any]:
    """Write what all leads of one load have in common."""
    loaded = write_date(lead.loaded_at)
    row = {
        "listId": lead.list_id,
        "listDesc": state.store.lists[lead.list_id].description,
        "campaignId": lead.campaign_id,
        "loadedDts": loaded,
        "uploadDate": loaded,
        "uploadedBy": UPLOADER,
    }
    campaign = state.catalogue.find_campaign(lead.campaign_id)
    return row if campaign is None else row | {"campaignName": campaign.name, "dialGroupId": campaign.dial_group_id}


def write_lead(state: SandboxState, lead: Lead) -> dict[str, Any]:
    """Write a lead as it is answered when it was updated."""
    history = _write_history(lead)
    for name in ("agentDispostion", "lastPassDispo", "pendingAgentName"):
        history.pop(name, None)
    return (
        lead.fields
        | {
            "leadId": lead.lead_id,
            "id": lead.lead_id,
            "externId": lead.extern_id,
            "leadState": write_lead_state(state, lead.state),
            "loadedDts": write_date(lead.loaded_at),
            "suppressed": lead.suppressed,
            "leadPasses": lead.passes,
        }
        | history
    )


def write_list(lead_list: LeadList) -> dict[str, Any]:
    """Write a list of a campaign; the documentation names only its id, the rest is a guess."""
    return {
        "listId": lead_list.list_id,
        "listDesc": lead_list.description,
        "description": lead_list.description,
        "listState": lead_list.state,
        "campaignId": lead_list.campaign_id,
        "loadedDts": write_date(lead_list.loaded_at),
        "leadsSupplied": lead_list.supplied,
        "leadCount": len(lead_list.leads),
    }


def _write_history(lead: Lead) -> dict[str, Any]:
    """Write what happened to a lead since it was loaded, as far as anything did."""
    history: dict[str, Any] = {
        "leadTimezone": lead.timezone,
        "lastPassDisposition": lead.system_disposition,
        "lastPassDispo": lead.system_disposition,
        # The misspelling is the API's.
        "agentDispostion": lead.agent_disposition,
        "lastPassDts": lead.last_pass_at and write_date(lead.last_pass_at),
        "nextDialTime": lead.next_dial_at and write_date(lead.next_dial_at),
        "pendingAgentName": f"Agent {lead.reserved_agent}" if lead.reserved_agent else None,
    }
    return {name: value for name, value in history.items() if value is not None}
