"""The table of lead rules as pandera schemas: of a candidate, which gives each row its reason, and of a lead."""

from collections.abc import Iterator
from functools import cache

import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from transforms.lead_rules import LEAD_CHOICES, LEAD_PATTERNS, ROW_RULES, LeadRule
from transforms.text import put
from transforms.vocabulary.lead_fields import INTEGER_FIELDS, OBJECT_FIELDS, TEXT_FIELDS


@cache
def candidate_schema() -> pa.DataFrameSchema:
    """Return the pandera schema of a candidate: each rule is a check named by its reason code.

    Columns may be absent, which keeps their rules: a step that found no fault in a chunk leaves its column out.
    """
    columns: dict[str, list[pa.Check]] = {}
    for rule in ROW_RULES:
        columns.setdefault(rule.column or "", []).append(_as_check(rule))
    return pa.DataFrameSchema(
        {
            name: pa.Column(pl.String, checks=checks, nullable=True, required=name == "externId")
            for name, checks in columns.items()
        }
    )


def _as_check(rule: LeadRule) -> pa.Check:
    def holds(data: pa.PolarsData) -> pl.LazyFrame:
        if rule.holds is None:
            raise TypeError(f"{rule.reason} is no rule of a row")
        return data.lazyframe.select(rule.holds(pl.col(data.key or rule.column or "")))

    return pa.Check(holds, name=rule.reason.value, ignore_na=False)


@cache
def lead_schema() -> pa.DataFrameSchema:
    """Return the pandera schema of a lead as it is sent: the last gate before the staging file."""
    columns = {name: pa.Column(pl.String, nullable=True, required=False) for name in TEXT_FIELDS}
    columns |= {name: pa.Column(pl.Int32, nullable=True, required=False) for name in INTEGER_FIELDS}
    columns |= {
        f"{name}\\..+": pa.Column(pl.String, nullable=True, required=False, regex=True) for name in OBJECT_FIELDS
    }
    columns |= {name: _checked(pa.Check.str_matches(pattern)) for name, pattern in LEAD_PATTERNS.items()}
    columns |= {name: _checked(pa.Check.isin(sorted(choices))) for name, choices in LEAD_CHOICES.items()}
    extern_id = [_as_check(rule) for rule in ROW_RULES if rule.column == "externId"]
    return pa.DataFrameSchema({**columns, "externId": pa.Column(pl.String, checks=extern_id)})


def _checked(check: pa.Check) -> pa.Column:
    return pa.Column(pl.String, nullable=True, required=False, checks=check)


def validate(schema: pa.DataFrameSchema, frame: pl.DataFrame) -> None:
    """Check every value of `frame`. Raises SchemaErrors.

    pandera can be told by the environment to check nothing, or no values; whether a lead may be sent is not left to it.
    """
    with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        schema.validate(frame, lazy=True)


def judge_candidates(candidates: pl.DataFrame) -> pl.Series:
    """Return each row's reason code, null for a row that keeps every rule; one text for each row of `candidates`.

    The frame is eager on purpose: pandera checks no values of a lazy one.
    """
    reasons = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, candidates.height)
    failures = pl.concat(_failures(part, places) for part, places in _parts(candidates))
    if failures.is_empty():
        return reasons
    firsts = failures.group_by("place").agg(pl.col("rank").min())
    codes = pl.Series([rule.reason.value for rule in ROW_RULES])
    return put(reasons, firsts["place"], codes.gather(firsts["rank"]))


def _parts(candidates: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, pl.Series | None]]:
    """Yield what pandera must see: every id, and the faults of the rows that have one, with those rows' places.

    A fault column is null mostly, and null keeps every rule. A frame of another shape is shown whole.
    """
    faults = [name for name in candidates.columns if name != "externId"]
    if "externId" not in candidates.columns or any(dtype != pl.String for dtype in candidates.dtypes):
        yield candidates, None
        return
    yield candidates.select("externId"), None
    if faults:
        places = candidates.select(pl.any_horizontal(pl.col(faults).is_not_null())).to_series().arg_true()
        if not places.is_empty():
            yield candidates[places], places


def _failures(candidates: pl.DataFrame, places: pl.Series | None) -> pl.DataFrame:
    """Return `place` and `rank` of each rule that each candidate breaks; `places` are theirs in a larger frame."""
    try:
        validate(candidate_schema(), candidates)
    except SchemaErrors as errors:
        ranked = _ranked(errors.failure_cases)
        if places is not None:
            ranked = ranked.with_columns(places.gather(ranked["place"]).alias("place"))
        return ranked
    return pl.DataFrame(schema={"place": pl.UInt32, "rank": pl.Int32})


def _ranked(failures: pl.DataFrame) -> pl.DataFrame:
    rank = {rule.reason.value: place for place, rule in enumerate(ROW_RULES)}
    unranked = failures.filter(~pl.col("check").is_in(list(rank)) | pl.col("index").is_null())
    if unranked.height:
        # A failure that belongs to no row is a fault of the frame's own shape, never of somebody's data.
        raise TypeError(f"candidates do not have the shape of their schema: {unranked.item(0, 'check')}")
    return failures.select(
        pl.col("index").cast(pl.UInt32).alias("place"),
        pl.col("check").replace_strict(rank, return_dtype=pl.Int32).alias("rank"),
    )
