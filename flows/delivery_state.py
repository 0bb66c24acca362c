"""The delivery state machine: what the events of a batch prove about each of its leads. Pure; one page.

    planned --attempt--> sending --> accepted    done
                                     refused     done, or cut smaller and planned again (see below)
                                     not_sent    proved that nothing was done: planned again
                                     unknown     to be asked about, as is a `sending` that nobody ended
    unknown --search---> landed                  done
                         absent                  proved by repeated misses: planned again
                         partly_landed           the leads seen are done, the others are planned again

A piece is a tuple of places (offsets of leads within the batch). An attempt takes any planned places, never others, so
no lead is in two requests unless the first is proved not to have brought it. A request refused for its size, or perhaps
for one of its leads, is cut in halves until the lead stands alone; a lone lead that RingCX merely failed to process
has a second try before the refusal is its own.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from connectors.ledger import BatchEvent, EventState

Piece = tuple[int, ...]

TOO_LARGE: Final = frozenset({"HTTP_413", "TOO_LARGE"})
"""Refusals of a request for its size (the first is how ledgers of the first layout say it)."""

FAILED_AS_A_WHOLE: Final = frozenset({"GENERAL_FAILURE", "DNC_UPLOAD_FAILED", "FAILED"})
"""Processing that failed and inserted nothing: it may have been a moment's trouble, or one lead's."""

BLAMES_A_LEAD: Final = TOO_LARGE | FAILED_AS_A_WHOLE | {"HTTP_400", "HTTP_422"}
"""Refusals that a smaller request may not meet."""

_TRIES_ALONE: Final = 2


@dataclass(frozen=True)
class Standing:
    """Where a batch stands: pieces to send, pieces to ask about, and the events that settled the others."""

    to_send: tuple[Piece, ...]
    to_ask: dict[Piece, BatchEvent] = field(default_factory=dict)
    answered: dict[Piece, BatchEvent] = field(default_factory=dict)
    landed: frozenset[int] = frozenset()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to send or to ask."""
        return not self.to_send and not self.to_ask


def fold_events(size: int, events: Iterable[BatchEvent]) -> Standing:
    """Return the standing of a batch of `size` leads after `events`, oldest first.

    Raises ValueError for events that cannot follow each other: a ledger that says so must not be sent from.
    """
    whole: Piece = tuple(range(size))
    to_send: list[Piece] = [whole] if size else []
    to_ask: dict[Piece, BatchEvent] = {}
    answered: dict[Piece, BatchEvent] = {}
    landed: set[int] = set()
    failed: Counter[Piece] = Counter()
    for event in events:
        piece = whole if event.places is None else event.places
        if event.state.is_search:
            if piece not in to_ask:
                raise ValueError("a search settled leads that nobody asked about")
            del to_ask[piece]
            here = set((event.answer or {}).get("landed", ()))
            landed |= here
            absent = tuple(place for place in piece if place not in here)
            to_send += [absent] if absent else []
            continue
        to_send = _without(to_send, piece)
        failed[piece] += event.code in FAILED_AS_A_WHOLE
        if event.state is EventState.NOT_SENT:
            to_send.append(piece)
        elif event.state in {EventState.SENDING, EventState.UNKNOWN}:
            to_ask[piece] = event
        elif event.state is EventState.REFUSED and event.code in BLAMES_A_LEAD and len(piece) > 1:
            middle = (len(piece) + 1) // 2
            to_send += [piece[:middle], piece[middle:]]
        elif event.state is EventState.REFUSED and 0 < failed[piece] < _TRIES_ALONE and len(piece) == 1:
            to_send.append(piece)
        else:
            answered[piece] = event
    return Standing(tuple(to_send), to_ask, answered, frozenset(landed))


def _without(pieces: list[Piece], taken: Piece) -> list[Piece]:
    """Return `pieces` less the places of an attempt. Raises ValueError where one of them was not to be sent."""
    places = set(taken)
    left = [tuple(place for place in piece if place not in places) for piece in pieces]
    if not taken or sum(map(len, pieces)) - sum(map(len, left)) != len(taken):
        raise ValueError("an attempt took leads that were not to be sent")
    return [piece for piece in left if piece]
