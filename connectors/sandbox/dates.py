"""RingCX's way of writing a date (`2020-05-26T07:00:00.000+0000`): no colon in the offset, as Jackson does."""

import re
from datetime import datetime

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}[+-]\d{4}")


def write_date(moment: datetime) -> str:
    """Write an aware datetime with milliseconds and an offset without a colon."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}{moment:%z}"


def read_date(text: str) -> datetime:
    """Read what `write_date` writes, in any offset; anything else is a ValueError."""
    if not _DATE.fullmatch(text):
        raise ValueError("a date must look like 2020-05-26T07:00:00.000+0000")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
