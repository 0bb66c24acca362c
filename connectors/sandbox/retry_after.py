"""The 429 and its `Retry-After`, which real deployments send in seconds, as a date, or not at all."""

import math
from datetime import timedelta
from email.utils import format_datetime

from connectors.sandbox.clock import SandboxClock
from connectors.sandbox.refusals import RefusalError, too_many_requests


def refuse_throttled(clock: SandboxClock, style: str, wait: float) -> RefusalError:
    """Return the 429 for a client that should wait this many seconds; waits are rounded up."""
    seconds = max(1, math.ceil(wait))
    if style == "seconds":
        return too_many_requests(str(seconds))
    if style == "date":
        # A date has no fractions, so one more second keeps it from coming too early.
        return too_many_requests(format_datetime(clock.date() + timedelta(seconds=seconds + 1), usegmt=True))
    return too_many_requests(None)
