"""Writes docs/reason-codes.md from the table of lead rules: `python -m scripts.write_reason_codes`."""

from pathlib import Path
from typing import Final

from transforms.lead_rules import RULES, LeadRule

PAGE: Final = Path(__file__).parents[1] / "docs" / "reason-codes.md"

_HEAD: Final = """# Reason codes

Every row that is not simply loaded carries one of these codes: `reason` in `outcomes.parquet`, `leadferry_reason` in
`rejects.csv`. This page is written from the table of rules that judges the rows (`transforms/lead_rules.py`), by
`python -m scripts.write_reason_codes`; a test runs every example. Of several faults in one row, the first in this
list is named, with two exceptions: a line that is no row is named after the first fault met while it is read, and of
several telephone columns the first that is filled speaks for all.

| code | outcome | what to do | example |
|---|---|---|---|
"""


def reason_page() -> str:
    """Return the page as Markdown."""
    return _HEAD + "".join(f"| {' | '.join(_cells(rule))} |\n" for rule in RULES)


def _cells(rule: LeadRule) -> tuple[str, ...]:
    return f"`{rule.reason}`", f"`{rule.outcome}`", _inert(rule.advice), _example(rule)


def _example(rule: LeadRule) -> str:
    cells = ", ".join(f"{field} `{_inert(_visible(cell))}`" for field, cell in rule.cells.items() if cell)
    shown = rule.example or cells
    absent = [field for field, cell in rule.cells.items() if not cell]
    if absent:
        shown += f", no {' or '.join(absent)}"
    return shown + (f", with `{rule.setting}`" if rule.setting else "")


def _visible(cell: str) -> str:
    return cell.replace("\t", "⇥") if cell.strip() else "␣" * len(cell)


def _inert(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(reason_page(), encoding="utf-8")
