"""State machine, real ledger and sandbox together, driven anyhow: what may be sent is not in RingCX, nor on its way.

The driver does what delivery may do (send any unsent leads, ask about what is unknown when the settling time is over)
and the world does what it likes (any answer, a crash, a commit that comes late). Nothing here knows how the machine
works inside: only the ledger's events, `fold_events`, and what the sandbox holds.
"""

import atexit
import datetime as dt
import shutil
import tempfile
from functools import cache
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connectors.ledger import BatchEvent, EventState, Ledger, RunRecord
from connectors.sandbox.clock import SandboxClock
from connectors.sandbox.loading import load_directly
from connectors.sandbox.searching import select_leads
from connectors.sandbox.settings import SandboxSettings
from connectors.sandbox.state import SandboxState
from connectors.sandbox.visits import Visit
from flows.delivery_state import fold_events
from transforms.batching import Batch

RUN = "tonight"
SETTLE = 10.0
TIMEOUT = 5.0
EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
REFUSALS = ("HTTP_400", "HTTP_413", "HTTP_422", "TOO_LARGE", "GENERAL_FAILURE", "HTTP_410")
ENDLESS = 200


@cache
def _new_ledger():
    """Lay a ledger out once: to do so takes longer than most of what the machine does with it."""
    folder = Path(tempfile.mkdtemp(prefix="machine-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Ledger(f"sqlite:///{folder / 'ledger.sqlite'}").close()
    return folder / "ledger.sqlite"


class DeliveryMachine(RuleBasedStateMachine):
    """One batch between a ledger and a RingCX."""

    @initialize(size=st.integers(1, 7), before=st.booleans())
    def begin_run(self, size, before):
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.size = size
        self.seconds = 0.0
        self.ringcx = SandboxState(SandboxSettings(throttles=False), clock=SandboxClock())
        self.ids = [f"M{place}" for place in range(size)]
        if before:  # under RETAIN_ALL leads of the same ids may be there from an earlier load
            self._request(range(size)).apply(1.0)
        self.baseline = frozenset(lead.lead_id for lead in self.ringcx.leads())
        self.in_flight = {}
        self.late = []
        self.turned_away = set()
        shutil.copy(_new_ledger(), self.folder / "ledger.sqlite")
        self.ledger = self._open()
        self.ledger.open_run(_record(self.folder))
        self._claim()
        self.ledger.plan_batches(RUN, [Batch(1, "b1", 0, size)])

    def teardown(self):
        if not hasattr(self, "ledger"):
            return
        try:
            self._finish()
            self._end_is_right()
        finally:
            self.ledger.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    @precondition(lambda self: self._standing().to_send and len(self.in_flight) < 3)
    @rule(data=st.data())
    def begin_an_attempt(self, data):
        piece = data.draw(st.sampled_from(self._standing().to_send))
        chosen = data.draw(st.sets(st.sampled_from(piece), min_size=1) | st.just(set(piece)))
        self._begin(tuple(sorted(chosen)))

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def accept(self, data):
        event_id, places = self._take_one(data)
        self._request(places).apply(1.0)
        self._end(event_id, EventState.ACCEPTED)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), code=st.sampled_from(REFUSALS))
    def refuse(self, data, code):
        event_id, places = self._take_one(data)
        self._end(event_id, EventState.REFUSED, code)
        answered = self._standing().answered
        self.turned_away |= {place for piece in answered for place in piece if place in places}

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def prove_that_nothing_was_done(self, data):
        event_id, _ = self._take_one(data)
        self._end(event_id, EventState.NOT_SENT, "THROTTLED")

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), share=st.floats(0, 1), late=st.none() | st.floats(0.1, SETTLE - 0.1))
    def lose_the_answer(self, data, share, late):
        event_id, places = self._take_one(data)
        self._carry_out(places, share, late)
        self._end(event_id, EventState.UNKNOWN, "NO_ANSWER")

    @rule(data=st.data())
    def crash(self, data):
        """The process dies: its attempts never end in the ledger, and the server may do anything with them."""
        for places in self.in_flight.values():
            share, late = data.draw(st.floats(0, 1)), data.draw(st.none() | st.floats(0.1, SETTLE - 0.1))
            self._carry_out(places, share, late)
        self.in_flight = {}
        self.ledger.close()
        self.ledger = self._open()
        self._claim()

    @precondition(lambda self: self._unknown())
    @rule(data=st.data())
    def ask(self, data):
        self._ask(data.draw(st.sampled_from(sorted(self._unknown()))))

    @rule(seconds=st.floats(0.1, SETTLE))
    def let_time_pass(self, seconds):
        self._advance(seconds)

    @invariant()
    def every_lead_stands_in_one_place(self):
        if hasattr(self, "ledger"):
            standing = self._standing()
            pieces = [*standing.to_send, *standing.to_ask, *standing.answered]
            places = [place for piece in pieces for place in piece]
            assert sorted([*places, *standing.landed]) == list(range(self.size))

    @invariant()
    def what_may_be_sent_is_neither_there_nor_on_its_way(self):
        if hasattr(self, "ledger"):
            may_be_sent = {place for piece in self._standing().to_send for place in piece}
            on_its_way = {place for _, places in self.late for place in places}
            on_its_way |= {place for places in self.in_flight.values() for place in places}
            assert not may_be_sent & (on_its_way | self._there())

    @invariant()
    def no_lead_is_there_twice(self):
        if hasattr(self, "ledger"):
            earlier = 1 if self.baseline else 0
            assert all(times <= 1 + earlier for times in self.ringcx.times_inserted().values())

    def _finish(self):
        """Bring the batch to its end as delivery would, with a server that works again."""
        for event_id, places in list(self.in_flight.items()):
            del self.in_flight[event_id]
            self._request(places).apply(1.0)
            self._end(event_id, EventState.UNKNOWN)
        for _ in range(ENDLESS):
            standing = self._standing()
            if standing.is_done:
                return
            if standing.to_ask:
                self._ask(next(iter(standing.to_ask)))
            else:
                places = standing.to_send[0]
                event_id = self._begin(places)
                del self.in_flight[event_id]
                self._request(places).apply(1.0)
                self._end(event_id, EventState.ACCEPTED)
        raise AssertionError("the batch never comes to an end")

    def _end_is_right(self):
        self._advance(SETTLE + TIMEOUT)
        self.no_lead_is_there_twice()
        assert self._there() == set(range(self.size)) - self.turned_away

    def _open(self):
        return Ledger(f"sqlite:///{self.folder / 'ledger.sqlite'}")

    def _claim(self):
        other = self.ledger.claim_run(RUN, host="here", lock="lock", seconds=60)
        if other is not None:
            assert self.ledger.claim_run(RUN, host="here", lock="lock", seconds=60, dead=other.owner.token) is None

    def _now(self):
        return EPOCH + dt.timedelta(seconds=self.seconds)

    def _standing(self):
        return fold_events(self.size, self.ledger.events(RUN, 1))

    def _unknown(self):
        """Return the pieces to ask about that nobody is sending at this moment."""
        return set(self._standing().to_ask) - set(self.in_flight.values())

    def _there(self):
        """Return the places of this load's leads that RingCX shows."""
        shown = select_leads(self.ringcx, {"externIds": self.ids})
        return {int(lead.extern_id[1:]) for lead in shown if lead.lead_id not in self.baseline}

    def _request(self, places):
        leads = [{"externId": self.ids[place], "leadPhone": f"203555{place:04d}"} for place in places]
        body = {
            "description": "Machine",
            "dialPriority": "NORMAL",
            "duplicateHandling": "RETAIN_ALL",
            "timeZoneOption": "NOT_APPLICABLE",
            "uploadLeads": leads,
        }
        visit = Visit(self.ringcx, "direct", {"campaign_id": 12345}, {}, {}, (), orjson.dumps(body))
        return load_directly(visit)

    def _begin(self, places):
        whole = len(places) == self.size
        first = not self.ledger.events(RUN, 1)
        event_id = self.ledger.begin_attempt(
            RUN, 1, places=None if whole else places, baseline=self.baseline if first else (), now=self._now()
        )
        self.in_flight[event_id] = places
        return event_id

    def _take_one(self, data):
        event_id = data.draw(st.sampled_from(sorted(self.in_flight)))
        return event_id, self.in_flight.pop(event_id)

    def _end(self, event_id, state, code=None):
        self.ledger.end_attempt(event_id, state=state, code=code, message=None, answer=None, now=self._now())

    def _carry_out(self, places, share, late):
        """Let the server do a share of a request whose answer nobody gets, now or within the settling time."""
        if late is None:
            self._request(places).apply(share)
        else:
            self.late.append((self.seconds + late, places))

    def _advance(self, seconds):
        self.seconds += seconds
        due = [each for each in self.late if each[0] <= self.seconds]
        self.late = [each for each in self.late if each[0] > self.seconds]
        for _, places in due:
            self._request(places).apply(1.0)

    def _ask(self, piece):
        """Search when absence is certain, and record what is there: all that delivery may conclude from a search."""
        event = self._standing().to_ask[piece]
        if not set(piece) <= self._there():
            ended = event.finished_at or event.started_at
            patience = SETTLE if event.finished_at else TIMEOUT + SETTLE
            certain = (dt.datetime.fromisoformat(ended) - EPOCH).total_seconds() + patience
            # A crash may come at any time of an attempt, so what is not ended is given its whole time-out from now.
            certain = max(certain, self.seconds if event.finished_at else self.seconds + SETTLE)
            self._advance(max(0.0, certain - self.seconds))
        landed = sorted(self._there() & set(piece))
        self.ledger.settle(RUN, 1, places=piece, landed=landed, now=self._now())


