"""Signing in: one token for the whole process, renewed in time, and no secret in any word of ours."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import orjson
import pytest
from ringcx_doubles import CAMPAIGN, account_of, answer, body_of

from connectors.ledger import Ledger
from connectors.ringcx.answers import Accepted, NotSent
from connectors.ringcx.client import RingCx
from connectors.ringcx.sign_in import Session
from connectors.ringcx.throttle import Throttle
from connectors.sandbox.settings import SandboxSettings
from transforms.vocabulary.errors import ConfigurationError, RunInterruptedError, ServiceError

TOKEN = {"access_token": "platform-token-1234567890"}
PAIR = {"accessToken": "ringcx-token", "refreshToken": "refresh-token-1234567890"}


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def http():
    with httpx.Client(timeout=5, trust_env=False) as client:
        yield client


@pytest.fixture
def sign_in(http, throttle, clock):
    """Make a session with the account at an address."""
    return lambda url, **changes: Session(account_of(url, **changes), http, throttle, clock)


def requests(ringcx):
    return [ringcx.state.requests_of(call) for call in ("token", "exchange", "refresh")]


def opens(ringcx, header):
    return httpx.get(f"{ringcx.url}/voice/api/v1/admin/accounts", headers=header, trust_env=False).is_success


def test_signing_in_exchanges_a_jwt_for_a_token_that_opens_the_account(ringcx, sign_in):
    header = sign_in(ringcx.url).authorization()

    assert opens(ringcx, header)
    assert requests(ringcx) == [1, 1, 0]


def test_a_token_is_used_again_until_most_of_its_life_is_over(ringcx, sign_in, clock):
    session = sign_in(ringcx.url)
    first = session.authorization()
    clock.seconds += 230

    assert session.authorization() == first
    assert requests(ringcx) == [1, 1, 0]


def test_a_token_is_renewed_before_its_five_minutes_are_over(ringcx, sign_in, clock):
    session = sign_in(ringcx.url)
    for _ in range(3):
        header = session.authorization()
        clock.seconds += 250
        ringcx.state.clock.advance(250)
        assert opens(ringcx, header)

    assert opens(ringcx, session.authorization())
    assert requests(ringcx) == [1, 1, 3]


def test_many_threads_share_one_exchange_and_one_renewal(ringcx, sign_in, clock):
    ringcx.reset(SandboxSettings(throttles=True, latency_seconds=0.05))
    session = sign_in(ringcx.url)

    with ThreadPoolExecutor(16) as pool:
        first = list(pool.map(lambda _: session.authorization()["Authorization"], range(32)))
        clock.seconds += 250
        second = list(pool.map(lambda _: session.authorization()["Authorization"], range(32)))

    assert len(set(first)) == len(set(second)) == 1
    assert first[0] != second[0]
    assert requests(ringcx) == [1, 1, 1]


def test_many_threads_that_all_meet_a_401_renew_once(ringcx, sign_in):
    session = sign_in(ringcx.url)
    old = session.authorization()

    def renew(_):
        session.reject(old)
        return session.authorization()["Authorization"]

    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(renew, range(16)))

    assert len(tokens) == 1
    assert requests(ringcx) == [1, 1, 1]


def test_a_spent_refresh_token_falls_back_to_signing_in_from_the_start(ringcx, sign_in, clock):
    session = sign_in(ringcx.url)
    session.authorization()
    ringcx.state.tokens.revoke_all()
    clock.seconds += 250

    assert opens(ringcx, session.authorization())
    assert requests(ringcx) == [2, 2, 1]


def test_a_renewal_whose_answer_is_lost_is_mended_by_signing_in_again(ringcx, sign_in, clock):
    session = sign_in(ringcx.url)
    first = session.authorization()
    clock.seconds += 250
    ringcx.set_faults([{"call": "refresh", "nth": 1, "fault": "drop_after_commit"}])

    assert session.authorization() == first
    clock.seconds += 1
    assert opens(ringcx, session.authorization())
    assert requests(ringcx) == [2, 2, 2]


def test_a_token_that_cannot_be_renewed_is_used_until_its_life_is_over(ringcx, sign_in, clock):
    session = sign_in(ringcx.url)
    first = session.authorization()
    ringcx.set_faults([{"call": "refresh", "fault": "drop_before_commit"}])
    for _ in range(4):
        clock.seconds += 60
        assert session.authorization() == first
    assert requests(ringcx) == [1, 1, 1]

    clock.seconds += 55
    with pytest.raises(ServiceError, match="cannot be reached"):
        session.authorization()


def test_a_token_that_was_rejected_is_never_used_again(ringcx, sign_in):
    session = sign_in(ringcx.url)
    session.reject(session.authorization())
    ringcx.set_faults([{"call": "refresh", "fault": "drop_before_commit"}])

    with pytest.raises(ServiceError):
        session.authorization()


def test_threads_that_wait_for_a_sign_in_share_its_failure(ringcx, sign_in):
    ringcx.set_faults([{"call": "token", "fault": "drop_before_commit"}])
    session = sign_in(ringcx.url)

    def fail(_):
        with pytest.raises(ServiceError, match="cannot be reached"):
            session.authorization()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(fail, range(64)))

    assert requests(ringcx) == [1, 0, 0]


def test_a_sign_in_that_is_to_come_back_much_later_is_left_alone_until_then(raw, sign_in, clock):
    raw.answers += [answer("503 Service Unavailable", b"", Retry_After="600"), answer("400 Bad Request", b"no")]
    session = sign_in(raw.url)

    for _ in range(3):
        with pytest.raises(ServiceError, match="503"):
            session.authorization()
        clock.seconds += 100
    assert len(raw.heard) == 1

    clock.seconds += 400
    with pytest.raises(ConfigurationError):
        session.authorization()


def test_a_stop_ends_the_wait_for_another_thread_s_sign_in(ringcx, sign_in, stop):
    ringcx.set_faults([{"call": "token", "fault": "slow", "seconds": 2.0}])
    session = sign_in(ringcx.url)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(session.authorization)
        while not ringcx.state.open_requests:
            time.sleep(0.01)
        second = pool.submit(session.authorization)
        stop.set()
        began = time.monotonic()
        assert isinstance(second.exception(timeout=5), RunInterruptedError)
        assert time.monotonic() - began < 1.5
        assert first.result(timeout=5)


@pytest.fixture
def crowd(ringcx, stop, tmp_path):
    """A client for sixty threads, without limits of its own."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'throttle.sqlite'}")
    client = RingCx(
        account_of(ringcx.url),
        Throttle(ledger.windows(), stop, limited=False),
        version="1.2.3",
        timeout_seconds=20.0,
        patience_seconds=3.0,
        connections=64,
    )
    client.sign_in()
    yield client
    client.close()
    ledger.close()


