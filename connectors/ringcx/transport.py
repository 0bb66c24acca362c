"""The network underneath the calls: each request ends in time, at its hosts alone, and tells if it ever began.

httpx's time-outs are for one read each, so a server that drips bytes could hold a request for ever, while absence
proofs reckon with its end. Here the time-outs handed to httpcore are moments on the monotonic clock, and each operation
on a socket gets what is left until then.
"""

import os
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import certifi
import httpcore
import httpx

from connectors.ringcx.settings import LOOPBACK
from transforms.vocabulary.errors import ConfigurationError

LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of an answer, as sent or unpacked, that are read at most: the longest real one is a page of leads."""

_CONNECT_SECONDS: Final = 10.0
_SLICE: Final = 16 * 1024
"""Bytes written at once: little enough that one write cannot outlast its time by being taken up drop by drop."""

_LINGER: Final = "hh" if os.name == "nt" else "ii"
_THROW_AWAY, _CLOSE_IN_PEACE = struct.pack(_LINGER, 1, 0), struct.pack(_LINGER, 0, 0)
"""What closing does with bytes not yet sent. The system would go on sending them for minutes, after a kill as well, and
a request that was given up could still arrive whole, long after it was searched for."""

_NO_BYTE_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Errors that are raised only before anything of a request is written: no connection, or no handshake on it."""

_READ_ANEW: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class Passage:
    """One request on its way: when it has to end, and whether a byte of it may have left."""

    def __init__(self, seconds: float, on_left: Callable[[], None] | None = None) -> None:
        """Begin now, to end after `seconds`; `on_left` is called when the last byte has left."""
        self.ends_at = time.monotonic() + seconds
        self._on_left = on_left
        self._began = self._tunnelled = False

    @property
    def extensions(self) -> dict[str, Any]:
        """What a request carries through httpx so that it is timed and watched."""
        return {"ends_at": self.ends_at, "trace": self._watch}

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self.ends_at

    def proves_nothing_left(self, error: httpx.HTTPError) -> bool:
        """Return whether `error` came before the first byte of the request was handed to its connection.

        A proxy is asked for a tunnel before anything else, and hears nothing of the request while it gives none.
        """
        return not self._began and (self._tunnelled or isinstance(error, _NO_BYTE_LEFT))

    def _watch(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            if info["request"].method == b"CONNECT":
                self._tunnelled = True
            else:
                self._began = True
        elif self._began and self._on_left is not None and event.endswith("send_request_body.complete"):
            self._on_left()


class Transport(httpx.BaseTransport):
    """Connections to the hosts of one account, direct or through the environment's proxy."""

    def __init__(self, addresses: Iterable[str], *, timeout_seconds: float, connections: int) -> None:
        """Make a pool for each of `addresses`. Raises ConfigurationError for a proxy that cannot be used."""
        self._timeout = timeout_seconds
        urls = [httpx.URL(address) for address in addresses]
        # Gathering authorities takes 40 ms, for nothing where all stays on this machine.
        tls = trusted_authorities() if any(url.scheme == "https" for url in urls) else None
        proxies = {_origin(url): _proxy_for(url) for url in urls}
        pools = {proxy: _make_pool(proxy, tls, connections) for proxy in set(proxies.values())}
        self._pool_of = {origin: pools[proxy] for origin, proxy in proxies.items()}

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pool_of.values():
            pool.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and return its whole answer, unpacked. Raises httpx.TransportError."""
        pool = self._pool_of.get(_origin(request.url))
        if pool is None:
            raise httpx.UnsupportedProtocol("An address that was not named before.", request=request)
        ends_at = request.extensions.get("ends_at", time.monotonic() + self._timeout)
        moments = {
            "connect": min(time.monotonic() + _CONNECT_SECONDS, ends_at),
            "read": ends_at,
            "write": ends_at,
            "pool": max(0.0, ends_at - time.monotonic()),  # the pool's own wait is a length of time
        }
        extensions = {"timeout": moments, "trace": request.extensions.get("trace")}
        url = request.url
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.read(),
            extensions=extensions,
        )
        with _errors_as_httpx(request), closing(pool.handle_request(sent)) as received:
            answer = httpx.Response(
                received.status,
                headers=received.headers,
                stream=_BoundedStream(received.iter_stream()),
                request=request,
            )
            content = b"".join(_bounded(answer.iter_bytes()))
            stream = received.extensions.get("network_stream")
            if isinstance(stream, _TimedStream):
                stream.be_done()
        headers = [(name, value) for name, value in answer.headers.raw if name.decode().lower() not in _READ_ANEW]
        return httpx.Response(answer.status_code, headers=headers, content=content, request=request)


def trusted_authorities() -> ssl.SSLContext:
    """Return what every TLS connection is made with: verified, TLS 1.2 at least.

    certifi's authorities count, the system's, and those that OpenSSL's SSL_CERT_FILE and SSL_CERT_DIR add. Nothing in
    the environment switches verification off or has the session's keys written to a file, as SSLKEYLOGFILE would.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=certifi.where())
    context.load_default_certs()
    return context


def reason_of(error: httpx.HTTPError) -> str:
    """Name the kind of a transport error in a few words of ours; its own text may hold an address with secrets."""
    certificate = _certificate_error(error)
    if certificate is not None:
        return f"its certificate is not trusted: {certificate.verify_message}"
    if isinstance(error, httpx.ProxyError):
        return f"the proxy gave no connection, {str(error)[:3]}"
    return type(error).__name__


def is_untrusted(error: httpx.HTTPError) -> bool:
    """Return whether the other side showed a certificate that is not to be trusted."""
    return _certificate_error(error) is not None


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return what a connection is made to; a port that goes without saying is None in httpx."""
    return url.scheme, url.host, url.port


def _proxy_for(url: httpx.URL) -> str | None:
    """Return the environment's proxy for an address. What stays on this machine never goes through one."""
    if url.host in LOOPBACK:
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc.decode("ascii")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _make_pool(proxy: str | None, tls: ssl.SSLContext | None, connections: int) -> httpcore.ConnectionPool:
    backend = _TimedBackend()
    if proxy is None:
        return httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=5.0,
            network_backend=backend,
        )
    try:
        through = httpx.Proxy(proxy)
        auth = through.raw_auth
    except (ValueError, httpx.InvalidURL):
        through = None
    if through is None or through.url.scheme not in {"http", "https"}:
        raise ConfigurationError(
            "PROXY_NOT_KNOWN",
            "The environment's HTTPS_PROXY or ALL_PROXY is not the address of an http or https proxy.",
            "Correct it, or name the host in NO_PROXY.",
        )
    return httpcore.HTTPProxy(
        proxy_url=httpcore.URL(
            scheme=through.url.raw_scheme, host=through.url.raw_host, port=through.url.port, target=b"/"
        ),
        proxy_auth=auth,
        ssl_context=tls,
        proxy_ssl_context=tls if through.url.scheme == "https" else None,
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=5.0,
        network_backend=backend,
    )


