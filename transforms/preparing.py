"""Turns source rows into leads: map, clean, judge, and derive the time zone. No row disappears on the way.

Frames are eager chunks on purpose: what few rows need is then worked out for those rows alone, where a lazy plan would
work it out for all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import polars as pl

from transforms.lead_schema import judge_candidates
from transforms.phones import PhoneChoices, judge_e164, judge_phones
from transforms.postal import clean_postal_codes, clean_regions
from transforms.text import clean_id, clean_text, empty_to_null, find_unread, mend_odd, put, whole_number
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
    "other_zones",
)
VERDICT_COLUMNS: Final = ("reason", "note", "row_place", *EVIDENCE_COLUMNS)

_WORD: Final = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL: Final = r"[^\W_]+(?:-+[^\W_]+)*"
_EMAIL: Final = rf"^{_WORD}(?:\.{_WORD})*@(?:{_LABEL}\.)+[^\W\d_]{_LABEL}$"
"""An address as RFC 5322 writes one without quotes, with letters of any language; whether it is there, only a mail
server knows."""

_AROUND_EMAIL: Final = r"(?i)^(?:<?mailto:|<)\s*([^<>]*[^<>\s])\s*>?$"
"""What mail programs and web pages put around an address."""

_NO_EMAILS: Final = (~pl.first().str.contains(_EMAIL)).arg_true()

_INSIDE: Final = pl.first().str.extract(_AROUND_EMAIL)
_EMAIL_INSIDE: Final = pl.when(_INSIDE.str.contains(_EMAIL)).then(_INSIDE).alias("email")

_EMAIL_NOTE: Final = (
    pl.when(pl.first().is_null())
    .then(pl.lit("email left out: not an address"))
    .otherwise(pl.lit("email: what stood around the address left out"))
)

_FAULTS_OF_INTEGERS: Final = {
    "leadPriority": ("priority_fault", Reason.LEAD_PRIORITY_NOT_INTEGER),
    "maxPasses": ("passes_fault", Reason.MAX_PASSES_NOT_INTEGER),
}


@dataclass(frozen=True)
class LeadMapping:
    """Which source column fills which lead field.

    `text` has one column a field (`leadPhone` apart); `phones` are the columns of `leadPhone` in order of preference;
    `extended` and `personas` map labels to columns; `extension_label` is where in `extendedLeadData` a telephone
    extension is kept. With `abroad`, `phones` fill `leadPhoneE164`, and side numbers go in that form too.
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
        return self._extended_columns() | self._persona_columns()

    def _extended_columns(self) -> dict[str, str]:
        return {f"extendedLeadData.{label}": column for label, column in self.extended.items()}

    def _persona_columns(self) -> dict[str, str]:
        return {f"personaPhoneConfig.{label}": column for label, column in self.personas.items()}

    def plain_columns(self) -> dict[str, str]:
        """Return lead field to source column, for each that text cleaning alone makes ready or nearly so."""
        apart = {"externId", "leadPhoneE164", "auxPhone", "state", "zip"}
        return {name: column for name, column in self.text.items() if name not in apart} | self._extended_columns()

    def side_numbers(self) -> dict[str, str]:
        """Return lead field to source column, for the numbers beside the lead's own."""
        aux = {"auxPhone": self.text["auxPhone"]} if "auxPhone" in self.text else {}
        return aux | self._persona_columns()


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
    _judge_side_numbers(lead, rows, mapping, rules)
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
    if mapping.abroad:
        _judge_numbers_abroad(lead, rows, mapping, rules)
        return
    e164_column = mapping.text.get("leadPhoneE164")
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
        lead.notes.add(_name_in_notes("leadPhoneE164", judged["note"]))
    if mapping.phones:
        lead["leadPhone"] = phone


def _where(mask: pl.Series, reason: Reason) -> pl.Series:
    return mask.to_frame("mask").select(pl.when("mask").then(pl.lit(reason.value))).to_series()


