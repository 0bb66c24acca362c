"""The prepare stage through the real command: whole columns, repeats over the whole load, and what is left on disk."""

import csv
import datetime as dt
import errno
import gzip
import json
import os
from dataclasses import replace

import polars as pl
import pytest

import flows.preparation
import flows.reading_ahead
from connectors import staging
from connectors.spool import SPOOL_PREFIX
from flows.extracting import reading_of, source_chunks
from flows.job_file import read_job
from flows.preparation import Prepared, prepare_run, prepared_check
from flows.progress import SilentProgress
from flows.reading_ahead import ReadAhead
from flows.run_folder import RunFolder
from tests.conftest import lead_rows
from transforms.vocabulary.errors import SourceError

EVIDENCE = ["time_zone", "time_zone_source", "time_zone_conflict", "zip_zone", "number_zone", "state_zone"]


@pytest.fixture
def check(leadferry, make_job, tmp_path):
    """Check rows with the real command; returns how it ended and the folder."""

    def run(rows, *, code=0, **sections):
        out = tmp_path / "out"
        ended = leadferry("check", make_job(rows, **sections), "--json", "--out", out)
        assert ended.code == code, ended.err + ended.out
        assert not list(out.glob(f"{SPOOL_PREFIX}*")), "working files are left behind"
        return ended, out

    return run


def outcomes(out):
    return pl.read_parquet(out / "outcomes.parquet")


def with_ids(*ids):
    return [row | {"id": name} for row, name in zip(lead_rows(len(ids)), ids, strict=True)]


# --- decimal ids ------------------------------------------------------------------------------------------------


def test_ids_that_all_have_a_decimal_zero_lose_it(check):
    _, out = check(with_ids("123.0", "7.0", "  88.0", None))
    assert outcomes(out)["externId"].to_list() == ["123", "7", "88", None]
    assert pl.read_parquet(out / "leads.parquet")["externId"].to_list() == ["123", "7", "88"]
    assert outcomes(out)["note"].str.contains("decimal zero left out").to_list()[:3] == [True] * 3


@pytest.mark.parametrize("odd", ["A7", "124", "1.5", "9.00", "-3.0"])
def test_one_other_id_among_them_leaves_all_as_they_are(check, odd):
    _, out = check(with_ids("123.0", odd, "88.0"))
    assert outcomes(out)["externId"].to_list() == ["123.0", odd, "88.0"]
    assert pl.read_parquet(out / "leads.parquet")["externId"].to_list() == ["123.0", odd, "88.0"]


