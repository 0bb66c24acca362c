"""Every refused row comes back: rejects.csv is mended as a person would, loaded with the same job, and is in RingCX."""

import csv
import json
import sqlite3
from dataclasses import dataclass, field

import polars as pl
import pytest
import xlsxwriter
from click.testing import CliRunner

from connectors.sandbox.settings import SandboxSettings
from flows.cli import cli
from tests.conftest import lead_rows
from transforms.vocabulary.reasons import Reason

COLUMNS = {
    "externId": "id", "leadPhone": ["phone", "mobile"], "leadPhoneE164": "abroad", "lastName": "name", "zip": "zip",
    "state": "state", "leadTimezone": "zone", "leadPriority": "priority", "maxPasses": "passes", "auxData1": "note",
}  # fmt: skip
HEADER = ["id", "phone", "mobile", "abroad", "name", "zip", "state", "zone", "priority", "passes", "note"]
PHONES = {"us_only": True, "toll_free": "refuse", "premium_rate": "refuse", "personal_number": "refuse"}
HOURS = {"calling_hours": ["08:00", "16:00"]}
"""Hours that are decent in New York and London, and in no zone where one of two is Honolulu."""

REFUSING = {"phones": PHONES, "time_zones": HOURS, "quality": {"max_reject_rate": 1}}

MENDED = "=HYPERLINK(1)"
"""What a hostile row carries beside its fault: it must come back as it was."""


@dataclass(frozen=True)
class Broken:
    """A reason, cells that give it, and what a person writes into the named column where nothing is suggested."""

    reason: str
    cells: dict[str, str]
    value: str | None = None
    more: dict[str, str] = field(default_factory=dict)


BROKEN = [
    Broken("EXTERN_ID_MISSING", {"id": " "}, "new-1"),
    Broken("EXTERN_ID_TOO_LONG", {"id": "x" * 256}, "new-2"),
    Broken("EXTERN_ID_CONTROL_CHARACTERS", {"id": "A\t17"}),
    Broken("PHONE_MISSING", {"phone": "n/a"}, "203-555-9001"),
    Broken("PHONE_ROUNDED", {"phone": "4.15555E+09"}, "203-555-9002"),
    Broken("PHONE_NO_AREA_CODE", {"phone": "555-0123"}, "203-555-9003"),
    Broken("PHONE_TOO_SHORT", {"phone": "203-555-9O04"}),
    Broken("PHONE_TOO_LONG", {"phone": "203555900512035559006"}),
    Broken("PHONE_NOT_NANP", {"phone": "+44 20 7946 0958"}),
    Broken("PHONE_NOT_US", {"phone": "+1 416 555 0123"}, "+1 203 555 9007"),
    Broken("PHONE_TOLL_FREE", {"phone": "800-555-0123"}, "203-555-9008"),
    Broken("PHONE_PREMIUM_RATE", {"phone": "900-555-0123"}, "203-555-9009"),
    Broken("PHONE_PERSONAL_NUMBER", {"phone": "500-555-0123"}, "203-555-9010"),
    Broken("PHONE_NOT_VALID", {"phone": "(555) 123-4567"}, "203-555-9011"),
    Broken("PHONE_E164_NOT_VALID", {"phone": "", "abroad": "442079460959"}),
    Broken("LEAD_PRIORITY_NOT_INTEGER", {"priority": "1,000"}),
    Broken("MAX_PASSES_NOT_INTEGER", {"passes": "2.5"}, "2"),
    Broken("TIME_ZONE_NOT_VALID", {"zone": "Eastern"}),
    Broken("TIME_ZONE_CONFLICT", {"phone": "808-555-0123"}, "96813", {"state": "HI"}),
    Broken(
        "TIME_ZONE_NOT_NAMED",
        {"phone": "671-646-5801", "zip": "96913", "state": "GU"},
        None,
        {"phone": "203-555-9013", "zip": "06511", "state": "CT"},
    ),
    Broken("TIME_ZONE_UNKNOWN", {"phone": "850-555-9014", "zip": "2116", "state": ""}),
    Broken("EXTERN_ID_REPEATED", {"id": "good-0"}, "new-3"),
    Broken("PHONE_REPEATED", {"phone": "203-555-0000"}, None, {"phone": "203-555-9012"}),
]
OF_FILES = {
    "ROW_TOO_MANY_FIELDS": ("f-1,203-555-8001,,,Lead,06511,CT,,1,1,a,b", {"note": "a b"}),
    "ROW_TOO_FEW_FIELDS": ("f-2,203-555-8002,,,Lead,06511", {"state": "CT"}),
    "ROW_NOT_UTF8": (b"f-3,203-555-8003,,,Jos\xe9,06511,CT,,1,1,", {}),
    "ROW_QUOTE_NOT_CLOSED": ('f-4,203-555-8004,,,"Lead,06511,CT,,1,1,', {"name": "Lead"}),
    "ROW_TEXT_AFTER_QUOTE": ('f-5,203-555-8005,,,"Joe" Lead,06511,CT,,1,1,', {"name": "Joe Lead"}),
    "ROW_IS_HEADER": (",".join(HEADER), None),
}
"""Reason to a line that is no row, and what a person puts into its columns; None: they take the row out."""

