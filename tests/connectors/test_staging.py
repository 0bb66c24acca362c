"""Staged files: whole or absent, private, and cut so that one batch is read alone."""

import errno
import os
import stat
import subprocess
import sys
import time

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from connectors.staging import ChunkWriter, read_batch, write_chunks, write_frame, write_text, written_whole
from tests.conftest import PROJECT
from transforms.batching import Batch


def leads(height, first=0):
    return pl.DataFrame(
        {"externId": [f"e{number}" for number in range(first, first + height)], "place": range(first, first + height)}
    )


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "facts.json"

    with written_whole(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == tmp_path

    assert path.read_text() == "half"
    assert names_in(tmp_path) == ["facts.json"]


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_takes_the_place_of_none_that_came_meanwhile(tmp_path, monkeypatch, links):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    path = tmp_path / "job.toml"

    def write(text):
        with written_whole(path, mode=0o640, new=True) as temporary:
            temporary.write_text(text)
            if text == "mine":
                path.write_text("theirs")

    with pytest.raises(FileExistsError):
        write("mine")
    assert (path.read_text(), names_in(tmp_path)) == ("theirs", ["job.toml"])

    path.unlink()
    write("first")
    assert (path.read_text(), names_in(tmp_path)) == ("first", ["job.toml"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_failure_midway_leaves_neither_the_file_nor_a_temporary_one(tmp_path):
    def write_half():
        with written_whole(tmp_path / "facts.json") as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()

    assert names_in(tmp_path) == []


def test_a_failure_midway_leaves_the_earlier_file_as_it_was(tmp_path):
    path = tmp_path / "leads.parquet"
    write_frame(path, leads(3).lazy())

    for _ in range(60):  # what is left behind is left at times
        with pytest.raises(pl.exceptions.PolarsError):
            write_frame(path, leads(9).lazy().select(pl.col("externId").cast(pl.Int64)))

    time.sleep(0.05)
    assert_frame_equal(pl.read_parquet(path), leads(3))
    assert names_in(tmp_path) == ["leads.parquet"]


def test_chunks_are_written_as_they_come_and_the_file_is_there_when_all_are(tmp_path):
    path = tmp_path / "leads.parquet"

    with ChunkWriter(path, row_group_size=5) as writer:
        for first in range(0, 60, 10):
            writer.write(leads(10, first))
            assert not path.exists()

    assert_frame_equal(pl.read_parquet(path), leads(60))
    assert names_in(tmp_path) == ["leads.parquet"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_ended_is_made_whole_before_anybody_waits_for_it(tmp_path):
    path = tmp_path / "leads.parquet"
    deadline = time.monotonic() + 30
    with ChunkWriter(path) as writer:
        writer.write(leads(3))
        writer.end()
        writer.end()
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    assert_frame_equal(pl.read_parquet(path), leads(3))


def test_what_fails_after_the_end_is_raised(tmp_path):
    def write():
        with ChunkWriter(tmp_path / "leads.parquet") as writer:
            writer.write(leads(3))
            (tmp_path / "leads.parquet").mkdir()
            writer.end()

    with pytest.raises(OSError, match=r"leads\.parquet"):
        write()
    assert names_in(tmp_path) == ["leads.parquet"]


@pytest.mark.parametrize("chunks", [0, 1, 2, 20])
def test_whoever_gives_up_between_chunks_leaves_nothing(tmp_path, chunks):
    def write_some():
        with ChunkWriter(tmp_path / "leads.parquet") as writer:
            for first in range(chunks):
                writer.write(leads(1, first))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_some()

    assert names_in(tmp_path) == []


@pytest.mark.parametrize("chunks", [1, 20])
def test_what_fails_while_chunks_are_written_is_raised_and_nobody_waits_for_ever(tmp_path, chunks):
    def write_some():
        with ChunkWriter(tmp_path / "absent" / "leads.parquet") as writer:
            for first in range(chunks):
                writer.write(leads(1, first))

    with pytest.raises(FileNotFoundError):
        write_some()


def test_chunks_that_fail_midway_leave_nothing(tmp_path):
    def chunks():
        yield leads(5)
        yield leads(5, first=5)
        raise OSError("the disk went away")

    with pytest.raises(Exception, match="the disk went away"):
        write_chunks(tmp_path / "leads.parquet", chunks(), row_group_size=5)

    assert names_in(tmp_path) == []


_FULL = """
import resource, sys
from itertools import repeat
from pathlib import Path

import polars as pl

from connectors.staging import write_chunks

resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
frame = pl.DataFrame({"a": pl.int_range(100_000, eager=True).shuffle().cast(pl.String)})
try:
    write_chunks(Path(sys.argv[1]) / "leads.parquet", repeat(frame, 100), row_group_size=20_000)
except pl.exceptions.ComputeError as error:
    print(error)
"""


def test_a_process_whose_disk_is_full_ends_well(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _FULL, tmp_path],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "File too large" in done.stdout
    assert names_in(tmp_path) == []


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "missing" / "facts.json", "{}")


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_text(path, "ä"),
        lambda path: write_frame(path, leads(3).lazy()),
        lambda path: write_chunks(path, iter([leads(3)])),
    ],
    ids=["text", "frame", "chunks"],
)
def test_files_are_readable_by_their_owner_alone(tmp_path, write):
    before = os.umask(0)
    try:
        write(tmp_path / "file")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_text_is_written_as_utf8(tmp_path):
    write_text(tmp_path / "file", "grün\n")

    assert (tmp_path / "file").read_bytes() == b"gr\xc3\xbcn\n"


@pytest.mark.parametrize(("height", "size"), [(10, 10), (25, 10), (1, 10), (100_003, 1000), (7, 1)])
def test_every_row_group_holds_exactly_one_batch(tmp_path, height, size):
    path = tmp_path / "leads.parquet"

    write_frame(path, leads(height).lazy(), row_group_size=size)

    full, rest = divmod(height, size)
    assert row_group_sizes(path) == [size] * full + ([rest] if rest else [])


@pytest.mark.parametrize("lengths", [[3, 3, 3], [1, 0, 8, 4], [10], [2, 11]])
def test_chunks_of_any_length_are_cut_into_row_groups_of_one_batch(tmp_path, lengths):
    path = tmp_path / "leads.parquet"
    starts = [sum(lengths[:place]) for place in range(len(lengths))]

    write_chunks(path, (leads(height, first) for height, first in zip(lengths, starts, strict=True)), row_group_size=4)

    full, rest = divmod(sum(lengths), 4)
    assert row_group_sizes(path) == [4] * full + ([rest] if rest else [])
    assert_frame_equal(pl.read_parquet(path), leads(sum(lengths)))


def test_chunks_without_a_row_keep_their_columns(tmp_path):
    write_chunks(tmp_path / "leads.parquet", iter([leads(0)]))

    assert pl.read_parquet_schema(tmp_path / "leads.parquet") == leads(0).schema


@pytest.mark.parametrize("lengths", [[3], [2, 0, 40_000], [0]])
def test_categories_are_written_as_the_text_they_stand_for(tmp_path, lengths):
    words, path = ["é", "b", "a longer one, not kept in place"], tmp_path / "verdicts.parquet"
    texts = pl.DataFrame(
        {"place": range(sum(lengths)), "word": ([*words, None] * sum(lengths))[: sum(lengths)], "none": None},
        schema={"place": pl.Int64, "word": pl.String, "none": pl.String},
    )
    as_categories = texts.with_columns(
        pl.col("word").cast(pl.Enum(["never", *words])), pl.col("none").cast(pl.Enum([]))
    )
    starts = [sum(lengths[:place]) for place in range(len(lengths))]

    write_chunks(path, (as_categories.slice(first, size) for first, size in zip(starts, lengths, strict=True)))

    assert pl.read_parquet_schema(path) == texts.schema
    assert_frame_equal(pl.read_parquet(path), texts)
    texts.write_parquet(tmp_path / "texts.parquet")  # as programs other than polars know them too
    assert pl.read_parquet_metadata(path) == pl.read_parquet_metadata(tmp_path / "texts.parquet")
    found = pl.scan_parquet(path).filter(pl.col("word") == "b", pl.col("none").is_null())
    assert_frame_equal(found.collect(), texts.filter(pl.col("word") == "b"))


@pytest.mark.parametrize(("number", "first", "size"), [(1, 0, 10), (2, 10, 10), (3, 20, 5)])
def test_a_batch_is_read_alone(tmp_path, number, first, size):
    path = tmp_path / "leads.parquet"
    write_frame(path, leads(25).lazy(), row_group_size=10)

    assert_frame_equal(read_batch(path, Batch(number, "id", first, size)), leads(size, first))


def test_a_batch_is_read_without_touching_the_others(tmp_path):
    path = tmp_path / "leads.parquet"
    write_frame(path, leads(30_000).lazy(), row_group_size=10_000)
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 4] = bytes(len(content) // 4 - 4)  # spoil most of the first row group
    path.write_bytes(content)

    with pytest.raises(pl.exceptions.PolarsError):
        read_batch(path, Batch(1, "id", 0, 10_000))
    assert_frame_equal(read_batch(path, Batch(3, "id", 20_000, 10_000)), leads(10_000, 20_000))


@pytest.mark.parametrize("folder", ["a[1]", "a*", "a?b", "ä ö"])
def test_a_folder_with_any_name_will_do(tmp_path, folder):
    (tmp_path / "a1").mkdir()
    write_frame(tmp_path / "a1" / "leads.parquet", leads(3, first=50).lazy())
    (tmp_path / folder).mkdir()
    path = tmp_path / folder / "leads.parquet"

    write_frame(path, leads(3).lazy())

    assert_frame_equal(read_batch(path, Batch(1, "id", 1, 2)), leads(2, first=1))


def row_group_sizes(path):
    """Rows of each row group, read from the file's footer as the Parquet format lays it down."""
    content = path.read_bytes()
    assert content[-4:] == b"PAR1"
    length = int.from_bytes(content[-8:-4], "little")
    footer = Thrift(content[-8 - length : -8]).struct()
    return [group[3] for group in footer[4]]


class Thrift:
    """As much of Thrift's compact protocol as a Parquet footer needs: a struct becomes {field id: value}."""

    def __init__(self, content):
        self.content, self.place = content, 0

    def byte(self):
        self.place += 1
        return self.content[self.place - 1]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def integer(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def binary(self):
        length = self.varint()
        self.place += length
        return self.content[self.place - length : self.place]

    def struct(self):
        fields, number = {}, 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.integer()
            fields[number] = self.value(head & 0x0F)
        return fields

    def sequence(self):
        head = self.byte()
        length = head >> 4 if head >> 4 < 15 else self.varint()
        return [self.value(head & 0x0F) for _ in range(length)]

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return self.byte()
        if kind == 7:
            self.place += 8
            return None
        return {4: self.integer, 5: self.integer, 6: self.integer, 8: self.binary, 9: self.sequence, 12: self.struct}[
            kind
        ]()
