"""The job file: what to load, from where, into which campaign and under which rules.

TOML in, typed models out. Unknown keys are errors that name the file, the key and the nearest known key,
so a misspelt `duplicate_handling` can never fall back to a default in silence.
"""

import datetime as dt
import difflib
import math
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from connectors.sources.csv_dialect import NO_QUOTE, CsvChoices
from connectors.sources.databases.urls import check_url, file_path_of, with_file_path
from connectors.sources.text_encoding import known_encoding
from connectors.sources.urls import is_url, parse_url
from flows.path_parameters import check_path, escape_path, fill_path, unescape_path
from transforms.vocabulary.countries import TWO_LETTERS
from transforms.vocabulary.errors import ConfigurationError
from transforms.vocabulary.lead_fields import PLAIN_FIELDS, named_columns
from transforms.vocabulary.options import DialPriority, DuplicateHandling, ListState, TimeZoneOption

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Number = Annotated[int, Field(gt=0)]
Parameter = (
    Annotated[bool, Field(strict=True)]
    | Annotated[int, Field(strict=True)]
    | Annotated[float, Field(strict=True, allow_inf_nan=False)]
    | Annotated[str, Field(strict=True)]
)


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is no IANA time zone, such as America/New_York") from None
    return value


ZoneName = Annotated[Name, AfterValidator(_check_zone)]

_ARCHIVE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?(Z|[+-]\d{2}:?\d{2})")


class Section(BaseModel):
    """A table of the job file: immutable, strict about its keys."""

    # Built at first use: of a job's tables each would else be built twice, by itself and as a part of the job.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class FileSource(Section):
    """What every source of files has: where they are, and what to do while there is none."""

    type: str
    path: Name = Field(description="A file, a folder, or a glob, with run parameters; relative to the job file.")
    time_zone: ZoneName | None = Field(default=None, description="The IANA zone of `run_date`; else the host's own.")
    missing: Literal["fail", "wait"] = Field(default="fail", description="What to do while there is no file.")
    wait_minutes: Annotated[float, Field(gt=0, le=10_080)] | None = Field(
        default=None, description="How long to wait for a file that is missing, or still being written. Default: 60."
    )
    wait_poll_seconds: Annotated[float, Field(ge=0.1, le=3600)] | None = Field(
        default=None, description="How long from one look to the next; a file must not change meanwhile. Default: 30."
    )

    @field_validator("path")
    @classmethod
    def _has_known_parameters(cls, value: str) -> str:
        if is_url(value):
            parse_url(value.replace("{", "").replace("}", ""))
        return check_path(value)

    @model_validator(mode="after")
    def _waits_only_if_told_to(self) -> Self:
        if self.missing == "fail" and (self.wait_minutes or self.wait_poll_seconds):
            raise ValueError('wait_minutes and wait_poll_seconds need missing = "wait"')
        return self

    @property
    def place(self) -> str:
        """The path as the file system has it, once its parameters are filled."""
        return unescape_path(self.path)

    @property
    def patience(self) -> tuple[float, float]:
        """Seconds for which to wait for a file, and from one look to the next."""
        return 60 * (self.wait_minutes or 60), self.wait_poll_seconds or 30

    def placed_in(self, folder: Path) -> Self:
        """Return the source with an absolute path, which started at `folder`; a URL stays one."""
        if is_url(self.path):
            return self
        where = (Path(escape_path(folder.as_posix())) / self.path).as_posix()
        return self.model_copy(update={"path": where})

    def as_of(self, moment: dt.datetime, run_id: str = "") -> Self:
        """Return the source of a run that began at `moment` (a time with its zone); no parameter is left."""
        del run_id  # names no file
        local = moment.astimezone(ZoneInfo(self.time_zone) if self.time_zone else None)
        return self.model_copy(update={"path": escape_path(fill_path(self.path, local))})


