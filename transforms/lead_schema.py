"""The table of lead rules as pandera schemas: of a candidate, which gives each row its reason, and of a lead."""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from types import ModuleType
from typing import Final, Literal, cast

import pandera.polars as pa
import polars as pl
import polars.selectors as cs
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaError, SchemaErrors

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


@dataclass(frozen=True)
class _Test:
    """What every value of a column must keep: `holds` and `proves` as a `LeadRule` has them."""

    name: str
    holds: Callable[[pl.Expr], pl.Expr]
    proves: Callable[[pl.Series], bool] | None = None

    def judge(self, cells: pl.Series) -> pl.Series | Literal[True]:
        """Return a mask of the values that keep it, or that all do."""
        if self.proves is not None and self.proves(cells):
            return True
        kept = cells.to_frame().select(self._first_holds).to_series()
        return True if kept.all() else kept

    @cached_property
    def _first_holds(self) -> pl.Expr:
        return self.holds(pl.first())

    def as_check(self) -> pa.Check:
        """Return it as a check of a column.

        pandera goes row by row through what a check returns. Nearly always all rows keep it, which one word says.
        """

        def check(data: pa.PolarsData) -> pl.LazyFrame | bool:
            kept = self.judge(data.lazyframe.select(data.key).collect().to_series())
            return kept is True or kept.to_frame().lazy()

        return pa.Check(check, name=self.name, ignore_na=False)


def _all_kept(tests: Mapping[str, _Test]) -> pa.DataFrameSchema:
    """Return a schema that a frame keeps where all its columns keep their tests; it does not say which do not."""

    def check(data: pa.PolarsData) -> bool:
        frame = data.lazyframe.collect()
        return all(test.judge(frame.get_column(name)) is True for name, test in tests.items())

    return pa.DataFrameSchema(checks=pa.Check(check, name="keeps every rule", ignore_na=False))


@cache
def candidate_schema() -> pa.DataFrameSchema:
    """Return the pandera schema of a candidate: each rule is a check named by its reason code.

    Columns may be absent, which keeps their rules: a step that found no fault in a chunk leaves its column out.
    """
    columns: dict[str, list[pa.Check]] = {}
    for rule in ROW_RULES:
        columns.setdefault(rule.column or "", []).append(_test_of(rule).as_check())
    return pa.DataFrameSchema(
        {
            name: pa.Column(pl.String, checks=checks, nullable=True, required=name == "externId")
            for name, checks in columns.items()
        }
    )


def _test_of(rule: LeadRule) -> _Test:
    if rule.holds is None:
        raise TypeError(f"{rule.reason} is no rule of a row")
    return _Test(rule.reason.value, rule.holds, rule.proves)


@cache
def lead_schema() -> pa.DataFrameSchema:
    """Return the pandera schema of a lead as it is sent: the last gate before the staging file."""
    columns = {name: pa.Column(pl.String, nullable=True, required=False) for name in TEXT_FIELDS}
    columns |= {name: pa.Column(pl.Int32, nullable=True, required=False) for name in INTEGER_FIELDS}
    columns |= {
        f"{name}\\..+": pa.Column(pl.String, nullable=True, required=False, regex=True) for name in OBJECT_FIELDS
    }
    columns |= {
        name: pa.Column(pl.String, nullable=name != "externId", required=name == "externId", checks=test.as_check())
        for name, test in _lead_tests().items()
    }
    return pa.DataFrameSchema(columns)


@cache
def _lead_tests() -> Mapping[str, _Test]:
    """Return the tests of a lead's values, by field."""
    tests = {name: _of_pattern(name, pattern) for name, pattern in LEAD_PATTERNS.items()}
    tests |= {name: _of_choices(choices) for name, choices in LEAD_CHOICES.items()}
    return {**tests, "externId": _of_all_rules("externId")}


def _of_all_rules(column: str) -> _Test:
    """Return one test of all rules of a column: a candidate was told already which of them it breaks."""
    rules = [rule for rule in ROW_RULES if rule.column == column]

    def holds(text: pl.Expr) -> pl.Expr:
        return pl.all_horizontal(rule.holds(text) for rule in rules if rule.holds is not None)

    def proves(texts: pl.Series) -> bool:
        return all(rule.proves is not None and rule.proves(texts) for rule in rules)

    return _Test(f"keeps every rule of {column}", holds, proves)


def _of_pattern(name: str, pattern: str) -> _Test:
    def holds(text: pl.Expr) -> pl.Expr:
        return text.str.contains(pattern).fill_null(value=True)

    return _Test(f"matches {pattern}", holds, LEAD_PROOFS.get(name))


def _of_choices(choices: Collection[str]) -> _Test:
    known = pl.Series(sorted(choices))

    def holds(value: pl.Expr) -> pl.Expr:
        return value.cast(pl.String).is_in(known.implode()).fill_null(value=True)

    def proves(values: pl.Series) -> bool:
        return isinstance(values.dtype, pl.Enum) and set(choices).issuperset(values.dtype.categories)

    return _Test("is one of those known", holds, proves)


def validate_leads(leads: pl.DataFrame) -> None:
    """Check every value of `leads` by `lead_schema`. Raises SchemaErrors.

    Names and types are checked for each layout once, values of each frame where there are checks of values. Texts may
    be categories of an Enum.
    """
    columns = _checked_columns(tuple(leads.schema.items()))
    if not _keeps_all(leads, columns):
        validate(lead_schema().select_columns(list(columns)), leads.select(columns).with_columns(_ENUMS_AS_TEXT))


