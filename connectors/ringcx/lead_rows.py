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
_MAY_BE_HALF_A_CHARACTER: Final = b"\\ud"


def no_lead_rows(fields: Sequence[str] = ()) -> pl.DataFrame:
    """Return the frame of no lead, with text columns for `fields` beside those of `LEAD_ROW`."""
    return pl.DataFrame(schema=_schema(fields))


def read_lead_rows(content: bytes, fields: Sequence[str] = ()) -> pl.DataFrame | None:
    """Read the answer of a lead search, `fields` as texts beside `LEAD_ROW`; None where it is no array of leads."""
    schema = _schema(fields)
    rows = _read_as_documented(content, schema)
    if rows is None:
        rows = _read_as_told(content, schema)
    if rows is None:
        return None
    return rows.with_columns(
        pl.col("externId", "leadPhone").fill_null(""),
        # The OpenAPI document writes AGENT-CALLBACK, the guide AGENT_CALLBACK: one spelling from here on.
        pl.col("leadState").str.replace_all("-", "_", literal=True).replace("", None),
        pl.col("leadTimezone").replace("", None),
    )


def _read_as_documented(content: bytes, schema: pl.Schema) -> pl.DataFrame | None:
    """Read leads whose fields have the documented types, in a third of the time; None where anything is otherwise.

    polars reads half a character (a lone surrogate) as something else, and an object as an array of one.
    """
    if not content.startswith(b"[") or _MAY_BE_HALF_A_CHARACTER in content:
        return None
    try:
        rows = pl.read_json(content, schema=schema)
    except pl.exceptions.PolarsError:
        return None
    return None if rows.get_column("leadId").has_nulls() else rows


def _read_as_told(content: bytes, schema: pl.Schema) -> pl.DataFrame | None:
    """Read leads field by field, numbers written as texts and texts as numbers; None where it is no array of leads."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, list) or not all(isinstance(lead, dict) for lead in body):
        return None
    columns = {name: _as_told([lead.get(name) for lead in body], dtype) for name, dtype in schema.items()}
    return None if None in columns["leadId"] else pl.DataFrame(columns, schema=schema)


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
