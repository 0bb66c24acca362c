"""Who is told how a run ended: once, in numbers, by a real webhook and a real mail server; and nothing secret."""

import email
import email.policy
import signal
import time
import warnings

import apprise
import pytest

from connectors.notices import send_notice
from connectors.sandbox.settings import SandboxSettings
from flows.job_file import read_job
from flows.notifying import RunEnd, end_told, message
from tests.conftest import lead_rows
from tests.notice_receivers import mail_server, webhook
from transforms.vocabulary.errors import ConfigurationError, DeliveryError, SourceError
from transforms.vocabulary.outcomes import Outcome


@pytest.fixture
def hook(monkeypatch, leadferry_here):
    """A webhook whose address is in NOTIFY_URL."""
    del leadferry_here  # sets the environment, so it goes first
    with webhook() as receiver:
        monkeypatch.setenv("NOTIFY_URL", receiver.address)
        yield receiver


def told(hook):
    return [each["title"] for each in hook.got]


def job_of(make_job, rows=None, on=None, **sections):
    notify = {"to": "env:NOTIFY_URL", "on": on}
    return make_job(lead_rows(3) if rows is None else rows, notify=notify, **sections)


def test_a_good_end_is_told_only_where_it_is_wanted(hook, leadferry_here, make_job):
    assert leadferry_here("load", job_of(make_job), "--run-id", "quiet").code == 0
    assert hook.got == []

    assert leadferry_here("load", job_of(make_job, on="always"), "--run-id", "loud").code == 0

    (notice,) = hook.got
    assert notice["title"] == "Leadferry: leads: succeeded"
    assert notice["message"].splitlines() == [
        "Every row is accounted for.", "", "job: leads", "run: loud", "rows read: 3", "LOADED: 3",
    ]  # fmt: skip
    assert notice["path"] == "/S3ntinel-key"


def test_a_gate_is_told_with_what_to_do_and_nothing_of_a_lead(hook, leadferry_here, make_job, tmp_path):
    rows = [row | {"phone": f"no {row['phone'][:-1]}"} for row in lead_rows(3)]

    assert leadferry_here("load", job_of(make_job, rows), "--run-id", "tonight").code == 3

    (notice,) = hook.got
    assert notice["title"] == "Leadferry: leads: gate"
    assert "REJECTED: 3" in notice["message"]
    assert "raise quality.max_reject_rate. The run's report says more: leadferry runs tonight" in notice["message"]
    secrets = [cell for row in rows for cell in (row["id"], row["phone"], row["name"], row["zip"])]
    assert not [cell for cell in secrets if cell in notice["message"] or cell in notice["title"]]
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"S3ntinel" in file.read_bytes()]


def test_a_source_that_is_missing_is_told_although_nothing_began(hook, leadferry_here, make_job, tmp_path):
    job = job_of(make_job)
    (tmp_path / "leads.csv").unlink()

    assert leadferry_here("load", job, "--run-id", "tonight").code == 2

    (notice,) = hook.got
    assert notice["title"] == "Leadferry: leads: failed"
    assert "why: SOURCE_MISSING" in notice["message"]
    assert "leadferry resume tonight" in notice["message"]


def test_each_end_of_a_run_is_told_once(hook, leadferry_here, make_job, ringcx):
    ringcx.set_faults([{"call": "direct", "fault": "status_before_commit", "status": 403}])
    first = leadferry_here("load", job_of(make_job, on="always"), "--run-id", "tonight")
    ringcx.set_faults([])
    again = leadferry_here("resume", "tonight")

    assert (first.code, again.code) == (1, 0)
    assert told(hook) == ["Leadferry: leads: failed", "Leadferry: leads: succeeded"]
    assert "why: HTTP_403" in hook.got[0]["message"]
    assert "Go on with: leadferry resume tonight" in hook.got[0]["message"]


def test_checks_and_dry_runs_tell_nobody(hook, leadferry_here, make_job):
    job = job_of(make_job, on="always")

    assert leadferry_here("check", job).code == leadferry_here("load", "--dry-run", job).code == 0
    assert hook.got == []


@pytest.mark.parametrize("trouble", ["it refuses", "it is gone", "it is no address", "it is empty"])
def test_a_notice_that_fails_is_warned_of_and_changes_nothing(hook, leadferry_here, make_job, monkeypatch, trouble):
    hook.status = 500
    addresses = {
        "it refuses": hook.address,
        "it is gone": "json://127.0.0.1:9/S3ntinel-key",
        "it is no address": "S3ntinel-key",
        "it is empty": "",
    }
    monkeypatch.setenv("NOTIFY_URL", addresses[trouble])

    ended = leadferry_here("load", job_of(make_job, on="always"), "--json")

    assert (ended.code, ended.json["status"]) == (0, "succeeded")
    (warning,) = ended.json["warnings"]
    assert "env:NOTIFY_URL" in warning
    assert ended.err.count(warning) == 1
    assert "S3ntinel" not in ended.err + ended.out
    assert "127.0.0.1:9" not in ended.err + ended.out


