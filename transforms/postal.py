"""ZIP codes, Canadian postal codes, and states and provinces by code or name.

Nearly every cell of a real file is a plain ZIP or a plain code: such cells are told by one cheap look, and expressions
read the others only.
"""

from functools import cache
from importlib import resources
from io import BytesIO
from typing import Final

import polars as pl

from transforms.text import clean_text, find_unread, mend_odd, put

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
    "SASKATCHEWAN": "SK", "YUKON": "YT", "NEWFOUNDLAND & LABRADOR": "NL", "YUKON TERRITORY": "YT",
    "US VIRGIN ISLANDS": "VI", "WASHINGTON DC": "DC", "WASHINGTON, DC": "DC", "WASHINGTON D.C.": "DC",
    "WASHINGTON, D.C.": "DC", "WASH DC": "DC", "D.C.": "DC", "ARMED FORCES EUROPE": "AE",
    "ARMED FORCES AFRICA": "AE", "ARMED FORCES CANADA": "AE", "ARMED FORCES MIDDLE EAST": "AE",
    "ARMED FORCES PACIFIC": "AP", "ARMED FORCES AMERICAS": "AA", "FEDERATED STATES OF MICRONESIA": "FM",
    "MICRONESIA": "FM", "MARSHALL ISLANDS": "MH", "PALAU": "PW",
}  # fmt: skip
"""Name of a state, territory or whatever else the US mail has a code for, or of a Canadian province, to that code."""

ZIP_CODES: Final = 100_000
STATE_CODES: Final = 1 << 16
"""How many ZIP codes, and how many numbers of two letters, there can be."""

_DECIMAL: Final = r"^[0-9]+\.0$"
_ZIP_PLUS_4: Final = r"^[0-9]{5}[- ]?[0-9]{4}$"
_LETTER: Final = "[ABCEGHJ-NPRSTV-Z]"
_FIRST_LETTER: Final = "[ABCEGHJ-NPRSTVXY]"
"""Canada Post uses no letters that may be read as others, such as O for 0, and none of W and Z to begin with."""

_CANADIAN: Final = rf"^(?i:{_FIRST_LETTER}[0-9]{_LETTER}[- ]?[0-9]{_LETTER}[0-9])$"
_FINISHED: Final = rf"^([0-9]{{5}}(-[0-9]{{4}})?|{_FIRST_LETTER}[0-9]{_LETTER} [0-9]{_LETTER}[0-9])$"
"""What needs no repair: a ZIP, a ZIP+4, a Canadian code."""

_DASH_AT_END: Final = r"^[0-9]{5} ?-$"
"""A ZIP+4 of which the four are not known."""

MILITARY_EUROPE: Final = "AE"
MILITARY_ZIPS: Final = range(9000, 10_000)
"""The state, and the ZIP codes, of military mail that begin with a zero; they have no zone, so the table lacks them."""

_RESTORED: Final = "ZIP: leading zero put back, proved by the state"
_UNKNOWN: Final = "ZIP: not a 5-digit, ZIP+4 or Canadian code, sent as it is"


@cache
def zips_by_number() -> pl.DataFrame:
    """Return `zip_state` and `zip_zone` (IANA) at the number of each ZIP code, and empty text at every other number.

    Both are categories: so a process reads them in a tenth of the time that text takes.
    """
    packed = resources.files("transforms").joinpath("data/zip_time_zones.arrow").read_bytes()
    return pl.read_ipc_stream(BytesIO(packed))


@cache
def zip_table() -> pl.DataFrame:
    """Return every US ZIP code with its `zip_state` and `zip_zone` (IANA), one row each; about 42,000 rows."""
    known = zips_by_number().with_row_index("zip").filter(pl.col("zip_zone") != "")
    return known.select_seq(pl.all().cast(pl.String)).with_columns(pl.col("zip").str.zfill(len("10001")))


def state_numbers(cells: pl.Series) -> pl.Series:
    """Return text of two bytes as a number below `STATE_CODES`, by which tables are read; null for any other text."""
    return cells.cast(pl.Binary).bin.reinterpret(dtype=pl.UInt16, endianness="little")


def state_number(code: str) -> int:
    """Return the number of one code of two letters, as `state_numbers` has it."""
    return int.from_bytes(code.encode(), "little")


def zip_numbers(cells: pl.Series) -> pl.Series:
    """Return ZIP codes of exactly 5 digits as numbers, by which tables are read; null for any other text."""
    return cells.to_frame().select(_ZIP_NUMBER).to_series()


# The cast lets a sign pass, and nothing else beside digits; signs come before them.
_ZIP_NUMBER: Final = pl.when((pl.first().str.len_bytes() == len("10001")) & (pl.first() >= "0")).then(
    pl.first().cast(pl.UInt32, strict=False)
)


def region_code(cell: pl.Expr) -> pl.Expr:
    """Return a state or province as its two-letter code where it is a known code or name, else the cleaned text.

    Case, periods and commas say nothing: `N.Y.`, `n. y.` and `Wash. D.C.` are known too.
    """
    text = clean_text(cell)
    return _bare_name(text).replace_strict(_codes_by_bare_name(), default=text, return_dtype=pl.String)


def _bare_name(text: pl.Expr) -> pl.Expr:
    """Return a name or a code as `_codes_by_bare_name` has it, its letters together where each had a period."""
    parted = text.str.to_uppercase().str.replace_all(r"\b([A-Z])\.\s*([A-Z])(?:\.|$)", "$1$2 ")
    return parted.str.replace_all(r"[.,\s]+", " ").str.strip_chars()


