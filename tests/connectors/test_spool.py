"""The spool gives back what was put in, from memory or from disk, and leaves nothing behind."""

import contextlib
import stat

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.spool import SPOOL_PREFIX, Spool

FRAMES = [
    pl.DataFrame({"row": [0, 1, 2], "id": ["a", None, "c"], "ok": [True, None, False]}),
    pl.DataFrame({"row": [3], "id": ["é" * 40], "ok": [True]}),
    pl.DataFrame(schema={"row": pl.Int64, "id": pl.String, "ok": pl.Boolean}),
    pl.DataFrame({"row": [4, 5], "id": ["e", ""], "ok": [None, None]}, schema_overrides={"ok": pl.Boolean}),
]
WHOLE = pl.concat(FRAMES)
# 16 bytes a text count beside its characters.
BUDGETS = {"memory": 10**9, "disk": 0, "both": FRAMES[0].estimated_size() + 16 * FRAMES[0].height * FRAMES[0].width}


@pytest.fixture(params=BUDGETS)
def spool(request, tmp_path):
    with Spool(tmp_path, "test", BUDGETS[request.param]) as spool:
        for frame in FRAMES:
            spool.append(frame)
        spilled = len(list(tmp_path.glob(f"{SPOOL_PREFIX}test-*")))
        low, high = {"memory": (0, 0), "disk": (3, 4), "both": (1, 3)}[request.param]
        assert low <= spilled <= high, "the budget decides where frames lie"
        yield spool
    assert list(tmp_path.iterdir()) == []


def test_frames_come_back_in_order_as_often_as_asked(spool):
    for _ in range(2):
        assert all(back.equals(frame) for back, frame in zip(spool.frames(), FRAMES, strict=True))
    named = spool.frames(["ok", "row"])
    assert all(back.equals(frame.select("ok", "row")) for back, frame in zip(named, FRAMES, strict=True))
    assert spool.height == WHOLE.height


QUERIES = {
    "all": lambda frame: frame,
    "columns": lambda frame: frame.select("ok", "id"),
    "one column twice": lambda frame: frame.select("id", pl.col("id").alias("again")),
    "rows": lambda frame: frame.filter(pl.col("row") > 2),
    "rows by a column that is not asked for": lambda frame: frame.filter(pl.col("ok")).select("id"),
    "no rows": lambda frame: frame.filter(pl.col("row") > 99),
    "nulls": lambda frame: frame.filter(pl.col("id").is_null()),
    "first rows": lambda frame: frame.head(2),
    "first rows over a border": lambda frame: frame.head(4),
    "more than there are": lambda frame: frame.head(100),
    "none": lambda frame: frame.head(0),
    "first rows of some": lambda frame: frame.filter(pl.col("row") > 1).head(2).select("row"),
    "some of the first rows": lambda frame: frame.head(5).filter(pl.col("row") > 1).select("id"),
    "a slice": lambda frame: frame.slice(2, 3),
    "count": lambda frame: frame.select(pl.len()),
    "a join with itself": lambda frame: frame.join(frame.select("row", other="id"), on="row", maintain_order="left"),
}


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_a_scan_answers_as_a_frame_in_memory_does(spool, query, engine):
    ask = QUERIES[query]
    assert ask(spool.scan()).collect(engine=engine).equals(ask(WHOLE.lazy()).collect())


def test_files_are_the_owners_alone_and_gone_after_closing(tmp_path):
    spool = Spool(tmp_path, "test", 0)
    for frame in FRAMES:
        spool.append(frame)
    files = list(tmp_path.iterdir())
    assert files
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert all(file.name.startswith(f"{SPOOL_PREFIX}test-") for file in files)
    spool.close()
    assert list(tmp_path.iterdir()) == []
    assert list(spool.frames()) == []


def test_files_are_gone_after_a_failure_too_and_two_spools_do_not_meet(tmp_path):
    other = Spool(tmp_path, "other", 0)
    other.append(FRAMES[0])
    spool = Spool(tmp_path, "test", 0)
    with contextlib.suppress(KeyboardInterrupt), spool:
        spool.append(FRAMES[1])
        assert len(list(tmp_path.iterdir())) == 2
        raise KeyboardInterrupt
    assert len(list(tmp_path.iterdir())) == 1
    assert next(other.frames()).equals(FRAMES[0])
    other.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.none() | st.text(max_size=5), max_size=4), min_size=1, max_size=5), st.integers(0, 300))
def test_memory_and_disk_give_the_same_whatever_is_in_the_cells(tmp_path_factory, chunks, budget):
    frames = [pl.DataFrame({"cell": cells}, schema={"cell": pl.String}) for cells in chunks]
    with Spool(tmp_path_factory.mktemp("spool"), "test", budget) as spool:
        for frame in frames:
            spool.append(frame)
        assert spool.scan().collect().equals(pl.concat(frames))
        assert [frame.to_series().to_list() for frame in spool.frames()] == chunks


def test_a_frame_that_cannot_be_written_leaves_no_file(tmp_path, monkeypatch):
    def fail(_, file, **__):
        file.write_bytes(b"PAR1")
        raise OSError("the disk is full")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", fail)
    with Spool(tmp_path, "rows", 0) as spool, pytest.raises(OSError, match="full"):
        spool.append(pl.DataFrame({"a": [1]}))
    assert list(tmp_path.iterdir()) == []
