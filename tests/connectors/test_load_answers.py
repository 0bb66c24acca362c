"""What each answer to a load proves: nothing that may have been carried out is ever called not sent or refused."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
from ringcx_doubles import CAMPAIGN, LOADED, answer, body_of

from connectors.ringcx.answers import Accepted, NotSent, Refused, RejectedRow, Unknown
from connectors.ringcx.wire import read_load_answer
from connectors.sandbox.settings import SandboxSettings
from transforms.vocabulary.errors import ConfigurationError, RunInterruptedError


def load(client, count=3):
    return client.load(CAMPAIGN, body_of(count))


def test_a_load_that_went_well_is_accepted_with_its_counts(client, ringcx):
    accepted = load(client)

    assert isinstance(accepted, Accepted)
    assert (accepted.counts.supplied, accepted.counts.accepted, accepted.counts.inserted) == (3, 3, 3)
    assert accepted.rejected == ()
    assert ringcx.state.lead_count == 3


def test_leads_the_server_rejects_are_told_by_their_values(client, ringcx):
    body = orjson.loads(body_of(1))
    body["uploadLeads"].append({"externId": "bad", "leadPhone": "12"})

    accepted = client.load(CAMPAIGN, orjson.dumps(body))

    assert isinstance(accepted, Accepted)
    assert accepted.rejected == (RejectedRow("leadPhone must have 10 digits", ("bad", "12")),)
    assert ringcx.state.lead_count == 1


def test_a_load_without_one_valid_lead_is_accepted_with_every_lead_rejected(client):
    body = orjson.loads(body_of(1)) | {"uploadLeads": [{"externId": "bad", "leadPhone": "12"}]}

    accepted = client.load(CAMPAIGN, orjson.dumps(body))

    assert isinstance(accepted, Accepted)
    assert accepted.counts.inserted == 0
    assert len(accepted.rejected) == 1


@pytest.mark.parametrize(
    ("fault", "landed"),
    [
        ({"fault": "drop_before_commit"}, 0),
        ({"fault": "drop_half_committed"}, 2),
        ({"fault": "drop_after_commit"}, 4),
        ({"fault": "truncated_answer"}, 4),
        ({"fault": "not_json_answer", "when": "before"}, 0),
        ({"fault": "not_json_answer", "when": "after"}, 4),
        *[({"fault": "status_before_commit", "status": status}, 0) for status in (408, 500, 502, 503, 504)],
        *[({"fault": "status_after_commit", "status": status}, 4) for status in (408, 409, 500, 503, 504)],
        ({"fault": "slow", "seconds": 1.0, "when": "before"}, 0),
        ({"fault": "slow", "seconds": 1.0, "when": "after"}, 4),
    ],
    ids=str,
)
def test_what_may_have_been_carried_out_is_unknown(connect, ringcx, fault, landed):
    client = connect(ringcx.url, timeout=0.4)
    client.sign_in()
    ringcx.set_faults([{"call": "direct", "nth": 1} | fault])

    unknown = load(client, 4)

    assert isinstance(unknown, Unknown)
    assert ringcx.state.lead_count == landed


def test_a_load_that_lands_after_its_connection_was_dropped_is_unknown(client, ringcx):
    client.sign_in()
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "drop_then_commit_late", "seconds": 0.1}])

    assert isinstance(load(client), Unknown)
    until = time.monotonic() + 5
    while not ringcx.state.lead_count and time.monotonic() < until:
        time.sleep(0.02)
    assert ringcx.state.lead_count == 3


def test_a_dropped_connection_that_was_used_before_is_unknown(client, ringcx):
    assert isinstance(load(client, 1), Accepted)
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "drop_after_commit"}])

    assert isinstance(client.load(CAMPAIGN, body_of(1, first=1)), Unknown)
    assert ringcx.state.lead_count == 2


def test_a_reused_connection_that_the_server_hung_up_on_is_unknown_and_sent_only_once(legacy, raw):
    raw.answers += [answer("200 OK", LOADED), b"", answer("200 OK", LOADED)]
    assert isinstance(load(legacy, 1), Accepted)

    assert isinstance(load(legacy, 1), Unknown)
    assert len(raw.heard) == 2


def test_a_refused_connection_proves_that_nothing_was_sent(connect):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = connect(f"http://127.0.0.1:{port}", legacy_token="permanent-token")

    not_sent = load(client)

    assert isinstance(not_sent, NotSent)
    assert not_sent.code == "NO_CONNECTION"


def test_sign_in_out_of_reach_proves_that_nothing_was_sent(connect):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    not_sent = load(connect(f"http://127.0.0.1:{port}"))

    assert isinstance(not_sent, NotSent)
    assert not_sent.code == "RINGCX_OUT_OF_REACH"


@pytest.mark.parametrize(
    "status",
    [
        "101 Switching Protocols",
        "300 Multiple Choices",
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
        "408 Request Timeout",
        "409 Conflict",
        "424 Failed Dependency",
        "425 Too Early",
        "444 No Response",
        "460 Client Closed",
        "499 Client Closed Request",
        "500 Internal Server Error",
        "502 Bad Gateway",
        "520 Unknown",
        "599 Network Connect Timeout",
    ],
)
def test_a_status_that_does_not_say_the_request_was_turned_down_is_unknown(legacy, raw, status):
    raw.answers += [answer(status, b"", Location="/elsewhere"), answer("200 OK", LOADED)]

    assert isinstance(load(legacy), Unknown)
    assert len(raw.heard) == 1


@pytest.mark.parametrize("interim", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
def test_an_interim_answer_is_waited_past(legacy, raw, interim):
    raw.answers += [interim + answer("200 OK", LOADED)]

    assert isinstance(load(legacy), Accepted)


def test_an_interim_answer_and_then_nothing_is_unknown(legacy, raw):
    raw.answers += [b"HTTP/1.1 100 Continue\r\n\r\n"]

    assert isinstance(load(legacy), Unknown)


@pytest.mark.parametrize(
    "noise", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
)
def test_an_answer_that_is_no_http_is_unknown(legacy, raw, noise):
    raw.answers += [noise]

    assert isinstance(load(legacy), Unknown)


def test_an_answer_that_cannot_be_unpacked_is_unknown(legacy, raw):
    raw.answers += [answer("200 OK", b"not gzip", Content_Encoding="gzip")]

    assert isinstance(load(legacy), Unknown)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>OK</html>",
        b"null",
        b"[]",
        b'"OK"',
        b"{}",
        b'{"status":"OK"}',
        b'{"leadsInserted":',
        b'\xff{"leadsInserted":1}',
    ],
)
def test_a_200_without_a_load_result_is_unknown(legacy, raw, body):
    raw.answers += [answer("200 OK", body)]

    assert isinstance(load(legacy), Unknown)


@pytest.mark.parametrize("rows", [5, True, "text", {"a": 1}, [5, None, "x"], [{"message": None, "rowData": 7}], None])
def test_rejected_rows_of_another_shape_do_not_upset_a_load_that_was_accepted(legacy, raw, rows):
    raw.answers += [answer("200 OK", orjson.dumps(orjson.loads(LOADED) | {"rejectedRows": rows}))]

    accepted = load(legacy)

    assert isinstance(accepted, Accepted)
    assert all(isinstance(row, RejectedRow) for row in accepted.rejected)


@pytest.mark.parametrize("fault", [{"status": 400}, {"status": 413}, {"status": 422}])
def test_a_request_the_server_turned_down_is_refused_and_not_repeated(client, ringcx, fault):
    client.sign_in()
    ringcx.set_faults([{"call": "direct", "fault": "status_before_commit"} | fault])

    refused = load(client)

    assert isinstance(refused, Refused)
    assert refused.code == f"HTTP_{fault['status']}"
    assert "on purpose" in refused.message
    assert ringcx.state.requests_of("direct") == 1
    assert ringcx.state.lead_count == 0


@pytest.mark.parametrize("status", [402, 403, 404, 405, 451])
def test_a_request_that_is_turned_away_for_its_caller_was_not_sent(client, ringcx, status):
    client.sign_in()
    ringcx.set_faults([{"call": "direct", "fault": "status_before_commit", "status": status}])

    turned_away = load(client)

    assert isinstance(turned_away, NotSent)
    assert turned_away.code == f"HTTP_{status}"
    assert ringcx.state.requests_of("direct") == 1


def test_too_many_leads_a_body_too_large_and_a_wrong_body_are_refused(connect, ringcx):
    ringcx.reset(SandboxSettings(throttles=False, max_leads_per_request=2, max_body_bytes=2_000))
    client = connect(ringcx.url)

    assert load(client, 3).code == "HTTP_413"
    assert load(client, 100).code == "HTTP_413"
    assert client.load(CAMPAIGN, b'{"uploadLeads": []}').code == "HTTP_400"
    assert client.load(999, body_of(1)).code == "HTTP_404"
    assert ringcx.state.lead_count == 0


@pytest.mark.parametrize("status", ["400 Bad Request", "422 Unprocessable Content"])
@pytest.mark.parametrize(
    "words",
    [
        "Request body too large",
        "Request Entity Too Large",
        "Payload is too large.",
        "Too many leads",
        "Too many lead records in request: 1000, allowed 500",
        "Bad request. Too many leads.",
        "You are over the limit of 500 leads",
        "The upload has more than 1,000 leads",
        "A request may carry at most 500 leads",
        "Maximum of 500 leads per request",
        "Number of leads exceeds the maximum allowed",
        "The number of uploaded leads must be at most 500",
        "uploadLeads exceeds the maximum size of 500",
        "Maximum upload size exceeded",
        "The request exceeds the maximum allowed size",
        "Exceeds the maximum allowed size of 1048576 bytes",
        "Content length exceeded the limit of 10 MB",
    ],
)
def test_a_refusal_of_too_many_leads_or_bytes_is_known_by_the_servers_words(legacy, raw, status, words):
    raw.answers += [answer(status, orjson.dumps({"message": words}))]

    refused = load(legacy)

    assert isinstance(refused, Refused)
    assert refused.too_large


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Bad request",
        "Malformed payload",
        "Request body is not readable",
        "phone number too long",
        "Lead 17: too many phone numbers",
        "too many digits",
        "auxData1 exceeds 100 characters",
        "auxData1 exceeds the maximum size of 65536 bytes",
        "uploadLeads[3].auxData1: size must be between 0 and 100",
        "uploadLeads[3] exceeds the maximum size",
        "leadPriority is too large",
        "maxPasses exceeds the maximum of 20",
        "Value exceeds the maximum length of 255",
        "Row 3 exceeds the limit",
        "The lead exceeds 10 KB",
        "extendedLeadData has more than 20 rows",
        "Too many leads with this phone number",
        "Too many records failed validation",
        "The campaign is over its limit of 50000 leads",
        "The daily maximum of 100000 leads is used up",
        "Field description too long",
        "Too many leads in the account",
        "Invalid request: state is too long",
    ],
)
def test_a_refusal_that_may_be_for_one_leads_sake_is_never_called_too_large(legacy, raw, words):
    raw.answers += [answer("400 Bad Request", orjson.dumps({"message": words}))]

    refused = load(legacy)

    assert isinstance(refused, Refused)
    assert not refused.too_large


def test_a_413_says_that_the_request_is_too_large_whatever_its_words(legacy, raw):
    raw.answers += [answer("413 Content Too Large", b"<html>lead 3 is bad</html>"), answer("414 URI Too Long", b"")]

    assert load(legacy).too_large
    assert not load(legacy).too_large


def test_a_processing_failure_that_inserted_nothing_is_refused_by_its_own_name(client, ringcx):
    client.sign_in()
    ringcx.set_faults([{"call": "direct", "fault": "processing_failure", "status": "DNC_UPLOAD_FAILED"}])

    refused = load(client)

    assert refused == Refused("DNC_UPLOAD_FAILED", "The load failed")
    assert ringcx.state.lead_count == 0


@pytest.mark.parametrize("inserted", [{"leadsInserted": 2}, {}, {"leadsInserted": None}, {"leadsInserted": "2"}])
def test_a_processing_failure_that_may_have_inserted_some_is_unknown(inserted):
    failed = {"processingResult": "Failed", "processingStatus": "GENERAL_FAILURE", "leadsSupplied": 3}

    assert isinstance(read_load_answer(orjson.dumps(failed | inserted)), Unknown)


@pytest.mark.parametrize("style", ["seconds", "date", "none"])
def test_a_429_proves_that_nothing_was_done_and_says_how_long_to_wait(client, ringcx, style):
    client.sign_in()
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "throttle", "retry_after": style, "seconds": 2.0}])

    not_sent = load(client)

    assert isinstance(not_sent, NotSent)
    assert not_sent.code == "THROTTLED"
    # A date has whole seconds and comes one later; without a word five seconds are waited.
    assert not_sent.wait_seconds == pytest.approx({"seconds": 2.0, "date": 2.5, "none": 5.0}[style], abs=0.7)
    assert ringcx.state.lead_count == 0


def test_a_429_pauses_every_thread_until_the_time_it_names(client, ringcx):
    client.sign_in()
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "throttle", "seconds": 1.0}])
    assert isinstance(load(client, 1), NotSent)
    began = time.monotonic()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: client.load(CAMPAIGN, body_of(1, number)), range(4)))

    assert time.monotonic() - began > 0.9
    assert all(isinstance(each, Accepted) for each in answers)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        (" 7 ", 7),
        ("99999999999999999999999", 3600),
        ("9" * 400, 3600),
        ("soon", 5),
        ("-3", 5),
        ("1.5", 5),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
        ("Mon, 99 Foo 2001 00:00:00 GMT", 5),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 3600),
    ],
)
def test_any_retry_after_gives_a_wait_that_can_be_waited(legacy, raw, header, seconds):
    raw.answers += [answer("429 Too Many Requests", b"", Retry_After=header)]

    not_sent = load(legacy)

    assert isinstance(not_sent, NotSent)
    assert not_sent.wait_seconds == seconds


@pytest.mark.parametrize("fault", ["expire_token", "revoke_tokens"])
def test_a_token_that_ran_out_costs_no_lead_and_no_repeat(client, ringcx, fault):
    client.sign_in()
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": fault}])

    assert isinstance(load(client), Accepted)
    assert ringcx.state.answers_of("direct", 401) == 1
    assert ringcx.state.times_inserted() == {"e0": 1, "e1": 1, "e2": 1}


def test_a_token_that_is_never_taken_ends_as_not_sent(client, ringcx):
    client.sign_in()
    ringcx.set_faults([{"call": "direct", "fault": "expire_token"}])

    not_sent = load(client)

    assert isinstance(not_sent, NotSent)
    assert not_sent.code == "NOT_AUTHORIZED"
    assert ringcx.state.requests_of("direct") == 2


def test_a_permanent_token_that_is_refused_is_tried_once(connect, ringcx):
    client = connect(f"{ringcx.url}/api", legacy_token="wrong")

    assert isinstance(load(client), NotSent)
    assert ringcx.state.requests_of("direct") == 1


def test_a_load_never_raises_when_the_account_is_unknown_and_its_token_cannot_be_renewed(connect, ringcx):
    client = connect(ringcx.url, account_id=None)
    client.sign_in()
    ringcx.set_faults(
        [{"call": "direct", "nth": 1, "fault": "expire_token"}, {"call": "refresh", "fault": "drop_before_commit"}]
    )

    assert isinstance(load(client), NotSent)
    assert ringcx.state.lead_count == 0


def test_a_stop_ends_the_wait_before_a_load(client, ringcx, stop):
    client.sign_in()
    ringcx.set_faults([{"call": "direct", "nth": 1, "fault": "throttle", "seconds": 60.0}])
    assert isinstance(load(client, 1), NotSent)
    threading.Timer(0.2, stop.set).start()
    began = time.monotonic()

    with pytest.raises(RunInterruptedError):
        load(client, 1)

    assert time.monotonic() - began < 2
    assert ringcx.state.requests_of("direct") == 1


def test_an_answer_that_repeats_the_token_does_not_carry_it_into_our_words(legacy, raw):
    raw.answers += [answer("403 Forbidden", b'{"message": "permanent-token may not do this"}')]

    refused = load(legacy)

    assert isinstance(refused, NotSent)
    assert "permanent-token" not in refused.message
    assert "may not do this" in refused.message


def test_a_long_answer_is_shortened(legacy, raw):
    raw.answers += [answer("400 Bad Request", b"x" * 100_000)]

    assert len(load(legacy).message) < 400


def test_what_stays_on_this_machine_goes_past_a_proxy(monkeypatch, connect, ringcx):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert isinstance(load(connect(ringcx.url)), Accepted)


def test_a_proxy_that_cannot_be_reached_proves_that_nothing_was_sent(monkeypatch, connect):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    client = connect("https://ringcx.ringcentral.com", legacy_token="permanent-token")

    assert isinstance(load(client), NotSent)


def test_a_proxy_that_turns_a_tunnel_down_is_never_called_refused(monkeypatch, connect, raw):
    monkeypatch.setenv("HTTPS_PROXY", raw.url)
    raw.answers += [answer("403 Forbidden", b"blocked by policy")]
    client = connect("https://ringcx.ringcentral.com", legacy_token="permanent-token", timeout=1.0)

    assert isinstance(load(client), NotSent | Unknown)
    assert raw.heard[0].method == "CONNECT"
    assert "permanent-token" not in str(raw.heard)


def test_wrong_credentials_stop_a_load_before_anything_is_sent(connect, ringcx):
    client = connect(ringcx.url, client_secret="wrong")

    with pytest.raises(ConfigurationError):
        load(client)

    assert ringcx.state.requests_of("direct") == 0
