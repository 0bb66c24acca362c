"""`leadferry init`: whatever the source's headers, what it writes is a job file that `check` takes at once."""

import csv
import gzip
import json
import resource
import sqlite3
import stat
import tomllib
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sources.csv_dialect import looks_like_data
from flows.cli import cli
from flows.init_job import init_job, tell_init
from flows.job_file import read_job
from tests.conftest import PROJECT, SHARED, lead_rows
from transforms.vocabulary.errors import ConfigurationError, SourceError

HOSPITALS = SHARED / "data" / "cms_hospitals.csv"


def write_rows(path, header, rows, **options):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n", **options).writerows([header, *rows])
    return path


def usual_rows(count=30):
    return [list(row.values()) for row in lead_rows(count)]


def mapped(job_file):
    return tomllib.loads(job_file.read_text(encoding="utf-8"))["columns"]


@pytest.fixture
def source(tmp_path):
    return write_rows(tmp_path / "new leads.csv", ["Lead ID", "Mobile", "Last Name", "ZIP", "State"], usual_rows())


def test_init_writes_a_job_file_and_check_takes_it_at_once(leadferry_anew, source, tmp_path):
    ended = leadferry_anew("init", source)

    assert ended.code == 0, ended.err
    job_file = tmp_path / "new leads.toml"
    assert mapped(job_file) == {
        "externId": "Lead ID", "leadPhone": ["Mobile"], "lastName": "Last Name", "state": "State", "zip": "ZIP",
    }  # fmt: skip
    assert "certain" in ended.out
    assert "leadferry check 'new leads.toml'" in ended.out
    checked = leadferry_anew("check", job_file, "--json")
    assert checked.code == 0, checked.err
    assert checked.json["counts"]["NOT_SENT"] == 30


def test_numbers_abroad_give_a_job_that_check_takes_at_once(leadferry_anew, tmp_path):
    """RingCX has no name for the zone of London, so EXPLICIT would refuse every row."""
    rows = [[str(row), f"+44 20 7946 0{row:03}"] for row in range(100, 130)]
    source = write_rows(tmp_path / "abroad.csv", ["id", "phone"], rows)

    assert leadferry_anew("init", source).code == 0
    assert set(mapped(tmp_path / "abroad.toml")) >= {"externId", "leadPhoneE164"}
    checked = leadferry_anew("check", tmp_path / "abroad.toml", "--json")
    assert (checked.code, checked.json["counts"]["NOT_SENT"]) == (0, 30), checked.err


def test_init_tells_everything_as_one_json_document(leadferry, source, tmp_path):
    ended = leadferry("init", source, "--json", "--job", tmp_path / "my.toml")

    assert ended.code == 0, ended.err
    assert ended.json["job"] == str(tmp_path / "my.toml")
    assert ended.json["rows_looked_at"] == 30
    assert {guess["field"]: guess["how_sure"] for guess in ended.json["guesses"]} == dict.fromkeys(
        ["externId", "leadPhone", "lastName", "state", "zip"], "certain"
    )
    assert ended.json["sure"]


def test_a_file_that_is_there_stays(leadferry, source, tmp_path):
    there = tmp_path / "new leads.toml"
    there.write_text("mine", encoding="utf-8")

    refused = leadferry("init", source, "--json")

    assert (refused.code, refused.json["error"]["code"]) == (2, "JOB_FILE_EXISTS")
    assert there.read_text(encoding="utf-8") == "mine"
    assert leadferry("init", source, "--force").code == 0
    assert read_job(there).name == "new leads"


@pytest.mark.parametrize("name", ["leads.csv", "leads.parquet"])
def test_the_sample_leads_are_mapped_and_checked(leadferry, tmp_path, name):
    job_file = tmp_path / "job.toml"

    assert leadferry("init", PROJECT / "data-samples" / name, "--job", job_file).code == 0

    assert mapped(job_file) == {
        "externId": "Lead ID", "leadPhone": ["Mobile", "Home Phone"], "firstName": "First Name",
        "lastName": "Last Name", "city": "City", "state": "State", "zip": "ZIP", "email": "Email",
    }  # fmt: skip
    checked = leadferry("check", job_file)
    assert checked.code == 0, checked.err


