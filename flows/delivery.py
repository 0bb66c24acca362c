"""Sends the staged batches, each lead once: intent first, then the request, then what the answer proves.

What is unknown is asked about by search within the campaign, by external id. Leads that already had one of these ids
before the batch was first sent (its baseline) do not count as ours. One search that misses proves nothing: absence
needs repeated misses until the settling time is over.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from threading import Event, Lock, Semaphore
from typing import Any, Final

import polars as pl

from connectors.ledger import BatchEvent, EventState, Ledger
from connectors.ringcx.answers import Accepted, FoundLead, LoadAnswer, NotSent, Refused, Unknown
from connectors.ringcx.client import RingCx
from connectors.ringcx.throttle import interrupted
from connectors.ringcx.wire import LoadOptions, load_request
from connectors.staging import read_batch
from flows.delivery_state import Piece, Standing, fold_events
from flows.probing import Probe
from flows.request_body import wire_rows
from flows.request_size import RequestSize
from transforms.batching import Batch
from transforms.reconciling import fit_rejected
from transforms.vocabulary.errors import DeliveryError, LeadferryError, ServiceError

_STOPS_EVERYTHING: Final = frozenset(
    {
        *("HTTP_402", "HTTP_403", "HTTP_404", "HTTP_405", "HTTP_407", "HTTP_451", "NOT_AUTHORIZED"),
        # What the account's do-not-call scrubbing is set to stops every load until somebody mends that.
        *("DNC_ACCOUNT_SETTINGS", "DNC_GREATER_ONE_DAY"),
    }
)
"""Answers that every further batch would get as well."""

_MISSES: Final = 3
"""How many searches in a row must miss a lead, the last of them begun after the settling time, to prove it absent."""

_BASELINE_LOOKS: Final = 5
"""How often the leads that were there before are looked for until all that are counted are seen."""

_THROTTLED: Final = "THROTTLED"
_TOO_LARGE: Final = "TOO_LARGE"
_PAUSE_SECONDS: Final = 1.0
"""How long a thread waits before it tries again to connect."""

_LOOK_AGAIN: Final = 0.2
"""Seconds after which a thread that waits for its turn looks whether it should stop."""

_FIRST_ASK, _SLOWEST_ASK = 0.25, 5.0


_Record = tuple[EventState, str | None, str | None, dict[str, Any] | None]
"""State, code, the server's words, and what else is kept of an answer."""


@dataclass(frozen=True)
class DeliveryPlan:
    """What is sent where, and how patiently."""

    run_id: str
    staged: Path
    campaign_id: int
    options: LoadOptions
    timeout_seconds: float
    settle_seconds: float
    give_up_seconds: float
    max_in_flight: int