class CsvSource(FileSource):
    """Text with separators; every column is read as text. What the job does not say of it is found."""

    type: Literal["csv"]
    separator: str = Field(default="auto", description="One character between fields, or `auto`: found.")
    quote: str = Field(default="auto", description="The character around fields, `none`, or `auto`: found.")
    encoding: Name = Field(default="auto", description="Such as `utf-8` or `windows-1252`, or `auto`: found.")
    header: bool = Field(default=True, description="False: no row has names; columns are column_1, column_2, ...")
    skip_rows: Annotated[int, Field(ge=0, le=100_000)] = Field(default=0, description="Lines before the header.")
    comment: Annotated[str, StringConstraints(min_length=1, max_length=10)] | None = Field(
        default=None, description="What begins a line that is no row."
    )
    short_rows: Literal["refuse", "fill"] = Field(default="refuse", description="What to do where fields are missing.")

    @field_validator("separator")
    @classmethod
    def _is_a_separator(cls, value: str) -> str:
        if value != "auto" and (len(value) != 1 or not value.isascii() or value in "\r\n\"'\0"):
            raise ValueError('write one character, such as ";" or "\\t", or "auto"')
        return value

    @field_validator("quote")
    @classmethod
    def _is_a_quote(cls, value: str) -> str:
        is_mark = len(value) == 1 and value.isascii() and not value.isalnum() and not value.isspace() and value != "\0"
        if not is_mark and value not in {"auto", NO_QUOTE}:
            raise ValueError("write one character, such as \" or ', or none, or auto")
        return value

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, value: str) -> str:
        return value if value == "auto" else known_encoding(value)

    @field_validator("comment")
    @classmethod
    def _begins_a_line(cls, value: str | None) -> str | None:
        if value is not None and (value.isspace() or set(value) & set("\r\n")):
            raise ValueError("write what begins a comment, such as #")
        return value

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.separator == self.quote != "auto":
            raise ValueError("separator and quote are the same character")
        return self

    def choices(self) -> CsvChoices:
        """Return what the job says of how its files are written."""
        return CsvChoices(
            separator=self.separator,
            quote=self.quote,
            encoding=self.encoding,
            header=self.header,
            skip_rows=self.skip_rows,
            comment=self.comment,
            fill_short_rows=self.short_rows == "fill",
        )


class ParquetSource(FileSource):
    """Parquet; every column is turned into text."""

    type: Literal["parquet"]


class ExcelSource(FileSource):
    """One sheet of an .xlsx workbook; every cell is read as the text that it shows."""

    type: Literal["excel"]
    sheet: Name | Annotated[int, Field(strict=True, ge=1)] | None = Field(
        default=None, description="The sheet's name, or its number from 1. Default: the first that is not hidden."
    )
    header_row: Annotated[int, Field(ge=1, le=1_048_576)] | None = Field(
        default=None, description="The row with the columns' names. Default: the first that has a cell."
    )


