"""Prints the seconds that a fresh process takes to make its tables: number metadata, ZIP codes, zones."""

import datetime as dt
import time

import polars as pl

from transforms.phones import judge_phones
from transforms.postal import clean_postal_codes, clean_regions
from transforms.time_zones import ZoneNaming, ZonePolicy, derive_time_zones

_NUMBERS = [
    "(415) 555-2671",
    "+1 212 555 0123 x12",
    "1-800-FLOWERS",
    "555-0123",
    "\uff14155552671",
    "4.15555E+09",
    "n/a",
]
_ODD_NUMBERS = [f"415.555.{number:04} x{number}" for number in range(200)]
"""Too many to be left to the library: the expressions that know what it does are made for them."""


def use_every_table() -> None:
    """Judge a few rows that between them need all that is made at first use."""
    phones = judge_phones(pl.Series(_NUMBERS + _ODD_NUMBERS))["phone"].head(len(_NUMBERS)).alias("leadPhone")
    states = clean_regions(pl.Series("state", ["CT", "new york", "ON", "", None, "Texas", "AZ"]))
    zips = clean_postal_codes(
        pl.DataFrame([pl.Series("zip", ["6511", "10001", "K1A 0B1", "", None, "75001", "86040"]), states])
    )
    derive_time_zones(
        pl.DataFrame([phones, zips["zip"], states.alias("state")]), ZonePolicy(ZoneNaming(dt.date(2026, 1, 15)))
    )


if __name__ == "__main__":
    begun = time.perf_counter()
    use_every_table()
    print(time.perf_counter() - begun)