@pytest.fixture
def sixty(crowd):
    """Let sixty threads load a lead each, all at once, twice, with something happening in between."""

    def load(meanwhile):
        with ThreadPoolExecutor(60) as pool:
            for first in (0, 60):
                answers = list(
                    pool.map(lambda number: crowd.load(CAMPAIGN, body_of(1, number)), range(first, first + 60))
                )
                if not first:
                    assert all(isinstance(each, Accepted) for each in answers)
                    meanwhile()
        return answers

    return load


def test_a_token_that_runs_out_while_sixty_threads_load_is_renewed_once(ringcx, sixty):
    answers = sixty(lambda: ringcx.state.clock.advance(400))

    assert all(isinstance(each, Accepted) for each in answers)
    assert requests(ringcx) == [1, 1, 1]
    assert 1 <= ringcx.state.answers_of("direct", 401) <= 60
    assert set(ringcx.state.times_inserted().values()) == {1}
    assert ringcx.state.lead_count == 120


def test_tokens_that_are_withdrawn_while_sixty_threads_load_cost_one_exchange(ringcx, sixty):
    answers = sixty(ringcx.state.tokens.revoke_all)

    assert all(isinstance(each, Accepted) for each in answers)
    assert requests(ringcx) == [2, 2, 1]
    assert set(ringcx.state.times_inserted().values()) == {1}
    assert ringcx.state.lead_count == 120