OF_RINGCX = {
    "API_REJECTED_ROW", "API_REFUSED_REQUEST", "API_DUPLICATE", "API_DO_NOT_CALL", "API_QUOTA", "API_WHITELIST",
    "API_REMOVED",
}  # fmt: skip
TO_RESUME = {"ANSWER_UNKNOWN", "NOT_SEEN", "RUN_STOPPED"}
"""What a resume settles, not a new load."""


def row_of(number, cells):
    good = {
        "id": f"row-{number}", "phone": f"203-555-{number + 100:04d}", "mobile": "", "abroad": "", "name": "Lead",
        "zip": "06511", "state": "CT", "zone": "", "priority": "1", "passes": "1", "note": MENDED,
    }  # fmt: skip
    return good | cells


def all_rows():
    broken = [row_of(number, each.cells) for number, each in enumerate(BROKEN)]
    return [row_of(90, {"id": "good-0", "phone": "203-555-0000"}), *broken]


@pytest.fixture
def here(environment, tmp_path, monkeypatch):
    """Run the real command in this process."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        ended = CliRunner().invoke(cli, [*map(str, arguments), "--debug"])
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        return ended.exit_code, ended.stderr

    return run


def mend(path, *, separator=",", encoding="utf-8", drop=()):
    """Do to rejects.csv what it says; return the reasons met."""
    with path.open(encoding="utf-8", newline="") as file:
        rejected = list(csv.DictReader(file))
    values = {each.reason: each for each in BROKEN}
    kept = []
    for row in rejected:
        reason = row["leadferry_reason"]
        if reason in drop:
            continue
        if reason in OF_FILES:
            changes = OF_FILES[reason][1]
            if changes is None:
                continue
            row.update(changes)
        else:
            value = row["leadferry_suggestion"] or values[reason].value
            if value is None:
                assert values[reason].more
            else:
                assert row["leadferry_column"], reason
                row[row["leadferry_column"]] = value
            row.update(values[reason].more)
        kept.append(row)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rejected[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(kept)
    return {row["leadferry_reason"] for row in rejected}


def outcomes_of(folder):
    return pl.read_parquet(folder / "outcomes.parquet").select("externId", "outcome", "reason")


def test_every_reason_is_mended_loaded_with_the_same_job_and_arrives(here, make_job, ringcx, tmp_path):
    lines = [",".join(HEADER).encode()]
    lines += [",".join(f'"{cell}"' for cell in row.values()).encode() for row in all_rows()]
    lines += [line if isinstance(line, bytes) else line.encode() for line, _ in OF_FILES.values()]
    job = make_job("", source={"encoding": "utf-8"}, columns=COLUMNS, **REFUSING)
    (tmp_path / "leads.csv").write_bytes(b"\n".join(lines) + b"\n")

    code, err = here("load", job, "--out", "first")
    assert code == 0, err
    met = mend(tmp_path / "first" / "rejects.csv")
    assert met == {each.reason for each in BROKEN} | set(OF_FILES)
    assert met | OF_RINGCX | TO_RESUME == set(Reason)

    code, err = here("load", job, "--source", "first/rejects.csv", "--out", "second")

    assert code == 0, err
    left = outcomes_of(tmp_path / "second").filter(pl.col("outcome") != "LOADED")
    assert left.is_empty(), left
    leads = {lead.extern_id: lead for lead in ringcx.state.leads()}
    assert len(leads) == 1 + len(BROKEN) + len(OF_FILES) - 1
    assert not ringcx.state.doubles()
    assert all(leads[f"row-{place}"].fields["auxData1"] == MENDED for place in range(3, 20))
    assert leads["f-3"].fields["lastName"] == "José"
    assert leads["row-8"].numbers == ("+442079460958",)
    assert sorted(leads["row-7"].numbers) == ["2035559005", "2035559006"]


def write_parquet(path):
    rows = pl.DataFrame(all_rows()).with_columns(pl.col("passes").cast(pl.Float64, strict=False))
    rows.write_parquet(path / "leads.parquet")
    return {"type": "parquet", "path": "leads.parquet"}


def write_database(path):
    with sqlite3.connect(path / "leads.sqlite") as database:
        database.execute(f"CREATE TABLE leads ({', '.join(HEADER)})")
        database.executemany(
            f"INSERT INTO leads VALUES ({', '.join('?' * len(HEADER))})", [tuple(row.values()) for row in all_rows()]
        )
    return {
        "type": "database", "path": None, "url": "sqlite:///leads.sqlite", "query": "SELECT * FROM leads"
    }  # fmt: skip


def write_excel(path):
    with xlsxwriter.Workbook(str(path / "leads.xlsx"), {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate([dict(zip(HEADER, HEADER, strict=True)), *all_rows()]):
            for column, cell in enumerate(row.values()):
                sheet.write_string(place, column, cell)
    return {"type": "excel", "path": "leads.xlsx"}


def write_semicolons(path):
    with (path / "odd.csv").open("w", encoding="cp1252", newline="") as file:
        writer = csv.writer(file, delimiter=";", quotechar="'", quoting=csv.QUOTE_ALL)
        writer.writerows([["# exported"], HEADER, *(row.values() for row in all_rows())])
    return {
        "type": "csv", "path": "odd.csv", "separator": ";", "quote": "'", "encoding": "windows-1252", "skip_rows": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("write", "saved"),
    [
        (write_parquet, "as a workbook"),
        (write_database, "as it was"),
        (write_excel, "by a spreadsheet elsewhere"),
        (write_semicolons, "as it was"),
    ],
)
def test_rejects_of_every_kind_of_source_come_back(here, make_job, ringcx, tmp_path, write, saved):  # noqa: PLR0917 - fixtures
    job = make_job("", source=write(tmp_path), columns=COLUMNS, **REFUSING)
    code, err = here("load", job, "--out", "first")
    assert code == 0, err
    elsewhere = {"separator": ";", "encoding": "cp1252"} if saved == "by a spreadsheet elsewhere" else {}
    # A table of floats has no place for `2.5` passes as a text, nor a control in a cell of a workbook.
    mended = tmp_path / "first" / "rejects.csv"
    mend(mended, **elsewhere)
    if saved == "as a workbook":
        mended = save_as_workbook(mended)

    code, err = here("load", job, "--source", mended, "--out", "second")

    assert code == 0, err
    left = outcomes_of(tmp_path / "second").filter(pl.col("outcome") != "LOADED")
    assert left.is_empty(), left
    assert ringcx.state.lead_count == 1 + len(BROKEN)
    assert {lead.fields["auxData1"] for lead in ringcx.state.leads()} == {MENDED}


def save_as_workbook(path):
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with xlsxwriter.Workbook(str(path.with_suffix(".xlsx"))) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(place, column, cell)
    return path.with_suffix(".xlsx")


def test_rows_that_ringcx_turned_away_come_back_too(here, make_job, ringcx, tmp_path):
    ringcx.reset(SandboxSettings(throttles=False, do_not_call=("6175550000",)))
    rows = lead_rows(6)
    rows[0]["zip"] = ""  # with ZIPCODE the sandbox wants one
    load = {"time_zone_option": "ZIPCODE", "duplicate_handling": "REMOVE_ALL_EXISTING", "batch_size": 1}
    job = make_job(rows[2:3], name="before", load=load)
    assert here("load", job)[0] == 0
    rows[2]["id"] = "again"
    job = make_job(rows, load=load)
    assert here("load", job, "--out", "first")[0] == 0
    with (tmp_path / "first" / "rejects.csv").open(encoding="utf-8", newline="") as file:
        rejected = {row["leadferry_reason"]: row for row in csv.DictReader(file)}
    assert set(rejected) == {"API_REJECTED_ROW", "API_DO_NOT_CALL", "API_DUPLICATE"}
    rejected["API_REJECTED_ROW"]["zip"] = "06511"
    rejected["API_DO_NOT_CALL"]["phone"] = "203-555-7001"
    rejected["API_DUPLICATE"]["phone"] = "203-555-7002"
    with (tmp_path / "first" / "rejects.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rejected["API_DUPLICATE"]))
        writer.writeheader()
        writer.writerows(rejected.values())

    code, err = here("load", job, "--source", "first/rejects.csv", "--out", "second")

    assert code == 0, err
    assert outcomes_of(tmp_path / "second")["outcome"].to_list() == ["LOADED"] * 3


def turned_away(keep):
    """A row with the number of an earlier load, one that the sandbox rejects, one that gets in; each has a repeat."""
    removed, rejected, good = lead_rows(3, 10)
    removed["phone"] = f"{lead_rows(1)[0]['phone']} / 203-555-7000"
    rejected["zip"] = ""  # with ZIPCODE the sandbox wants one
    kept = [removed, rejected, good]
    repeats = [good | {"id": f"repeat-{place}", "phone": row["phone"]} for place, row in enumerate(kept)]
    repeats[0]["phone"] = "203-555-7000"
    return [*kept, *repeats] if keep == "first" else [*repeats, *kept]


@pytest.mark.parametrize("keep", ["first", "last"])
def test_a_duplicate_of_a_row_that_ringcx_turned_away_is_told_so_and_comes_back(here, make_job, ringcx, tmp_path, keep):
    ringcx.reset(SandboxSettings(throttles=False))
    load = {"time_zone_option": "ZIPCODE", "duplicate_handling": "REMOVE_ALL_EXISTING", "batch_size": 1}
    assert here("load", make_job(lead_rows(1), name="before", load=load))[0] == 0
    job = make_job(turned_away(keep), load=load, duplicates={"keep": keep}, quality={"max_reject_rate": 1})
    code, err = here("load", job, "--out", "first")
    assert code == 0, err
    kept, repeats = (0, 3) if keep == "first" else (3, 0)
    details = pl.read_parquet(tmp_path / "first" / "outcomes.parquet")["detail"]
    assert details.slice(repeats, 3).to_list() == [
        f"source_row {kept} was kept, but RingCX removed it",
        f"source_row {kept + 1} was kept, but RingCX rejected it",
        f"source_row {kept + 2} is kept",
    ]
    told = "2 rows were set aside as repeating a row that RingCX then rejected or removed"
    (warning,) = json.loads((tmp_path / "first" / "report.json").read_text())["warnings"]
    assert warning.startswith(told)
    assert f"warning: {told}" in " ".join(err.split())
    path = tmp_path / "first" / "rejects.csv"
    rejected = pl.read_csv(path, infer_schema=False)

    code, err = here("check", job, "--source", path, "--out", "as-it-was")
    assert code == 0, err
    assert "2 rows were set aside for others that RingCX then rejected or removed" in " ".join(err.split())
    again = pl.read_parquet(tmp_path / "as-it-was" / "outcomes.parquet")
    assert again.filter(pl.col("outcome") == "DUPLICATE")["externId"].to_list() == ["repeat-0", "repeat-1"]

    rejected.filter(pl.col("leadferry_detail").str.contains("was kept, but")).write_csv(path)
    code, err = here("load", job, "--source", path, "--out", "second")
    assert code == 0, err
    assert outcomes_of(tmp_path / "second")["outcome"].to_list() == ["LOADED"] * 2
    assert {lead.extern_id for lead in ringcx.state.leads()} == {"X00000", "X00012", "repeat-0", "repeat-1"}


def test_a_resume_goes_on_with_the_file_that_was_named(leadferry, make_job, ringcx, tmp_path):
    job = make_job(lead_rows(5), delivery={"give_up_seconds": 1})
    other = make_job(lead_rows(2, 50), name="other")
    other.unlink()
    ringcx.set_faults([{"call": "direct", "from": 1, "fault": "status_before_commit", "status": 503}])
    assert leadferry("load", job, "--source", "other.csv", "--run-id", "r").code == 1
    ringcx.set_faults([])
    (tmp_path / "other.csv").unlink()

    assert leadferry("resume", "r").code == 0

    assert {lead.extern_id for lead in ringcx.state.leads()} == {"X00050", "X00051"}
    missing = leadferry("check", job, "--source", "nowhere.csv", "--json")
    assert (missing.code, missing.json["error"]["code"]) == (2, "SOURCE_MISSING")
    secret = leadferry("check", job, "--source", "s3://key:secret@bucket/x.csv", "--json")
    assert (secret.code, secret.json["error"]["code"]) == (2, "SOURCE_INVALID")
    assert "secret" not in secret.out + secret.err


@pytest.mark.parametrize("saved", ["as it was", "as a workbook"])
def test_an_id_of_a_refused_row_does_not_become_that_of_another_lead(here, make_job, ringcx, tmp_path, saved):
    """Among other ids `123.0` stayed as it is; in rejects.csv every id is decimal."""
    ids = ["A1", "123", "124", "123.0", "124.0"]
    rows = [row | {"id": name} for name, row in zip(ids, lead_rows(5), strict=True)]
    rows[3]["phone"] = rows[4]["phone"] = "12"
    job = make_job(rows, quality={"max_reject_rate": 1, "damage": "stop"})
    assert here("load", job, "--out", "first")[0] == 0
    path = tmp_path / "first" / "rejects.csv"
    rejected = pl.read_csv(path, infer_schema=False)
    rejected.with_columns(pl.Series("phone", ["203-555-7001", "203-555-7002"])).write_csv(path)
    if saved == "as a workbook":
        path = save_as_workbook(path)

    assert here("check", job, "--source", path, "--out", "second")[0] == 0
    assert outcomes_of(tmp_path / "second")["externId"].to_list() == ["123.0", "124.0"]
    code, err = here("load", job, "--source", path, "--out", "third")

    assert code == 0, err
    assert outcomes_of(tmp_path / "third")["externId"].to_list() == ["123.0", "124.0"]
    assert {lead.extern_id for lead in ringcx.state.leads()} == set(ids)


def test_an_id_comes_back_as_the_load_took_it(here, make_job, ringcx, tmp_path):
    """A data frame's ids are `1.0` all of them; what is mended need not be."""
    rows = [row | {"id": f"{number}.0"} for number, row in enumerate(lead_rows(6))]
    rows[2]["phone"] = "12"
    rows[3]["id"] = ""
    job = make_job(rows)
    assert here("load", job, "--out", "first")[0] == 0
    path = tmp_path / "first" / "rejects.csv"
    rejected = pl.read_csv(path, infer_schema=False)
    assert rejected["id"].to_list() == ["2", None]
    rejected = rejected.with_columns(
        pl.Series("id", ["2", "new"]), pl.Series("phone", ["203-555-7001", "203-555-7002"])
    )
    rejected.write_csv(path)

    code, err = here("load", job, "--source", path, "--out", "second")

    assert code == 0, err
    assert {lead.extern_id for lead in ringcx.state.leads()} == {"0", "1", "2", "4", "5", "new"}
