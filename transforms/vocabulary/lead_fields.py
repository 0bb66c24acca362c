"""The fields of a RingCX lead that a job may fill (schema `CampaignLead`, direct lead loading)."""

from collections.abc import Mapping
from typing import Any, Final

TEXT_FIELDS: Final = (
    "externId",
    "leadPhone",
    "leadPhoneE164",
    "title",
    "firstName",
    "midName",
    "lastName",
    "suffix",
    "address1",
    "address2",
    "city",
    "state",
    "zip",
    "email",
    "gateKeeper",
    "auxData1",
    "auxData2",
    "auxData3",
    "auxData4",
    "auxData5",
    "auxPhone",
    "auxExternalUrl",
    "auxGreeting",
    "callerId",
    "leadTimezone",
    "reserveAgent",
    "liveAnswerMessage",
    "machAnswerMessage",
    "sortCol",
)
"""Fields that RingCX types as strings, `auxData1..5` included (an old example shows numbers)."""

INTEGER_FIELDS: Final = ("leadPriority", "maxPasses")
"""Fields that RingCX types as 32-bit integers."""

OBJECT_FIELDS: Final = ("extendedLeadData", "personaPhoneConfig")
"""Fields that are objects of strings: label to text, and persona label to telephone number."""

LEAD_FIELDS: Final = TEXT_FIELDS + INTEGER_FIELDS
"""Every field that is one column; `OBJECT_FIELDS` spread over several."""

PLAIN_FIELDS: Final = tuple(field for field in LEAD_FIELDS if field != "leadPhone")
"""Fields that one source column fills, in the order in which a job's columns are told."""


def named_columns(mapping: Mapping[str, Any]) -> list[str]:
    """Return every source column that a `mapping` of lead fields names, once: the `[columns]` of a job file.

    A plain field has a column, `leadPhone` one or several, an object a table of label to column.
    """
    plain = [mapping[field] for field in PLAIN_FIELDS if mapping.get(field) is not None]
    phones = mapping.get("leadPhone") or ()
    labelled = [column for field in OBJECT_FIELDS for column in mapping.get(field, {}).values()]
    return list(dict.fromkeys([*plain, *((phones,) if isinstance(phones, str) else phones), *labelled]))