class Delivery:
    """Delivers one run; what it did is in the ledger alone."""

    def __init__(
        self, plan: DeliveryPlan, ledger: Ledger, ringcx: RingCx, stop: Event, now: Callable[[], dt.datetime]
    ) -> None:
        """Take what is needed; `stop` ends delivery after the requests in flight."""
        self._plan, self._ledger, self._ringcx, self._stop, self._now = plan, ledger, ringcx, stop, now
        self._lock = Lock()
        self._last_answer = time.monotonic()
        self._probe, self._size = Probe(), RequestSize()
        self._requests = Semaphore(plan.max_in_flight)
        self._failure: DeliveryError | None = None

    def run(self, batches: list[Batch], on_batch: Callable[[Batch], None]) -> None:
        """Deliver every batch that is not done; `on_batch` hears of each when it is.

        Raises RunInterruptedError when stopped, and DeliveryError where going on is pointless; both leave the ledger
        ready for a resume. A batch that no search could settle is left as it is and stops no other.
        """
        # While as many requests as may be are in flight, as many batches again are made ready: when a throttle's
        # window opens, whatever it lets through leaves at once, however slowly the server answers.
        workers = 2 * self._plan.max_in_flight
        with ThreadPoolExecutor(workers, thread_name_prefix="deliver") as pool:
            waiting: set[Future[Batch]] = set()
            for batch in batches:
                # Bounded, so that neither a stop nor memory has to deal with a queue of everything.
                while len(waiting) > workers:
                    waiting = self._collect(waiting, on_batch)
                if self._stopping():
                    break
                waiting.add(pool.submit(self._deliver, batch))
            while waiting:
                waiting = self._collect(waiting, on_batch)
        if self._failure is not None:
            raise self._failure
        if self._stop.is_set():
            raise interrupted()

    def _collect(self, waiting: set[Future[Batch]], on_batch: Callable[[Batch], None]) -> set[Future[Batch]]:
        done, rest = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
        for future in done:
            error = future.exception()
            if error is None:
                on_batch(future.result())
            elif not self._stop.is_set() and self._failure is None:
                self._failure = _as_delivery_error(error)
        return rest

    def _stopping(self) -> bool:
        return self._stop.is_set() or self._failure is not None

    def _deliver(self, batch: Batch) -> Batch:
        """Bring one batch as far as it goes."""
        try:
            self._advance(batch)
        finally:
            self._probe.leave(batch.number)
        return batch

    def _advance(self, batch: Batch) -> None:
        leads: pl.DataFrame | None = None
        while not self._stopping():
            events = self._ledger.events(self._plan.run_id, batch.number)
            standing = fold_events(batch.size, events)
            if standing.is_done:
                break
            leads = read_batch(self._plan.staged, batch) if leads is None else leads
            if standing.to_ask:
                piece, event = next(iter(standing.to_ask.items()))
                if not self._settle(batch, leads, piece, event, events):
                    break
            elif self._probe.may_send(batch.number, _LOOK_AGAIN):
                self._send(batch, leads, standing, events)

    def _send(self, batch: Batch, leads: pl.DataFrame, standing: Standing, events: list[BatchEvent]) -> None:
        if events:
            self._check_patience(events[-1])
        baseline = events[0].baseline if events else self._take_baseline(leads)
        piece = self._next_piece(standing)
        body = load_request(self._plan.options, wire_rows(leads, piece))
        places = None if len(piece) == batch.size else piece
        attempt: int | None = None

        def begin() -> None:
            """Write the intent when the throttle has let the request through: a wait before it is no attempt."""
            nonlocal attempt
            if self._stopping():
                raise interrupted()
            if attempt is not None:
                self._end(
                    attempt, _record_of(NotSent("TOKEN_RENEWED", "The token had run out; sent again anew."), leads, ())
                )
            # The ids that were there before are noted once: a batch may need many attempts.
            attempt = self._ledger.begin_attempt(
                self._plan.run_id,
                batch.number,
                places=places,
                baseline=() if events or attempt is not None else baseline,
                now=self._now(),
            )

        with self._requests:
            answer = self._ringcx.load(self._plan.campaign_id, body, on_turn=begin)
            if isinstance(answer, Refused) and answer.code in _STOPS_EVERYTHING:
                answer = NotSent(answer.code, answer.message)
            if attempt is not None:
                self._end(attempt, _record_of(answer, leads, piece))
        self._after(answer, batch, len(piece))

    def _next_piece(self, standing: Standing) -> Piece:
        """Return the places to send next, no more than RingCX takes in one request."""
        piece = min(standing.to_send, key=len) if self._probe.is_narrow() else standing.to_send[0]
        return piece[: self._size.fit(len(piece))]

    def _end(self, attempt: int, record: _Record) -> None:
        state, code, message, kept = record
        self._ledger.end_attempt(attempt, state=state, code=code, message=message, answer=kept, now=self._now())

    def _after(self, answer: LoadAnswer, batch: Batch, leads: int) -> None:
        """Decide what an answer to a request of so many leads means for the run: go on, wait a little, or stop it."""
        if isinstance(answer, Accepted | Refused):
            with self._lock:
                self._last_answer = time.monotonic()
        if isinstance(answer, Accepted):
            self._size.accepted(leads)
            self._probe.accepted()
        if isinstance(answer, Refused):
            if answer.too_large:
                self._size.refused(leads)
            if self._probe.refused(batch.number):
                # No single lead is to blame, so cutting requests down to one lead each would help nobody.
                raise DeliveryError(answer.code, answer.message, "Mend [load] in the job file, then start a new run.")
        if isinstance(answer, NotSent) and answer.code in _STOPS_EVERYTHING:
            raise DeliveryError(answer.code, answer.message, "Mend that, then resume the run.")
        if isinstance(answer, NotSent) and answer.code != _THROTTLED:
            # A throttle's own pause is kept by the throttle, for every thread at once.
            self._stop.wait(_PAUSE_SECONDS)

    def _check_patience(self, last: BatchEvent) -> None:
        """Raise ServiceError where a batch is to be tried again though nothing was answered for too long."""
        with self._lock:
            silent_for = time.monotonic() - self._last_answer
        if last.code != _THROTTLED and silent_for > self._plan.give_up_seconds:
            raise ServiceError(
                last.code or "NO_ANSWER",
                f"RingCX answered no load for {silent_for:.0f} seconds.",
                "Resume the run when it can be reached again.",
            )

    def _take_baseline(self, leads: pl.DataFrame) -> frozenset[int]:
        """Return the ids of leads that carry one of these external ids already, from earlier loads.

        A lead missing here would be taken for ours later, so nothing is sent before all that are counted were seen.
        Raises ServiceError where searches keep showing fewer.
        """
        ids = leads.get_column("externId").to_list()
        counted = self._ringcx.count_leads(self._plan.campaign_id, ids)
        if counted == 0:
            return frozenset()
        seen: set[int] = set()
        for looks, pause in enumerate(islice(_growing_pauses(), _BASELINE_LOOKS), start=1):
            found = self._ringcx.find_leads(self._plan.campaign_id, ids).leads
            seen |= {lead.lead_id for lead in found}
            if looks >= _MISSES if counted is None else len(seen) >= counted:
                return frozenset(seen)
            if self._stop.wait(pause):
                raise interrupted()
        raise ServiceError(
            "EARLIER_LEADS_UNSEEN",
            f"RingCX counts {counted:,} leads with these external ids, but its searches show fewer.",
            "Resume the run later; nothing of this batch was sent.",
        )

    def _settle(
        self, batch: Batch, leads: pl.DataFrame, piece: Piece, event: BatchEvent, events: list[BatchEvent]
    ) -> bool:
        """Ask by search which leads of `piece` landed and record it; False where no search could tell."""
        try:
            landed = self._ask(leads, piece, event, events[0].baseline)
        except ServiceError:
            return False
        if landed is None:
            return False
        self._ledger.settle(self._plan.run_id, batch.number, places=piece, landed=sorted(landed), now=self._now())
        return True

    def _ask(self, leads: pl.DataFrame, piece: Piece, event: BatchEvent, baseline: frozenset[int]) -> set[int] | None:
        """Return the places of `piece` that landed, once that is certain; None where searches stay incomplete.

        A lead that any search showed has landed. Absent is what none showed, among them one that began after the
        settling time: an answer may be older than its arrival, so when it came says nothing.
        """
        ids = leads.get_column("externId").to_list()
        place_of = {ids[place]: place for place in piece}
        certain_at = self._absence_is_certain_at(event)
        landed: set[int] = set()
        incomplete = 0
        for looks, pause in enumerate(_growing_pauses(), start=1):
            settled = self._now() >= certain_at
            found = self._ringcx.find_leads(self._plan.campaign_id, list(place_of))
            landed |= {place_of[lead.extern_id] for lead in ours(found.leads, baseline) if lead.extern_id in place_of}
            if len(landed) == len(piece) or (settled and looks >= _MISSES and found.complete):
                return landed
            incomplete += settled and not found.complete
            if incomplete >= _MISSES:
                return None
            if self._stop.wait(pause):
                raise interrupted()
        raise AssertionError("pauses grow without end")

    def _absence_is_certain_at(self, event: BatchEvent) -> dt.datetime:
        """Return when a lead that is still missing cannot land any more.

        An attempt without an end was cut off by the death of its process at a time nobody knows; its request may
        have run for as long as the time-out.
        """
        settle = dt.timedelta(seconds=self._plan.settle_seconds)
        if event.finished_at is not None:
            return dt.datetime.fromisoformat(event.finished_at) + settle
        return dt.datetime.fromisoformat(event.started_at) + dt.timedelta(seconds=self._plan.timeout_seconds) + settle