def test_the_register_of_hospitals_is_mapped_and_checked(leadferry, tmp_path):
    if not HOSPITALS.exists():
        pytest.skip(f"{HOSPITALS.name} is not beside this project")

    assert leadferry("init", HOSPITALS).code == 0

    job_file = tmp_path / "cms_hospitals.toml"
    assert mapped(job_file) == {
        "externId": "Facility ID", "leadPhone": ["Phone Number"], "lastName": "Facility Name", "address1": "Address",
        "city": "City", "state": "State", "zip": "ZIP Code",
    }  # fmt: skip
    checked = leadferry("check", job_file)
    assert checked.code == 0, checked.err


ODD_HEADERS = [
    'Lead "ID" # 1',
    "Mobile\n[phone]",
    "last = 'name'\\",
    'zip """ code',
    "\u2028état\U0001f600",
]


def test_odd_headers_are_written_so_that_check_finds_them(leadferry, tmp_path):
    source = write_rows(tmp_path / "x#[1]'s.csv", ODD_HEADERS, usual_rows())

    ended = leadferry("init", source, "--job", tmp_path / "odd.toml")

    assert ended.code == 0, ended.err
    assert set(mapped(tmp_path / "odd.toml")) >= {"externId", "leadPhone"}
    checked = leadferry("check", tmp_path / "odd.toml")
    assert checked.code == 0, checked.err


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_the_separator_is_seen_in_the_header(leadferry, tmp_path, separator):
    source = write_rows(tmp_path / "a.csv", ["id", "phone", "name", "zip", "state"], usual_rows(), delimiter=separator)

    assert leadferry("init", source).code == 0

    assert read_job(tmp_path / "a.toml").source.separator == separator
    assert leadferry("check", tmp_path / "a.toml").code == 0


def test_folders_and_globs_are_sources_too(tmp_path, monkeypatch):
    (tmp_path / "lists").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        write_rows(tmp_path / "lists" / f"{name}.csv", ["id", "phone", "name", "zip", "state"], usual_rows())

    folder, glob = init_job("lists", None, force=False), init_job("lists/*.csv", Path("glob.toml"), force=False)

    assert (folder["job"], glob["name"]) == ("lists.toml", "lists")
    assert read_job(Path("lists.toml")).source.path == str(tmp_path / "lists")
    assert read_job(Path("glob.toml")).source.path == str(tmp_path / "lists" / "*.csv")


