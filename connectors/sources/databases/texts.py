"""Values as text, alike from every driver: nothing is lost, and what two databases both know reads the same."""

import datetime as dt
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import polars as pl

_EXPONENT_FROM, _REPR_EXPONENT_FROM = 1e15, 1e16
"""From where PostgreSQL, and from where Python, writes a float with an exponent."""


def float_text(value: float) -> str:
    """Return the shortest text that is the same 8-byte float again, as PostgreSQL writes it: `5`, `0.1`, `1e+22`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value).removesuffix(".0")
    if _EXPONENT_FROM <= abs(value) < _REPR_EXPONENT_FROM:
        sign, digits = ("-" if value < 0 else ""), text.lstrip("-").replace(".", "").rstrip("0")
        return f"{sign}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e+15"
    return text


def value_text(value: object) -> str | None:  # noqa: PLR0911 - one line for each type
    """Return the text of any value that a driver may give; None stays None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=value_text)
    return str(value)


_BY_TYPE: Final[dict[type, Callable[[Any], str]]] = {
    int: str,
    float: float_text,
    bytes: bytes.hex,
}


def text_series(name: str, values: Sequence[object]) -> pl.Series:
    """Return a column of Python values as text; columns of one type take the quick way."""
    types = set(map(type, values))
    absent = type(None) in types
    types.discard(type(None))
    texts: Iterable[object] = values
    if len(types) == 1 and not types <= {str}:
        write = _BY_TYPE.get(types.pop(), value_text)
        texts = [None if value is None else write(value) for value in values] if absent else map(write, values)
    elif types and types != {str}:
        texts = map(value_text, values)
    return pl.Series(name, list(texts), dtype=pl.String)
