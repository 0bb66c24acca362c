"""Cuts leads into requests, the same way every time, under ids that say what is in them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

BATCH_KEYS = ("externId", "leadPhone", "leadPhoneE164")


@dataclass(frozen=True)
class Batch:
    """One request's worth of leads: rows `first` to `first + size` of the staged file, in its order."""

    number: int
    batch_id: str
    first: int
    size: int


def cut_batches(keys: pl.DataFrame, batch_size: int, after: Batch | None = None) -> Iterator[Batch]:
    """Yield the batches of `keys` (columns `externId`, `leadPhone`, `leadPhoneE164`), `batch_size` leads each.

    `after` is the last one cut, where the leads come in several pieces. A batch id is its number and a digest of its
    leads' ids and numbers: the same leads in the same order give the same ids, and an id never names other leads.
    Raises ValueError for a size below one.
    """
    if batch_size < 1:
        raise ValueError("a batch holds at least one lead")
    identity = keys.select(pl.concat_str(BATCH_KEYS, separator="\x1f", ignore_nulls=True).alias("identity"))
    number, first = (0, 0) if after is None else (after.number, after.first + after.size)
    places = pl.int_range(keys.height, dtype=pl.UInt32, eager=True) // batch_size
    texts = identity.group_by(places.alias("place"), maintain_order=True).agg(
        pl.col("identity").str.join("\x1e"), pl.len().alias("size")
    )
    for _, text, size in texts.iter_rows():
        number += 1
        yield Batch(number, f"{number:06d}-{hashlib.sha256(text.encode()).hexdigest()[:12]}", first, size)
        first += size
