"""Has a process of the real command kill itself at one edge: before or after the nth call of one step.

A step is a method of the ledger, or the name of a file that is put into its place by a rename. With the step `none`
nothing is killed, and every step is written to the file that KILLED_COMMAND_STEPS names, so that all edges can be
listed.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from connectors.ledger import Ledger

LEDGER_STEPS = (
    "open_run",
    "claim_run",
    "plan_batches",
    "update_run",
    "begin_attempt",
    "end_attempt",
    "settle",
    "release_run",
)


class _Edge:
    """Counts steps and ends the process, as a power cut would, at the one that was asked for."""

    def __init__(self, step: str, when: str, nth: int) -> None:
        self._wanted, self._counts, self._lock = (step, when, nth), Counter(), Lock()
        self._log = os.environ.get("KILLED_COMMAND_STEPS")

    def pass_by(self, step: str, act: Callable[[], Any]) -> Any:
        with self._lock:
            self._counts[step] += 1
            nth = self._counts[step]
            if self._log is not None:
                with Path(self._log).open("a", encoding="utf-8") as log:
                    log.write(f"{step} {nth}\n")
        self._kill_at((step, "before", nth))
        done = act()
        self._kill_at((step, "after", nth))
        return done

    def _kill_at(self, here: tuple[str, str, int]) -> None:
        if here == self._wanted:
            os.kill(os.getpid(), signal.SIGKILL)


def watch(step: str, when: str, nth: int) -> None:
    """Let this process end at an edge."""
    edge = _Edge(step, when, nth)

    def wrap(owner: type, name: str, step_of: Callable[..., str]) -> None:
        plain = getattr(owner, name)

        def watched(*given: Any, **named: Any) -> Any:
            return edge.pass_by(step_of(*given), lambda: plain(*given, **named))

        setattr(owner, name, watched)

    for method in LEDGER_STEPS:
        if hasattr(Ledger, method):
            wrap(Ledger, method, lambda *_, method=method: method)
    wrap(Path, "replace", lambda _, target: Path(target).name)
