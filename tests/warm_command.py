"""Runs the real command in processes of their own, forked from one that has imported it and done nothing else yet.

To import it takes most of the time of a small run. What only a start by hand shows (what is imported when, which
handlers of signals libraries leave, what they say when the interpreter ends) is for tests that start `python -m flows`.
"""

import atexit
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Self

from flows.cli import main

IMPORTED = (
    "alembic.command",
    "connectors.report.page",
    "connectors.ringcx.client",
    "connectors.sources.csv_files",
    "connectors.sources.parquet_files",
    "encodings.idna",
    "flows.check_run",
    "flows.forgetting",
    "flows.init_job",
    "flows.preview",
    "flows.run",
    "flows.run_listing",
    "flows.run_recording",
    "flows.tracing",
)
"""What most commands import; what else one of them needs, it imports itself, as ever."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["flows.cli", *IMPORTED])
"""Makes processes that begin with all of that imported, and share nothing with the tests."""


class WarmCommand:
    """The command at work, as `subprocess.Popen` shows it; at the end of its `with` block it has ended or is killed."""

    def __init__(
        self,
        arguments: Iterable[object],
        *,
        env: Mapping[str, str],
        cwd: Path,
        before: Callable[[], object] | None = None,
    ) -> None:
        """Start it; `before` is called in its process first."""
        self.args = [str(argument) for argument in arguments]
        self._said = tempfile.TemporaryDirectory(prefix="warm-")
        self._files = tuple(Path(self._said.name) / name for name in ("out", "err"))
        self._process = FORKS.Process(target=_be_the_command, args=(self.args, dict(env), cwd, self._files, before))
        self._process.start()

    def __enter__(self) -> Self:
        """Go on meanwhile."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind, and nothing of what it said."""
        self.kill()
        self._process.join()
        self._said.cleanup()

    @property
    def returncode(self) -> int | None:
        """Its exit code, or the number of the signal that ended it as a negative one; nothing while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Tell whether it has ended."""
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal; one that has ended gets none."""
        if self.returncode is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code when it has ended."""
        self._process.join(timeout)
        code = self.returncode
        if code is None:
            raise TimeoutError(f"leadferry {self.args} did not end within {timeout} s: {self._told()}")
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return all that it said on both outputs when it has ended."""
        self.wait(timeout)
        return self._told()

    def _told(self) -> tuple[str, str]:
        out, err = (file.read_text(encoding="utf-8") if file.exists() else "" for file in self._files)
        return out, err


def run_warm(
    arguments: Iterable[object], *, env: Mapping[str, str], cwd: Path, before: Callable[[], object] | None = None
) -> CompletedProcess[str]:
    """Run the command to its end, as `subprocess.run` does."""
    with WarmCommand(arguments, env=env, cwd=cwd, before=before) as command:
        out, err = command.communicate(120)
        return CompletedProcess(command.args, command.wait(), out, err)


def _be_the_command(
    arguments: list[str],
    env: dict[str, str],
    cwd: Path,
    said: tuple[Path, ...],
    before: Callable[[], object] | None,
) -> None:
    for number, file in enumerate(said, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    if env.get("PYTHONWARNINGS") == "error":
        warnings.simplefilter("error")
    os.chdir(cwd)
    sys.argv = ["leadferry", *arguments]
    if before is not None:
        before()
    try:
        main()
    finally:
        # An interpreter ends with both, in this order, and multiprocessing only with the first: Prefect sends the last
        # lines logged in the one, and ends the server that it started in the other.
        threading._shutdown()  # noqa: SLF001 - Python has no other name for it
        atexit._run_exitfuncs()  # noqa: SLF001 - nor for this