def _record(folder):
    return RunRecord(
        run_id=RUN, job="machine", status="running", folder=folder, job_json="{}", row_limit=None,
        started_at=EPOCH.isoformat(), finished_at=None, account_id=None, campaign_id=None, campaign_name=None,
    )  # fmt: skip


TestDeliveryMachine = DeliveryMachine.TestCase
TestDeliveryMachine.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


def _event(state, places, *, code=None, answer=None):
    return BatchEvent(0, 1, state, places, frozenset(), code, None, answer, EPOCH.isoformat(), None)


@given(st.integers(1, 6), st.data())
@settings(max_examples=300, deadline=None)
def test_any_events_at_all_are_folded_into_a_standing_that_resends_nothing_unproved_or_are_refused(size, data):
    """Events in any order, sensible or not: either they cannot follow each other, or nothing unproved is sent again."""
    places = st.none() | st.lists(st.integers(0, size - 1), unique=True, min_size=1).map(
        lambda each: tuple(sorted(each))
    )
    maybe_there: set[int] = set()
    events = []
    for _ in range(data.draw(st.integers(0, 12))):
        state, piece = data.draw(st.sampled_from(list(EventState))), data.draw(places)
        whole = tuple(range(size)) if piece is None else piece
        landed = data.draw(st.sets(st.sampled_from(whole))) if state.is_search else set()
        code = data.draw(st.sampled_from(REFUSALS)) if state is EventState.REFUSED else None
        event = _event(state, piece, code=code, answer={"landed": sorted(landed)} if state.is_search else None)
        try:
            standing = fold_events(size, [*events, event])
        except ValueError:
            continue  # what cannot be is refused, and a ledger that says so is not sent from
        events.append(event)
        if state.is_search:
            maybe_there -= set(whole) - landed
        elif state in {EventState.SENDING, EventState.UNKNOWN, EventState.ACCEPTED}:
            assert not maybe_there & set(whole), "leads were sent again that may be there"
            maybe_there |= set(whole)
        assert not maybe_there & {place for piece in standing.to_send for place in piece}


def test_an_attempt_on_leads_that_may_be_there_is_refused():
    with pytest.raises(ValueError, match="not to be sent"):
        fold_events(3, [_event(EventState.UNKNOWN, (0, 1)), _event(EventState.SENDING, (1, 2))])