def test_mail_is_sent_and_several_addresses_are_all_told(hook, leadferry_here, make_job, monkeypatch):
    with mail_server() as mail:
        monkeypatch.setenv("NOTIFY_URL", f"{mail.address}\n{hook.address.replace('json:', 'http:')}")
        ended = leadferry_here("load", job_of(make_job, on=["succeeded"]), "--run-id", "tonight", "--json")

    assert (ended.code, ended.json["warnings"]) == (0, [])
    (letter,) = mail.got
    read = email.message_from_string(letter, policy=email.policy.default)
    assert read["Subject"] == "Leadferry: leads: succeeded"
    assert "ops@example.com" in read["To"]
    body = read.get_body(("plain", "html")).get_content()
    assert "run: tonight" in body
    assert told(hook) == ["Leadferry: leads: succeeded"]


def test_a_run_that_is_stopped_tells_nobody_unless_asked(hook, start_leadferry, make_job, ringcx):
    ringcx.reset(SandboxSettings(throttles=False, latency_seconds=0.2))
    for name, on in {"quiet": "always", "loud": "interrupted"}.items():
        job = job_of(make_job, lead_rows(300), on=on, delivery={"max_in_flight": 1})
        before = ringcx.state.answers_of("direct", 200)
        with start_leadferry("load", job, "--run-id", name, NOTIFY_URL=hook.address) as process:
            end = time.monotonic() + 60
            while ringcx.state.answers_of("direct", 200) == before and time.monotonic() < end:
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 130

    assert [(each["title"], "run: loud" in each["message"]) for each in hook.got] == [
        ("Leadferry: leads: interrupted", True)
    ]


@pytest.mark.parametrize(
    "error",
    [
        SourceError("COLUMN_MISSING", "'Ann' is missing", "it has 'Ann', '2035550100'"),
        DeliveryError("HTTP_400", "RingCX answered 400: Ann 2035550100", "x"),
        ValueError("Ann 2035550100"),
    ],
)
def test_words_of_sources_and_servers_are_not_in_the_message(make_job, error):
    text = message(read_job(make_job(lead_rows(1))), "tonight", RunEnd(error=error))

    assert "Ann" not in text
    assert "2035550100" not in text
    assert "leadferry resume tonight" in text


def test_secrets_that_cannot_be_looked_up_end_no_run(make_job):
    warnings = []

    def find(name):
        raise ConnectionError(f"no way to {name}")

    with end_told(read_job(job_of(make_job, on="always")), "tonight", find, warnings.append) as end:
        end.facts = {"status": "succeeded", "counts": {"rows_read": 0, **dict.fromkeys(Outcome, 0)}, "balanced": True}

    assert set(warnings) == {
        "[notify] names env:NOTIFY_URL, which cannot be looked up (ConnectionError): nobody is told by it."
    }


def test_books_that_differ_from_those_of_ringcx_are_told(make_job):
    counts = {"rows_read": 3, **dict.fromkeys(Outcome, 0)}
    ringcx = {"differences": [{"what": "inserted", "expected": 3, "found": 2, "size": 1}]}
    facts = {"status": "failed", "counts": counts, "balanced": True, "ringcx": ringcx}

    text = message(read_job(make_job(lead_rows(1))), "tonight", RunEnd(facts=facts))

    assert "RingCX's own numbers differ from these in 1 place." in text
    later = message(read_job(make_job(lead_rows(1))), "tonight", RunEnd(facts=facts | {"status": "unresolved"}))
    assert later.endswith("Read it back again later: leadferry reconcile tonight")


@pytest.mark.parametrize(
    ("notify", "words"),
    [
        ({"to": "https://hooks.slack.com/services/S3ntinel"}, "which has no place in a job file"),
        ({"on": "failed"}, "notify.to: this key is required"),
        ({"to": "env:A", "on": "never"}, "notify.on"),
        ({"to": "env:A", "at": "always"}, "notify.at: unknown key; did you mean 'to'?"),
    ],
)
def test_a_wrong_section_is_refused_and_its_secret_not_told(make_job, notify, words):
    with pytest.raises(ConfigurationError) as caught:
        read_job(make_job(lead_rows(1), notify=notify))

    assert words in str(caught.value)
    assert "S3ntinel" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("mailtos://USER:PASSWORD@example.com:587/?from=ME@example.com&to=YOU@example.com", "NotifyEmail"),
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "NotifySlack"),
        ("slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/%23channel", "NotifySlack"),
        ("https://a.logic.azure.com:443/workflows/3X5/triggers/manual/paths/invoke?sv=1.0&sig=iXU", "NotifyWorkflows"),
        ("workflows://example.com/WORKFLOW/SIGNATURE", "NotifyWorkflows"),
    ],
)
def test_the_addresses_that_the_docs_show_are_those_of_their_services(address, service):
    """Sending to them needs the services themselves; what takes an address for whose is the library's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert type(apprise.Apprise.instantiate(address)).__name__ == service


def test_an_address_among_others_that_is_none_is_counted_and_the_others_are_told():
    with webhook() as receiver:
        assert send_notice(f"nonsense {receiver.address} more", "t", "m") == "2 of its addresses are none"
    assert [each["message"] for each in receiver.got] == ["m"]
