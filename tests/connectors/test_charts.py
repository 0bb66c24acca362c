"""Charts: shapes and texts alone, in the page's own colours, with labels that do not touch."""

import re
from itertools import pairwise
from xml.etree.ElementTree import fromstring

import pytest

from connectors.report.charts import Mark, Series, draw_bars, draw_lines

HOSTILE = "</text></svg><script>alert(1)</script>"


def drawn(chart):
    return [fromstring(f"<svg>{drawing.body}</svg>") for drawing in chart.drawings]  # noqa: S314 - our own


def bars(columns, *series, **more):
    return draw_bars("key", "Title", "told", columns=columns, series=series, **more)


def test_a_bar_is_as_high_as_its_value():
    one, other = Series("One", "loaded", (10.0, 20.0, None)), Series("Other", "rejected", (0.0, 5.0, 0.0))

    for picture in drawn(bars(["a", "b", "c"], one, other)):
        heights = {
            style: [float(rect.get("height")) for rect in picture.iterfind(f".//g[@class='{style}']//rect")]
            for style in ("s-loaded", "s-rejected")
        }
        low, high = heights["s-loaded"]
        assert high == pytest.approx(2 * low, abs=0.2)
        assert heights["s-rejected"] == [pytest.approx(high / 4, abs=0.2)]


def test_a_kind_that_was_not_met_is_not_in_the_legend():
    chart = bars(["a"], Series("Met", "loaded", (1.0,)), Series("Never", "rejected", (0.0,)))

    assert [series.name for series in chart.series] == ["Met"]


def test_the_mark_is_a_line_with_its_value_and_inside_the_picture():
    for picture in drawn(bars(["a", "b"], Series("A", "loaded", (3.0, 4.0)), mark=Mark("ceiling", 1_200.0))):
        [line] = picture.iterfind(".//path[@class='c-major c-guide c-line']")
        [label] = picture.iterfind(".//text[@class='c-major']")
        assert label.text == "1,200"
        assert float(re.match(r"M0 ([\d.]+) ", line.get("d"))[1]) > 0


def test_only_shapes_and_texts_are_left():
    charts = [
        bars([HOSTILE, "b"], Series(HOSTILE, "loaded", (1.0, 2.0))),
        draw_lines(
            "k", "T", "t", columns=["a", HOSTILE], series=[Series("A", "loaded", (0.1, 0.2))], tell="{:.0%}".format
        ),
    ]
    for chart in charts:
        for picture in drawn(chart):
            assert {node.tag for node in picture.iter()} <= {"svg", "g", "path", "rect", "circle", "text"}
            names = {name for node in picture.iter() for name in node.attrib}
            assert names <= {"class", "d", "x", "y", "width", "height", "cx", "cy", "r", "transform"}
        assert "<script" not in "".join(drawing.body for drawing in chart.drawings)
        assert HOSTILE in {node.text for node in drawn(chart)[0].iter()}


@pytest.mark.parametrize("columns", [3, 24, 61, 400])
@pytest.mark.parametrize("label", ["{:02d}", "11:17:{:02d}", "{} November"])
def test_labels_do_not_touch(columns, label):
    labels = [label.format(number) for number in range(columns)]

    for picture in drawn(bars(labels, Series("A", "loaded", tuple(map(float, range(columns)))))):
        texts = list(picture.iterfind(".//g[@class='c-x']//text"))
        places = [float(text.get("x")) for text in texts]
        assert texts[-1].text == labels[-1]
        needed = 6 * len(labels[-1])
        assert all(after - before > needed for before, after in pairwise(places))


def test_a_line_has_a_dot_for_each_value_and_a_gap_for_none():
    chart = draw_lines(
        "k", "T", "t", columns=list("abcd"), series=[Series("A", "loaded", (0.1, None, 0.3, 0.2))], tell="{:.0%}".format
    )
    for picture in drawn(chart):
        assert len(list(picture.iterfind(".//circle"))) == 3
        assert "30%" in {text.text for text in picture.iterfind(".//g[@class='c-y']//text")}


@pytest.mark.parametrize("values", [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1e7, 2.0, 3.0)])
def test_scales_are_whole_numbers_that_hold_every_value(values):
    for picture in drawn(bars(["a", "b", "c"], Series("A", "loaded", values))):
        ticks = [text.text for text in picture.iterfind(".//g[@class='c-y']//text")]
        assert all(re.fullmatch(r"[\d,]+", tick) for tick in ticks)
        assert len(ticks) == len(set(ticks)) <= 5
        assert all(float(rect.get("y")) >= 0 for rect in picture.iterfind(".//rect"))
