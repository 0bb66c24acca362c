"""Writes data-samples/: made-up leads with the damage that real lists have. No row describes a real person.

Numbers are of the 555-01xx kind, which the numbering plan keeps for fiction.
"""

import csv
import random
from pathlib import Path

import polars as pl

SAMPLES = Path(__file__).parents[1] / "data-samples"
PLACES = [
    ("New Haven", "CT", "06511", "203"), ("Boston", "MA", "02116", "617"), ("Newark", "NJ", "07102", "973"),
    ("Providence", "RI", "02903", "401"), ("Buffalo", "NY", "14201", "716"), ("Atlanta", "GA", "30303", "404"),
    ("Miami", "FL", "33130", "305"), ("Pensacola", "FL", "32501", "850"), ("Chicago", "IL", "60601", "312"),
    ("Houston", "TX", "77002", "713"), ("El Paso", "TX", "79901", "915"), ("Denver", "CO", "80202", "303"),
    ("Phoenix", "AZ", "85004", "602"), ("Boise", "ID", "83702", "208"), ("Seattle", "WA", "98101", "206"),
    ("San Jose", "CA", "95113", "408"), ("Anchorage", "AK", "99501", "907"), ("Honolulu", "HI", "96813", "808"),
    ("San Juan", "PR", "00901", "787"), ("Evansville", "IN", "47708", "812")
]  # fmt: skip
FIRST = ["Ada", "Ben", "Cleo", "Dov", "Edda", "Finn", "Gwen", "Hugo", "Ines", "Jonas", "Kaya", "Lior", "Maya", "Nils"]
LAST = ["Ashdown", "Birchwood", "Copperfield", "Dunmore", "Elmsworth", "Fairweather", "Greenhill", "Hollis", "Núñez"]
HEADER = [
    "Lead ID",
    "First Name",
    "Last Name",
    "Mobile",
    "Home Phone",
    "City",
    "State",
    "ZIP",
    "Email",
    "Product",
    "Source",
]
STYLES = [
    "({a}) {x}-{n}",
    "{a}-{x}-{n}",
    "{a}.{x}.{n}",
    "+1 {a} {x} {n}",
    "1{a}{x}{n}",
    "{a}{x}{n}",
    "{a}{x}{n}.0",
    "'{a}{x}{n}",
]


def make_rows(count: int) -> list[list[str]]:
    """Return `count` rows for `HEADER`, every number used once but for the repeats put in on purpose."""
    dice = random.Random(20260501)  # noqa: S311 - samples, not secrets
    rows = []
    for number in range(count):
        city, state, zip_code, area = PLACES[number % len(PLACES)]
        style = dice.choice(STYLES)
        mobile = style.format(a=area, x="555", n=f"01{number // len(PLACES):02d}")
        first, last = dice.choice(FIRST), dice.choice(LAST)
        rows.append(
            [f"L-{10001 + number}", first, last, mobile, "", city, state, zip_code,
             f"{first}.{last}@example.com".lower().replace("ñ", "n").replace("ú", "u"),
             dice.choice(["Solar", "Heat pump", "Insulation"]), dice.choice(["web", "fair", "referral"])]
        )  # fmt: skip
    return rows


def damage(rows: list[list[str]]) -> None:
    """Put in what exports do to lists."""
    rows[7][3] = ""  # no number
    rows[19][3] = "4.08556E+09"  # rounded by a spreadsheet
    rows[23][3] = "555-0142"  # no area code
    rows[31][0] = ""  # no id
    rows[42][7] = "2116" if rows[42][6] == "MA" else rows[42][7].lstrip("0")  # a ZIP without its zero
    rows[43][7] = rows[43][7].lstrip("0")
    rows[57][3] = rows[12][3]  # a number twice
    rows[64][0] = rows[9][0]  # an id twice
    rows[71][3] = "617-055-0107"  # no such exchange
    rows[80][4] = "212 555 0188 ext. 12"  # a second number
    rows[88][3] = "1-800-FLOWERS"
    rows[95][1] = '=HYPERLINK("http://example.com","x")'  # a formula in a name
    rows[101][3] = "+44 20 7946 0123"  # abroad
    rows[108][3], rows[108][5:8] = "671-555-0105", ["Hagåtña", "GU", "96910"]  # RingCX names no zone for Guam
    rows[113][2] = "O'Brien-Åström"
    rows[120][7] = ""  # no ZIP: the number and the state must settle the zone
    rows[132][3], rows[132][7] = "850-555-0177", ""  # an area code with two time zones and no ZIP


def main() -> None:
    """Write the samples."""
    rows = make_rows(210)
    damage(rows)
    SAMPLES.mkdir(exist_ok=True)
    with (SAMPLES / "leads.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
    frame = pl.DataFrame(rows, schema=HEADER, orient="row").with_columns(
        pl.col("Lead ID").str.slice(2).cast(pl.Int64, strict=False)
    )
    frame.head(60).write_parquet(SAMPLES / "leads.parquet")


if __name__ == "__main__":
    main()
