"""Whom credentials are shown to: hosts that prove who they are, past proxies that see nothing, and no redirect's."""

import base64
import datetime as dt
import socket
import ssl
import threading
from contextlib import suppress

import certificates
import orjson
import pytest
from ringcx_doubles import CAMPAIGN, LOADED, RawServer, answer, body_of, read_request

from connectors.ringcx.answers import Accepted, NotSent, Unknown
from connectors.ringcx.transport import trusted_authorities
from tests.conftest import lead_rows
from transforms.vocabulary.errors import ConfigurationError, ServiceError

RINGCX = "https://ringcx.ringcentral.com"
SIGNED_IN = [answer("200 OK", orjson.dumps(body)) for body in ({"access_token": "platform"}, {"accessToken": "token"})]


@pytest.fixture
def authority(tmp_path):
    return certificates.make_authority(tmp_path)


@pytest.fixture
def heard():
    """What servers behind TLS have heard."""
    return []


@pytest.fixture
def serve_tls(serve, heard):
    """Start a server behind TLS that accepts every load; return its address."""

    def begin(context: ssl.SSLContext) -> str:
        def handle(plain):
            with context.wrap_socket(plain, server_side=True) as connection, connection.makefile("rb") as stream:
                while (request := read_request(stream)) is not None:
                    heard.append(request)
                    connection.sendall(answer("200 OK", LOADED))

        return serve(handle).replace("http:", "https:")

    return begin


def load(client):
    return client.load(CAMPAIGN, body_of(1))


def test_a_server_that_signed_its_own_certificate_hears_nothing(serve_tls, heard, reach, tmp_path):
    url = serve_tls(certificates.server_context(tmp_path, "127.0.0.1", None))

    not_sent = load(reach(url))

    assert isinstance(not_sent, NotSent)
    assert "its certificate is not trusted: self-signed certificate" in not_sent.message
    assert not heard


def test_nothing_in_the_environment_switches_verification_off(monkeypatch, serve_tls, heard, reach, tmp_path):
    for name, value in {
        "PYTHONHTTPSVERIFY": "0", "SSL_VERIFY": "0", "CURL_CA_BUNDLE": "", "REQUESTS_CA_BUNDLE": "",
        "SSL_CERT_FILE": "", "SSL_CERT_DIR": "", "NODE_TLS_REJECT_UNAUTHORIZED": "0", "GIT_SSL_NO_VERIFY": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ssl, "_create_default_https_context", ssl._create_unverified_context)  # noqa: SLF001

    assert isinstance(load(reach(serve_tls(certificates.server_context(tmp_path, "127.0.0.1", None)))), NotSent)
    assert not heard


@pytest.fixture
def vouched(monkeypatch, serve_tls, authority, tmp_path):
    """Start a server whose certificate a trusted authority signed; return its address."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return lambda host, days_old: serve_tls(
        certificates.server_context(tmp_path, host, authority, age=dt.timedelta(days=days_old))
    )


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (("localhost", 1), "IP address mismatch"),
        (("ringcx.ringcentral.com", 1), "IP address mismatch"),
        (("127.0.0.1", 9), "certificate has expired"),
        (("127.0.0.1", -1), "certificate is not yet valid"),
    ],
)
def test_a_certificate_of_another_host_or_another_time_is_refused(vouched, heard, reach, shown, why):
    not_sent = load(reach(vouched(*shown)))

    assert isinstance(not_sent, NotSent)
    assert why in not_sent.message
    assert not heard


def test_ssl_cert_file_adds_an_authority_and_takes_none_away(monkeypatch, serve_tls, reach, authority, tmp_path):
    before = len(trusted_authorities().get_ca_certs())
    url = serve_tls(certificates.server_context(tmp_path, "127.0.0.1", authority))
    assert isinstance(load(reach(url)), NotSent)

    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    assert isinstance(load(reach(url)), Accepted)
    added = {frozenset(entry[0] for entry in each["subject"]) for each in trusted_authorities().get_ca_certs()}
    assert frozenset({("commonName", "Test authority")}) in added
    assert len(added) > 50 < before


def test_a_command_that_meets_a_certificate_it_cannot_trust_says_so_and_sends_nothing(
    serve_tls, heard, leadferry, make_job, tmp_path
):
    url = serve_tls(certificates.server_context(tmp_path, "127.0.0.1", None))

    ended = leadferry("load", make_job(lead_rows(1)), RINGCENTRAL_BASE_URL=url)

    assert ended.code == 2
    assert "its certificate is not trusted: self-signed certificate" in ended.err
    assert "SSL_CERT_FILE" in ended.err
    assert not heard


def test_a_command_that_is_to_give_credentials_to_a_stranger_asks_first(leadferry, make_job):
    job = make_job(lead_rows(1))

    refused = leadferry("load", job, "--json", RINGCX_BASE_URL="https://ringcx.ringcentral.com.evil.invalid")

    assert refused.code == 2
    assert refused.json["error"]["code"] == "ADDRESS_NOT_KNOWN"
    assert "LEADFERRY_ALLOW_HOSTS=ringcx.ringcentral.com.evil.invalid" in refused.err


@pytest.fixture
def proxy(serve, serve_tls, authority, monkeypatch, tmp_path):
    """A proxy that tunnels to a RingCX of the test's own, whatever it is asked for; what it hears, word for word."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    port = int(serve_tls(certificates.server_context(tmp_path, "ringcx.ringcentral.com", authority)).rpartition(":")[2])
    passed = []

    def pump(source, sink):
        with suppress(OSError):
            while part := source.recv(65536):
                passed.append(part)
                sink.sendall(part)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def handle(connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        passed.append(head)
        with socket.create_connection(("127.0.0.1", port)) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(onward, connection), daemon=True)
            back.start()
            pump(connection, onward)
            back.join(5)

    monkeypatch.setenv("HTTPS_PROXY", serve(handle).replace("//", "//someone:open%20sesame@"))
    return passed