@contextmanager
def _errors_as_httpx(request: httpx.Request) -> Iterator[None]:
    """Raise httpcore's errors under the same names in httpx, which is what the calls know."""
    try:
        yield
    except _HTTPCORE_ERRORS as error:
        kind = getattr(httpx, type(error).__name__)
        raise kind(str(error), request=request) from error


_HTTPCORE_ERRORS: Final = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProxyError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


def _bounded(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Pass `parts` on until they are more than an answer may have. Raises httpx.ReadError then."""
    size = 0
    for part in parts:
        size += len(part)
        if size > LARGEST_ANSWER:
            raise httpx.ReadError("The answer is too long.")
        yield part


class _BoundedStream(httpx.SyncByteStream):
    """The bytes of an answer as they come in, up to the most that is read."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return _bounded(self._parts)


def _left(moment: float | None, error: type[httpcore.TimeoutException]) -> float | None:
    """Return the seconds until `moment`. Raises `error` when there are none."""
    if moment is None:
        return None
    seconds = moment - time.monotonic()
    if seconds <= 0:
        raise error("The time of the request is over.")
    return seconds


class _TimedStream(httpcore.NetworkStream):
    """A connection whose time-outs are moments."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._is_busy = False

    def be_done(self) -> None:
        """Hear that a request was answered whole: nothing is left to be thrown away."""
        self._is_busy = False
        self._set_linger(_CLOSE_IN_PEACE)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not self._is_busy:
            self._set_linger(_THROW_AWAY)
            self._is_busy = True
        for first in range(0, len(buffer), _SLICE):
            self._stream.write(buffer[first : first + _SLICE], _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as in the base
        return self._stream.get_extra_info(info)

    def _set_linger(self, choice: bytes) -> None:
        with suppress(OSError):  # the other side has closed it already
            self._stream.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, choice)


class _TimedBackend(httpcore.NetworkBackend):
    """Opens connections whose time-outs are moments."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        stream = self._backend.connect_tcp(host, port, left, local_address, socket_options)
        try:
            # Each of a host's addresses gets the whole time, and finding them has no time-out at all.
            _left(timeout, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            stream.close()
            raise
        return _TimedStream(stream)
