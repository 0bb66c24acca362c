"""Holds back the crowd while RingCX refuses and has accepted nothing yet: one batch finds out whom to blame.

A refusal may be one lead's fault, and then the batch is cut until that lead stands alone. Where the request itself is
wrong (an option RingCX does not know) every piece is refused, and sixty batches that each find that out for themselves
would be thousands of requests for nothing.
"""

from threading import Condition
from typing import Final

REFUSES_ALL: Final = 25
"""After so many refusals of the one probing batch without one acceptance, the request itself is wrong."""


class Probe:
    """What RingCX's acceptances and refusals so far allow; safe to use from several threads."""

    def __init__(self) -> None:
        """Start open: nothing was refused yet."""
        self._changed = Condition()
        self._accepted = self._suspicious = False
        self._probing: int | None = None
        self._refused = 0

    def may_send(self, batch: int, wait_seconds: float) -> bool:
        """Return whether `batch` may send now, after waiting for its turn for `wait_seconds` at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_open_for(batch), wait_seconds)
            if not self._is_open_for(batch):
                return False
            if self._suspicious and not self._accepted:
                self._probing = batch
            return True

    def is_narrow(self) -> bool:
        """Return whether the smallest piece should go first: nothing was accepted yet, and something refused."""
        return self._suspicious and not self._accepted

    def accepted(self) -> None:
        """Hear of an acceptance: whatever is refused from now on, a lead is to blame."""
        with self._changed:
            self._accepted = True
            self._changed.notify_all()

    def refused(self, batch: int) -> bool:
        """Hear of a refusal; return whether the request itself must be wrong."""
        with self._changed:
            self._suspicious = True
            if self._probing is None:
                self._probing = batch
            self._refused += self._probing == batch
            return not self._accepted and self._refused >= REFUSES_ALL

    def leave(self, batch: int) -> None:
        """Hear that `batch` sends nothing more for now; another may probe."""
        with self._changed:
            if self._probing == batch:
                self._probing = None
                self._changed.notify_all()

    def _is_open_for(self, batch: int) -> bool:
        return self._accepted or not self._suspicious or self._probing in {None, batch}
