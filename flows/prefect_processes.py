"""A Prefect server, a work pool, our deployments and a worker on this machine, as processes that never outlive us."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Final

import httpx

PROJECT: Final = Path(__file__).parents[1]
WORK_POOL: Final = "leadferry"
DEPLOYMENT: Final = "load-leads/nightly"
FINAL_STATES: Final = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})

_START_SECONDS: Final = 120.0
_END_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.2


class StackError(Exception):
    """A process of the stack ended, or did not do its work in time; the message names its log."""


class StoppedError(Exception):
    """Somebody asked to stop while something was waited for."""


@dataclass(frozen=True)
class PrefectStack:
    """A Prefect of our own: where its files and logs lie, what its processes see, and what ends every wait.

    An answer of its server is waited for `answer_seconds`; one that is busy is asked again for `patience_seconds`.
    """

    folder: Path
    port: int
    environment: Mapping[str, str]
    stop: Event
    answer_seconds: float = 30.0
    patience_seconds: float = 120.0

    @property
    def url(self) -> str:
        """The address of the server's pages."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run the server; answers by the time this yields. Raises StackError, StoppedError."""
        with self._running("server", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)) as server:
            self._wait("server", self._answers, _START_SECONDS, server)
            yield

    @contextmanager
    def working(self) -> Iterator[None]:
        """Run a worker, which makes the work pool if there is none; the pool is there by the time this yields."""
        with self._running("worker", "worker", "start", "--pool", WORK_POOL, "--type", "process") as worker:
            self._wait("worker", self._has_pool, _START_SECONDS, worker)
            yield

    def deploy(self) -> None:
        """Deploy everything in prefect.yaml."""
        self._finish("deploy", "--no-prompt", "deploy", "--all")

    def start_run(self, parameters: Mapping[str, Any]) -> str:
        """Ask for a flow run of the deployment and return its id."""
        deployment = self.call("GET", f"deployments/name/{DEPLOYMENT}")
        asked = {
            "parameters": dict(parameters),
            "state": {"type": "SCHEDULED"},
            "idempotency_key": secrets.token_hex(16),
        }
        return str(self.call("POST", f"deployments/{deployment['id']}/create_flow_run", asked)["id"])

    def wait_for_run(self, flow_run_id: str, seconds: float) -> dict[str, Any]:
        """Return a flow run once it has ended. Raises StackError, StoppedError."""
        found: dict[str, Any] = {}

        def has_ended() -> bool:
            found.update(self.call("GET", f"flow_runs/{flow_run_id}"))
            return found["state_type"] in FINAL_STATES

        self._wait("worker", has_ended, seconds)
        return found

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Call Prefect's API and return what it answers. Raises StackError, StoppedError.

        503, or no answer for a long time, is how it shows that another of its services holds its SQLite database just
        then: ask again. What is asked for twice is done once: a flow run has its idempotency key.
        """
        deadline = time.monotonic() + self.patience_seconds
        while True:
            try:
                answer = httpx.request(
                    method, f"{self.url}/api/{path}", json=body, timeout=self.answer_seconds, trust_env=False
                )
            except httpx.TimeoutException as error:
                if time.monotonic() > deadline:
                    told = (
                        f"Prefect's server did not answer {path} ({type(error).__name__}); see {self._log('server')}."
                    )
                    raise StackError(told) from None
            except httpx.TransportError as error:
                raise StackError(
                    f"Prefect's server is gone ({type(error).__name__}); see {self._log('server')}."
                ) from None
            else:
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    break
            if self.stop.wait(1.0):
                raise StoppedError
        if answer.is_error:
            raise StackError(f"Prefect's server answered {answer.status_code} to {path}; see {self._log('server')}.")
        return answer.json()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/health", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _has_pool(self) -> bool:
        return bool(self.call("POST", "work_pools/filter", {"work_pools": {"name": {"any_": [WORK_POOL]}}}))

    def _finish(self, name: str, *arguments: str) -> None:
        """Run a Prefect command to its end."""
        with self._running(name, *arguments) as process:
            self._wait(name, lambda: process.poll() is not None, _START_SECONDS)
        if process.returncode:
            raise StackError(f"`prefect {' '.join(arguments)}` failed; see {self._log(name)}.")

    @contextmanager
    def _running(self, name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a Prefect command in a session of its own, so that Ctrl-C is ours to pass on, and end all of it."""
        environment = dict(self.environment) | {"PREFECT_HOME": str(self.folder), "PREFECT_API_URL": f"{self.url}/api"}
        with self._log(name).open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "prefect", *arguments],
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            end_session(process)

    def _wait(
        self, name: str, is_done: Callable[[], bool], seconds: float, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        deadline = time.monotonic() + seconds
        while not is_done():
            if self.stop.wait(_POLL_SECONDS):
                raise StoppedError
            if process is not None and process.poll() is not None:
                raise StackError(f"Prefect's {name} ended by itself; see {self._log(name)}.")
            if time.monotonic() > deadline:
                raise StackError(f"Prefect's {name} took more than {seconds:.0f} seconds; see {self._log(name)}.")

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def end_session(process: subprocess.Popen[bytes]) -> None:
    """End a process and every other one of its session: politely first, after a while by force."""
    _signal_session(process, signal.SIGTERM)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal_session(process, signal.SIGKILL)
        process.wait()


def _signal_session(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without anybody's Prefect settings, RingCX account or ledger, and without telemetry."""
    elsewhere = ("PREFECT_", "RC_", "RINGCX_", "RINGCENTRAL_", "LEADFERRY_")
    kept = {name: value for name, value in environment.items() if not name.startswith(elsewhere)}
    return kept | {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }


def choose_port(wanted: int) -> int:
    """Return `wanted` if nobody listens there, else a free port."""
    for port in (wanted, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise StackError("No port is free on 127.0.0.1.")
