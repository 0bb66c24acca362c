"""Turns source rows into leads: map, clean, judge, and derive the time zone. No row disappears on the way.

Frames are eager chunks on purpose: what few rows need is then worked out for those rows alone, where a lazy plan would
work it out for all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import polars as pl

from transforms.lead_schema import judge_candidates
from transforms.phones import PhoneChoices, judge_e164, judge_phones
from transforms.postal import clean_postal_codes, clean_regions
from transforms.text import clean_id, clean_text, empty_to_null, mend_odd, put, whole_number
from transforms.time_zones import ZonePolicy, derive_time_zones
from transforms.vocabulary.lead_fields import INTEGER_FIELDS
from transforms.vocabulary.reasons import Reason

EVIDENCE_COLUMNS: Final = (
    "time_zone",
    "time_zone_source",
    "time_zone_conflict",
    "zip_zone",
    "number_zone",
    "state_zone",
)
VERDICT_COLUMNS: Final = ("reason", "note", "row_place", *EVIDENCE_COLUMNS)

_EMAIL: Final = r"^[^\s@]+@[^\s@]+\.[^\s@.]+$"
"""What no address can do without; whether it is one, only a mail server knows."""

_NO_EMAILS: Final = (~pl.first().str.contains(_EMAIL)).arg_true()

_FAULTS_OF_INTEGERS: Final = {
    "leadPriority": ("priority_fault", Reason.LEAD_PRIORITY_NOT_INTEGER),
    "maxPasses": ("passes_fault", Reason.MAX_PASSES_NOT_INTEGER),
}


@dataclass(frozen=True)
class LeadMapping:
    """Which source column fills which lead field.

    `text` has one column a field (`leadPhone` apart); `phones` are the columns of `leadPhone` in order of preference;
    `extended` and `personas` map labels to columns; `extension_label` is where in `extendedLeadData` a telephone
    extension is kept. With `abroad`, `phones` fill `leadPhoneE164`.
    """

    text: Mapping[str, str]
    phones: tuple[str, ...]
    extended: Mapping[str, str] = field(default_factory=dict)
    personas: Mapping[str, str] = field(default_factory=dict)
    extension_label: str | None = None
    abroad: bool = False

    def lead_columns(self) -> list[str]:
        """Name the columns of a lead under this mapping; objects spread as `extendedLeadData.<label>`."""
        number = [] if not self.phones else ["leadPhoneE164"] if self.abroad else ["leadPhone"]
        plain = ["externId", *number]
        plain += [name for name in self.text if name not in plain]
        plain += [] if "leadTimezone" in plain else ["leadTimezone"]
        extension = [] if self.extension_label is None else [f"extendedLeadData.{self.extension_label}"]
        return [*plain, *self._object_columns(), *extension]

    def _object_columns(self) -> dict[str, str]:
        extended = {f"extendedLeadData.{label}": column for label, column in self.extended.items()}
        return extended | {f"personaPhoneConfig.{label}": column for label, column in self.personas.items()}

    def plain_columns(self) -> dict[str, str]:
        """Return lead field to source column, for each that text cleaning alone makes ready or nearly so."""
        apart = {"externId", "leadPhoneE164", "state", "zip"}
        return {name: column for name, column in self.text.items() if name not in apart} | self._object_columns()


@dataclass(frozen=True)
class PreparingRules:
    """What the job chooses about preparing: numbers, zones, and what `EXPLICIT` asks of a lead without a zone.

    `phone_region` is the ISO 3166 code of the country whose numbers are written without a country code.
    """

    zones: ZonePolicy
    explicit_zones: bool
    reject_unknown_zone: bool
    phones: PhoneChoices = field(default_factory=PhoneChoices)
    phone_region: str = "US"


_NOTED_ROWS: Final = pl.any_horizontal(pl.all().is_not_null()).arg_true()
_JOINED_NOTES: Final = empty_to_null(pl.concat_str(pl.all(), separator="; ", ignore_nulls=True))


class _Notes:
    """What was repaired or left out, column by column; a column with nothing to say is not kept."""

    def __init__(self) -> None:
        self._columns: list[pl.Series] = []

    def add(self, notes: pl.Series) -> None:
        if notes.null_count() < notes.len():
            self._columns.append(notes.alias(str(len(self._columns))))

    def joined(self, height: int) -> pl.Series:
        note = _nothing("note", height)
        if not self._columns:
            return note
        columns = pl.DataFrame(self._columns)
        noted = columns.select(_NOTED_ROWS).to_series()
        return note.scatter(noted, columns[noted].select(_JOINED_NOTES).to_series())


class _Lead(dict[str, pl.Series]):
    """The leads of one chunk while they are made: lead field to column, and beside them what is wrong and noted."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, pl.Series] = {}
        self.notes = _Notes()


