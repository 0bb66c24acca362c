"""Keeps the books: one outcome for each source row."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from transforms.lead_rules import REASONS
from transforms.preparing import EVIDENCE_COLUMNS
from transforms.text import put
from transforms.vocabulary.outcomes import KEPT_ROW_TURNED_AWAY, Outcome

OUTCOME_COLUMNS: Final = (
    "source_row",
    "externId",
    "leadPhone",
    "outcome",
    "reason",
    "detail",
    "batch_id",
    "leadId",
    "listId",
    "leadState",
    *EVIDENCE_COLUMNS,
    "leadTimezone",
    "leadPhoneE164",
    "state",
    "note",
    "lead_time_zone",
    "arrived_differently",
)

TOLD_COLUMNS: Final = ("externId", "leadPhone", "leadPhoneE164", "leadTimezone", "state")
"""Fields of a lead that its outcome repeats."""

NEVER_SENT: Final = (Outcome.REJECTED.value, Outcome.DUPLICATE.value, Outcome.UNCHANGED.value)

NOT_LOADED: Final = tuple(outcome.value for outcome in Outcome if outcome not in {Outcome.LOADED, Outcome.UNCHANGED})

TURNED_AWAY: Final = (Outcome.REJECTED_BY_API.value, Outcome.REMOVED_BY_API.value)
"""Outcomes of leads that were sent and are certainly not in RingCX."""

_SOURCE_ROW: Final = "source_row "
_IS_KEPT: Final = " is kept"
_KEPT_ROW: Final = f"^{_SOURCE_ROW}([0-9]+){_IS_KEPT}$"
_TURNED_AWAY: Final = dict(zip(TURNED_AWAY, KEPT_ROW_TURNED_AWAY, strict=True))
"""What is told of the row kept for a duplicate, once that is settled."""

_OUTCOMES: Final = pl.Enum(Outcome)
_REASONS: Final = pl.Enum(list(REASONS))
_NO_TEXT: Final = pl.Enum([])
"""Texts that are known beforehand; as categories they are made and written several times as fast."""

_OF_A_SEARCH: Final = {
    "batch_id": pl.String,
    "leadId": pl.Int64,
    "listId": pl.Int64,
    "leadState": pl.String,
    "lead_time_zone": pl.String,
    "arrived_differently": pl.String,
}
"""What only sending and searching can fill in."""


_MAY_LACK: Final = _OF_A_SEARCH | {"other_zones": pl.String}
"""What verdicts may be without: those of a run that an earlier version staged have no `other_zones`."""


def _code(outcome: Outcome) -> pl.Expr:
    """Return the number of an outcome among all of them."""
    return pl.lit(list(Outcome).index(outcome), pl.UInt8)


_OUTCOME: Final = (
    pl.when(pl.col("reason").is_null())
    .then(_code(Outcome.NOT_SENT))
    .otherwise(_code(Outcome.REJECTED))
    .cat.to(_OUTCOMES)
    .alias("outcome")
)
_REASON: Final = pl.col("reason").cast(_REASONS)
"""What the steps before say of a row."""

_DUPLICATE: Final = pl.Series([Outcome.DUPLICATE.value], dtype=_OUTCOMES)
_NOTHING: Final = {
    name: pl.Series(name, [None], dtype=_NO_TEXT if dtype == pl.String else dtype)
    for name, dtype in {**dict.fromkeys(("leadPhone", "leadPhoneE164", "state"), pl.String), **_OF_A_SEARCH}.items()
}
"""Columns of one null, for what a load has not, or not yet."""


def give_verdicts(prepared: pl.DataFrame, duplicates: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each row of `prepared` (a chunk without gaps), in order, with `OUTCOME_COLUMNS`.

    `duplicates` names the rows set aside for others, over the whole load. A sound row counts as not sent. Columns whose
    texts are all known beforehand are categories.
    """
    details = [name for name in ("row_place", "note") if name in prepared.columns]
    made = prepared.select_seq(_OUTCOME, _REASON, pl.coalesce(details).alias("detail"))
    verdicts = {column.name: column for column in (*prepared.get_columns(), *made.get_columns())}
    aside, places = _of_chunk(prepared, duplicates)
    if aside.height:
        told = {
            "outcome": _DUPLICATE.new_from_index(0, aside.height),
            "reason": aside.get_column("reason").cast(_REASONS),
            "detail": _SOURCE_ROW + aside.get_column("kept_row").cast(pl.String) + _IS_KEPT,
        }
        verdicts |= {name: put(verdicts[name], places, values) for name, values in told.items()}
    absent = (name for name in OUTCOME_COLUMNS if name not in verdicts)
    verdicts |= {name: _NOTHING[name].new_from_index(0, prepared.height) for name in absent}
    return pl.DataFrame([verdicts[name] for name in OUTCOME_COLUMNS])


