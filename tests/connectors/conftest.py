"""Clients of a RingCX for these tests: of the sandbox, and of a server that says whatever a test writes."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from ringcx_doubles import Handle, RawServer, account_of, scripted_servers

from connectors.ledger import Ledger
from connectors.ringcx.client import RingCx
from connectors.ringcx.throttle import Throttle


@pytest.fixture
def raw() -> Iterator[RawServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = RawServer(listener.getsockname()[1])
        thread = threading.Thread(target=server.serve, args=(listener,), daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        if server.open is not None:
            with suppress(OSError):
                server.open.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def throttle(stop, tmp_path) -> Iterator[Throttle]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'throttle.sqlite'}")
    yield Throttle(ledger.windows(), stop)
    ledger.close()


@pytest.fixture
def connect(throttle) -> Iterator[Callable[..., RingCx]]:
    """Make clients and close them after the test."""
    made = []

    def make(url: str, *, timeout=5.0, patience=3.0, connections=8, **changes) -> RingCx:
        made.append(
            RingCx(
                account_of(url, **changes),
                throttle,
                version="1.2.3",
                timeout_seconds=timeout,
                patience_seconds=patience,
                connections=connections,
            )
        )
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(connect, ringcx) -> RingCx:
    """A client of the sandbox."""
    return connect(ringcx.url)


@pytest.fixture
def legacy(connect, raw) -> RingCx:
    """A client of the raw server that needs no sign-in."""
    return connect(raw.url, legacy_token="permanent-token", timeout=1.0, patience=0.0)


@pytest.fixture
def serve() -> Iterator[Callable[[Handle], str]]:
    """Start a server that handles each connection with what a test gives; return its address."""
    with scripted_servers() as begin:
        yield lambda handle: f"http://127.0.0.1:{begin(handle)}"


@pytest.fixture
def reach(connect) -> Callable[..., RingCx]:
    """Make a client that needs no sign-in."""

    def make(url: str, **changes) -> RingCx:
        return connect(url, **({"legacy_token": "permanent-token", "timeout": 5.0, "patience": 0.0} | changes))

    return make