class DatabaseSource(Section):
    """A database and a query; every column is turned into text."""

    type: Literal["database"]
    url: Name = Field(description="The database's URL without a password, or env:NAME of a variable that has it all.")
    query: Name | None = Field(default=None, description="One select statement, with parameters such as :since.")
    query_file: Name | None = Field(default=None, description="A file with the query; relative to the job file.")
    parameters: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], Parameter] = Field(
        default_factory=dict, description="Values for the query's parameters; dates and times become ISO text."
    )
    time_zone: ZoneName | None = Field(default=None, description="The IANA zone of `:run_date`; else the host's own.")
    timeout_seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(
        default=3600, description="How long the query may run, until its last row."
    )

    @field_validator("url")
    @classmethod
    def _has_no_password(cls, value: str) -> str:
        check_url(value)
        return value

    @field_validator("parameters", mode="before")
    @classmethod
    def _times_are_text(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError("write a table, such as { since = 2026-01-31, kind = 'solar' }")  # noqa: TRY004 - pydantic's
        for name, item in value.items():
            is_number = isinstance(item, int | float) and math.isfinite(item)
            if not (isinstance(item, str | dt.date | dt.time) or is_number):
                raise ValueError(f"{name} can be text, a number, true, false, a date or a time")
        return {name: item.isoformat() if hasattr(item, "isoformat") else item for name, item in value.items()}

    @model_validator(mode="after")
    def _has_one_query(self) -> Self:
        if (self.query is None) == (self.query_file is None):
            raise ValueError("give either query (the statement) or query_file (a file that has it)")
        return self

    @property
    def place(self) -> str:
        """The database as it may be shown: it has no password."""
        return self.url

    def placed_in(self, folder: Path) -> Self:
        """Return the source with its query read and a database file's path absolute, which started at `folder`.

        Raises ConfigurationError for a `query_file` that cannot be read.
        """
        path = file_path_of(self.url)
        url = self.url if not path else with_file_path(self.url, (folder / path).as_posix())
        query = self.query if self.query_file is None else _read_query(folder / self.query_file)
        return self.model_copy(update={"url": url, "query": query, "query_file": None})

    def as_of(self, moment: dt.datetime, run_id: str = "") -> Self:
        """Return the source of a run that began at `moment` (a time with its zone), with the run's own parameters.

        A job that gives one of them itself keeps its own value: so a night can be loaded again.
        """
        local = moment.astimezone(ZoneInfo(self.time_zone) if self.time_zone else None)
        own = {"run_date": local.date().isoformat(), "run_id": run_id}
        return self.model_copy(update={"parameters": own | self.parameters})


Source = Annotated[CsvSource | ParquetSource | ExcelSource | DatabaseSource, Field(discriminator="type")]


SOURCES: Final[TypeAdapter[CsvSource | ParquetSource | ExcelSource | DatabaseSource]] = TypeAdapter(
    Source, config=ConfigDict(defer_build=True)
)
"""Reads a `[source]` by itself."""


class Columns(Section):
    """RingCX lead field = source column; names are RingCX's own, so the case matters."""

    externId: Name
    leadPhone: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    leadPhoneE164: Name | None = None
    title: Name | None = None
    firstName: Name | None = None
    midName: Name | None = None
    lastName: Name | None = None
    suffix: Name | None = None
    address1: Name | None = None
    address2: Name | None = None
    city: Name | None = None
    state: Name | None = None
    zip: Name | None = None
    email: Name | None = None
    gateKeeper: Name | None = None
    auxData1: Name | None = None
    auxData2: Name | None = None
    auxData3: Name | None = None
    auxData4: Name | None = None
    auxData5: Name | None = None
    auxPhone: Name | None = None
    auxExternalUrl: Name | None = None
    auxGreeting: Name | None = None
    callerId: Name | None = None
    leadTimezone: Name | None = None
    leadPriority: Name | None = None
    maxPasses: Name | None = None
    reserveAgent: Name | None = None
    liveAnswerMessage: Name | None = None
    machAnswerMessage: Name | None = None
    sortCol: Name | None = None
    extendedLeadData: dict[Name, Name] = Field(default_factory=dict)
    personaPhoneConfig: dict[Name, Name] = Field(default_factory=dict)

    @field_validator("leadPhone", mode="before")
    @classmethod
    def _one_column_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _some_number_is_mapped(self) -> Self:
        if not self.leadPhone and not self.leadPhoneE164:
            raise ValueError("map leadPhone (or leadPhoneE164) to a source column: a lead needs a number")
        return self

    def text_columns(self) -> dict[str, str]:
        """Lead field to source column, for each mapped field that is one plain column."""
        return {field: column for field in PLAIN_FIELDS if (column := getattr(self, field)) is not None}

    def columns_of_fields(self) -> dict[str, tuple[str, ...]]:
        """Lead field, or object and label with a dot between, to the source columns that fill it; only mapped ones."""
        fields: dict[str, tuple[str, ...]] = {field: (column,) for field, column in self.text_columns().items()}
        fields |= {"leadPhone": self.leadPhone} if self.leadPhone else {}
        fields |= {f"extendedLeadData.{label}": (column,) for label, column in self.extendedLeadData.items()}
        return fields | {f"personaPhoneConfig.{label}": (column,) for label, column in self.personaPhoneConfig.items()}

    def source_columns(self) -> list[str]:
        """Every source column that the job names, once, in the job file's order of fields."""
        return named_columns(dict(self))


class Load(Section):
    """Where the leads go and how RingCX is to treat them; the names are the request's own in snake case."""

    campaign: Name | None = None
    campaign_id: Number | None = None
    dial_group: Name | None = Field(default=None, description="Tells campaigns of one name apart.")
    description: Name
    dial_priority: DialPriority
    duplicate_handling: DuplicateHandling
    time_zone_option: TimeZoneOption
    list_state: ListState = ListState.ACTIVE
    phone_numbers_i18n_enabled: bool | None = None
    international_number_format: bool | None = None
    number_origin_country: Name | None = None
    dnc_tags: tuple[Name, ...] = ()
    schedule_archive_dts: str | None = None
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 1000
    already_loaded: Literal["send", "skip"] = Field(
        default="send", description="What happens to leads that an earlier run of the job loaded just as they are."
    )

    @field_validator("schedule_archive_dts", mode="before")
    @classmethod
    def _is_a_time_with_offset(cls, value: object) -> object:
        text = value.isoformat() if hasattr(value, "isoformat") else value
        if text is not None and not (isinstance(text, str) and _ARCHIVE_TIME.fullmatch(text)):
            raise ValueError("write a time with its offset, such as 2030-01-31T00:00:00Z")
        return text

    @field_validator("number_origin_country")
    @classmethod
    def _codes_are_capitals(cls, value: str | None) -> str | None:
        return value.upper() if value is not None and value.isalpha() and len(value) <= len("GBR") else value

    @model_validator(mode="after")
    def _names_one_campaign(self) -> Self:
        if (self.campaign is None) == (self.campaign_id is None):
            raise ValueError("give either campaign (a name) or campaign_id (a number)")
        return self


class Phones(Section):
    """Which telephone numbers the job takes, and how they are read."""

    phone_region: Annotated[str, StringConstraints(to_upper=True)] | None = Field(
        default=None, description="ISO 3166 code of the country whose numbers come without a country code."
    )
    us_only: bool = False
    toll_free: Literal["refuse", "warn", "keep"] = "warn"
    premium_rate: Literal["refuse", "warn", "keep"] = "warn"
    personal_number: Literal["refuse", "warn", "keep"] = "warn"
    extension: Name | None = Field(default=None, description="The label in extendedLeadData that keeps an extension.")

    @field_validator("phone_region")
    @classmethod
    def _is_a_region(cls, value: str | None) -> str | None:
        if value is not None:
            from phonenumbers import SUPPORTED_REGIONS

            if value not in SUPPORTED_REGIONS:
                raise ValueError(
                    f"{value!r} is no ISO 3166 code of two letters for a country with telephones, such as US or GB"
                )
        return value


class Duplicates(Section):
    """Which of several rows with one id or one number stays."""

    keep: Literal["first", "last", "largest", "smallest"] = "first"
    by: Name | None = Field(default=None, description="The source column that `largest` and `smallest` compare.")

    @model_validator(mode="after")
    def _compares_a_column(self) -> Self:
        if (self.by is None) == (self.keep in {"largest", "smallest"}):
            raise ValueError("keep = largest or smallest compares a column: name it with by; first and last take none")
        return self


Share = Annotated[float, Field(ge=0, le=1)]
GateAction = Literal["warn", "stop"]


class Quality(Section):
    """Gates that stop a run before anything is sent, or only warn."""

    max_reject_rate: Share = 0.25
    reject_gate: GateAction = Field(default="stop", description="What happens where more rows are refused.")
    row_count_change: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None, description="How far the rows read may be from the job's usual number, as a share of that."
    )
    rows_gate: GateAction | None = Field(
        default=None, description="What an unusual number of rows does. Default: stop."
    )
    max_null_rate: dict[Name, Share] = Field(
        default_factory=dict, description="Lead field to the share of rows in which its columns may be empty."
    )
    null_gate: GateAction | None = Field(default=None, description="What too many empty cells do. Default: stop.")
    max_duplicate_rate: Share | None = Field(default=None, description="The share of rows that may be duplicates.")
    duplicate_gate: GateAction | None = Field(default=None, description="What more duplicates do. Default: stop.")
    max_zone_conflict_rate: Share | None = Field(
        default=None, description="The share of rows whose evidence may name zones of different clocks."
    )
    zone_conflict_gate: GateAction | None = Field(default=None, description="What more conflicts do. Default: stop.")
    damage: Literal["warn", "stop"] = Field(default="warn", description="What a damaged column does to the run.")
    seen_before: Literal["ignore", "warn", "stop"] = Field(
        default="warn", description="What happens where an earlier run of the job has loaded the very same rows."
    )
    damage_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.01, description="The share of a column's cells from which it counts as damaged."
    )

    @model_validator(mode="after")
    def _gates_have_limits(self) -> Self:
        limits = {
            "rows_gate": "row_count_change",
            "null_gate": "max_null_rate",
            "duplicate_gate": "max_duplicate_rate",
            "zone_conflict_gate": "max_zone_conflict_rate",
        }
        for gate, limit in limits.items():
            if getattr(self, gate) is not None and getattr(self, limit) in (None, {}):
                raise ValueError(f"{gate} judges nothing without {limit}: give that too, or leave both out")
        return self


