"""The sandbox's time, which a test can move forward instead of sleeping through token lives and throttles."""

import time
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Real time plus what it was advanced by."""

    def __init__(self) -> None:
        """Start at the present."""
        self._offset = 0.0

    def now(self) -> float:
        """Return seconds on a steady scale, for windows and expiries."""
        return time.monotonic() + self._offset

    def date(self) -> datetime:
        """Return the date and time in UTC, for what is written into answers."""
        return datetime.now(UTC) + timedelta(seconds=self._offset)

    def reset(self) -> None:
        """Return to the present."""
        self._offset = 0.0

    def advance(self, seconds: float) -> None:
        """Move time forward."""
        self._offset += seconds
