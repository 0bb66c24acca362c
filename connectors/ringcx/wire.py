"""RingCX's JSON: requests built from leads, answers read into values. Nothing outside this folder knows a key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from connectors.ringcx.answers import (
    Accepted,
    Campaign,
    FoundLead,
    LoadAnswer,
    LoadCounts,
    Refused,
    RejectedRow,
    Unknown,
)
from transforms.vocabulary.lead_fields import OBJECT_FIELDS
from transforms.vocabulary.masking import mask_numbers

FAILED: Final = "FAILED"


@dataclass(frozen=True)
class LoadOptions:
    """Everything of a direct load but its leads; null fields are left out of the request."""

    description: str
    dial_priority: str
    duplicate_handling: str
    time_zone_option: str
    list_state: str | None = None
    phone_numbers_i18n_enabled: bool | None = None
    international_number_format: bool | None = None
    number_origin_country: str | None = None
    dnc_tags: tuple[str, ...] = ()
    schedule_archive_dts: str | None = None


def load_request(options: LoadOptions, leads: list[dict[str, Any]]) -> bytes:
    """Return the body of `leadLoader/direct`; `leads` are rows of the staged file, nulls meaning absent."""
    body = {
        "description": options.description,
        "dialPriority": options.dial_priority,
        "duplicateHandling": options.duplicate_handling,
        "timeZoneOption": options.time_zone_option,
        "listState": options.list_state,
        "phoneNumbersI18nEnabled": options.phone_numbers_i18n_enabled,
        "internationalNumberFormat": options.international_number_format,
        "numberOriginCountry": options.number_origin_country,
        "dncTags": list(options.dnc_tags),
        "scheduleArchiveDts": options.schedule_archive_dts,
    }
    present: dict[str, Any] = {key: value for key, value in body.items() if value is not None}
    return orjson.dumps({**present, "uploadLeads": [_lead_object(lead) for lead in leads]})


def _lead_object(lead: Mapping[str, Any]) -> dict[str, Any]:
    """Return one lead as RingCX takes it: columns named `object.label` gathered into their object."""
    flat: dict[str, Any] = {}
    for name, value in lead.items():
        if value is None:
            continue
        owner, _, label = name.partition(".")
        if label and owner in OBJECT_FIELDS:
            flat.setdefault(owner, {})[label] = value
        else:
            flat[name] = value
    return flat


def read_load_answer(content: bytes) -> LoadAnswer:
    """Read a 2xx answer of `leadLoader/direct`; anything that is not the documented object proves nothing."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return Unknown("UNREADABLE_ANSWER", "RingCX answered with something that is not JSON.")
    if not isinstance(body, dict) or not {"processingResult", "leadsSupplied", "leadsInserted"} & body.keys():
        return Unknown("UNREADABLE_ANSWER", "RingCX answered with JSON that is no load result.")
    message = mask_numbers(_text(body.get("message")))
    status = _text(body.get("processingStatus"))
    rows = body.get("rejectedRows")
    rejected = tuple(_rejected_row(row) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
    failed = _text(body.get("processingResult")).upper() == FAILED
    if failed and status != "NO_LEADS_PASSED_VALIDATION":
        if _number(body.get("leadsInserted")) != 0:
            return Unknown(status or FAILED, message or "RingCX reported a failure, but not that nothing was inserted.")
        return Refused(status or FAILED, message or "RingCX reported that processing failed.")
    counts = LoadCounts(
        supplied=_number(body.get("leadsSupplied")),
        accepted=_number(body.get("leadsAccepted")),
        inserted=_number(body.get("leadsInserted")),
        duplicates=_number(body.get("deletedCount")),
        do_not_call=_sum(body, "internalDncCount", "dncReturnedCount"),
        quota=_number(body.get("quotaCount")),
        whitelist=_number(body.get("whitelistCount")),
    )
    return Accepted(counts, rejected, message)


def _rejected_row(row: Mapping[str, Any]) -> RejectedRow:
    values = row.get("rowData")
    cells = values if isinstance(values, list) else [values] if values else []
    return RejectedRow(mask_numbers(_text(row.get("message"))), tuple(_text(value) for value in cells))


def read_lead_array(content: bytes) -> list[FoundLead] | None:
    """Read the answer of `leadSearch`; None where it is not the documented array."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, list) or not all(
        isinstance(lead, dict) and _number(lead.get("leadId")) is not None for lead in body
    ):
        return None
    return [_found_lead(lead) for lead in body]


def _found_lead(lead: Mapping[str, Any]) -> FoundLead:
    state = _text(lead.get("leadState"))
    return FoundLead(
        lead_id=int(lead["leadId"]),
        extern_id=_text(lead.get("externId")),
        phone=_text(lead.get("leadPhone")),
        list_id=_number(lead.get("listId")),
        # The OpenAPI document writes AGENT-CALLBACK, the guide AGENT_CALLBACK: one spelling from here on.
        state=state.replace("-", "_") or None,
        time_zone=_text(lead.get("leadTimezone")) or None,
        raw=lead,
    )


def read_count(content: bytes) -> int | None:
    """Read the answer of `leadSearch?count=true`, whose shape no document gives; None where it says no number."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if isinstance(body, dict):
        names = {key: key.lower().replace("account", "") for key in body}  # an accountId counts nothing
        numbers = [body[key] for key, name in names.items() if "count" in name or "total" in name]
        body = numbers[0] if len(numbers) == 1 else None
    return _number(body)


def read_objects(content: bytes, key: str) -> list[dict[str, Any]] | None:
    """Read an array of objects that each have a whole number as `key`; None where it is something else."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, list):
        return None
    return body if all(isinstance(each, dict) and _number(each.get(key)) is not None for each in body) else None


def read_campaigns(groups: Sequence[Mapping[str, Any]]) -> list[Campaign]:
    """Read the answer of `dialGroups/withChildren` into its campaigns."""
    return [
        read_campaign(campaign, _text(group.get("dialGroupName")))
        for group in groups
        for campaign in group.get("campaigns") or ()
    ]


def read_campaign(campaign: Mapping[str, Any], dial_group: str) -> Campaign:
    """Read one campaign object."""
    return Campaign(
        campaign_id=int(campaign["campaignId"]),
        name=_text(campaign.get("campaignName")),
        dial_group=dial_group,
        start=_text(campaign.get("startDate")) or None,
        end=_text(campaign.get("endDate")) or None,
    )


def error_message(content: bytes, *, secrets: Iterable[str] = ()) -> str:
    """Return the server's own words from an error body, shortened, without `secrets`; they are data, not markup."""
    words = _error_words(content)
    for secret in secrets:
        words = words.replace(secret, "***") if secret else words
    return mask_numbers(words[:300].strip())


def _error_words(content: bytes) -> str:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode("utf-8", "replace")
    if isinstance(body, dict):
        for key in ("message", "error_description", "generalMessage", "details", "error"):
            if body.get(key):
                return _text(body[key])
    return _text(body)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _sum(body: Mapping[str, Any], *keys: str) -> int | None:
    numbers = [number for key in keys if (number := _number(body.get(key))) is not None]
    return sum(numbers) if numbers else None