def tell_lost_keepers(outcomes: pl.DataFrame, turned_away: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return `outcomes` with a `detail` that says so where the row kept for a duplicate did not get into RingCX.

    `turned_away` has `source_row` and `outcome` of all the leads of the load that RingCX rejected or removed. The
    number is that of the duplicates told so.
    """
    places = (outcomes.get_column("outcome") == Outcome.DUPLICATE.value).arg_true()
    if places.is_empty() or turned_away.is_empty():
        return outcomes, 0
    detail = outcomes.get_column("detail")
    named = pl.DataFrame([places.alias("place"), detail[places].alias("detail")])
    kept = named.with_columns(pl.col("detail").str.extract(_KEPT_ROW).cast(pl.UInt64).alias("source_row"))
    lost = kept.join(turned_away, on="source_row", how="inner")
    words = pl.col("outcome").replace_strict(_TURNED_AWAY, return_dtype=pl.String)
    told = lost.select((pl.lit(_SOURCE_ROW) + pl.col("source_row").cast(pl.String) + words).alias("detail"))
    return outcomes.with_columns(put(detail, lost.get_column("place"), told.to_series())), lost.height


def pick_leads(prepared: pl.DataFrame, duplicates: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Return `columns` of the rows of `prepared` (a chunk without gaps) that are sound and not set aside."""
    sound = prepared.get_column("reason").is_null()
    aside, places = _of_chunk(prepared, duplicates)
    if aside.height:
        sound = put(sound, places, pl.Series([False]).new_from_index(0, aside.height))
    rows = prepared[list(columns)]
    # Column by column: this thread waits for nobody, and polars' own threads are at work on other chunks.
    return rows if sound.all() else pl.DataFrame([column.filter(sound) for column in rows.get_columns()])


def _of_chunk(prepared: pl.DataFrame, duplicates: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return the duplicates of one chunk, and their places in it."""
    first = int(prepared.item(0, "source_row")) if prepared.height else 0
    rows = duplicates.get_column("source_row")
    here = (rows >= first) & (rows < first + prepared.height)
    aside = duplicates if here.all() else duplicates.filter(here)
    return aside, (aside.get_column("source_row") - first).cast(pl.UInt32)


def _absent(name: str, dtype: pl.DataType | type[pl.DataType]) -> pl.Expr:
    return pl.lit(None, dtype).alias(name)


def give_outcomes(verdicts: pl.LazyFrame, sent: pl.LazyFrame) -> pl.LazyFrame:
    """Return `verdicts` with the outcome of each lead that `sent` (`OUTCOME_SCHEMA`) speaks for, in source order."""
    own = ("outcome", "reason", "detail", *_OF_A_SEARCH)
    there = set(verdicts.collect_schema())
    # Verdicts of an older version lack what was added since.
    verdicts = verdicts.with_columns(_absent(name, dtype) for name, dtype in _MAY_LACK.items() if name not in there)
    rows = verdicts.join(sent, on="source_row", how="left", maintain_order="left", suffix="_of_sending")
    is_sent = pl.col("outcome_of_sending").is_not_null()
    told = [
        pl.when(is_sent).then(pl.coalesce(f"{name}_of_sending", name) if name == "detail" else f"{name}_of_sending")
        .otherwise(name)
        .alias(name)
        for name in own
    ]  # fmt: skip
    return rows.with_columns(told).select(OUTCOME_COLUMNS)
