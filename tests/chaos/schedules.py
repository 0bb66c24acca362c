"""Makes a schedule of misfortune from a seed: a source, a job, a deployment of RingCX, and what goes wrong when.

Everything stays inside the promise. A server may carry a request out, and its searches may show a lead, only as late
as the settling time allows; the rest of that time is left to a machine that is busy with other things.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from connectors.sandbox.settings import SandboxSettings
from connectors.sandbox.vocabulary import PROCESSING_STATUSES

Fault = dict[str, Any]
Kind = str

REJECTED, DO_NOT_CALL, REPEATED, UNUSABLE, GOOD = "rejected", "do not call", "repeated", "unusable", "good"

OLD_NEWS_EVERY: Final = 40
"""One seed in so many makes a schedule around one moment."""

_AREAS: Final = ("203", "617", "973", "401", "716", "404", "305", "312", "713", "303", "602", "206", "408", "907")
_GATEWAY: Final = (500, 502, 503, 504, 408, 409)
"""Answers that prove nothing: they may come before or after a commit."""

_READING: Final = ("search", "count", "with_children")
_SIGNING_IN: Final = ("token", "exchange", "refresh")
_COMPARING: Final = ("REMOVE_FROM_LIST", "REMOVE_ALL_EXISTING")


@dataclass(frozen=True)
class Row:
    """One source row, and what is the matter with it."""

    extern_id: str
    phone: str
    zip_code: str | None
    kind: Kind = GOOD


@dataclass(frozen=True)
class Schedule:
    """One seed's world."""

    seed: int
    rows: tuple[Row, ...]
    settings: SandboxSettings
    load: dict[str, Any]
    delivery: dict[str, Any]
    faults: list[Fault]
    loaded_before: tuple[int, ...] = ()
    """Places of the rows whose leads were in RingCX before, under the same ids and numbers."""
    before_handling: str = "RETAIN_ALL"
    interrupt_after: float | None = None
    """Seconds after which the first run gets a Ctrl-C."""
    expected: frozenset[str] = field(default_factory=frozenset, repr=False)
    """The externIds that ought to be in RingCX once more when all is done."""


