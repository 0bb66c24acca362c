"""The first rows of a job's source as they are read, as they are mapped, and as they would be sent."""

import datetime as dt
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connectors.ringcx.wire import lead_object
from connectors.sources.extract import ROW_FAULT, SOURCE_ROW
from connectors.staging import scan
from flows.fetching import fetched
from flows.job_file import Columns, Job
from flows.masked_rows import PERSONAS, mask_fields, mask_source
from flows.plain_text import plain
from flows.preparation import prepared_check
from flows.progress import Progress
from flows.request_body import wire_rows
from flows.run_folder import RunFolder
from transforms.lead_rules import REASONS


def preview_job(job: Job, *, rows: int, as_of: dt.date, progress: Progress, show_numbers: bool) -> list[dict[str, Any]]:
    """Return what becomes of the first `rows` rows, each prepared as a load of these rows alone would, but for
    ids: these are taken as in a load of all rows.

    Each has `source_row`, `read` (column to text), `mapped` (lead field to the text it is made of), `sent` (the lead as
    RingCX would get it, null where it would not), `outcome`, `reason`, `advice` and `notes`. Telephone numbers are
    masked unless `show_numbers`. Nothing is left on disk. Raises SourceError.
    """
    with tempfile.TemporaryDirectory(prefix="leadferry-preview-") as name:
        folder = RunFolder(Path(name))
        with (
            fetched(job, folder.path) as at_hand,
            prepared_check(at_hand, folder, as_of=as_of, limit=rows, progress=progress) as (_, source),
        ):
            read = source.collect().drop(ROW_FAULT, strict=False)
            outcomes = scan(folder.outcomes).collect()
            leads = scan(folder.leads).collect()
    sent = [lead_object(row) for row in wire_rows(leads)]
    lead_of = dict(zip(leads.get_column(SOURCE_ROW).to_list(), sent, strict=True))
    shown = [
        _tell_row(job.columns, row, verdict, lead_of.get(row[SOURCE_ROW]))
        for row, verdict in zip(read.to_dicts(), outcomes.to_dicts(), strict=True)
    ]
    return shown if show_numbers else [_masked(row, job.columns) for row in shown]


def _tell_row(
    columns: Columns, row: dict[str, Any], verdict: Mapping[str, Any], lead: dict[str, Any] | None
) -> dict[str, Any]:
    reason = verdict["reason"]
    return {
        SOURCE_ROW: row.pop(SOURCE_ROW),
        "read": row,
        "mapped": _mapped(columns, row),
        "sent": lead,
        "outcome": verdict["outcome"] if reason else "READY",
        "reason": reason,
        "advice": REASONS[reason].advice if reason else None,
        "notes": verdict["note"].split("; ") if verdict["note"] else [],
    }


def _mapped(columns: Columns, row: Mapping[str, str | None]) -> dict[str, Any]:
    """Return lead field to the text it is made of; a number of several columns is a list."""
    mapped: dict[str, Any] = {field: row[column] for field, column in columns.text_columns().items()}
    if columns.leadPhone:
        mapped["leadPhone"] = [row[column] for column in columns.leadPhone]
    for field, labels in {"extendedLeadData": columns.extendedLeadData, PERSONAS: columns.personaPhoneConfig}.items():
        mapped |= {f"{field}.{label}": row[column] for label, column in labels.items()}
    return mapped


def _masked(row: dict[str, Any], columns: Columns) -> dict[str, Any]:
    """Hide every digit but two of what is a telephone number by its field, and of what looks like one elsewhere."""
    hidden = {part: None if row[part] is None else mask_fields(row[part]) for part in ("mapped", "sent")}
    return row | {"read": mask_source(row["read"], columns)} | hidden


def print_preview(rows: list[dict[str, Any]], columns: Columns, console: Console) -> None:
    """Print each row as a table: lead field, source column, as read, as sent; then what is not mapped, and notes."""
    origin = columns.text_columns() | {"leadPhone": ", ".join(columns.leadPhone or ())}
    origin |= {f"extendedLeadData.{label}": column for label, column in columns.extendedLeadData.items()}
    origin |= {f"{PERSONAS}.{label}": column for label, column in columns.personaPhoneConfig.items()}
    for row in rows:
        verdict = "would be sent" if row["sent"] is not None else f"{row['outcome']} {row['reason'] or ''}".strip()
        title = f"source_row {row[SOURCE_ROW]}: {verdict}"
        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        for heading in ("lead field", "source column", "as read", "as sent"):
            table.add_column(heading, overflow="fold")
        sent = _flat(row["sent"] or {})
        for field in dict.fromkeys([*row["mapped"], *sent]):
            cells = (field, origin.get(field), row["mapped"].get(field), sent.get(field))
            table.add_row(*(Text(plain(cell)) for cell in cells))
        console.print(table)
        left_out = [name for name in row["read"] if name not in columns.source_columns()]
        for label, words in {"not mapped": left_out, "repaired or left out": row["notes"]}.items():
            if words:
                console.print(Text(plain(f"  {label}: {', '.join(words)}", widest=1000)))
        if row["advice"]:
            console.print(Text(plain(f"  what to do: {row['advice']}", widest=1000)))


def _flat(lead: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in lead.items():
        flat |= {f"{name}.{label}": item for label, item in value.items()} if isinstance(value, dict) else {name: value}
    return flat
