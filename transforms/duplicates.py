"""Removes repeats across the whole load, so that cutting it into requests does not change its meaning.

RingCX compares numbers within one request; a load is many. `externId` is our key for finding a lead again, so it is
one to a load under every mode; numbers are compared as the chosen `duplicateHandling` says.

A load may be too large to hold its keys as text. `RepeatedKeys` tells, from a hash of each, the few rows that may share
a key with another; `find_duplicates` judges those by their text. That takes two passes over the rows; where the first
row is kept, `held_keys` does the same in one.
"""

from collections.abc import Callable, Iterator
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context
from typing import Final, Literal, NamedTuple

import polars as pl

from transforms.text import clean_id
from transforms.vocabulary.options import DuplicateHandling
from transforms.vocabulary.reasons import Reason

DUPLICATE_SCHEMA = pl.Schema({"source_row": pl.UInt64, "reason": pl.String, "kept_row": pl.UInt64})

KeepRule = Literal["first", "last", "largest", "smallest"]
"""Which of the rows that share a key is preferred: by source order, or by the text in `rank_by`."""

_SLOT_BITS: Final = 26
"""A repeated key is kept as one of 2**26 bits, 8 MB: with 1,000,000 repeated, 1.5 % of other rows are contested too."""

_LONE: Final = 10
"""Bytes of one national number; only a longer cell can hold several."""

_EXACT: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
"""Reads every digit of a number; an exponent too small for any number gives zero."""

_BOTH_FORMS: Final = (
    pl.when(pl.col("leadPhone").is_null())
    .then("e164")
    .when(pl.col("e164").is_null() | (pl.col("e164") == pl.col("leadPhone")))
    .then("leadPhone")
    .otherwise(pl.col("leadPhone") + "|" + pl.col("e164"))
)
"""Of nearly every lead with both, they are one number, and one is quicker to look at than two."""

_NOBODY: Final = 2**32 - 1
"""The place that stands for no row, behind all places."""


class RepeatedKeys:
    """Finds which ids and numbers occur more than once in a load, holding 8 bytes a key and not its text.

    First `add` every chunk, then ask. Not for several threads at once.
    """

    def __init__(self, handling: DuplicateHandling) -> None:
        """Look at numbers too unless `handling` retains them all."""
        self._ids = _Tally()
        self._numbers = None if handling is DuplicateHandling.RETAIN_ALL else _Tally()

    def add(self, leads: pl.DataFrame, valid: pl.Series | None = None) -> None:
        """Take in the `valid` rows of a chunk, or all: `externId`, and `leadPhone` and `leadPhoneE164` if it has them.

        `leadPhone` is one ten-digit number or several joined with `|`. Raises ValueError once something was asked.
        """
        ids = leads.get_column("externId")
        valid = mark(leads.height, pl.Series(dtype=pl.UInt32)).not_() if valid is None else valid
        self._ids.add(ids, valid & ids.is_not_null())
        if self._numbers is not None:
            cells = _join_numbers(leads)
            several = _hold_several(cells)
            if several.any():
                parts = cells.filter(several & valid).str.split("|").list.unique().explode()
                self._numbers.add(parts, parts.is_not_null())
                valid &= ~several
            self._numbers.add(cells, valid & cells.is_not_null())

    def contested(self, leads: pl.DataFrame) -> pl.Series:
        """Return a mask of the rows of a chunk that may share a key with another row of the load.

        No such row is missed. A few others are named where their hash is alike, which changes no duplicate.
        """
        mask = self._ids.may_repeat(leads.get_column("externId"))
        if self._numbers is not None and self._numbers.any:
            mask |= _of_any_number(_join_numbers(leads), self._numbers.may_repeat)
        return mask.alias("contested")

    @property
    def any(self) -> bool:
        """Whether any key occurs twice."""
        return self._ids.any or (self._numbers is not None and self._numbers.any)