def _judge_numbers_abroad(lead: _Lead, rows: pl.DataFrame, mapping: LeadMapping, rules: PreparingRules) -> None:
    """Set `leadPhoneE164` to the first valid number of all columns, and what is wrong where there is none."""
    columns = [*([mapping.text["leadPhoneE164"]] if "leadPhoneE164" in mapping.text else []), *mapping.phones]
    judged = [judge_e164(_cells(rows, column), rules.phone_region) for column in columns]
    number, fault, left_out = _take_first_number(judged)
    lead["leadPhoneE164"] = number
    _set_number_faults(lead, _where(number.is_null() & fault.is_null(), Reason.PHONE_MISSING), fault)
    lead.notes.add(left_out)
    if _have_any(judged, "note"):
        lead.notes.add(_beside_first(judged, "note"))
    if mapping.extension_label is not None:
        _keep_extension(lead, mapping, _beside_first(judged, "extension"))


def _take_first_number(judged: list[pl.DataFrame]) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Return the first valid number of each row in E.164 form, why there is none, and what was left out beside one.

    `judged` has the verdicts of the columns in order of preference; the first column's fault speaks for all.
    """
    wide = pl.DataFrame(
        [frame[part].alias(f"{part}{place}") for place, frame in enumerate(judged) for part in ("e164", "reason")]
    )
    number = pl.coalesce(f"e164{place}" for place in range(len(judged)))
    faults = [pl.col(f"reason{place}") for place in range(len(judged))]
    left_out = _unrepeated(_tell_left_out(faults)) if _have_any(judged, "reason") else pl.lit(None, pl.String)
    found = wide.select_seq(
        number.alias("leadPhoneE164"),
        pl.when(number.is_null()).then(pl.coalesce(faults)).alias("fault"),
        pl.when(number.is_not_null()).then(left_out).alias("left_out"),
    )
    return found["leadPhoneE164"], found["fault"], found["left_out"]


def _beside_first(judged: list[pl.DataFrame], part: str) -> pl.Series:
    """Return what stands in column `part` of the verdict that gave each row its number."""
    *others, value = [frame[part] for frame in judged]
    for frame, other in zip(reversed(judged[:-1]), reversed(others), strict=True):
        value = other.zip_with(frame["e164"].is_not_null(), value)
    return value


def _have_any(judged: list[pl.DataFrame], part: str) -> bool:
    return any(frame[part].null_count() < frame.height for frame in judged)


def _tell_left_out(faults: Sequence[pl.Expr]) -> pl.Expr:
    """Return what is noted of the wrong numbers beside a right one; empty text where none is wrong."""
    return pl.concat_str([pl.lit("number left out: ") + fault for fault in faults], separator="; ", ignore_nulls=True)


def _unrepeated(notes: pl.Expr) -> pl.Expr:
    """Return each of a text's notes once; null where there is none."""
    return empty_to_null(notes).str.split("; ").list.unique(maintain_order=True).list.join("; ")


def _keep_extension(lead: _Lead, mapping: LeadMapping, extension: pl.Series) -> None:
    """Put the extensions of the lead's numbers under their label."""
    name = f"extendedLeadData.{mapping.extension_label}"
    lead[name] = extension.alias(name)


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
        _keep_extension(lead, mapping, _join_extensions(judged))
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
    left_out = _tell_left_out(real_faults)
    told = pl.concat_str([empty_to_null(left_out), *notes], separator="; ", ignore_nulls=True)
    return pl.DataFrame(columns).select_seq(
        number.alias("leadPhone"),
        pl.when(number.is_null())
        .then(pl.coalesce(*real_faults, pl.lit(Reason.PHONE_MISSING.value)))
        .alias("phone_fault"),
        pl.when(number.is_not_null()).then(_unrepeated(told)).alias("phone_note"),
    )