_TIME_OF_DAY: Final = re.compile(r"[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?")


class TimeZones(Section):
    """Where a time zone is taken from, how it is named, and what happens to a lead without one (`EXPLICIT` only)."""

    names: Literal["run_date", "standard"] = "run_date"
    as_of: dt.date | None = Field(default=None, description="Name zones as on this day, not the day of the run.")
    unknown: Literal["reject", "send_without"] = "reject"
    order: Annotated[tuple[Literal["source", "zip", "number", "state"], ...], Field(min_length=1)] = (
        "source",
        "zip",
        "number",
        "state",
    )
    conflict: Literal["safe", "trust", "refuse"] = "safe"
    calling_hours: tuple[dt.time, dt.time] | None = Field(
        default=None, description="When the campaign calls, in the lead's zone: two times such as 09:00 and 20:00."
    )

    @field_validator("order")
    @classmethod
    def _names_each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("name each source of time zones once")
        return value

    @field_validator("as_of", mode="before")
    @classmethod
    def _is_a_day(cls, value: object) -> object:
        # pydantic would take a number for seconds since 1970.
        if isinstance(value, (int, float)):
            raise ValueError("write a day, such as 2026-12-01")  # noqa: TRY004 - pydantic tells ValueErrors only
        return value

    @field_validator("calling_hours", mode="before")
    @classmethod
    def _are_times_of_day(cls, value: object) -> object:
        if not isinstance(value, (list, tuple)):
            return value
        times = [time.rjust(len("09:00"), "0") if isinstance(time, str) else time for time in value]
        for time in times:
            if not (isinstance(time, dt.time) or (isinstance(time, str) and _TIME_OF_DAY.fullmatch(time))):
                raise ValueError('write two times in the lead\'s own zone, such as "09:00" and "20:00"')
        return times

    @field_validator("calling_hours")
    @classmethod
    def _begins_before_it_ends(cls, value: tuple[dt.time, dt.time] | None) -> tuple[dt.time, dt.time] | None:
        if value is not None and not dt.time(8) <= value[0] < value[1] <= dt.time(21):
            raise ValueError("write two times, the earlier one first, between 08:00 and 21:00")
        return value


