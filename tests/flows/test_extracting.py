"""A source is handed on in chunks that hold every row once, in order, and keep two workers busy to the end."""

from types import SimpleNamespace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from connectors.sources.extract import Extract
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


@pytest.mark.parametrize("heights", [[1], [3, 5], [7, 9, 1], [30, 2], [1] * 20, [8, 8]])
def test_a_chunk_is_the_rows_of_its_frames_each_column_in_one_piece(monkeypatch, heights):
    monkeypatch.setattr(reading_ahead, "_CHUNK_ROWS", CHUNK_ROWS)
    rows = pl.DataFrame({"^a$": [f"text {number}" for number in range(sum(heights))]})
    frames = [rows.slice(sum(heights[:number]), height) for number, height in enumerate(heights)]

    reading = SimpleNamespace(open=lambda: Extract(lambda _limit: (frame for frame in frames), ("^a$",), ()))
    chunks = list(reading_ahead.read_chunks(reading, None, []))

    assert_frame_equal(pl.concat(chunks).drop("source_row"), rows)
    assert all(chunk.n_chunks() == 1 for chunk in chunks)
    assert all(frame.columns == ["^a$"] for frame in frames)