class _Tally:
    """Which keys of one kind occur more than once; nulls are no keys."""

    def __init__(self) -> None:
        self._hashes: list[pl.Series] | None = []
        self._slots: pl.Series | None = None

    def add(self, keys: pl.Series, wanted: pl.Series) -> None:
        if self._hashes is None:
            raise ValueError("the keys are counted already: add every chunk before asking what repeats")
        # Hashing a text that is not wanted costs less than copying those that are.
        self._hashes.append(keys.hash().filter(wanted))

    def may_repeat(self, keys: pl.Series) -> pl.Series:
        """Return a mask of the keys that occur more than once, and a few more."""
        slots = self._repeated_slots()
        if slots is None:
            return mark(keys.len(), pl.Series(dtype=pl.UInt32))
        return slots.gather(_slot_of(keys.hash()))

    @property
    def any(self) -> bool:
        return self._repeated_slots() is not None

    def _repeated_slots(self) -> pl.Series | None:
        """Return whether a repeated key falls into each slot, None where nothing repeats; hashes are let go."""
        if self._hashes is not None:
            hashes = pl.concat(self._hashes) if self._hashes else pl.Series(dtype=pl.UInt64)
            self._hashes = None
            hashes = hashes.sort(multithreaded=False)
            after = hashes.slice(1)
            repeated = after.filter(after == hashes.head(after.len()))
            self._slots = mark(2**_SLOT_BITS, _slot_of(repeated)) if repeated.len() else None
        return self._slots


def find_duplicates(
    keys: pl.DataFrame, handling: DuplicateHandling, keep: KeepRule = "first", notes: list[str] | None = None
) -> pl.DataFrame:
    """Return the rows to set aside, by `source_row`: `source_row`, `reason`, `kept_row` (stays in its place).

    `keys` has the valid rows of the whole load, or only those contested: `source_row` (ascending), `externId`, and
    `leadPhone`, `leadPhoneE164` where the load has them; `rank_by` (text) where `keep` is `largest` or `smallest`.
    That is compared as numbers where most values of the rows that share a key are numbers, and what is none is no
    value then; else as text. Rows without a value come last, and of equals the first in source order is preferred.
    Where some are numbers and others not, `notes` is told so.

    Rows are settled from the most preferred on: one that shares an id or a number with a row that stays is set aside,
    and never sets another aside. The row kept is the one with the same id, else the most preferred with a same number.
    """
    place, key, of_number = _find_claims(keys.with_row_index("place"), handling).get_columns()
    # Rows that share nothing have no part in how the values of the others are compared.
    sharing = place.unique().sort()
    place, rows = sharing.search_sorted(place).cast(pl.UInt32), keys[sharing]
    if keep != "first":
        order = _order_by_preference(rows, keep, [] if notes is None else notes)
        place, rows = order.arg_sort()[place], rows[order]
    return settle(place, key, of_number, rows.get_column("source_row"))


def settle(place: pl.Series, key: pl.Series, of_number: pl.Series, source_row: pl.Series) -> pl.DataFrame:
    """Return the rows to set aside as `find_duplicates` does, of claims that say which row has which key.

    `place` is the row's by preference, which `source_row` has in that order; the same `key`, a number below the count
    of claims, means the same id or, where it is `of_number`, the same number.
    """
    lost = mark(source_row.len(), _find_losers(place, key, source_row.len()))[place]
    # No two rows that stay have a key in common.
    holders = pl.Series([_NOBODY], dtype=pl.UInt32).new_from_index(0, key.len())
    holder = holders.scatter(key.filter(~lost), place.filter(~lost))[key]
    # A less preferred row may hold what this one would have held, had it stayed: that is no reason.
    beaten = lost & (holder < place)
    # One number for both: ids before numbers, then by preference.
    ground = (of_number.cast(pl.UInt64) * 2**32 + holder).filter(beaten)
    grounds = pl.DataFrame([place.filter(beaten).alias("place"), ground.alias("ground")])
    named = grounds.group_by("place").agg(pl.col("ground").min())
    reason = pl.when(pl.col("ground") < 2**32).then(pl.lit(Reason.EXTERN_ID_REPEATED.value))
    return named.select_seq(
        source_row[named.get_column("place")].alias("source_row"),
        reason.otherwise(pl.lit(Reason.PHONE_REPEATED.value)).alias("reason"),
        source_row[(named.get_column("ground") % 2**32).cast(pl.UInt32)].alias("kept_row"),
    ).sort("source_row")


class PlacedTexts(NamedTuple):
    """Texts, each with the `place` (u32) of its row, and a mask of those `wanted`."""

    place: pl.Series
    text: pl.Series
    wanted: pl.Series


def place_texts(texts: pl.Series, wanted: pl.Series) -> PlacedTexts:
    """Return a column with its places; no null is wanted."""
    place = pl.int_range(texts.len(), dtype=pl.UInt32, eager=True)
    return PlacedTexts(place, texts, wanted & texts.is_not_null() if texts.null_count() else wanted)


