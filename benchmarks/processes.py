"""Runs commands as whole processes and tells what they took."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds on the clock, and its largest resident size in MB."""

    seconds: float
    megabytes: float


def cost_of(*command: str | Path, environment: dict[str, str] | None = None) -> Cost:
    """Run a command to its end and return what it took, process start included. Raises CalledProcessError."""
    words = [str(word) for word in command]
    begun = time.perf_counter()
    with Path(os.devnull).open("wb") as nowhere:
        child = subprocess.Popen(words, env=os.environ | (environment or {}), stdout=nowhere)  # noqa: S603 - our own
        _, status, usage = os.wait4(child.pid, 0)
    ended = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, words)
    return Cost(ended, usage.ru_maxrss / 1024)


def printed(*command: str | Path) -> float:
    """Return the number that a Python module of ours prints."""
    words = [sys.executable, *map(str, command)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    return float(done.stdout)
