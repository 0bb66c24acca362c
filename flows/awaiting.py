"""Waits for a source's files: a nightly job may start before the export it loads has come, or while it is written.

A file counts as whole when it was last changed longer ago than one look to the next, or is the same at two looks. An
empty file is one that somebody has begun to write.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Final

from flows.extracting import source_files
from flows.fetching import is_remote, open_storage
from flows.job_file import FileSource, Job
from flows.wording import counted
from transforms.vocabulary.errors import RunInterruptedError, SourceError

_MISSING: Final = "SOURCE_MISSING"

_State = dict[str, tuple[int, int | str | None]]
"""What a look saw: each file with its size and a mark of its content."""


def must_wait(job: Job) -> bool:
    """Return whether the job says to wait where its source is missing."""
    return isinstance(job.source, FileSource) and job.source.missing == "wait"


def await_source(job: Job, stop: Event, tell: Callable[[str], None]) -> None:
    """Return once the source's files are there and whole, at once unless the job says to wait; `tell` says of what.

    Raises SourceError after the job's time, and RunInterruptedError when `stop` is set.
    """
    source = job.source
    if not isinstance(source, FileSource) or source.missing != "wait":
        return
    patience, pause = source.patience
    deadline = time.monotonic() + patience
    before: _State | None = None
    while True:
        state, lack = _look(job)
        whole = is_remote(job) or state == before or _are_old(state, pause)  # an object is there whole or not at all
        if lack is None and whole and all(size for size, _ in state.values()):
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise lack or _unfinished(source, patience)
        if before is None:
            for_what = "its files are still being written" if lack is None else lack.message
            tell(f"Waiting up to {counted(round(left), 'second')} for {source.place}: {for_what}")
        before = state
        if stop.wait(min(pause, left)):
            raise RunInterruptedError("INTERRUPTED", "The run was asked to stop.", "Resume it to go on.")


def _look(job: Job) -> tuple[_State, SourceError | None]:
    """Return the source's files as they are now, or that there is none."""
    source = job.source
    try:
        if not (isinstance(source, FileSource) and is_remote(job)):
            return _state_of(source_files(job)), None
        return {item.key: (item.size, item.mark) for item in open_storage(source).list_objects()}, None
    except SourceError as error:
        if error.code != _MISSING:
            raise
        return {}, error


def _state_of(files: Sequence[Path]) -> _State:
    """Return size and time of each file; one that is gone again is as good as empty."""
    state: _State = {}
    for file in files:
        try:
            facts = file.stat()
        except FileNotFoundError:
            state[str(file)] = (0, 0)
        else:
            state[str(file)] = (facts.st_size, facts.st_mtime_ns)
    return state


def _are_old(state: _State, seconds: float) -> bool:
    """Return whether every file was last changed longer ago than that."""
    latest = time.time_ns() - int(seconds * 1e9)
    return all(isinstance(changed, int) and changed < latest for _, changed in state.values())


def _unfinished(source: FileSource, patience: float) -> SourceError:
    return SourceError(
        "SOURCE_UNFINISHED",
        f"{source.place} was still being written, or empty, after {patience / 60:g} minutes.",
        "See whether the export is stuck, or raise source.wait_minutes.",
    )
