"""Gives each lead that was to be sent its one outcome, from what RingCX answered and what a search shows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from transforms.lead_rules import REASONS
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
    }
)

_REMOVED_AS: Final = {
    "duplicates": Reason.API_DUPLICATE,
    "do_not_call": Reason.API_DO_NOT_CALL,
    "quota": Reason.API_QUOTA,
    "whitelist": Reason.API_WHITELIST,
}
"""Counter of a load result, and what it says about the leads it counts."""

_MOST_FITS: Final = 100
"""A rejected row that fits more leads than this equally well shares next to nothing with any of them."""


@dataclass(frozen=True)
class SeenLead:
    """A lead of this load as a search shows it."""

    lead_id: int
    list_id: int | None
    state: str | None


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
    """Everything known about one batch when its leads are given their outcomes."""

    batch_id: str
    seen: Mapping[str, Sequence[SeenLead]]
    answered: tuple[AnsweredPiece, ...]
    unknown: frozenset[int]
    unsent: frozenset[int]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one lead."""

    outcome: Outcome
    reason: Reason | None = None
    detail: str | None = None
    lead: SeenLead | None = None


def reconcile_batch(leads: pl.DataFrame, evidence: BatchEvidence) -> pl.DataFrame:
    """Return the outcome of each row of `leads` (the staged batch, same order) in the shape of `OUTCOME_SCHEMA`."""
    rows = leads.to_dicts()
    verdicts: list[Verdict | None] = [_if_seen(row, evidence.seen) for row in rows]
    for piece in evidence.answered:
        missing = [place for place in piece.places if verdicts[place] is None]
        for place, verdict in _explain_missing(piece, missing).items():
            verdicts[place] = verdict
    final = [verdict or _unanswered(place, evidence) for place, verdict in enumerate(verdicts)]
    return _as_frame(leads.get_column("source_row"), final, evidence.batch_id)


def _unanswered(place: int, evidence: BatchEvidence) -> Verdict:
    reason = Reason.RUN_STOPPED if place in evidence.unsent else Reason.ANSWER_UNKNOWN
    return Verdict(REASONS[reason].outcome, reason)


def _if_seen(row: Mapping[str, Any], seen: Mapping[str, Sequence[SeenLead]]) -> Verdict | None:
    found = seen.get(row["externId"])
    if not found:
        return None
    detail = f"{len(found)} leads in RingCX carry this externId" if len(found) > 1 else None
    return Verdict(Outcome.LOADED, None, detail, min(found, key=lambda lead: lead.lead_id))


def _explain_missing(piece: AnsweredPiece, missing: list[int]) -> dict[int, Verdict]:
    """Explain the leads of an answered request that no search shows."""
    if not piece.accepted:
        refusal = Verdict(Outcome.REJECTED_BY_API, Reason.API_REFUSED_REQUEST, piece.message)
        return dict.fromkeys(missing, refusal)
    verdicts = _match_rejected(piece, missing)
    left = [place for place in missing if place not in verdicts]
    return verdicts | dict.fromkeys(left, _removed(piece.counts, missing=len(missing), left=len(left)))


def _removed(counts: Mapping[str, int | None], *, missing: int, left: int) -> Verdict:
    """Say what RingCX's counters make of `left` leads that are `missing` and were not rejected by name.

    Counters say how many, not which: where they leave room for two reasons, neither is claimed.
    """
    removed = {name: number for name in _REMOVED_AS if (number := counts.get(name) or 0) > 0}
    words = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in removed.items())
    supplied, inserted = counts.get("supplied"), counts.get("inserted")
    if sum(removed.values()) >= left and left:
        reason = _REMOVED_AS[next(iter(removed))] if len(removed) == 1 else Reason.API_REMOVED
        return Verdict(Outcome.REMOVED_BY_API, reason, f"RingCX counted: {words}")
    if supplied is None or inserted is None or supplied - inserted < missing:
        return Verdict(Outcome.UNRESOLVED, Reason.NOT_SEEN)
    if removed:
        return Verdict(
            Outcome.REMOVED_BY_API, Reason.API_REMOVED, f"RingCX counted: {words}; it did not insert this lead"
        )
    return Verdict(
        Outcome.REJECTED_BY_API, Reason.API_REJECTED_ROW, "RingCX did not insert this lead and gave no reason"
    )


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


def _match_rejected(piece: AnsweredPiece, missing: list[int]) -> dict[int, Verdict]:
    """Match rejected rows to missing leads; where several fit and not all are named, none is."""
    unseen = frozenset(missing)
    groups: Counter[tuple[str, tuple[int, ...]]] = Counter()
    for message, fits in piece.rejected:
        groups[message, tuple(place for place in fits if place in unseen)] += 1
    verdicts: dict[int, Verdict] = {}
    for (message, places), number in groups.items():
        if number == len(places):
            verdicts |= dict.fromkeys(
                places, Verdict(Outcome.REJECTED_BY_API, Reason.API_REJECTED_ROW, message or None)
            )
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


def _as_frame(source_rows: pl.Series, verdicts: Sequence[Verdict], batch_id: str) -> pl.DataFrame:
    columns = {
        "source_row": source_rows,
        "outcome": [verdict.outcome.value for verdict in verdicts],
        "reason": [verdict.reason.value if verdict.reason else None for verdict in verdicts],
        "detail": [verdict.detail for verdict in verdicts],
        "batch_id": [batch_id] * len(verdicts),
        "leadId": [verdict.lead.lead_id if verdict.lead else None for verdict in verdicts],
        "listId": [verdict.lead.list_id if verdict.lead else None for verdict in verdicts],
        "leadState": [verdict.lead.state if verdict.lead else None for verdict in verdicts],
    }
    return pl.DataFrame(columns, schema=OUTCOME_SCHEMA)