def prepare_leads(rows: pl.DataFrame, mapping: LeadMapping, rules: PreparingRules) -> pl.DataFrame:
    """Return one row for each row of `rows`, same order: `source_row`, the lead's columns and the verdict.

    `rows` holds `source_row`, text columns, and may hold `row_fault` (why a record is no row, mostly null: a code, and
    after a blank where it is in the source and what is wrong, which becomes `row_place`). `reason` is
    null for a lead that may be sent. `note` says what was repaired or left out, without any value of the row.
    """
    lead = _Lead()
    for name, column in mapping.plain_columns().items():
        lead[name] = mend_odd(_cells(rows, column), clean_text).alias(name)
    lead["externId"] = mend_odd(_cells(rows, mapping.text["externId"]), clean_id).alias("externId")
    row_place = _nothing("row_place", rows.height)
    if "row_fault" in rows.columns:
        lead.faults["row_fault"], row_place = _part_fault(rows["row_fault"], row_place)
    _judge_numbers(lead, rows, mapping, rules)
    _leave_out_side_numbers(lead, rules)
    _leave_out_odd_emails(lead)
    _clean_region(lead, rows, mapping)
    _read_whole_numbers(lead)
    zones = _derive_zones(lead, rules)
    kept = {name: fault for name, fault in lead.faults.items() if fault.null_count() < fault.len()}
    candidates = pl.DataFrame([lead["externId"], *(fault.alias(name) for name, fault in kept.items())])
    verdict = [
        judge_candidates(candidates),
        lead.notes.joined(rows.height),
        row_place,
        *(zones[name] for name in EVIDENCE_COLUMNS),
    ]
    return pl.DataFrame([rows["source_row"], *(lead[name] for name in mapping.lead_columns()), *verdict])


def _cells(rows: pl.DataFrame, column: str) -> pl.Series:
    """Return a source column under a name of our own: polars takes a name such as `^[$` for a pattern of names."""
    return rows[column].alias("cell")


