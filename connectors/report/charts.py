"""Charts as inline SVG, drawn by pygal when the page is written: no script, no style and no reference of their own.

What pygal draws is copied element by element, shapes and texts alone. Colours come from classes of the page's style
sheet, so that dark screens, paper and high contrast each have their own.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, tostring

import pygal
from markupsafe import Markup
from pygal.style import Style

# pygal looks into every import that follows, for its maps, and by a method that Python has given up.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

if TYPE_CHECKING:
    from pygal.graph.graph import Graph


@dataclass(frozen=True)
class Series:
    """The values of one kind, one for each column (None: there is none); `style` names its colour."""

    name: str
    style: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Mark:
    """A line across the chart at `value`, and what it means."""

    name: str
    value: float


@dataclass(frozen=True)
class Drawing:
    """A chart drawn for one width of page: the width's name, its size in user units, and the inside of its `<svg>`."""

    name: str
    width: int
    height: int
    body: Markup


@dataclass(frozen=True)
class Chart:
    """One chart: a key that is unique on the page, a title, the same told in words, its legend and its drawings."""

    key: str
    title: str
    text: str
    series: tuple[Series, ...]
    mark: Mark | None
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True)
class _Scale:
    """The vertical scale: its top, the values that have a label, and how they are written."""

    top: float
    ticks: tuple[float, ...]
    tell: Callable[[float], str]


_SIZES: Final = (("wide", 760, 230), ("narrow", 340, 210))
_FONT, _LETTER, _BETWEEN, _AROUND, _BESIDE = 12, 6.6, 12, 10, 60
"""A label's size, the width of one of its letters, the room between labels, around the chart and beside the plot."""

_LABEL_STEPS: Final = (1, 2, 3, 4, 6, 8, 10, 12, 15, 20, 24, 30, 60, 120)
_MOST_TICKS, _HEADROOM, _TOO_CLOSE = 4, 1.04, 0.09
"""Labels of a scale, the share it is higher than what it shows, and the share within which two labels would touch."""

_STYLE: Final = Style(label_font_size=_FONT, major_label_font_size=_FONT)
_KEPT_ELEMENTS: Final = frozenset({"g", "path", "rect", "circle", "text"})
_KEPT_ATTRIBUTES: Final = frozenset({"d", "x", "y", "width", "height", "cx", "cy", "r", "transform"})
_CLASSES: Final = {"x": "c-x", "y": "c-y", "guide": "c-guide", "major": "c-major", "line": "c-line", "dot": "c-dot"}
_LONG_NUMBER: Final = re.compile(r"-?\d+\.\d{2,}")


def draw_bars(
    key: str, title: str, text: str, *, columns: Sequence[str], series: Iterable[Series], mark: Mark | None = None
) -> Chart:
    """Draw counts as bars on top of each other, one for each of `columns`; series without any value are left out."""
    series = tuple(series)
    met = tuple(each for each in series if any(each.values)) or series
    stacks = zip(*(each.values for each in met), strict=True)
    highest = max((sum(value or 0 for value in stack) for stack in stacks), default=0)
    scale = _scale_to(max(highest, mark.value if mark else 0), whole=True, tell="{:,.0f}".format, mark=mark)
    return Chart(key, title, text, met, mark, tuple(_drawings(pygal.StackedBar, columns, met, scale, mark)))


def draw_lines(
    key: str, title: str, text: str, *, columns: Sequence[str], series: Iterable[Series], tell: Callable[[float], str]
) -> Chart:
    """Draw each of `series` as a line with a dot for each of `columns`; `tell` writes the values of the scale."""
    met = tuple(series)
    highest = max((value for each in met for value in each.values if value is not None), default=0)
    scale = _scale_to(highest, whole=False, tell=tell)
    return Chart(key, title, text, met, None, tuple(_drawings(pygal.Line, columns, met, scale, None)))


def _scale_to(highest: float, *, whole: bool, tell: Callable[[float], str], mark: Mark | None = None) -> _Scale:
    top = (highest or 1) * _HEADROOM
    steps = (factor * 10.0**power for power in range(-6, 12) for factor in (1, 2, 5))
    step = next(step for step in steps if top / step <= _MOST_TICKS and (step >= 1 or not whole))
    ticks = [round(place * step, 6) for place in range(int(top / step) + 1)]
    if mark:
        ticks = [tick for tick in ticks if tick == 0 or abs(tick - mark.value) > _TOO_CLOSE * top]
    return _Scale(top, tuple(ticks), tell)


def _drawings(
    kind: "type[Graph]", columns: Sequence[str], series: Sequence[Series], scale: _Scale, mark: Mark | None
) -> Iterator[Drawing]:
    for name, width, height in _SIZES:
        graph = kind(
            width=width,
            height=height,
            style=_STYLE,
            js=[],
            show_legend=False,
            margin=2,
            margin_left=_AROUND,
            margin_right=_AROUND,
            spacing=4,
            truncate_label=-1,
            range=(0, scale.top),
            dots_size=2.6,
        )
        graph.x_labels = _thinned(columns, width - _BESIDE)
        values = [*scale.ticks, *([mark.value] if mark else [])]
        graph.y_labels = [{"value": value, "label": scale.tell(value)} for value in values]
        graph.y_labels_major = [mark.value if mark else -1]  # an empty list would have pygal choose
        for each in series:
            graph.add(each.name, each.values)
        body = _copy(graph.render_tree(), [each.style for each in series])
        yield Drawing(name, width, height, Markup("").join(Markup(tostring(child, "unicode")) for child in body))  # noqa: S704 - an element tree escapes its texts


def _thinned(labels: Sequence[str], room: float) -> list[str]:
    """Return `labels` with those emptied for which there is no room; the last one stays."""
    longest = max((len(label) for label in labels), default=0) * _LETTER + _BETWEEN
    step = next((step for step in _LABEL_STEPS if step * room >= longest * len(labels)), len(labels))
    last = len(labels) - 1
    return [label if (last - place) % step == 0 else "" for place, label in enumerate(labels)]


def _copy(drawn: Element, styles: Sequence[str]) -> Element:
    """Return what `drawn` shows, series in the classes `styles` name: no script, style, tooltip or reference."""
    copy = Element("g")
    for child in drawn:
        copy.extend(_kept(child, styles))
    for axis in copy.iterfind(".//g[@class='c-x']"):
        for guide in [*axis.iterfind("g")]:
            for line in [*guide.iterfind("path")]:
                guide.remove(line)
            if not len(guide):
                axis.remove(guide)
    return copy


def _kept(node: Element, styles: Sequence[str]) -> list[Element]:
    words = (node.get("class") or "").split()
    is_empty = node.tag == "rect" and ("background" in words or float(node.get("height") or 0) <= 0)
    if node.tag not in _KEPT_ELEMENTS or is_empty or (node.tag == "text" and not node.text):
        return []
    copy = Element(node.tag, {name: _short(text) for name, text in node.items() if name in _KEPT_ATTRIBUTES})
    classes = [_CLASSES[word] for word in words if word in _CLASSES]
    classes += [f"s-{styles[int(word.removeprefix('serie-'))]}" for word in words if word.startswith("serie-")]
    if classes:
        copy.set("class", " ".join(classes))
    copy.text = node.text if node.tag == "text" else None
    for child in node:
        copy.extend(_kept(child, styles))
    return [copy] if node.tag != "g" or len(copy) else []


def _short(text: str) -> str:
    """Write numbers with one decimal: a tenth of a unit is less than a screen can show."""
    return _LONG_NUMBER.sub(lambda met: f"{float(met[0]):.1f}".removesuffix(".0"), text)
