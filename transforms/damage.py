"""Sees what a spreadsheet or a wrong export did to whole columns, before any row is judged for itself.

A rounded number or a broken name looks like one bad row; only the column shows that every row is bad. So each chunk of
rows is reduced to counts, counts of chunks are added up, and the sum is judged. Looking costs next to nothing: a chunk
is sampled, and gone through whole only for the damage that its sample shows.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property, reduce
from operator import or_
from typing import Any, Final

import polars as pl
import polars.selectors as cs

from transforms.mojibake import MOJIBAKE
from transforms.postal import (
    MILITARY_EUROPE,
    MILITARY_ZIPS,
    REGION_NAMES,
    five_of_short_zip,
    region_code,
    zip_table,
)


class DamageKind(StrEnum):
    """What can happen to a column; the value is the word in reports."""

    SCIENTIFIC_NOTATION = "SCIENTIFIC_NOTATION"
    ROUNDED_DIGITS = "ROUNDED_DIGITS"
    DECIMAL_POINT = "DECIMAL_POINT"
    LOST_ZEROS = "LOST_ZEROS"
    MOJIBAKE = "MOJIBAKE"
    SHIFTED = "SHIFTED"


@dataclass(frozen=True)
class ColumnDamage:
    """One kind of damage in one column: `rows` of its `values` (cells that are not empty) show it.

    `first_row` is the first such source row, `share` is rows over values, and `damaged` says whether the share is large
    enough to speak of the column; `sentence` says what is wrong and what to do, without any value of the column.
    """

    column: str
    field: str
    kind: str
    rows: int
    values: int
    share: float
    first_row: int
    sentence: str
    damaged: bool


DAMAGE_SCHEMA: Final = pl.Schema(
    {
        "column": pl.String,
        "field": pl.String,
        "kind": pl.String,
        "rows": pl.Int64,
        "against": pl.Int64,
        "values": pl.Int64,
        "first_row": pl.UInt64,
    }
)
"""Counts, one row for each column and kind it could have; `against` are cells alike that this damage cannot explain."""

_SAMPLE: Final = 2048
"""Rows of a large chunk that are looked at first; what one cell in a hundred shows, they show some twenty times."""

_ALL_LOOKED_AT: Final = 10_000
"""Rows of a chunk of which every one is looked at: with ten columns, that takes some ten milliseconds."""

_SEED: Final = 0
"""Any number: with the same one, the same rows are looked at in every run."""

_PHONES: Final = frozenset({"leadPhone", "leadPhoneE164", "auxPhone", "callerId", "personaPhoneConfig"})
_FREE: Final = frozenset({"auxData1", "auxData2", "auxData3", "auxData4", "auxData5", "extendedLeadData"})
_NAMES: Final = frozenset({"firstName", "lastName", "city"})
_NUMBERS: Final = frozenset({"externId", "zip"}) | _PHONES

_MOST_FREE_DECIMALS: Final = 20
"""Where any number may stand, so many whole numbers with `.0` and no other value are no accident."""

_LEAST_ROWS: Final = 2
"""One odd cell is a matter of its row, not of its column."""

_WARNING: Final = 0.1
"""The part of the share that makes a column damaged from which there is a warning."""

_POWER: Final = r"(?:[eE]|[xX\u00d7*]10\^)"
_SCIENTIFIC: Final = rf"^\s*\+?(?:[0-9]+(?:[.,][0-9]*)?{_POWER}\+[0-9]{{1,3}}|[0-9][.,][0-9]*{_POWER}[0-9]{{1,3}})\s*$"
"""`1.23457E+11`, `4.E+09`, `415E+07`, `4.15x10^9`; without the plus a decimal mark must stand, for `4E12` may be an
id."""

_DECIMAL: Final = r"^\s*[0-9]+\.0\s*$"

_ROUNDED_PHONE: Final = r"^\s*\+?1?[2-9][0-9]{5}0000(?:\.0)?\s*$"
"""Six digits left of ten; with punctuation the number never was a number to the spreadsheet."""

_ROUNDED_LONG: Final = r"^\s*(?:[1-9][0-9]{5}0{6,}|[1-9][0-9]{14}0+)(?:\.0)?\s*$"
"""Six digits left of twelve and more, as scientific notation leaves them, or fifteen of sixteen and more."""

_SWITCHBOARDS: Final = 0.01
_ROUND_ANYWAY: Final = 0.2
"""Shares of phones, and of long numbers, that may well be round: hospitals' numbers end in 0000 one time in 400."""