def _part_fault(fault: pl.Series, nothing: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the codes of `row_fault`, and what is told beside them."""
    if fault.null_count() == fault.len():
        return fault, nothing
    parts = fault.str.splitn(" ", 2)
    return parts.struct.field("field_0"), parts.struct.field("field_1").alias(nothing.name)


def _nothing(name: str, height: int) -> pl.Series:
    return pl.Series(name, [None], dtype=pl.String).new_from_index(0, height)


def _judge_numbers(lead: _Lead, rows: pl.DataFrame, mapping: LeadMapping, rules: PreparingRules) -> None:
    """Judge the lead's own numbers: set `leadPhone` and `leadPhoneE164` where they are mapped, and their faults."""
    e164_column = mapping.text.get("leadPhoneE164")
    if mapping.abroad:
        columns = [*([e164_column] if e164_column else []), *mapping.phones]
        lead["leadPhoneE164"], fault = _first_number_abroad(lead, rows, columns, rules)
        missing = lead["leadPhoneE164"].is_null() & fault.is_null()
        _set_number_faults(lead, _where(missing, Reason.PHONE_MISSING), fault)
        return
    phone, phone_fault, phone_note = _join_numbers(rows, lead, mapping, rules.phones)
    if e164_column is None:
        lead.faults["phone_fault"] = phone_fault
        lead.notes.add(phone_note)
    else:
        judged = judge_e164(_cells(rows, e164_column), rules.phone_region)
        lead["leadPhoneE164"] = judged["e164"].alias("leadPhoneE164")
        settled = _settle_two_numbers(phone, phone_fault, judged)
        _set_number_faults(lead, settled["phone_fault"], settled["e164_fault"])
        lead.notes.add(phone_note)
        lead.notes.add(settled["note"])
    if mapping.phones:
        lead["leadPhone"] = phone


def _where(mask: pl.Series, reason: Reason) -> pl.Series:
    return mask.to_frame("mask").select(pl.when("mask").then(pl.lit(reason.value))).to_series()


def _first_number_abroad(
    lead: _Lead, rows: pl.DataFrame, columns: list[str], rules: PreparingRules
) -> tuple[pl.Series, pl.Series]:
    """Return the first valid number of each row in E.164 form, and the reason where none of those there is valid."""
    judged = [judge_e164(_cells(rows, column), rules.phone_region) for column in columns]
    wide = pl.DataFrame(
        [frame[part].alias(f"{part}{place}") for place, frame in enumerate(judged) for part in ("e164", "reason")]
    )
    number = pl.coalesce(f"e164{place}" for place in range(len(judged)))
    fault = pl.coalesce(f"reason{place}" for place in range(len(judged)))
    found = wide.select_seq(
        number.alias("number"),
        pl.when(number.is_null()).then(fault).alias("fault"),
        pl.when(number.is_not_null()).then(pl.lit("number left out: ") + fault).alias("note"),
    )
    lead.notes.add(found["note"])
    return found["number"].alias("leadPhoneE164"), found["fault"]


def _join_numbers(
    rows: pl.DataFrame, lead: _Lead, mapping: LeadMapping, choices: PhoneChoices
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Return number, fault and note: the numbers of all mapped columns joined with `|`, without repeats.

    The first column's fault speaks for all. Extensions go to their label, where the job gives one.
    """
    if not mapping.phones:
        nothing = _nothing("leadPhone", rows.height)
        return nothing, nothing, nothing
    judged = [judge_phones(_cells(rows, column), choices) for column in mapping.phones]
    if mapping.extension_label is not None:
        kept = pl.concat_str([frame["extension"] for frame in judged], separator="|", ignore_nulls=True)
        name = f"extendedLeadData.{mapping.extension_label}"
        lead[name] = pl.select(empty_to_null(kept).alias(name)).to_series()
    if len(judged) == 1:
        (only,) = judged
        return only["phone"].alias("leadPhone"), only["reason"], only["note"]
    found = _join_columns(judged)
    return found["leadPhone"], found["phone_fault"], found["phone_note"]


def _join_columns(judged: list[pl.DataFrame]) -> pl.DataFrame:
    columns = {
        f"{part}{place}": frame[part] for place, frame in enumerate(judged) for part in ("phone", "reason", "note")
    }
    phones, faults, notes = ([f"{part}{place}" for place in range(len(judged))] for part in ("phone", "reason", "note"))
    several = empty_to_null(pl.concat_str(phones, separator="|", ignore_nulls=True))
    number = several.str.split("|").list.unique(maintain_order=True).list.join("|")
    # A blank second column is no reason to doubt the first; a wrong one beside a right one is noted.
    real_faults = [pl.when(pl.col(fault) != Reason.PHONE_MISSING).then(pl.col(fault)) for fault in faults]
    left_out = pl.concat_str(
        [pl.lit("number left out: ") + fault for fault in real_faults], separator="; ", ignore_nulls=True
    )
    return pl.DataFrame(columns).select_seq(
        number.alias("leadPhone"),
        pl.when(number.is_null())
        .then(pl.coalesce(*real_faults, pl.lit(Reason.PHONE_MISSING.value)))
        .alias("phone_fault"),
        pl.when(number.is_not_null())
        .then(empty_to_null(pl.concat_str([empty_to_null(left_out), *notes], separator="; ", ignore_nulls=True)))
        .alias("phone_note"),
    )


def _settle_two_numbers(phone: pl.Series, phone_fault: pl.Series, judged: pl.DataFrame) -> pl.DataFrame:
    """Let one good number carry the lead: `leadPhone` or `leadPhoneE164`; what was wrong beside it is noted.

    Where both are wrong, what is wrong with `leadPhone` is said, unless there was nothing in it.
    """
    pair = pl.DataFrame({"phone": phone, "fault": phone_fault, "e164": judged["e164"], "e164_reason": judged["reason"]})
    has_phone, has_e164 = pl.col("phone").is_not_null(), pl.col("e164").is_not_null()
    blank = pl.col("fault").fill_null(Reason.PHONE_MISSING.value) == Reason.PHONE_MISSING.value
    none = ~has_phone & ~has_e164
    e164_speaks = none & blank & pl.col("e164_reason").is_not_null()
    return pair.select_seq(
        pl.when(none & ~e164_speaks).then(pl.col("fault").fill_null(Reason.PHONE_MISSING.value)).alias("phone_fault"),
        pl.when(e164_speaks).then("e164_reason").alias("e164_fault"),
        pl.when(has_phone & pl.col("e164_reason").is_not_null())
        .then(pl.lit("leadPhoneE164 left out: not valid"))
        .when(has_e164 & ~has_phone & ~blank)
        .then(pl.lit("leadPhone left out: ") + pl.col("fault"))
        .alias("note"),
    )


_OF_E164: Final = pl.col("e164") == Reason.PHONE_E164_NOT_VALID.value
_NUMBER_FAULTS: Final = (
    pl.coalesce("phone", pl.when(~_OF_E164).then("e164")).alias("phone_fault"),
    pl.when(_OF_E164).then("e164").alias("e164_fault"),
)


def _set_number_faults(lead: _Lead, phone: pl.Series, e164: pl.Series) -> None:
    """Set what is wrong with the lead's numbers, each code where its rule looks for it.

    Only `PHONE_E164_NOT_VALID` is of numbers in E.164 form alone; others, such as a rounded number, are of any number.
    """
    faults = pl.DataFrame([phone.alias("phone"), e164.alias("e164")]).select_seq(_NUMBER_FAULTS)
    lead.faults["phone_fault"], lead.faults["e164_fault"] = faults.get_columns()


def _leave_out_side_numbers(lead: _Lead, rules: PreparingRules) -> None:
    """Judge the numbers beside the lead's own; a wrong one is left out, for the lead can do without it."""
    for name in [name for name in lead if name == "auxPhone" or name.startswith("personaPhoneConfig.")]:
        judged = judge_phones(lead[name], rules.phones)
        left_out = judged["phone"].is_null() & lead[name].is_not_null()
        if left_out.any():
            told = pl.when(left_out).then(pl.lit(f"{name} left out: ") + judged["reason"])
            lead.notes.add(pl.select(told).to_series())
        lead[name] = judged["phone"].alias(name)


def _leave_out_odd_emails(lead: _Lead) -> None:
    if "email" in lead:
        email = lead["email"]
        wrong = email.to_frame().select(_NO_EMAILS).to_series()
        if len(wrong):
            note = pl.Series(["email left out: not an address"])
            lead.notes.add(_nothing("note", len(email)).scatter(wrong, note))
            lead["email"] = put(email, wrong, pl.Series([None], dtype=pl.String))


def _clean_region(lead: _Lead, rows: pl.DataFrame, mapping: LeadMapping) -> None:
    """Set `state` and `zip`; a ZIP's lost zero is proved by the state."""
    if "state" in mapping.text:
        lead["state"] = clean_regions(_cells(rows, mapping.text["state"])).alias("state")
    if "zip" in mapping.text:
        known = [_cells(rows, mapping.text["zip"]).alias("zip"), *([lead["state"]] if "state" in lead else [])]
        cleaned = clean_postal_codes(pl.DataFrame(known))
        lead["zip"] = cleaned["zip"]
        lead.notes.add(cleaned["zip_note"])


def _read_whole_numbers(lead: _Lead) -> None:
    for name in INTEGER_FIELDS:
        if name in lead:
            fault_column, reason = _FAULTS_OF_INTEGERS[name]
            number = lead[name].to_frame().select(whole_number(pl.first())).to_series()
            lead.faults[fault_column] = _where(number.is_null() & lead[name].is_not_null(), reason)
            lead[name] = number


def _derive_zones(lead: _Lead, rules: PreparingRules) -> pl.DataFrame:
    """Derive the zone of each lead; under `EXPLICIT` it becomes `leadTimezone`, and lacking one may be a fault."""
    asked = ("zip", "state", "leadPhone", "leadPhoneE164", "leadTimezone")
    zones = derive_time_zones(pl.DataFrame([lead[name] for name in asked if name in lead]), rules.zones)
    lead.notes.add(zones["zone_note"])
    if not rules.explicit_zones:
        lead["leadTimezone"] = _nothing("leadTimezone", zones.height)
        return zones
    lead["leadTimezone"] = zones["ringcx_zone"].alias("leadTimezone")
    if not _lack_zone_faults(zones, rules):
        lead.faults["zone_fault"] = zones.select(_zone_fault(lacking_is_one=rules.reject_unknown_zone)).to_series()
    return zones


def _lack_zone_faults(zones: pl.DataFrame, rules: PreparingRules) -> bool:
    """Return true where whole columns show that `_zone_fault` would find none."""
    named = not rules.reject_unknown_zone or zones["ringcx_zone"].null_count() == 0
    return named and zones["zone_fault"].null_count() == zones.height and zones["given_ok"].all()


@cache
def _zone_fault(*, lacking_is_one: bool) -> pl.Expr:
    fault = pl.when(~pl.col("given_ok")).then(pl.lit(Reason.TIME_ZONE_NOT_VALID.value)).otherwise("zone_fault")
    if lacking_is_one:
        lacking = pl.col("ringcx_zone").is_null()
        absent = (
            pl.when(lacking & pl.col("time_zone").is_not_null())
            .then(pl.lit(Reason.TIME_ZONE_NOT_NAMED.value))
            .when(lacking)
            .then(pl.lit(Reason.TIME_ZONE_UNKNOWN.value))
        )
        fault = pl.coalesce(fault, absent)
    return fault.alias("zone_fault")
