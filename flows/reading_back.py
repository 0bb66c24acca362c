"""The reconcile stage: reads a load back by search, gives each lead its outcome, and balances RingCX's books.

Batches are read back in units, a few at once, so that memory does not grow with the load. Where the lists that a unit's
requests made are the load's alone, whole lists are read in long pages; what is not seen there, and everything where
lists are shared, is searched by external id. Only such a search, and none before the settling time is over, ends with
a lead that is not seen.
"""

import datetime as dt
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from connectors.ledger import BatchEvent, EventState
from connectors.ringcx.lead_rows import no_lead_rows
from connectors.ringcx.searching import IDS_PER_SEARCH
from connectors.ringcx.throttle import Call, interrupted
from connectors.staging import scan, write_chunks
from flows.clock import now
from flows.delivery_state import Standing, fold_events
from flows.load_plan import shortest_seconds
from flows.read_back import ReadBack
from flows.wording import counted
from transforms.arrivals import add_differences, compare_arrivals, compared_fields, tell_differences
from transforms.batching import Batch
from transforms.reconciling import (
    OUTCOME_SCHEMA,
    AnsweredPiece,
    BatchEvidence,
    first_seen,
    fit_rejected,
    missing_places,
    reconcile_leads,
    remember_seen,
    removed_places,
)
from transforms.removals import EVIDENCE_FIELDS, lead_numbers, tell_known_numbers
from transforms.ringcx_books import RequestBooks, keep_books
from transforms.vocabulary.errors import ConfigurationError, LeadferryError, ServiceError
from transforms.vocabulary.options import TimeZoneOption

if TYPE_CHECKING:
    from flows.run import Run

_READERS: Final = 6
"""Units read back at once; RingCX's search throttle allows no more than that to be worth while."""

_UNIT_LEADS: Final = 25_000
_UNIT_BATCHES: Final = 500
"""The most leads and batches that are read back, and held, together."""

_SENT_ROWS: Final = 50_000
"""Rows of a row group of the outcomes read back: what is held until it is full."""

_WORTH_LISTS: Final = 4 * IDS_PER_SEARCH
"""Leads from which on finding out their lists saves searches."""

_SAMPLES: Final = 3
"""Leads of a request that are looked for to learn its list: the first of them may have been removed."""

_FIRST_LOOK, _SLOWEST_LOOK = 0.25, 5.0

_SIMPLE: Final = frozenset({EventState.ACCEPTED, EventState.REFUSED, EventState.NOT_SENT})
"""Events that leave no doubt which leads are where."""


@dataclass(frozen=True)
class _BatchStory:
    """One batch with everything the ledger has of it."""

    batch: Batch
    events: Sequence[BatchEvent]
    standing: Standing

    @property
    def was_tried(self) -> bool:
        """Whether any lead of it may have left."""
        return any(event.state is not EventState.NOT_SENT for event in self.events)

    @property
    def awaited(self) -> int:
        """How many of its leads a search should show, by the answers and by earlier searches."""
        awaited = len(self.standing.landed)
        for piece, event in self.standing.answered.items():
            if event.state is EventState.ACCEPTED:
                inserted = _counts(event).get("inserted")
                awaited += len(piece) if inserted is None else min(inserted, len(piece))
        return awaited

    @property
    def is_simple(self) -> bool:
        """Whether every lead that is in RingCX came with a request whose answer says how many it inserted."""
        answered = self.standing.answered.values()
        counted_all = all(
            event.state is not EventState.ACCEPTED or _counts(event).get("inserted") is not None for event in answered
        )
        return counted_all and all(event.state in _SIMPLE for event in self.events)

    @property
    def last_end(self) -> dt.datetime:
        """When the last thing happened to it."""
        return max(dt.datetime.fromisoformat(event.finished_at or event.started_at) for event in self.events)


