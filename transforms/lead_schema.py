"""The table of lead rules as pandera schemas: of a candidate, which gives each row its reason, and of a lead."""

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Final, cast

import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from transforms.lead_rules import LEAD_CHOICES, LEAD_PATTERNS, LEAD_PROOFS, ROW_RULES, LeadRule
from transforms.text import put
from transforms.vocabulary.lead_fields import INTEGER_FIELDS, OBJECT_FIELDS, TEXT_FIELDS


@contextmanager
def _not_installed(name: str) -> Iterator[None]:
    """Let a module that was not imported yet seem absent."""
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    if name in modules:
        yield
        return
    modules[name] = None
    try:
        yield
    finally:
        del modules[name]


# Where Hypothesis is installed, for tests, pandera imports it at its first check, to make up data: a tenth of a second.
with _not_installed("hypothesis"):
    import_module("pandera.strategies.base_strategies")


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
    if rule.holds is None:
        raise TypeError(f"{rule.reason} is no rule of a row")
    return _check(rule.holds, rule.reason.value, rule.proves)


def _check(
    holds: Callable[[pl.Expr], pl.Expr], name: str, proves: Callable[[pl.Series], bool] | None = None
) -> pa.Check:
    """Return a check that is kept where `holds` is true.

    pandera goes row by row through what a check returns. Nearly always all rows keep it, which one word says.
    """

    def check(data: pa.PolarsData) -> pl.LazyFrame | bool:
        cells = data.lazyframe.select(data.key).collect().to_series()
        if proves is not None and proves(cells):
            return True
        kept = cells.to_frame().select(holds(pl.first()))
        return bool(kept.to_series().all()) or kept.lazy()

    return pa.Check(check, name=name, ignore_na=False)


@cache
def lead_schema() -> pa.DataFrameSchema:
    """Return the pandera schema of a lead as it is sent: the last gate before the staging file."""
    columns = {name: pa.Column(pl.String, nullable=True, required=False) for name in TEXT_FIELDS}
    columns |= {name: pa.Column(pl.Int32, nullable=True, required=False) for name in INTEGER_FIELDS}
    columns |= {
        f"{name}\\..+": pa.Column(pl.String, nullable=True, required=False, regex=True) for name in OBJECT_FIELDS
    }
    columns |= {name: _of_pattern(name, pattern) for name, pattern in LEAD_PATTERNS.items()}
    columns |= {name: _of_choices(choices) for name, choices in LEAD_CHOICES.items()}
    return pa.DataFrameSchema({**columns, "externId": pa.Column(pl.String, checks=_of_all_rules("externId"))})


def _of_all_rules(column: str) -> pa.Check:
    """Return one check of all rules of a column: a candidate was told already which of them it breaks."""
    rules = [rule for rule in ROW_RULES if rule.column == column]

    def holds(text: pl.Expr) -> pl.Expr:
        return pl.all_horizontal(rule.holds(text) for rule in rules if rule.holds is not None)

    def proves(texts: pl.Series) -> bool:
        return all(rule.proves is not None and rule.proves(texts) for rule in rules)

    return _check(holds, f"keeps every rule of {column}", proves)


def _of_pattern(name: str, pattern: str) -> pa.Column:
    def holds(text: pl.Expr) -> pl.Expr:
        return text.str.contains(pattern).fill_null(value=True)

    return _checked(_check(holds, f"matches {pattern}", LEAD_PROOFS.get(name)))


def _of_choices(choices: Collection[str]) -> pa.Column:
    known = pl.Series(sorted(choices))

    def holds(text: pl.Expr) -> pl.Expr:
        return text.is_in(known.implode()).fill_null(value=True)

    return _checked(_check(holds, "is one of those known"))


def _checked(check: pa.Check) -> pa.Column:
    return pa.Column(pl.String, nullable=True, required=False, checks=check)


def validate_leads(leads: pl.DataFrame) -> None:
    """Check every value of `leads` by `lead_schema`. Raises SchemaErrors.

    Names and types are checked for each layout once, values of each frame where there are checks of values.
    """
    columns = _checked_columns(tuple(leads.schema.items()))
    validate(_schema_of(columns), leads.select(columns))


@cache
def _checked_columns(layout: tuple[tuple[str, pl.DataType], ...]) -> tuple[str, ...]:
    """Check the names and types of a layout, and return those of its columns whose values have checks."""
    validate(lead_schema(), pl.DataFrame(schema=dict(layout)))
    columns = lead_schema().columns
    return tuple(name for name, _ in layout if name in columns and columns[name].checks)


@cache
def _schema_of(columns: tuple[str, ...]) -> pa.DataFrameSchema:
    return lead_schema().select_columns(list(columns))


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
    failures = pl.concat(_find_failures(candidates))
    if failures.is_empty():
        return reasons
    firsts = failures.group_by("place").agg(pl.col("rank").min())
    codes = pl.Series([rule.reason.value for rule in ROW_RULES])
    return put(reasons, firsts["place"], codes.gather(firsts["rank"]))


def _find_failures(candidates: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield `place` and `rank` of each rule broken, or of the first one that a row's faults break.

    pandera sees every id, and each different combination of faults once: a fault column is null mostly, which keeps
    every rule, and its codes are few. A frame of another shape is shown whole.
    """
    faults = [name for name in candidates.columns if name != "externId"]
    if "externId" not in candidates.columns or any(dtype != pl.String for dtype in candidates.dtypes):
        yield _failures(candidates)
        return
    yield _failures(candidates.select("externId"))
    if faults:
        places = candidates.select(pl.any_horizontal(pl.col(faults).is_not_null())).to_series().arg_true()
        if not places.is_empty():
            ranks = _rank_faults(candidates.select(faults)[places])
            yield pl.DataFrame({"place": places, "rank": ranks}).drop_nulls()


_RANKED: Final[dict[tuple[tuple[str, str | None], ...], int | None]] = {}
"""The first rule that a combination of faults breaks, by fault column and code: what pandera said of it before."""


def _rank_faults(faults: pl.DataFrame) -> pl.Series:
    """Return the rank of the first rule that each row's faults break, null where they keep all."""
    names = faults.columns
    # Nothing and empty text are no code, so that they may be taken for each other.
    combined = faults.select(pl.concat_str(pl.all().fill_null(""), separator="\x1f").alias("faults")).to_series()
    different = faults.with_columns(combined).unique("faults", keep="any")
    keys = {row[-1]: tuple(zip(names, row[:-1], strict=True)) for row in different.iter_rows()}
    unknown = [key for key in keys.values() if key not in _RANKED]
    if unknown:
        shown = pl.DataFrame([dict(key) for key in unknown], schema=dict.fromkeys(names, pl.String))
        broken = _failures(shown.with_columns(pl.lit("id").alias("externId")))
        firsts = dict(broken.group_by("place").agg(pl.col("rank").min()).iter_rows())
        _RANKED.update({key: firsts.get(place) for place, key in enumerate(unknown)})
    return combined.replace_strict({text: _RANKED[key] for text, key in keys.items()}, return_dtype=pl.Int32)


def _failures(candidates: pl.DataFrame) -> pl.DataFrame:
    """Return `place` and `rank` of each rule that each candidate breaks."""
    try:
        validate(candidate_schema(), candidates)
    except SchemaErrors as errors:
        return _ranked(errors.failure_cases)
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
