"""RingCX's JSON: requests built from leads, answers read into values. Nothing outside this folder knows a key."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson

from connectors.ringcx.answers import (
    Accepted,
    Campaign,
    LoadAnswer,
    LoadCounts,
    Refused,
    RejectedRow,
    Unknown,
)
from connectors.ringcx.lead_rows import whole_number
from transforms.vocabulary.lead_fields import LEAD_FIELDS, OBJECT_FIELDS
from transforms.vocabulary.masking import mask_numbers

FAILED: Final = "FAILED"

_LONGEST_WORDS: Final = 300
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,59}")
_LOOKS_SECRET: Final = re.compile(r"\b(?:Bearer|Basic)\s+[\w.~+/=-]{8,}|\beyJ[\w-]{8,}(?:\.[\w-]*)*", re.ASCII)
_MAY_BE_PART: Final = re.compile(r"[\w.~+/=%-]{12,}", re.ASCII)

_CONTENT_TOO_LARGE: Final = 413
_MAY_MEAN_TOO_LARGE: Final = frozenset({400, 422})
_READ_WORDS: Final = 10_000

_WHOLE: Final = r"(?:request|payload|body|entity|upload|batch|upload ?leads|content)"
_MANY: Final = r"(?:upload(?:ed)?\ ?)?(?:lead\ )?(?:leads|records|rows)\b"

_TOO_LARGE: Final = re.compile(
    rf"""
      \b{_WHOLE}(?:\ (?:entity|body|payload|content|size|length))*(?:\ (?:is|was|has))?
      \ (?:too\ (?:large|big|long|many)|exceed)
    | \bmax(?:imum)?(?:\ (?:allowed|permitted))?\ {_WHOLE}\ (?:size|length)
    | \btoo\ many\ {_MANY}
    | \b(?:number|count)\ of\ {_MANY}.{{0,40}}(?:exceed|too\ |more\ than|greater|larger|limit|maximum|at\ most)
    | \b(?:limit|max(?:imum)?|at\ most|up\ to|more\ than|exceeds?)\b.{{0,12}}\ \d[\d,]*\ {_MANY}
    | (?:exceed|limit|maximum|larger).{{0,40}}(?:\d\ ?[KMG]i?B\b|\b\d{{5,}}\ bytes)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""How servers, gateways and validators say that a request as a whole has too many leads or bytes."""

_OF_SOMETHING_ELSE: Final = re.compile(
    rf"""
      \b(?:{"|".join((*LEAD_FIELDS, *OBJECT_FIELDS, "phone"))})\b | leads\[
    | \b(?:lead|record|row|line|index)\ \#?\d | \b(?:per|each|this|that|a|the|one)\ (?:lead|record|row)\b
    | \b(?:leads|records|rows)\ (?:with|have|had|that|which|were|are|failed)\b
    | \b(?:campaign|account|quota|daily|day|characters?|digits?|column|field|value)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What shows that a sentence is about one lead, or about how much a campaign or an account may hold."""


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
    return orjson.dumps({**present, "uploadLeads": [lead_object(lead) for lead in leads]})


def lead_object(lead: Mapping[str, Any]) -> dict[str, Any]:
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


def read_load_answer(content: bytes, *, secrets: Sequence[str] = ()) -> LoadAnswer:
    """Read a 2xx answer of `leadLoader/direct`; anything that is not the documented object proves nothing.

    What the server says in words is told without `secrets`.
    """
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return Unknown("UNREADABLE_ANSWER", "RingCX answered with something that is not JSON.")
    if not isinstance(body, dict) or not {"processingResult", "leadsSupplied", "leadsInserted"} & body.keys():
        return Unknown("UNREADABLE_ANSWER", "RingCX answered with JSON that is no load result.")
    message = tell(_text(body.get("message")), secrets)
    status = _text(body.get("processingStatus"))
    code = status if _CODE.fullmatch(status) else FAILED
    rows = body.get("rejectedRows")
    rejected = (
        tuple(_rejected_row(row, secrets) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
    )
    failed = _text(body.get("processingResult")).upper() == FAILED
    if failed and status != "NO_LEADS_PASSED_VALIDATION":
        if whole_number(body.get("leadsInserted")) != 0:
            return Unknown(code, message or "RingCX reported a failure, but not that nothing was inserted.")
        return Refused(code, message or "RingCX reported that processing failed.")
    counts = LoadCounts(
        supplied=whole_number(body.get("leadsSupplied")),
        accepted=whole_number(body.get("leadsAccepted")),
        inserted=whole_number(body.get("leadsInserted")),
        duplicates=whole_number(body.get("deletedCount")),
        do_not_call=_sum(body, "internalDncCount", "dncReturnedCount"),
        quota=whole_number(body.get("quotaCount")),
        whitelist=whole_number(body.get("whitelistCount")),
    )
    return Accepted(counts, rejected, message)


def _rejected_row(row: Mapping[str, Any], secrets: Sequence[str]) -> RejectedRow:
    values = row.get("rowData")
    cells = values if isinstance(values, list) else [values] if values else []
    return RejectedRow(tell(_text(row.get("message")), secrets), tuple(_text(value) for value in cells))


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
    return whole_number(body)


def read_objects(content: bytes, key: str) -> list[dict[str, Any]] | None:
    """Read an array of objects that each have a whole number as `key`; None where it is something else."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, list):
        return None
    return body if all(isinstance(each, dict) and whole_number(each.get(key)) is not None for each in body) else None


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
    return tell(_error_words(content), secrets)


def tell(words: str, secrets: Iterable[str] = ()) -> str:
    """Return a server's words as we may repeat them: one short line, no secret, no whole telephone number."""
    printable = "".join(letter if letter.isprintable() else " " for letter in hide_secrets(words, secrets))
    return mask_numbers(printable[:_LONGEST_WORDS].strip())


def hide_secrets(words: str, secrets: Iterable[str]) -> str:
    """Return `words` with stars for `secrets`, also encoded or in part, and for what looks like a token at all."""
    forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""), quote(secret))}
    for form in sorted(forms, key=len, reverse=True):
        words = words.replace(form, "***")
    words = _LOOKS_SECRET.sub("***", words)

    def hide(met: re.Match[str]) -> str:
        return "***" if any(met.group().strip(".") in form for form in forms) else met.group()

    return _MAY_BE_PART.sub(hide, words)


def says_too_large(status: int, content: bytes) -> bool:
    """Return whether an error answer says that the request as a whole has too many leads or bytes.

    In doubt it does not: a lead that is to blame must not be taken for a crowd.
    """
    if status not in _MAY_MEAN_TOO_LARGE:
        return status == _CONTENT_TOO_LARGE
    sentences = re.split(r"[.;!]\s|\n", _error_words(content[:_READ_WORDS]))
    return any(_TOO_LARGE.search(each) and not _OF_SOMETHING_ELSE.search(each) for each in sentences)


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


def _sum(body: Mapping[str, Any], *keys: str) -> int | None:
    numbers = [number for key in keys if (number := whole_number(body.get(key))) is not None]
    return sum(numbers) if numbers else None
