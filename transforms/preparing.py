"""Turns source rows into leads: map, clean, judge, and derive the time zone. No row disappears on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from transforms.lead_rules import FAULT_COLUMNS, judge_candidates
from transforms.phones import judge_e164, judge_phones
from transforms.postal import clean_postal_codes, region_code
from transforms.text import clean_text, empty_to_null, whole_number
from transforms.time_zones import ZoneNaming, derive_time_zones
from transforms.vocabulary.lead_fields import INTEGER_FIELDS
from transforms.vocabulary.reasons import Reason

_BLANK_ENDS: Final = r"^[\s\u{200B}\u{FEFF}]+|[\s\u{200B}\u{FEFF}]+$"
"""What nobody sees at the ends of an id: white space, zero-width space, byte-order mark."""

VERDICT_COLUMNS: Final = ("reason", "note", "time_zone", "time_zone_source", "time_zone_conflict")

_NOTES: Final = ("phone_note", "e164_note", "zip_note", "zone_note")
_SIDE_NOTE: Final = "note of "
"""Columns that hold notes; a job's own label may end in `_note` and is none of them."""


@dataclass(frozen=True)
class LeadMapping:
    """Which source column fills which lead field.

    `text` has one column a field (`leadPhone` apart); `phones` are the columns of `leadPhone` in order of preference;
    `extended` and `personas` map labels to columns.
    """

    text: Mapping[str, str]
    phones: tuple[str, ...]
    extended: Mapping[str, str] = field(default_factory=dict)
    personas: Mapping[str, str] = field(default_factory=dict)

    def lead_columns(self) -> list[str]:
        """Name the columns of a lead under this mapping; objects spread as `extendedLeadData.<label>`."""
        plain = ["externId", *(["leadPhone"] if self.phones else [])]
        plain += [name for name in self.text if name not in plain]
        plain += [] if "leadTimezone" in plain else ["leadTimezone"]
        return [*plain, *self._object_columns()]

    def _object_columns(self) -> dict[str, str]:
        extended = {f"extendedLeadData.{label}": column for label, column in self.extended.items()}
        return extended | {f"personaPhoneConfig.{label}": column for label, column in self.personas.items()}

    def select(self) -> list[pl.Expr]:
        """Name and clean every mapped column of a source frame, phones apart."""
        chosen = [clean_text(pl.col(column)).alias(name) for name, column in self.text.items() if name != "externId"]
        # Controls inside an id are a reason to refuse it, so only its ends are trimmed.
        chosen.append(empty_to_null(pl.col(self.text["externId"]).str.replace_all(_BLANK_ENDS, "")).alias("externId"))
        return [*chosen, *(clean_text(pl.col(c)).alias(name) for name, c in self._object_columns().items())]


@dataclass(frozen=True)
class PreparingRules:
    """What the job chooses about preparing: zone names, and what `EXPLICIT` asks of a lead without a zone."""

    naming: ZoneNaming
    explicit_zones: bool
    reject_unknown_zone: bool
    origin_country: str = "US"


def prepare_leads(rows: pl.DataFrame, mapping: LeadMapping, rules: PreparingRules) -> pl.DataFrame:
    """Return one row for each row of `rows`, same order: `source_row`, the lead's columns and the verdict.

    `rows` holds `source_row`, `row_fault` (why a record is no row, mostly null) and text columns. `reason` is null
    for a lead that may be sent. `note` says what was repaired or left out, without any value of the row.
    """
    leads = rows.select("source_row", "row_fault", *mapping.select())
    leads = _with_numbers(leads, rows, mapping, rules)
    leads = _with_region(leads)
    leads = _with_whole_numbers(leads)
    leads = _with_time_zone(leads, rules)
    notes = [name for name in leads.columns if name.startswith(_SIDE_NOTE) or name in _NOTES]
    leads = leads.with_columns(
        judge_candidates(leads.select("externId", *FAULT_COLUMNS)),
        empty_to_null(pl.concat_str(notes, separator="; ", ignore_nulls=True)).alias("note"),
    )
    return leads.select("source_row", *mapping.lead_columns(), *VERDICT_COLUMNS)


def _with_numbers(leads: pl.DataFrame, rows: pl.DataFrame, mapping: LeadMapping, rules: PreparingRules) -> pl.DataFrame:
    """Judge every telephone field; add `leadPhone`, `phone_fault`, `e164_fault` and notes."""
    leads = _with_lead_phone(leads, [judge_phones(rows.get_column(column)) for column in mapping.phones])
    if "leadPhoneE164" in leads.columns:
        judged = judge_e164(leads.get_column("leadPhoneE164"), rules.origin_country)
        leads = leads.with_columns(judged["e164"].alias("leadPhoneE164"), judged["reason"].alias("e164_fault"))
    else:
        leads = leads.with_columns(
            pl.lit(None, pl.String).alias("leadPhoneE164"), pl.lit(None, pl.String).alias("e164_fault")
        )
    leads = _settle_two_numbers(leads)
    for name in ["auxPhone", *(name for name in leads.columns if name.startswith("personaPhoneConfig."))]:
        if name in leads.columns:
            leads = _with_side_number(leads, name)
    return leads


