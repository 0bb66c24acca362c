"""Files in object storage: a real S3 server over HTTP, read by the real command; other kinds by what they refuse."""

import datetime as dt
import http.client
import io
import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from threading import Event
from typing import Any

import obstore
import polars as pl
import pytest
import xlsxwriter
from click.testing import CliRunner
from obstore.store import S3Store

from connectors.sources.object_storage import ObjectStorage, Patience, StoredObject
from connectors.sources.urls import Place, is_url, parse_url
from flows.cli import cli
from flows.fetching import fetched
from flows.init_job import init_job
from flows.job_file import read_job
from tests.conftest import PROJECT, lead_rows
from transforms.vocabulary.errors import LeadferryError, RunInterruptedError, SourceError

OURS = ("AWS_", "GOOGLE_", "AZURE_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(scope="module")
def server():
    """The URL of an S3 server of this machine, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    # The requests of the first test are not checked; those after a reset with a number are.
    environment = os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": "1000000", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 60
        while True:
            try:
                ask(url, "GET", "/moto-api/")
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)
        yield url
        process.terminate()


def ask(url, method, path, body=b""):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, body or None, {"Content-Type": "text/plain"})
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    assert answer.status == 200, (method, path, answer.status)


@pytest.fixture
def s3(server, monkeypatch):
    """A fresh bucket `leads`; put objects into it. The environment has what reads it."""
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    ask(server, "POST", "/moto-api/reset")
    ask(server, "PUT", "/leads")
    for name, value in access(server).items():
        monkeypatch.setenv(name, value)
    store = S3Store("leads", endpoint=server, client_options={"allow_http": True})

    def put(**objects: bytes) -> None:
        for key, content in objects.items():
            obstore.put(store, key, content)

    return put


def access(server):
    return {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEOFTESTS",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
    }


@pytest.fixture
def command(server, leadferry):
    """Run the real command with access to the server, and hold that no secret is shown."""

    def run(*arguments: Any, **changes: str | None):
        clean = {name: None for name in os.environ if name.startswith(OURS)}
        ended = leadferry(*arguments, **(clean | access(server) | changes))
        for secret in ("secret-of-the-tests", "a-wrong-secret"):
            assert secret not in ended.out + ended.err
        return ended

    return run


def csv_of(rows):
    return pl.DataFrame(rows).write_csv().encode()


def parquet_of(rows):
    buffer = io.BytesIO()
    pl.DataFrame(rows).write_parquet(buffer)
    return buffer.getvalue()


def excel_of(rows):
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet("Leads")
        for place, row in enumerate([list(rows[0]), *(list(row.values()) for row in rows)]):
            sheet.write_row(place, 0, row)
    return buffer.getvalue()


KINDS = {"csv": (".csv", csv_of), "parquet": (".parquet", parquet_of), "excel": (".xlsx", excel_of)}


READ = [(kind, path) for kind in KINDS for path in ("nightly/1{}", "nightly/", "night*/*{}")]


@pytest.mark.parametrize("read", [*READ, ("csv", "nightly")], ids="-".join)
def test_every_kind_of_file_is_read_by_name_prefix_and_pattern(command, s3, make_job, tmp_path, read):
    kind, path = read
    ending, write = KINDS[kind]
    s3(
        **{
            f"nightly/1{ending}": write(lead_rows(3)),
            f"nightly/2{ending}": write(lead_rows(2, first=3)),
            f"nightly/.hidden{ending}": b"no",
            f"nightly/deep/3{ending}": b"no",
            "nightly/readme.txt": b"no",
        }
    )
    url = f"s3://leads/{path.format(ending)}"

    ended = command("check", make_job("", source={"type": kind, "path": url}), "--json", "--out", tmp_path / "out")

    assert ended.code == 0, ended.err
    assert ended.json["counts"]["rows_read"] == (3 if "1" in path else 5)
    assert ended.json["source"] == url
    assert not list((tmp_path / "out").glob("fetched*"))


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("a/*.csv", ["a/12.csv", "a/[x.csv", "a/zx.csv"]),
        ("a/**/*.csv", ["a/12.csv", "a/[x.csv", "a/b/c/12.csv", "a/zx.csv"]),
        ("a/[0-9]?.csv", ["a/12.csv"]),
        ("a/[!0-9]x.csv", ["a/[x.csv", "a/zx.csv"]),
        ("*/b/**", ["a/b/c/12.csv"]),
    ],
)
def test_a_pattern_matches_keys_as_it_does_files(s3, pattern, matched):
    s3(**dict.fromkeys(["a/12.csv", "a/zx.csv", "a/[x.csv", "a/b/c/12.csv", "a/b/.no.csv", "12.csv"], b"x"))

    listed = ObjectStorage(Place("s3", "leads", pattern), ".csv").list_objects()

    assert [item.key for item in listed] == matched


@pytest.mark.parametrize(("kind", "path"), [("csv", "nightly/1.csv"), ("parquet", "nightly/"), ("excel", "n*/*.xlsx")])
def test_init_guesses_from_the_first_file_and_its_job_can_be_checked(command, s3, tmp_path, kind, path):
    ending, write = KINDS[kind]
    s3(**{f"nightly/1{ending}": write(lead_rows(30)), f"nightly/2{ending}": write(lead_rows(3, 50))})

    ended = command("init", f"s3://leads/{path}", "--job", tmp_path / "job.toml", "--json")

    assert ended.code == 0, ended.err
    assert (ended.json["rows_looked_at"], ended.json["source"]) == (30, f"s3://leads/{path}")
    source = read_job(tmp_path / "job.toml").source
    assert (source.type, source.path) == (kind, f"s3://leads/{path}")
    checked = command("check", tmp_path / "job.toml", "--json")
    assert (checked.code, checked.json["counts"]["rows_read"]) == (0, 33 if "1" not in path else 30), checked.err


def test_init_names_folders_of_partitions_among_the_columns(s3, tmp_path):
    s3(**{"day=2026-01-02/a.parquet": parquet_of(lead_rows(30))})

    assert "day" in init_job("s3://leads/", tmp_path / "job.toml", force=False)["left_out"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("s3://leads/nothing/", "SOURCE_MISSING"),
        ("s3://key:secret-of-the-tests@leads/a.csv", "INIT_URL"),
        ("https://example.com/a.csv", "INIT_URL"),
        ("s3://leads/odd.csv", "SOURCE_NOT_TEXT"),
    ],
)
def test_init_tells_what_it_cannot_read_by_its_url(s3, tmp_path, url, code):
    s3(**{"odd.csv": b"\x00\x01"})

    with pytest.raises(LeadferryError) as raised:
        init_job(url, tmp_path / "job.toml", force=False)

    assert raised.value.code == code
    assert code != "SOURCE_NOT_TEXT" or url in raised.value.message
    assert "secret-of-the-tests" not in str(raised.value)
    assert not (tmp_path / "job.toml").exists()


@pytest.mark.usefixtures("s3")
def test_the_example_of_the_page_runs(server, make_job, tmp_path, monkeypatch):
    page = (PROJECT / "docs" / "job-file.md").read_text(encoding="utf-8")
    (example,) = re.findall(
        r'^```toml\n(\[source\]\ntype = "parquet"\npath = "s3://our-exports/.*?)^```', page, re.MULTILINE | re.DOTALL
    )
    ask(server, "PUT", "/our-exports")
    store = S3Store("our-exports", endpoint=server, client_options={"allow_http": True})
    today = dt.datetime.now().astimezone().date()
    for day in (today, today + dt.timedelta(days=1)):  # the day may end while the test runs
        obstore.put(store, f"leads/{day}/1.parquet", parquet_of(lead_rows(6)))
    job = make_job([], source={"path": None} | tomllib.loads(example)["source"])
    monkeypatch.setenv("LEADFERRY_HOME", str(tmp_path / "home"))

    ended = CliRunner().invoke(cli, ["check", str(job), "--json", "--debug"])

    assert ended.exit_code == 0, ended.stderr
    assert json.loads(ended.stdout)["leads_staged"] == 6


def test_a_load_fetches_reads_and_keeps_nothing_of_the_files(command, s3, make_job, tmp_path):
    s3(**{"day=2026-01-02/x=São%2F/a.parquet": parquet_of(lead_rows(30))})
    job = make_job(
        "",
        source={"type": "parquet", "path": "s3://leads/"},
        columns={"auxData1": "day", "auxData2": "x"},
    )

    ended = command("load", job, "--json", "--out", tmp_path / "out")

    assert ended.code == 0, ended.err
    assert ended.json["counts"]["LOADED"] == 30
    assert not list((tmp_path / "out").glob("fetched*"))
    leads = pl.read_parquet(tmp_path / "out" / "leads.parquet")
    assert leads.select("auxData1", "auxData2").unique().rows() == [("2026-01-02", "São/")]


def test_a_file_of_many_pieces_is_whole(s3, tmp_path, monkeypatch):
    monkeypatch.setattr("connectors.sources.object_storage._PIECE_BYTES", 1000)
    content = bytes(range(256)) * 40 + b"the end"
    s3(**{"big.csv": content})
    storage = ObjectStorage(Place("s3", "leads", "big.csv"), ".csv")
    (item,) = storage.list_objects()

    assert storage.fetch(item, tmp_path, lambda: None).read_bytes() == content


def test_a_file_that_is_replaced_while_it_is_read_is_refused(s3, tmp_path, monkeypatch):
    monkeypatch.setattr("connectors.sources.object_storage._PIECE_BYTES", 1000)
    s3(**{"leads.csv": bytes(5000)})
    storage = ObjectStorage(Place("s3", "leads", "leads.csv"), ".csv")
    (item,) = storage.list_objects()
    pieces = []

    def replace():
        pieces.append(1)
        if len(pieces) == 3:
            s3(**{"leads.csv": b"x" * 5000})

    with pytest.raises(SourceError, match=r"s3://leads/leads\.csv was replaced or removed") as error:
        storage.fetch(item, tmp_path, replace)
    assert error.value.code == "SOURCE_CHANGED"
    assert len(pieces) == 3


def test_a_stop_ends_the_fetching(s3, make_job, tmp_path):
    s3(**{"leads.csv": csv_of(lead_rows(1))})
    job = read_job(make_job("", source={"path": "s3://leads/leads.csv"}))
    stop = Event()
    stop.set()

    with pytest.raises(RunInterruptedError), fetched(job, tmp_path, stop):
        pass
    assert not list(tmp_path.glob("fetched*"))


def test_what_a_killed_process_left_is_removed(s3, make_job, tmp_path):
    s3(**{"leads.csv": csv_of(lead_rows(1))})
    (tmp_path / "fetched-left").mkdir()
    (tmp_path / "fetched-left" / "leads.csv").touch()
    job = read_job(make_job("", source={"path": "s3://leads/leads.csv"}))

    with fetched(job, tmp_path) as local:
        assert len(list(tmp_path.glob("fetched*"))) == 1
        assert (os.stat(next(tmp_path.glob("fetched*"))).st_mode & 0o77) == 0  # noqa: PTH116
        assert local.source.place.startswith(str(tmp_path))


def test_errors_of_a_file_name_it_by_its_url(command, s3, make_job):
    s3(**{"a.parquet": b"no parquet"})

    ended = command("check", make_job("", source={"type": "parquet", "path": "s3://leads/a.parquet"}), "--json")

    assert ended.code == 2
    assert ended.json["error"]["message"].startswith("s3://leads/a.parquet is not a Parquet file")


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("s3://leads/none.csv", "SOURCE_MISSING"),
        ("s3://leads/none/*.csv", "SOURCE_MISSING"),
        ("s3://no-such-bucket/a.csv", "SOURCE_BUCKET_MISSING"),
        ("s3://no-such-bucket/", "SOURCE_BUCKET_MISSING"),
    ],
)
def test_what_is_not_there_is_told_with_a_next_step(command, make_job, path, code):
    verb = "load" if path.endswith(".csv") else "check"
    ended = command(verb, make_job("", source={"path": path}), "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, code)
    assert "source.path" in ended.json["error"]["next_step"]


def test_a_late_object_is_waited_for(s3, command, make_job):
    wait = {"missing": "wait", "wait_minutes": 0.02, "wait_poll_seconds": 0.2}
    job = make_job("", source={"path": "s3://leads/{run_date:%Y}/x.csv"} | wait)
    late = command("check", job, "--json")
    assert (late.code, late.json["error"]["code"]) == (2, "SOURCE_MISSING")
    assert "Waiting up to" in late.err
    s3(**{f"{time.strftime('%Y')}/x.csv": csv_of(lead_rows(2))})

    assert command("check", job).code == 0


def test_wrong_credentials_are_told_without_showing_them(s3, server, command, make_job):
    s3(**{"a.csv": csv_of(lead_rows(1))})
    ask(server, "POST", "/moto-api/reset-auth", b"0")
    try:
        job = make_job("", source={"path": "s3://leads/a.csv"})
        ended = command("check", job, "--json", AWS_SECRET_ACCESS_KEY="a-wrong-secret")
        folder = command("check", make_job("", source={"path": "s3://leads/"}), "--json")
    finally:
        ask(server, "POST", "/moto-api/reset-auth", b"1000000")

    for refused in (ended, folder):
        assert (refused.code, refused.json["error"]["code"]) == (2, "SOURCE_FORBIDDEN")
        assert "AWS_SECRET_ACCESS_KEY" in refused.json["error"]["next_step"]
        assert "AKIAEXAMPLEOFTESTS" not in refused.out + refused.err
    assert "(InvalidAccessKeyId)" in folder.json["error"]["message"]


@pytest.mark.usefixtures("s3")
def test_a_server_that_never_answers_is_given_up(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        storage = ObjectStorage(Place("s3", "leads", "a.csv"), ".csv", patience=Patience(0.3, 0.3, 0.5))
        began = time.monotonic()
        with pytest.raises(SourceError, match="does not answer, or not in time") as error:
            storage.list_objects()
    assert error.value.code == "SOURCE_UNREACHABLE"
    assert time.monotonic() - began < 15


@pytest.mark.usefixtures("s3")
def test_nobody_at_the_endpoint_is_told_with_a_next_step(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    storage = ObjectStorage(Place("s3", "leads", "a.csv"), ".csv", patience=Patience(0.3, 0.3, 0.5))

    with pytest.raises(SourceError, match="cannot be read") as error:
        storage.list_objects()
    assert "AWS_ENDPOINT_URL" in error.value.next_step


@pytest.mark.usefixtures("s3")
def test_no_credentials_are_told_with_the_variables_that_give_them(monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # in place of the cloud's own service of credentials
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        asked = [("s3", "AWS_ACCESS_KEY_ID"), ("az", "AZURE_STORAGE_ACCOUNT_NAME")]
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
        for scheme, variable in [*asked, ("gs", "GOOGLE_APPLICATION_CREDENTIALS")]:
            with pytest.raises(SourceError, match="no credentials") as error:
                ObjectStorage(Place(scheme, "leads", "a.csv"), ".csv", patience=Patience(0.3, 0.3, 0.5)).list_objects()
            assert (error.value.code, variable in error.value.next_step) == ("SOURCE_CREDENTIALS", True)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://leads/a/b.csv", Place("s3", "leads", "a/b.csv")),
        ("S3://leads//a", Place("s3", "leads", "a")),
        ("gs://our.bucket_1/x/*.csv", Place("gs", "our.bucket_1", "x/*.csv")),
        ("az://container", Place("az", "container", "")),
    ],
)
def test_a_url_names_a_bucket_and_a_key(url, place):
    assert is_url(url)
    assert parse_url(url) == place


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://example.com/a.csv", "https:// is no kind of URL that can be read; known are s3://, gs:// and az://"),
        ("file:///etc/passwd", "file:// is no kind"),
        ("s3://key:secret@leads/a", "a URL holds no credentials; set AWS_ACCESS_KEY_ID"),
        ("gs://", "write gs://BUCKET/KEY"),
        ("az:///key", "write az://BUCKET/KEY"),
    ],
)
def test_a_url_of_another_kind_is_refused_and_its_secrets_are_not_told(make_job, leadferry, url, told):
    with pytest.raises(ValueError, match=re.escape(told)) as error:
        parse_url(url)
    assert "secret" not in str(error.value)
    ended = leadferry("check", make_job("", source={"path": url}))
    assert ended.code == 2
    assert f"source.path: {told}" in ended.err
    assert "secret@" not in ended.err


@pytest.mark.usefixtures("s3")
def test_a_key_that_leads_elsewhere_is_refused(tmp_path):
    storage = ObjectStorage(Place("s3", "leads", ""), ".csv")
    for key in ("../a.csv", "a/../../b.csv", "a//b.csv"):
        with pytest.raises(SourceError, match="cannot be a file's name"):
            storage.fetch(StoredObject(key, 1, None), tmp_path, lambda: None)
