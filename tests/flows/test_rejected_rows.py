"""rejects.csv is the same whatever fits into memory and however rows are cut, and no row is lost on the way."""

import datetime as dt
import json
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flows.preparation
import flows.reading_ahead
import flows.rejected_rows
import flows.reporting
from connectors.spool import SPOOL_PREFIX
from flows.job_file import read_job
from flows.rejected_rows import write_rejected_rows
from flows.reporting import tallying
from flows.run_folder import RunFolder
from tests.conftest import lead_rows
from transforms.accounting import NOT_LOADED, OUTCOME_COLUMNS
from transforms.vocabulary.outcomes import Outcome

TODAY = dt.date(2026, 1, 1)
TOLD = ["leadferry_source_row", "leadferry_outcome", "leadferry_reason", "leadferry_detail"]
TYPES = {"source_row": pl.UInt64, "time_zone_conflict": pl.Boolean, "leadId": pl.Int64, "listId": pl.Int64}
SCHEMA = {name: TYPES.get(name, pl.String) for name in OUTCOME_COLUMNS}


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.make()
    return folder


@pytest.fixture
def job(make_job):
    return read_job(make_job(lead_rows(1)))


def source_of(rows):
    columns = {"source_row": list(range(rows)), "row_fault": [None] * rows}
    columns |= {name: [row[name] for row in lead_rows(rows)] for name in ("id", "phone", "name", "zip", "state")}
    return pl.DataFrame(columns, schema={"source_row": pl.UInt64} | dict.fromkeys(list(columns)[1:], pl.String))


def outcomes_of(fates):
    """One row for each of `fates`: outcome, reason and detail."""
    columns = dict(zip(("outcome", "reason", "detail"), zip(*fates, strict=True), strict=False)) if fates else {}
    columns |= {"source_row": range(len(fates))}
    absent = [None] * len(fates)
    return pl.DataFrame({name: columns.get(name, absent) for name in SCHEMA}, schema=SCHEMA)


def cut(frame, cuts):
    edges = [0, *sorted(min(each, frame.height) for each in cuts), frame.height]
    return [frame[start:end] for start, end in pairwise(edges)]


def write(folder, job, chunks, source):
    """Write rejects.csv as a run does whose outcomes come in `chunks`; return it."""
    with tallying(folder) as tally:
        for chunk in chunks:
            tally.add(chunk)
        write_rejected_rows(folder, tally, pl.concat(chunks).lazy, source, job, as_of=TODAY)
    assert not list(folder.path.glob(f"{SPOOL_PREFIX}*")), "working files are left behind"
    return pl.read_csv(folder.rejects, infer_schema=False)


FATES = st.tuples(
    st.sampled_from([outcome.value for outcome in Outcome]),
    st.sampled_from([None, "PHONE_MISSING", "API_QUOTA", "ROW_IS_HEADER"]),
    st.sampled_from([None, "a detail"]),
)
CUTS = st.lists(st.integers(0, 12), max_size=3)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(FATES, max_size=12), CUTS, CUTS, st.integers(1, 12), st.sampled_from([0, 4, 99]), st.sampled_from([0, 999])
)
def test_every_refused_row_is_written_once_in_order(  # noqa: PLR0917 - two are fixtures
    folder, job, fates, cuts, source_cuts, at_once, few, budget
):
    source = pl.concat(piece.lazy() for piece in cut(source_of(len(fates)), source_cuts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flows.rejected_rows, "_AT_ONCE", at_once)
        patch.setattr(flows.rejected_rows, "_FEW", few)
        patch.setattr(flows.reporting, "_REASON_BYTES", budget)
        found = write(folder, job, cut(outcomes_of(fates), cuts), source)

    refused = [row for row, (outcome, reason, _) in enumerate(fates) if reason is not None and outcome in NOT_LOADED]
    assert found.select(TOLD).rows() == [(str(row), *fates[row]) for row in refused]
    own = source_of(len(fates)).filter(pl.col("source_row").is_in(refused)).drop("row_fault", "source_row")
    assert found.select(own.columns).rows() == own.rows()


@pytest.mark.parametrize("few", [0, 99], ids=["all", "picked first"])
@pytest.mark.parametrize("lost", [0, 3, 5])
def test_a_refused_row_that_the_source_lacks_is_not_left_out_without_a_word(folder, job, monkeypatch, few, lost):
    monkeypatch.setattr(flows.rejected_rows, "_FEW", few)
    outcomes = outcomes_of([("REJECTED", "PHONE_MISSING", None)] * 6)

    with pytest.raises(ValueError, match="not in the source"):
        write(folder, job, [outcomes], source_of(6).filter(pl.col("source_row") != lost).lazy())


def test_rows_with_a_reason_wait_on_disk_beyond_the_budget_and_for_their_owner_alone(folder, monkeypatch):
    monkeypatch.setattr(flows.reporting, "_REASON_BYTES", 0)
    with tallying(folder) as tally:
        tally.add(outcomes_of([("REJECTED", "PHONE_MISSING", None), ("NOT_SENT", None, None)]))
        (file,) = folder.path.iterdir()
        assert file.name.startswith(SPOOL_PREFIX)
        assert file.stat().st_mode & 0o777 == 0o600
        assert next(tally.with_reason())["source_row"].to_list() == [0]
    assert not list(folder.path.iterdir())


def mixed():
    """Rows of which many are refused, set aside or mended, far apart and together."""
    rows = lead_rows(60)
    for place, phone in enumerate(["12", "+44 20 7946 0958", "203-555-9O04", "=1+1", None] * 6):
        rows[2 * place]["phone"] = phone
    rows[41]["phone"], rows[45]["id"], rows[47]["id"] = rows[1]["phone"], rows[43]["id"], "a\tb"
    return rows


@pytest.mark.parametrize("command", ["check", "load"])
@pytest.mark.parametrize("keep", ["first", "last"])
def test_a_run_leaves_the_same_whatever_fits_into_memory(  # noqa: PLR0917 - three of them are fixtures
    leadferry_here, make_job, monkeypatch, tmp_path, command, keep
):
    job = make_job(mixed(), duplicates={"keep": keep}, quality={"max_reject_rate": 1})

    def run(name):
        assert leadferry_here(command, job, "--out", tmp_path / name).code == 0
        report = json.loads((tmp_path / name / "report.json").read_text())
        rejects = (tmp_path / name / "rejects.csv").read_bytes()
        return rejects, {key: report[key] for key in ("counts", "balanced", "reasons", "repairs")}

    usual = run("usual")
    monkeypatch.setattr(flows.reading_ahead, "_CHUNK_ROWS", 7)
    monkeypatch.setattr(flows.preparation, "_SPOOL_BYTES", 0)
    monkeypatch.setattr(flows.rejected_rows, "_AT_ONCE", 3)
    monkeypatch.setattr(flows.rejected_rows, "_FEW", 0)
    monkeypatch.setattr(flows.reporting, "PIECE_ROWS", 4)
    monkeypatch.setattr(flows.reporting, "_REASON_BYTES", 0)

    assert run("in pieces") == usual
    assert len(usual[1]["reasons"]) >= 5
