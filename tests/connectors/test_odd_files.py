"""Every odd file of the table gives just what the table says, as a check reads it and as a load does."""

import csv
import gzip
import io

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import connectors.sources.csv_records as records
from connectors.sources.csv_dialect import CsvChoices
from connectors.sources.csv_files import open_csv
from connectors.sources.text_encoding import find_encoding
from flows.extracting import extract_source, source_chunks
from flows.job_file import Job
from scripts.write_odd_files import PAGE, odd_page
from tests.odd_files.table import FILES
from transforms.vocabulary.errors import SourceError


def job_over(path, file):
    return Job.model_validate(
        {
            "name": "odd",
            "source": {"type": "csv", "path": path.as_posix(), **file.source},
            "columns": {"externId": file.maps[0], "leadPhone": file.maps[1]},
            "load": {
                "campaign": "c",
                "description": "d",
                "dial_priority": "NORMAL",
                "duplicate_handling": "RETAIN_ALL",
                "time_zone_option": "EXPLICIT",
            },
        }
    )


def as_a_check(job, _):
    notes = []
    return pl.concat(list(source_chunks(job, None, notes))), notes


def as_a_load(job, folder):
    extract_source(job, folder / "extract.parquet", folder / "notes.json", None)
    return pl.read_parquet(folder / "extract.parquet"), [(folder / "notes.json").read_text(encoding="utf-8")]


@pytest.mark.parametrize("read", [as_a_check, as_a_load])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.about)
def test_an_odd_file_gives_what_the_table_says(tmp_path, file, read):
    path = tmp_path / file.name
    path.write_bytes(file.data)
    job = job_over(path, file)
    if file.error:
        with pytest.raises(SourceError) as error:
            read(job, tmp_path)
        assert error.value.code == file.error
        assert file.says in error.value.message
        assert str(error.value).isprintable()
        return
    rows, notes = read(job, tmp_path)
    assert rows.drop("source_row", "row_fault").rows() == list(file.rows)
    assert rows["source_row"].to_list() == list(range(rows.height))
    told = [(place, *fault.split(" ", 1)) for place, fault in enumerate(rows["row_fault"]) if fault]
    assert [(place, code) for place, code, _ in told] == [(place, code) for place, code, _ in file.faults]
    for (_, _, words), (_, _, line) in zip(told, file.faults, strict=True):
        assert words.startswith(f"{file.name}, line {line:,}: ")
    assert file.note in " ".join(notes)
    if not file.note:
        assert notes in ([], ["[]"])


def test_the_page_is_what_the_table_says():
    assert len(FILES) >= 60
    assert PAGE.read_text(encoding="utf-8") == odd_page(), "run python -m scripts.write_odd_files"


def test_the_detail_of_a_rejected_row_names_its_file_and_line(leadferry, make_job, tmp_path):
    job = make_job("id,phone,name,zip,state\nX1,(203) 555-0001,Ada,06511,CT\n\nX2,short\n")

    ended = leadferry("check", job, "--json", "--out", tmp_path / "out")

    outcomes = pl.read_parquet(tmp_path / "out" / "outcomes.parquet")
    assert outcomes.select("reason", "detail", "note").row(1) == (
        "ROW_TOO_FEW_FIELDS",
        "leads.csv, line 4: 2 fields where 5 are usual",
        None,
    )
    assert ended.json["warnings"] == ["leads.csv: 1 blank line passed over."]


@pytest.mark.parametrize("careful", [False, True])
def test_one_bad_row_in_a_large_file_has_its_line_and_costs_no_other(tmp_path, careful):
    lines = [f"A{number},x\n" for number in range(400_000)]
    lines[300_000] = 'A300000,"x\n'
    lines[310_000] = "short\n"
    path = tmp_path / "large.csv"
    path.write_text("id,phone\n" + "".join(lines), encoding="utf-8")

    rows = open_csv(str(path), [], careful=careful).collect()

    assert rows.height == 400_000
    assert rows.filter(pl.col("row_fault").is_not_null())["row_fault"].to_list() == [
        "ROW_QUOTE_NOT_CLOSED large.csv, line 300,002: a quote opens a field that never ends",
        "ROW_TOO_FEW_FIELDS large.csv, line 310,002: 1 field where 2 are usual",
    ]


