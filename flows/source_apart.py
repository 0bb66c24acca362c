"""Keeps a run's folder apart from its source: a run removes what has the names of its files, then writes them."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from connectors.sources.extract import is_left_out
from connectors.sources.urls import is_url
from flows.extracting import source_files
from flows.job_file import FileSource, Job, ParquetSource
from flows.run_folder import RunFolder
from transforms.vocabulary.errors import ConfigurationError, SourceError

_GLOB_MARKS: Final = frozenset("*?[")


def refuse_source_in(folder: RunFolder, job: Job) -> None:
    """Raise ConfigurationError where a file of the job's source is one of `folder`, or would be once a run wrote it."""
    source = job.source
    if not isinstance(source, FileSource) or is_url(source.place) or "\0" in source.place:  # which no file's name has
        return
    names = (*folder.working_files, folder.report, folder.page)
    taken = _find_taken(job, names) or next((name for name in names if _takes_in(source, name)), None)
    if taken is not None:
        raise ConfigurationError(
            "OUT_HOLDS_SOURCE",
            f"The source {source.place} stands for {taken}, where the run would write a file of its own.",
            "Choose another --out, or move the source.",
        )


def _find_taken(job: Job, names: Sequence[Path]) -> Path | None:
    """Return which of `names` is a file of the source by now, under whatever name."""
    try:
        there = {_identity(name): name for name in names if name.exists()}
        files = source_files(job) if there else []
        return next((there[identity] for identity in map(_identity, files) if identity in there), None)
    except (SourceError, OSError):  # told when it is read, if it is not there by then
        return None


def _identity(file: Path) -> tuple[int, int]:
    facts = file.stat()
    return facts.st_dev, facts.st_ino


def _takes_in(source: FileSource, name: Path) -> bool:
    """Return whether the source is a folder or a glob that stands for a file of this name, there or not."""
    place, partitions = Path(source.place), isinstance(source, ParquetSource)
    if place.is_file():
        return False
    parts = place.parts
    plain = next((at for at, part in enumerate(parts) if set(part) & _GLOB_MARKS), len(parts))
    if place.is_dir():
        plain = len(parts)
    base = Path(*parts[:plain]).resolve()
    if not name.is_relative_to(base):
        return False
    below = name.relative_to(base).parts
    if is_left_out(below, partitions=partitions):
        return False
    if plain < len(parts):
        return _matches(below, parts[plain:])
    return place.is_dir() and (len(below) == 1 or (partitions and all("=" in part for part in below[:-1])))


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether a glob matches a path, part by part; `**` is any folders."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_matches(path[at:], pattern[1:]) for at in range(len(path)))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])