_BEYOND_CHANCE: Final = math.log(1e5)

_SHORT_ZIP: Final = r"^\s*[0-9]{3,4}(?:[- ]?[0-9]{4})?(?:\.0)?\s*$"
"""A ZIP that lost zeros, or a ZIP+4: `2116`, `2116-1234`, and as one number `21161234`."""

_MAIL, _STATE, _ZIP, _PHONE = "email", "state", "zip", "leadPhone"
_WHERE_SHIFTED: Final[Mapping[str, tuple[str, ...]]] = {
    "zip": (_MAIL, _STATE, _PHONE),
    "state": (_MAIL, _ZIP, _PHONE),
    "email": (_ZIP, _PHONE),
    **dict.fromkeys(sorted(_PHONES - {"personaPhoneConfig"}), (_MAIL, _STATE)),
    **dict.fromkeys(sorted(_NAMES), (_MAIL, _PHONE)),
}
"""Field to the fields whose values are seen at once not to belong there."""

_PHONE_SHAPE: Final = r"^\s*\+?1?[ .(-]*[2-9][0-9]{2}[ .)-]*[2-9][0-9]{2}[ .-]*[0-9]{4}\s*$"
_ZIP_SHAPE: Final = r"^\s*[0-9]{5}(?:-[0-9]{4})?\s*$"

_AFTER_BLANK, _AFTER_DIGITS, _BEYOND_ASCII = "!", ":", "\x80"
"""Texts are compared byte by byte: white space begins below the first of these, or from the last on."""


_PATTERNS: Final = {
    pattern: pl.col("cell").str.contains(pattern).alias(pattern)
    for pattern in (_SCIENTIFIC, _DECIMAL, _ROUNDED_PHONE, _ROUNDED_LONG)
}
"""What is asked of the cells of columns that hold numbers."""

_BLANK, _NOT_OF_FIVE, _NOT_ASCII = "blank", "not of five", "not ASCII"

_ROUGH: Final[Mapping[str, Callable[[pl.Expr], pl.Expr]]] = {
    _BLANK: lambda cell: (cell < _AFTER_BLANK) | (cell >= _BEYOND_ASCII),
    # Five characters that are a number are five digits, or four after a sign that no ZIP has.
    _NOT_OF_FIVE: lambda cell: (
        cell.is_not_null() & ((cell.str.len_bytes() != len("02116")) | cell.cast(pl.UInt32, strict=False).is_null())
    ),
    _NOT_ASCII: lambda cell: cell.str.len_bytes() != cell.str.len_chars(),
    _MAIL: lambda cell: _has_shape(cell, _MAIL),
    _STATE: lambda cell: (cell >= "A") | (cell < _AFTER_BLANK),
    _ZIP: lambda cell: (cell < _AFTER_DIGITS) | (cell >= _BEYOND_ASCII),
    _PHONE: lambda cell: (
        ((cell < _AFTER_DIGITS) | (cell >= _BEYOND_ASCII)) & (cell.str.len_bytes() >= len("2125550123"))
    ),
}
"""What is asked of the cells of any column, and quickly answered: by what a cell begins with, mostly."""