_ENUMS_AS_TEXT: Final = cs.enum().cast(pl.String)


@cache
def _checked_columns(layout: tuple[tuple[str, pl.DataType], ...]) -> tuple[str, ...]:
    """Check the names and types of a layout, and return those of its columns whose values have checks."""
    validate(lead_schema(), pl.DataFrame(schema=dict(layout)).with_columns(_ENUMS_AS_TEXT))
    return tuple(name for name, _ in layout if name in _lead_tests())


def _keeps_all(leads: pl.DataFrame, columns: tuple[str, ...]) -> bool:
    """Ask pandera whether all values of some columns are a lead's: in one check, for each takes it a millisecond."""
    try:
        validate(_gate_of(columns), leads, lazy=False)
    except SchemaError:
        return False
    return True


@cache
def _gate_of(columns: tuple[str, ...]) -> pa.DataFrameSchema:
    return _all_kept({name: _lead_tests()[name] for name in columns})


def validate(schema: pa.DataFrameSchema, frame: pl.DataFrame, *, lazy: bool = True) -> None:
    """Check every value of `frame`. Raises SchemaErrors, or SchemaError at the first failure if not `lazy`.

    pandera can be told by the environment to check nothing, or no values; whether a lead may be sent is not left to it.
    The depth said, it checks values of a lazy frame too, and copies none.
    """
    with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        schema.validate(frame.lazy(), lazy=lazy)


def judge_candidates(candidates: pl.DataFrame) -> pl.Series:
    """Return each row's reason code, null for a row that keeps every rule; one text for each row of `candidates`."""
    reasons = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, candidates.height)
    failures = list(_find_failures(candidates))
    if not failures:
        return reasons
    firsts = pl.concat(failures).group_by("place").agg(pl.col("rank").min())
    return put(reasons, firsts["place"], _codes()[firsts["rank"]])


@cache
def _codes() -> pl.Series:
    return pl.Series([rule.reason.value for rule in ROW_RULES])


def _find_failures(candidates: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield `place` and `rank` of each rule broken, or of the first one that a row's faults break.

    pandera sees every id, and each different fault once: a fault column is null mostly, which keeps every rule, and
    its codes are few. A frame of another shape is shown whole.
    """
    faults = [name for name in candidates.columns if name != "externId"]
    if "externId" not in candidates.columns or any(dtype != pl.String for dtype in candidates.dtypes):
        yield _failures(candidates)
        return
    if not _keeps_all(candidates, ("externId",)):
        yield _failures(candidates.select("externId"))
    if faults:
        places = candidates.select(pl.any_horizontal(pl.col(faults).is_not_null())).to_series().arg_true()
        if not places.is_empty():
            yield pl.DataFrame([places.alias("place"), _rank_faults(candidates[places, faults])]).drop_nulls()


_RANKED: Final[dict[tuple[str, str], int | None]] = {}
"""The first rule that a fault breaks, by its column and code: what pandera said of it before."""


def _rank_faults(faults: pl.DataFrame) -> pl.Series:
    """Return the `rank` of the first rule that each row's faults break, null where they keep all."""
    met = faults.select_seq(pl.all().drop_nulls().unique().implode()).row(0, named=True)
    codes = [(name, code) for name, found in met.items() for code in found]
    unknown = [fault for fault in codes if fault not in _RANKED]
    if unknown:
        shown = pl.DataFrame([{name: code} for name, code in unknown], schema=dict.fromkeys(faults.columns, pl.String))
        broken = _failures(shown.with_columns(pl.lit("id").alias("externId")))
        firsts = dict(broken.group_by("place").agg(pl.col("rank").min()).iter_rows())
        _RANKED.update({fault: firsts.get(place) for place, fault in enumerate(unknown)})
    ranks = (_rank_codes(pl.col(name), {code: _RANKED[name, code] for code in found}) for name, found in met.items())
    return faults.select(pl.min_horizontal(ranks).alias("rank")).to_series()


def _rank_codes(cell: pl.Expr, ranks: Mapping[str, int | None]) -> pl.Expr:
    return cell.replace_strict(list(ranks), list(ranks.values()), default=None, return_dtype=pl.UInt32)


def _failures(candidates: pl.DataFrame) -> pl.DataFrame:
    """Return `place` and `rank` of each rule that each candidate breaks."""
    try:
        validate(candidate_schema(), candidates)
    except SchemaErrors as errors:
        return _ranked(errors.failure_cases)
    return pl.DataFrame(schema={"place": pl.UInt32, "rank": pl.UInt32})


def _ranked(failures: pl.DataFrame) -> pl.DataFrame:
    rank = {rule.reason.value: place for place, rule in enumerate(ROW_RULES)}
    unranked = failures.filter(~pl.col("check").is_in(list(rank)) | pl.col("index").is_null())
    if unranked.height:
        # A failure that belongs to no row is a fault of the frame's own shape, never of somebody's data.
        raise TypeError(f"candidates do not have the shape of their schema: {unranked.item(0, 'check')}")
    return failures.select_seq(
        pl.col("index").cast(pl.UInt32).alias("place"),
        pl.col("check").replace_strict(rank, return_dtype=pl.UInt32).alias("rank"),
    )
