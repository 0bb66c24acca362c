"""The page in a real browser: it needs nothing but itself, and everybody can read it, on screens and on paper."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from connectors.report.page import render_page
from connectors.staging import write_text
from tests.report_facts import EVERY_REASON, HOSTILE, STATUSES, make_full_facts, make_hostile_facts

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
FORMULA = '=HYPERLINK("http://example.com","x")'
A4 = {"width": 688, "height": 1010}
"""What is left of a sheet of A4 within the page's margins, in CSS pixels."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to look at the page with")


@dataclass
class Seen:
    """A browser's tab, the page it shows, what it asked for meanwhile and what it said."""

    tab: Page
    url: str = ""
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    """The one tab of all tests here: to start a browser takes longer than all that is done with it."""
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET) as browser:
        seen = Seen(browser.new_page())
        seen.tab.on("request", lambda request: seen.requests.append(request.url))
        seen.tab.on("console", lambda message: seen.said.append(message.text))
        seen.tab.on("pageerror", lambda error: seen.said.append(str(error)))
        seen.tab.on("dialog", lambda dialog: (seen.said.append(dialog.message), dialog.dismiss()))
        yield seen


@pytest.fixture
def show(seen, tmp_path):
    """Open a report in the tab, from its own file."""

    def open_page(facts, *, width=1000, scheme="light"):
        file = Path(tmp_path) / "report.html"
        write_text(file, render_page(facts))
        seen.tab.goto("about:blank")
        seen.tab.emulate_media(media="screen", color_scheme=scheme)
        seen.tab.set_viewport_size({"width": width, "height": 900})
        seen.url, seen.requests[:], seen.said[:] = file.as_uri(), [], []
        seen.tab.goto(seen.url)
        return seen

    return open_page


@pytest.mark.parametrize("status", STATUSES)
def test_the_page_asks_for_nothing_and_complains_of_nothing(show, status):
    seen = show(make_full_facts(status, EVERY_REASON))

    for summary in seen.tab.locator("summary").all():
        summary.click()

    assert seen.requests == [seen.url]
    assert seen.said == []
    assert seen.tab.locator("h1").count() == 1


@pytest.mark.parametrize("text", [HOSTILE, FORMULA, "</style></title></svg><svg onload=alert(1)>", "{{ 7 * 7 }} `x`"])
def test_texts_from_rows_and_servers_stay_texts(show, text):
    seen = show(make_hostile_facts("failed", text))

    assert seen.tab.locator("h1").text_content() == text
    assert seen.tab.locator("script, img, iframe, object, embed, link, form, base").count() == 0
    handlers = "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(n => n.startsWith('on'))"
    assert seen.tab.evaluate(handlers) == []
    links = seen.tab.evaluate("[...document.links].map(a => a.getAttribute('href'))")
    assert all(re.fullmatch(r"#[a-z]+|[a-z_]+\.(csv|parquet|json)", link) for link in links)
    assert seen.said == []
    assert seen.requests == [seen.url]


def test_the_keyboard_reaches_everything_in_the_order_it_is_read(show):
    tab = show(make_full_facts("unresolved", EVERY_REASON)).tab
    wanted = tab.evaluate("[...document.querySelectorAll('a[href], summary')].map(e => e.textContent.trim())")

    reached = []
    for _ in wanted:
        tab.keyboard.press("Tab")
        focused = tab.evaluate(
            """() => {
                const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect()
                return [e.textContent.trim(), style.outlineStyle !== 'none' || box.width > 30]
            }"""
        )
        reached.append(focused)

    assert [text for text, _ in reached] == wanted
    assert all(is_seen for _, is_seen in reached)
    assert wanted[0] == "Skip to the account"


def test_the_skip_link_and_the_folded_parts_work_by_keyboard(show):
    tab = show(make_full_facts("succeeded", EVERY_REASON)).tab

    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "account"

    tab.locator("#history summary").focus()
    assert not tab.get_by_role("table", name="Runs of this job, oldest first").is_visible()
    tab.keyboard.press("Enter")
    assert tab.get_by_role("table", name="Runs of this job, oldest first").is_visible()


def test_a_screen_reader_meets_named_pictures_tables_and_parts(show):
    tab = show(make_full_facts("succeeded", EVERY_REASON)).tab

    pictures = tab.get_by_role("img")
    charts = ["The way from rows to leads", "Rows of each run", "Shares of the rows of each run"]
    charts += ["Loaded leads that may be called, by the hour in Chicago time on 21 November 2026"]
    for name in [*charts, "Requests in each 5 seconds, times in UTC"]:
        [picture] = tab.get_by_role("img", name=name, exact=True).all()
        described = picture.locator("desc").text_content()
        assert described
        assert re.search(r"\d", described)
    assert pictures.count() == 5
    assert all(caption.strip() for caption in tab.locator("table > caption").all_text_contents())
    assert tab.get_by_role("region").count() >= 9
    assert tab.get_by_role("navigation", name="On this page").count() == 1