@dataclass(frozen=True)
class _Look:
    """What to look for in a column: one of `asks` is true at least where `shows` is, and a pattern just there."""

    column: str
    shows: pl.Expr
    asks: tuple[str, ...]

    @property
    def is_rough(self) -> bool:
        """Whether more may be true of a cell than `shows`."""
        return any(ask in _ROUGH for ask in self.asks)

    def pick(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that show it."""
        if self.is_rough:
            cell = cs.by_name(self.column).as_expr()
            rows = rows.filter(reduce(or_, (_ROUGH[ask](cell) for ask in self.asks)))
        return rows.filter(self.shows)


@dataclass(frozen=True)
class _Sign:
    """How one kind of damage shows in one column; `prove` says which of the rows that show it count."""

    kind: DamageKind
    column: str
    field: str
    look: _Look
    prove: Callable[[pl.DataFrame], pl.Series] | None = None


@dataclass(frozen=True)
class _Plan:
    """What is looked for in a chunk: signs, and blank cells column by column."""

    signs: list[_Sign]
    blanks: dict[str, _Look]

    @cached_property
    def _looks(self) -> list[_Look]:
        return [*(sign.look for sign in self.signs), *self.blanks.values()]

    @cached_property
    def _numbers(self) -> list[str]:
        """The columns of which a pattern is asked."""
        return list(dict.fromkeys(look.column for look in self._looks if not look.is_rough))

    @cached_property
    def _rough(self) -> list[pl.Expr]:
        return [ask(pl.col("cell")).alias(name) for name, ask in _ROUGH.items()]

    def find(self, rows: pl.DataFrame) -> list[bool]:
        """Return of each sign, and then of each column's blanks, whether any row shows it."""
        true = _ask(rows, list(self.blanks), self._rough) | _ask(rows, self._numbers, list(_PATTERNS.values()))
        shown = [any((look.column, ask) in true for ask in look.asks) for look in self._looks]
        unsure = [place for place, look in enumerate(self._looks) if shown[place] and look.is_rough]
        if unsure:
            exact = rows.select_seq(self._looks[place].shows.any().alias(str(place)) for place in unsure)
            for place, hit in zip(unsure, exact.row(0), strict=True):
                shown[place] = hit
        return shown


def _ask(rows: pl.DataFrame, columns: Sequence[str], questions: Sequence[pl.Expr]) -> set[tuple[str, str]]:
    """Return of which columns, by name, which of the questions is true of any `cell`.

    Each is asked once of the cells of all columns, one after another: asking each column takes longer than the answer.
    """
    if not columns:
        return set()
    cells = pl.concat([rows.get_column(name) for name in columns]).alias("cell")
    true = set()
    for answer in cells.to_frame().select_seq(questions).get_columns():
        for place, name in enumerate(columns) if answer.any() else ():
            if answer.slice(place * rows.height, rows.height).any():
                true.add((name, answer.name))
    return true


def count_damage(rows: pl.DataFrame, roles: Mapping[str, str]) -> pl.DataFrame:
    """Count what shows in `rows` (text columns and `source_row`) as DAMAGE_SCHEMA.

    `roles` is source column to the lead field it fills; a label's column fills `extendedLeadData`. In a large chunk
    only the kinds that its sample shows are counted, and those exactly.
    """
    plan = _plan(tuple(roles.items()))
    if rows.is_empty() or not plan.signs:
        return pl.DataFrame(schema=DAMAGE_SCHEMA)
    shown = plan.find(_sample(rows[list(roles)]))
    values = {}
    for (column, look), any_blank in zip(plan.blanks.items(), shown[len(plan.signs) :], strict=True):
        blank = look.pick(rows[[column]]).height if any_blank else 0
        values[column] = rows.height - rows.get_column(column).null_count() - blank
    counted = []
    narrowed = _narrow(rows, [sign.look for sign, hit in zip(plan.signs, shown, strict=False) if hit])
    for sign, hit in zip(plan.signs, shown, strict=False):
        among = rows if sign.look.is_rough else narrowed.get(sign.column, rows)
        count, against, first_row = _count_sign(among, sign) if hit else (0, 0, None)
        if sign.kind is DamageKind.DECIMAL_POINT and 0 < count < values[sign.column]:
            # A verdict is for all values or none, and the sample may have missed that a few are blank.
            blank = plan.blanks[sign.column].pick(rows[[sign.column]]).height
            values[sign.column] = rows.height - rows.get_column(sign.column).null_count() - blank
        counted.append((sign.column, sign.field, sign.kind.value, count, against, values[sign.column], first_row))
    return pl.DataFrame(counted, schema=DAMAGE_SCHEMA, orient="row")


def _sample(rows: pl.DataFrame) -> pl.DataFrame:
    return rows if rows.height <= _ALL_LOOKED_AT else rows[_places(rows.height)]


@cache
def _places(height: int) -> pl.Series:
    """Return one place in each stretch of so many rows, by no rule: lists are made of patterns that repeat."""
    step = height // _SAMPLE
    first = pl.int_range(0, height - step + 1, step, dtype=pl.UInt32, eager=True)
    return first + (first.hash(_SEED) % step).cast(pl.UInt32)


@cache
def _plan(roles: tuple[tuple[str, str], ...]) -> _Plan:
    signs = list(_signs(dict(roles)))
    return _Plan(signs, {column: _blank(column) for column, _ in roles})


def merge_damage(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add up the counts of chunks, in any order; the sum has the same columns and can be added to again."""
    if not frames:
        return pl.DataFrame(schema=DAMAGE_SCHEMA)
    keys = ("column", "field", "kind")
    summed = pl.concat(frames).group_by(keys, maintain_order=True)
    return summed.agg(pl.col("rows", "against", "values").sum(), pl.col("first_row").min()).select(
        DAMAGE_SCHEMA.names()
    )


def _is_mended(counts: Mapping[str, Any]) -> bool:
    """Return whether preparing puts the column right: whole columns of ids such as `123.0` become `123`."""
    return bool(counts["kind"] == DamageKind.DECIMAL_POINT and counts["field"] == "externId")


def judge_damage(merged: pl.DataFrame, share: float, *, decimal_ids: bool = True) -> list[ColumnDamage]:
    """Return a verdict for each column and kind worth one, the worst first; a clean column has none.

    A column is damaged from `share` of its values on, and warned about from a tenth of that. Not `decimal_ids` says
    that ids such as `123.0` are known to stand as they are.
    """
    verdicts = []
    for counts in merged.iter_rows(named=True):
        if _is_mended(counts) and not decimal_ids:
            continue
        rows, values = counts["rows"], counts["values"]
        if rows < _LEAST_ROWS or rows / values < share * _WARNING or not _is_plausible(counts):
            continue
        verdicts.append(
            ColumnDamage(
                column=counts["column"],
                field=counts["field"],
                kind=counts["kind"],
                rows=rows,
                values=values,
                share=rows / values,
                first_row=counts["first_row"],
                sentence=_tell(counts),
                damaged=rows / values >= share and not _is_mended(counts),
            )
        )
    return sorted(verdicts, key=lambda verdict: (not verdict.damaged, -verdict.share, verdict.column, verdict.kind))


def _signs(roles: Mapping[str, str]) -> Iterator[_Sign]:
    """Name the signs to look for: each kind of damage in the columns that can have it."""
    places: dict[str, list[str]] = {}
    for column, field in roles.items():
        places.setdefault(field, []).append(column)
    for column, field in roles.items():
        cell = cs.by_name(column).as_expr()
        if field in _NUMBERS | _FREE:
            yield _Sign(DamageKind.SCIENTIFIC_NOTATION, column, field, _of_pattern(column, _SCIENTIFIC))
            yield _Sign(DamageKind.DECIMAL_POINT, column, field, _of_pattern(column, _DECIMAL))
        if field in _PHONES:
            look = _of_pattern(column, _ROUNDED_PHONE)
            yield _Sign(DamageKind.ROUNDED_DIGITS, column, field, look, _differs(column))
        elif field == "externId" or field in _FREE:
            look, prove = _of_pattern(column, _ROUNDED_LONG), _differs(column) if field in _FREE else None
            yield _Sign(DamageKind.ROUNDED_DIGITS, column, field, look, prove)
        if field == "zip":
            states = places.get("state")
            look = _Look(column, cell.str.contains(_SHORT_ZIP), (_NOT_OF_FIVE,))
            yield _Sign(DamageKind.LOST_ZEROS, column, field, look, _lost_a_zero(column, states[0] if states else None))
        if field not in _NUMBERS:
            look = _Look(column, cell.str.contains(MOJIBAKE), (_NOT_ASCII,))
            yield _Sign(DamageKind.MOJIBAKE, column, field, look)
        shapes = [shape for shape in _WHERE_SHIFTED.get(field, ()) if shape in places or field not in _NAMES]
        if shapes:
            strange = reduce(or_, (_is_stranger(cell, shape, places.get(shape, ())) for shape in shapes))
            yield _Sign(DamageKind.SHIFTED, column, field, _Look(column, strange, tuple(shapes)))


def _of_pattern(column: str, pattern: str) -> _Look:
    return _Look(column, cs.by_name(column).as_expr().str.contains(pattern), (pattern,))


def _is_stranger(cell: pl.Expr, shape: str, homes: Sequence[str]) -> pl.Expr:
    """Look for a cell like `shape`, which its own columns then lack in that row.

    Without a column for `shape` only fields of a shape of their own can tell: a name may be anything.
    """
    at_home = [_has_shape(cs.by_name(home), shape).fill_null(value=False) for home in homes]
    strange = _has_shape(cell, shape)
    return strange & ~reduce(or_, at_home) if at_home else strange


def _has_shape(cell: pl.Expr, shape: str) -> pl.Expr:
    if shape == _MAIL:
        return cell.str.contains("@", literal=True)
    if shape == _STATE:
        known = [*REGION_NAMES, *set(REGION_NAMES.values())]
        return cell.str.strip_chars().str.to_uppercase().is_in(known)
    return cell.str.contains(_ZIP_SHAPE if shape == _ZIP else _PHONE_SHAPE)


def _differs(column: str) -> Callable[[pl.DataFrame], pl.Series]:
    """Leave out one value that makes up most of what shows: a switchboard that all share was not rounded."""

    def prove(rows: pl.DataFrame) -> pl.Series:
        return rows.select(pl.len().over(cs.by_name(column)) * 2 <= rows.height).to_series()

    return prove


@cache
def _zips_with_a_zero() -> pl.DataFrame:
    return zip_table().select("zip", "zip_state").filter(pl.col("zip").str.starts_with("0"))


def _lost_a_zero(column: str, state: str | None) -> Callable[[pl.DataFrame], pl.Series]:
    """Count a short ZIP where its zeros put back make a real one, in the row's own state if the row has one.

    Many countries have postal codes of four digits.
    """

    text = cs.by_name(column).str.strip_chars().str.strip_suffix(".0")
    code = five_of_short_zip(text).str.zfill(len("02116")).alias("zip")
    row_state = pl.lit(None, pl.String) if state is None else region_code(cs.by_name(state))
    same_state = pl.col("row_state").is_null() | (pl.col("row_state") == pl.col("zip_state"))
    first, last = (str(number).zfill(len("02116")) for number in (MILITARY_ZIPS[0], MILITARY_ZIPS[-1]))
    of_mail = pl.col("zip").is_between(pl.lit(first), pl.lit(last)) & pl.col("zip_state").is_null()
    military = of_mail & (pl.col("row_state") == MILITARY_EUROPE)
    proved = (pl.col("zip_state").is_not_null() & same_state) | military.fill_null(value=False)

    def prove(rows: pl.DataFrame) -> pl.Series:
        looked_up = rows.select_seq(code, row_state.alias("row_state")).join(
            _zips_with_a_zero(), on="zip", how="left", maintain_order="left"
        )
        return looked_up.select(proved.alias("proved")).to_series()

    return prove


def _blank(column: str) -> _Look:
    """Look for cells of white space alone, and empty ones."""
    return _Look(column, cs.by_name(column).str.strip_chars().str.len_bytes() == 0, (_BLANK,))


def _narrow(rows: pl.DataFrame, looks: Sequence[_Look]) -> dict[str, pl.DataFrame]:
    """Return for each column with several patterns among the looks the rows that show any of these.

    Patterns joined go through a column in little more time than one alone.
    """
    patterns: dict[str, list[str]] = {}
    for look in looks:
        if not look.is_rough:
            patterns.setdefault(look.column, []).extend(look.asks)
    return {
        column: rows.filter(cs.by_name(column).as_expr().str.contains("|".join(f"(?:{each})" for each in several)))
        for column, several in patterns.items()
        if len(several) > 1
    }


def _count_sign(rows: pl.DataFrame, sign: _Sign) -> tuple[int, int, int | None]:
    """Return the rows that have the sign, those alike that do not count, and the first that has it."""
    alike = sign.look.pick(rows)
    met = alike if sign.prove is None else alike.filter(sign.prove(alike))
    first = met["source_row"].min()
    return met.height, alike.height - met.height, first if isinstance(first, int) else None


def _is_plausible(counts: Mapping[str, object]) -> bool:
    """Return whether the counts mean damage, and not what such columns often hold."""
    rows, against, values = (int(str(counts[name])) for name in ("rows", "against", "values"))
    field = counts["field"]
    if counts["kind"] == DamageKind.DECIMAL_POINT:
        return rows == values and (field not in _FREE or rows >= _MOST_FREE_DECIMALS)
    if counts["kind"] == DamageKind.LOST_ZEROS:
        return rows >= 4 * against
    if counts["kind"] == DamageKind.ROUNDED_DIGITS:
        return _is_beyond_chance(rows, values, _SWITCHBOARDS if field in _PHONES else _ROUND_ANYWAY)
    return True


def _is_beyond_chance(rows: int, values: int, usual: float) -> bool:
    """Return whether so many rows are out of the question where `usual` is the share to expect (Chernoff's bound)."""
    share = rows / values
    if share <= usual:
        return False
    rest = (1 - share) * math.log((1 - share) / (1 - usual)) if share < 1 else 0.0
    return values * (share * math.log(share / usual) + rest) > _BEYOND_CHANCE


_SENTENCES: Final = {
    DamageKind.SCIENTIFIC_NOTATION: (
        "in scientific notation, as in 1.23457E+11, so that digits are lost",
        "Set the column to text in the spreadsheet before any value gets in, or take it from the system it came from.",
    ),
    DamageKind.ROUNDED_DIGITS: (
        "that end in zeros where digits were: a spreadsheet rounded them, and no one can dial or match what is left",
        "Take the column as text from the system it came from.",
    ),
    DamageKind.DECIMAL_POINT: (
        "that are whole numbers written as decimals, as in 123.0",
        "Export the column as text or as whole numbers.",
    ),
    DamageKind.LOST_ZEROS: (
        "that lost the zeros they began with, as in 2116 for 02116",
        "Set the column to text where it is exported; zeros are put back where the row's state proves them.",
    ),
    DamageKind.MOJIBAKE: (
        "with letters that were read in a wrong encoding, so that one letter became several signs",
        "Export the list again as UTF-8, and open it as UTF-8 wherever it passes through.",
    ),
    DamageKind.SHIFTED: (
        "that belong into another column, such as an e-mail address, a state, a ZIP code or a number",
        "See whether the first of these rows has a field too many or too few, and whether [columns] is right.",
    ),
}
"""What is wrong with the values, and what to do."""

_MENDED_IDS: Final = "Nothing is lost: the ids are loaded without it. Export them as text to be sure."


def _tell(counts: Mapping[str, object]) -> str:
    kind, field = DamageKind(str(counts["kind"])), str(counts["field"])
    what, advice = _SENTENCES[kind]
    if kind is DamageKind.DECIMAL_POINT and field == "externId":
        advice = _MENDED_IDS
    return (
        f"Column {counts['column']!r} ({field}) has {counts['rows']:,} of {counts['values']:,} values {what}. {advice}"
    )
