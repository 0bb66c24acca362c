"""Writes docs/odd-files.md from the table of odd files: `python -m scripts.write_odd_files`."""

from pathlib import Path
from typing import Final

from tests.odd_files.table import FILES, OddFile

PAGE: Final = Path(__file__).parents[1] / "docs" / "odd-files.md"

_HEAD: Final = """# Odd and damaged CSV files

What becomes of files that are not plain CSV in UTF-8. This page is written from the table of such files
(`tests/odd_files/table.py`), by `python -m scripts.write_odd_files`; a test reads every one of them. An error ends the
run with exit code 2, and nothing is sent; a rejected row stops no other.

| the file holds | what becomes of it |
|---|---|
"""


def odd_page() -> str:
    """Return the page as Markdown."""
    return _HEAD + "".join(f"| {file.about}{_settings(file)} | {_result(file)} |\n" for file in FILES)


def _settings(file: OddFile) -> str:
    told = ", ".join(f"`{key} = {str(value).lower()}`" for key, value in file.source.items())
    return f", with {told}" if told else ""


def _result(file: OddFile) -> str:
    if file.error:
        return f"error `{file.error}`" + (f": {file.says}" if file.says else "")
    rejected = ", ".join(f"line {line} rejected: `{code}`" for _, code, line in file.faults)
    noted = f"a warning tells: {file.note}" if file.note else ""
    return "; ".join(part for part in (rejected or "every row is read", noted) if part)


if __name__ == "__main__":
    PAGE.write_text(odd_page(), encoding="utf-8")