@pytest.mark.parametrize("drawn", ["#places", "#delivery", "#history"])
def test_every_chart_has_its_numbers_in_a_table(show, drawn):
    tab = show(make_full_facts("succeeded")).tab
    part = tab.locator(drawn)

    part.locator("summary", has_text="The same").click()

    assert part.locator("details[open] tbody tr").count() >= 7


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("status", ["failed", "checked"])
def test_every_text_has_the_contrast_that_wcag_asks_for(show, scheme, status):
    """WCAG 2.2, 1.4.3 and 1.4.11, with the colours that the browser really comes to."""
    tab = show(make_full_facts(status, EVERY_REASON), scheme=scheme).tab

    faint = tab.evaluate(CONTRASTS)

    assert faint == []


CONTRASTS = """() => {
    const parse = text => text.match(/[\\d.]+/g).map(Number)
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
    const ground = e => {
        for (; e; e = e.parentElement) {
            const colour = parse(getComputedStyle(e).backgroundColor)
            if (colour.length === 3 || colour[3] === 1) return colour
        }
        return [255, 255, 255]
    }
    const contrast = (one, other) => {
        const [a, b] = [light(one), light(other)]
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    }
    const faint = []
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (texts.nextNode()) {
        const e = texts.currentNode.parentElement
        if (!texts.currentNode.data.trim() || ['TITLE', 'DESC', 'STYLE'].includes(e.tagName.toUpperCase())) continue
        const style = getComputedStyle(e)
        const colour = parse(e.closest('svg') ? style.fill : style.color)
        const found = contrast(colour, ground(e))
        if (found < 4.5) faint.push([e.textContent.slice(0, 40), found])
    }
    for (const e of document.querySelectorAll('.chart rect, .chart circle, .swatch, .bar')) {
        if (e.matches('.s-flow')) continue
        const style = getComputedStyle(e)
        const found = contrast(parse(style.color), ground(e.parentElement))
        if (found < 3) faint.push([e.outerHTML.slice(0, 80), found])
    }
    return faint
}"""


def test_kinds_stay_apart_where_the_reader_forces_colours(show):
    tab = show(make_full_facts("succeeded")).tab
    tab.emulate_media(forced_colors="active")

    kinds = "[...document.querySelectorAll('#delivery .legend .swatch, #delivery svg [class^=s-]')]"
    colours = tab.evaluate(f"{kinds}.map(e => getComputedStyle(e).color)")
    tab.emulate_media(forced_colors="none")

    assert len(set(colours)) == 3


def test_dark_pages_are_dark(show):
    grounds = [
        show(make_full_facts(), scheme=scheme).tab.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert [sum(map(int, re.findall(r"\d+", ground))) > 384 for ground in grounds] == [True, False]


@pytest.mark.parametrize("width", [320, 390, 641, 760, 1000, 1600])
def test_nothing_is_cut_and_no_label_touches_another_in_any_window(show, width):
    long = "a-very-long-run-id-without-a-place-to-break-" * 3
    tab = show(make_full_facts("failed", EVERY_REASON, run_id=long, folder=f"/{long}", source=long), width=width).tab

    for summary in tab.locator("summary").all():
        summary.click()

    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(CUT) == []
    assert tab.evaluate(TOUCHING) == []


CUT = """() => [...document.querySelectorAll('td, th, p, dd, li, h1, h2')]
    .filter(e => e.getBoundingClientRect().width > 1 && !e.closest('.scroll'))
    .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth)
    .map(e => e.textContent.slice(0, 40))"""
"""Texts that reach over the window's edge where nobody can scroll to them."""

TOUCHING = """() => [...document.querySelectorAll('svg[role=img]')].flatMap(svg => {
    const boxes = [...svg.querySelectorAll('text')].map(e => [e.textContent, e.getBoundingClientRect()])
        .filter(([, box]) => box.width)
    const page = document.documentElement.clientWidth
    const outside = boxes.filter(([, box]) => box.left < 0 || box.right > page)
    const touching = boxes.flatMap(([one, a], i) => boxes.slice(i + 1)
        .filter(([, b]) => a.left < b.right && b.left < a.right && a.top + 1 < b.bottom && b.top + 1 < a.bottom)
        .map(([other]) => [one, other]))
    return [...outside.map(([text]) => text), ...touching]
})"""


def test_paper_shows_all_rows_and_cuts_nothing(show):
    tab = show(make_full_facts("succeeded", EVERY_REASON)).tab
    tab.emulate_media(media="print", color_scheme="dark")
    tab.set_viewport_size(A4)

    assert tab.evaluate("document.documentElement.scrollWidth") <= A4["width"]
    assert tab.evaluate(TOUCHING) == []
    assert tab.get_by_text("S54", exact=True).is_visible(), "folded states are open on paper"
    assert not tab.get_by_role("navigation").is_visible()
    assert tab.evaluate("getComputedStyle(document.querySelector('.sheet')).backgroundColor") == "rgb(255, 255, 255)"
    cut = """() => [...document.querySelectorAll('tr, figure, .reason, .note')]
        .filter(e => e.offsetHeight && getComputedStyle(e).breakInside !== 'avoid').length"""
    assert tab.evaluate(cut) == 0


def test_paper_has_several_sheets(show):
    printed = show(make_full_facts("succeeded", EVERY_REASON)).tab.pdf(format="A4", prefer_css_page_size=True)

    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 4
