"""Reads what a search answers into frames: a million leads are read back after a load, an object each would be slow."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
import polars as pl

LEAD_ROW: Final = pl.Schema(
    {
        "leadId": pl.Int64,
        "externId": pl.String,
        "leadPhone": pl.String,
        "listId": pl.Int64,
        "leadState": pl.String,
        "leadTimezone": pl.String,
    }
)
"""What is read of every lead; no row is without `leadId`, an external id or a number that is missing is empty."""

_LARGEST: Final = 2**63


def no_lead_rows(fields: Sequence[str] = ()) -> pl.DataFrame:
    """Return the frame of no lead, with text columns for `fields` beside those of `LEAD_ROW`."""
    return pl.DataFrame(schema=_schema(fields))


def read_lead_rows(content: bytes, fields: Sequence[str] = ()) -> pl.DataFrame | None:
    """Read the answer of a lead search, `fields` as texts beside `LEAD_ROW`; None where it is no array of leads."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, list) or not all(isinstance(lead, dict) for lead in body):
        return None
    schema = _schema(fields)
    columns = {name: [lead.get(name) for lead in body] for name in schema}
    for name in ("leadId", "listId"):
        if not {type(value) for value in columns[name]} <= {int}:
            columns[name] = [whole_number(value) for value in columns[name]]
    if None in columns["leadId"]:
        return None
    try:
        rows = pl.DataFrame(columns, schema=schema)
    except (TypeError, OverflowError):  # some text is a number, or some number is none of ours
        rows = pl.DataFrame({name: _as_told(values, schema[name]) for name, values in columns.items()}, schema=schema)
    if rows.get_column("leadId").has_nulls():
        return None
    return rows.with_columns(
        pl.col("externId", "leadPhone").fill_null(""),
        # The OpenAPI document writes AGENT-CALLBACK, the guide AGENT_CALLBACK: one spelling from here on.
        pl.col("leadState").str.replace_all("-", "_", literal=True).replace("", None),
        pl.col("leadTimezone").replace("", None),
    )


def _as_told(values: list[Any], dtype: pl.DataType) -> list[Any]:
    """Return JSON values as texts, or as whole numbers where the column has those."""
    if dtype == pl.Int64:
        return [whole_number(value) for value in values]
    return [value if value is None or isinstance(value, str) else str(value) for value in values]


def whole_number(value: object) -> int | None:
    """Return a JSON value that is a whole number, or a text of its digits, as that number; None for any other."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    return value if isinstance(value, int) and -_LARGEST <= value < _LARGEST else None


def _schema(fields: Sequence[str]) -> pl.Schema:
    return pl.Schema({**LEAD_ROW, **{name: pl.String() for name in fields if name not in LEAD_ROW}})