class Delivery(Section):
    """How long to wait for RingCX."""

    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    settle_seconds: Annotated[float, Field(ge=0, le=3600)] | None = Field(
        default=None,
        description="How long an unanswered batch may still land; until then a search that misses proves nothing. "
        "Default: the time-out again.",
    )
    max_in_flight: Annotated[int, Field(ge=1, le=64)] = Field(
        default=32, description="Requests at once; 30 are what a throttle's window lets through in one moment."
    )
    keep_throttles: bool = Field(
        default=True, description="False for accounts without RingCX's documented limits: only a 429 slows down."
    )
    give_up_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=300, description="How long RingCX may be out of reach before the run stops and can be resumed."
    )

    @property
    def settling_time(self) -> float:
        """Seconds after which repeated misses of a search prove absence."""
        return self.timeout_seconds if self.settle_seconds is None else self.settle_seconds


NotifyWhen = Literal["always", "succeeded", "failed", "unresolved", "gate", "interrupted"]
_SECRET: Final = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")


class Notify(Section):
    """Who is told how a run ended, and at which ends."""

    to: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="env:NAME, one or several: secrets that hold the addresses."
    )
    on: Annotated[tuple[NotifyWhen, ...], Field(min_length=1)] = Field(
        default=("failed", "unresolved", "gate"), description="The ends that are told; `always` is all but interrupted."
    )

    @field_validator("to", "on", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("to")
    @classmethod
    def _names_secrets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_SECRET.fullmatch(each) for each in value):
            raise ValueError(
                "an address holds a key or a password, which has no place in a job file: put it into an environment "
                'variable and write its name, such as to = "env:NOTIFY_URL"'
            )
        return value

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the secrets that hold the addresses."""
        return tuple(each.removeprefix("env:") for each in self.to)

    def wants(self, status: str) -> bool:
        """Return whether an end of this kind is told."""
        return status in self.on or ("always" in self.on and status != "interrupted")


_HOME: Final = "US"
"""The country whose numbers a job has that says nothing of them."""


class Job(Section):
    """One job file."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$")]
    source: Source
    columns: Columns
    load: Load
    # Their own defaults, which nobody needs to check: a checked one would have its table built by itself.
    phones: Phones = Phones.model_construct()
    duplicates: Duplicates = Duplicates.model_construct()
    quality: Quality = Quality.model_construct()
    time_zones: TimeZones = TimeZones.model_construct()
    delivery: Delivery = Delivery.model_construct()
    notify: Notify | None = None

    @model_validator(mode="after")
    def _extension_has_a_label_of_its_own(self, info: ValidationInfo) -> Self:
        if _is_recorded(info):
            return self
        if self.phones.extension is not None and self.phones.extension in self.columns.extendedLeadData:
            raise ValueError("phones.extension: a column of extendedLeadData has this label already")
        if self.phones.extension is not None and not (self.is_abroad or self.columns.leadPhone):
            raise ValueError("phones.extension: it keeps the extensions of leadPhone columns, and none is mapped")
        return self

    @model_validator(mode="after")
    def _choices_of_numbers_have_some_to_judge(self, info: ValidationInfo) -> Self:
        columns, phones = self.columns, self.phones
        if _is_recorded(info):
            return self
        if not self.is_abroad and (columns.leadPhone or columns.auxPhone or columns.personaPhoneConfig):
            return self
        kinds = ("toll_free", "premium_rate", "personal_number")
        idle = [
            *(["us_only"] if phones.us_only else []),
            *(kind for kind in kinds if getattr(phones, kind) == "refuse"),
        ]
        if idle:
            raise ValueError(
                f"phones.{', phones.'.join(idle)}: only numbers that are sent as ten digits are judged by it, and this "
                "job sends them all in E.164 form; leave it out"
            )
        return self

    @model_validator(mode="after")
    def _null_rates_are_of_mapped_fields(self) -> Self:
        known = self.columns.columns_of_fields()
        for field in self.quality.max_null_rate:
            if field not in known:
                near = difflib.get_close_matches(field, list(known), n=1)
                told = f"; did you mean {near[0]!r}?" if near else f"; mapped are {', '.join(known)}"
                raise ValueError(f"quality.max_null_rate.{field}: no such lead field is mapped in [columns]{told}")
        return self

    @model_validator(mode="after")
    def _origin_is_the_region(self, info: ValidationInfo) -> Self:
        if _is_recorded(info):
            return self
        origin, region = self.load.number_origin_country, self.phones.phone_region
        named = None if origin is None else _region_of(origin)
        if origin is not None and named is None and region is None:
            raise ValueError(
                f"load.number_origin_country: {origin!r} is no ISO 3166 code, such as GB or GBR, so it does not say "
                'how to read the numbers; name their country with phones.phone_region, such as "GB"'
            )
        if named is not None and region is not None and named != region:
            raise ValueError(
                f"load.number_origin_country is {origin}, but phones.phone_region {region}; give one of the two"
            )
        return self

    @model_validator(mode="after")
    def _international_options_agree(self, info: ValidationInfo) -> Self:
        if _is_recorded(info):
            return self
        load = self.load
        for key in ("phone_numbers_i18n_enabled", "international_number_format"):
            if self.sends_e164 and getattr(load, key) is False:
                raise ValueError(f"load.{key}: it cannot be false where numbers go as leadPhoneE164; leave it out")
        if load.international_number_format and not self.sends_e164:
            raise ValueError(
                "load.international_number_format: it cannot be true where numbers go as leadPhone, which has ten "
                "digits and no country code; leave it out, or map leadPhoneE164"
            )
        return self

    @property
    def phone_region(self) -> str:
        """The country whose numbers come without a country code: `phone_region`, else the origin country, else US."""
        origin = self.load.number_origin_country
        return self.phones.phone_region or (origin and _region_of(origin)) or _HOME

    @property
    def is_abroad(self) -> bool:
        """Whether the job's numbers are of a country outside the North American Numbering Plan."""
        return self.phone_region != _HOME and self.phone_region not in _nanp_regions()

    @property
    def sends_e164(self) -> bool:
        """Whether leads carry `leadPhoneE164`, which RingCX takes from accounts enabled for it."""
        return self.columns.leadPhoneE164 is not None or self.is_abroad

    def day_of(self, moment: dt.datetime) -> dt.date:
        """Return the day of a run that began at `moment` (a time with its zone), as `run_date` has it.

        In the evening it is tomorrow in UTC, where clocks may have changed by then.
        """
        return moment.astimezone(ZoneInfo(self.source.time_zone) if self.source.time_zone else None).date()

    def as_of(self, moment: dt.datetime, run_id: str = "") -> Self:
        """Return the job of the run `run_id`, which began at `moment`: its source depends on neither any more."""
        return self.model_copy(update={"source": self.source.as_of(moment, run_id)})

    def source_columns(self) -> list[str]:
        """Every source column that the job names, once."""
        named = self.columns.source_columns()
        return list(dict.fromkeys([*named, *([self.duplicates.by] if self.duplicates.by else [])]))

    def column_roles(self) -> dict[str, str]:
        """Source column to the lead field it fills first; labels of objects count as their object."""
        columns = self.columns
        roles = {column: field for field, column in reversed(columns.text_columns().items())}
        roles |= dict.fromkeys(columns.leadPhone or (), "leadPhone")
        for column in columns.extendedLeadData.values():
            roles.setdefault(column, "extendedLeadData")
        for column in columns.personaPhoneConfig.values():
            roles.setdefault(column, "personaPhoneConfig")
        return roles


