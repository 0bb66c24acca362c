"""Counts what became of the rows, chunk by chunk while they are at hand: every number that a report makes of them.

Rows of the same outcome, zones and states are one kind, and there are few kinds among millions of rows. So a
chunk is gone through once for all questions, and what is kept does not grow with the rows. Those with a reason, of
which there may be as many as rows, go to whoever has room for them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import polars as pl

from transforms.accounting import NEVER_SENT
from transforms.lead_rules import REASONS
from transforms.masking import mask_digits
from transforms.text import with_own_texts
from transforms.vocabulary.outcomes import Outcome

KIND_COLUMNS: Final = (
    "outcome",
    "time_zone",
    "leadTimezone",
    "time_zone_conflict",
    "other_zones",
    "state",
    "leadState",
)

_TOLD: Final = ("source_row", "externId", "outcome", "reason", "detail", "note")

_EXAMPLES: Final = 2
"""Rows that are shown of each reason."""

_MET: Final = (pl.len(), pl.col("detail").drop_nulls().first(), pl.col("source_row", "externId").head(_EXAMPLES))
"""What is told of the rows that have the same reason."""

_ROWS: Final = pl.col("rows").sum()

_MERGED_AT: Final = 50_000
"""Lines of counts that come together before those of the same kind are made one."""


class Keeper(Protocol):
    """Holds frames until they are asked for."""

    def append(self, frame: pl.DataFrame, /) -> None:
        """Take one more frame."""

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield every frame, in the order they came."""


@dataclass
class MetReason:
    """What is told of the rows that have one reason: how many, the first of them, and the first detail of any."""

    rows: int = 0
    detail: str | None = None
    examples: dict[int, str | None] = field(default_factory=dict)  # source_row to externId

    def add(self, rows: int, detail: str | None, examples: Mapping[int, str | None]) -> None:
        """Count more rows, which come later in the source; `examples` are the first of them."""
        self.rows += rows
        self.detail = detail if self.detail is None else self.detail
        room = _EXAMPLES - len(self.examples)
        self.examples.update(list(examples.items())[:room])


class Tally:
    """What is counted of the outcomes of a run, of which the chunks come in order."""

    def __init__(self, keeper: Keeper) -> None:
        """Begin with no rows; `keeper` holds those with a reason."""
        self.rows = 0
        self.reasons: dict[str, MetReason] = {}
        self._in_order = True
        self._kinds, self._notes = _Counts(), _Counts()
        self._keeper = keeper

    def add(self, outcomes: pl.DataFrame) -> None:
        """Count the next chunk, which has `OUTCOME_COLUMNS`; every chunk of the same types."""
        end = self.rows + outcomes.height
        expected = pl.int_range(self.rows, end, dtype=pl.UInt64, eager=True)
        self._in_order &= outcomes.get_column("source_row").equals(expected)
        self.rows = end
        self._kinds.add(_count_kinds(outcomes[list(KIND_COLUMNS)]))
        note = outcomes.get_column("note")
        if note.null_count() < note.len():
            self._notes.add(note.drop_nulls().value_counts(name="rows"))
        reason = outcomes.get_column("reason")
        if reason.null_count() < reason.len():
            has_reason = reason.is_not_null()
            told = pl.DataFrame([outcomes.get_column(name).filter(has_reason) for name in _TOLD])
            with_reason = with_own_texts(told)
            self._add_reasons(with_reason)
            self._keeper.append(with_reason)

    def _add_reasons(self, with_reason: pl.DataFrame) -> None:
        met = with_reason.group_by("reason").agg(_MET)
        for code, rows, detail, source_rows, ids in met.iter_rows():
            examples = dict(zip(source_rows, ids, strict=True))
            self.reasons.setdefault(code, MetReason()).add(rows, detail, examples)

    @property
    def kinds(self) -> pl.DataFrame:
        """The kinds of rows met: `KIND_COLUMNS` as texts, `time_zone_conflict` as truth, and `rows`."""
        kinds = self._kinds.merged(dict.fromkeys(KIND_COLUMNS, pl.String))
        texts = pl.col([name for name in KIND_COLUMNS if name != "time_zone_conflict"])
        return kinds.with_columns(texts.cast(pl.String), pl.col("time_zone_conflict").cast(pl.Boolean))

    @property
    def notes(self) -> pl.DataFrame:
        """What was noted of a row, several notes as one text: `note` and `rows`."""
        return self._notes.merged({"note": pl.String})

    def with_reason(self) -> Iterator[pl.DataFrame]:
        """Yield the rows that have a reason in order, chunk by chunk: `source_row`, `externId`, `outcome`, `reason`,
        `detail` and `note`.
        """
        for frame in self._keeper.frames():
            yield frame.with_columns(pl.col("outcome", "reason").cast(pl.String))

    def is_balanced(self, rows_read: int) -> bool:
        """Return whether each source row was there once, in order, with a known outcome, and no other."""
        return self._in_order and self.rows == rows_read == sum(count_outcomes(self.kinds).values())