CELLS = st.text(st.sampled_from("ab 1é;,|\t'\"\n\r=\\#"), max_size=5)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    table=st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)
    ),
    form=st.fixed_dictionaries(
        {
            "delimiter": st.sampled_from(",;\t|"),
            "quotechar": st.sampled_from("\"'"),
            "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
            "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
        }
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1252", "latin-1"]),
    packed=st.booleans(),
)
def test_any_table_that_csv_writes_is_read_back_exactly(tmp_path, table, form, encoding, packed):
    # Of line breaks in cells, csv quotes by itself only those that its own line end is made of.
    breaks = any(set(cell) & set("\r\n") for row in table for cell in row)
    assume(not breaks or form["quoting"] == csv.QUOTE_ALL or form["lineterminator"] == "\r\n")
    names = [f"n{place}" for place in range(len(table[0]))]
    text = io.StringIO(newline="")
    csv.writer(text, **form).writerows([names, *table])
    data = text.getvalue().encode(encoding)
    path = tmp_path / "table.csv"
    path.write_bytes(gzip.compress(data) if packed else data)
    plain = encoding.removesuffix("-sig")
    said = CsvChoices(separator=form["delimiter"], quote=form["quotechar"], encoding=plain)

    for careful in (False, True):
        rows = open_csv(str(path), [], said, careful=careful).collect()
        assert rows["row_fault"].null_count() == rows.height
        assert rows.drop("source_row", "row_fault").rows() == [tuple(cell or None for cell in row) for row in table]


@given(st.text(st.characters(codec="latin-1", exclude_characters="\0"), min_size=2), st.sampled_from(["le", "be"]))
@example("\n\n", "le")
@example("\r\na", "be")
def test_latin_text_of_any_length_in_utf_16_without_a_mark_is_known_for_it(text, order):
    assert find_encoding([text.encode(f"utf-16-{order}")]) == f"utf-16-{order}"


DAMAGE = st.lists(
    st.tuples(
        st.integers(0, 199), st.sampled_from([b'"', b"\n", b"\r", b",", b"\xff", b"\x00", b"", b'""', b"\xef\xbb\xbf"])
    ),
    max_size=6,
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(DAMAGE, st.booleans())
def test_no_damage_loses_a_line_without_a_word(tmp_path, damage, careful):
    data = "".join(f'A{number},"x ""{number}""",z\n' for number in range(12)).encode()
    for place, byte in damage:
        data = data[: place % len(data)] + byte + data[place % len(data) + 1 :]
    path = tmp_path / "damaged.csv"
    path.write_bytes(b"id,phone,c\n" + data)
    said = CsvChoices(separator=",", quote='"', encoding="utf-8")

    extract = open_csv(str(path), [], said, careful=careful)
    rows = extract.collect()

    blank = sum(int(note.split()[1]) for note in extract.late_notes if "blank" in note)
    inside = sum(str(cell).count("\n") for row in rows.drop("source_row", "row_fault").rows() for cell in row if cell)
    assert rows.height + blank + inside == len(data.removesuffix(b"\n").split(b"\n"))


def test_blocks_of_any_size_give_the_same_rows(tmp_path, monkeypatch):
    table = [
        [f"A{number}", "x\ny" if number % 7 == 0 else 'say "hi"' if number % 5 == 0 else "z"] for number in range(300)
    ]
    path = tmp_path / "blocks.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "phone"], *table])
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr(records, "_LARGEST_BLOCK", size)
        monkeypatch.setattr(records, "_SMALLEST_BLOCK", max(1, size // 4))
        rows = open_csv(str(path), []).collect()
        assert rows.drop("source_row", "row_fault").rows() == [tuple(row) for row in table]
        assert rows["row_fault"].null_count() == rows.height