def test_the_id_of_a_row_that_is_none_loses_a_decimal_zero_only_if_it_has_one(check):
    fields = ["2035550001,A,06511,CT", "2035550002,B,06511,CT", "2035550003", "2035550004", "2035550005"]
    ids = ["1.0", "2.0", "X.0", "3.0", "4"]
    lines = ["id,phone,name,zip,state", *map(",".join, zip(ids, fields, strict=True))]
    _, out = check("\n".join(lines) + "\n", quality={"max_reject_rate": 1})
    assert outcomes(out)["reason"].to_list() == [None, None, *["ROW_TOO_FEW_FIELDS"] * 3]
    assert outcomes(out)["externId"].to_list() == ["1", "2", "X.0", "3", "4"]
    assert outcomes(out)["note"].is_not_null().to_list() == [True, True, False, True, False]
    with (out / "rejects.csv").open(encoding="utf-8", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["X.0", "3", "4"]


def test_ids_that_differ_only_by_a_decimal_zero_stay_two(check):
    _, out = check(with_ids("123.0", "123"))
    assert outcomes(out)["outcome"].to_list() == ["NOT_SENT", "NOT_SENT"]


def test_one_id_is_no_column_of_decimals(check):
    _, out = check(with_ids("123.0"))
    assert outcomes(out)["externId"].to_list() == ["123.0"]
    assert json.loads((out / "report.json").read_text())["damage"] == []


def test_what_is_no_decimal_id_in_a_refused_line_keeps_its_end(check):
    _, out = check("id,phone,name,zip,state\n1.0,203-555-0100,A,06511,CT\n2.0,203-555-0101,A,06511,CT\nA.0,1\n")
    assert outcomes(out)["externId"].to_list() == ["1", "2", "A.0"]


def test_a_source_of_broken_lines_alone_is_told_as_such(check):
    _, out = check("id,phone,name,zip,state\n1.0,2\n2.0,3\n", quality={"max_reject_rate": 1})
    assert outcomes(out)["reason"].to_list() == ["ROW_TOO_FEW_FIELDS"] * 2


# --- repeats ----------------------------------------------------------------------------------------------------


def repeated():
    """Rows 0, 2 and 4 share a number, rows 1 and 5 an id; `updated` says another of them is the newest."""
    rows = lead_rows(6)
    for row in (2, 4):
        rows[row]["phone"] = rows[0]["phone"]
    rows[5]["id"] = rows[1]["id"]
    days = ("2026-01-03", "2026-01-01", "2026-03-01", None, "2026-02-01", "2026-01-02")
    return [row | {"updated": day} for row, day in zip(rows, days, strict=True)]


@pytest.mark.parametrize(
    ("duplicates", "numbers_kept", "ids_kept"),
    [
        ({}, 0, 1),
        ({"keep": "first"}, 0, 1),
        ({"keep": "last"}, 4, 5),
        ({"keep": "largest", "by": "updated"}, 2, 5),
        ({"keep": "smallest", "by": "updated"}, 0, 1),
    ],
    ids=["by default", "first", "last", "largest", "smallest"],
)
@pytest.mark.parametrize("batch_size", [1, 1000])
def test_of_repeats_the_job_says_which_stays_however_requests_are_cut(
    check, duplicates, numbers_kept, ids_kept, batch_size
):
    sections = {"duplicates": duplicates} if duplicates else {}
    _, out = check(repeated(), load={"batch_size": batch_size}, **sections)
    expected = dict.fromkeys({0, 2, 4} - {numbers_kept}, ("PHONE_REPEATED", f"source_row {numbers_kept} is kept"))
    expected |= dict.fromkeys({1, 5} - {ids_kept}, ("EXTERN_ID_REPEATED", f"source_row {ids_kept} is kept"))
    aside = outcomes(out).filter(pl.col("outcome") == "DUPLICATE").select("source_row", "reason", "detail")
    assert {row: (reason, detail) for row, reason, detail in aside.rows()} == expected
    staged = pl.read_parquet(out / "leads.parquet")["source_row"].to_list()
    assert staged == sorted({numbers_kept, ids_kept, 3})
    report = json.loads((out / "report.json").read_text())
    assert (report["counts"]["DUPLICATE"], report["balanced"]) == (3, True)


def test_numbers_in_either_form_count_however_requests_are_cut(check):
    numbers = [
        ("212-555-0101", "+442079460958"),
        ("212-555-0102", "+442079460958"),
        ("212-555-0101", "+442079460959"),
        ("", "+442079460958"),
        ("", "+12125550101"),
        ("212-555-0103", "+12125550101"),
    ]
    rows = [row | {"phone": phone, "abroad": e164} for row, (phone, e164) in zip(lead_rows(6), numbers, strict=True)]
    columns = {"externId": "id", "leadPhone": "phone", "leadPhoneE164": "abroad", "zip": "zip"}
    for batch_size in (1, 1000):
        for keep in ("first", "last"):
            _, out = check(rows, columns=columns, load={"batch_size": batch_size}, duplicates={"keep": keep})
            told = outcomes(out).filter(pl.col("outcome") == "DUPLICATE").select("source_row", "detail").rows()
            kept = {"first": dict.fromkeys(range(1, 6), 0), "last": {0: 5, 1: 3, 2: 5, 4: 5}}[keep]
            assert told == [(row, f"source_row {of} is kept") for row, of in kept.items()]


def test_a_value_among_numbers_that_is_none_is_told(check):
    rows = [
        row | {"id": name, "updated": value}
        for row, name, value in zip(
            lead_rows(5), ["A1", "A1", "A2", "A2", "A3"], ["9", "10", "n/a", "3", "none"], strict=True
        )
    ]
    ended, out = check(rows, duplicates={"keep": "largest", "by": "updated"})
    told = "duplicates.by was compared as numbers, and what is none counts as no value: 1 of its 4 values"
    (warning,) = json.loads((out / "report.json").read_text())["warnings"]
    assert warning.startswith(told)
    assert f"warning: {told}" in " ".join(ended.err.split())


def test_a_refused_row_sets_no_other_aside(check):
    rows = lead_rows(2)
    rows[1] |= {"id": rows[0]["id"]}
    rows[0]["phone"] = "12"
    _, out = check(rows, duplicates={"keep": "first"})
    assert outcomes(out).select("outcome", "reason").rows() == [("REJECTED", "PHONE_TOO_SHORT"), ("NOT_SENT", None)]


# --- damage -----------------------------------------------------------------------------------------------------


def rounded():
    """One row in ten has a number that a spreadsheet rounded."""
    return [row | ({"phone": "4.15555E+09"} if place % 10 == 0 else {}) for place, row in enumerate(lead_rows(100))]


def test_a_damaged_column_is_a_warning_by_default(check, leadferry, tmp_path):
    _, out = check(rounded())
    report = json.loads((out / "report.json").read_text())
    assert report["status"] == "checked"
    (damage,) = [each for each in report["damage"] if each["field"] == "leadPhone"]
    assert (damage["column"], damage["rows"], damage["values"], damage["first_row"]) == ("phone", 10, 100, 0)
    assert damage["damaged"] is True
    told = leadferry("check", tmp_path / "leads.toml")
    assert told.code == 0
    assert damage["sentence"] in " ".join((told.out + told.err).split())


def test_a_damaged_column_stops_the_run_where_the_job_says_so(check):
    _, out = check(rounded(), code=3, quality={"damage": "stop"})
    report = json.loads((out / "report.json").read_text())
    assert report["status"] == "gate"
    assert [each["kind"] for each in report["damage"] if each["damaged"]] == ["SCIENTIFIC_NOTATION"]
    with (out / "rejects.csv").open(encoding="utf-8", newline="") as file:
        rejects = list(csv.DictReader(file))
    refused = [row for row in rejects if row["leadferry_reason"] == "PHONE_ROUNDED"]
    assert len(refused) == 10
    assert "4.15555E+09" in str(refused[0])


def test_less_damage_than_the_share_does_not_stop_the_run(check):
    check(rounded(), quality={"damage": "stop", "damage_share": 0.2})


# --- evidence ---------------------------------------------------------------------------------------------------


def test_outcomes_say_what_each_source_of_a_zone_said(check):
    rows = lead_rows(2)
    rows[0] |= {"phone": "213-555-0123", "zip": "10001", "state": "NY"}
    _, out = check(rows)
    first = outcomes(out).row(0, named=True)
    assert [first[name] for name in EVIDENCE] == [
        "America/Los_Angeles",
        "number",
        True,
        "America/New_York",
        "America/Los_Angeles",
        "America/New_York",
    ]
    assert (first["outcome"], first["leadTimezone"]) == ("NOT_SENT", "PST")
    assert outcomes(out)["time_zone_conflict"].to_list() == [True, False]
    assert json.loads((out / "report.json").read_text())["time_zone_conflicts"] == 1


# --- the stage itself -------------------------------------------------------------------------------------------

TODAY = dt.date(2026, 1, 15)


def stage(job, path, *, load=True, limit=None):
    """Prepare as `load` does or as `check` does; returns what came of it with its verdicts and leads."""
    folder = RunFolder(path)
    folder.make()
    if load:
        prepared = prepare_run(job, folder, as_of=TODAY, limit=limit, progress=SilentProgress())
        return prepared, pl.read_parquet(folder.verdicts), pl.read_parquet(folder.leads)
    with prepared_check(job, folder, as_of=TODAY, limit=limit, progress=SilentProgress()) as (prepared, rows):
        assert rows.select(pl.len()).collect().item() == prepared.rows_read
    return prepared, pl.read_parquet(folder.outcomes), pl.read_parquet(folder.leads)


def mixed():
    rows = lead_rows(40)
    rows[3]["phone"] = "12"
    rows[17]["phone"] = rows[2]["phone"]
    rows[31]["id"] = rows[30]["id"]
    return rows


def test_check_and_load_prepare_alike_in_memory_and_on_disk(make_job, tmp_path, monkeypatch):
    job = read_job(make_job(mixed()))
    loaded = stage(job, tmp_path / "load")
    checked = stage(job, tmp_path / "check", load=False)
    monkeypatch.setattr(flows.preparation, "_SPOOL_BYTES", 0)
    spilled = stage(job, tmp_path / "disk", load=False)
    prepared, verdicts, leads = loaded
    assert (prepared.rows_read, prepared.rejected, prepared.duplicates, prepared.leads) == (40, 1, 2, 37)
    assert [batch.size for batch in prepared.batches] == [10, 10, 10, 7]
    for other in (checked, spilled):
        assert other[0] == prepared
        assert other[1].equals(verdicts)
        assert other[2].equals(leads)
    for name in ("load", "check", "disk"):
        assert not list((tmp_path / name).glob(f"{SPOOL_PREFIX}*"))


@pytest.mark.parametrize("keep", ["first", "last", "largest", "smallest"])
@pytest.mark.parametrize(
    ("handling", "sizes"),
    [
        *(("REMOVE_FROM_LIST", sizes) for sizes in ((3, 0), (3, 2_000), (100, 0), (3, 10**9))),
        ("RETAIN_ALL", (3, 0)),
    ],
)
def test_rows_that_came_to_a_reason_are_kept_whatever_else_is_let_go(  # noqa: PLR0917 - three of them are fixtures
    make_job, tmp_path, monkeypatch, keep, handling, sizes
):
    """Repeats stand within a chunk and far apart, also of one of two numbers, and which row stays follows the rule."""
    chunk, budget = sizes
    monkeypatch.setattr(flows.reading_ahead, "_CHUNK_ROWS", chunk)
    monkeypatch.setattr(flows.preparation, "_SPOOL_BYTES", budget)
    rows = [row | {"other": None, "rank": str(place % 7)} for place, row in enumerate(mixed())]
    rows[38]["other"], rows[36]["id"], rows[20]["phone"] = rows[21]["phone"], rows[5]["id"], rows[19]["phone"]
    columns = {"leadPhone": ["phone", "other"]}
    duplicates = {"keep": keep} | ({"by": "rank"} if keep in {"largest", "smallest"} else {})
    job = read_job(make_job(rows, columns=columns, duplicates=duplicates, load={"duplicate_handling": handling}))
    folder = RunFolder(tmp_path / "run")
    folder.make()
    chosen = {"as_of": TODAY, "limit": None, "progress": SilentProgress(), "every_row": False}
    with prepared_check(job, folder, **chosen) as (prepared, source):
        kept = source.collect()
    assert (prepared.rejected, prepared.duplicates) == (1, 2 if handling == "RETAIN_ALL" else 5)
    whole = pl.concat(source_chunks(job, None, []))
    assert kept.equals(whole.filter(pl.col("source_row").is_in(kept["source_row"].implode())))
    told = pl.read_parquet(folder.outcomes).filter(pl.col("reason").is_not_null())["source_row"]
    assert set(told) <= set(kept["source_row"])
    assert (kept.height < len(rows)) == (keep == "first")


def test_a_plain_check_counts_batches_and_names_none(check, tmp_path, make_job):
    _, out = check(mixed())
    assert json.loads((out / "report.json").read_text())["batches"] == 4
    plain = pl.read_parquet(out / "leads.parquet")
    job = read_job(make_job(mixed()))
    prepared, _, named = stage(job, tmp_path / "named", load=False)
    assert plain.equals(named.drop("batch_id"))
    folder = RunFolder(tmp_path / "unnamed")
    folder.make()
    chosen = {"as_of": TODAY, "limit": None, "progress": SilentProgress(), "named_batches": False}
    with prepared_check(job, folder, **chosen) as (unnamed, _):
        assert [replace(batch, batch_id="") for batch in prepared.batches] == list(unnamed.batches)
        assert unnamed.leads == prepared.leads


def test_a_row_group_of_the_staged_leads_is_a_batch(make_job, tmp_path):
    prepared, _, leads = stage(read_job(make_job(mixed())), tmp_path / "run")
    for batch in prepared.batches:
        part = leads.slice(batch.first, batch.size)
        assert part["batch_id"].unique().to_list() == [batch.batch_id]


def test_what_is_prepared_is_not_made_again_and_reads_back_as_it_was(make_job, tmp_path):
    job = read_job(make_job(rounded()))
    prepared, _, _ = stage(job, tmp_path / "run")
    assert prepared.damaged
    assert Prepared.from_json(prepared.to_json()) == prepared
    written = (tmp_path / "run" / "leads.parquet").stat()
    again, _, _ = stage(job, tmp_path / "run")
    assert again == prepared
    assert (tmp_path / "run" / "leads.parquet").stat().st_mtime_ns == written.st_mtime_ns


@pytest.mark.parametrize("load", [True, False])
def test_a_limit_reads_the_first_rows_alone(make_job, tmp_path, load):
    prepared, verdicts, _ = stage(read_job(make_job(mixed())), tmp_path / "run", load=load, limit=5)
    assert prepared.rows_read == verdicts.height == 5


@pytest.mark.parametrize("load", [True, False])
@pytest.mark.parametrize(
    ("ids", "taken"),
    [
        (["1.0", "2.0", "3.0", "A"], ["1.0", "2.0"]),
        (["1.0", "2.0", "3.0", None], ["1", "2"]),
        (["1.0", "2.0"], ["1", "2"]),
        (["1.0", "1.0", "3.0"], ["1", "1"]),
        (["1.0", "1.0", "1.0"], ["1.0", "1.0"]),
    ],
)
def test_a_trial_takes_the_ids_as_the_whole_load_does(make_job, tmp_path, monkeypatch, ids, taken, *, load):
    monkeypatch.setattr(flows.reading_ahead, "_CHUNK_ROWS", 2)
    job = read_job(make_job(with_ids(*ids), quality={"damage": "stop"}))

    prepared, verdicts, _ = stage(job, tmp_path / "run", load=load, limit=2)

    assert verdicts["externId"].to_list() == taken
    told = [verdict["kind"] for verdict in prepared.damage]
    assert told == (["DECIMAL_POINT"] if "1" in taken else [])


def test_a_resume_takes_the_ids_of_a_trial_without_the_source(make_job, tmp_path):
    job = read_job(make_job(with_ids("1.0", "2.0", "A")))
    stage(job, tmp_path / "run", limit=2)
    (tmp_path / "run" / "prepared.json").unlink()
    (tmp_path / "leads.csv").unlink()

    _, verdicts, _ = stage(job, tmp_path / "run", limit=2)

    assert verdicts["externId"].to_list() == ["1.0", "2.0"]


@pytest.mark.parametrize("load", [True, False])
def test_a_header_without_rows_is_an_error_and_leaves_no_file(make_job, tmp_path, load):
    job = read_job(make_job("id,phone,name,zip,state\n"))
    with pytest.raises(SourceError, match="no rows"):
        stage(job, tmp_path / "run", load=load)
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize(("keep", "load"), [("first", True), ("first", False), ("last", True), ("last", False)])
@pytest.mark.parametrize("rows", [1, 3, 7, 10])
def test_the_size_of_the_chunks_changes_nothing(make_job, tmp_path, monkeypatch, rows, *, keep, load):
    """Verdicts and leads are written chunk by chunk; batches, repeats and ids reach over their borders."""
    job = read_job(make_job(mixed(), duplicates={"keep": keep}))
    whole = stage(job, tmp_path / "whole")
    monkeypatch.setattr(flows.reading_ahead, "_CHUNK_ROWS", rows)
    prepared, verdicts, leads = stage(job, tmp_path / "chunks", load=load)
    assert prepared == whole[0]
    assert verdicts.equals(whole[1])
    assert leads.equals(whole[2])
    assert [batch.number for batch in prepared.batches] == [1, 2, 3, 4]


@pytest.mark.parametrize("limit", [None, 4])
@pytest.mark.parametrize("rows", [1, 4, 1000])
def test_chunks_read_ahead_are_the_sources_own_each_once(make_job, monkeypatch, rows, limit):
    job = read_job(make_job(lead_rows(10)))
    monkeypatch.setattr(flows.reading_ahead, "_CHUNK_ROWS", rows)
    ahead = ReadAhead(reading_of(job), limit)
    read = pl.concat(ahead.chunks())
    assert read.equals(pl.concat(source_chunks(job, limit, [])))
    assert read.height == (limit or 10)


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.98])
def test_a_source_that_breaks_off_breaks_off_where_it_is_read_ahead_too(make_job, tmp_path, monkeypatch, kept):
    lines = [f"{number},415-555-{number:04},Ann,94103,CA" for number in range(2_000)]
    job = read_job(make_job("\n".join(["id,phone,name,zip,state", *lines, ""])))
    packed = gzip.compress((tmp_path / "leads.csv").read_bytes())
    (tmp_path / "leads.csv").write_bytes(packed[: int(len(packed) * kept)])
    monkeypatch.setattr(flows.reading_ahead, "_CHUNK_ROWS", 2)
    with pytest.raises(SourceError):
        list(ReadAhead(reading_of(job), None).chunks())


