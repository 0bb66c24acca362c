"""Ids written as `123.0`: the zero is a spreadsheet's or a data frame's only where every id of the source has it."""

from dataclasses import dataclass
from typing import Final, Self

import polars as pl

from transforms.text import empty_to_null

NOTE_DECIMAL_ID: Final = "externId: decimal zero left out, as in the whole column"
"""What is noted of an id that was taken without the `.0` that every id of the source has."""

_DECIMAL: Final = r"^[0-9]+\.0$"

_LEAST: Final = 2
"""Different ids that make a column: a lone `123.0` may be an id as it stands."""


@dataclass(frozen=True)
class DecimalIds:
    """What the ids of some rows show: whether every one is a whole number with `.0`, and up to two different ones."""

    all_decimal: bool = True
    different: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ids: pl.Series) -> Self:
        """Look at cleaned ids; nulls are none."""
        there = ids.drop_nulls()
        if there.is_empty():
            return cls()
        # The cheap question first: it settles nearly every column there is.
        if not there.str.ends_with(".0").all() or not there.str.contains(_DECIMAL).all():
            return cls(all_decimal=False)
        others = there.filter(there != there.first()).head(1)
        return cls(different=frozenset([*there.head(1), *others]))

    def __and__(self, other: Self) -> Self:
        """Return what these and other ids show together."""
        if not (self.all_decimal and other.all_decimal):
            return type(self)(all_decimal=False)
        return type(self)(different=frozenset(sorted(self.different | other.different)[:_LEAST]))

    @property
    def show_damage(self) -> bool:
        """Whether these are enough ids, and all of them decimal."""
        return self.all_decimal and len(self.different) >= _LEAST


def mend_decimal_ids(prepared: pl.DataFrame) -> pl.DataFrame:
    """Take the `.0` off the `externId` of prepared rows, with a note where they have such a column.

    What is no decimal id stays: a row that is none takes no part in what the column shows, and is refused anyway.
    """
    is_decimal = pl.col("externId").str.contains(_DECIMAL)
    mended = pl.when(is_decimal).then(pl.col("externId").str.strip_suffix(".0")).otherwise("externId")
    changed = [mended.alias("externId")]
    if "note" in prepared.columns:
        told = pl.when(is_decimal).then(pl.lit(NOTE_DECIMAL_ID))
        # Not an empty note where there is nothing to tell.
        note = pl.concat_str(pl.col("note"), told, separator="; ", ignore_nulls=True)
        changed.append(empty_to_null(note).alias("note"))
    return prepared.with_columns(changed)