@pytest.fixture
def no_file_can_grow():
    """As on a full disk, files can be made, and nothing can be written to them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("force", [False, True])
def test_a_job_file_that_cannot_be_written_is_not_there_and_an_earlier_one_stays(tmp_path, source, request, force):
    job = tmp_path / "job.toml"
    if force:
        job.write_text("mine", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    request.getfixturevalue("no_file_can_grow")

    with pytest.raises(ConfigurationError, match="cannot be written: File too large"):
        init_job(str(source), job, force=force)

    assert sorted(tmp_path.iterdir()) == before
    assert not force or job.read_text(encoding="utf-8") == "mine"


def test_a_job_file_that_is_written_over_stays_where_its_link_leads_and_who_may_read_it(source, tmp_path):
    (tmp_path / "jobs").mkdir()
    kept = tmp_path / "jobs" / "kept.toml"
    kept.write_text("mine", encoding="utf-8")
    kept.chmod(0o664)
    (tmp_path / "link.toml").symlink_to(kept)

    init_job(str(source), tmp_path / "link.toml", force=True)

    assert (tmp_path / "link.toml").is_symlink()
    assert "Guessed by" in kept.read_text(encoding="utf-8")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o664


def test_a_job_file_is_as_open_as_other_new_files(source, tmp_path):
    init_job(str(source), tmp_path / "a.toml", force=False)
    (tmp_path / "other").touch()

    assert (tmp_path / "a.toml").stat().st_mode == (tmp_path / "other").stat().st_mode


WAYS = {
    "encodings": (("windows-1252", ","), ("utf-8", ",")),
    "separators": (("utf-8", ";"), ("utf-8", ",")),
    "marks": (("utf-16", ","), ("utf-8", ",")),
    "alike": (("windows-1252", ";"), ("windows-1252", ";")),
}


@pytest.mark.parametrize("ways", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("path", ["lists", "lists/*.csv"])
def test_each_file_of_a_folder_is_read_as_it_is_written(leadferry_here, tmp_path, ways, path):
    (tmp_path / "lists").mkdir()
    for number, (encoding, separator) in enumerate(ways):
        rows = [row | {"name": "José"} for row in lead_rows(5, first=10 * number)]
        text = pl.DataFrame(rows).write_csv(separator=separator)
        (tmp_path / "lists" / f"{number}.csv").write_bytes(text.encode(encoding))

    assert leadferry_here("init", path).code == 0
    ended = leadferry_here("check", "lists.toml", "--out", "out", "--json")

    assert (ended.code, ended.json["counts"]["NOT_SENT"]) == (0, 10), ended.err
    assert pl.read_parquet(tmp_path / "out" / "leads.parquet")["lastName"].unique().to_list() == ["José"]


@pytest.mark.parametrize("header", ["id,phone,phone,name", "id,phone,mobile,mobile"])
def test_a_name_that_several_columns_have_is_not_mapped(leadferry_here, tmp_path, header):
    rows = "".join(f"{row['id']},{row['phone']},{row['phone']},x\n" for row in lead_rows(9))
    (tmp_path / "a.csv").write_text(f"{header}\n{rows}", encoding="utf-8")
    repeated = "phone" if "phone,phone" in header else "mobile"

    ended = leadferry_here("init", "a.csv")

    if repeated == "phone":
        assert ended.code == 2
        assert "several columns of one name" in ended.err
        assert "phone, phone_duplicated_0" in ended.err
        assert not (tmp_path / "a.toml").exists()
    else:
        assert ended.code == 0, ended.err
        assert mapped(tmp_path / "a.toml")["leadPhone"] == ["phone"]
        assert '"mobile", "mobile_duplicated_0"' in (tmp_path / "a.toml").read_text(encoding="utf-8")
        assert leadferry_here("check", "a.toml").code == 0


@pytest.mark.parametrize(
    ("first", "has_header"),
    [
        ("id,phone,firstName,2024", True),
        ("id,phone,2023,2024,2025", False),
        ("X1,(203) 555-0100,Ann,CT", False),
        ("X1,ann@example.com,Ann,CT", False),
        ("1,,Ann", False),
        ("id,1st phone,2nd phone,zip 5", True),
    ],
)
def test_one_number_alone_is_no_row(first, has_header):
    assert looks_like_data(first.split(",")) is not has_header


@pytest.mark.parametrize("has_header", [True, False])
def test_a_sheet_without_a_row_of_names_is_warned_of(tmp_path, has_header):
    rows = pl.DataFrame(lead_rows(9))
    rows.write_excel(tmp_path / "a.xlsx", include_header=has_header)

    facts = init_job(str(tmp_path / "a.xlsx"), tmp_path / "a.toml", force=False)

    for text in (" ".join(facts["warnings"]), tell_init(facts), (tmp_path / "a.toml").read_text(encoding="utf-8")):
        assert ("looks like a lead" in text) is not has_header


def test_the_path_is_relative_to_the_job_file(tmp_path, source):
    (tmp_path / "jobs").mkdir()

    init_job(str(source), tmp_path / "jobs" / "a.toml", force=False)

    assert 'path = "../new leads.csv"' in (tmp_path / "jobs" / "a.toml").read_text(encoding="utf-8")


def test_a_broken_row_does_not_stop_the_guess(tmp_path):
    source = write_rows(tmp_path / "a.csv", ["id", "phone", "name", "zip", "state"], usual_rows())
    with source.open("a", encoding="utf-8") as file:
        file.write("1,2,3,4,5,6,7,8\n")

    assert init_job(str(source), tmp_path / "a.toml", force=False)["rows_looked_at"] == 30


def test_columns_that_are_not_mapped_are_told(tmp_path):
    header = ["id", "phone", "shoe # size", " blank ", "state", "blank"]
    source = write_rows(tmp_path / "a.csv", header, [[*row, ""] for row in usual_rows()])

    facts = init_job(str(source), tmp_path / "a.toml", force=False)

    assert facts["left_out"] == ["shoe # size", " blank ", "blank"]
    text = (tmp_path / "a.toml").read_text(encoding="utf-8")
    assert '#   "shoe # size"' in text
    assert "must be renamed" in text
    assert '" blank "' in tell_init(facts)


WRONG = {
    "gone.csv": (None, SourceError, "There is no file"),
    "empty.csv": ("", SourceError, "is empty"),
    "header.csv": ("id,phone\n", SourceError, "no rows"),
    "nophone.csv": ("id,color\n1,red\n2,blue\n", ConfigurationError, "holds telephone numbers"),
    "noid.csv": ("phone\n" + "2035550100\n" * 9, ConfigurationError, "tells its rows apart"),
    "binary.csv": ("\x00\x01", SourceError, "not a CSV text file"),
    "text.parquet": ("id,phone\n", SourceError, "not a Parquet file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_guessed_is_said_and_nothing_is_written(tmp_path, name):
    text, kind, words = WRONG[name]
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")

    with pytest.raises(kind, match=words):
        init_job(str(tmp_path / name), tmp_path / "job.toml", force=False)

    assert not (tmp_path / "job.toml").exists()


@pytest.mark.parametrize(
    ("file", "name"),
    [("a.csv", "a"), ("Été 2026 (1).csv", "Ete 2026 -1"), ("….csv", "leads"), ("a.csv.gz", "a"), ("-x.csv", "x")],
)
def test_a_job_is_named_after_its_source(tmp_path, file, name):
    (tmp_path / "here").mkdir()
    source = write_rows(tmp_path / "here" / file, ["id", "phone"], [["1", "2035550100"]])
    if file.endswith(".gz"):
        source.write_bytes(gzip.compress(source.read_bytes()))

    facts = init_job(str(source), tmp_path / "job.toml", force=False)

    assert facts["name"] == name
    assert read_job(tmp_path / "job.toml").name == name


@pytest.fixture
def crm(tmp_path):
    """A SQLite database with leads."""
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "crm.sqlite") as database:
        database.execute("CREATE TABLE leads (lead_id, mobile, last_name, zip, state, notes)")
        database.executemany("INSERT INTO leads VALUES (?, ?, ?, ?, ?, 'x')", usual_rows(40))
    return "sqlite:///data/crm.sqlite"


ASKED = "SELECT * FROM leads WHERE :run_date > '2000-01-01' ORDER BY lead_id"


@pytest.mark.parametrize("how", ["url", "variable", "file"])
def test_a_database_is_asked_and_its_job_can_be_checked(leadferry, crm, tmp_path, how):
    (tmp_path / "q.sql").write_text(ASKED, encoding="utf-8")
    url, given = ("env:CRM_URL" if how == "variable" else crm), {"CRM_URL": f"sqlite:///{tmp_path}/data/crm.sqlite"}
    query = ["--query-file", "q.sql"] if how == "file" else ["--query", ASKED]
    (tmp_path / "jobs").mkdir()

    ended = leadferry("init", url, *query, "--job", "jobs/a.toml", "--json", **given)

    assert ended.code == 0, ended.err
    assert ended.json["rows_looked_at"] == 40
    assert mapped(tmp_path / "jobs" / "a.toml") == {
        "externId": "lead_id", "leadPhone": ["mobile"], "lastName": "last_name", "state": "state", "zip": "zip",
    }  # fmt: skip
    written = tomllib.loads((tmp_path / "jobs" / "a.toml").read_text(encoding="utf-8"))["source"]
    assert written == {
        "type": "database",
        "url": "env:CRM_URL" if how == "variable" else "sqlite:///../data/crm.sqlite",
    } | ({"query_file": "../q.sql"} if how == "file" else {"query": ASKED})
    checked = leadferry("check", tmp_path / "jobs" / "a.toml", "--json", **given)
    assert (checked.code, checked.json["counts"]["rows_read"]) == (0, 40), checked.err


def test_a_job_over_a_database_is_named_after_it(tmp_path, crm, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRM_URL", crm)

    assert init_job(crm, None, force=False, query=ASKED)["job"] == "crm.toml"
    assert init_job("env:CRM_URL", None, force=False, query=ASKED)["job"] == "CRM_URL.toml".lower()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["sqlite:///data/crm.sqlite"], "INIT_QUERY"),
        (["sqlite:///data/crm.sqlite", "--query", ASKED, "--query-file", "q.sql"], "INIT_QUERY"),
        (["data", "--query", ASKED], "INIT_QUERY"),
        (["postgresql://me:hidden@127.0.0.1/crm", "--query", ASKED], "INIT_DATABASE"),
        (["sqlite:///data/crm.sqlite", "--query-file", "gone.sql"], "QUERY_FILE_UNREADABLE"),
        (["env:NOT_SET", "--query", ASKED], "SOURCE_URL"),
        (["sqlite:///data/crm.sqlite", "--query", "SELECT * FROM leads WHERE 1 = 0"], "SOURCE_EMPTY"),
        (["sqlite:///data/crm.sqlite", "--query", "SELECT nothing FROM leads"], None),
        (["sqlite:///data/crm.sqlite", "--query", "SELECT * FROM leads WHERE zip = :zip"], None),
        (["sqlite:///data/crm.sqlite", "--query", "DELETE FROM leads"], None),
    ],
)
def test_a_database_that_cannot_be_asked_is_told(crm, tmp_path, monkeypatch, arguments, code):
    del crm
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.sql").write_text(ASKED, encoding="utf-8")

    ended = CliRunner().invoke(cli, ["init", *arguments, "--job", "a.toml", "--json", "--debug"])

    assert ended.exit_code == 2, ended.stdout
    assert code in {None, json.loads(ended.stdout)["error"]["code"]}, ended.stderr
    assert "hidden" not in ended.output
    assert not (tmp_path / "a.toml").exists()


HEADERS = st.one_of(
    st.sampled_from(["id", "Phone", "Mobile", "zip", "state", "E-Mail", "name", "First Name", " x ", "#", '"', "[a]"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
CELLS = st.one_of(
    st.sampled_from(["2035550100", "a@example.com", "06511", "CT", "yes", "", "x;y", "EST", "1.5", "+442079460123"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_any_source_gives_a_job_that_can_be_read_or_a_clear_error(tmp_path, kind, data):
    headers = data.draw(st.lists(HEADERS, min_size=1, max_size=4, unique=True))
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(headers), max_size=len(headers)), max_size=4))
    source, job_file = tmp_path / f"a.{kind}", tmp_path / "a.toml"
    job_file.unlink(missing_ok=True)
    if kind == "csv":
        write_rows(source, headers, rows)
    else:
        pl.DataFrame(rows, schema=dict.fromkeys(headers, pl.String), orient="row").write_parquet(source)

    facts = None
    with suppress(ConfigurationError):  # exit code 2, with a next step, as every error of its kind
        facts = init_job(str(source), job_file, force=False)

    assert (facts is None) is not job_file.exists()
    if facts is not None:
        job = read_job(job_file)
        assert set(job.source_columns()) == {column for guess in facts["guesses"] for column in guess["columns"]}
        assert tell_init(facts)


def test_what_is_not_sure_is_said_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"203-555-01{number:02},CT\n" for number in range(30))
    (tmp_path / "a.csv").write_text(f"phone,state\n{rows}", encoding="utf-8")
    facts = init_job("a.csv", None, force=False)
    assert facts["sure"] is False
    assert "not sure of: externId. Look at these lines of the file first." in tell_init(facts)
    text = (tmp_path / "a.toml").read_text(encoding="utf-8")
    for guess in facts["guesses"]:
        assert f"# {guess['how_sure']} ({guess['confidence']:.2f}): {guess['why']}\n{guess['field']} = " in text
