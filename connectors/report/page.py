"""Renders the run for people: one HTML file that opens from disk without a network."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from connectors.staging import write_text


def write_page(path: Path, facts: dict[str, Any]) -> None:
    """Render `facts` (the content of report.json) to one self-contained HTML file; all text is escaped."""
    environment = Environment(
        loader=PackageLoader("connectors.report", "templates"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["number"] = lambda number: f"{number:,}"
    write_text(path, environment.get_template("report.html.j2").render(facts))
