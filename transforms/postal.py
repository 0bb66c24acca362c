"""ZIP codes, Canadian postal codes, and states and provinces by code or name."""

from functools import cache
from importlib import resources
from io import BytesIO
from typing import Final

import polars as pl

from transforms.text import clean_text

REGION_NAMES: Final = {
    "ALABAMA": "AL", "ALASKA": "AK", "ARIZONA": "AZ", "ARKANSAS": "AR", "CALIFORNIA": "CA", "COLORADO": "CO",
    "CONNECTICUT": "CT", "DELAWARE": "DE", "DISTRICT OF COLUMBIA": "DC", "FLORIDA": "FL", "GEORGIA": "GA",
    "HAWAII": "HI", "IDAHO": "ID", "ILLINOIS": "IL", "INDIANA": "IN", "IOWA": "IA", "KANSAS": "KS",
    "KENTUCKY": "KY", "LOUISIANA": "LA", "MAINE": "ME", "MARYLAND": "MD", "MASSACHUSETTS": "MA", "MICHIGAN": "MI",
    "MINNESOTA": "MN", "MISSISSIPPI": "MS", "MISSOURI": "MO", "MONTANA": "MT", "NEBRASKA": "NE", "NEVADA": "NV",
    "NEW HAMPSHIRE": "NH", "NEW JERSEY": "NJ", "NEW MEXICO": "NM", "NEW YORK": "NY", "NORTH CAROLINA": "NC",
    "NORTH DAKOTA": "ND", "OHIO": "OH", "OKLAHOMA": "OK", "OREGON": "OR", "PENNSYLVANIA": "PA",
    "RHODE ISLAND": "RI", "SOUTH CAROLINA": "SC", "SOUTH DAKOTA": "SD", "TENNESSEE": "TN", "TEXAS": "TX",
    "UTAH": "UT", "VERMONT": "VT", "VIRGINIA": "VA", "WASHINGTON": "WA", "WEST VIRGINIA": "WV",
    "WISCONSIN": "WI", "WYOMING": "WY", "PUERTO RICO": "PR", "GUAM": "GU", "AMERICAN SAMOA": "AS",
    "NORTHERN MARIANA ISLANDS": "MP", "VIRGIN ISLANDS": "VI", "U.S. VIRGIN ISLANDS": "VI",
    "ALBERTA": "AB", "BRITISH COLUMBIA": "BC", "MANITOBA": "MB", "NEW BRUNSWICK": "NB",
    "NEWFOUNDLAND AND LABRADOR": "NL", "NEWFOUNDLAND": "NL", "NOVA SCOTIA": "NS", "NORTHWEST TERRITORIES": "NT",
    "NUNAVUT": "NU", "ONTARIO": "ON", "PRINCE EDWARD ISLAND": "PE", "QUEBEC": "QC", "QUÉBEC": "QC",
    "SASKATCHEWAN": "SK", "YUKON": "YT",
}  # fmt: skip
"""Name of a US state or territory, or a Canadian province, in capitals, to its postal code."""

_CANADIAN: Final = r"^([A-Za-z][0-9][A-Za-z])[- ]?([0-9][A-Za-z][0-9])$"


@cache
def zip_table() -> pl.DataFrame:
    """Return every US ZIP code with its `zip_state` and `zip_zone` (IANA), one row each; about 42,000 rows."""
    packed = resources.files("transforms").joinpath("data/zip_time_zones.parquet").read_bytes()
    return pl.read_parquet(BytesIO(packed))


def region_code(cell: pl.Expr) -> pl.Expr:
    """Return a state or province as its two-letter code where it is a known code or name, else the cleaned text."""
    text = clean_text(cell)
    known = REGION_NAMES | {code: code for code in REGION_NAMES.values()}
    return text.str.to_uppercase().replace_strict(known, default=text, return_dtype=pl.String)


def clean_postal_codes(frame: pl.DataFrame) -> pl.DataFrame:
    """Normalise column `zip` of `frame` and add `zip_note`; column `state` may be absent.

    5 digits and ZIP+4 (`12345-6789`), Canadian codes as `A1A 1A1`. A ZIP of 3 or 4 digits gets its leading zeros
    back only where the table knows that ZIP in the row's own state. Anything else stays as it is and is noted.
    """
    text = clean_text(pl.col("zip")).str.replace(r"^([0-9]+)\.0$", "$1")
    digits = text.str.replace(r"^([0-9]{5})[- ]?([0-9]{4})$", "$1-$2")
    letters = pl.when(digits.str.contains(_CANADIAN)).then(digits.str.to_uppercase()).otherwise(digits)
    frame = frame.with_columns(letters.str.replace(_CANADIAN, "$1 $2").alias("zip"))
    short = pl.col("zip").str.contains(r"^[0-9]{3,4}$")
    padded = frame.select(short.any()).item()
    if padded:
        frame = _restore_leading_zeros(frame, short)
    recognised = pl.col("zip").str.contains(r"^([0-9]{5}(-[0-9]{4})?|[A-Z][0-9][A-Z] [0-9][A-Z][0-9])$")
    restored = pl.col("zip_restored") if padded else pl.lit(value=False)
    note = (
        pl.when(restored)
        .then(pl.lit("ZIP: leading zero put back, proved by the state"))
        .when(~recognised)
        .then(pl.lit("ZIP: not a 5-digit, ZIP+4 or Canadian code; sent as it is"))
    )
    return frame.with_columns(note.alias("zip_note")).drop("zip_restored", strict=False)


def _restore_leading_zeros(frame: pl.DataFrame, short: pl.Expr) -> pl.DataFrame:
    if "state" not in frame.columns:
        return frame.with_columns(pl.lit(value=False).alias("zip_restored"))
    candidate = pl.when(short).then(pl.col("zip").str.zfill(5)).alias("zip_candidate")
    joined = frame.with_columns(candidate).join(
        zip_table().select(pl.col("zip").alias("zip_candidate"), "zip_state"),
        on="zip_candidate",
        how="left",
        maintain_order="left",
    )
    proved = (pl.col("zip_state") == pl.col("state")).fill_null(value=False)
    return joined.with_columns(
        pl.when(proved).then(pl.col("zip_candidate")).otherwise(pl.col("zip")).alias("zip"),
        proved.alias("zip_restored"),
    ).drop("zip_candidate", "zip_state")
