"""Where the leads are and when they may be called: time zones and states as tables whose long tail is folded away."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.report.charts import Chart, Series, draw_bars
from connectors.report.page_wording import bar_length, tell_count, tell_date

_SHOWN_VALUES, _MOST_VALUES = 8, 80
"""How many time zones or states stand open, and how many are listed at all."""


@dataclass(frozen=True)
class ValueLine:
    """One time zone or state: `percent` of the largest, how much of that is loaded, and when calls may be made."""

    value: str | None
    leads: int
    loaded: int
    percent: float
    loaded_percent: float
    hours: str = ""
    note: str = ""


@dataclass(frozen=True)
class ValueTable:
    """Time zones or states: those that stand open, those folded away, and what is not listed.

    `hours` heads a column of calling hours; without it there is none.
    """

    name: str
    names: str
    shown: tuple[ValueLine, ...]
    folded: tuple[ValueLine, ...]
    unlisted: int
    unlisted_leads: int
    hours: str = ""


@dataclass(frozen=True)
class Callable:
    """When leads may be called: in words, and by the hour of one clock."""

    text: str
    chart: Chart | None
    by_hour: tuple[tuple[str, int], ...]


def tell_values(name: str, names: str, values: Sequence[Mapping[str, Any]]) -> ValueTable:
    """Make a table of `values` (value, leads, loaded; most leads first); the long tail is summed up."""
    return _table(name, names, values, [("", "")] * len(values))


def tell_zones(zones: Sequence[Mapping[str, Any]], callable_hours: Mapping[str, Any] | None) -> ValueTable:
    """Make the table of time zones, with the hours at which calls may be made in each where the facts tell."""
    if not callable_hours or not callable_hours["clock"]:
        return tell_values("time zone", "time zones", zones)
    known = [{**each, "value": each["zone"]} for each in callable_hours["zones"]]
    hours = [(_tell_hours(each["first"], each["last"]), _tell_dispute(each)) for each in known]
    unknown = callable_hours["unknown"]
    if unknown["leads"]:
        known.append({"value": None, **unknown})
        hours.append(("not known", ""))
    return _table("time zone", "time zones", known, hours, heading=f"Calls, in {tell_zone(callable_hours['clock'])}")


def _tell_dispute(zone: Mapping[str, Any]) -> str:
    if not zone["disputed"]:
        return ""
    count = f"{zone['disputed']:,} in dispute"
    if not zone["disputed_first"]:
        return f"{count}: no hour is allowed in all zones named"
    return f"{count}: only {_tell_hours(zone['disputed_first'], zone['disputed_last'])} there"


def _tell_hours(first: str, last: str) -> str:
    return f"{first} to {'24:00' if last == '00:00' else last}"


def tell_zone(zone: str) -> str:
    """Write the time of a zone: `New York time` for `America/New_York`; RingCX's own names as they are."""
    return f"{zone.rpartition('/')[2].replace('_', ' ')} time" if "/" in zone else zone


def _table(
    name: str, names: str, values: Sequence[Mapping[str, Any]], hours: Sequence[tuple[str, str]], heading: str = ""
) -> ValueTable:
    largest = max((each["leads"] for each in values), default=0)
    lines = tuple(
        ValueLine(
            each["value"],
            each["leads"],
            each["loaded"],
            bar_length(each["leads"], largest),
            bar_length(each["loaded"], largest),
            *own_hours,
        )
        for each, own_hours in zip(values[:_MOST_VALUES], hours, strict=False)
    )
    # Folding one or two lines away would save nothing.
    shown = _SHOWN_VALUES if len(values) > _SHOWN_VALUES + 2 else len(lines)
    rest = values[_MOST_VALUES:]
    unlisted = sum(each["leads"] for each in rest)
    return ValueTable(name, names, lines[:shown], lines[shown:], len(rest), unlisted, heading)


def tell_callable(callable_hours: Mapping[str, Any] | None, *, was_sent: bool) -> Callable | None:
    """Say how many leads may be called at which hours; None where the facts do not tell or no zone is known."""
    if not callable_hours or not callable_hours["clock"]:
        return None
    key, style = ("loaded", "loaded") if was_sent else ("leads", "ready")
    clock = callable_hours["clock"]
    by_hour = tuple((f"{each['hour']:02d}:00", each[key]) for each in callable_hours["by_hour"])
    barred = callable_hours.get("do_not_call", 0)
    total = sum(zone[key] for zone in callable_hours["zones"]) - barred
    if total <= 0:
        return None
    text = (
        f"Calls are allowed from {callable_hours['first']} to {callable_hours['last']} where the called person is. "
        f"{_tell_best(by_hour, total, clock)}"
    )
    if barred:
        text += f" Not counted: {tell_count(barred, 'loaded lead')} that RingCX has as do-not-call."
    day = tell_date(dt.date.fromisoformat(callable_hours["date"]))
    title = f"{'Loaded leads' if was_sent else 'Leads'} that may be called, by the hour in {tell_zone(clock)} on {day}"
    columns = [hour.removesuffix(":00") for hour, _ in by_hour]
    series = [Series("May be called", style, tuple(leads for _, leads in by_hour))]
    return Callable(text, draw_bars("hours", title, text, columns=columns, series=series), by_hour)


def _tell_best(by_hour: Sequence[tuple[str, int]], total: int, clock: str) -> str:
    """Say when most leads may be called."""
    most = max(leads for _, leads in by_hour)
    if not most:
        return "At no hour may any of these leads be called."
    best = [int(hour[:2]) for hour, leads in by_hour if leads == most]
    first = best[0]
    last = next(hour for hour in range(first, 25) if hour not in best)
    everybody = f"all {most:,}" if most == total else f"most of them, {tell_count(most, 'lead')},"
    return f"From {first:02d}:00 to {last:02d}:00 in {tell_zone(clock)}, {everybody} may be called."
