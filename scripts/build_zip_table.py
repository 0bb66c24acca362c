"""Writes transforms/data/zip_time_zones.arrow from the `zipcodes` package, corrected where that is known to be wrong.

Listing that package takes over a second at each start; the table it comes down to takes milliseconds to read.
A test holds the file equal to the installed package.
"""

import zoneinfo
from pathlib import Path
from typing import Final

import polars as pl
import zipcodes

from transforms.postal import ZIP_CODES

TABLE: Final = Path(__file__).parents[1] / "transforms" / "data" / "zip_time_zones.arrow"

CORRECTIONS: Final = {
    # Arizona keeps standard time all year (A.R.S. 1-242); only the Navajo Nation follows the federal dates.
    "86003": "America/Phoenix",  # Flagstaff, post office boxes; all other ZIPs of the town are right
    "86040": "America/Phoenix",  # Page: on land that the Nation gave up in 1958 for the Glen Canyon Dam
    "86045": "America/Denver",  # Tuba City, the Nation's largest town
    # Counties and towns as the Standard Time Zone Boundaries (49 CFR part 71) have them.
    "37338": "America/New_York",  # Graysville, Rhea County, Tennessee: Eastern as the rest of the county
    "37405": "America/New_York",  # Chattanooga, Tennessee: Eastern as all other ZIPs of the town
    "79942": "America/Denver",  # El Paso, Texas, and not Crockett County
    "83522": "America/Los_Angeles",  # Cottonwood, Idaho: well north of the Salmon River
    "89883": "America/Denver",  # West Wendover, Nevada: Mountain time since 1999 (49 CFR 71.9)
    "99634": "America/Anchorage",  # Napakiak, Alaska: where the zone should be, the package names the town
}
"""ZIP codes of which the package has the wrong zone, and the right one. What is only doubtful stays as it is."""


def build_zip_table() -> pl.DataFrame:
    """Return one row for each US ZIP code with a known zone: `zip`, `zip_state`, `zip_zone` (IANA)."""
    known = zoneinfo.available_timezones()
    entries = [(entry["zip_code"], entry["state"], entry["timezone"]) for entry in zipcodes.list_all()]
    corrected = [(code, state, CORRECTIONS.get(code, zone)) for code, state, zone in entries]
    rows = [row for row in corrected if row[2] in known]  # military codes have no zone
    return pl.DataFrame(rows, schema=["zip", "zip_state", "zip_zone"], orient="row").unique().sort("zip", "zip_zone")


def by_number(table: pl.DataFrame) -> pl.DataFrame:
    """Return states and zones at the numbers of their ZIP codes, as the package keeps them: empty where there is none.

    Categories without nulls are the quickest to read, and the smallest.
    """
    numbers = pl.DataFrame({"zip": range(ZIP_CODES)}).select(pl.col("zip").cast(pl.String).str.zfill(5))
    places = numbers.join(table, on="zip", how="left", maintain_order="left").drop("zip").fill_null("")
    return places.with_columns(column.cast(pl.Enum(sorted(column.unique()))) for column in places)


if __name__ == "__main__":
    by_number(build_zip_table()).write_ipc_stream(TABLE, compression="zstd")
