"""What the network may do to a request: it ends in time, and only what proves that no byte left is called not sent."""

import gzip
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

import pytest
from ringcx_doubles import CAMPAIGN, LOADED, answer, body_of, read_request

from connectors.ringcx import transport
from connectors.ringcx.answers import Accepted, NotSent, Unknown
from connectors.ringcx.client import RingCx
from transforms.vocabulary.errors import ServiceError

LARGE = 60_000
"""Leads whose request is larger than every buffer on the way."""


def hear(connection: socket.socket) -> None:
    """Read one request, whole."""
    with connection.makefile("rb") as stream:
        read_request(stream)


def drip(connection: socket.socket, content: bytes) -> None:
    """Send a byte at a time, slowly, as long as somebody listens."""
    for byte in content:
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


def reset(connection: socket.socket) -> None:
    """Close the hard way: the other side sees a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def load(client: RingCx, count: int = 1) -> object:
    return client.load(CAMPAIGN, body_of(count))


DRIPS = {
    "in the status line": b"HTTP/1.1 200 " + b"O" * 5000,
    "in the headers": b"HTTP/1.1 200 OK\r\n" + b"X-Header: x\r\n" * 400,
    "in interim answers": b"HTTP/1.1 102 Processing\r\n\r\n" * 200,
    "in the body": answer("200 OK", b" " * 5000),
    "in the chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 800,
    "in what is packed": answer("200 OK", gzip.compress(bytes(5000), 0), Content_Encoding="gzip"),
}


@pytest.mark.parametrize("where", DRIPS)
def test_a_load_whose_answer_drips_ends_in_time_and_is_unknown(serve, reach, where):
    def handle(connection):
        hear(connection)
        drip(connection, DRIPS[where])

    client = reach(serve(handle), timeout=0.5)
    began = time.monotonic()

    unknown = load(client)

    assert isinstance(unknown, Unknown)
    assert unknown.code == "NO_ANSWER"
    assert 0.4 < time.monotonic() - began < 3


def test_a_load_whose_body_is_taken_drop_by_drop_ends_in_time_and_is_unknown(serve, reach):
    def handle(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while connection.recv(2048):
            time.sleep(0.02)

    client = reach(serve(handle), timeout=0.8)
    body = body_of(LARGE)
    began = time.monotonic()

    assert isinstance(client.load(CAMPAIGN, body), Unknown)
    assert time.monotonic() - began < 3


def test_a_search_whose_answer_drips_ends_in_time_as_an_error_of_the_service(serve, reach):
    def handle(connection):
        hear(connection)
        drip(connection, DRIPS["in the body"])

    client = reach(serve(handle), timeout=0.5)
    began = time.monotonic()

    with pytest.raises(ServiceError, match="ReadTimeout"):
        client.count_leads(CAMPAIGN, ["e1"])
    assert time.monotonic() - began < 3


def test_a_sign_in_that_drips_ends_in_time_and_nothing_was_sent(serve, connect):
    def handle(connection):
        hear(connection)
        drip(connection, DRIPS["in the headers"])

    began = time.monotonic()

    assert isinstance(load(connect(serve(handle), timeout=0.5)), NotSent)
    assert time.monotonic() - began < 3


def test_recording_an_attempt_counts_as_its_time_and_nothing_is_sent_when_it_took_all(reach, raw):
    raw.answers += [answer("200 OK", LOADED)]

    not_sent = reach(raw.url, timeout=0.5).load(CAMPAIGN, body_of(1), on_turn=lambda: time.sleep(0.6))

    assert isinstance(not_sent, NotSent)
    assert not raw.heard


@pytest.mark.parametrize("packed", [False, True], ids=["as sent", "unpacked"])
def test_an_answer_beyond_all_measure_is_not_read_to_its_end(monkeypatch, serve, reach, packed):
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 100_000)
    content = LOADED + b" " * 10_000_000

    def handle(connection):
        while True:
            hear(connection)
            more = {"Content_Encoding": "gzip"} if packed else {}
            connection.sendall(answer("200 OK", gzip.compress(content) if packed else content, **more))

    client = reach(serve(handle))

    assert isinstance(load(client), Unknown)
    with pytest.raises(ServiceError):
        client.count_leads(CAMPAIGN, ["e1"])


def test_a_packed_answer_is_unpacked(legacy, raw):
    raw.answers += [answer("200 OK", gzip.compress(LOADED), Content_Encoding="gzip")]

    assert isinstance(load(legacy), Accepted)


def test_a_reset_after_half_the_body_was_read_is_unknown(serve, reach):
    body = body_of(LARGE)

    def handle(connection):
        left = len(body) // 2
        while left > 0:
            left -= len(connection.recv(65536))
        reset(connection)

    assert isinstance(reach(serve(handle)).load(CAMPAIGN, body), Unknown)


def test_a_connection_whose_requests_were_answered_is_closed_in_peace(serve, connect):
    ends = []

    def handle(connection):
        for _ in range(2):
            hear(connection)
            connection.sendall(answer("200 OK", LOADED))
        ends.append(connection.recv(1))

    client = connect(serve(handle), legacy_token="permanent-token")
    for _ in range(2):
        assert isinstance(load(client), Accepted)
    client.close()

    until = time.monotonic() + 5
    while not ends and time.monotonic() < until:
        time.sleep(0.01)
    assert ends == [b""]  # an end and no reset


@pytest.fixture
def stalled(serve):
    """A server that takes one byte of a request, and the rest only when told that its sender has given up."""
    begun, given_up, taken = threading.Event(), threading.Event(), []

    def handle(connection):
        connection.recv(1)
        begun.set()
        given_up.wait(20)
        try:
            while part := connection.recv(65536):
                taken.append(part)
        except ConnectionResetError:
            taken.append(b"")
        begun.clear()

    def take_the_rest() -> bytes:
        given_up.set()
        while begun.is_set():
            time.sleep(0.01)
        return b"".join(taken)

    return serve(handle), begun, take_the_rest


def test_nothing_of_a_request_that_was_given_up_arrives_later(stalled, reach):
    url, _, take_the_rest = stalled
    body = body_of(LARGE)

    assert isinstance(reach(url, timeout=0.5).load(CAMPAIGN, body), Unknown)

    assert len(take_the_rest()) < len(body)


def test_nothing_of_a_request_whose_process_was_killed_arrives_later(stalled, tmp_path):
    url, begun, take_the_rest = stalled
    (tmp_path / "body").write_bytes(body_of(LARGE))
    sender = (
        "import pathlib, sys, threading\n"
        "from connectors.ledger import Ledger\n"
        "from connectors.ringcx.client import RingCx\n"
        "from connectors.ringcx.settings import Account\n"
        "from connectors.ringcx.throttle import Throttle\n"
        "throttle = Throttle(Ledger('sqlite:///' + sys.argv[2] + '/ledger').windows(), threading.Event())\n"
        "client = RingCx(Account('1', legacy_token='t', ringcx_url=sys.argv[1]), throttle, version='1', "
        "timeout_seconds=60, patience_seconds=0, connections=1)\n"
        "client.load(1, pathlib.Path(sys.argv[2], 'body').read_bytes())\n"
    )
    with subprocess.Popen([sys.executable, "-c", sender, url, str(tmp_path)]) as process:
        assert begun.wait(60)
        time.sleep(0.3)  # until it has handed the system as much as that takes
        process.kill()

    assert len(take_the_rest()) < (tmp_path / "body").stat().st_size


def test_an_answer_that_comes_before_the_body_was_taken_counts(serve, reach):
    def handle(connection):
        connection.recv(1000)
        connection.sendall(answer("413 Content Too Large", b"", Connection="close"))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    assert load(reach(serve(handle)), LARGE).code == "HTTP_413"


@pytest.mark.parametrize("end", [socket.socket.close, reset], ids=["closed", "reset"])
def test_a_kept_connection_that_ends_just_when_the_next_request_goes_out_is_unknown_and_not_sent_again(
    serve, reach, end
):
    connections = []

    def handle(connection):
        connections.append(connection)
        hear(connection)
        connection.sendall(answer("200 OK", LOADED))
        connection.recv(1)
        end(connection)

    client = reach(serve(handle))
    assert isinstance(load(client), Accepted)

    assert isinstance(load(client), Unknown)
    assert len(connections) == 1


def test_a_kept_connection_that_ended_while_idle_is_not_used_again(serve, reach):
    ended = threading.Semaphore(0)

    def handle(connection):
        hear(connection)
        connection.sendall(answer("200 OK", LOADED))
        connection.close()
        ended.release()

    client = reach(serve(handle))
    for _ in range(3):
        assert isinstance(load(client), Accepted)
        assert ended.acquire(timeout=5)


def test_a_401_that_comes_whole_proves_that_nothing_was_done_and_half_a_401_nothing(legacy, raw):
    raw.answers += [answer("401 Unauthorized", b"Jwt is expired")]
    assert isinstance(load(legacy), NotSent)

    raw.answers += [answer("401 Unauthorized", b"Jwt is expired")[:-3], b""]
    assert isinstance(load(legacy), Unknown)


def test_a_handshake_that_fails_proves_that_nothing_was_sent(serve, reach):
    def handle(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    not_sent = load(reach(serve(handle).replace("http:", "https:")))

    assert isinstance(not_sent, NotSent)
    assert not_sent.code == "NO_CONNECTION"


def test_a_handshake_that_never_ends_is_given_up_in_time_and_nothing_was_sent(serve, reach):
    client = reach(
        serve(lambda connection: [connection.recv(1000) for _ in range(2)]).replace("http:", "https:"), timeout=0.4
    )
    began = time.monotonic()

    assert isinstance(load(client), NotSent)
    assert time.monotonic() - began < 3


TURNED_DOWN = {
    "407": answer("407 Proxy Authentication Required", b"who are you?"),
    "403": answer("403 Forbidden", b"blocked by policy"),
    "502": answer("502 Bad Gateway"),
    "redirect": answer("302 Found", b"", Location="http://127.0.0.1:9/"),
    "no http": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "hung up": b"",
    "no TLS behind it": b"HTTP/1.1 200 OK\r\n\r\nnonsense",
}


@pytest.mark.parametrize("how", TURNED_DOWN)
def test_a_proxy_that_gives_no_tunnel_proves_that_nothing_was_sent(monkeypatch, serve, reach, how):
    heard = []

    def handle(connection):
        heard.append(connection.recv(10_000))
        connection.sendall(TURNED_DOWN[how])
        heard.append(connection.recv(10_000) if how == "no TLS behind it" else b"")

    monkeypatch.setenv("HTTPS_PROXY", serve(handle))

    not_sent = load(reach("https://ringcx.ringcentral.com"))

    assert isinstance(not_sent, NotSent)
    assert not_sent.code == "NO_CONNECTION"
    assert heard[0].startswith(b"CONNECT ringcx.ringcentral.com:443 HTTP/1.1\r\n")
    assert b"permanent-token" not in b"".join(heard)


def test_a_proxy_that_says_nothing_is_given_up_in_time_and_nothing_was_sent(monkeypatch, serve, reach):
    monkeypatch.setenv("HTTPS_PROXY", serve(lambda connection: [connection.recv(10_000) for _ in range(2)]))
    client = reach("https://ringcx.ringcentral.com", timeout=0.4)
    began = time.monotonic()

    assert isinstance(load(client), NotSent)
    assert time.monotonic() - began < 3


def test_tls_is_verified_and_not_older_than_1_2(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    context = transport.trusted_authorities()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.keylog_filename is None