@cache
def _codes_by_bare_name() -> dict[str, str]:
    codes = REGION_NAMES | {code: code for code in REGION_NAMES.values()}
    names = pl.Series("name", list(codes)).to_frame().select(_bare_name(pl.first())).to_series()
    return dict(zip(names, codes.values(), strict=True))


@cache
def _region_code_of_first() -> pl.Expr:
    return region_code(pl.first())


def clean_regions(cells: pl.Series) -> pl.Series:
    """Return what `region_code` makes of text cells, under the same name."""
    odd = find_unread(cells, _known_codes()[state_numbers(cells)])
    if odd.is_empty():
        return cells
    # States repeat, so each different text is read once.
    texts = cells[odd]
    different = texts.unique()
    codes = different.to_frame().select(_region_code_of_first()).to_series()
    return put(cells, odd, texts.replace_strict(different, codes, return_dtype=pl.String))


@cache
def _known_codes() -> pl.Series:
    """Return true at the number of each code, and null elsewhere."""
    numbers = state_numbers(pl.Series(sorted(set(REGION_NAMES.values()))))
    return pl.Series([None], dtype=pl.Boolean).new_from_index(0, STATE_CODES).scatter(numbers, pl.Series([True]))


def clean_postal_codes(frame: pl.DataFrame) -> pl.DataFrame:
    """Normalise column `zip` of `frame` and add `zip_note`; column `state` may be absent.

    5 digits and ZIP+4 (`12345-6789`), Canadian codes as `A1A 1A1`. A ZIP of 3 or 4 digits, or a ZIP+4 of 7 or 8, gets
    its leading zeros back only where the table knows that ZIP in the row's own state, or military mail has it.
    Anything else stays as it is and is noted.
    """
    cells = frame["zip"]
    notes = pl.Series("zip_note", [None], dtype=pl.String).new_from_index(0, frame.height)
    rest = find_unread(cells, zip_numbers(cells))
    if not rest.is_empty():
        rest = rest.filter(~cells[rest].str.contains(_FINISHED))
    if not rest.is_empty():
        mended = _mend_codes(frame.select("zip", *(["state"] if "state" in frame.columns else []))[rest])
        cells, notes = put(cells, rest, mended["zip"]), put(notes, rest, mended["zip_note"])
    return frame.with_columns_seq(cells, notes)


_CODE: Final = pl.col("zip")
_SHORT: Final = pl.when(_CODE.str.contains(r"^[0-9]{3,4}([- ]?[0-9]{4})?$")).then(_CODE)
"""A ZIP, or a ZIP+4 in any of its forms, that lost zeros where a spreadsheet took it for a number."""


def five_of_short_zip(code: pl.Expr) -> pl.Expr:
    """Return what is left of the five digits in a ZIP of 3 or 4, or in a ZIP+4 such as `2116-1234` or `21161234`."""
    return pl.when(code.str.len_bytes() > len("2116")).then(code.str.head(-4).str.strip_chars_end("- ")).otherwise(code)


_PARTS_OF_SHORT: Final = (
    five_of_short_zip(pl.col("short")).alias("five"),
    pl.when(pl.col("short").str.len_bytes() > len("2116")).then(pl.col("short").str.tail(4)).alias("four"),
)
_RESTORED_CODE: Final = pl.concat_str(pl.col("five").str.zfill(len("10001")), "four", separator="-", ignore_nulls=True)

# Captures are slow where every row has some, so what a pattern finds is cut out by its length.
_WITHOUT_TAIL: Final = (
    pl.when(_CODE.str.contains(_DECIMAL))
    .then(_CODE.str.strip_suffix(".0"))
    .when(_CODE.str.contains(_DASH_AT_END))
    .then(_CODE.str.head(5))
    .otherwise(_CODE)
)
_NORMAL: Final = (
    pl.when(_CODE.str.contains(_ZIP_PLUS_4))
    .then(pl.concat_str(_CODE.str.head(5), _CODE.str.tail(4), separator="-"))
    .when(_CODE.str.contains(_CANADIAN))
    .then(pl.concat_str(_CODE.str.head(3), _CODE.str.tail(3), separator=" ").str.to_uppercase())
    .otherwise(_CODE)
    .alias("zip")
)


def _mend_codes(frame: pl.DataFrame) -> pl.DataFrame:
    """Return `zip` and `zip_note` for cells of which any form may be expected."""
    text = mend_odd(frame["zip"], clean_text).to_frame("zip").with_columns(_WITHOUT_TAIL)
    normal = text.select_seq(_NORMAL).to_series()
    if "state" not in frame.columns:
        restored = normal.clear(frame.height)
    else:
        short = normal.to_frame().select(_SHORT.alias("short")).select_seq(_PARTS_OF_SHORT)
        numbers = short["five"].cast(pl.UInt32)
        states = zips_by_number()["zip_state"][numbers].cast(pl.String)
        of_mail = numbers.is_between(MILITARY_ZIPS[0], MILITARY_ZIPS[-1]) & (states == "")
        military = of_mail & (frame["state"] == MILITARY_EUROPE)
        proved = ((states == frame["state"]) & (states != "")) | military
        restored = short.select(pl.when(proved).then(_RESTORED_CODE)).to_series()
    known = normal.str.contains(_FINISHED)
    note = pl.when(restored.is_not_null()).then(pl.lit(_RESTORED)).when(~known).then(pl.lit(_UNKNOWN))
    return pl.select(pl.coalesce(restored, normal).alias("zip"), note.alias("zip_note"))