def split_numbers(leads: pl.DataFrame, valid: pl.Series) -> Iterator[PlacedTexts]:
    """Yield every number of the `valid` rows, each once to a row, in any order."""
    cells = place_texts(_join_numbers(leads), valid)
    several = _hold_several(cells.text)
    if not several.any():
        yield cells
        return
    yield cells._replace(wanted=cells.wanted & ~several)
    place, text = (column.filter(cells.wanted & several) for column in (cells.place, cells.text))
    parts = pl.DataFrame([place.alias("place"), text.str.split("|").list.unique().alias("text")]).explode("text")
    place, text = parts.get_columns()
    yield PlacedTexts(place, text, text.is_not_null())


def _join_numbers(leads: pl.DataFrame) -> pl.Series:
    """Return every number of each row joined with `|`: `leadPhone`, and `leadPhoneE164`, its +1 left out, if another.

    Both are sent, and either may be dialled.
    """
    cells = leads.get_column("leadPhone") if "leadPhone" in leads.columns else None
    if "leadPhoneE164" not in leads.columns or leads.get_column("leadPhoneE164").null_count() == leads.height:
        no_number = pl.Series([None], dtype=pl.String)
        return no_number.new_from_index(0, leads.height) if cells is None else cells
    e164 = leads.select(pl.col("leadPhoneE164").str.strip_prefix("+1").alias("e164"))
    return (e164 if cells is None else e164.with_columns(cells).select(_BOTH_FORMS)).to_series()


def _hold_several(cells: pl.Series) -> pl.Series:
    """Return a mask, without nulls, of the cells that hold several numbers."""
    lengths = cells.str.len_bytes()
    longest = lengths.max()
    if longest is None or int(str(longest)) <= _LONE:
        return mark(cells.len(), pl.Series(dtype=pl.UInt32))
    # The search costs many times the length, and few cells are longer.
    places = (lengths > _LONE).arg_true()
    return mark(cells.len(), places.filter(cells[places].str.contains("|", literal=True)))


