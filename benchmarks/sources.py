"""Made-up leads for benchmarks: as varied as a real list, with the usual few per cent of damage, and no real person."""

import sys
from pathlib import Path
from typing import Final

import polars as pl

from transforms.postal import zip_table

_AREA_CODES: Final = {
    "AZ": (602, 480), "CA": (415, 213, 619, 510), "CO": (303, 720), "CT": (203, 860), "FL": (305, 407, 813),
    "GA": (404, 678), "HI": (808, 808), "IL": (312, 217), "MA": (617, 508), "ME": (207, 207), "MI": (313, 248),
    "MN": (612, 651), "NC": (919, 704), "NJ": (201, 908), "NV": (702, 775), "NY": (212, 716, 518), "OH": (216, 614),
    "OR": (503, 541), "PA": (215, 412), "TX": (713, 214, 512), "VA": (703, 804), "WA": (206, 360),
}  # fmt: skip

_FIRST: Final = (
    *("Ada", "Ben", "Cara", "Dov", "Ella", "Finn", "Gus", "Hana", "Ivo", "Jun", "Kai"),
    *("Lena", "Max", "Nia", "Omar", "Pia", "Quin", "Rosa", "Sam", "Tara", "José", "Zoë"),
)
_STEMS: Final = ("Ash", "Birch", "Cedar", "Dale", "Elm", "Fern", "Glen", "Hill", "Ivy", "Jay", "Kirk", "Lake", "Marsh")
_ENDINGS: Final = ("down", "ford", "ham", "ley", "man", "ridge", "son", "stone", "ton", "wood", "worth", "by")
_STREETS: Final = ("Elm Street", "Oak Avenue", "Main Street", "Mill Road", "Lake Drive", "Park Lane", "2nd Avenue")
_CITIES: Final = ("Springfield", "Riverton", "Fairview", "Madison", "Georgetown", "Salem", "Clinton", "Arlington")

_PIECE: Final = 1_000_000


def write_source(path: Path, rows: int) -> None:
    """Write `rows` leads as CSV with 13 text columns; about 2 % have something to mend or to refuse."""
    pieces = [_leads(first, min(_PIECE, rows - first)).lazy() for first in range(0, rows, _PIECE)]
    pl.concat(pieces).sink_csv(path)


def _leads(first: int, rows: int) -> pl.DataFrame:
    number = pl.int_range(first, first + rows, eager=True).alias("n")

    def draw(seed: int, choices: int) -> pl.Series:
        return (number.hash(seed) % choices).cast(pl.Int64)

    def pick(seed: int, words: tuple[str, ...]) -> pl.Series:
        return pl.Series(words).gather(draw(seed, len(words)))

    places = zip_table().filter(pl.col("zip_state").is_in(list(_AREA_CODES))).select("zip", state="zip_state")
    areas = pl.DataFrame({"state": list(_AREA_CODES), "areas": [list(codes) for codes in _AREA_CODES.values()]})
    frame = places[draw(1, places.height)].with_columns(
        number, last=pick(2, _STEMS) + pick(3, _ENDINGS), first=pick(4, _FIRST), city=pick(5, _CITIES),
        house=draw(6, 9_998) + 1, street=pick(7, _STREETS), exchange=draw(8, 700) + 220, line=draw(9, 10_000),
        form=draw(10, 8), fate=draw(11, 1_000), aim=pick(12, ("solar", "roof", "hvac", "water")), which=draw(13, 12),
    )  # fmt: skip
    frame = frame.join(areas, on="state", how="left", maintain_order="left")
    area = pl.col("areas").list.get(pl.col("which") % pl.col("areas").list.len())
    fate, state, zip_code = pl.col("fate"), pl.col("state"), pl.col("zip")
    mail = pl.format("{}.{}{}@example.com", *(pl.col(name).str.to_lowercase() for name in ("first", "last")), "n")
    return frame.with_columns(area.alias("area"), pl.col("line").cast(pl.String).str.zfill(4)).select(
        pl.format("C{}", pl.col("n") + 1_000_000).alias("id"),
        _phone().alias("phone"),
        "first",
        "last",
        pl.format("{} {}", "house", "street").alias("street"),
        "city",
        pl.when(fate.is_between(30, 30)).then(state.str.to_lowercase()).otherwise(state).alias("state"),
        pl.when(fate.is_between(40, 49)).then(zip_code.str.strip_chars_start("0")).otherwise(zip_code).alias("zip"),
        pl.when(fate.is_between(60, 60)).then(pl.lit("none")).otherwise(mail).alias("email"),
        pl.col("aim").alias("a"),
        pl.col("house").cast(pl.String).alias("b"),
        pl.lit("web").alias("c"),
        pl.format(
            "2026-{}-{}", *((pl.col(name) % 12 + 1).cast(pl.String).str.zfill(2) for name in ("house", "n"))
        ).alias("d"),
    )


def _phone() -> pl.Expr:
    """Write each number in one of the usual forms, and about two in a hundred as people and spreadsheets do."""
    parts = ("area", "exchange", "line")
    usual = {
        3: pl.format("({}) {}-{}", *parts),
        5: pl.format("{}-{}-{}", *parts),
        6: pl.format("{}{}{}", *parts),
        7: pl.format("+1 {} {} {}", *parts),
        8: pl.format("{}.{}.{}", *parts),
    }
    odd = {
        5: pl.lit(""),
        8: pl.format("{}-{}", "exchange", "line"),
        10: pl.format("{}.{}E+09", pl.col("area").cast(pl.String).str.head(1), "exchange"),
        14: pl.format("{}-{}-{} x{}", *parts, "house"),
        16: pl.format("({}) {}-{} / 212-{}-{}", *parts, "exchange", "line"),
        18: pl.format("555-123-{}", "line"),
        19: pl.lit("n/a"),
    }
    chosen = [pl.when(pl.col("fate") < below).then(form) for below, form in odd.items()]
    chosen += [pl.when(pl.col("form") < below).then(form) for below, form in usual.items()]
    return pl.coalesce(chosen)


if __name__ == "__main__":
    write_source(Path(sys.argv[1]), int(sys.argv[2]))
