"""The page for people: whole for every status, true to the facts, closed to markup from rows, and alone on disk."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from connectors.report.page import render_page
from connectors.report.page_wording import (
    VERDICTS,
    WORDINGS,
    tell_count,
    tell_duration,
    tell_percent,
    tell_share,
)
from connectors.staging import write_text
from tests.report_facts import (
    EVERY_REASON,
    HOSTILE,
    MASKED,
    STATUSES,
    make_callable,
    make_facts,
    make_full_facts,
    make_hostile_facts,
    make_reason,
    make_ringcx,
    make_timeline,
)
from transforms.vocabulary.outcomes import Outcome
from transforms.vocabulary.reasons import Reason

VOID = {"br", "meta", "wbr"}
INLINE = {"bdi", "code", "i", "span", "time", "wbr"}


@dataclass
class Node:
    tag: str
    attributes: dict
    children: list = field(default_factory=list)

    def walk(self):
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child.walk()

    def find(self, tag, **wanted):
        return [
            node
            for node in self.walk()
            if node.tag == tag and all(node.attributes.get(name.strip("_")) == value for name, value in wanted.items())
        ]

    @property
    def text(self):
        """The text as it is read: no style sheet, and a space where another block or cell begins."""
        return " ".join(self.spell().split())

    def spell(self):
        if self.tag == "style":
            return ""
        gap = "" if self.tag in INLINE else " "
        return gap + "".join(each.spell() if isinstance(each, Node) else each for each in self.children) + gap


class Reader(HTMLParser):
    """Builds a tree and refuses what is not nested or closed as it should be."""

    def __init__(self):
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice"
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].children.append(Node(tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag, f"</{tag}> at {self.getpos()} closes something else"

    def handle_data(self, data):
        self.open[-1].children.append(data)


def read_html(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == [reader.root], "an element is not closed"
    return reader.root


def read_page(facts):
    return read_html(render_page(facts))


def told_counts(page):
    """Return what the account says: outcome code to (rows, share)."""
    (table,) = page.find("table", class_="account")
    rows = [[cell.text for cell in row.children if isinstance(cell, Node)] for row in table.find("tr")]
    return {code: (rows_, share) for _, _, code, rows_, share in rows[1:-2]}, [row[3] for row in rows[-2:]]


@pytest.mark.parametrize("status", STATUSES)
def test_page_is_whole_for_every_status(status):
    facts = make_facts(status, EVERY_REASON)
    page = read_page(facts)
    assert [node.text for node in page.find("h1")] == [facts["headline"]]
    (badge,) = page.find("p", class_="badge")
    assert badge.text == f"Status: {VERDICTS[status].name}"
    assert VERDICTS[status].meaning in page.text


def test_every_status_has_its_own_verdict():
    assert sorted(VERDICTS) == sorted(STATUSES)
    assert len({verdict.name for verdict in VERDICTS.values()}) == len(STATUSES)


def test_a_status_of_later_versions_is_shown_as_it_is():
    (badge,) = read_page(make_facts("postponed")).find("p", class_="badge")
    assert badge.text == "Status: Postponed"


@pytest.mark.parametrize("status", STATUSES)
def test_page_can_be_read_by_a_screen_reader(status):
    page = read_page(make_full_facts(status, EVERY_REASON))
    ids = [node.attributes["id"] for node in page.walk() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    named = [
        node.attributes[name].split()
        for node in page.walk()
        for name in ("aria-labelledby", "aria-describedby")
        if name in node.attributes
    ]
    assert {name for names in named for name in names} <= set(ids)
    levels = [int(node.tag[1]) for node in page.walk() if re.fullmatch("h[1-6]", node.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in page.find("table"):
        assert len(table.find("caption")) == 1
        assert all(cell.attributes.get("scope") in {"row", "col"} for cell in table.find("th"))
    for drawing in page.find("svg"):
        assert drawing.attributes.get("aria-hidden") == "true" or drawing.find("title")[0].text
    (html,) = page.find("html")
    assert html.attributes["lang"] == "en"


def test_picture_has_the_same_numbers_in_words():
    reasons = [make_reason(Reason.PHONE_MISSING, 3), make_reason(Reason.ANSWER_UNKNOWN, 1)]
    texts = {node.text for node in read_page(make_facts("unresolved", reasons, read=10)).find("desc")}
    assert texts == {
        "Of 10 rows read, 7 were staged (loaded: 6, unresolved: 1) and 3 were set aside before sending (rejected: 3)."
    }


def test_picture_has_a_band_for_each_outcome_met():
    reasons = [make_reason(Reason.PHONE_MISSING, 3), make_reason(Reason.ANSWER_UNKNOWN, 1)]
    for drawing in read_page(make_facts("unresolved", reasons, read=10)).find("svg", role="img"):
        styles = [node.attributes["class"].split()[-1] for node in drawing.find("path")]
        assert styles == ["s-loaded", "s-unresolved", "s-rejected"]


@pytest.mark.parametrize("status", STATUSES)
def test_counts_are_those_of_the_facts(status):
    facts = make_facts(status, EVERY_REASON)
    told, sums = told_counts(read_page(facts))
    assert {code: rows for code, (rows, _) in told.items()} == {
        outcome.value: f"{facts['counts'][outcome]:,}" for outcome in Outcome
    }
    assert sums == ["120,000", "120,000"]


def test_every_outcome_has_words_and_a_colour():
    html = render_page(make_facts())
    assert set(WORDINGS) == set(Outcome)
    for outcome in Outcome:
        assert html.count(f"--{outcome.value.lower().replace('_', '-')}: #") == 2, "one for light, one for dark"


def test_every_reason_is_shown_with_rows_advice_and_examples():
    page = read_page(make_facts("unresolved", EVERY_REASON))
    shown = {node.find("p", class_="code")[0].text: node for node in page.find("div", class_="reason")}
    assert sorted(shown) == sorted(Reason)
    for reason in EVERY_REASON:
        node = shown[reason["code"]]
        assert node.find("p", class_="rows")[0].text == f"{reason['rows']:,} rows"
        assert reason["advice"].replace("`", "") in node.text
        cells = [[cell.text for cell in row.find("th") + row.find("td")] for row in node.find("tr")[1:]]
        assert cells == [["41,000", "ACME-1", MASKED], ["41,001", "ACME-1", MASKED]]


def test_a_row_without_id_and_number_is_still_an_example():
    page = read_page(make_facts("succeeded", [make_reason(Reason.PHONE_MISSING, 1, extern_id=None, phone=None)]))
    (example,) = page.find("table", class_="examples")
    assert [cell.text for cell in example.find("td")] == ["none", "none"]
    assert page.find("p", class_="rows")[0].text == "1 row"


def test_balanced_books_are_told_plainly():
    assert "Balanced: the outcomes add up to the rows read." in read_page(make_facts()).text


def test_books_that_do_not_balance_outweigh_the_rest():
    page = read_page(make_facts("failed", balanced=False))
    assert "Not balanced" in page.text
    assert "Do not rely on these numbers" in page.text
    assert "Balanced: the outcomes add up" not in page.text
    assert not page.find("code"), "no command to go on with"


@pytest.mark.parametrize(("status", "tone", "later"), [("unresolved", "warn", True), ("failed", "bad", False)])
def test_a_difference_between_the_books_is_told_with_its_size_and_what_to_do(status, tone, later):
    difference = {"what": "leads seen, against those inserted", "expected": 9, "found": 7, "size": 2}
    books = make_ringcx(7) | {"differences": [difference | {"settles_later": later}], "unanswered": 50}
    page = read_page(make_full_facts(status, ringcx=books))
    assert "Difference: Leads seen, against those inserted: expected 9, found 7; 2 in all." in page.text
    assert ("A later look may settle it." in page.text) is later
    assert "RingCX's books and ours differ" in page.text
    assert page.find("main")[0].attributes["class"].split()[1] == tone
    assert "No difference" not in page.text
    assert "Without an answer" in page.text
    assert [node.text for node in page.find("code", class_="code")] == [
        "leadferry reconcile hospitals-20261121T021622-827e"
    ]


def test_books_of_ringcx_say_what_its_answers_left_out():
    page = read_page(make_full_facts())
    (table,) = [
        each for each in page.find("table") if each.find("caption")[0].text.endswith("own numbers for this run")
    ]
    told = {row.find("th")[0].text: row.find("td")[0].text for row in table.find("tr")[1:]}
    assert told["Supplied leads in the requests that RingCX answered"] == "120,000"
    assert told["Inserted leads it says it made"] == "not told"
    assert [name.split(" ", 2)[:2] for name in told if name.startswith("Removed")] == [
        ["Removed", "as"],
        ["Removed", "by"],
    ]
    assert "No difference between what was sent, what RingCX says and what it shows." in page.text
    assert "RingCX removed 2 more leads as duplicates" in page.text


def test_what_arrived_otherwise_is_told_by_field():
    page = read_page(make_full_facts())
    (table,) = page.find("table", class_="plain arrived")
    told = [[cell.text for cell in row.find("th") + row.find("td")] for row in table.find("tr")[1:]]
    assert told == [
        ["zip", "row 7: 02116 became 2116", "9"],
        ["lastName", "row 8: Núñez became nothing", "1"],
    ]


def test_a_sudden_change_stands_out_at_the_top_and_beside_the_usual_number():
    page = read_page(make_full_facts())
    (note,) = page.find("div", class_="note warn")
    assert note.text == "Unlike earlier runs 120,000 rows were read; the usual number is 250,000."
    (row,) = page.find("tr", class_="warn sudden")
    assert row.text == "Rows read sudden change 120,000 250,000"


def test_earlier_runs_are_listed_before_this_one():
    page = read_page(make_full_facts("succeeded", [make_reason(Reason.PHONE_MISSING, 1_200)]))
    (table,) = page.find("table", class_="values runs")
    rows = [[cell.text for cell in row.find("th") + row.find("td")] for row in table.find("tr")[1:]]
    assert len(rows) == 7
    assert rows[0][1:] == ["Succeeded", "118,000", "117,000", "708 (0.6%)", "307 (0.3%)", "12 (<0.1%)"]
    assert rows[-1][0].startswith("21 November 2026, 02:16:22 UTC, this run")
    assert rows[-1][2:4] == ["120,000", "118,800"]
    assert rows[-1][4] == "1,200 (1%)"


def test_a_first_run_is_compared_with_nothing():
    page = read_page(make_full_facts(history=[], comparison=[]))
    assert not page.find("section", id="history")
    assert not page.find("a", href="#history")


def test_calling_hours_are_told_for_each_zone_and_hour():
    page = read_page(make_full_facts())
    assert "From 08:00 to 20:00 in Chicago time, all 120,000 may be called." in page.text
    (zones,) = page.find("table", class_="values with-hours")
    rows = [[cell.text for cell in row.find("th") + row.find("td")] for row in zones.find("tr")[1:]]
    assert rows[0] == ["America/Chicago", "", "60,000", "60,000", "08:00 to 21:00"]
    assert rows[1][-1] == "07:00 to 20:00 4 in dispute: only 08:00 to 20:00 there"
    hours = {row.find("th")[0].text: row.find("td")[0].text for row in page.find("tr") if len(row.find("td")) == 1}
    assert [hours[hour] for hour in ("06:00", "07:00", "08:00", "20:00", "21:00")] == [
        "0", "60,000", "120,000", "60,000", "0",
    ]  # fmt: skip


def test_leads_that_ringcx_will_not_dial_are_told_apart_from_those_to_call():
    page = read_page(make_full_facts(callable=make_callable(120_000, 120_000) | {"do_not_call": 2}))
    assert "Not counted: 2 loaded leads that RingCX has as do-not-call." in page.text


@pytest.mark.parametrize("clock", [None, "America/Chicago"])
def test_nothing_to_call_is_no_error(clock):
    hours = make_callable(0, 0) | {"clock": clock, "zones": [], "unknown": {"leads": 3, "loaded": 0}}
    page = read_page(make_full_facts("checked", callable=hours))
    (part,) = page.find("section", id="places")
    assert not part.find("svg")
    assert part.find("table", class_="values")


def test_delivery_over_time_is_told_against_the_throttle():
    page = read_page(make_full_facts())
    (part,) = page.find("section", id="delivery")
    assert "320 requests (accepted: 306, turned away: 8, no clear answer: 6)." in part.text
    busiest = (
        "The busiest 5 seconds had 8; RingCX's throttle (30 in 10 s and 120 in 60 s) lets 30 through in that time."
    )
    assert busiest in part.text
    assert "The run was at work 2 times; the pauses between are left out." in part.text
    (table,) = part.find("table", class_="values stretches")
    rows = [[cell.text for cell in row.find("th") + row.find("td")] for row in table.find("tr")[1:]]
    assert rows[0] == ["02:16:00", "8", "6", "0", "1", "1"]
    assert len(rows) == 40


def test_a_fault_is_told_with_its_times():
    told = [{"state": "unknown", "code": "NO_ANSWER", "times": 6, "message": "The answer did not arrive whole."}]
    (table,) = read_page(make_full_facts(delivery=told)).find("table", class_="plain answers")
    assert table.find("td", class_="moment")[0].text == "02:16:00 to 02:18:55"


def test_a_delivery_of_a_moment_is_told_in_words_alone():
    timeline = make_timeline() | {"buckets": make_timeline()["buckets"][:2]}
    (part,) = read_page(make_full_facts(timeline=timeline)).find("section", id="delivery")
    assert "16 requests" in part.text
    assert not part.find("svg")


@pytest.mark.parametrize("status", ["unresolved", "failed", "interrupted"])
def test_a_run_that_can_go_on_names_the_command(status):
    page = read_page(make_facts(status, [make_reason(Reason.ANSWER_UNKNOWN, 96)]))
    commands = [node.text for node in page.find("code", class_="code")]
    assert commands == ["leadferry resume hospitals-20261121T021622-827e"]


@pytest.mark.parametrize("status", ["checked", "planned", "gate", "succeeded"])
def test_a_run_that_is_over_names_no_resume(status):
    page = read_page(make_facts(status, [make_reason(Reason.PHONE_ROUNDED, 41_000)]))
    assert not [node.text for node in page.find("code") if "resume" in node.text]


@pytest.mark.parametrize("status", ["checked", "planned", "gate"])
def test_a_run_that_sends_nothing_says_so_and_shows_no_loaded_column(status):
    page = read_page(make_facts(status, [make_reason(Reason.PHONE_ROUNDED, 41_000)]))
    assert "no request sent" in page.text
    assert "Loaded" not in [cell.text for table in page.find("table", class_="values") for cell in table.find("th")]


def test_gate_says_what_was_measured_and_what_is_allowed():
    page = read_page(make_facts("gate", [make_reason(Reason.PHONE_ROUNDED, 41_200)]))
    assert "34.33% of the rows were rejected; the job allows 25%." in page.text
    assert "Held back" in page.text


def test_check_calls_sound_rows_ready():
    page = read_page(make_facts("checked"))
    assert "Ready to load sound, staged, nothing sent NOT_SENT 120,000 100%" in page.text


@pytest.mark.parametrize("status", ["checked", "succeeded"])
def test_a_source_without_rows_is_no_error(status):
    page = read_page(make_facts(status, read=0, states=[], repairs=[], delivery=[], requests=0))
    assert "The source held no rows." in page.text
    assert not page.find("svg", role="img")
    assert "No lead was staged." in page.text


def test_trouble_and_plan_are_told_where_the_facts_have_them():
    trouble = {"code": "NO_CONNECTION", "message": "RingCX is out of reach.", "next_step": "Resume the run later."}
    assert (
        "RingCX is out of reach. Resume the run later. (NO_CONNECTION)"
        in read_page(make_facts("failed", trouble=trouble)).text
    )
    page = read_page(make_facts("planned", plan={"shortest_seconds": 65, "first_request_bytes": 201_233}))
    assert "201,233 bytes" in page.text
    assert "no less than 1 min 5 s" in page.text
    assert page.find("a", href="first_request.json")


def test_particulars_say_who_when_and_how():
    page = read_page(make_facts())
    lists = [*page.find("dl", class_="particulars identity"), *page.find("dl", class_="particulars")]
    told = {node.find("dt")[0].text: node.find("dd")[0].text for each in lists for node in each.find("div")}
    assert len(told) == 11
    assert told["Job"] == "hospitals"
    assert told["Run"] == "hospitals-20261121T021622-827e"
    assert told["Campaign"] == "My Predictive Campaign id 12345"
    assert told["Started"] == "21 November 2026, 02:16:22 UTC"
    assert told["Finished"] == "21 November 2026, 02:19:25 UTC after 3 min 3 s"
    assert told["Duplicate handling"].startswith("REMOVE_FROM_LIST")
    assert told["Time zone option"].startswith("EXPLICIT")
    assert told["Dial priority"] == "NORMAL"


def test_times_of_another_zone_are_told_in_utc():
    page = read_page(make_facts(started_at="2026-11-20T20:00:00-05:00"))
    assert "21 November 2026, 01:00:00 UTC" in page.text


def test_a_campaign_by_number_that_was_not_looked_up_is_named_by_it():
    facts = make_facts("checked")
    facts["load"] = {key: value for key, value in facts["load"].items() if key != "campaign"} | {"campaign_id": 77}
    assert "id 77 as the job names it" in read_page(facts).text


def test_long_tables_are_folded_and_the_longest_summed_up():
    states = [{"value": f"S{n}", "leads": 500 - n, "loaded": 0} for n in range(100)]
    page = read_page(make_facts(states=states))
    (folded,) = page.find("details")
    assert folded.find("summary")[0].text == "72 more states"
    listed = [cell.text for table in page.find("table", class_="values") for cell in table.find("th", scope="row")]
    assert listed == ["America/Chicago", *(f"S{n}" for n in range(80))]
    assert (
        f"20 further states with {sum(500 - n for n in range(80, 100)):,} leads stand in outcomes.parquet" in page.text
    )


def test_leads_without_a_time_zone_are_not_hidden():
    page = read_page(make_facts(time_zones=[{"value": None, "leads": 3, "loaded": 3}]))
    assert "not known 3 3" in page.text


def test_delivery_repeats_the_words_of_ringcx():
    delivery = [
        {"state": "accepted", "code": None, "times": 1_118, "message": "1000 leads inserted"},
        {"state": "refused", "code": "HTTP_400", "times": 1, "message": "leadPhone: must be 10 digits"},
        {"state": "partly_landed", "code": None, "times": 2, "message": None},
        {"state": "of a later version", "code": None, "times": 1, "message": None},
    ]
    (table,) = read_page(make_facts("failed", delivery=delivery)).find("table", class_="plain answers")
    told = [[cell.text for cell in row.find("th") + row.find("td")] for row in table.find("tr")[1:]]
    assert told[0] == ["Accepted RingCX processed the request", "1000 leads inserted", "1,118"]
    assert told[1][1:] == ["leadPhone: must be 10 digits HTTP_400", "1"]
    assert [row[2] for row in told[2:]] == ["2", "1"]


@pytest.mark.parametrize("status", STATUSES)
def test_text_from_anywhere_never_becomes_markup(status):
    sound = make_full_facts(status, [make_reason(Reason.PHONE_NOT_VALID, 2), make_reason(Reason.PHONE_REPEATED, 1)])
    hostile = make_hostile_facts(status, HOSTILE)
    page = read_page(hostile)
    known = {node.tag for node in read_page(sound).walk()} | {"br", "code", "i"}
    assert {node.tag for node in page.walk()} <= known
    assert not [name for node in page.walk() for name in node.attributes if name.startswith("on")]
    assert page.find("h1")[0].text == HOSTILE
    assert page.text.count("<script>alert(1)</script>") >= 35


@pytest.mark.parametrize("status", STATUSES)
def test_page_needs_nothing_but_itself(status):
    html = render_page(make_full_facts(status, EVERY_REASON))
    page = read_html(html)
    assert not page.find("script")
    assert not page.find("link")
    assert "://" not in html
    assert "@import" not in html
    assert "url(" not in html
    references = {node.attributes[name] for node in page.walk() for name in ("src", "href") if name in node.attributes}
    files = {"rejects.csv", "outcomes.parquet", "leads.parquet", "report.json", "first_request.json"}
    assert references <= {*files, *(f"#{node.attributes['id']}" for node in page.find("section"))}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colour", ["ink", "soft", "good", "quiet", "warn", "bad"])
@pytest.mark.parametrize("ground", ["sheet", "fill"])
def test_text_has_the_contrast_that_wcag_asks_for(scheme, colour, ground):
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    assert contrast(colours(scheme)[colour], colours(scheme)[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("outcome", [outcome.value.lower().replace("_", "-") for outcome in Outcome])
def test_bars_have_the_contrast_that_wcag_asks_for(scheme, outcome):
    """WCAG 2.2, 1.4.11: 3 to 1."""
    assert contrast(colours(scheme)[outcome], colours(scheme)["sheet"]) >= 3


def colours(scheme):
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in root_blocks())
    return light | dark if scheme == "dark" else light


def root_blocks():
    return re.findall(r":root \{(.*?)\}", render_page(make_facts()), flags=re.DOTALL)[:2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour):
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (0, 10, "0%"),
        (0, 0, "0%"),
        (10, 10, "100%"),
        (1, 100_000, "<0.1%"),
        (1, 1000, "0.1%"),
        (999, 1000, "99.9%"),
        (99_999, 100_000, ">99.9%"),
        (1, 3, "33.3%"),
    ],
)
def test_only_nothing_reads_as_nothing_and_only_everything_as_everything(part, whole, told):
    assert tell_share(part, whole) == told


def test_numbers_are_told_with_separators_and_the_right_noun():
    assert tell_count(1, "row") == "1 row"
    assert tell_count(0, "row") == "0 rows"
    assert tell_count(12_000, "batch", "batches") == "12,000 batches"
    assert [tell_percent(share) for share in (0.25, 0.25037, 0.00075188, 0, 1)] == [
        "25%",
        "25.04%",
        "0.075%",
        "0%",
        "100%",
    ]
    assert [tell_duration(seconds) for seconds in (0.83, 12, 60, 3_725, 9_999_999)] == [
        "0.8 s",
        "12 s",
        "1 min 0 s",
        "1 h 2 min",
        "2,777 h 46 min",
    ]


def test_page_is_written_as_utf_8(tmp_path):
    path = tmp_path / "report.html"
    facts = make_facts("succeeded", [make_reason(Reason.PHONE_NOT_VALID, 1, extern_id="Zürich-東京")])
    write_text(path, render_page(facts))
    assert "Zürich-東京" in path.read_text(encoding="utf-8")
