"""Hides telephone numbers in a row that is shown: by its columns where they are known, else by how a cell looks."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from flows.job_file import Columns
from transforms.masking import mask_digits
from transforms.vocabulary.masking import mask_numbers

_PHONE_FIELDS: Final = frozenset({"leadPhone", "leadPhoneE164", "auxPhone", "callerId"})
PERSONAS: Final = "personaPhoneConfig"


def mask_source(read: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """Return a source row with every digit but two of its numbers hidden; columns not mapped are gone through too."""
    numbers = {*(columns.leadPhone or ()), *columns.personaPhoneConfig.values()}
    numbers |= {column for field, column in columns.text_columns().items() if field in _PHONE_FIELDS}
    known = {*columns.source_columns()} - numbers
    return {name: _hide(cell, name in numbers, looks=name not in known) for name, cell in read.items()}


def mask_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return lead fields with every digit but two of those hidden that are numbers by their name."""
    return {name: _hide(cell, _is_phone(name)) for name, cell in fields.items()}


def _is_phone(field: str) -> bool:
    return field in _PHONE_FIELDS or field.partition(".")[0] == PERSONAS


def _hide(cell: Any, is_number: bool, *, looks: bool = False) -> Any:  # noqa: ANN401, FBT001 - a JSON value
    if isinstance(cell, list):
        return [_hide(item, is_number, looks=looks) for item in cell]
    if isinstance(cell, dict):
        return {name: _hide(item, is_number, looks=looks) for name, item in cell.items()}
    if not isinstance(cell, str):
        return cell
    if is_number:
        return pl.select(mask_digits(pl.lit(cell))).item()
    return mask_numbers(cell) if looks else cell
