"""Lets a command read another file than the job's own source: above all a rejects.csv that was mended."""

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from connectors.sources.urls import is_url
from flows.job_file import SOURCES, FileSource, Job
from flows.path_parameters import escape_path
from transforms.vocabulary.errors import ConfigurationError

KINDS: Final = {".parquet": "parquet", ".pq": "parquet", ".parq": "parquet", ".xlsx": "excel", ".xlsm": "excel"}
"""Ending of a file to the kind of source that it is; every other is CSV."""


def with_source(job: Job, place: str | None) -> Job:
    """Return `job` over the file, folder, glob or URL `place` (from the working folder), or as it is for None.

    What the job says of how its files are written holds for those of its own kind. Raises ConfigurationError.
    """
    if place is None:
        return job
    own = job.source.model_dump() if isinstance(job.source, FileSource) else {}
    known = KINDS.get(Path(place).suffix.lower())
    kind = known or (own.get("type", "csv") if _holds_files(place) else "csv")
    path = escape_path(place if is_url(place) else (Path.cwd() / place).as_posix())
    kept = own if own.get("type") == kind else {}
    try:
        source = SOURCES.validate_python(
            kept | {"type": kind, "path": path, "missing": "fail", "wait_minutes": None, "wait_poll_seconds": None}
        )
    except ValidationError as error:
        words = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigurationError(
            "SOURCE_INVALID", f"--source: {words}.", "Name a file, or a URL of object storage."
        ) from None
    return job.model_copy(update={"source": source})


def _holds_files(place: str) -> bool:
    """Return whether a place is a folder or a glob, whose files are of the job's own kind."""
    return Path(place).is_dir() or place.endswith("/") or bool(set("*?[") & set(Path(place).name))