def test_a_sign_in_that_fails_for_a_while_makes_loads_wait_and_stops_nothing(ringcx, crowd):
    ringcx.state.clock.advance(400)
    ringcx.set_faults([{"call": "refresh", "to": 3, "fault": "status_before_commit", "status": 500}])

    with ThreadPoolExecutor(60) as pool:
        during = list(pool.map(lambda number: crowd.load(CAMPAIGN, body_of(1, number)), range(60)))
    time.sleep(0.6)
    after = crowd.load(CAMPAIGN, body_of(1))

    assert {(type(each), each.code) for each in during} == {(NotSent, "SIGN_IN_FAILED")}
    assert isinstance(after, Accepted)
    assert requests(ringcx) == [1, 1, 4]
    assert ringcx.state.lead_count == 1


def test_a_token_that_dies_while_its_request_waits_for_its_turn_is_renewed_before(monkeypatch, ringcx, connect):
    monkeypatch.setattr("connectors.ringcx.sign_in.TOKEN_SECONDS", 1.0)
    ringcx.reset(SandboxSettings(throttles=False, token_seconds=1.0))
    client = connect(ringcx.url)
    client.sign_in()
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "throttle", "seconds": 2.0}])

    assert isinstance(client.load(CAMPAIGN, body_of(1)), NotSent)
    assert isinstance(client.load(CAMPAIGN, body_of(1)), Accepted)
    assert ringcx.state.answers_of("direct", 401) == 0


def test_without_a_refresh_token_renewal_signs_in_again(raw, sign_in, clock):
    raw.answers += [answer("200 OK", orjson.dumps(body)) for body in (TOKEN, {"accessToken": "one"}) * 2]
    session = sign_in(raw.url)
    session.authorization()
    clock.seconds += 250
    session.authorization()

    assert [heard.target for heard in raw.heard[2:]] == [
        "/restapi/oauth/token",
        "/api/auth/login/rc/accesstoken?includeRefresh=true",
    ]


def test_a_legacy_host_gets_its_permanent_token_and_its_own_paths(connect, ringcx):
    client = connect(f"{ringcx.url}/api", legacy_token=SandboxSettings().legacy_token, jwt="", client_id="")

    assert isinstance(client.load(CAMPAIGN, body_of(1)), Accepted)
    assert requests(ringcx) == [0, 0, 0]
    assert ringcx.state.requests[-1].path.startswith("/api/v1/admin/accounts/99990001/campaigns/")


def test_the_account_id_is_taken_from_the_sign_in_when_the_environment_names_none(connect, ringcx):
    client = connect(ringcx.url, account_id=None)

    assert client.sign_in() == "99990001"
    assert isinstance(client.load(CAMPAIGN, body_of(1)), Accepted)
    assert requests(ringcx) == [1, 1, 0]


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ([{"accountId": "1"}, {"accountId": "2"}, {"accountId": "1"}], "there are 1, 2"),
        ([], "the sign-in names none"),
        (None, "the sign-in names none"),
    ],
)
def test_an_account_that_cannot_be_told_is_a_wrong_configuration(raw, sign_in, details, told):
    raw.answers += [answer("200 OK", orjson.dumps(body)) for body in (TOKEN, PAIR | {"agentDetails": details})]

    with pytest.raises(ConfigurationError, match=told) as error:
        sign_in(raw.url, account_id=None).account_id()

    assert error.value.code == "ACCOUNT_UNKNOWN"


def test_a_legacy_account_without_its_id_is_a_wrong_configuration(raw, sign_in):
    with pytest.raises(ConfigurationError, match="RINGCX_ACCOUNT_ID"):
        sign_in(raw.url, account_id=None, legacy_token="permanent").account_id()


