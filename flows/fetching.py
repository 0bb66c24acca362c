"""Brings a source's files from object storage into the run's folder for as long as they are read."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from connectors.sources.urls import is_url, parse_url
from flows.extracting import ENDINGS
from flows.job_file import FileSource, Job, ParquetSource
from flows.path_parameters import escape_path
from flows.run_folder import FETCHED_PREFIX
from transforms.vocabulary.errors import RunInterruptedError, SourceError

if TYPE_CHECKING:  # its library is heavy, and most sources are files of this machine
    from connectors.sources.object_storage import ObjectStorage


def is_remote(job: Job) -> bool:
    """Return whether the job's files lie in object storage."""
    return isinstance(job.source, FileSource) and is_url(job.source.place)


def open_storage(source: FileSource) -> "ObjectStorage":
    """Return the object storage that the source's path is a URL of. Raises SourceError."""
    from connectors.sources.object_storage import ObjectStorage

    return ObjectStorage(parse_url(source.place), ENDINGS[source.type], partitions=isinstance(source, ParquetSource))


@contextmanager
def fetched(job: Job, folder: Path, stop: Event | None = None) -> Iterator[Job]:
    """Yield the job over files of this machine: its own, or those of object storage, fetched into `folder`.

    What was fetched is removed at the end, and what a killed process left of it at the beginning. Errors name the
    files by their URLs. Raises SourceError, and RunInterruptedError when `stop` is set.
    """
    source = job.source
    if not isinstance(source, FileSource) or not is_url(source.place):
        yield job
        return
    for left in folder.glob(f"{FETCHED_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)
    place = parse_url(source.place)

    def keep_on() -> None:
        if stop is not None and stop.is_set():
            raise RunInterruptedError("INTERRUPTED", "The run was asked to stop.", "Resume it to go on.")

    with tempfile.TemporaryDirectory(prefix=FETCHED_PREFIX, dir=folder) as name:
        root = Path(name)
        storage = open_storage(source)
        for item in storage.list_objects():
            storage.fetch(item, root, keep_on)
        here = escape_path((root / place.bucket / place.key).as_posix())
        local = job.model_copy(update={"source": source.model_copy(update={"path": here})})
        try:
            yield local
        except SourceError as error:
            words = (text.replace(f"{root}/", f"{place.scheme}://") for text in (error.message, error.next_step))
            raise SourceError(error.code, *words) from None
