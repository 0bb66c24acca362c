"""Delivery: what requests met, in RingCX's own words, and how many there were over time against the throttle."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.report.charts import Chart, Mark, Series, draw_bars
from connectors.report.page_wording import Drawn, Wording, tell_clock, tell_count, tell_day

_ANSWERS: Final[Mapping[str, Wording]] = {
    "sending": Wording("No answer on record", "the process ended while the request was under way"),
    "accepted": Wording("Accepted", "RingCX processed the request"),
    "refused": Wording("Refused", "RingCX did not take the request"),
    "not_sent": Wording("Turned away", "nothing was done; sent again later"),
    "unknown": Wording("No clear answer", "asked about by search before anything is sent again"),
    "landed": Wording("Found by search", "every lead of the request had landed"),
    "absent": Wording("Not found by search", "no lead of the request had landed; sent again"),
    "partly_landed": Wording("Partly found by search", "some leads had landed; only the others are sent again"),
}

KINDS: Final = {
    "accepted": Drawn("Accepted", "loaded"),
    "refused": Drawn("Refused", "rejected-by-api"),
    "turned_away": Drawn("Turned away", "not-sent"),
    "unknown": Drawn("No clear answer", "unresolved"),
}
"""What a request can meet."""

_FEWEST_COLUMNS: Final = 3


@dataclass(frozen=True)
class AnswerLine:
    """One kind of answer: its meaning, RingCX's words, when it was met, how often."""

    wording: Wording
    code: str | None
    message: str | None
    moment: str
    times: int


@dataclass(frozen=True)
class Stretch:
    """What requests met in one stretch of time: its beginning, and a number for each of `KINDS`."""

    at: str
    requests: int
    kinds: tuple[int, ...]


@dataclass(frozen=True)
class Timeline:
    """Delivery over time: in words, drawn where it took long enough, and in numbers (idle stretches left out)."""

    text: str
    chart: Chart | None
    heading: str
    stretches: tuple[Stretch, ...]


def tell_answers(facts: Mapping[str, Any]) -> list[AnswerLine]:
    """Return what requests and searches met, in the order first met."""
    timeline = facts.get("timeline") or {"faults": ()}
    met = {(fault["state"], fault["code"]): fault for fault in timeline["faults"]}
    return [
        AnswerLine(
            _ANSWERS.get(told["state"], Wording(told["state"], "")),
            told["code"],
            told["message"],
            _tell_when(met.get((told["state"], told["code"]))),
            told["times"],
        )
        for told in facts.get("delivery", ())
    ]


def _tell_when(fault: Mapping[str, Any] | None) -> str:
    """Say when a fault was met: at a time, or from the first time to the last."""
    if fault is None:
        return ""
    first, last = (dt.datetime.fromisoformat(fault[key]) for key in ("first", "last"))
    if tell_clock(first) == tell_clock(last):
        return tell_clock(first)
    until = tell_clock(last) if first.date() == last.date() else f"{tell_day(last)}, {tell_clock(last)}"
    return f"{tell_clock(first)} to {until}"


def tell_timeline(facts: Mapping[str, Any]) -> Timeline | None:
    """Say how many requests were made when; None where the facts do not tell."""
    timeline = facts.get("timeline")
    if not timeline:
        return None
    buckets, width = timeline["buckets"], timeline["bucket_seconds"]
    text = " ".join(_sentences(timeline))
    met = [(dt.datetime.fromisoformat(bucket["at"]), bucket) for bucket in buckets if bucket["requests"]]
    several_days = len({at.date() for at, _ in met}) > 1
    stretches = tuple(
        Stretch(
            f"{tell_day(at)}, {tell_clock(at)}" if several_days else tell_clock(at),
            bucket["requests"],
            tuple(bucket[kind] for kind in KINDS),
        )
        for at, bucket in met
    )
    heading = f"Requests in each {_tell_span(width)}, times in UTC"
    return Timeline(text, _draw(timeline, heading, text), heading, stretches)


def _sentences(timeline: Mapping[str, Any]) -> Iterator[str]:
    buckets, width = timeline["buckets"], timeline["bucket_seconds"]
    span = _tell_span(width)
    sums = {kind: sum(bucket[kind] for bucket in buckets) for kind in KINDS}
    met = [f"{drawn.name.lower()}: {sums[kind]:,}" for kind, drawn in KINDS.items() if sums[kind]]
    yield f"{tell_count(sum(sums.values()), 'request')} ({', '.join(met)})."
    if timeline["ceiling"] is not None:
        most = max(bucket["requests"] for bucket in buckets)
        limits = " and ".join(f"{each['requests']} in {each['seconds']} s" for each in timeline["limits"])
        yield (
            f"The busiest {span} had {most:,}; RingCX's throttle ({limits}) lets {timeline['ceiling']:,} through "
            "in that time."
        )
    sittings = 1 + max(bucket["sitting"] for bucket in buckets)
    if sittings > 1:
        yield f"The run was at work {sittings} times; the pauses between are left out."


def _tell_span(seconds: int) -> str:
    """Write how long a stretch is, as it follows `each` or `any`."""
    units = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
    name, length = next((name, length) for name, length in units if seconds % length == 0)
    return name if seconds == length else f"{seconds // length} {name}s"


def _draw(timeline: Mapping[str, Any], title: str, text: str) -> Chart | None:
    """Draw the stretches, with an empty column for each pause; a moment's delivery needs no picture."""
    columns: list[str] = []
    values: list[Mapping[str, Any] | None] = []
    for bucket in timeline["buckets"]:
        if values and values[-1] is not None and values[-1]["sitting"] != bucket["sitting"]:
            columns.append("")
            values.append(None)
        columns.append(tell_clock(dt.datetime.fromisoformat(bucket["at"])))
        values.append(bucket)
    if len(columns) < _FEWEST_COLUMNS:
        return None
    series = [
        Series(drawn.name, drawn.style, tuple(None if bucket is None else bucket[kind] for bucket in values))
        for kind, drawn in KINDS.items()
    ]
    ceiling = timeline["ceiling"]
    mark = None if ceiling is None else Mark(f"What the throttle lets through: {ceiling:,}", ceiling)
    return draw_bars("timeline", title, text, columns=columns, series=series, mark=mark)
