"""The way from rows to leads as a picture: columns of rows with bands between them, as thick as they are many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.report.page_account import OutcomeLine, lines_met


@dataclass(frozen=True)
class Layout:
    """Where the columns of the picture stand, in user units."""

    name: str
    width: int
    middle: int
    right: int


LAYOUTS: Final = (Layout("wide", 760, 270, 600), Layout("narrow", 340, 100, 192))
_TOP, _BODY, _THINNEST, _THIN, _SLOT, _GAP, _BAR = 52.0, 190.0, 3.0, 12.0, 38.0, 10.0, 8


@dataclass(frozen=True)
class Band:
    """Rows on their way from one column to the next."""

    style: str
    path: str
    is_thin: bool


@dataclass(frozen=True)
class Bar:
    """Rows at one place."""

    style: str
    x: int
    y: float
    height: float


@dataclass(frozen=True)
class Label:
    """Two lines of text beside a bar, or above one."""

    x: int
    y: float
    first: str
    second: str


@dataclass(frozen=True)
class Picture:
    """The way from rows to leads, drawn for one width of page."""

    layout: Layout
    height: float
    bands: tuple[Band, ...]
    bars: tuple[Bar, ...]
    labels: tuple[Label, ...]
    heads: tuple[Label, ...]


def draw_way(read: int, lines: Sequence[OutcomeLine], layout: Layout) -> Picture:
    """Draw rows read, rows staged and their outcomes as columns with bands between; thickness is the number of rows."""
    staged, aside = lines_met(lines, is_set_aside=False), lines_met(lines, is_set_aside=True)
    thickness = {line.code: max(_THINNEST, _BODY * line.rows / max(read, 1)) for line in (*staged, *aside)}
    bands: list[Band] = []
    bars = _draw_columns(staged, thickness, layout)
    labels: list[Label] = []
    left, slot_top = _TOP, _TOP
    for line in (*staged, *aside):
        thick = thickness[line.code]
        slot = max(thick, _SLOT)
        right = slot_top + (slot - thick) / 2
        begin = layout.middle if not line.is_set_aside else 0
        bands.append(Band(line.style, _band_path(begin + _BAR, left, layout.right, right, thick), thick < _THIN))
        bars.append(Bar(line.style, layout.right, round(right, 2), round(thick, 2)))
        labels.append(
            Label(
                layout.right + _BAR + 10,
                round(slot_top + slot / 2, 2),
                line.wording.name,
                f"{line.rows:,} · {line.share}",
            )
        )
        left += thick
        slot_top += slot + _GAP
    heads = [Label(0, 14, "Rows read", f"{read:,}")]
    heads += [Label(layout.middle, 14, "Staged", f"{sum(line.rows for line in staged):,}")] if staged else []
    return Picture(layout, max(left, slot_top), tuple(bands), tuple(bars), tuple(labels), tuple(heads))


def _draw_columns(staged: Sequence[OutcomeLine], thickness: Mapping[str, float], layout: Layout) -> list[Bar]:
    """Draw the column of rows read and that of rows staged, with what flows straight from one to the other."""
    middle = sum(thickness[line.code] for line in staged)
    bars = [Bar("read", 0, _TOP, round(sum(thickness.values()), 2))]
    if not staged:
        return bars
    return [*bars, Bar("flow", _BAR, _TOP, round(middle, 2)), Bar("staged", layout.middle, _TOP, round(middle, 2))]


def _band_path(x0: int, y0: float, x1: int, y1: float, thick: float) -> str:
    half = (x0 + x1) / 2
    over = f"M{x0} {y0:.2f}C{half:g} {y0:.2f} {half:g} {y1:.2f} {x1} {y1:.2f}"
    back = f"V{y1 + thick:.2f}C{half:g} {y1 + thick:.2f} {half:g} {y0 + thick:.2f} {x0} {y0 + thick:.2f}Z"
    return over + back