def test_outside_hosts_are_reached_through_the_environments_proxy_which_sees_no_secret(proxy, heard, reach):
    assert isinstance(load(reach(RINGCX)), Accepted)

    assert len(heard) == 1
    assert heard[0].headers["x-auth-token"] == "permanent-token"
    assert proxy[0].startswith(b"CONNECT ringcx.ringcentral.com:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"someone:open sesame") in proxy[0]
    assert b"permanent-token" not in b"".join(proxy)


@pytest.mark.usefixtures("proxy")
def test_a_proxy_cannot_stand_in_for_a_host(heard, reach):
    not_sent = load(reach("https://platform.ringcentral.com"))

    assert isinstance(not_sent, NotSent)
    assert "Hostname mismatch" in not_sent.message
    assert not heard


@pytest.mark.parametrize("name", ["ringcx.invalid", ".invalid", "*"])
def test_hosts_named_in_no_proxy_are_reached_without_one(monkeypatch, proxy, reach, name):
    monkeypatch.setenv("NO_PROXY", name)

    assert isinstance(load(reach("https://ringcx.invalid", allowed_hosts=("ringcx.invalid",))), NotSent)
    assert not proxy


def test_this_machine_is_never_reached_through_a_proxy(monkeypatch, proxy, raw, reach):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    raw.answers += [answer("200 OK", LOADED)]

    assert isinstance(load(reach(raw.url)), Accepted)
    assert not proxy


@pytest.mark.parametrize(
    "address", ["socks5://127.0.0.1:9", "ftp://127.0.0.1", "http://someone:sesame@[::1", "http://a:sesame@b:port"]
)
def test_a_proxy_that_cannot_be_used_is_a_wrong_configuration_and_not_told(monkeypatch, reach, address):
    monkeypatch.setenv("HTTPS_PROXY", address)

    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as error:
        reach(RINGCX)

    assert "sesame" not in f"{error.value} {error.value.__cause__!r}"


@pytest.fixture
def elsewhere(serve):
    """Where redirects point to; what arrived there."""
    arrived = []
    return arrived, serve(lambda connection: arrived.append(connection.recv(10_000)))


def redirect(status: int, url: str) -> bytes:
    return answer(f"{status} Elsewhere", b"", Location=f"{url}/restapi/oauth/token")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", ["token", "exchange", "refresh", "load", "count", "search", "campaigns"])
def test_no_redirect_is_ever_followed(raw: RawServer, connect, elsewhere, call, status):
    arrived, url = elsewhere
    there = redirect(status, url)
    client = connect(raw.url, patience=0.0)
    calls = {
        "token": ([], client.sign_in, ConfigurationError),
        "exchange": (SIGNED_IN[:1], client.sign_in, ConfigurationError),
        # Without a refresh token a 401 means signing in again.
        "refresh": ([*SIGNED_IN, answer("401 Unauthorized")], lambda: load(client), ConfigurationError),
        "load": (SIGNED_IN, lambda: load(client), None),
        "count": (SIGNED_IN, lambda: client.count_leads(CAMPAIGN, ["e1"]), ConfigurationError),
        "search": (
            [*SIGNED_IN, answer("200 OK", b"1")],
            lambda: client.find_leads(CAMPAIGN, ["e1"]),
            ConfigurationError,
        ),
        "campaigns": (SIGNED_IN, client.campaigns, ConfigurationError),
    }
    before, make, error = calls[call]
    raw.answers += [*before, there, there]

    if error is None:
        unknown = make()
        assert isinstance(unknown, Unknown)
        assert "redirect" in unknown.message
    else:
        with pytest.raises(error, match="redirect") as told:
            make()
        assert url not in str(told.value)
    assert not arrived


def test_a_certificate_that_cannot_be_trusted_is_waited_for_by_a_search(serve_tls, reach, tmp_path):
    client = reach(serve_tls(certificates.server_context(tmp_path, "127.0.0.1", None)))

    with pytest.raises(ServiceError, match="not trusted") as error:
        client.count_leads(CAMPAIGN, ["e1"])

    assert error.value.code == "CERTIFICATE_NOT_TRUSTED"