def _join_extensions(judged: list[pl.DataFrame]) -> pl.Series:
    """Return the extensions of each row's numbers, each in the place of its number in `_join_columns`."""
    if len(judged) == 1 or not _have_any(judged, "extension"):
        return judged[0]["extension"]
    columns = [frame[part].alias(f"{part}{place}") for place, frame in enumerate(judged) for part in _NUMBER_PARTS]
    phones, extensions = ([f"{part}{place}" for place in range(len(judged))] for part in _NUMBER_PARTS)
    numbers = pl.sum_horizontal(pl.col(phones).is_not_null())
    joined = pl.DataFrame(columns).select_seq(
        pl.coalesce(extensions).alias("extension"),
        ((numbers > 1) & pl.any_horizontal(pl.col(extensions).is_not_null())).alias("several"),
    )
    rows = joined["several"].arg_true()
    if rows.is_empty():
        return joined["extension"]
    several = [frame.select(_NUMBER_PARTS)[rows].insert_column(0, rows.alias("row")) for frame in judged]
    combined = _place_extensions(pl.concat(several))
    return put(joined["extension"], combined["row"], combined["extension"])


_NUMBER_PARTS: Final = ("phone", "extension")


def _place_extensions(cells: pl.DataFrame) -> pl.DataFrame:
    """Return for each `row` of cells the extensions of its different phones; one that comes twice has its first."""
    blank = pl.col("phone").str.replace_all("[^|]", "")
    numbers = (
        cells.drop_nulls("phone")
        .with_columns(pl.col("phone").str.split("|"), pl.col("extension").fill_null(blank).str.split("|"))
        .explode("phone", "extension")
    )
    first = empty_to_null(pl.col("extension")).drop_nulls().first().fill_null("")
    different = numbers.group_by("row", "phone", maintain_order=True).agg(first.alias("extension"))
    return different.group_by("row", maintain_order=True).agg(pl.col("extension").str.join("|"))


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


def _judge_side_numbers(lead: _Lead, rows: pl.DataFrame, mapping: LeadMapping, rules: PreparingRules) -> None:
    """Judge the numbers beside the lead's own; a wrong one is left out, for the lead can do without it."""
    for name, column in mapping.side_numbers().items():
        cells = _cells(rows, column)
        judged = judge_e164(cells, rules.phone_region) if mapping.abroad else judge_phones(cells, rules.phones)
        number = judged["e164" if mapping.abroad else "phone"]
        unread = find_unread(cells, number)
        lost = unread[mend_odd(cells[unread], clean_text).is_not_null().arg_true()] if len(unread) else unread
        if len(lost):
            reason = judged["reason"][lost].fill_null(Reason.PHONE_MISSING.value)
            lead.notes.add(_nothing("note", rows.height).scatter(lost, f"{_told(name)} left out: " + reason))
        lead.notes.add(_name_in_notes(_told(name), judged["note"]))
        lead[name] = number.alias(name)


def _name_in_notes(name: str, notes: pl.Series) -> pl.Series:
    """Return notes on a number with the name of its lead field before each."""
    noted = notes.is_not_null().arg_true()
    if noted.is_empty():
        return notes
    told = f"{name}: " + notes[noted].str.replace_all("; ", f"; {name}: ", literal=True)
    return put(notes, noted, told)


def _told(name: str) -> str:
    """Return a lead field's name as notes tell it: a label may have in it what parts notes."""
    return name.replace(";", ",")


def _leave_out_odd_emails(lead: _Lead) -> None:
    if "email" in lead:
        email = lead["email"]
        wrong = email.to_frame().select(_NO_EMAILS).to_series()
        if len(wrong):
            inside = email[wrong].to_frame().select(_EMAIL_INSIDE).to_series()
            told = inside.to_frame().select(_EMAIL_NOTE).to_series()
            lead.notes.add(_nothing("note", len(email)).scatter(wrong, told))
            lead["email"] = put(email, wrong, inside)


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
        lead["leadTimezone"] = zones["ringcx_zone"].clear(zones.height).alias("leadTimezone")
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
