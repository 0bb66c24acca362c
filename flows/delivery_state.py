"""The delivery state machine: what the events of a batch prove about each of its leads. Pure; one page.

    unsent --attempt--> accepted                       done
                        refused    one lead, or not for a lead's sake: done; several: two halves, unsent
                        not_sent   unsent again
                        unknown    to be asked about: landed (done), or proved absent and unsent again

A piece is a tuple of places (offsets of leads within the batch). Pieces never overlap, so no lead is in two requests
unless the first is proved not to have brought it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from connectors.ledger import BatchEvent, EventState

Piece = tuple[int, ...]

BLAMES_A_LEAD: Final = frozenset({"HTTP_400", "HTTP_413", "HTTP_422"})
"""Refusals that a smaller request may not meet: too large, or one bad lead among good ones."""


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
    for event in events:
        piece = whole if event.places is None else event.places
        if event.state is EventState.SETTLED:
            del to_ask[piece]
            here = set((event.answer or {}).get("landed", ()))
            landed |= here
            absent = tuple(place for place in piece if place not in here)
            to_send += [absent] if absent else []
            continue
        to_send.remove(piece)
        if event.state is EventState.NOT_SENT:
            to_send.append(piece)
        elif event.state in {EventState.SENDING, EventState.UNKNOWN}:
            to_ask[piece] = event
        elif event.state is EventState.REFUSED and event.code in BLAMES_A_LEAD and len(piece) > 1:
            middle = (len(piece) + 1) // 2
            to_send += [piece[:middle], piece[middle:]]
        else:
            answered[piece] = event
    return Standing(tuple(to_send), to_ask, answered, frozenset(landed))
