"""The state machine alone: whatever happens in whatever order, no lead is sent again unless proved absent."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.ledger import BatchEvent, EventState
from flows.delivery_state import BLAMES_A_LEAD, fold_events

CODES = ("HTTP_400", "HTTP_413", "HTTP_403", "GENERAL_FAILURE")


def event(state, places, *, code=None, answer=None):
    return BatchEvent(0, 1, state, places, frozenset(), code, None, answer, "2026-01-01T00:00:00+00:00", None)


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
    events = [event(EventState.UNKNOWN, None), event(EventState.SETTLED, (0, 1, 2), answer={"landed": [1]})]

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
            events.append(event(EventState.SETTLED, piece, answer={"landed": sorted(landed)}))
            maybe_there -= set(piece) - landed
            continue
        piece = standing.to_send[0]
        assert not maybe_there & set(piece)
        state = data.draw(st.sampled_from([s for s in EventState if s is not EventState.SETTLED]))
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