def ours(leads: Iterable[FoundLead], baseline: frozenset[int]) -> list[FoundLead]:
    """Return the leads that were not there before the batch was first sent."""
    return [lead for lead in leads if lead.lead_id not in baseline]


def _record_of(answer: LoadAnswer, leads: pl.DataFrame, piece: Piece) -> _Record:
    """Return what the ledger keeps of an answer to the leads at `piece`: no value of any lead."""
    match answer:
        case Accepted(counts, rejected, message):
            fits = fit_rejected(leads, piece, [(row.message, row.values) for row in rejected])
            kept = {
                "counts": asdict(counts),
                "rejected": [{"message": message, "fits": places} for message, places in fits],
            }
            return EventState.ACCEPTED, None, message or None, kept
        case Refused(code, message, too_large):
            return EventState.REFUSED, _TOO_LARGE if too_large else code, message, None
        case NotSent(code, message):
            return EventState.NOT_SENT, code, message, None
        case Unknown(code, message):
            return EventState.UNKNOWN, code, message, None


def _as_delivery_error(error: BaseException) -> DeliveryError:
    """Pass on what stops the run; once sending has begun, a refusal is no longer a mere wrong configuration."""
    if isinstance(error, DeliveryError):
        return error
    if isinstance(error, LeadferryError):
        return DeliveryError(error.code, error.message, error.next_step)
    raise error


def _growing_pauses() -> Iterator[float]:
    pause = _FIRST_ASK
    while True:
        yield pause
        pause = min(pause * 2, _SLOWEST_ASK)