def make_schedule(seed: int) -> Schedule:
    """Return the schedule of a seed; the same one every time."""
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    if seed % OLD_NEWS_EVERY == 0:
        return _make_old_news(seed, random)
    batch_size = random.randint(3, 9)
    load = {
        "batch_size": batch_size,
        "duplicate_handling": random.choice(["RETAIN_ALL", "RETAIN_ALL", "REMOVE_FROM_LIST", "REMOVE_ALL_EXISTING"]),
        "time_zone_option": random.choice(["EXPLICIT", "ZIPCODE", "ZIPCODE", "NPA_NXX", "COUNTRY", "NOT_APPLICABLE"]),
    }
    delivery = {
        "timeout_seconds": round(random.uniform(0.4, 1.0), 2),
        "settle_seconds": round(random.uniform(0.9, 1.4), 2),
        "give_up_seconds": random.choice([0.5, 1.5, 3.0]),
        "max_in_flight": random.randint(1, 4),
    }
    rows = _make_rows(random, random.randint(6, 36), load)
    loaded_before, before_handling = _choose_loaded_before(random, rows)
    settings = _make_settings(random, rows, batch_size, delivery)
    makers = _Faults(random, load, delivery, settings, requests=-(-len(rows) // batch_size))
    return Schedule(
        seed=seed,
        rows=rows,
        settings=settings,
        load=load,
        delivery=delivery,
        faults=makers.make(has_earlier_leads=bool(loaded_before)),
        loaded_before=loaded_before,
        before_handling=before_handling,
        interrupt_after=round(random.uniform(0.1, 2.0), 2) if random.random() < 0.1 else None,
        expected=_expect(rows, load["duplicate_handling"], loaded_before, before_handling),
    )


def _make_old_news(seed: int, random: Random) -> Schedule:
    """Let a load land late, right after the server looked for the search whose slow answer comes when all is settled.

    Chance alone hardly ever meets this moment: the third look at one batch, whose count is the fourth of the run.
    """
    load = {"batch_size": 9, "duplicate_handling": "RETAIN_ALL", "time_zone_option": "NOT_APPLICABLE"}
    rows = _make_rows(random, random.randint(2, 9), load)
    return Schedule(
        seed=seed,
        rows=rows,
        settings=SandboxSettings(
            throttles=False, do_not_call=tuple(row.phone for row in rows if row.kind == DO_NOT_CALL)
        ),
        load=load,
        delivery={"timeout_seconds": 1.7, "settle_seconds": 2.0, "give_up_seconds": 3.0, "max_in_flight": 1},
        faults=[
            {"call": "direct", "nth": 1, "fault": "drop_then_commit_late", "seconds": 1.4},
            {"call": "count", "nth": 4, "fault": "slow", "when": "after", "seconds": 1.4},
        ],
        expected=_expect(rows, "RETAIN_ALL", (), "RETAIN_ALL"),
    )


def _make_rows(random: Random, count: int, load: dict[str, Any]) -> tuple[Row, ...]:
    """Make rows, most of them good; a row that RingCX rejects is one without the ZIP code its zone is to come from."""
    rejected_rate = random.choice([0.0, 0.0, 0.1]) if load["time_zone_option"] == "ZIPCODE" else 0.0
    rates = {
        REJECTED: rejected_rate,
        DO_NOT_CALL: random.choice([0.0, 0.0, 0.1]),
        REPEATED: random.choice([0.0, 0.1]),
        UNUSABLE: random.choice([0.0, 0.05]),
    }
    rows: list[Row] = []
    for number in range(count):
        phone = f"{_AREAS[number % len(_AREAS)]}555{number // len(_AREAS):04d}"
        draw, kind = random.random(), GOOD
        for name, rate in rates.items():
            if draw < rate:
                kind = name
                break
            draw -= rate
        good = [row for row in rows if row.kind == GOOD]
        if kind == REPEATED and good:
            phone = random.choice(good).phone
        elif kind == REPEATED:
            kind = GOOD
        if kind == UNUSABLE:
            phone = "n/a"
        rows.append(Row(f"X{number:04d}", phone, None if kind == REJECTED else "06511", kind))
    return tuple(rows)


def _choose_loaded_before(random: Random, rows: tuple[Row, ...]) -> tuple[tuple[int, ...], str]:
    handling = random.choice(["RETAIN_ALL", "RETAIN_ALL", "REMOVE_ALL_EXISTING"])
    if random.random() < 0.6:
        return (), handling
    share = random.choice([0.2, 0.5, 1.0])
    chosen = [place for place, row in enumerate(rows) if row.kind == GOOD and random.random() < share]
    return tuple(chosen), handling


def _make_settings(random: Random, rows: tuple[Row, ...], batch_size: int, delivery: dict[str, Any]) -> SandboxSettings:
    lag = random.choice([0.0, 0.0, 0.0, 0.2]) * delivery["settle_seconds"]
    return SandboxSettings(
        throttles=False,
        page_base=random.choice([0, 1]),
        max_rows_cap=random.choice([2, 3, 5, 1000, 1000]),
        count_shape=random.choice(["number", "number", "object"]),
        share_lists=random.random() < 0.5,
        send_rejected_rows=random.random() < 0.7,
        search_lag_seconds=round(lag, 2),
        latency_seconds=random.choice([0.0, 0.0, 0.02]),
        max_leads_per_request=random.choice([10_000, 10_000, 10_000, max(2, batch_size // 2)]),
        too_many_leads_status=random.choice([413, 400]),
        invalid_leads=random.choice(["reject", "reject", "reject", "refuse"]),
        do_not_call=tuple(row.phone for row in rows if row.kind == DO_NOT_CALL),
        token_seconds=random.choice([300.0, 300.0, 300.0, 1.2]),
        lead_state_separator=random.choice(["-", "_"]),
    )


def _expect(rows: tuple[Row, ...], handling: str, before: tuple[int, ...], before_handling: str) -> frozenset[str]:
    """Say which ids a load brings when nothing goes wrong, from the documents alone."""
    kinds = {GOOD, REPEATED} if handling == "RETAIN_ALL" else {GOOD}
    ids = {row.extern_id for row in rows if row.kind in kinds}
    if handling == before_handling == "REMOVE_ALL_EXISTING":
        taken = {rows[place].phone for place in before}
        ids -= {row.extern_id for row in rows if row.phone in taken}
    return frozenset(ids)


class _Faults:
    """Draws faults that fit one schedule's times and number of requests."""

    def __init__(
        self, random: Random, load: dict[str, Any], delivery: dict[str, Any], settings: SandboxSettings, requests: int
    ) -> None:
        self._random, self._requests = random, requests
        self._timeout, self._settle = delivery["timeout_seconds"], delivery["settle_seconds"]
        self._in_flight = delivery["max_in_flight"]
        # How late a commit may be, beside what the index lags behind it.
        self._late = 0.4 * self._settle - settings.search_lag_seconds
        self._handling = load["duplicate_handling"]
        self._loads: list[tuple[int, Callable[[], Fault]]] = [
            (4, lambda: {"fault": "drop_before_commit"}),
            (6, lambda: {"fault": "drop_after_commit"}),
            (6, lambda: {"fault": "drop_half_committed", "share": self._share()}),
            (5, lambda: {"fault": "drop_then_commit_late", "seconds": self._lateness()}),
            (3, lambda: {"fault": "status_before_commit", "status": random.choice(_GATEWAY)}),
            (5, lambda: {"fault": "status_after_commit", "status": random.choice(_GATEWAY)}),
            (2, lambda: {"fault": "status_before_commit", "status": random.choice([400, 413, 422])}),
            (1, lambda: {"fault": "status_before_commit", "status": random.choice([403, 404, 402, 451])}),
            (3, self._throttle),
            (2, lambda: {"fault": "expire_token"}),
            (1, lambda: {"fault": "revoke_tokens"}),
            (3, lambda: {"fault": "truncated_answer", "share": self._share()}),
            (2, lambda: {"fault": "not_json_answer", "when": random.choice(["before", "after"])}),
            (1, lambda: {"fault": "processing_failure", "status": random.choice(PROCESSING_STATUSES)}),
            (3, lambda: {"fault": "slow", "when": "before", "seconds": round(self._timeout + self._lateness(), 2)}),
            (3, lambda: {"fault": "slow", "when": "after", "seconds": round(self._timeout + 0.5, 2)}),
            (2, self._refusal),
        ]
        self._reads: list[tuple[int, Callable[[], Fault]]] = [
            (3, lambda: {"fault": "drop_before_commit"}),
            (3, lambda: {"fault": "status_before_commit", "status": random.choice(_GATEWAY[:5])}),
            (2, self._throttle),
            (2, lambda: {"fault": "expire_token"}),
            (1, lambda: {"fault": "revoke_tokens"}),
            (2, lambda: {"fault": "truncated_answer", "share": self._share()}),
            (3, lambda: {"fault": "not_json_answer", "when": random.choice(["before", "after"])}),
            (2, lambda: {"fault": "slow", "seconds": round(self._timeout + 0.2, 2)}),
            # In time, but what it says is old: something may have landed since the server looked.
            (3, lambda: {"fault": "slow", "when": "after", "seconds": round(0.8 * self._timeout, 2)}),
            (1, self._refusal),
        ]

    def make(self, *, has_earlier_leads: bool) -> list[Fault]:
        """Draw one to six faults; some strike one request, some a few in a row, some every one from there on."""
        random = self._random
        faults = [self._draw_load() for _ in range(random.randint(1, 4))]
        faults += [self._draw_read() for _ in range(random.choice([0, 0, 1, 1, 2, 3]))]
        if random.random() < 0.2:
            faults.append(self._draw_sign_in())
        if random.random() < 0.3:
            faults.append(self._draw_hiding(has_earlier_leads=has_earlier_leads))
        return faults

    def _draw_load(self) -> Fault:
        fault = self._pick(self._loads)
        call = "any" if fault["fault"] != "processing_failure" and self._random.random() < 0.05 else "direct"
        return {"call": call, **fault, **self._position(self._requests + 3, fault)}

    def _draw_read(self) -> Fault:
        call = self._random.choice(["search", "search", "count", "count", "with_children"])
        if call == "search" and self._random.random() < 0.3:
            fault = {"fault": "duplicate_page", "rows": self._random.choice([0, 1, 2])}
        elif call != "with_children" and self._random.random() < 0.3:
            fault = {"fault": "search_fails", "status": self._random.choice([500, 503])}
        else:
            fault = self._pick(self._reads)
        return {"call": call, **fault, **self._position(1 if call == "with_children" else self._requests * 2, fault)}

    def _draw_sign_in(self) -> Fault:
        call = self._random.choice(_SIGNING_IN)
        fault: Fault = self._random.choice(
            [
                {"fault": "drop_before_commit"},
                {"fault": "drop_after_commit"},
                {"fault": "status_before_commit", "status": 503},
                {"fault": "status_after_commit", "status": 500},
                {"fault": "truncated_answer"},
                {"fault": "not_json_answer"},
                self._throttle(),
            ]
        )
        return {"call": call, **fault, "nth": self._random.choice([1, 1, 2])}

    def _draw_hiding(self, *, has_earlier_leads: bool) -> Fault:
        """Let searches miss leads: young ones at any time; all of them only where that cannot outlast the settling.

        With several requests in flight, or leads that were there before, hiding all would hide some longer than any
        index lags.
        """
        seconds = round(0.4 * self._settle, 2)
        fault: Fault = {"fault": "hide_leads", "every": self._random.choice([1, 1, 2])}
        if self._in_flight == 1 and not has_earlier_leads and self._random.random() < 0.5:
            return {"call": "direct", **fault, "seconds": seconds, "nth": self._random.randint(1, self._requests)}
        call = self._random.choice(["direct", "search", "count"])
        younger = round(max(0.1, self._late), 2)
        return {"call": call, **fault, "seconds": 3.0, "younger": younger, "nth": self._random.randint(1, 4)}

    def _pick(self, makers: list[tuple[int, Callable[[], Fault]]]) -> Fault:
        return self._random.choices([make for _, make in makers], [weight for weight, _ in makers])[0]()

    def _position(self, last: int, fault: Fault) -> Fault:
        """Return the requests that a fault strikes; only what costs no sign-in each time may strike for good."""
        first = self._random.randint(1, last)
        draw = self._random.random()
        if fault["fault"] in {"revoke_tokens", "processing_failure", "throttle", "refuse_connections"} or draw < 0.7:
            return {"nth": first}
        if draw < 0.92:
            return {"from": first, "to": first + self._random.randint(1, 3)}
        return {"from": first}

    def _throttle(self) -> Fault:
        # Without a Retry-After the client waits for seconds: right in life, slow here, so it is rare.
        style = self._random.choices(["seconds", "date", "none"], [6, 3, 1])[0]
        return {"fault": "throttle", "retry_after": style, "seconds": 1.0}

    def _refusal(self) -> Fault:
        how = self._random.choice(["reset", "refuse"])
        return {"fault": "refuse_connections", "how": how, "seconds": round(self._random.uniform(0.2, 1.5), 2)}

    def _share(self) -> float:
        return round(self._random.uniform(0.0, 1.0), 2)

    def _lateness(self) -> float:
        return round(self._random.uniform(0.05, max(0.06, self._late)), 2)
