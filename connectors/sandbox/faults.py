"""Scripted misfortune: which request suffers what.

A schedule is a list of faults, each tied to a call and to a request number among that call's requests,
counted from 1 since the schedule was set:

    [{"call": "direct", "nth": 3, "fault": "drop_after_commit"},
     {"call": "search", "from": 2, "to": 4, "fault": "search_fails", "status": 503},
     {"call": "any", "nth": 10, "fault": "slow", "seconds": 2, "when": "after"}]

With neither `nth` nor `from`/`to` every request of the call suffers. Several faults may strike one request.
What a fault does is in `strikes`; this module only reads schedules and keeps count.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Any, Final

from connectors.sandbox.vocabulary import PROCESSING_STATUSES

CALLS: Final = (
    "any",
    "token",
    "exchange",
    "refresh",
    "accounts",
    "dial_groups",
    "create_dial_group",
    "with_children",
    "campaigns",
    "create_campaign",
    "campaign",
    "update_campaign",
    "delete_campaign",
    "clone_campaign",
    "clear_cache",
    "lists",
    "direct",
    "search",
    "count",
    "search_phones",
    "lead_states",
    "system_dispositions",
    "actions",
    "update_lead",
    "dnc_lists",
    "add_dnc",
    "search_dnc",
    "delete_dnc",
)
_SEARCHES = ("search", "count", "search_phones")
_POSITION_KEYS = ("call", "fault", "nth", "from", "to")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a fault: what it is when not given, and what it may be."""

    default: Any
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = inf

    def read(self, name: str, value: object) -> Any:  # noqa: ANN401 - a number, a word or a truth
        """Return the value, or raise a ValueError that says what it must be."""
        if self.choices:
            if value not in self.choices:
                raise ValueError(f"{name} must be one of {', '.join(self.choices)}, not {value!r}")
            return value
        wanted = (int, float) if isinstance(self.default, float) else (type(self.default),)
        if not isinstance(value, wanted) or isinstance(value, bool):
            # A schedule is data, and everything wrong with it is a ValueError.
            raise ValueError(f"{name} must be like {self.default!r}, not {value!r}")  # noqa: TRY004
        if isinstance(value, int | float) and not self.low <= value <= self.high:
            raise ValueError(f"{name} must be from {self.low} to {self.high}, not {value!r}")
        return value


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What parameters a fault takes, and which calls it makes sense for (none named: all)."""

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    calls: tuple[str, ...] = ()


COUNTERS: Final = (
    "leadsInserted",
    "leadsSupplied",
    "leadsAccepted",
    "internalDncCount",
    "dncReturnedCount",
    "whitelistCount",
    "quotaCount",
    "deletedCount",
)
_SECONDS = Parameter(1.0)
_SHARE = Parameter(0.5, high=1)
_WHEN = ("before", "after")


def _status(default: int) -> Parameter:
    """Make the parameter of a fault that answers with an HTTP error."""
    return Parameter(default, low=400, high=599)


FAULTS: Final[Mapping[str, FaultKind]] = {
    "drop_before_commit": FaultKind(),
    "drop_half_committed": FaultKind({"share": _SHARE}, ("direct", "actions")),
    "drop_after_commit": FaultKind(),
    "drop_then_commit_late": FaultKind({"seconds": _SECONDS}),
    "status_before_commit": FaultKind({"status": _status(503)}),
    "status_after_commit": FaultKind({"status": _status(500)}),
    "throttle": FaultKind({"retry_after": Parameter("seconds", ("seconds", "date", "none")), "seconds": _SECONDS}),
    "expire_token": FaultKind(),
    "revoke_tokens": FaultKind(),
    "truncated_answer": FaultKind({"share": _SHARE}),
    "not_json_answer": FaultKind({"when": Parameter("after", _WHEN)}),
    "processing_failure": FaultKind(
        {"status": Parameter("GENERAL_FAILURE", PROCESSING_STATUSES), "message": Parameter("The load failed")},
        ("direct",),
    ),
    "load_twice": FaultKind({}, ("direct",)),
    "miscount": FaultKind({"counter": Parameter(COUNTERS[0], COUNTERS), "by": Parameter(-1, low=-inf)}, ("direct",)),
    "omit_counter": FaultKind({"counter": Parameter(COUNTERS[0], COUNTERS)}, ("direct",)),
    "slow": FaultKind({"seconds": _SECONDS, "when": Parameter("before", _WHEN)}),
    "search_fails": FaultKind({"status": _status(500)}, _SEARCHES),
    "duplicate_page": FaultKind({"rows": Parameter(0)}, ("search", "search_phones")),
    "other_order": FaultKind({}, ("search", "search_phones")),
    "hide_leads": FaultKind({"seconds": _SECONDS, "every": Parameter(1, low=1), "younger": Parameter(0.0)}),
    "refuse_connections": FaultKind({"seconds": _SECONDS, "how": Parameter("reset", ("reset", "refuse"))}),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault and the requests it strikes."""

    name: str
    call: str
    first: int
    last: float
    parameters: Mapping[str, Any]

    def strikes(self, call: str, nth: int, nth_of_any: int) -> bool:
        """Say whether the request with these numbers suffers this fault."""
        kind = FAULTS[self.name]
        if kind.calls and call not in kind.calls:
            return False
        number = nth_of_any if self.call == "any" else nth
        return self.call in ("any", call) and self.first <= number <= self.last


