"""Columns may have any name: one that polars would take for a pattern (`*`, `^...$`) is a name like any other."""

import csv

import polars as pl
import pytest
import xlsxwriter
from polars.testing import assert_frame_equal

from connectors.sandbox.settings import SandboxSettings
from tests.source_databases import KINDS, source_database

COLUMNS = ("id", "phone", "mobile", "name", "zip", "state", "priority", "extra", "flag", "other")
"""The source's own columns; the last two are not mapped."""

MAPPED = dict(zip(COLUMNS, ("*", "^.*$", "^($", "^n", "^z.*$", "^.+$", "$", "^[a-z]+$", "^[$", "^"), strict=True))
NOT_MAPPED = {"flag": "^.*$", "other": "*"}


def leads():
    """Rows of which some are good, some damaged and some refused, each for another reason."""
    good = [
        (f"A{number}", f"203-555-{number:04d}", "", "Lead", "06511", "CT", "1", "2.5", "true", "x")
        for number in range(1, 7)
    ]
    bad = [
        ("B1", "203-555-9O04", "", "=1+1", "06511", "CT", "1", "x", "false", "y"),
        ("B2", "n/a", "12", "Lead", "6511", "CT", "1", "x", "false", ""),
        ("B3", "", "4.15555E+09", "Lead", "6511", "CT", "1,000", "x", "", "z"),
        ("A\t17", "203-555-0301", "", "", "2116", "MA", "1", "", "", ""),
        ("A1", "203-555-0302", "n/a", "", "", "", "1", "", "", ""),
        ("B4", "+44 20 7946 0958", "", "", "2116", "", "1,000", "a@b.example", "", ""),
        ("B6", "203-555-0303", "", "", "06511", "CT", "1,000", "", "", ""),
        ("B5", "203-555-0001", "", "", "06511", "CT", "1", "", "", ""),
    ]
    return [dict(zip(COLUMNS, row, strict=True)) for row in [*good, *bad]]


def under(names):
    """The rows as the source has them that calls its columns by `names`."""
    return pl.DataFrame([{names.get(name, name): cell for name, cell in row.items()} for row in leads()])


def write_csv(folder, names):
    under(names).write_csv(folder / "rows.csv")
    return {"type": "csv", "path": "rows.csv", "quote": '"'}


def write_files(folder, names):
    """Two files, of which one lacks columns."""
    (folder / "many").mkdir(exist_ok=True)
    rows = under(names)
    rows.head(6).write_csv(folder / "many" / "1.csv")
    rows.slice(6).select(pl.nth(range(9))).write_csv(folder / "many" / "2.csv")
    return {"type": "csv", "path": "many"}


def write_parquet(folder, names):
    rows = under(names)
    nested = [{"*": b"\x01", "^.*$": number, "a": None} for number in range(rows.height)]
    extra = names.get("extra", "extra")
    rows.with_columns(
        rows[extra].cast(pl.Float64, strict=False), pl.Series(names.get("other", "other"), nested)
    ).write_parquet(folder / "leads.parquet")
    return {"type": "parquet", "path": "leads.parquet"}