@dataclass(frozen=True)
class _Unit:
    """Some batches, one after the other, with their leads and what searches show of them so far."""

    stories: Sequence[_BatchStory]
    leads: pl.DataFrame
    fields: Sequence[str]

    @cached_property
    def offsets(self) -> list[int]:
        """Where each batch begins in `leads`."""
        return [story.batch.first - self.stories[0].batch.first for story in self.stories]

    @cached_property
    def baseline(self) -> frozenset[int]:
        """The leads that had one of the external ids before: they are not ours."""
        return frozenset().union(*(story.events[0].baseline for story in self.stories if story.events))

    @property
    def settled_at(self) -> dt.datetime:
        """When the last request ended."""
        return max(story.last_end for story in self.stories if story.events)

    def ids(self, story: _BatchStory) -> pl.Series:
        """Return the external ids of a batch."""
        first = story.batch.first - self.stories[0].batch.first
        return self.leads.get_column("externId").slice(first, story.batch.size)

    def ours(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows of leads that were not there before."""
        return rows.filter(~pl.col("leadId").is_in(list(self.baseline))) if self.baseline else rows

    def still_awaited(self, seen: pl.DataFrame) -> bool:
        """Whether some batch shows fewer leads than it should."""
        shown = self.leads.get_column("externId").is_in(seen.get_column("externId").implode())
        return any(
            shown.slice(offset, story.batch.size).sum() < story.awaited
            for offset, story in zip(self.offsets, self.stories, strict=True)
        )


@dataclass
class _Findings:
    """What reading back adds up to beside the outcomes."""

    requests: list[RequestBooks] = field(default_factory=list)
    differences: list[dict[str, Any]] = field(default_factory=list)


def reconcile(run: "Run", *, is_strict: bool = False) -> None:
    """Stage 3: read the load back by search and give each lead its outcome.

    A search that fails leaves its leads unresolved, or, with `is_strict`, everything as it was: then it raises
    ServiceError or ConfigurationError. Raises RunInterruptedError.
    """
    batches = run.ledger.batches(run.run_id)
    if not batches:
        return
    reader = _Reader(run, is_strict=is_strict)
    plan = reader.tell_plan(batches)
    run.progress.begin("reconcile", len(batches), "batches")
    with ThreadPoolExecutor(_READERS) as pool:

        def outcomes() -> Iterator[pl.DataFrame]:
            # Bounded, so that a unit that is slow to show does not make all others wait in memory.
            ahead: deque[tuple[int, Future[pl.DataFrame]]] = deque()
            for unit in _cut_units(batches):
                ahead.append((len(unit), pool.submit(reader.read_back, unit)))
                if len(ahead) > _READERS:
                    yield done(*ahead.popleft())
            while ahead:
                yield done(*ahead.popleft())

        def done(size: int, future: Future[pl.DataFrame]) -> pl.DataFrame:
            try:
                frame = future.result()
            except LeadferryError as error:
                failures.append(error)
                raise
            run.progress.advance(size)
            return frame

        failures: list[LeadferryError] = []
        try:
            write_chunks(run.folder.sent, outcomes(), row_group_size=_SENT_ROWS)
        except pl.exceptions.ComputeError:
            # polars wraps what its reader raises.
            if failures:
                raise failures[0] from None
            raise
    found = reader.findings
    ReadBack(keep_books(found.requests), add_differences(found.differences), plan).write(run.folder)


def _cut_units(batches: Sequence[Batch]) -> Iterator[list[Batch]]:
    """Yield runs of batches that are read back together."""
    unit: list[Batch] = []
    for batch in batches:
        if unit and (len(unit) >= _UNIT_BATCHES or sum(each.size for each in unit) + batch.size > _UNIT_LEADS):
            yield unit
            unit = []
        unit.append(batch)
    yield unit


class _Reader:
    """Reads units of one run back; safe to use from several threads."""

    def __init__(self, run: "Run", *, is_strict: bool) -> None:
        self._run, self._is_strict = run, is_strict
        self._earlier = scan(run.folder.sent) if run.folder.sent.exists() else None
        self._campaign_id = (run.ledger.find_run(run.run_id) or run.record).campaign_id
        self._explicit_zone = run.job.load.time_zone_option is TimeZoneOption.EXPLICIT
        self._reads_lists = True
        self.findings = _Findings()

    def tell_plan(self, batches: Sequence[Batch]) -> dict[str, Any]:
        """Say how long RingCX's throttle makes reading back take, and return that."""
        leads = sum(batch.size for batch in batches)
        searches = sum(-(-sum(batch.size for batch in unit) // IDS_PER_SEARCH) for unit in _cut_units(batches))
        keeps = self._run.job.delivery.keep_throttles
        seconds = shortest_seconds(searches, Call.SEARCH) if keeps else 0
        share = f"up to {counted(seconds, 'second')} by RingCX's throttle" if keeps else "without throttles"
        self._run.progress.say(
            f"reading back {counted(leads, 'lead')}: up to {counted(searches, 'search', 'searches')}, {share}"
        )
        return {"leads": leads, "searches_at_most": searches, "throttle_seconds": seconds}

    def read_back(self, batches: Sequence[Batch]) -> pl.DataFrame:
        """Return the outcomes of the leads of some batches. Raises RunInterruptedError when asked to stop."""
        if self._run.stop.is_set():
            raise interrupted()
        unit = self._open_unit(batches)
        seen = no_lead_rows(unit.fields)
        if any(story.was_tried for story in unit.stories):
            seen = self._look(unit)
        shown = first_seen(unit.leads, seen)
        differing = compare_arrivals(unit.leads, shown, unit.fields)
        told = tell_differences(unit.leads, shown, differing, unit.fields)
        shown = remember_seen(shown.with_columns(differing), self._seen_earlier(unit))
        evidence = self._gather_evidence(unit, shown)
        outcomes = reconcile_leads(unit.leads, shown, evidence)
        times = shown.get_column("times_seen")
        requests = [
            books
            for offset, story, known in zip(unit.offsets, unit.stories, evidence, strict=True)
            for books in _books_of(story, known, times.slice(offset, story.batch.size))
        ]
        # Lists take additions from several threads.
        self.findings.requests.extend(requests)
        self.findings.differences.extend(told)
        return outcomes

    def _seen_earlier(self, unit: _Unit) -> pl.DataFrame:
        """Return what an earlier look at the same leads came to."""
        rows = unit.leads.select("source_row")
        if self._earlier is None:
            earlier = pl.DataFrame(schema=OUTCOME_SCHEMA)
        else:
            first = unit.stories[0].batch.first
            earlier = self._earlier.slice(first, rows.height).collect()
            # Files of an older version lack what was added since.
            earlier = pl.concat([pl.DataFrame(schema=OUTCOME_SCHEMA), earlier], how="diagonal")
        return rows.join(earlier, on="source_row", how="left", maintain_order="left")

    def _open_unit(self, batches: Sequence[Batch]) -> _Unit:
        first, size = batches[0].first, sum(batch.size for batch in batches)
        leads = scan(self._run.folder.leads).slice(first, size).collect()
        stories = []
        for batch in batches:
            events = self._run.ledger.events(self._run.run_id, batch.number)
            stories.append(_BatchStory(batch, events, fold_events(batch.size, events)))
        return _Unit(stories, leads, compared_fields(leads.columns, explicit_zone=self._explicit_zone))

    @property
    def _campaign(self) -> int:
        if self._campaign_id is None:
            raise TypeError("a run with sent batches has a campaign")
        return self._campaign_id

    def _look(self, unit: _Unit) -> pl.DataFrame:
        """Search for a unit's leads until as many are seen as should be or the settling time is over."""
        tried = [story for story in unit.stories if story.was_tried]
        ids = pl.concat([unit.ids(story) for story in tried])
        give_up_at = unit.settled_at + dt.timedelta(seconds=self._run.job.delivery.settling_time)
        seen, pause = no_lead_rows(unit.fields), _FIRST_LOOK
        try:
            seen = self._look_in_lists(unit, tried)
            while True:
                is_last = now() >= give_up_at
                missing = ids.filter(~ids.is_in(seen.get_column("externId").implode()))
                if not missing.is_empty():
                    found = self._run.ringcx.search.find(self._campaign, missing.to_list(), unit.fields)
                    seen = pl.concat([seen, unit.ours(found.rows)])
                if is_last or not unit.still_awaited(seen):
                    return seen
                if self._run.stop.wait(pause):
                    raise interrupted()
                pause = min(pause * 2, _SLOWEST_LOOK)
        except (ServiceError, ConfigurationError) as error:
            if self._is_strict:
                raise
            self._run.warn(f"{error.message} The leads concerned stay unresolved.")
            return seen

    def _look_in_lists(self, unit: _Unit, tried: Sequence[_BatchStory]) -> pl.DataFrame:
        """Read the lists that the unit's requests made, where they hold nothing but its leads; else find none."""
        simple = [story for story in tried if story.is_simple]
        expected = sum(story.awaited for story in simple)
        nothing = no_lead_rows(unit.fields)
        if expected < _WORTH_LISTS or not self._reads_lists:
            return nothing
        search = self._run.ringcx.search
        sample = unit.ours(search.find_any(self._campaign, _sample(unit, simple)))
        lists = sample.get_column("listId").drop_nulls().unique().sort().to_list()
        count = search.count(self._campaign, list_ids=lists) if lists else None
        if count is None or count > expected:
            # The list has leads of other loads, or of other units: reading all of it would take more searches.
            self._reads_lists = False
            return nothing
        return unit.ours(search.find_in_lists(self._campaign, lists, count, unit.fields).rows)

    def _gather_evidence(self, unit: _Unit, shown: pl.DataFrame) -> list[BatchEvidence]:
        """Return what is known of each batch, and where the numbers of removed leads were before."""
        evidence = []
        removed: dict[int, dt.datetime] = {}
        missing_of = missing_places(shown, [story.batch.size for story in unit.stories])
        for offset, story, missing in zip(unit.offsets, unit.stories, missing_of, strict=True):
            pieces = _answered_pieces(story, unit.leads.slice(offset, story.batch.size))
            evidence.append(
                BatchEvidence(
                    batch_id=story.batch.batch_id,
                    size=story.batch.size,
                    answered=tuple(pieces.values()),
                    unknown=frozenset(place for piece in story.standing.to_ask for place in piece),
                    unsent=frozenset(place for piece in story.standing.to_send for place in piece),
                )
            )
            unseen = frozenset(missing)
            for key, piece in pieces.items() if unseen else ():
                event = story.standing.answered[key]
                answered_at = dt.datetime.fromisoformat(event.finished_at or event.started_at)
                places = removed_places(piece, [place for place in piece.places if place in unseen])
                removed |= {offset + place: answered_at for place in places}
        if not removed:
            return evidence
        known_numbers: list[dict[int, str]] = [{} for _ in evidence]
        for place, words in self._find_known_numbers(unit.leads[list(removed)], removed).items():
            batch = bisect_right(unit.offsets, place) - 1
            known_numbers[batch][place - unit.offsets[batch]] = words
        return [replace(known, known_numbers=told) for known, told in zip(evidence, known_numbers, strict=True)]

    def _find_known_numbers(self, leads: pl.DataFrame, answered_at: dict[int, dt.datetime]) -> dict[int, str]:
        """Say where the numbers of `leads`, at the places of `answered_at`, were before RingCX answered for each.

        One search asks for the numbers of many batches. One that fails explains nothing, and stops nothing.
        """
        numbers = dict(zip(answered_at, lead_numbers(leads), strict=True))
        own_ids = dict(zip(answered_at, leads.get_column("externId"), strict=True))
        wanted = sorted({number for each in numbers.values() for number in each})
        try:
            found = self._run.ringcx.search.find_numbers(self._campaign, wanted, EVIDENCE_FIELDS)
        except (ServiceError, ConfigurationError) as error:
            self._run.warn(f"{error.message} Where removed numbers were before stays unknown.")
            return {}
        return tell_known_numbers(numbers, own_ids, found, answered_at)


def _counts(event: BatchEvent) -> dict[str, int | None]:
    """Return RingCX's counters of an answered request."""
    counts: dict[str, int | None] = (event.answer or {}).get("counts", {})
    return counts


def _sample(unit: _Unit, stories: Sequence[_BatchStory]) -> list[str]:
    """Return external ids of which each request's list is learned, no more than one search may name."""
    pieces = [
        (story, piece)
        for story in stories
        for piece, event in story.standing.answered.items()
        if _counts(event).get("inserted")
    ]
    each = max(1, min(_SAMPLES, IDS_PER_SEARCH // len(pieces)))
    ids = []
    for story, piece in pieces:
        of_batch = unit.ids(story)
        ids += [of_batch[place] for place in piece[:: max(1, len(piece) // each)][:each]]
    return ids[:IDS_PER_SEARCH]


def _answered_pieces(story: _BatchStory, leads: pl.DataFrame) -> dict[tuple[int, ...], AnsweredPiece]:
    return {piece: _answered_piece(piece, event, leads) for piece, event in story.standing.answered.items()}


def _answered_piece(piece: tuple[int, ...], event: BatchEvent, leads: pl.DataFrame) -> AnsweredPiece:
    answer = event.answer or {}
    rejected = [(row["message"], row["fits"]) for row in answer.get("rejected", ()) if "fits" in row]
    # Ledgers of the first layout keep the rows' values.
    valued = [(row["message"], row["values"]) for row in answer.get("rejected", ()) if "values" in row]
    rejected += fit_rejected(leads, piece, valued)
    return AnsweredPiece(
        places=piece,
        accepted=event.state is EventState.ACCEPTED,
        message=event.message,
        counts=_counts(event),
        rejected=tuple((message, tuple(fits)) for message, fits in rejected),
    )


def _books_of(story: _BatchStory, known: BatchEvidence, times: pl.Series) -> Iterator[RequestBooks]:
    """Yield the books of each request of a batch; `times` says how often searches show each of its leads."""
    for piece in known.answered:
        here = times if len(piece.places) == story.batch.size else times.gather(piece.places)
        yield RequestBooks(
            sent=len(piece.places),
            seen=int((here > 0).sum()),
            found=int(here.sum()),
            accepted=piece.accepted,
            counts=piece.counts,
            rejected_rows=len(piece.rejected),
        )
    if story.standing.landed:
        here = times.gather(sorted(story.standing.landed))
        yield RequestBooks(len(here), int((here > 0).sum()), int(here.sum()), answered=False)
