"""Which files a path stands for, and what is said where one is not as the job expects."""

import os

import pytest

from connectors.sources.compressed_files import open_content
from connectors.sources.extract import find_files, list_files, refuse_empty, require_columns
from transforms.vocabulary.errors import SourceError


@pytest.fixture
def folder(tmp_path):
    for name in ("b.csv", "a.csv", "C.CSV", "d.txt", "e.csv.bak"):
        (tmp_path / name).write_text("a\n1\n")
    (tmp_path / "old.csv").mkdir()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "f.csv").write_text("a\n1\n")
    return tmp_path


def names(path, ending=".csv"):
    return [file.name for file in find_files(str(path), ending)]


def test_a_file_is_itself_whatever_it_is_called(folder):
    assert names(folder / "d.txt") == ["d.txt"]


def test_a_folder_stands_for_its_own_files_of_the_kind_in_any_case(folder):
    assert names(folder) == ["C.CSV", "a.csv", "b.csv"]


def test_a_glob_stands_for_the_files_it_matches_and_no_folders(folder):
    assert names(folder / "*.csv") == ["a.csv", "b.csv"]
    assert names(folder / "[ab].csv") == ["a.csv", "b.csv"]
    assert names(folder / "?.txt") == ["d.txt"]
    assert names(folder / "**" / "*.csv") == ["a.csv", "b.csv", "f.csv"]


def test_files_with_a_dot_before_their_name_are_left_out_and_told_of(folder):
    (folder / "._a.csv").touch()

    for path in (folder, folder / "*.csv"):
        listing = list_files(str(path), ".csv")
        assert listing.hidden == (folder / "._a.csv",)
        assert listing.notes() == ("Left out as hidden: ._a.csv.",)
    assert names(folder / "._a.csv") == ["._a.csv"]


def test_a_hidden_folder_that_the_path_itself_names_hides_nothing(folder):
    hidden = folder / ".cache"
    (folder / "deep").rename(hidden)

    assert names(hidden) == ["f.csv"]
    assert names(hidden / "*.csv") == ["f.csv"]


def test_a_relative_glob_is_taken_from_the_working_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)

    assert names(os.path.join("deep", "*.csv")) == ["f.csv"]  # noqa: PTH118 - as a job file would write it


@pytest.mark.parametrize(
    ("path", "told"),
    [("missing.csv", "There is no file"), ("x*.csv", "No file matches"), ("old.csv", "holds no .csv file")],
)
def test_a_path_that_stands_for_nothing_is_refused(folder, path, told):
    with pytest.raises(SourceError, match=told) as error:
        find_files(str(folder / path), ".csv")
    assert error.value.code == "SOURCE_MISSING"


def test_columns_that_are_there_are_taken():
    require_columns(["a", "b"], ["b", "c", "a"], "leads.csv")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["leadid"], "column 'leadid' is not in leads.csv; did you mean 'LeadId'?"),
        (["Phone  "], "column 'Phone  ' is not in leads.csv; did you mean ' phone'?"),
        (["zzz"], "column 'zzz' is not in leads.csv; it has 'LeadId', ' phone'."),
        (
            ["zzz", "leadid"],
            (
                "column 'zzz' is not in leads.csv; it has 'LeadId', ' phone'. "
                "column 'leadid' is not in leads.csv; did you mean 'LeadId'?"
            ),
        ),
    ],
)
def test_each_missing_column_is_named_with_the_nearest_one_or_all_there_are(wanted, message):
    with pytest.raises(SourceError) as error:
        require_columns(wanted, ["LeadId", " phone"], "leads.csv")

    assert error.value.message == message
    assert str(error.value) == f"{message} Correct its name in the job file."


@pytest.mark.parametrize(("has_header", "told"), [(True, "has a header but no rows"), (False, "is empty")])
def test_a_source_without_rows_says_which_way_it_is_empty(has_header, told):
    assert str(refuse_empty("leads.csv", has_header=has_header)).startswith(f"leads.csv {told}.")


@pytest.mark.parametrize("size", [200_000, 1 << 20, 3 << 20])
def test_a_plain_file_is_read_in_pieces_of_whole_lines(tmp_path, size):
    lines = [f"{number},{'x' * (number % 1000)}\n".encode() for number in range(6_000)]
    (tmp_path / "leads.csv").write_bytes(b"".join(lines))
    with open_content(tmp_path / "leads.csv") as content:
        pieces = list(iter(lambda: content.read(size), b""))
    assert b"".join(pieces) == b"".join(lines)
    assert all(piece.endswith(b"\n") and len(piece) <= size for piece in pieces)


def test_a_line_longer_than_usual_is_read_all_the_same(tmp_path):
    text = b"a\n" + b"x" * 1_000_000 + b"\nb"
    (tmp_path / "leads.csv").write_bytes(text)
    with open_content(tmp_path / "leads.csv") as content:
        pieces = list(iter(lambda: content.read(300_000), b""))
    assert b"".join(pieces) == text
