"""Gives each lead that was to be sent its one outcome, from what RingCX answered and what a search shows.

Nearly every lead is simply seen, so those are joined as frames; only the others are looked at one by one.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from transforms.lead_rules import REASONS
from transforms.removals import explain_removed
from transforms.vocabulary.outcomes import Outcome
from transforms.vocabulary.reasons import Reason

OUTCOME_SCHEMA: Final = pl.Schema(
    {
        "source_row": pl.UInt64,
        "outcome": pl.String,
        "reason": pl.String,
        "detail": pl.String,
        "batch_id": pl.String,
        "leadId": pl.Int64,
        "listId": pl.Int64,
        "leadState": pl.String,
        "lead_time_zone": pl.String,
        "arrived_differently": pl.String,
    }
)

_MOST_FITS: Final = 100
"""A rejected row that fits more leads than this equally well shares next to nothing with any of them."""


@dataclass(frozen=True)
class AnsweredPiece:
    """The places of one request that was answered: accepted (with counters and rejected rows) or refused."""

    places: tuple[int, ...]
    accepted: bool
    message: str | None = None
    counts: Mapping[str, int | None] = field(default_factory=dict)
    rejected: tuple[tuple[str, tuple[int, ...]], ...] = ()  # the server's words, and the places that the row fits


@dataclass(frozen=True)
class BatchEvidence:
    """Everything known about one batch, beside what is seen of it, when its leads are given their outcomes.

    Places are offsets within the batch. `known_numbers` says of a lead where its number was before, in words.
    """

    batch_id: str
    size: int
    answered: tuple[AnsweredPiece, ...] = ()
    unknown: frozenset[int] = frozenset()
    unsent: frozenset[int] = frozenset()
    known_numbers: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The outcome of one lead that no search shows."""

    outcome: Outcome
    reason: Reason
    detail: str | None = None


