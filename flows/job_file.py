"""The job file: what to load, from where, into which campaign and under which rules.

TOML in, typed models out. Unknown keys are errors that name the file, the key and the nearest known key,
so a misspelt `duplicate_handling` can never fall back to a default in silence.
"""

import datetime as dt
import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from transforms.vocabulary.errors import ConfigurationError
from transforms.vocabulary.lead_fields import TEXT_FIELDS
from transforms.vocabulary.options import DialPriority, DuplicateHandling, ListState, TimeZoneOption

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Number = Annotated[int, Field(gt=0)]

_ARCHIVE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?(Z|[+-]\d{2}:?\d{2})")


class Section(BaseModel):
    """A table of the job file: immutable, strict about its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CsvSource(Section):
    """Comma-separated text, UTF-8; every column is read as text."""

    type: Literal["csv"]
    path: Name = Field(description="A file, a folder of *.csv, or a glob; relative to the job file.")
    separator: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","


class ParquetSource(Section):
    """Parquet; every column is turned into text."""

    type: Literal["parquet"]
    path: Name = Field(description="A file, a folder of *.parquet, or a glob; relative to the job file.")


Source = Annotated[CsvSource | ParquetSource, Field(discriminator="type")]


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
        plain = (field for field in (*TEXT_FIELDS, "leadPriority", "maxPasses") if field != "leadPhone")
        return {field: column for field in plain if (column := getattr(self, field)) is not None}

    def source_columns(self) -> list[str]:
        """Every source column that the job names, once, in the job file's order of fields."""
        named = [*self.text_columns().values(), *(self.leadPhone or ())]
        named += [*self.extendedLeadData.values(), *self.personaPhoneConfig.values()]
        return list(dict.fromkeys(named))


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

    @field_validator("schedule_archive_dts", mode="before")
    @classmethod
    def _is_a_time_with_offset(cls, value: object) -> object:
        text = value.isoformat() if hasattr(value, "isoformat") else value
        if text is not None and not (isinstance(text, str) and _ARCHIVE_TIME.fullmatch(text)):
            raise ValueError("write a time with its offset, such as 2030-01-31T00:00:00Z")
        return text

    @model_validator(mode="after")
    def _names_one_campaign(self) -> Self:
        if (self.campaign is None) == (self.campaign_id is None):
            raise ValueError("give either campaign (a name) or campaign_id (a number)")
        return self


class Phones(Section):
    """Which telephone numbers the job takes, and how they are read."""

    phone_region: Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z]{2}$")] | None = Field(
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
                raise ValueError(f"{value!r} is no ISO 3166 code of a country with telephones, such as US, CA or GB")
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


class Quality(Section):
    """Gates that stop a run before anything is sent."""

    max_reject_rate: Annotated[float, Field(ge=0, le=1)] = 0.25
    damage: Literal["warn", "stop"] = Field(default="warn", description="What a damaged column does to the run.")
    damage_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.01, description="The share of a column's cells from which it counts as damaged."
    )


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
    max_in_flight: Annotated[int, Field(ge=1, le=64)] = 8
    give_up_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=300, description="How long RingCX may be out of reach before the run stops and can be resumed."
    )

    @property
    def settling_time(self) -> float:
        """Seconds after which repeated misses of a search prove absence."""
        return self.timeout_seconds if self.settle_seconds is None else self.settle_seconds


class Job(Section):
    """One job file."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$")]
    source: Source
    columns: Columns
    load: Load
    phones: Phones = Phones()
    duplicates: Duplicates = Duplicates()
    quality: Quality = Quality()
    time_zones: TimeZones = TimeZones()
    delivery: Delivery = Delivery()

    @model_validator(mode="after")
    def _extension_has_a_label_of_its_own(self) -> Self:
        if self.phones.extension is not None and self.phones.extension in self.columns.extendedLeadData:
            raise ValueError("phones.extension: a column of extendedLeadData has this label already")
        if self.phones.extension is not None and (self.is_abroad or not self.columns.leadPhone):
            raise ValueError("phones.extension: it keeps the extensions of leadPhone columns with NANP numbers only")
        return self

    @model_validator(mode="after")
    def _international_options_agree(self) -> Self:
        load = self.load
        if self.sends_e164 and load.phone_numbers_i18n_enabled is False:
            raise ValueError(
                "load.phone_numbers_i18n_enabled: it cannot be false where numbers go as leadPhoneE164; leave it out"
            )
        origin = load.number_origin_country or ""
        if self.phones.phone_region and len(origin) == len("GB") and origin.upper() != self.phones.phone_region:
            raise ValueError(
                f"load.number_origin_country is {origin}, but phones.phone_region {self.phones.phone_region}; "
                "give one of the two"
            )
        return self

    @property
    def phone_region(self) -> str:
        """The country whose numbers come without a country code: `phone_region`, else the origin country, else US."""
        origin = (self.load.number_origin_country or "").upper()
        return self.phones.phone_region or (origin if len(origin) == len("GB") else "US")

    @property
    def is_abroad(self) -> bool:
        """Whether the job's numbers are of a country outside the North American Numbering Plan."""
        return self.phones.phone_region is not None and self.phones.phone_region not in _nanp_regions()

    @property
    def sends_e164(self) -> bool:
        """Whether leads carry `leadPhoneE164`, which RingCX takes from accounts enabled for it."""
        return self.columns.leadPhoneE164 is not None or self.is_abroad

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


def _nanp_regions() -> tuple[str, ...]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    regions: tuple[str, ...] = COUNTRY_CODE_TO_REGION_CODE[1]
    return regions


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
    try:
        job = Job.model_validate(raw)
    except ValidationError as error:
        faults = "\n".join(f"  {_describe(fault)}" for fault in error.errors())
        raise ConfigurationError(
            "JOB_FILE_INVALID", f"{path} is not a valid job:\n{faults}\n", "Mend these keys and try again."
        ) from None
    where = (path.parent.resolve() / job.source.path).as_posix()
    return job.model_copy(update={"source": job.source.model_copy(update={"path": where})})


_TABLES: dict[str, type[BaseModel]] = {
    "": Job,
    "source.csv": CsvSource,
    "source.parquet": ParquetSource,
    "columns": Columns,
    "load": Load,
    "phones": Phones,
    "duplicates": Duplicates,
    "quality": Quality,
    "time_zones": TimeZones,
    "delivery": Delivery,
}


def _describe(fault: ErrorDetails) -> str:
    parts = [str(part) for part in fault["loc"]]
    if len(parts) > 1 and parts[0] == "source" and parts[1] in {"csv", "parquet"}:
        del parts[1]  # the name of the chosen kind of source is no key of the file
    key = ".".join(parts) or "(top level)"
    if fault["type"] == "extra_forbidden":
        return f"{key}: unknown key{_nearest(parts, fault)}"
    if fault["type"] == "missing":
        return f"{key}: this key is required"
    if fault["type"] == "union_tag_invalid":
        return f"{key}.type: {_value(fault)} is no kind of source; known are csv and parquet"
    if fault["type"] == "union_tag_not_found":
        return f"{key}.type: this key is required (csv or parquet)"
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