_RECORDED: Final = "recorded"


def _is_recorded(info: ValidationInfo) -> bool:
    """Return whether a job was taken before: what a later version says of its keys together comes too late for it."""
    return info.context == _RECORDED


def read_recorded_job(text: str) -> Job:
    """Return the job of a run as the ledger keeps it. Raises ConfigurationError where this version cannot read it."""
    try:
        return Job.model_validate_json(text, context=_RECORDED)
    except ValidationError as error:
        faults = "\n".join(f"  {_describe(fault)}" for fault in error.errors())
        raise ConfigurationError(
            "RUN_JOB_UNREADABLE",
            f"The run's job, as it was recorded, cannot be read by this version:\n{faults}\n",
            "Use the version of Leadferry that began the run.",
        ) from None


def _region_of(country: str) -> str | None:
    """Return the region that a country's ISO 3166 code of two or three letters means to telephones; else None."""
    from phonenumbers import SUPPORTED_REGIONS

    code = TWO_LETTERS.get(country, country)
    return code if code in SUPPORTED_REGIONS else None


def _nanp_regions() -> tuple[str, ...]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    regions: tuple[str, ...] = COUNTRY_CODE_TO_REGION_CODE[1]
    return regions


def _read_query(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "QUERY_FILE_UNREADABLE", f"source.query_file: {path} cannot be read: {error}.", "Check its path."
        ) from None


