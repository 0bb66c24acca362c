"""A run is worked on by one process: who has it, how it is kept, and how a dead process loses it.

On one host the lock on the run's folder tells at once who is alive. Across hosts only time can: a lease that its owner
does not renew runs out. Neither is what keeps leads from being sent twice; that is the ledger, which records nothing
for a process that has lost its run.
"""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from threading import Event, Thread
from typing import Final
from uuid import uuid4

from connectors.ledger import Ledger
from connectors.ledger_leases import Lease, taken_over
from connectors.ringcx.throttle import interrupted
from flows.run_folder import RunFolder
from transforms.vocabulary.errors import ConfigurationError, LeadferryError, RunInterruptedError

LEASE_SECONDS: Final = 30.0
RENEW_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 1.0
"""How often somebody who waits for a lease to run out looks whether it was renewed."""


@contextmanager
def lease_held(
    ledger: Ledger,
    run_id: str,
    folder: RunFolder,
    *,
    stop: Event,
    tell: Callable[[str], None],
    lease_seconds: float = LEASE_SECONDS,
    renew_seconds: float = RENEW_SECONDS,
) -> Iterator[None]:
    """Work on a run alone; `tell` says so where a dead process must be waited for, `stop` is set if the run is lost.

    Raises ConfigurationError where another process is at work on the run, DeliveryError if one takes it over meanwhile.
    """
    with folder.held() as lock:
        _claim(ledger, run_id, folder, lock, stop=stop, tell=tell, seconds=lease_seconds)
        lost = Event()
        with _renewing(ledger, run_id, (lost, stop), lease_seconds, renew_seconds):
            try:
                yield
            except RunInterruptedError:
                if lost.is_set():
                    raise taken_over() from None
                raise


@contextmanager
def lease_at_once(ledger: Ledger, run_id: str, folder: RunFolder | None) -> Iterator[None]:
    """Have a run to oneself without waiting for anybody; without its folder, by the ledger alone.

    Raises ConfigurationError where a process is at work on it, or may be, on another host.
    """
    with folder.held() if folder is not None else nullcontext(f"none/{uuid4().hex}") as lock:
        standing = ledger.claim_run(run_id, host=platform.node(), lock=lock, seconds=LEASE_SECONDS)
        if standing is not None and standing.owner.lock == lock:
            dead = standing.owner.token
            standing = ledger.claim_run(run_id, host=platform.node(), lock=lock, seconds=LEASE_SECONDS, dead=dead)
        if standing is not None:
            raise ConfigurationError(
                "RUN_BUSY",
                f"A process on {standing.owner.host} is at work on the run {run_id}, or ended in the last seconds.",
                "Wait for it to end, then try again.",
            )
        with _renewing(ledger, run_id, (), LEASE_SECONDS, RENEW_SECONDS):
            yield


def _claim(
    ledger: Ledger,
    run_id: str,
    folder: RunFolder,
    lock: str,
    *,
    stop: Event,
    tell: Callable[[str], None],
    seconds: float,
) -> None:
    def ask(dead: str | None = None) -> Lease | None:
        return ledger.claim_run(run_id, host=platform.node(), lock=lock, seconds=seconds, dead=dead)

    first = ask()
    if first is not None and first.owner.lock == lock:
        first = ask(dead=first.owner.token)  # we hold the very lock that it held: it has ended
    if first is None:
        return
    tell(
        f"The run was last worked on from {first.owner.host}; "
        f"waiting up to {first.left:.0f} seconds to be sure that nobody is at work there."
    )
    standing: Lease | None = first
    while standing is not None:
        if (standing.owner, standing.until) != (first.owner, first.until):
            raise ConfigurationError(
                "RUN_BUSY",
                f"Another process is at work on the run in {folder.path}, on {standing.owner.host}.",
                "Wait for it to end.",
            )
        if stop.wait(min(standing.left, _LOOK_SECONDS)):
            raise interrupted()
        standing = ask()


@contextmanager
def _renewing(
    ledger: Ledger, run_id: str, when_lost: tuple[Event, ...], lease_seconds: float, renew_seconds: float
) -> Iterator[None]:
    """Renew the lease from a thread until the block ends, then give the run back; sets the events where it is lost."""
    ended = Event()

    def renew() -> None:
        while not ended.wait(renew_seconds):
            # A ledger out of reach is told of by whoever next records something; the lease may outlive that.
            with suppress(LeadferryError):
                if not ledger.renew_run(run_id, lease_seconds):
                    for event in when_lost:
                        event.set()
                    return

    thread = Thread(target=renew, name=f"lease of {run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(LeadferryError):  # then it runs out by itself
            ledger.release_run(run_id)
