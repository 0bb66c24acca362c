"""Draws docs/report.png and report-dark.png: the report of a load of made-up leads, by a sandbox that misbehaves.

It is the real command, over HTTP, and the page in headless Chromium. `--keep DIR` keeps the run and the page there.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from make_samples import HEADER, damage, make_rows
from playwright.sync_api import sync_playwright

PROJECT = Path(__file__).parents[1]
TOP, PART = PROJECT / "docs" / "report.png", PROJECT / "docs" / "report-dark.png"
sys.path.insert(0, str(PROJECT))

from connectors.sandbox.server import SandboxServer  # noqa: E402 - found by the line above
from connectors.sandbox.settings import SandboxSettings  # noqa: E402
from flows.demo import SAMPLE_JOB, sandbox_environment  # noqa: E402

EARLIER_ROWS = (1_640, 1_655, 1_610, 1_690, 1_700, 1_665)
ROWS = 1_980
DO_NOT_CALL = ("2065550103", "7135550104", "2035550118", "6175550133", "4045550141")
FAULTS = [
    {"call": "direct", "nth": 4, "fault": "drop_after_commit"},
    {"call": "direct", "nth": 9, "fault": "status_before_commit", "status": 503},
    {"call": "direct", "from": 14, "to": 15, "fault": "throttle", "retry_after": "seconds", "seconds": 4},
    {"call": "direct", "nth": 22, "fault": "drop_half_committed", "share": 0.5},
    {"call": "direct", "nth": 31, "fault": "expire_token"},
]
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WIDTH, HEIGHT, PART_HEIGHT = 1000, 1480, 856.0


def main() -> None:
    """Run the loads and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path)
    kept = parser.parse_args().keep
    with tempfile.TemporaryDirectory() as folder:
        page = load_leads(kept or Path(folder))
        take_pictures(page)


def load_leads(folder: Path) -> Path:
    """Load in `folder` what earlier runs loaded, then a list with faults, and return the last run's page."""
    folder.mkdir(exist_ok=True, parents=True)
    settings = SandboxSettings(do_not_call=DO_NOT_CALL, latency_seconds=0.15)
    with SandboxServer(settings) as sandbox:
        environment = os.environ | sandbox_environment(sandbox.url, settings)
        environment |= {"LEADFERRY_HOME": str(folder / ".leadferry"), "PYTHONPATH": str(PROJECT)}
        for rows in EARLIER_ROWS:
            sandbox.reset(SandboxSettings(do_not_call=DO_NOT_CALL, throttles=False))
            run_load(folder, rows, environment, keep_throttles=False)
        sandbox.reset(settings, faults=FAULTS)
        report = run_load(folder, ROWS, environment, damaged=90)
    return Path(report["folder"]) / "report.html"


def run_load(
    folder: Path, rows: int, environment: dict[str, str], *, keep_throttles: bool = True, damaged: int = 0
) -> dict[str, str]:
    """Run the sample job over so many rows, `damaged` of them without a number, and return its report."""
    made = make_rows(rows)
    damage(made)
    for row in made[-damaged:] if damaged else ():
        row[3] = row[3][:-3]
    with (folder / "leads.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *made])
    job = SAMPLE_JOB.read_text(encoding="utf-8")
    (folder / "leads.toml").write_text(
        f"{job}\n[delivery]\ntimeout_seconds = 3\nkeep_throttles = {json.dumps(keep_throttles)}\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "flows", "load", "leads.toml", "--json"]
    ended = subprocess.run(command, cwd=folder, env=environment, check=False, stdout=subprocess.PIPE)  # noqa: S603 - ours
    report: dict[str, str] = json.loads(ended.stdout)
    return report


def take_pictures(page: Path) -> None:
    """Take a picture of the page's top, and one of a part with a chart as it is on a dark screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        tab.goto(page.as_uri())
        tab.screenshot(path=TOP)
        tab.emulate_media(color_scheme="dark")
        box = tab.locator("#places").bounding_box()
        if box is None:
            raise ValueError("the page has no part that tells where the leads are")
        clip = {"x": 0.0, "y": box["y"] + 1, "width": float(WIDTH), "height": PART_HEIGHT}
        tab.screenshot(path=PART, full_page=True, clip=clip)
        browser.close()


if __name__ == "__main__":
    main()
