"""Cuts leads into requests, the same way every time, under ids that say what is in them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Batch:
    """One request's worth of leads: rows `first` to `first + size` of the staged file, in its order."""

    number: int
    batch_id: str
    first: int
    size: int


def cut_batches(keys: pl.DataFrame, batch_size: int) -> Iterator[Batch]:
    """Yield the batches of `keys` (columns `externId`, `leadPhone`, `leadPhoneE164`), `batch_size` leads each.

    A batch id is its number and a digest of its leads' ids and numbers: the same leads in the same order give the
    same ids, and an id never names other leads.
    """
    identity = keys.select(
        pl.concat_str("externId", "leadPhone", "leadPhoneE164", separator="\x1f", ignore_nulls=True)
    ).to_series()
    for number, first in enumerate(range(0, keys.height, batch_size), start=1):
        part = identity.slice(first, batch_size)
        digest = hashlib.sha256("\x1e".join(part.to_list()).encode()).hexdigest()
        yield Batch(number, f"{number:06d}-{digest[:12]}", first, part.len())
