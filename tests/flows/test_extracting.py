"""A source is handed on in chunks that hold every row once, in order, and keep two workers busy to the end."""

import polars as pl
import pytest

from flows import reading_ahead
from flows.extracting import source_chunks
from flows.job_file import read_job
from tests.conftest import lead_rows

CHUNK_ROWS = 8


@pytest.mark.parametrize(
    ("rows", "heights"),
    [
        (1, [1]),
        (4, [4]),
        (5, [3, 2]),
        (8, [4, 4]),
        (9, [8, 1]),
        (12, [8, 4]),
        (13, [8, 3, 2]),
        (40, [8, 8, 8, 8, 4, 4]),
    ],
)
def test_the_last_chunk_is_given_in_halves(make_job, monkeypatch, rows, heights):
    job = read_job(make_job(lead_rows(rows)))
    monkeypatch.setattr(reading_ahead, "_CHUNK_ROWS", CHUNK_ROWS)

    chunks = list(source_chunks(job, None, []))

    assert [chunk.height for chunk in chunks] == heights
    assert pl.concat(chunks)["source_row"].to_list() == list(range(rows))