def _of_any_number(cells: pl.Series, holds: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return a mask of the cells that `holds` says yes to, or to one of whose several numbers it does."""
    several = _hold_several(cells)
    if not several.any():
        return holds(cells)
    rows = several.arg_true()
    parts = pl.DataFrame({"row": rows, "number": cells.gather(rows).str.split("|")}).explode("number")
    # One question for all, for it may be of those that count as met once asked.
    lone = pl.DataFrame({"row": (~several).arg_true(), "number": cells.filter(~several)})
    asked = pl.concat([parts, lone]).sort("row", maintain_order=True)
    return mark(cells.len(), asked.filter(holds(asked.get_column("number"))).get_column("row"))


def mark(size: int, places: pl.Series) -> pl.Series:
    """Return `size` booleans, true at `places`."""
    marks = pl.Series([False]).new_from_index(0, size)
    return marks.scatter(places, values=True)


def _slot_of(hashes: pl.Series) -> pl.Series:
    slots: pl.Series = hashes // 2 ** (64 - _SLOT_BITS)
    return slots.cast(pl.UInt32)


def _order_by_preference(rows: pl.DataFrame, keep: KeepRule, notes: list[str]) -> pl.Series:
    """Return the places of `rows`, the most preferred first; `notes` is told what is odd about their values."""
    places = pl.int_range(rows.height, dtype=pl.UInt32, eager=True)
    if keep == "last":
        return places.reverse()
    texts = rows.select(clean_id(pl.col("rank_by").cast(pl.String))).to_series()
    ranks = _read_ranks(texts)
    notes += _tell_mixed(texts, rows.get_column("source_row"), as_text=ranks[0].dtype == pl.String)
    ranked = [places.alias("place"), *ranks]
    largest = keep == "largest"
    by = pl.DataFrame(ranked).sort("rank", "fine_rank", descending=largest, nulls_last=True, maintain_order=True)
    return by.get_column("place")


def _read_ranks(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return `rank`, the values as numbers where most are, else as text, and `fine_rank` among equals; none is null."""
    no_fine_rank = pl.Series("fine_rank", [0], dtype=pl.UInt32).new_from_index(0, texts.len())
    numbers = _as_numbers(texts)
    if 2 * numbers.count() <= texts.count():
        return texts.alias("rank"), no_fine_rank
    whole = texts.cast(pl.Int128, strict=False)
    if whole.null_count() == numbers.null_count():
        return whole.alias("rank"), no_fine_rank
    return numbers.alias("rank"), _rank_equal_floats(texts, numbers)


def _tell_mixed(texts: pl.Series, source_row: pl.Series, *, as_text: bool) -> Iterator[str]:
    """Say so where some values are numbers and others not."""
    given = texts.count()
    no_numbers = (texts.is_not_null() & _as_numbers(texts).is_null()).arg_true()
    if 0 < no_numbers.len() < given:
        told = (
            "duplicates.by was compared as text, in which 9 is larger than 10"
            if as_text
            else "duplicates.by was compared as numbers, and what is none counts as no value"
        )
        yield (
            f"{told}: {no_numbers.len():,} of its {given:,} values in rows that repeat others are no numbers, the "
            f"first in source_row {source_row[no_numbers[0]]}. Mend or empty those values if numbers are meant."
        )


def _as_numbers(texts: pl.Series) -> pl.Series:
    """Return the values as floats, null where one is no number."""
    numbers = texts.cast(pl.Float64, strict=False)
    return numbers.to_frame().select(pl.when(pl.first().is_finite()).then(pl.first())).to_series()


def _rank_equal_floats(texts: pl.Series, numbers: pl.Series) -> pl.Series:
    """Return `fine_rank`, which tells numbers apart by all their digits where they are equal as floats.

    So are long numbers: times in microseconds, ids.
    """
    different = pl.DataFrame([texts.alias("text"), numbers.alias("number")]).drop_nulls().unique()
    alike = different.filter(pl.len().over("number") > 1).get_column("text")
    exact = [_EXACT.create_decimal(text) for text in alike]
    ranks = {number: rank for rank, number in enumerate(sorted(set(exact)))}
    found = texts.replace_strict(alike, [ranks[number] for number in exact], default=0, return_dtype=pl.UInt32)
    return found.alias("fine_rank")


def _find_claims(rows: pl.DataFrame, handling: DuplicateHandling) -> pl.DataFrame:
    """Return `place`, `key` (a number for each different key, below the height) and `of_number`, by kind and place.

    Keys of one row alone need no judging and are left out.
    """
    ids = _share(rows.select("place", pl.col("externId").alias("key")), first_key=0)
    kinds = [ids.with_columns(of_number=pl.lit(value=False))]
    if handling is not DuplicateHandling.RETAIN_ALL:
        cells = pl.DataFrame([rows.get_column("place"), _join_numbers(rows).str.split("|").list.unique().alias("key")])
        numbers = _share(cells.explode("key"), first_key=ids.height)
        kinds.append(numbers.with_columns(of_number=pl.lit(value=True)))
    return pl.concat(kinds)


def _share(claims: pl.DataFrame, *, first_key: int) -> pl.DataFrame:
    """Return the claims to keys that others claim too, with numbers from `first_key` on for the keys' text."""
    shared = claims.drop_nulls("key").filter(pl.len().over("key") > 1).with_row_index("claim", first_key)
    return shared.select("place", pl.col("claim").min().over("key").alias("key"))


def _find_losers(place: pl.Series, key: pl.Series, places: int) -> pl.Series:
    """Return the places, of so many, of the rows that share a key with a more preferred row that stays.

    A row may have several keys, so whether it stays depends on whether the rows before it stay. Each round settles
    the rows that come first at all their keys and those that these displace, which is nearly all of a usual list.
    Long chains would take a round for each link: what a round hardly shortens is settled row by row.
    """
    losers = [pl.Series("place", dtype=pl.UInt32)]
    keys = key.len()
    while place.len():
        claims = pl.DataFrame([place.alias("place"), key.alias("key")])
        leading = claims.select(pl.col("place") == pl.col("place").min().over("key")).to_series()
        stays = ~mark(places, place.filter(~leading))[place]
        taken = mark(keys, key.filter(stays))[key]
        settled = mark(places, place.filter(taken))[place]
        losers.append(place.filter(settled & ~stays))
        rest = claims.filter(~settled)
        if rest.height > claims.height // 2:
            losers.append(_settle_in_turn(rest, keys))
            break
        place, key = rest.get_columns()
    return pl.concat(losers)


def _settle_in_turn(claims: pl.DataFrame, keys: int) -> pl.Series:
    """Return the places of the rows that lose, going from the most preferred row on; `keys` is above every key."""
    held = bytearray(keys)
    losers = []
    by_row = claims.group_by("place").agg("key").sort("place")
    for place, mine in by_row.iter_rows():
        if any(held[key] for key in mine):
            losers.append(place)
            continue
        for key in mine:
            held[key] = True
    return pl.Series("place", losers, dtype=pl.UInt32)