@pytest.mark.parametrize("wrong", ["client_id", "client_secret", "jwt"])
def test_wrong_credentials_are_a_wrong_configuration_and_are_not_told(ringcx, sign_in, wrong):
    secrets = {"client_id": "my-id", "client_secret": "my-very-own-secret", "jwt": "eyJhbGciOi.my.jwt"}

    with pytest.raises(ConfigurationError) as error:
        sign_in(ringcx.url, **{wrong: secrets[wrong]}).authorization()

    told = f"{error.value} {error.value!r} {error.value.__cause__!r}"
    assert error.value.code == "CREDENTIALS_REFUSED"
    assert not [secret for secret in (*secrets.values(), "sandbox-jwt", "sandbox-secret") if secret in told]
    assert requests(ringcx) == [1, 0, 0]


@pytest.mark.parametrize("length", [20, 250, 290, 299, 300, 900])
def test_a_server_that_repeats_the_jwt_does_not_make_us_tell_a_part_of_it(raw, sign_in, length):
    jwt = "eyJ" + "s3cr3t" * (length // 6)
    raw.answers += [answer("400 Bad Request", orjson.dumps({"error_description": f"The assertion {jwt} is not valid"}))]

    with pytest.raises(ConfigurationError) as error:
        sign_in(raw.url, jwt=jwt).authorization()

    assert "s3cr3t" not in str(error.value)
    assert "The assertion *** is not valid" in str(error.value)


def test_a_server_that_repeats_a_token_or_a_secret_does_not_make_us_tell_it(raw, sign_in):
    words = f"{TOKEN['access_token']} of client sandbox-secret is not valid"
    raw.answers += [answer("200 OK", orjson.dumps(TOKEN)), answer("401 Unauthorized", words.encode())]

    with pytest.raises(ConfigurationError) as error:
        sign_in(raw.url).authorization()

    assert "*** of client *** is not valid" in str(error.value)


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent"])
def test_no_redirect_is_followed_with_credentials(raw, sign_in, status):
    raw.answers += [answer(status, b"", Location=f"{raw.url}/elsewhere"), answer("200 OK", orjson.dumps(TOKEN))]

    with pytest.raises(ConfigurationError, match="redirect"):
        sign_in(raw.url).authorization()

    assert [heard.target for heard in raw.heard] == ["/restapi/oauth/token"]


def test_a_429_on_the_exchange_is_waited_for(ringcx, sign_in):
    ringcx.set_faults([{"call": "exchange", "nth": 1, "fault": "throttle", "seconds": 1.0}])
    began = time.monotonic()

    assert opens(ringcx, sign_in(ringcx.url).authorization())
    assert time.monotonic() - began > 0.9
    assert requests(ringcx) == [1, 2, 0]


def test_a_429_that_never_ends_is_an_error_of_the_service(raw, sign_in):
    raw.answers += [answer("429 Too Many Requests", b"", Retry_After="0")] * 5

    with pytest.raises(ServiceError, match="429"):
        sign_in(raw.url).authorization()

    assert len(raw.heard) == 3


def test_a_stop_ends_the_wait_for_an_exchange(ringcx, sign_in, stop):
    ringcx.set_faults([{"call": "exchange", "fault": "throttle", "seconds": 60.0}])
    stop.set()

    with pytest.raises(RunInterruptedError):
        sign_in(ringcx.url).authorization()


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"accessToken": 7}', b'{"accessToken": ""}', b'{"accessToken": "a\\r\\nX: y"}']
)
def test_an_exchange_without_a_token_is_an_error_of_the_service(raw, sign_in, body):
    raw.answers += [answer("200 OK", orjson.dumps(TOKEN)), answer("200 OK", body)]

    with pytest.raises(ServiceError, match="something else than a token"):
        sign_in(raw.url).authorization()


def test_a_sign_in_that_cannot_be_reached_names_the_host_and_no_secret(sign_in):
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1 cannot be reached \(ConnectError\)") as error:
        sign_in("http://user:password@127.0.0.1:9").authorization()

    assert "password" not in str(error.value)
    assert error.value.__cause__ is None


def test_every_request_says_who_we_are(connect, raw):
    raw.answers += [answer("200 OK", orjson.dumps(body)) for body in (TOKEN, PAIR)]

    connect(raw.url).sign_in()

    assert {heard.headers["user-agent"] for heard in raw.heard} == {"leadferry/1.2.3"}
