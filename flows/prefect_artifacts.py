"""What a person sees of a run in Prefect's own pages: how it ended, in numbers, and why rows were not loaded.

Nothing here names a lead: no phone number, no external id, no example.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from transforms.vocabulary.outcomes import Outcome

MOST_ROWS: Final = 1000
"""Rows of a table that Prefect's page still draws in seconds; it draws them all."""


def publish_artifacts(facts: Mapping[str, Any]) -> None:
    """Publish the report's summary and its reasons under keys named after the job, so that Prefect keeps a history."""
    slug = artifact_slug(facts["job"])
    create_markdown_artifact(_summary(facts), key=f"{slug}-summary", description=f"What became of {facts['run_id']}")
    create_table_artifact(
        _reasons(facts), key=f"{slug}-reasons", description="Why rows were not loaded, most rows first"
    )


def artifact_slug(job_name: str) -> str:
    """Return a job's name in the letters that an artifact's key may have."""
    return re.sub(r"[^a-z0-9]+", "-", job_name.lower()).strip("-")


def _summary(facts: Mapping[str, Any]) -> str:
    counts = facts["counts"]
    lines = [
        f"# {facts['headline']}",
        "",
        (
            f"Run `{facts['run_id']}` of job `{facts['job']}`: **{facts['status']}**, "
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


def _reasons(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the reasons met, as many as a table may show."""
    return [
        {"reason": met["code"], "outcome": met["outcome"], "rows": met["rows"], "what to do": met["advice"]}
        for met in facts["reasons"][:MOST_ROWS]
    ]