def read_job(path: Path) -> Job:
    """Read and check the job file at `path`; source paths become absolute, relative to its folder.

    Raises ConfigurationError naming the file, each wrong key and the nearest known one.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            "JOB_FILE_MISSING", f"There is no job file {path}.", "Check the path, or write one as the README shows."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "JOB_FILE_UNREADABLE", f"{path} cannot be read: {error}.", "Save it as UTF-8 text that you may read."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError("JOB_FILE_SYNTAX", f"{path} is not valid TOML: {error}.", "Mend that line.") from None
    except (ValueError, RecursionError):  # what Python itself refuses, where the syntax is right
        raise ConfigurationError(
            "JOB_FILE_SYNTAX",
            f"{path} has a number of thousands of digits, or brackets within hundreds of others.",
            "Take that out: no key needs it.",
        ) from None
    try:
        job = Job.model_validate(raw)
    except ValidationError as error:
        faults = "\n".join(f"  {_describe(fault)}" for fault in error.errors())
        raise ConfigurationError(
            "JOB_FILE_INVALID", f"{path} is not a valid job:\n{faults}\n", "Mend these keys and try again."
        ) from None
    return job.model_copy(update={"source": job.source.placed_in(path.parent.resolve())})


_TABLES: dict[str, type[BaseModel]] = {
    "": Job,
    "source.csv": CsvSource,
    "source.parquet": ParquetSource,
    "source.excel": ExcelSource,
    "source.database": DatabaseSource,
    "columns": Columns,
    "load": Load,
    "phones": Phones,
    "duplicates": Duplicates,
    "quality": Quality,
    "time_zones": TimeZones,
    "delivery": Delivery,
    "notify": Notify,
}


_KINDS = [name.removeprefix("source.") for name in _TABLES if name.startswith("source.")]
_LISTED_KINDS = f"{', '.join(_KINDS[:-1])} and {_KINDS[-1]}"


def _describe(fault: ErrorDetails) -> str:
    parts = [str(part) for part in fault["loc"]]
    if len(parts) > 1 and parts[0] == "source" and parts[1] in _KINDS:
        del parts[1]  # the name of the chosen kind of source is no key of the file
    key = ".".join(parts) or "(top level)"
    if fault["type"] == "extra_forbidden":
        return f"{key}: unknown key{_nearest(parts, fault)}"
    if fault["type"] == "missing":
        return f"{key}: this key is required"
    if fault["type"] == "union_tag_invalid":
        return f"{key}.type: {_value(fault)} is no kind of source; known are {_LISTED_KINDS}"
    if fault["type"] == "union_tag_not_found":
        return f"{key}.type: this key is required ({_LISTED_KINDS})"
    if fault["type"] == "enum":
        allowed = fault["ctx"]["expected"]
        near = difflib.get_close_matches(str(fault["input"]).upper(), re.findall(r"'(\w+)'", allowed), n=1)
        return f"{key}: {_value(fault)} is not one of {allowed}" + (f"; did you mean {near[0]!r}?" if near else "")
    return f"{key}: {fault['msg'].removeprefix('Value error, ')}"


def _value(fault: ErrorDetails) -> str:
    given: Any = fault["input"]
    return repr(given.get("type") if isinstance(given, dict) else given)[:80]


def _nearest(parts: list[str], fault: ErrorDetails) -> str:
    """Name the known key closest to an unknown one, or list those that the table has."""
    path = ".".join(str(part) for part in fault["loc"][:-1])
    known = list(_TABLES[path].model_fields) if path in _TABLES else []
    lowered = {name.lower(): name for name in known}
    near = difflib.get_close_matches(parts[-1].lower(), list(lowered), n=1, cutoff=0.5)
    return f"; did you mean {lowered[near[0]]!r}?" if near else f"; known keys are {', '.join(known)}"