def first_seen(leads: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Return, for each row of `leads` in order, its lead in `seen` (the oldest of several), `times_seen`, `is_gone`.

    `seen` has one row for each lead that a search showed, with `leadId` and `externId`; all columns are null where a
    lead is not seen, but `times_seen`, which is 0, and `is_gone`, which is False.
    """
    times = seen.group_by("externId").agg(pl.len().alias("times_seen"))
    oldest = seen.sort("leadId").unique("externId", keep="first")
    found = leads.select("externId").join(oldest, on="externId", how="left", maintain_order="left")
    return found.join(times, on="externId", how="left", maintain_order="left").with_columns(
        pl.col("times_seen").fill_null(0), is_gone=pl.lit(value=False)
    )


def remember_seen(shown: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """Return `shown` with the leads that an earlier look saw and this one does not, as far as they were told then.

    `earlier` has the same rows in the shape of `OUTCOME_SCHEMA`. A lead that was seen once was loaded, whoever may have
    deleted it since; its state is not known any more.
    """
    was = pl.when((earlier.get_column("outcome") == Outcome.LOADED.value) & shown.get_column("leadId").is_null())
    return shown.with_columns(
        was.then(1).otherwise(pl.col("times_seen")).cast(shown.schema["times_seen"]).alias("times_seen"),
        was.then(pl.lit(value=True)).otherwise(pl.lit(value=False)).alias("is_gone"),
        was.then(earlier.get_column("leadId")).otherwise(pl.col("leadId")).alias("leadId"),
        was.then(earlier.get_column("listId")).otherwise(pl.col("listId")).alias("listId"),
        was.then(earlier.get_column("lead_time_zone")).otherwise(pl.col("leadTimezone")).alias("leadTimezone"),
        was.then(earlier.get_column("arrived_differently"))
        .otherwise(pl.col("arrived_differently"))
        .alias("arrived_differently"),
    )


def reconcile_leads(leads: pl.DataFrame, seen: pl.DataFrame, batches: Sequence[BatchEvidence]) -> pl.DataFrame:
    """Return the outcome of each row of `leads` in the shape of `OUTCOME_SCHEMA`.

    `leads` are the staged rows of `batches`, one batch after the other; `seen` is what `first_seen` makes of them, with
    `listId`, `leadState`, `leadTimezone` and `arrived_differently`; `remember_seen` may have added to it.
    """
    verdicts: dict[int, Verdict] = {}
    first = 0
    for batch, missing in zip(batches, missing_places(seen, [batch.size for batch in batches]), strict=True):
        for place, verdict in _judge_missing(batch, missing).items():
            verdicts[first + place] = verdict
        first += batch.size
    times = pl.col("times_seen")
    frame = seen.with_columns(
        leads.get_column("source_row"),
        leads.get_column("batch_id"),
        _spread(verdicts, leads.height),
        pl.when(times > 1)
        .then(pl.format("{} leads in RingCX carry this externId", times))
        .when(pl.col("is_gone"))
        .then(pl.lit("an earlier look saw this lead; searches do not show it any more"))
        .alias("remark"),
        lead_time_zone=pl.col("leadTimezone"),
    )
    told = pl.col("verdict").struct
    return frame.with_columns(
        told.field("outcome").fill_null(Outcome.LOADED.value),
        told.field("reason"),
        pl.coalesce(told.field("detail"), "remark").alias("detail"),
    ).select(pl.col(name).cast(dtype) for name, dtype in OUTCOME_SCHEMA.items())


def missing_places(seen: pl.DataFrame, sizes: Sequence[int]) -> Iterator[list[int]]:
    """Yield, for each batch of `sizes`, the places of its leads that no search shows."""
    missing = seen.get_column("leadId").is_null().arg_true().to_list()
    first = start = 0
    for size in sizes:
        end = bisect_left(missing, first + size, start)
        yield [place - first for place in missing[start:end]]
        first, start = first + size, end


def _spread(verdicts: Mapping[int, Verdict], rows: int) -> pl.Series:
    """Return verdicts as a column of `rows` rows, null where there is none."""
    dtype = pl.Struct({"outcome": pl.String, "reason": pl.String, "detail": pl.String})
    spread = pl.Series("verdict", [None], dtype=dtype).new_from_index(0, rows)
    if not verdicts:
        return spread
    told = [
        {"outcome": verdict.outcome, "reason": verdict.reason, "detail": verdict.detail}
        for verdict in verdicts.values()
    ]
    places = pl.DataFrame({"place": list(verdicts), "told": pl.Series(told, dtype=dtype)})
    every = pl.DataFrame({"place": pl.int_range(rows, eager=True)})
    return every.join(places, on="place", how="left", maintain_order="left").get_column("told").alias("verdict")


def _judge_missing(batch: BatchEvidence, missing: list[int]) -> dict[int, Verdict]:
    """Judge the leads of a batch that no search shows."""
    verdicts: dict[int, Verdict] = {}
    if not missing:
        return verdicts
    unseen = frozenset(missing)
    for piece in batch.answered:
        here = [place for place in piece.places if place in unseen]
        verdicts |= _explain_missing(piece, here, batch.known_numbers)
    return {place: verdicts.get(place) or _unanswered(place, batch) for place in missing}


def _unanswered(place: int, batch: BatchEvidence) -> Verdict:
    reason = Reason.RUN_STOPPED if place in batch.unsent else Reason.ANSWER_UNKNOWN
    return _verdict(reason)


def _verdict(reason: Reason, detail: str | None = None) -> Verdict:
    return Verdict(REASONS[reason].outcome, reason, detail)


def _explain_missing(piece: AnsweredPiece, missing: list[int], known_numbers: Mapping[int, str]) -> dict[int, Verdict]:
    """Explain the leads of an answered request that no search shows."""
    if not missing:
        return {}
    if not piece.accepted:
        return dict.fromkeys(missing, _verdict(Reason.API_REFUSED_REQUEST, piece.message))
    verdicts = match_rejected(piece, missing)
    left = [place for place in missing if place not in verdicts]
    supplied, inserted = piece.counts.get("supplied"), piece.counts.get("inserted")
    not_inserted = None if supplied is None or inserted is None else supplied - inserted
    if not_inserted is not None and not_inserted < len(missing):
        # Some of them are in RingCX and not in sight, and nobody can say which.
        return verdicts | dict.fromkeys(left, _verdict(Reason.NOT_SEEN))
    removed = explain_removed(piece.counts, left, known_numbers, is_certain=not_inserted is not None)
    doubts = _tell_doubts(piece, left)
    return verdicts | {
        place: _verdict(reason, "; ".join(filter(None, (detail, doubts.get(place)))) or None)
        for place, (reason, detail) in removed.items()
    }


def _tell_doubts(piece: AnsweredPiece, left: Sequence[int]) -> dict[int, str]:
    """Say of leads at `left` that rows which RingCX rejected fit them, but others as well."""
    unseen = frozenset(left)
    return {
        place: f"it rejected a row that fits this lead and {len(fits) - 1} more: {message or 'without a word'}"
        for message, fits in piece.rejected
        for place in fits
        if place in unseen and len(fits) > 1
    }


def fit_rejected(
    leads: pl.DataFrame, places: Iterable[int], rejected: Iterable[tuple[str, Sequence[str]]]
) -> list[tuple[str, list[int]]]:
    """Return, for each rejected row (the server's words, its values), the words and the places of what it fits best.

    `leads` is the whole staged batch, `places` those of the request. What is kept of an answer are places, not values:
    a number that was turned down is nothing to keep a second time.
    """
    rejected = list(rejected)
    rows = leads.to_dicts() if rejected else []
    holders: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for place in places if rejected else ():
        for value in _number_repeats(_values(rows[place])):
            holders[value].append(place)
    fits = [(message, _best_fits(tuple(values), holders)) for message, values in rejected]
    return [(message, found if len(found) <= _MOST_FITS else []) for message, found in fits]


def match_rejected(piece: AnsweredPiece, missing: Iterable[int]) -> dict[int, Verdict]:
    """Match rejected rows to the leads that no search shows; where several fit and not all are named, none is."""
    unseen = frozenset(missing)
    groups: Counter[tuple[str, tuple[int, ...]]] = Counter()
    for message, fits in piece.rejected:
        groups[message, tuple(place for place in fits if place in unseen)] += 1
    verdicts: dict[int, Verdict] = {}
    for (message, places), number in groups.items():
        if number == len(places):
            verdicts |= dict.fromkeys(places, _verdict(Reason.API_REJECTED_ROW, message or None))
    return verdicts


def _best_fits(values: tuple[str, ...], holders: Mapping[tuple[str, int], Sequence[int]]) -> list[int]:
    """Return the leads of the request, seen ones too, that share the most values with a rejected row."""
    given = _number_repeats(value for value in values if value)
    fits = Counter(place for value in given for place in holders.get(value, ()))
    best = max(fits.values(), default=0)
    return sorted(place for place, fit in fits.items() if fit == best)


def _number_repeats(values: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yield each value with the number of its repeat, so that one written twice counts twice."""
    met: Counter[str] = Counter()
    for value in values:
        met[value] += 1
        yield value, met[value]


def _values(row: Mapping[str, Any]) -> list[str]:
    return [str(value) for name, value in row.items() if value is not None and name not in {"source_row", "batch_id"}]


def removed_places(piece: AnsweredPiece, missing: Sequence[int]) -> list[int]:
    """Return those of a request's unseen leads at `missing` of which RingCX may have removed some as duplicates."""
    if not piece.accepted or not (piece.counts.get("duplicates") or 0):
        return []
    rejected = match_rejected(piece, missing)
    return [place for place in missing if place not in rejected]
