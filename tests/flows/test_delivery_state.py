"""The state machine alone: whatever happens in whatever order, no lead is sent again unless proved absent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ledger import BatchEvent, EventState
from flows.delivery_state import BLAMES_A_LEAD, fold_events

CODES = ("HTTP_400", "HTTP_413", "TOO_LARGE", "HTTP_403", "GENERAL_FAILURE")


def event(state, places, *, code=None, answer=None):
    return BatchEvent(0, 1, state, places, frozenset(), code, None, answer, "2026-01-01T00:00:00+00:00", None)


def search_state(piece, landed):
    if not landed:
        return EventState.ABSENT
    return EventState.LANDED if len(landed) == len(piece) else EventState.PARTLY_LANDED


def test_a_new_batch_is_one_piece_to_send():
    standing = fold_events(3, [])

    assert standing.to_send == ((0, 1, 2),)
    assert not standing.is_done


def test_an_accepted_batch_is_done():
    assert fold_events(3, [event(EventState.ACCEPTED, None)]).is_done


def test_an_attempt_without_an_end_is_asked_about_and_not_sent():
    standing = fold_events(3, [event(EventState.SENDING, None)])

    assert (standing.to_send, list(standing.to_ask)) == ((), [(0, 1, 2)])


def test_only_what_a_search_proved_absent_is_sent_again():
    events = [event(EventState.UNKNOWN, None), event(EventState.PARTLY_LANDED, (0, 1, 2), answer={"landed": [1]})]

    standing = fold_events(3, events)

    assert standing.to_send == ((0, 2),)
    assert standing.landed == {1}


def test_a_refusal_that_may_be_one_leads_fault_halves_the_batch_down_to_that_lead():
    events = [
        event(EventState.REFUSED, None, code="HTTP_400"),
        event(EventState.ACCEPTED, (0, 1)),
        event(EventState.REFUSED, (2, 3), code="HTTP_400"),
        event(EventState.ACCEPTED, (2,)),
        event(EventState.REFUSED, (3,), code="HTTP_400"),
    ]

    standing = fold_events(4, events)

    assert standing.is_done
    assert {piece: each.state for piece, each in standing.answered.items()} == {
        (0, 1): EventState.ACCEPTED,
        (2,): EventState.ACCEPTED,
        (3,): EventState.REFUSED,
    }


def test_a_refusal_of_the_request_itself_ends_the_batch():
    assert fold_events(4, [event(EventState.REFUSED, None, code="HTTP_403")]).is_done


def test_an_attempt_may_take_a_part_of_what_is_to_be_sent():
    standing = fold_events(5, [event(EventState.REFUSED, None, code="TOO_LARGE"), event(EventState.ACCEPTED, (0, 3))])

    assert standing.to_send == ((1, 2), (4,))


@pytest.mark.parametrize(
    "events",
    [
        [event(EventState.ACCEPTED, None), event(EventState.SENDING, (1,))],
        [event(EventState.UNKNOWN, (0, 1)), event(EventState.SENDING, (1, 2))],
        [event(EventState.SENDING, (3,))],
        [event(EventState.SENDING, ())],
        [event(EventState.ABSENT, (0, 1, 2), answer={"landed": []})],
        [event(EventState.UNKNOWN, None), event(EventState.ABSENT, (0, 1), answer={"landed": []})],
    ],
    ids=["sent again", "overlapping", "no such lead", "of nothing", "settled unasked", "settled in part"],
)
def test_a_ledger_that_tells_an_impossible_story_is_not_sent_from(events):
    with pytest.raises(ValueError, match=r"an attempt took|a search settled"):
        fold_events(3, events)


def test_a_lone_lead_that_ringcx_failed_to_process_has_one_more_try():
    failed = event(EventState.REFUSED, None, code="GENERAL_FAILURE")

    assert fold_events(1, [failed]).to_send == ((0,),)
    assert fold_events(1, [failed, failed]).is_done
    assert fold_events(1, [event(EventState.REFUSED, None, code="HTTP_400")]).is_done


@given(st.integers(1, 8), st.data())
def test_in_any_order_of_events_a_lead_is_in_a_second_request_only_if_it_was_proved_absent_or_untouched(size, data):
    """Drive the machine as delivery does, with any answer at any time, and keep book beside it."""
    events = []
    maybe_there: set[int] = set()
    for _ in range(data.draw(st.integers(0, 25))):
        standing = fold_events(size, events)
        if standing.is_done:
            break
        if standing.to_ask:
            piece = next(iter(standing.to_ask))
            landed = data.draw(st.sets(st.sampled_from(piece)))
            events.append(event(search_state(piece, landed), piece, answer={"landed": sorted(landed)}))
            maybe_there -= set(piece) - landed
            continue
        planned = [place for each in standing.to_send for place in each]
        piece = tuple(sorted(data.draw(st.sets(st.sampled_from(planned), min_size=1))))
        assert not maybe_there & set(planned)
        state = data.draw(st.sampled_from([s for s in EventState if not s.is_search]))
        code = data.draw(st.sampled_from(CODES)) if state is EventState.REFUSED else None
        events.append(event(state, piece if len(piece) < size else None, code=code))
        if state in {EventState.SENDING, EventState.UNKNOWN, EventState.ACCEPTED}:
            maybe_there |= set(piece)
    standing = fold_events(size, events)
    places = [
        place
        for pieces in (standing.to_send, standing.to_ask, standing.answered)
        for piece in pieces
        for place in piece
    ]
    assert sorted([*places, *standing.landed]) == list(range(size))
    assert all(
        len(piece) == 1 or each.code not in BLAMES_A_LEAD
        for piece, each in standing.answered.items()
        if each.state is EventState.REFUSED
    )