def count_outcomes(kinds: pl.DataFrame) -> dict[str, int]:
    """Return how many rows ended in each outcome, every outcome named, zeros too."""
    found = dict(kinds.group_by("outcome").agg(_ROWS).iter_rows())
    return {outcome.value: int(found.get(outcome.value, 0)) for outcome in Outcome}


def count_values(kinds: pl.DataFrame, column: str) -> list[dict[str, Any]]:
    """Return the values of `column` among the leads that were to be sent: `value`, `leads` and `loaded`, most first."""
    loaded = pl.col("rows").filter(pl.col("outcome") == Outcome.LOADED.value).sum().alias("loaded")
    to_send = kinds.filter(~pl.col("outcome").is_in(NEVER_SENT))
    counted = to_send.group_by(pl.col(column).alias("value")).agg(_ROWS.alias("leads"), loaded)
    return counted.sort("leads", "value", descending=[True, False]).to_dicts()


def count_conflicts(kinds: pl.DataFrame) -> int:
    """Return how many rows have evidence of more than one time zone, whatever became of them."""
    return int(kinds.filter("time_zone_conflict").select(_ROWS).item())


def count_lead_states(kinds: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the states in RingCX of the loaded leads: `value` (null where it shows none) and `rows`, most first."""
    loaded = kinds.filter(pl.col("outcome") == Outcome.LOADED.value)
    counted = loaded.group_by(pl.col("leadState").alias("value")).agg(_ROWS)
    return counted.sort("rows", "value", descending=[True, False]).to_dicts()


def count_notes(notes: pl.DataFrame) -> list[dict[str, Any]]:
    """Return what was repaired or left out, and in how many rows: `note`, `rows`, most first."""
    parts = notes.with_columns(pl.col("note").str.split("; ")).explode("note")
    return parts.group_by("note").agg(_ROWS).sort("rows", "note", descending=[True, False]).to_dicts()


def reasons_with_examples(reasons: Mapping[str, MetReason], raw_phone: pl.LazyFrame) -> list[dict[str, Any]]:
    """Return each reason code met: `code`, `outcome`, `rows`, `advice`, the first row's `detail`, and two masked
    `examples`, most rows first.

    `raw_phone` has `source_row` and `phone`, the number as the source wrote it.
    """
    shown = pl.Series([row for met in reasons.values() for row in met.examples], dtype=pl.UInt64)
    phones = raw_phone.filter(pl.col("source_row").is_in(shown.implode()))
    phone_of = dict(phones.select("source_row", mask_digits(pl.col("phone"))).collect().iter_rows())
    return [
        {
            "code": code,
            "outcome": REASONS[code].outcome.value,
            "rows": met.rows,
            "advice": REASONS[code].advice,
            "detail": met.detail,
            "examples": [
                {"source_row": row, "externId": extern_id, "phone": phone_of.get(row)}
                for row, extern_id in met.examples.items()
            ],
        }
        for code, met in sorted(reasons.items(), key=lambda item: (-item[1].rows, item[0]))
    ]


class _Counts:
    """Frames with a column `rows`: how many rows are of the kind that the other columns tell."""

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame] = []
        self._merged, self._waiting = 0, 0

    def add(self, counts: pl.DataFrame) -> None:
        self._frames.append(counts)
        self._waiting += counts.height
        # Not before there are as many again: then each kind is gone through a few times only, however many there are.
        if self._waiting > max(_MERGED_AT, self._merged):
            self._frames = [_merge(self._frames)]
            self._merged, self._waiting = self._frames[0].height, 0

    def merged(self, columns: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
        """Return one line for each kind; `columns` are those of a frame where nothing was added."""
        return _merge(self._frames) if self._frames else pl.DataFrame(schema={**columns, "rows": pl.UInt32})


def _count_kinds(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each different one of `rows`, and how many there are as `rows`.

    Rows are known by a hash of 64 bits, in half the time that comparing all their columns takes. Even if all rows of
    a chunk were of different kinds, two of them would be taken for one in one chunk of a thousand million.
    """
    kinds = rows.hash_rows()
    counts = kinds.unique_counts().alias("rows")
    return rows[kinds.arg_unique()].hstack([counts])


def _merge(counts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(counts).group_by(pl.exclude("rows")).agg(_ROWS)
