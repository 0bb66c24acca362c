"""Balances what we sent against what RingCX says it took and what its searches show.

RingCX counts a request, not a lead, and says nothing of a request whose answer never came. So the books are kept for
each request that was answered; leads whose landing only a search proved are expected to be found, and nothing more.
A counter that the server left out is not compared. Leads that a counter names as removed may all the same be kept (a
deployment that only marks do-not-call numbers), so removals explain what was not inserted, but need not reach it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

REMOVALS: Final = ("duplicates", "do_not_call", "quota", "whitelist")
"""Counters of what RingCX's own rules took out of a load."""


@dataclass(frozen=True)
class RequestBooks:
    """One settled request: how many leads it carried, what searches show of them, and what RingCX counted.

    `seen` of its leads are in RingCX, `found` times in all: one may be there twice. `answered` is False where no answer
    came and searches proved that all of `sent` landed.
    """

    sent: int
    seen: int
    found: int
    answered: bool = True
    accepted: bool = True
    counts: Mapping[str, int | None] = field(default_factory=dict)
    rejected_rows: int = 0

    def count(self, name: str) -> int | None:
        """Return one of RingCX's counters; None where it said nothing of it."""
        return self.counts.get(name)

    @property
    def to_be_found(self) -> int | None:
        """How many leads searches should show; None where nobody said."""
        if not self.answered:
            return self.sent
        return self.count("inserted") if self.accepted else 0

    @property
    def turned_down(self) -> int | None:
        """How many leads RingCX's validation turned down, by its own counters or, else, by the rows it named."""
        supplied, accepted = self.count("supplied"), self.count("accepted")
        return self.rejected_rows if supplied is None or accepted is None else max(supplied - accepted, 0)


@dataclass(frozen=True)
class _Check:
    """One thing that must hold: `expected` and `found` of a request, or None where they are not known."""

    what: str
    compare: Callable[[RequestBooks], tuple[int, int] | None]
    settles_later: bool = False


def _supplied(request: RequestBooks) -> tuple[int, int] | None:
    supplied = request.count("supplied")
    return None if not request.accepted or supplied is None else (request.sent, supplied)


def _accepted(request: RequestBooks) -> tuple[int, int] | None:
    supplied, accepted = request.count("supplied"), request.count("accepted")
    if supplied is None or accepted is None or not request.rejected_rows:
        return None
    return supplied - request.rejected_rows, accepted


def _explained(request: RequestBooks) -> tuple[int, int] | None:
    supplied, inserted, turned_down = request.count("supplied"), request.count("inserted"), request.turned_down
    if supplied is None or inserted is None or turned_down is None:
        return None
    out = supplied - inserted
    removed = sum(request.count(name) or 0 for name in REMOVALS)
    return out, min(out, turned_down + removed)


def _missing(request: RequestBooks) -> tuple[int, int] | None:
    wanted = request.to_be_found
    return None if wanted is None else (wanted, min(wanted, request.seen))


def _surplus(request: RequestBooks) -> tuple[int, int] | None:
    wanted = request.to_be_found
    if wanted is None:
        return None
    return wanted, max(wanted, request.seen) + request.found - request.seen


_CHECKS: Final = (
    _Check("leads that RingCX says it was supplied, against those sent", _supplied),
    _Check("leads that RingCX says it accepted, against those supplied less the rows it rejected by name", _accepted),
    _Check("leads not inserted that RingCX counted as rejected or removed, against all it did not insert", _explained),
    _Check("inserted leads that searches show, against those that RingCX inserted", _missing, settles_later=True),
    _Check("leads that searches show, against those that RingCX says it inserted", _surplus),
)


def keep_books(requests: Iterable[RequestBooks]) -> dict[str, Any] | None:
    """Return what RingCX counted over all `requests`, and each difference with its size; None for no request.

    `supplied`, `accepted` and `inserted` are None where no answer had that counter; `settles_later` of a difference
    says that it may be gone at a later look.
    """
    settled = list(requests)
    if not settled:
        return None
    taken = [request for request in settled if request.answered and request.accepted]
    return {
        "sent": sum(request.sent for request in settled),
        **{name: _sum(request.count(name) for request in taken) for name in ("supplied", "accepted", "inserted")},
        "removed": {name: _sum(request.count(name) for request in taken) or 0 for name in REMOVALS},
        "rejected_rows": sum(request.rejected_rows for request in taken),
        "unanswered": sum(request.sent for request in settled if not request.answered),
        "found": sum(request.found for request in settled),
        "differences": [told for check in _CHECKS if (told := _tell(check, settled))["size"]],
    }


def _tell(check: _Check, requests: Sequence[RequestBooks]) -> dict[str, Any]:
    """Return one check over all requests; sizes add up request by request, so that two cannot hide each other."""
    pairs = [pair for request in requests if (pair := check.compare(request)) is not None]
    return {
        "what": check.what,
        "expected": sum(expected for expected, _ in pairs),
        "found": sum(found for _, found in pairs),
        "size": sum(abs(found - expected) for expected, found in pairs),
        "settles_later": check.settles_later,
    }


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
