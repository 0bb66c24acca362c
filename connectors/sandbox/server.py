"""Running the sandbox: in a thread for tests, or in the foreground for people."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from connectors.sandbox.app import build_app
from connectors.sandbox.clock import SandboxClock
from connectors.sandbox.faults import FaultSchedule, read_faults
from connectors.sandbox.settings import SandboxSettings
from connectors.sandbox.state import SandboxState
from connectors.sandbox.wire import TRANSPORT

Faults = FaultSchedule | Sequence[Mapping[str, Any]]
_STARTUP_SECONDS = 10.0
# SO_LINGER on, with no time to linger: closing sends a reset.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class SandboxServer:
    """A sandbox on its own port and thread, for tests: `with SandboxServer() as sandbox: ... sandbox.url`."""

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        *,
        faults: Faults = (),
        host: str = "127.0.0.1",
        port: int = 0,
        clock: SandboxClock | None = None,
    ) -> None:
        """Take the settings, the faults and a clock that can be advanced; port 0 picks a free port."""
        self.state = SandboxState(settings or SandboxSettings(), _read_schedule(faults), clock)
        self._socket = _listen(host, port)
        self.url = _write_url(self._socket)
        self._server = _QuietServer(self.state, lambda: None)
        self._thread = threading.Thread(target=self._run, name="ringcx-sandbox", daemon=True)

    def start(self) -> Self:
        """Start serving; returns once connections are answered."""
        self._thread.start()
        if not self._server.is_ready.wait(_STARTUP_SECONDS):
            raise RuntimeError(f"the sandbox did not start within {_STARTUP_SECONDS:g} seconds")
        return self

    def stop(self) -> None:
        """Stop serving and wait until the port is free; late commits still pending are called off."""
        if self._thread.is_alive():
            self._server.should_exit = True
            self._thread.join()
        self._socket.close()

    def reset(self, settings: SandboxSettings | None = None, *, faults: Faults = ()) -> None:
        """Become a fresh account without a new port, under other settings where they are given."""
        self.state.reset(settings=settings, faults=_read_schedule(faults))

    def set_faults(self, faults: Faults) -> None:
        """Replace the schedule and count requests from one again."""
        self.state.faults = _read_schedule(faults)

    def __enter__(self) -> Self:
        """Start serving."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        self.stop()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def run_sandbox(
    settings: SandboxSettings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    faults: Faults = (),
    on_ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until Ctrl-C, which ends it quietly; `on_ready` gets the URL once connections are answered.

    A port that is taken raises OSError, a wrong fault ValueError, both before anything is served.
    """
    state = SandboxState(settings or SandboxSettings(), _read_schedule(faults))
    with _listen(host, port) as listener:
        url = _write_url(listener)
        try:
            _QuietServer(state, lambda: on_ready(url)).run(sockets=[listener])
        except KeyboardInterrupt:
            return


class _QuietServer(uvicorn.Server):
    """uvicorn without a word on the console unless the sandbox itself breaks; it says when it is ready."""

    def __init__(self, state: SandboxState, on_ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            build_app(state),
            http=_protocol_for(state),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        state.stop_listening = self._stop_listening
        self._pauses: set[asyncio.Task[None]] = set()
        self.is_ready = threading.Event()
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening and tell."""
        await super().startup(sockets)
        self._address = self.servers[0].sockets[0].getsockname()[:2]
        self.is_ready.set()
        self._on_ready()

    def _stop_listening(self, seconds: float) -> None:
        """Refuse new connections as a host with no server does; those that are open stay open."""
        if self._pauses:
            return
        pause = asyncio.get_running_loop().create_task(self._pause(seconds))
        self._pauses.add(pause)
        pause.add_done_callback(self._pauses.discard)

    async def _pause(self, seconds: float) -> None:
        host, port = self._address
        for server in self.servers:
            server.close()
        listener = _bind(host, port)  # holds the port, so that nobody else gets it in between
        await asyncio.sleep(seconds)
        if self.should_exit:
            listener.close()
        else:
            await super().startup([listener])


def _protocol_for(state: SandboxState) -> type[asyncio.Protocol]:
    """Make the protocol class that lets the application reach its connection, and turns clients away."""

    class SandboxProtocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base
            super().connection_made(transport)
            # asyncio does this itself only for sockets that name their protocol number, which ours do not;
            # without it every answer waits 40 ms for the client's acknowledgement of its head.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.app = _hand_over(self.app, transport)
            if state.clock.now() < state.refused_until:
                _reset(transport)

    return SandboxProtocol


def _hand_over(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    """Wrap the application so that its scopes carry the connection's transport."""

    async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
        scope[TRANSPORT] = transport
        await app(scope, receive, send)

    return with_transport


def _reset(transport: asyncio.Transport) -> None:
    """Close a connection the hard way, so that the client sees a reset and not an end."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


def _read_schedule(faults: Faults) -> FaultSchedule:
    return faults if isinstance(faults, FaultSchedule) else read_faults(faults)


def _listen(host: str, port: int) -> socket.socket:
    """Open the listening socket; an OSError names the address that is taken."""
    return socket.create_server((host, port))


def _bind(host: str, port: int) -> socket.socket:
    """Bind an address without listening: whoever connects to it is refused."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


def _write_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"
