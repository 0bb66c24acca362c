"""Everything one sandbox knows, in one place, so that a test can look inside while the server runs."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from connectors.sandbox.catalogue import Catalogue
from connectors.sandbox.clock import SandboxClock
from connectors.sandbox.do_not_call import DoNotCallList
from connectors.sandbox.faults import FaultSchedule
from connectors.sandbox.settings import SandboxSettings
from connectors.sandbox.store import Lead, LeadStore
from connectors.sandbox.throttles import Throttles
from connectors.sandbox.tokens import TokenDesk

REMEMBERED_REQUESTS = 20_000
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as the sandbox answered it; never a header, a query or a body, which may hold secrets."""

    call: str
    method: str
    path: str
    status: int | None
    """None: the connection was dropped."""
    at: str
    milliseconds: float
    leads: int
    faults: tuple[str, ...]


def _listen_on(_: float) -> None:
    """Stand in where nothing listens, as in a test that calls the application itself."""


class SandboxState:
    """The account, its tokens, its leads, and what was asked of the sandbox so far.

    The server changes it in its own thread; `lock` is held during each change, and by the methods here that
    read many things at once.
    """

    def __init__(
        self,
        settings: SandboxSettings,
        faults: FaultSchedule | None = None,
        clock: SandboxClock | None = None,
    ) -> None:
        """Begin as a fresh account."""
        self.settings = settings
        self.clock = clock or SandboxClock()
        self.lock = threading.RLock()
        self.pending_late_commits = 0
        self.open_requests = 0
        """Requests that are being served, whether or not their client still waits."""
        self.stop_listening: Callable[[float], None] = _listen_on
        """Refuse connections for so many seconds; whoever runs a server on this state says how."""
        self.faults = faults or FaultSchedule()
        self._begin()

    def reset(self, *, settings: SandboxSettings | None = None, faults: FaultSchedule | None = None) -> None:
        """Become a fresh account: no leads, tokens, requests or faults; other settings where they are given."""
        with self.lock:
            self.settings = settings or self.settings
            self.faults = faults or FaultSchedule()
            self.clock.reset()
            self._begin()

    def _begin(self) -> None:
        self.store = LeadStore()
        self.catalogue = Catalogue()
        self.do_not_call = DoNotCallList(self.settings.do_not_call)
        self.tokens = TokenDesk(self.settings, self.clock)
        self.throttles = Throttles()
        self.requests: deque[SeenRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        self.counts: Counter[tuple[str, int | None]] = Counter()
        self.emails: list[dict[str, Any]] = []
        self.selections: dict[str, list[Lead]] = {}
        self.selections_of = 0
        """The version of the store that the selections were made from."""
        self.hidden_until = 0.0
        self.hidden_every = 1
        self.hidden_younger = 0.0
        self.refused_until = 0.0

    @property
    def lead_count(self) -> int:
        """Return how many leads there are now."""
        return len(self.store.by_id)

    def leads(self) -> list[Lead]:
        """Return all leads, oldest first."""
        with self.lock:
            return list(self.store.by_id.values())

    def times_inserted(self) -> Counter[str]:
        """Return how often each externId was ever inserted by a load."""
        with self.lock:
            return self.store.times_inserted.copy()

    def doubles(self) -> dict[str, int]:
        """Return the externIds that were inserted more than once, and how often."""
        return {extern_id: times for extern_id, times in self.times_inserted().items() if times > 1}

    def turned_away(self) -> dict[str, set[str]]:
        """Return why leads of each externId were ever turned away."""
        with self.lock:
            return {extern_id: set(reasons) for extern_id, reasons in self.store.turned_away.items()}

    def requests_of(self, call: str) -> int:
        """Return how many requests of a call came, whatever became of them."""
        with self.lock:
            return sum(times for (name, _), times in self.counts.items() if name == call)

    def answers_of(self, call: str, status: int | None) -> int:
        """Return how many requests of a call got this status; None counts the dropped ones."""
        with self.lock:
            return self.counts[call, status]

    def note_request(self, seen: SeenRequest) -> None:
        """Write a request down."""
        with self.lock:
            self.requests.append(seen)
            self.counts[seen.call, seen.status] += 1

    def summary(self) -> dict[str, Any]:
        """Return what a person wants to know first."""
        with self.lock:
            calls: dict[str, dict[str, int]] = {}
            for (call, status), times in sorted(self.counts.items(), key=str):
                calls.setdefault(call, {})["dropped" if status is None else str(status)] = times
            return {
                "leads": self.lead_count,
                "lists": len(self.store.lists),
                "inserted": self.store.times_inserted.total(),
                "insertedMoreThanOnce": len(self.doubles()),
                "requests": calls,
                "throttled": sum(n for (_, status), n in self.counts.items() if status == TOO_MANY_REQUESTS),
                "pendingLateCommits": self.pending_late_commits,
                "emails": list(self.emails),
                "processorSeconds": time.process_time(),
            }

    def seen_requests(self) -> list[dict[str, Any]]:
        """Return the last requests as plain dictionaries, oldest first."""
        with self.lock:
            return [asdict(seen) for seen in self.requests]
