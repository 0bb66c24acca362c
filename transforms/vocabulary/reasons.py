"""Every reason code a row can carry, with the sentence that tells a person what to do about it.

Codes are stable: dashboards and filters hang on them. Adding one is free; renaming is not.
"""

from enum import StrEnum
from typing import Final

from transforms.vocabulary.outcomes import Outcome


class Reason(StrEnum):
    """Why a row is not simply loaded; the value is the code written to files."""

    outcome: Outcome
    advice: str

    def __new__(cls, code: str, outcome: Outcome, advice: str) -> "Reason":
        """Make the member compare as its code and carry the outcome and the advice beside it."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.outcome = outcome
        member.advice = advice
        return member

    ROW_TOO_MANY_FIELDS = (
        "ROW_TOO_MANY_FIELDS",
        Outcome.REJECTED,
        "The row has more fields than the header; quote the field that holds the separator.",
    )
    ROW_NOT_UTF8 = (
        "ROW_NOT_UTF8",
        Outcome.REJECTED,
        "The row holds bytes that are not UTF-8; export the file again as UTF-8.",
    )
    EXTERN_ID_MISSING = (
        "EXTERN_ID_MISSING",
        Outcome.REJECTED,
        "Fill in the column mapped to externId: RingCX requires an id for each lead.",
    )
    EXTERN_ID_TOO_LONG = (
        "EXTERN_ID_TOO_LONG",
        Outcome.REJECTED,
        "Shorten the externId to 255 characters or fewer.",
    )
    EXTERN_ID_CONTROL_CHARACTERS = (
        "EXTERN_ID_CONTROL_CHARACTERS",
        Outcome.REJECTED,
        "Remove line breaks, tabs and other control characters from the externId.",
    )
    PHONE_MISSING = (
        "PHONE_MISSING",
        Outcome.REJECTED,
        "Fill in a telephone number: none of the mapped columns holds one.",
    )
    PHONE_ROUNDED = (
        "PHONE_ROUNDED",
        Outcome.REJECTED,
        "A spreadsheet rounded the number (such as 4.15555E+09); export the column again as text.",
    )
    PHONE_NO_AREA_CODE = (
        "PHONE_NO_AREA_CODE",
        Outcome.REJECTED,
        "Add the area code: seven digits alone do not name a telephone.",
    )
    PHONE_TOO_SHORT = (
        "PHONE_TOO_SHORT",
        Outcome.REJECTED,
        "Complete the number to 10 digits.",
    )
    PHONE_TOO_LONG = (
        "PHONE_TOO_LONG",
        Outcome.REJECTED,
        "Cut the number to its 10 digits; if these are two numbers, separate them.",
    )
    PHONE_NOT_NANP = (
        "PHONE_NOT_NANP",
        Outcome.REJECTED,
        "The number belongs to a country outside the North American Numbering Plan; map leadPhoneE164 for it.",
    )
    PHONE_NOT_VALID = (
        "PHONE_NOT_VALID",
        Outcome.REJECTED,
        "Correct the number: no area code or exchange like this is in service.",
    )
    PHONE_E164_NOT_VALID = (
        "PHONE_E164_NOT_VALID",
        Outcome.REJECTED,
        "Correct leadPhoneE164: it must be a valid number written as + and country code, such as +442079460000.",
    )
    LEAD_PRIORITY_NOT_INTEGER = (
        "LEAD_PRIORITY_NOT_INTEGER",
        Outcome.REJECTED,
        "Write leadPriority as a whole number.",
    )
    MAX_PASSES_NOT_INTEGER = (
        "MAX_PASSES_NOT_INTEGER",
        Outcome.REJECTED,
        "Write maxPasses as a whole number.",
    )
    TIME_ZONE_UNKNOWN = (
        "TIME_ZONE_UNKNOWN",
        Outcome.REJECTED,
        "Add a ZIP code, or map leadTimezone: neither ZIP, number nor state settles one time zone.",
    )
    TIME_ZONE_NOT_NAMED = (
        "TIME_ZONE_NOT_NAMED",
        Outcome.REJECTED,
        "RingCX has no name for this lead's time zone; load it with another time_zone_option.",
    )
    TIME_ZONE_NOT_VALID = (
        "TIME_ZONE_NOT_VALID",
        Outcome.REJECTED,
        "Write leadTimezone as one of RingCX's names (such as EST) or an IANA name (such as America/New_York).",
    )
    EXTERN_ID_REPEATED = (
        "EXTERN_ID_REPEATED",
        Outcome.DUPLICATE,
        "Another row of this load has the same externId; keep one of the two, or give this one its own id.",
    )
    PHONE_REPEATED = (
        "PHONE_REPEATED",
        Outcome.DUPLICATE,
        "Another row of this load has the same number; load with RETAIN_ALL if both must be dialled.",
    )
    API_REJECTED_ROW = (
        "API_REJECTED_ROW",
        Outcome.REJECTED_BY_API,
        "RingCX rejected this lead; mend what its message names and load the row again.",
    )
    API_REFUSED_REQUEST = (
        "API_REFUSED_REQUEST",
        Outcome.REJECTED_BY_API,
        "RingCX refused the request that carried this lead; mend what its message names and load the row again.",
    )
    API_DUPLICATE = (
        "API_DUPLICATE",
        Outcome.REMOVED_BY_API,
        "RingCX removed this lead under the chosen duplicate handling: the number is already in the campaign.",
    )
    API_DO_NOT_CALL = (
        "API_DO_NOT_CALL",
        Outcome.REMOVED_BY_API,
        "RingCX removed this lead because its number is on a do-not-call list; do not load it again.",
    )
    API_QUOTA = (
        "API_QUOTA",
        Outcome.REMOVED_BY_API,
        "RingCX removed this lead because a quota of the campaign is full.",
    )
    API_WHITELIST = (
        "API_WHITELIST",
        Outcome.REMOVED_BY_API,
        "RingCX removed this lead under the campaign's whitelist.",
    )
    API_REMOVED = (
        "API_REMOVED",
        Outcome.REMOVED_BY_API,
        "RingCX counted this lead among those it removed, but not for which of several reasons.",
    )
    ANSWER_UNKNOWN = (
        "ANSWER_UNKNOWN",
        Outcome.UNRESOLVED,
        "No answer from RingCX settled this lead; run `leadferry resume` with this run's id to ask again.",
    )
    NOT_SEEN = (
        "NOT_SEEN",
        Outcome.UNRESOLVED,
        "RingCX accepted this lead but no search shows it; run `leadferry resume` to ask again.",
    )
    RUN_STOPPED = (
        "RUN_STOPPED",
        Outcome.NOT_SENT,
        "The run stopped before this lead was sent; run `leadferry resume` with this run's id.",
    )


REASONS: Final = {reason.value: reason for reason in Reason}
"""Code to reason."""
