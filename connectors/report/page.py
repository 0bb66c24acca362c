"""Renders the run for people: one HTML file that opens from disk without a network.

What is said and drawn is decided in the `page_*` modules, as values; the templates only set it. All text is escaped
there, so that nothing from a source row or from a server can become markup.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from connectors.report.compiled_templates import CompiledTemplates
from connectors.report.page_account import group_reasons, tell_outcomes, tell_way
from connectors.report.page_books import tell_books, tell_lead_states
from connectors.report.page_delivery import KINDS, tell_answers, tell_timeline
from connectors.report.page_header import next_steps, tell_identity, tell_particulars, tell_plan
from connectors.report.page_history import tell_history, tell_sudden
from connectors.report.page_places import tell_callable, tell_values, tell_zones
from connectors.report.page_way import LAYOUTS, draw_way
from connectors.report.page_wording import Wording, judge, tell_count, tell_moment, tell_number

_FILES: Final = (
    Wording("rejects.csv", "the rows not loaded, all their columns, and what to do; load it again after mending"),
    Wording("outcomes.parquet", "one line for each source row: outcome, reason, batch and lead id"),
    Wording("leads.parquet", "the leads as they are sent"),
    Wording("report.json", "this page in numbers"),
)
_FIRST_REQUEST: Final = Wording("first_request.json", "the body of the first request")


@dataclass(frozen=True)
class Section:
    """A part of the page: its id, its title, and whether there is anything in it."""

    key: str
    title: str
    is_met: bool = True


def render_page(facts: Mapping[str, Any]) -> str:
    """Return the page as one self-contained HTML text, everything in it escaped.

    `facts` are the content of report.json, perhaps an older one, with `plan` and `trouble` where there were some.
    """
    lines = tell_outcomes(facts)
    groups = group_reasons(facts["reasons"], lines)
    told = {
        "books": tell_books(facts.get("ringcx")),
        "lead_states": tell_lead_states(facts.get("lead_states")),
        "arrived_differently": facts.get("arrived_differently") or (),
        "history": tell_history(facts),
    }
    was_sent = facts["requests"] > 0
    return page_template().render(
        told,
        facts=facts,
        sections=[section for section in _sections(told) if section.is_met],
        verdict=judge(facts),
        trouble=facts.get("trouble"),
        written=tell_moment(dt.datetime.fromisoformat(facts["finished_at"])),
        steps=next_steps(facts),
        sudden=tell_sudden(facts),
        identity=tell_identity(facts),
        particulars=tell_particulars(facts),
        lines=lines,
        sum_of_outcomes=sum(line.rows for line in lines),
        story=tell_way(facts["counts"]["rows_read"], lines),
        pictures=[draw_way(facts["counts"]["rows_read"], lines, layout) for layout in LAYOUTS],
        groups=[group for group in groups if group.line.code != "DUPLICATE"],
        repeats=[group for group in groups if group.line.code == "DUPLICATE"],
        callable=tell_callable(facts.get("callable"), was_sent=was_sent),
        zones=tell_zones(facts["time_zones"], facts.get("callable")),
        states=tell_values("state", "states", facts["states"]),
        was_sent=was_sent,
        answers=tell_answers(facts),
        timeline=tell_timeline(facts),
        kinds=KINDS,
        plan=tell_plan(facts),
        files=_files_of(facts),
    )


def _sections(told: Mapping[str, Any]) -> Iterator[Section]:
    """Yield the parts of the page, in order."""
    yield Section("account", "From rows to leads")
    yield Section("history", "Compared with earlier runs", bool(told["history"]))
    yield Section("reasons", "Refused, removed or left open, by reason")
    yield Section("duplicates", "Duplicates")
    yield Section("repairs", "Repairs and warnings")
    yield Section("places", "Where the leads are, and when they may be called")
    yield Section(
        "ringcx", "What RingCX has", any(told[key] for key in ("books", "lead_states", "arrived_differently"))
    )
    yield Section("delivery", "Delivery")
    yield Section("rules", "How it was run")
    yield Section("files", "Files of this run")


@cache
def page_template() -> Template:
    """Return the page's template with all its parts compiled, which may take longer than using them."""
    environment = Environment(
        loader=PackageLoader("connectors.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=CompiledTemplates(__file__),
    )
    environment.filters |= {"number": tell_number, "counted": tell_count}
    for name in environment.list_templates():
        environment.get_template(name)
    return environment.get_template("report.html.j2")


def _files_of(facts: Mapping[str, Any]) -> tuple[Wording, ...]:
    """Return the files that lie beside the page; of a pruned run the report alone."""
    if facts.get("pruned_at"):
        return tuple(file for file in _FILES if file.name == "report.json")
    return (*_FILES, _FIRST_REQUEST) if facts["status"] == "planned" and facts["batches"] else _FILES
