"""A RingCX that says whatever a test writes, the sandbox's own account, and small loads to send."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import orjson

from connectors.ringcx.settings import Account
from connectors.ringcx.wire import LoadOptions, load_request
from connectors.sandbox.settings import SandboxSettings

CAMPAIGN = 12345


@dataclass(frozen=True)
class Heard:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RawServer:
    """Answers each request with the next of `answers`, byte for byte, and hangs up after an empty one."""

    port: int
    answers: list[bytes] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    open: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.open = connection
            # A client that gives a request up resets its connection.
            with suppress(ConnectionError), connection, connection.makefile("rb") as stream:
                while (request := read_request(stream)) is not None:
                    self.heard.append(request)
                    answer = self.answers.pop(0) if self.answers else b""
                    if not answer:
                        break
                    connection.sendall(answer)


Handle = Callable[[socket.socket], None]


@contextmanager
def scripted_servers() -> Iterator[Callable[[Handle], int]]:
    """Start servers that handle each connection in a thread with what a test gives; each call returns a port."""
    listeners, connections, threads = [], [], []

    def start(target: Callable[..., None], *given: object) -> None:
        threads.append(threading.Thread(target=target, args=given, daemon=True))
        threads[-1].start()

    def begin(handle: Handle) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def talk(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                handle(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connections.append(listener.accept()[0])
                    start(talk, connections[-1])

        start(accept)
        return listener.getsockname()[1]

    yield begin
    for each in [*listeners, *connections]:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
    for listener in listeners:
        listener.close()
    for thread in threads:
        thread.join(5)


def read_request(stream) -> Heard | None:
    first = stream.readline().decode().split()
    if not first:
        return None
    headers = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Heard(first[0], first[1], headers, stream.read(int(headers.get("content-length", 0))))


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    """One HTTP answer, whole."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def account_of(url: str, **changes) -> Account:
    """The sandbox's own account, signed in with a JWT unless `changes` say otherwise."""
    settings = SandboxSettings()
    parts = {
        "account_id": settings.account_id,
        "client_id": settings.client_id,
        "client_secret": settings.client_secret,
        "jwt": settings.jwt,
        "ringcx_url": url,
        "ringcentral_url": url,
    }
    return Account(**(parts | changes))


OPTIONS = LoadOptions("A list", "NORMAL", "RETAIN_ALL", "NOT_APPLICABLE")


def leads(count: int, first: int = 0) -> list[dict[str, str]]:
    return [{"externId": f"e{number}", "leadPhone": f"{4155550000 + number}"} for number in range(first, first + count)]


def body_of(count: int, first: int = 0) -> bytes:
    return load_request(OPTIONS, leads(count, first))


def ids_of(count: int, first: int = 0) -> list[str]:
    return [lead["externId"] for lead in leads(count, first)]


LOADED = orjson.dumps({"leadsSupplied": 1, "leadsAccepted": 1, "leadsInserted": 1, "processingResult": "OK"})
