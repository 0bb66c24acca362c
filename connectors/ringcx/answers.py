"""What RingCX can say, as values: each is classed by what it proves about the request."""

from dataclasses import dataclass

import polars as pl

from connectors.ringcx.lead_rows import LEAD_ROW


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


@dataclass(frozen=True)
class Found:
    """What a paged search gave, `rows` as `lead_rows` has them; `complete` when it agrees with the server's count."""

    rows: pl.DataFrame
    complete: bool

    @property
    def leads(self) -> list[FoundLead]:
        """The rows one by one, where they are few."""
        return [FoundLead(*row) for row in self.rows.select(LEAD_ROW.names()).iter_rows()]


@dataclass(frozen=True)
class Campaign:
    """A campaign to load into."""

    campaign_id: int
    name: str
    dial_group: str
    start: str | None = None
    end: str | None = None
