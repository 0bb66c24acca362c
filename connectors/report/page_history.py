"""How a run compares with this job's earlier ones, so that a sudden change stands out."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.report.charts import Chart, Series, draw_bars, draw_lines
from connectors.report.page_wording import (
    VERDICTS,
    Drawn,
    Verdict,
    tell_clock,
    tell_count,
    tell_day,
    tell_moment,
    tell_rate,
)

_COUNTS: Final = {
    "loaded": Drawn("Loaded", "loaded"),
    "rejected": Drawn("Rejected", "rejected"),
    "duplicates": Drawn("Duplicates", "duplicate"),
}
_RATES: Final = {
    "reject_rate": Drawn("Rejected", "rejected"),
    "duplicate_rate": Drawn("Duplicates", "duplicate"),
    "conflict_rate": Drawn("Time zone conflicts", "removed-by-api"),
}
"""What is drawn of a run."""


@dataclass(frozen=True)
class RunLine:
    """One run of the job: its numbers as they stand in the table; `is_this` for the one the page is about."""

    started: str
    run_id: str
    verdict: Verdict
    rows_read: int
    loaded: int
    shares: tuple[str, ...]
    is_this: bool


@dataclass(frozen=True)
class Comparison:
    """One number of this run beside the usual one."""

    what: str
    now: str
    usual: str
    is_sudden: bool


@dataclass(frozen=True)
class History:
    """This run beside the usual one and the earlier ones: numbers, charts, and the same as lines, oldest first."""

    text: str
    compared: tuple[Comparison, ...]
    charts: tuple[Chart, ...]
    lines: tuple[RunLine, ...]


def tell_history(facts: Mapping[str, Any]) -> History | None:
    """Compare the run with the job's earlier ones; None where there are none, or the facts do not tell."""
    earlier = facts.get("history") or ()
    if not earlier:
        return None
    runs = [*earlier, _as_of_history(facts)]
    compared = tuple(_compared(each) for each in facts.get("comparison") or ())
    text = f"The last {tell_count(len(earlier), 'run')} of this job that read data, and this one."
    columns = [*_tell_starts([dt.datetime.fromisoformat(run["started_at"]) for run in earlier]), "now"]
    return History(text, compared, tuple(_draw(runs, columns)), tuple(_lines(runs)))


def _tell_starts(starts: Sequence[dt.datetime]) -> list[str]:
    """Tell when runs started so that they can be told apart: by the day, else by the time of day too."""
    days = [tell_day(start).rpartition(" ")[0] for start in starts]
    if len(set(days)) == len(days):
        return days
    clocks = [tell_clock(start)[:5] for start in starts]
    return clocks if len(set(days)) == 1 else [f"{day}, {clock}" for day, clock in zip(days, clocks, strict=True)]


def tell_sudden(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the sentences about what is suddenly different from earlier runs."""
    return tuple(each["sentence"] for each in facts.get("comparison") or () if each["sudden"])


def _compared(each: Mapping[str, Any]) -> Comparison:
    """Write a number and the usual one: rows as they are counted, shares in percent."""
    are_rows = each["what"].startswith("rows")
    now, usual = (f"{value:,.0f}" if are_rows else tell_rate(value) for value in (each["now"], each["usual"]))
    return Comparison(each["what"].capitalize(), now, usual, each["sudden"])


def _as_of_history(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return this run as the history tells of the others."""
    counts = facts["counts"]
    read = counts["rows_read"]
    compared = {each["what"]: each["now"] for each in facts.get("comparison") or ()}
    disputed = facts["time_zone_conflicts"] / read if read else 0.0
    return {
        "run_id": facts["run_id"],
        "started_at": facts["started_at"],
        "status": facts["status"],
        "rows_read": read,
        "loaded": counts["LOADED"],
        "rejected": counts["REJECTED"],
        "duplicates": counts["DUPLICATE"],
        "reject_rate": facts["reject_rate"],
        "duplicate_rate": counts["DUPLICATE"] / read if read else 0.0,
        "conflict_rate": compared.get("time zone conflicts", disputed),
    }


def _draw(runs: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[Chart]:
    rows, rates = "Rows of each run", "Shares of the rows of each run"
    said = ", ".join(f"{column}: {run['rows_read']:,}" for column, run in zip(columns, runs, strict=True))
    counts = [Series(each.name, each.style, tuple(run[key] for run in runs)) for key, each in _COUNTS.items()]
    rest = tuple(run["rows_read"] - sum(run[key] for key in _COUNTS) for run in runs)
    counts.append(Series("Other", "not-sent", rest))
    shares = [Series(each.name, each.style, tuple(run[key] for run in runs)) for key, each in _RATES.items()]
    told = "; ".join(
        f"{column}: " + ", ".join(f"{each.name.lower()} {tell_rate(run[key])}" for key, each in _RATES.items())
        for column, run in zip(columns, runs, strict=True)
    )
    return [
        draw_bars("history-rows", rows, f"Rows read: {said}.", columns=columns, series=counts),
        draw_lines("history-rates", rates, f"{told}.", columns=columns, series=shares, tell=tell_rate),
    ]


def _lines(runs: Sequence[Mapping[str, Any]]) -> list[RunLine]:
    return [
        RunLine(
            started=tell_moment(dt.datetime.fromisoformat(run["started_at"])),
            run_id=run["run_id"],
            verdict=VERDICTS.get(run["status"], Verdict(str(run["status"]).capitalize(), "quiet", "")),
            rows_read=run["rows_read"],
            loaded=run["loaded"],
            shares=tuple(f"{round(run[key] * run['rows_read']):,} ({tell_rate(run[key])})" for key in _RATES),
            is_this=place == len(runs) - 1,
        )
        for place, run in enumerate(runs)
    ]
