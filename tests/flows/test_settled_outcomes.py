"""A load's outcomes are put together piece by piece, and no answer is lost on the way."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.run_folder import RunFolder
from flows.settled_outcomes import settled_outcomes
from transforms.accounting import OUTCOME_COLUMNS
from transforms.reconciling import OUTCOME_SCHEMA


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def write_verdicts(folder, rows, kept_of=None):
    columns = {name: pl.Series([None] * rows, dtype=pl.String) for name in OUTCOME_COLUMNS}
    columns |= {name: pl.Series([None] * rows, dtype=dtype) for name, dtype in OUTCOME_SCHEMA.items()}
    columns |= {"source_row": pl.Series(range(rows), dtype=pl.UInt64), "outcome": ["NOT_SENT"] * rows}
    for row, kept in (kept_of or {}).items():
        columns["outcome"][row] = "DUPLICATE"
        columns["detail"][row] = f"source_row {kept} is kept"
    pl.DataFrame(columns).select(OUTCOME_COLUMNS).write_parquet(folder.verdicts)


def write_sent(folder, source_rows, fates=None):
    sent = pl.DataFrame({"source_row": source_rows}, schema={"source_row": pl.UInt64}).with_columns(
        outcome=pl.Series([fates[row] if fates else "LOADED" for row in source_rows], dtype=pl.String),
        leadId=pl.col("source_row").cast(pl.Int64) + 100,
    )
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in OUTCOME_SCHEMA.items() if name not in sent.columns]
    sent.with_columns(absent).select(OUTCOME_SCHEMA.names()).write_parquet(folder.sent)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.integers(1, 30), st.data())
def test_every_answer_reaches_its_row_whatever_the_pieces(folder, rows, data):
    sent = sorted(data.draw(st.sets(st.integers(0, rows - 1))))
    write_verdicts(folder, rows)
    write_sent(folder, sent)

    settled = pl.concat(settled_outcomes(folder, 4))

    assert settled["source_row"].to_list() == list(range(rows))
    assert settled.filter(pl.col("outcome") == "LOADED")["leadId"].to_list() == [row + 100 for row in sent]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(["LOADED", "REJECTED_BY_API", "REMOVED_BY_API", "NOT_SENT", "UNRESOLVED"]), min_size=1),
    st.data(),
)
def test_a_duplicate_of_a_row_that_was_turned_away_is_told_so_wherever_that_stands(folder, fates, data):
    kept_of = data.draw(st.dictionaries(st.integers(0, len(fates) - 1), st.integers(0, len(fates) - 1)))
    kept_of = {row: kept for row, kept in kept_of.items() if kept not in kept_of}
    write_verdicts(folder, len(fates), kept_of)
    write_sent(folder, [row for row in range(len(fates)) if row not in kept_of], fates)

    counts = Counter()
    settled = pl.concat(settled_outcomes(folder, 4, counts))

    ends = {"REJECTED_BY_API": "was kept, but RingCX rejected it", "REMOVED_BY_API": "was kept, but RingCX removed it"}
    told = {row: f"source_row {kept} {ends.get(fates[kept], 'is kept')}" for row, kept in kept_of.items()}
    assert settled["detail"].to_list() == [told.get(row) for row in range(len(fates))]
    assert counts.total() == sum(fates[kept] in ends for kept in kept_of.values())


def test_a_run_that_sent_nothing_settles_by_its_verdicts(folder):
    write_verdicts(folder, 9)

    assert pl.concat(settled_outcomes(folder, 4))["outcome"].to_list() == ["NOT_SENT"] * 9


@pytest.mark.parametrize("sent", [[5, 1], [0, 1, 2, 3, 4, 2], [9], [0, 12]], ids=str)
def test_answers_out_of_order_or_for_no_row_are_never_lost_without_a_word(folder, sent):
    write_verdicts(folder, 9)
    write_sent(folder, sent)

    with pytest.raises(ValueError, match="outcomes of sending"):
        list(settled_outcomes(folder, 4))
