"""Remembers how many leads a request may carry, once RingCX refused one for its size."""

from threading import Lock


class RequestSize:
    """The largest request worth sending; safe to use from several threads."""

    def __init__(self) -> None:
        """Start without a limit: no document names one."""
        self._lock = Lock()
        self._refused: int | None = None
        self._accepted = 0

    def accepted(self, leads: int) -> None:
        """Hear that a request of `leads` was taken."""
        with self._lock:
            self._accepted = max(self._accepted, leads)

    def refused(self, leads: int) -> None:
        """Hear that a request of `leads` was too large."""
        with self._lock:
            self._refused = leads if self._refused is None else min(self._refused, leads)

    def fit(self, leads: int) -> int:
        """Return how many of `leads` to send in one request.

        Half of what was refused, but never less than what was taken: one lead that is too large by itself must not
        bring all others down to requests of one.
        """
        with self._lock:
            if self._refused is None:
                return leads
            return min(leads, max(self._accepted, (self._refused + 1) // 2))
