"""The fields of a RingCX lead that a job may fill (schema `CampaignLead`, direct lead loading)."""

from typing import Final

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