class FaultSchedule:
    """The faults of a sandbox and how many requests of each call have come since they were set."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        """Take the faults and count from zero."""
        self.faults = tuple(faults)
        self._requests: Counter[str] = Counter()

    def next_request(self, call: str) -> tuple[Fault, ...]:
        """Count a request and return the faults that strike it, in the order of the schedule."""
        self._requests[call] += 1
        self._requests["any"] += 1
        nth, nth_of_any = self._requests[call], self._requests["any"]
        return tuple(fault for fault in self.faults if fault.strikes(call, nth, nth_of_any))

    def requests_of(self, call: str) -> int:
        """Return how many requests of a call came since the schedule was set, those still being served too."""
        return self._requests[call]


def read_faults(entries: Sequence[Mapping[str, Any]]) -> FaultSchedule:
    """Read a schedule; a ValueError names the entry, what is wrong and the nearest known word."""
    faults = []
    for number, entry in enumerate(entries, start=1):
        try:
            faults.append(_read_fault(entry))
        except ValueError as error:
            raise ValueError(f"fault {number}: {error}") from None
    return FaultSchedule(faults)


def load_faults(path: Path) -> FaultSchedule:
    """Read a schedule from a JSON file that holds a list; a ValueError names the file."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{path} must hold a list of faults, each an object")
    try:
        return read_faults(entries)
    except ValueError as error:
        raise ValueError(f"{path}, {error}") from None


def _read_fault(entry: Mapping[str, Any]) -> Fault:
    name = _known("fault", entry.get("fault"), FAULTS)
    kind = FAULTS[name]
    call = _known("call", entry.get("call"), ("any", *kind.calls) if kind.calls else CALLS)
    for key in entry:
        _known(f"key of {name}", key, (*_POSITION_KEYS, *kind.parameters))
    first, last = _read_position(entry)
    parameters = {
        key: parameter.read(key, entry.get(key, parameter.default)) for key, parameter in kind.parameters.items()
    }
    return Fault(name, call, first, last, parameters)


def _known(what: str, word: object, known: Iterable[str]) -> str:
    """Return a word that is known, or raise a ValueError that offers the nearest one."""
    words = list(known)
    if isinstance(word, str) and word in words:
        return word
    if word is None:
        raise ValueError(f"the key {what!r} is missing; it is one of {', '.join(words)}")
    near = get_close_matches(str(word), words, n=1, cutoff=0.0)
    raise ValueError(f"unknown {what} {word!r}; did you mean {near[0]!r}?")


def _read_position(entry: Mapping[str, Any]) -> tuple[int, float]:
    """Return the first and last request number a fault strikes."""
    for key in ("nth", "from", "to"):
        value = entry.get(key, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{key} must be a whole number from 1, not {value!r}")
    if "nth" not in entry:
        return entry.get("from", 1), entry.get("to", inf)
    if "from" in entry or "to" in entry:
        raise ValueError("give either nth or from and to, not both")
    return entry["nth"], entry["nth"]
