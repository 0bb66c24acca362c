"""What a person sees of a run in Prefect's own pages: how it ended, in numbers, and why rows were not loaded.

Nothing here names a lead: no phone number, no external id, no example.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from transforms.vocabulary.outcomes import Outcome

MOST_ROWS: Final = 1000
"""Rows of a table that Prefect's page still draws in seconds; it draws them all."""


def publish_artifacts(facts: Mapping[str, Any]) -> None:
    """Publish the report's summary, its reasons and a link to its page, under keys named after the job.

    Prefect keeps a history of each key.
    """
    slug = artifact_slug(facts["job"])
    create_markdown_artifact(
        tell_summary(facts), key=f"{slug}-summary", description=f"What became of {facts['run_id']}"
    )
    create_table_artifact(
        _reasons(facts), key=f"{slug}-reasons", description="Why rows were not loaded, most rows first"
    )
    page = Path(facts["folder"]).resolve() / "report.html"
    create_link_artifact(
        page.as_uri(),
        link_text=f"Report of {facts['run_id']}",
        key=f"{slug}-report",
        description="The whole report, on the host that made it; browsers open it from its own disk only",
    )


def artifact_slug(job_name: str) -> str:
    """Return a job's name in the letters that an artifact's key may have."""
    return re.sub(r"[^a-z0-9]+", "-", job_name.lower()).strip("-")


def tell_summary(facts: Mapping[str, Any]) -> str:
    """Return the run as Markdown: the headline, the numbers, and what stands out."""
    counts = facts["counts"]
    lines = [
        f"# {_as_text(facts['headline'])}",
        "",
        (
            f"Run `{facts['run_id']}` of job {_as_text(facts['job'])}: **{facts['status']}**, "
            f"the books are {'balanced' if facts['balanced'] else '**not balanced**'}."
        ),
        "",
        "| | rows |",
        "|:--|--:|",
        f"| rows read | {counts['rows_read']:,} |",
        *(f"| {name} | {counts[name]:,} |" for name in Outcome),
        "",
        (
            f"{facts['batches']:,} batches, {facts['requests']:,} requests. Started {facts['started_at']}, "
            f"finished {facts['finished_at']}."
        ),
        "",
        *_plan(facts),
        *_what_stands_out(facts),
        f"Report: `{facts['folder']}/report.html`  ",
        f"Rejected rows: `{facts['folder']}/rejects.csv`",
    ]
    return "\n".join(lines)


def _plan(facts: Mapping[str, Any]) -> list[str]:
    if "plan" not in facts:
        return []
    plan = facts["plan"]
    return [
        (
            f"{plan['leads']:,} leads would be sent in {plan['batches']:,} requests; RingCX's throttle makes that "
            f"{plan['shortest_seconds']:,} seconds at least."
        ),
        "",
    ]


def _what_stands_out(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs from RingCX's books or from earlier runs, and what RingCX's throttle and faults did."""
    differences = (facts.get("ringcx") or {}).get("differences") or ()
    told = [f"{each['what']}: expected {each['expected']:,}, found {each['found']:,}." for each in differences]
    told += [each["sentence"] for each in facts.get("comparison") or () if each["sudden"]]
    told += facts["warnings"]
    yield from (f"- {_as_text(sentence)}" for sentence in told)
    faults = (facts.get("timeline") or {}).get("faults") or ()
    yield from (f"- {_as_text(each['code'] or each['state'])} was met {each['times']:,} times." for each in faults)
    yield ""


def _as_text(text: str) -> str:
    """Write a text, part of which may be anybody's, so that Markdown leaves it as it is."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text)


def _reasons(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the reasons met, as many as a table may show."""
    return [
        {"reason": met["code"], "outcome": met["outcome"], "rows": met["rows"], "what to do": met["advice"]}
        for met in facts["reasons"][:MOST_ROWS]
    ]
