"""The written contract of a lead: one table of rules, from which come the pandera schema and each row's reason.

A candidate is a cleaned row that may still be wrong. Where a value could not be understood, the step that tried left
its reason code in a `*_fault` column, and the rule for that code looks there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from transforms.time_zones import RINGCX_OFFSETS
from transforms.vocabulary.lead_fields import INTEGER_FIELDS, OBJECT_FIELDS, TEXT_FIELDS
from transforms.vocabulary.reasons import Reason

EXTERN_ID_LENGTH: Final = 255
"""Characters an externId may have. RingCX documents no limit; this is the width its list imports accept."""

FAULT_COLUMNS: Final = ("row_fault", "phone_fault", "e164_fault", "priority_fault", "passes_fault", "zone_fault")


@dataclass(frozen=True)
class LeadRule:
    """One rule: `holds` is true for each value of `column` that keeps it, and `reason` is what breaking it means."""

    reason: Reason
    column: str
    holds: Callable[[pl.Expr], pl.Expr]


def _fault_rule(column: str, reason: Reason) -> LeadRule:
    return LeadRule(reason, column, lambda fault: fault.ne_missing(pl.lit(reason.value)))


RULES: Final = (
    _fault_rule("row_fault", Reason.ROW_TOO_MANY_FIELDS),
    _fault_rule("row_fault", Reason.ROW_NOT_UTF8),
    LeadRule(Reason.EXTERN_ID_MISSING, "externId", lambda text: text.is_not_null()),
    LeadRule(
        Reason.EXTERN_ID_TOO_LONG,
        "externId",
        lambda text: (text.str.len_chars() <= EXTERN_ID_LENGTH).fill_null(value=True),
    ),
    LeadRule(
        Reason.EXTERN_ID_CONTROL_CHARACTERS,
        "externId",
        lambda text: (~text.str.contains(r"\p{Cc}")).fill_null(value=True),
    ),
    *(
        _fault_rule("phone_fault", reason)
        for reason in (
            Reason.PHONE_MISSING,
            Reason.PHONE_ROUNDED,
            Reason.PHONE_NO_AREA_CODE,
            Reason.PHONE_TOO_SHORT,
            Reason.PHONE_TOO_LONG,
            Reason.PHONE_NOT_NANP,
            Reason.PHONE_NOT_VALID,
        )
    ),
    _fault_rule("e164_fault", Reason.PHONE_E164_NOT_VALID),
    _fault_rule("priority_fault", Reason.LEAD_PRIORITY_NOT_INTEGER),
    _fault_rule("passes_fault", Reason.MAX_PASSES_NOT_INTEGER),
    _fault_rule("zone_fault", Reason.TIME_ZONE_NOT_VALID),
    _fault_rule("zone_fault", Reason.TIME_ZONE_NOT_NAMED),
    _fault_rule("zone_fault", Reason.TIME_ZONE_UNKNOWN),
)
"""Every rule, in the order in which a row that breaks several is given its reason."""


@cache
def candidate_schema() -> pa.DataFrameSchema:
    """Return the pandera schema of a candidate: each rule is a check named by its reason code."""
    columns: dict[str, list[pa.Check]] = {}
    for rule in RULES:
        columns.setdefault(rule.column, []).append(_as_check(rule))
    return pa.DataFrameSchema(
        {name: pa.Column(pl.String, checks=checks, nullable=True) for name, checks in columns.items()}
    )


def _as_check(rule: LeadRule) -> pa.Check:
    def holds(data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(rule.holds(pl.col(data.key or rule.column)))

    return pa.Check(holds, name=rule.reason.value, ignore_na=False)


@cache
def lead_schema() -> pa.DataFrameSchema:
    """Return the pandera schema of a lead as it is sent: the last gate before the staging file.

    Shapes are RingCX's (facts of `leadLoader/direct`): 10-digit numbers joined with `|`, E.164 with its `+`,
    documented time zone names, 32-bit integers.
    """
    text = {name: pa.Column(pl.String, nullable=True, required=False) for name in TEXT_FIELDS}
    integers = {name: pa.Column(pl.Int32, nullable=True, required=False) for name in INTEGER_FIELDS}
    extern_id = [_as_check(rule) for rule in RULES if rule.column == "externId"]
    text |= {
        "externId": pa.Column(pl.String, checks=extern_id),
        "leadPhone": _pattern(r"^[0-9]{10}(\|[0-9]{10})*$"),
        "leadPhoneE164": _pattern(r"^\+[1-9][0-9]{4,14}$"),
        "leadTimezone": pa.Column(
            pl.String, nullable=True, required=False, checks=pa.Check.isin(sorted(RINGCX_OFFSETS))
        ),
    }
    objects = {
        f"{name}\\..+": pa.Column(pl.String, nullable=True, required=False, regex=True) for name in OBJECT_FIELDS
    }
    return pa.DataFrameSchema({**text, **integers, **objects})


def _pattern(regex: str) -> pa.Column:
    return pa.Column(pl.String, nullable=True, required=False, checks=pa.Check.str_matches(regex))


def judge_candidates(candidates: pl.DataFrame) -> pl.Series:
    """Return each row's reason code, null for a row that keeps every rule; one text for each row of `candidates`.

    The frame is eager on purpose: pandera checks no values of a lazy one.
    """
    try:
        candidate_schema().validate(candidates, lazy=True)
    except SchemaErrors as errors:
        return _first_reasons(errors.failure_cases, candidates.height)
    return pl.Series("reason", [None] * candidates.height, dtype=pl.String)


def _first_reasons(failures: pl.DataFrame, height: int) -> pl.Series:
    rank = {rule.reason.value: place for place, rule in enumerate(RULES)}
    unranked = failures.filter(~pl.col("check").is_in(list(rank)) | pl.col("index").is_null())
    if unranked.height:
        # A failure that belongs to no row is a fault of the frame's own shape, never of somebody's data.
        raise TypeError(f"candidates do not have the shape of their schema: {unranked.item(0, 'check')}")
    firsts = failures.group_by("index").agg(pl.col("check").sort_by(pl.col("check").replace_strict(rank)).first())
    rows = pl.DataFrame({"index": pl.int_range(height, eager=True, dtype=pl.Int32)})
    return rows.join(firsts, on="index", how="left", maintain_order="left").get_column("check").alias("reason")
