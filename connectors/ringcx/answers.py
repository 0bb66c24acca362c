"""What RingCX can say, as values: each is classed by what it proves about the request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RejectedRow:
    """A lead that RingCX's own validation turned down, known by its values alone."""

    message: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class LoadCounts:
    """The counters of a direct load; null where the server left one out."""

    supplied: int | None = None
    accepted: int | None = None
    inserted: int | None = None
    duplicates: int | None = None
    do_not_call: int | None = None
    quota: int | None = None
    whitelist: int | None = None


@dataclass(frozen=True)
class Accepted:
    """RingCX processed the request: leads landed, were removed by its rules, or were rejected one by one."""

    counts: LoadCounts
    rejected: tuple[RejectedRow, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class Refused:
    """RingCX answered that it did not take the request; sending the same again would change nothing.

    `too_large` where it says that the request has too many leads or bytes: then no lead in it is to blame.
    """

    code: str
    message: str
    too_large: bool = False


@dataclass(frozen=True)
class NotSent:
    """Proved that nothing was done: no connection, a throttle, a token that had run out."""

    code: str
    message: str
    wait_seconds: float = 0.0


@dataclass(frozen=True)
class Unknown:
    """The request may have been carried out wholly, partly or not at all, now or in a moment."""

    code: str
    message: str


LoadAnswer = Accepted | Refused | NotSent | Unknown


@dataclass(frozen=True)
class FoundLead:
    """A lead as a search shows it."""

    lead_id: int
    extern_id: str
    phone: str
    list_id: int | None
    state: str | None
    time_zone: str | None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Found:
    """What a paged search gave; `complete` when it agrees with the server's own count."""

    leads: tuple[FoundLead, ...]
    complete: bool


@dataclass(frozen=True)
class Campaign:
    """A campaign to load into."""

    campaign_id: int
    name: str
    dial_group: str
    start: str | None = None
    end: str | None = None
