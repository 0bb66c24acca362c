"""Writes transforms/data/zip_time_zones.parquet from the `zipcodes` package.

Listing that package takes over a second at each start; the table it comes down to takes milliseconds to read.
A test holds the file equal to the installed package.
"""

import zoneinfo
from pathlib import Path

import polars as pl
import zipcodes

TABLE = Path(__file__).parents[1] / "transforms" / "data" / "zip_time_zones.parquet"


def build_zip_table() -> pl.DataFrame:
    """Return one row for each US ZIP code with a known zone: `zip`, `zip_state`, `zip_zone` (IANA)."""
    known = zoneinfo.available_timezones()
    rows = [
        (entry["zip_code"], entry["state"], entry["timezone"])
        for entry in zipcodes.list_all()
        if entry["timezone"] in known  # military codes have none, and one entry names a town
    ]
    return pl.DataFrame(rows, schema=["zip", "zip_state", "zip_zone"], orient="row").unique().sort("zip", "zip_zone")


if __name__ == "__main__":
    build_zip_table().write_parquet(TABLE, compression="zstd", compression_level=19)
