"""The one table of rules: what a lead must be, what breaking each rule is called, and what a person does about it.

From it come the pandera schemas (`lead_schema`), each row's reason, the sentences in `rejects.csv` and the page of
reason codes in the docs. A candidate is a cleaned row that may still be wrong: where a value could not be understood,
the step that tried left its code in a `*_fault` column, and the rule for that code looks there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import polars as pl

from transforms.text import bytes_of, has_control, lack_controls
from transforms.vocabulary.outcomes import Outcome
from transforms.vocabulary.reasons import Reason
from transforms.vocabulary.zone_names import RINGCX_OFFSETS

EXTERN_ID_LENGTH: Final = 255
"""Characters an externId may have. RingCX documents no limit; this is the width its list imports accept."""


@dataclass(frozen=True)
class LeadRule:
    """One code: what it means for a row, and for our own rules when it holds.

    `holds` is true for each value of the candidate's `column` that keeps the rule; without one, another step finds
    the fault (duplicates, RingCX's answers). `proves`, which is quicker, is true for a column only if `holds` is for
    all of it. `cells` are source cells by lead field that break the rule, under the job's `setting` where the rule
    needs one; `example` shows what cells cannot.
    """

    reason: Reason
    outcome: Outcome
    advice: str
    column: str | None = None
    holds: Callable[[pl.Expr], pl.Expr] | None = None
    proves: Callable[[pl.Series], bool] | None = None
    cells: Mapping[str, str] = field(default_factory=dict)
    setting: str = ""
    example: str = ""


def _are_short_ids(texts: pl.Series) -> bool:
    longest = texts.str.len_bytes().max()  # there are no more characters than bytes
    return longest is None or int(str(longest)) <= EXTERN_ID_LENGTH


def _own(
    reason: Reason, column: str, advice: str, cells: Mapping[str, str], *, setting: str = "", example: str = ""
) -> LeadRule:
    """Return a rule broken where a step left its code in `column`."""

    def holds(fault: pl.Expr) -> pl.Expr:
        return fault.ne_missing(pl.lit(reason.value))

    return LeadRule(reason, Outcome.REJECTED, advice, column, holds, None, cells, setting, example)


def _phone(reason: Reason, advice: str, cell: str, *, setting: str = "") -> LeadRule:
    return _own(reason, "phone_fault", advice, {"leadPhone": cell}, setting=setting)


RULES: Final = (
    _own(
        Reason.ROW_TOO_MANY_FIELDS,
        "row_fault",
        "The row has more fields than the header; quote the field that holds the separator.",
        {},
        example="a CSV row of 14 fields under a header of 13",
    ),
    _own(
        Reason.ROW_TOO_FEW_FIELDS,
        "row_fault",
        "The row has fewer fields than the header; complete it, or remove it if it is a total.",
        {},
        example="`Total,4711` under a header of 13 columns",
    ),
    _own(
        Reason.ROW_NOT_UTF8,
        "row_fault",
        "The row holds bytes that are no text in the file's encoding, UTF-8 mostly; export the file again as UTF-8, or "
        "set source.encoding.",
        {},
        example="`Jos\\xe9`, saved as Windows-1252, in a file of UTF-8",
    ),
    _own(
        Reason.ROW_QUOTE_NOT_CLOSED,
        "row_fault",
        "A quote opens a field that does not end in this row; close it, or double it where it is part of the text.",
        {},
        example='`A17,"Miller` with no other quote after it',
    ),
    _own(
        Reason.ROW_TEXT_AFTER_QUOTE,
        "row_fault",
        "Text stands between a closing quote and the separator; double the quotes that are part of the text.",
        {},
        example='`"Joe" Miller,A17`',
    ),
    _own(
        Reason.ROW_IS_HEADER,
        "row_fault",
        "The row is the header again, as where files were put together; nothing is to do.",
        {},
        example="a second `id,phone,name` in the middle of the file",
    ),
    LeadRule(
        Reason.EXTERN_ID_MISSING,
        Outcome.REJECTED,
        "Fill in the column mapped to externId: RingCX requires an id for each lead.",
        "externId",
        lambda text: text.is_not_null(),
        lambda texts: texts.null_count() == 0,
        {"externId": "  "},
    ),
    LeadRule(
        Reason.EXTERN_ID_TOO_LONG,
        Outcome.REJECTED,
        f"Shorten the externId to {EXTERN_ID_LENGTH} characters or fewer.",
        "externId",
        lambda text: (text.str.len_chars() <= EXTERN_ID_LENGTH).fill_null(value=True),
        _are_short_ids,
        {"externId": "x" * (EXTERN_ID_LENGTH + 1)},
        example=f"{EXTERN_ID_LENGTH + 1} times `x`",
    ),
    LeadRule(
        Reason.EXTERN_ID_CONTROL_CHARACTERS,
        Outcome.REJECTED,
        "Remove line breaks, tabs and other control characters, also those of no width, from the externId.",
        "externId",
        lambda text: ~has_control(text),
        lack_controls,
        {"externId": "A\t17"},
    ),
    _phone(Reason.PHONE_MISSING, "Fill in a telephone number: none of the mapped columns holds one.", "n/a"),
    _phone(
        Reason.PHONE_ROUNDED,
        "A spreadsheet rounded the number (such as 4.15555E+09); export the column again as text.",
        "4.15555E+09",
    ),
    _phone(
        Reason.PHONE_NO_AREA_CODE, "Add the area code: seven digits alone do not name a telephone.", "555-0123"
    ),
    _phone(Reason.PHONE_TOO_SHORT, "Complete the number to 10 digits.", "415-555-267"),
    _phone(
        Reason.PHONE_TOO_LONG,
        "Cut the number to its 10 digits; if these are two numbers, separate them.",
        "4155552671415",
    ),
    _phone(
        Reason.PHONE_NOT_NANP,
        "The number belongs to a country outside the North American Numbering Plan; map leadPhoneE164 for it.",
        "+44 20 7946 0958",
    ),
    _phone(
        Reason.PHONE_NOT_US,
        "The number is not of the United States or its territories, which the job asks for.",
        "+1 416 555 0123",
        setting="phones.us_only = true",
    ),
    _phone(
        Reason.PHONE_TOLL_FREE,
        "Give the lead's own number: the job refuses toll-free ones.",
        "800-555-0123",
        setting='phones.toll_free = "refuse"',
    ),
    _phone(
        Reason.PHONE_PREMIUM_RATE,
        "Give the lead's own number: the job refuses premium-rate ones.",
        "900-555-0123",
        setting='phones.premium_rate = "refuse"',
    ),
    _phone(
        Reason.PHONE_PERSONAL_NUMBER,
        "Give the lead's own number: the job refuses personal (follow-me) ones.",
        "500-555-0123",
        setting='phones.personal_number = "refuse"',
    ),
    _phone(
        Reason.PHONE_NOT_VALID,
        "Correct the number: no area code or exchange like this is in service.",
        "(555) 123-4567",
    ),
    _own(
        Reason.PHONE_E164_NOT_VALID,
        "e164_fault",
        "Correct the number: it must be one of its country, best written as + and country code, such as "
        "+442079460000.",
        {"leadPhone": "", "leadPhoneE164": "+44 12"},
    ),
    _own(
        Reason.LEAD_PRIORITY_NOT_INTEGER,
        "priority_fault",
        "Write leadPriority as a whole number.",
        {"leadPriority": "high"},
    ),
    _own(
        Reason.MAX_PASSES_NOT_INTEGER, "passes_fault", "Write maxPasses as a whole number.", {"maxPasses": "2.5"}
    ),
    _own(
        Reason.TIME_ZONE_NOT_VALID,
        "zone_fault",
        "Write leadTimezone as one of RingCX's names (such as EST) or an IANA name (such as America/New_York).",
        {"leadTimezone": "Eastern"},
    ),
    _own(
        Reason.TIME_ZONE_CONFLICT,
        "zone_fault",
        "Correct the ZIP code or the number: they lie in time zones of which none keeps the calls between 8:00 and "
        "21:00 in all of them.",
        {"leadPhone": "213-555-0123", "zip": "10001"},
        setting='time_zones.conflict = "refuse"',
    ),
    _own(
        Reason.TIME_ZONE_NOT_NAMED,
        "zone_fault",
        "RingCX has no name for this lead's time zone; load it with another time_zone_option.",
        {"leadPhone": "671-646-5801", "zip": "96913", "state": "GU"},
    ),
    _own(
        Reason.TIME_ZONE_UNKNOWN,
        "zone_fault",
        "Add a ZIP code, or map leadTimezone: neither ZIP, number nor state settles one time zone.",
        {"leadPhone": "800-555-0123", "zip": "", "state": ""},
    ),
    LeadRule(
        Reason.EXTERN_ID_REPEATED,
        Outcome.DUPLICATE,
        "Another row of this load, which detail names, has the same externId; keep one of the two, or give this one "
        "its own id.",
        example="two rows with the id `A17`",
    ),
    LeadRule(
        Reason.PHONE_REPEATED,
        Outcome.DUPLICATE,
        "Another row of this load, which detail names, has the same number; load this one instead if that one is not "
        "wanted or was not taken, or with RETAIN_ALL if both must be dialled.",
        example="two rows with 415-555-2671, under another `duplicate_handling` than `RETAIN_ALL`",
    ),
    LeadRule(
        Reason.API_REJECTED_ROW,
        Outcome.REJECTED_BY_API,
        "RingCX rejected this lead; mend what its message names and load the row again.",
        example="a row among `rejectedRows` of RingCX's answer",
    ),
    LeadRule(
        Reason.API_REFUSED_REQUEST,
        Outcome.REJECTED_BY_API,
        "RingCX refused the request that carried this lead; mend what its message names and load the row again.",
        example="HTTP 400 for a request of this one lead",
    ),
    LeadRule(
        Reason.API_DUPLICATE,
        Outcome.REMOVED_BY_API,
        "RingCX removed this lead under the chosen duplicate handling: the number is already in the campaign.",
        example="`deletedCount` of RingCX's answer, under `REMOVE_ALL_EXISTING`",
    ),
    LeadRule(
        Reason.API_DO_NOT_CALL,
        Outcome.REMOVED_BY_API,
        "RingCX removed this lead because its number is on a do-not-call list; do not load it again.",
        example="`internalDncCount` or `dncReturnedCount` of RingCX's answer",
    ),
    LeadRule(
        Reason.API_QUOTA,
        Outcome.REMOVED_BY_API,
        "RingCX removed this lead because a quota of the campaign is full.",
        example="`quotaCount` of RingCX's answer",
    ),
    LeadRule(
        Reason.API_WHITELIST,
        Outcome.REMOVED_BY_API,
        "RingCX removed this lead under the campaign's whitelist.",
        example="`whitelistCount` of RingCX's answer",
    ),
    LeadRule(
        Reason.API_REMOVED,
        Outcome.REMOVED_BY_API,
        "RingCX counted this lead among those it removed, but not for which of several reasons.",
        example="an answer that counts both duplicates and do-not-call numbers",
    ),
    LeadRule(
        Reason.ANSWER_UNKNOWN,
        Outcome.UNRESOLVED,
        "No answer from RingCX settled this lead; run `leadferry resume` with this run's id to ask again.",
        example="a time-out after sending, and a search that fails",
    ),
    LeadRule(
        Reason.NOT_SEEN,
        Outcome.UNRESOLVED,
        "RingCX accepted this lead but no search shows it; run `leadferry resume` to ask again.",
        example="`leadsInserted` says 1000, a search shows 999",
    ),
    LeadRule(
        Reason.RUN_STOPPED,
        Outcome.NOT_SENT,
        "The run stopped before this lead was sent; run `leadferry resume` with this run's id.",
        example="Ctrl-C in the middle of a load",
    ),
)  # fmt: skip
"""Every code. Among our own rules, a row that breaks several is given the first one's reason."""

REASONS: Final[Mapping[str, LeadRule]] = MappingProxyType({rule.reason.value: rule for rule in RULES})
"""Code to rule."""

ROW_RULES: Final = tuple(rule for rule in RULES if rule.holds is not None)
"""The rules that a candidate is judged by."""

FAULT_COLUMNS: Final = tuple(
    dict.fromkeys(rule.column for rule in ROW_RULES if rule.column is not None and rule.column != "externId")
)
"""Where the steps before leave their codes, null mostly."""

LEAD_PATTERNS: Final[Mapping[str, str]] = MappingProxyType(
    {"leadPhone": r"^[0-9]{10}(\|[0-9]{10})*$", "leadPhoneE164": r"^\+[1-9][0-9]{4,14}$"}
)
"""Shapes that RingCX asks of a lead's numbers (facts of `leadLoader/direct`; ITU-T E.164 for the second)."""

_NATIONAL_LENGTH: Final = 10


def _are_national(numbers: pl.Series) -> bool:
    """Return true where each value is one number of ten digits, as its bytes prove, or has the pattern."""
    one = numbers.str.len_bytes() == _NATIONAL_LENGTH
    digits = bytes_of(numbers.filter(one))
    least, most = digits.min(), digits.max()
    plain = least is None or (int(str(least)) >= ord("0") and int(str(most)) <= ord("9"))
    others = numbers.filter(~one)
    return plain and (others.is_empty() or bool(others.str.contains(LEAD_PATTERNS["leadPhone"]).all()))


LEAD_PROOFS: Final[Mapping[str, Callable[[pl.Series], bool]]] = MappingProxyType({"leadPhone": _are_national})
"""What is quicker than a pattern, and true for a column only if all of it has the pattern."""

LEAD_CHOICES: Final[Mapping[str, frozenset[str]]] = MappingProxyType({"leadTimezone": frozenset(RINGCX_OFFSETS)})
"""Fields of which RingCX documents every value."""