@pytest.mark.parametrize("place", [0, 4, 8])
def test_one_other_id_in_any_chunk_leaves_the_ids_of_all_as_they_are(make_job, tmp_path, monkeypatch, place):
    monkeypatch.setattr(flows.reading_ahead, "_CHUNK_ROWS", 3)
    ids = [f"{number}.0" for number in range(100, 109)]
    _, mended, _ = stage(read_job(make_job(with_ids(*ids))), tmp_path / "all")
    assert mended["externId"].to_list() == [name.removesuffix(".0") for name in ids]
    ids[place] = "A7"
    _, verdicts, leads = stage(read_job(make_job(with_ids(*ids))), tmp_path / "but one")
    assert verdicts["externId"].to_list() == leads["externId"].to_list() == ids
    assert not verdicts["note"].fill_null("").str.contains("decimal zero").any()


@pytest.mark.parametrize("name", ["outcomes", "leads"])
def test_a_check_whose_files_cannot_be_made_whole_reports_nothing(
    make_job, leadferry_here, tmp_path, monkeypatch, name
):
    """The report is counted while they are made whole."""
    flush = staging._flush  # noqa: SLF001 - the last thing that is done to a file

    def fail(path):
        if path.name.startswith(f".{name}.parquet"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(path)

    monkeypatch.setattr(staging, "_flush", fail)
    ended = leadferry_here("check", make_job(mixed()), "--out", tmp_path / "out")

    assert ended.code == 2
    assert "No space left on device" in ended.err
    left = {file.name for file in (tmp_path / "out").iterdir()}
    assert not left & {f"{name}.parquet", "report.json", "report.html"}


def test_a_check_that_lost_an_outcome_on_its_way_to_the_file_says_that_it_failed(
    make_job, leadferry_here, tmp_path, monkeypatch
):
    """The page is rendered before the file is whole: it may not stay as it was."""
    write = staging.ChunkWriter.write

    def lose_one(self, chunk):
        write(self, chunk.head(-1) if "arrived_differently" in chunk.columns else chunk)

    monkeypatch.setattr(staging.ChunkWriter, "write", lose_one)
    ended = leadferry_here("check", make_job(mixed()), "--out", tmp_path / "out", "--json")

    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert (report["status"], report["balanced"]) == ("failed", False)
    assert report["headline"] in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert report["headline"].startswith("The run failed")
    assert ended.code == 1