def write_excel(folder, names):
    rows = under(names)
    with xlsxwriter.Workbook(str(folder / "leads.xlsx"), {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate([rows.columns, *rows.rows()]):
            for column, cell in enumerate(row):
                sheet.write_string(place, column, cell.replace("\t", "\u0085"))
    return {"type": "excel", "path": "leads.xlsx"}


@pytest.fixture(params=["CSV", "CSV files", "Parquet", "Excel", *KINDS])
def write(request, tmp_path):
    """Write the leads as one kind of source under given names; return the job's section."""
    writers = {"CSV": write_csv, "CSV files": write_files, "Parquet": write_parquet, "Excel": write_excel}
    if request.param in writers:
        yield lambda names: writers[request.param](tmp_path, names)
        return
    with source_database(request.param, tmp_path) as database:
        cells = ", ".join(f"{name} varchar(40)" for name in COLUMNS if name != "flag")
        rows = [
            ", ".join(f"'{cell}'" for name, cell in row.items() if name != "flag") + f", {row['flag'] or 'NULL'}"
            for row in leads()
        ]
        database.run(
            f"CREATE TABLE leads ({cells}, flag boolean)",
            f"INSERT INTO leads VALUES {', '.join(f'({row})' for row in rows)}",
        )
        mark = "`" if request.param == "MariaDB" else '"'

        def ask(names):
            chosen = ", ".join(f"{name} AS {mark}{names.get(name, name)}{mark}" for name in COLUMNS)
            query = f"SELECT {chosen} FROM leads ORDER BY {COLUMNS[0]}, phone"
            return {"type": "database", "path": None, "url": database.url, "query": query}

        yield ask


def job_over(make_job, source, names, **sections):
    def named(name):
        return names.get(name, name)

    columns = {
        "externId": named("id"), "leadPhone": [named("phone"), named("mobile")], "lastName": named("name"),
        "zip": named("zip"), "state": named("state"), "leadPriority": named("priority"),
        "extendedLeadData": {"*": named("extra")},
    }  # fmt: skip
    rates = {"zip": 1, "leadPhone": 1, "extendedLeadData.*": 1}
    quality = {"max_reject_rate": 1, "max_null_rate": rates}
    return make_job("", source=source, columns=columns, quality=quality, **sections)


def read_rejects(folder, names):
    """What rejects.csv holds, as if the source had the plain names."""
    plain = {name: own for own, name in names.items()}
    with (folder / "rejects.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    header = [plain.get(name, name) for name in header]
    named = header.index("leadferry_column")
    return [header, *([*row[:named], plain.get(row[named], row[named]), *row[named + 1 :]] for row in rows)]


def told(folder, names):
    """What a run leaves, as if the source had the plain names, without what is a run's own."""
    plain = {name: own for own, name in names.items()}
    outcomes = pl.read_parquet(folder / "outcomes.parquet").drop("leadId", "listId", strict=False)
    frames = [outcomes]
    if (folder / "extract.parquet").exists():
        extract = pl.read_parquet(folder / "extract.parquet")
        extract.columns = [plain.get(name, name) for name in extract.columns]
        frames += [extract, pl.read_parquet(folder / "leads.parquet").drop("batch_id")]
    return frames, read_rejects(folder, names)


def told_as_json(facts, names):
    plain = {name: own for own, name in names.items()}
    damage = [(plain.get(each["column"], each["column"]), each["kind"], each["rows"]) for each in facts["damage"]]
    return facts["counts"], facts["reasons"], facts["repairs"], sorted(damage)


def test_names_like_patterns_are_names_like_any_other(leadferry_here, make_job, ringcx, tmp_path, write):
    ends = []
    for number, given in enumerate([{}, MAPPED, NOT_MAPPED]):
        ringcx.reset(SandboxSettings(throttles=False))
        job = job_over(make_job, write(given), given)
        ended = leadferry_here("load", job, "--json", "--out", tmp_path / str(number))
        assert ended.code == 0, ended
        again = leadferry_here("check", job, "--source", tmp_path / str(number) / "rejects.csv", "--json")
        assert again.code == 0, again
        frames, rejects = told(tmp_path / str(number), given)
        ends.append((frames, rejects, told_as_json(ended.json, given), told_as_json(again.json, given)))

    (frames, *others), *odd_ends = ends
    for odd_frames, *odd_others in odd_ends:
        for frame, odd in zip(frames, odd_frames, strict=True):
            assert_frame_equal(odd, frame)
        assert odd_others == others
    reasons = {each["code"] for each in others[1][1]}
    assert reasons >= {"PHONE_TOO_SHORT", "PHONE_NOT_NANP", "LEAD_PRIORITY_NOT_INTEGER", "EXTERN_ID_REPEATED"}


@pytest.mark.parametrize("keep", [{"keep": "last"}, {"keep": "largest", "by": "priority"}], ids=["last", "largest"])
def test_duplicates_are_compared_by_a_column_of_any_name(leadferry_here, make_job, tmp_path, keep):
    ends = []
    for names in ({}, MAPPED):
        rule = keep | ({"by": names.get("priority", "priority")} if "by" in keep else {})
        job = job_over(make_job, write_csv(tmp_path, names), names, duplicates=rule)
        ended = leadferry_here("check", job, "--json", "--out", tmp_path / "out")
        assert ended.code == 0, ended
        ends.append((told_as_json(ended.json, names), read_rejects(tmp_path / "out", names)))

    assert ends[0] == ends[1]


def test_rows_are_shown_found_and_forgotten_whatever_their_columns_are_called(leadferry_here, make_job, tmp_path):
    ends = []
    for number, names in enumerate([{}, MAPPED]):
        job = job_over(make_job, write_csv(tmp_path, names), names)
        shown = leadferry_here("preview", job, "--json", "--rows", "9").json["rows"]
        shown = [row | {"read": list(row["read"].values())} for row in shown]
        out = tmp_path / f"run-{number}"
        assert leadferry_here("load", job, "--run-id", f"run-{number}", "--out", out).code == 0
        for who in ("A3", "203-555-0004"):
            assert leadferry_here("forget", who, "--json").json["rows"] == 1
        ends.append((shown, *told(out, names)))

    (shown, frames, rejects), (odd_shown, odd_frames, odd_rejects) = ends
    assert (odd_shown, odd_rejects) == (shown, rejects)
    for frame, odd in zip(frames, odd_frames, strict=True):
        assert_frame_equal(odd, frame)


def test_init_leaves_out_what_it_cannot_map(leadferry_here, tmp_path):
    rows = under({"flag": "^.*$", "other": "*"})
    rows.select(pl.col("id"), pl.col("phone"), *rows.get_columns()[8:]).write_csv(tmp_path / "rows.csv")

    ended = leadferry_here("init", "rows.csv", "--json")

    assert ended.code == 0, ended
    assert {column for guess in ended.json["guesses"] for column in guess["columns"]} == {"id", "phone"}