def _with_lead_phone(leads: pl.DataFrame, judged: list[pl.DataFrame]) -> pl.DataFrame:
    """Join the numbers of all mapped columns with `|`, without repeats; the first column's fault speaks for all."""
    if not judged:
        nothing = [pl.lit(None, pl.String).alias(name) for name in ("leadPhone", "phone_fault", "phone_note")]
        return leads.with_columns(*nothing)
    columns = {
        f"{part}{place}": frame[part] for place, frame in enumerate(judged) for part in ("phone", "reason", "note")
    }
    wide = pl.DataFrame(columns)
    phones, faults, notes = ([f"{part}{place}" for place in range(len(judged))] for part in ("phone", "reason", "note"))
    several = empty_to_null(pl.concat_str(phones, separator="|", ignore_nulls=True))
    number = several if len(judged) == 1 else several.str.split("|").list.unique(maintain_order=True).list.join("|")
    # A blank second column is no reason to doubt the first; a wrong one beside a right one is noted.
    real_faults = [pl.when(pl.col(fault) != Reason.PHONE_MISSING).then(pl.col(fault)) for fault in faults]
    left_out = pl.concat_str(
        [pl.lit("number left out: ") + fault for fault in real_faults], separator="; ", ignore_nulls=True
    )
    found = wide.select(
        number.alias("leadPhone"),
        pl.when(number.is_null())
        .then(pl.coalesce(*real_faults, pl.lit(Reason.PHONE_MISSING.value)))
        .alias("phone_fault"),
        pl.when(number.is_not_null())
        .then(empty_to_null(pl.concat_str([empty_to_null(left_out), *notes], separator="; ", ignore_nulls=True)))
        .alias("phone_note"),
    )
    return leads.with_columns(found)


def _settle_two_numbers(leads: pl.DataFrame) -> pl.DataFrame:
    """Let one good number carry the lead: `leadPhone` or `leadPhoneE164`; what was wrong beside it is noted."""
    phone, e164 = pl.col("leadPhone").is_not_null(), pl.col("leadPhoneE164").is_not_null()
    phone_fault = (
        pl.when(phone | e164).then(None).otherwise(pl.coalesce("e164_fault", "phone_fault", pl.lit("PHONE_MISSING")))
    )
    from_e164 = phone_fault == Reason.PHONE_E164_NOT_VALID
    note = pl.when(phone & pl.col("e164_fault").is_not_null()).then(pl.lit("leadPhoneE164 left out: not valid"))
    other = pl.when(e164 & ~phone & (pl.col("phone_fault") != Reason.PHONE_MISSING)).then(
        pl.lit("leadPhone left out: ") + pl.col("phone_fault")
    )
    return leads.with_columns(
        pl.when(~from_e164).then(phone_fault).alias("phone_fault"),
        pl.when(from_e164).then(phone_fault).alias("e164_fault"),
        pl.coalesce(note, other).alias("e164_note"),
    )


def _with_side_number(leads: pl.DataFrame, name: str) -> pl.DataFrame:
    judged = judge_phones(leads.get_column(name))
    left_out = judged["phone"].is_null() & leads.get_column(name).is_not_null()
    note = pl.when(left_out).then(pl.lit(f"{name} left out: ") + judged["reason"])
    return leads.with_columns(judged["phone"].alias(name), note.alias(f"{_SIDE_NOTE}{name}"))


def _with_region(leads: pl.DataFrame) -> pl.DataFrame:
    if "state" in leads.columns:
        leads = leads.with_columns(region_code(pl.col("state")))
    return clean_postal_codes(leads) if "zip" in leads.columns else leads


def _with_whole_numbers(leads: pl.DataFrame) -> pl.DataFrame:
    faults = {"leadPriority": Reason.LEAD_PRIORITY_NOT_INTEGER, "maxPasses": Reason.MAX_PASSES_NOT_INTEGER}
    columns = dict(zip(INTEGER_FIELDS, ("priority_fault", "passes_fault"), strict=True))
    for name, fault_column in columns.items():
        if name in leads.columns:
            number = whole_number(pl.col(name))
            fault = pl.when(pl.col(name).is_not_null() & number.is_null()).then(pl.lit(faults[name].value))
            leads = leads.with_columns(fault.alias(fault_column), number.alias(name))
        else:
            leads = leads.with_columns(pl.lit(None, pl.String).alias(fault_column))
    return leads


def _with_time_zone(leads: pl.DataFrame, rules: PreparingRules) -> pl.DataFrame:
    """Derive the zone of each lead; under `EXPLICIT` it becomes `leadTimezone`, and lacking one may be a fault."""
    absent = [name for name in ("zip", "state", "leadTimezone") if name not in leads.columns]
    known = leads.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    zoned = derive_time_zones(known.rename({"leadTimezone": "given_zone"}), rules.naming)
    not_understood = pl.col("given_zone").is_not_null() & (pl.col("time_zone_source") != "source").fill_null(value=True)
    fault = pl.lit(None, pl.String)
    if rules.explicit_zones:
        fault = pl.when(not_understood).then(pl.lit(Reason.TIME_ZONE_NOT_VALID.value))
        if rules.reject_unknown_zone:
            fault = (
                pl.when(not_understood)
                .then(pl.lit(Reason.TIME_ZONE_NOT_VALID.value))
                .when(pl.col("ringcx_zone").is_null() & pl.col("time_zone").is_not_null())
                .then(pl.lit(Reason.TIME_ZONE_NOT_NAMED.value))
                .when(pl.col("ringcx_zone").is_null())
                .then(pl.lit(Reason.TIME_ZONE_UNKNOWN.value))
            )
    sent = pl.col("ringcx_zone") if rules.explicit_zones else pl.lit(None, pl.String)
    conflict = pl.when("time_zone_conflict").then(
        pl.lit("time zone in dispute, taken from the ") + pl.col("time_zone_source")
    )
    return zoned.with_columns(fault.alias("zone_fault"), sent.alias("leadTimezone"), conflict.alias("zone_note"))
