"""Sees what a job file says of its source before the job is checked, so that reading can begin meanwhile."""

import tomllib
from pathlib import Path

from connectors.sources.csv_dialect import CsvChoices
from flows.reading_ahead import CsvReading
from transforms.vocabulary.lead_fields import named_columns


def glance_at(job_file: Path) -> CsvReading | None:
    """Return how the job's source will be read if nothing is wrong with the job, where it is one plain CSV file.

    None for any other source, and where the job says how it is written. It is a guess: to be compared with what the
    job, once it is checked, says itself.
    """
    try:
        raw = tomllib.loads(job_file.read_text(encoding="utf-8"))
        source, by = raw["source"], raw.get("duplicates", {}).get("by")
        if source.keys() != {"type", "path"} or source["type"] != "csv":
            return None
        place = job_file.parent.resolve() / source["path"]
        # Only a plain file is opened unasked: a pipe would wait for whoever writes into it.
        if not place.is_file():
            return None
        columns = dict.fromkeys([*named_columns(raw["columns"]), *([by] if by else [])])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # what is wrong is told when the job is checked
    return CsvReading(place.as_posix(), tuple(columns), CsvChoices())
