"""Says of a refused row which of its cells to mend, and with what, where exactly one value is likely.

A suggestion is never guessed from the shape of a value alone: it is judged by the same rules as the row was, and it is
told only if with it in place that fault is gone, and if no other value would do as well.
"""

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import polars as pl
import polars.selectors as cs

from transforms.lead_rules import REASONS
from transforms.phones import PhoneChoices, judge_e164, judge_phones
from transforms.postal import REGION_NAMES, region_code, zip_table
from transforms.preparing import LeadMapping, PreparingRules, prepare_leads
from transforms.text import CONTROLS_OF_IDS, clean_id, clean_text
from transforms.vocabulary.reasons import Reason

SUGGESTION_SCHEMA: Final = pl.Schema({"source_row": pl.UInt64, "column": pl.String, "suggestion": pl.String})

_ORDER: Final[Mapping[str, int]] = MappingProxyType({code: place for place, code in enumerate(REASONS)})

_LOOK_ALIKES: Final = {"O": "0", "o": "0", "Q": "0", "I": "1", "l": "1", "|": "1", "S": "5", "B": "8", "Z": "2"}
"""Letters that stand where a digit was, in what was read from paper or typed in a hurry."""

_NATIONAL: Final = 10
_ONE_TOO_MANY: Final = 11
_LONGEST: Final = 19
"""Digits of a number, of one with a stray digit, and of the longest text that is one number and something else."""

_TWO_NUMBERS: Final = r"^1?([0-9]{10})1?([0-9]{10})$"

_THOUSANDS: Final = r"^[+]?[0-9]{1,3}(,[0-9]{3})+$"
_WHOLE: Final = r"^[+]?[0-9]+[.,]0+$"

_SHORT_ZIP: Final = r"^[0-9]{3,4}$"
_SHORT_ZIP_PLUS_4: Final = r"^([0-9]{3,4})[- ]?([0-9]{4})$"

_LIKE_A_STATE: Final = 0.85
"""How alike a text and the name of a state must be, as `difflib` counts, to be that name misspelt."""

_ZONE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "eastern": "America/New_York",
        "et": "America/New_York",
        "central": "America/Chicago",
        "ct": "America/Chicago",
        "mountain": "America/Denver",
        "mt": "America/Denver",
        "arizona": "America/Phoenix",
        "pacific": "America/Los_Angeles",
        "pt": "America/Los_Angeles",
        "alaska": "America/Anchorage",
        "alaskan": "America/Anchorage",
        "hawaii": "Pacific/Honolulu",
        "hawaiian": "Pacific/Honolulu",
    }
)
"""What people and other programs call the zones of the United States, without `standard`, `time` and the like."""

_NO_VALUES: Final = pl.DataFrame(schema={"place": pl.UInt32, "value": pl.String})

_Candidates = list[pl.DataFrame]
"""Frames of `place` (of the row), `column` and `value`."""


def name_columns(rows: pl.DataFrame, reasons: pl.Series, mapping: LeadMapping, rules: PreparingRules) -> pl.Series:
    """Return the source column to mend in each row, null where a row has no such one; `reasons` are the rows' own.

    `rows` holds the mapped source columns as text.
    """
    columns = pl.Series([None], dtype=pl.String).new_from_index(0, rows.height)
    met = set(reasons.unique())
    for reason, column in _columns_by_reason(mapping).items():
        if reason.value in met:
            columns = columns.scatter((reasons == reason.value).arg_true(), column)
    abroad = [mapping.text["leadPhoneE164"]] if "leadPhoneE164" in mapping.text else []
    numbers = list(dict.fromkeys([*mapping.phones, *abroad]))
    for reason in _PHONE_REASONS:
        if numbers and reason.value in met:
            places = (reasons == reason.value).arg_true()
            columns = columns.scatter(places, _faulty_column(rows[places, numbers], reason, mapping, rules))
    return columns.alias("column")


def suggest_values(
    rows: pl.DataFrame, reasons: pl.Series, columns: pl.Series, mapping: LeadMapping, rules: PreparingRules
) -> pl.DataFrame:
    """Return at most one suggestion a row in the shape of `SUGGESTION_SCHEMA`; `reasons` are the rows' own, and
    `columns` what `name_columns` says of them.

    `rows` holds `source_row` and the mapped source columns as text; a value that a job must not be given is in none.
    """
    rows = rows.drop("row_fault", strict=False)
    found: _Candidates = []
    met = set(reasons.unique())
    for reason, find in _FINDERS.items():
        if reason.value in met:
            places = (reasons == reason.value).arg_true()
            found += find(rows[places], columns.gather(places), places, mapping, rules)
    candidates = [frame for frame in found if frame.height]
    if not candidates:
        return pl.DataFrame(schema=SUGGESTION_SCHEMA)
    helping = _keep_helping(pl.concat(candidates).unique(maintain_order=True), rows, reasons, mapping, rules)
    alone = helping.filter(pl.len().over("place") == 1)
    return alone.select(
        rows["source_row"].gather(alone["place"]).cast(pl.UInt64).alias("source_row"),
        "column",
        pl.col("value").alias("suggestion"),
    ).sort("source_row")


def _columns_by_reason(mapping: LeadMapping) -> dict[Reason, str | None]:
    text = mapping.text
    zone_evidence = [text[field] for field in ("zip", "state", "leadTimezone") if field in text]
    zone_column = [*zone_evidence, *mapping.phones, None][0]
    fields = {
        Reason.EXTERN_ID_MISSING: "externId",
        Reason.EXTERN_ID_TOO_LONG: "externId",
        Reason.EXTERN_ID_CONTROL_CHARACTERS: "externId",
        Reason.EXTERN_ID_REPEATED: "externId",
        Reason.LEAD_PRIORITY_NOT_INTEGER: "leadPriority",
        Reason.MAX_PASSES_NOT_INTEGER: "maxPasses",
        Reason.TIME_ZONE_NOT_VALID: "leadTimezone",
        Reason.TIME_ZONE_NOT_NAMED: "leadTimezone",
    }
    named = {reason: text.get(field) for reason, field in fields.items()}
    return named | {Reason.TIME_ZONE_CONFLICT: zone_column, Reason.TIME_ZONE_UNKNOWN: zone_column}


_PHONE_REASONS: Final = tuple(reason for reason in Reason if reason.startswith("PHONE_"))


def _faulty_column(rows: pl.DataFrame, reason: Reason, mapping: LeadMapping, rules: PreparingRules) -> pl.Series:
    """Return for each row the first of its columns whose own fault is `reason`, else the first of all."""
    columns = rows.columns
    e164 = {mapping.text.get("leadPhoneE164"), *(mapping.phones if mapping.abroad else ())}
    name = pl.Series([columns[0]]).new_from_index(0, rows.height)
    for column in reversed(columns) if len(columns) > 1 else ():
        own = (
            judge_e164(rows[column].alias("text"), rules.phone_region)["reason"]
            if column in e164
            else judge_phones(rows[column].alias("text"), rules.phones)["reason"]
        )
        name = name.scatter((own == reason.value).arg_true(), column)
    return name


def _of_columns(
    rows: pl.DataFrame, columns: pl.Series, places: pl.Series, find: Callable[[pl.DataFrame], pl.DataFrame]
) -> _Candidates:
    """Return what `find` makes of the cells to mend, column by column.

    `find` is given `place` and `text`, and returns `place` and `value`.
    """
    found: _Candidates = []
    for column in columns.drop_nulls().unique(maintain_order=True):
        here = (columns == column).arg_true()
        cells = pl.DataFrame(
            {"place": places.gather(here), "text": rows[column].alias("text").gather(here)}
        ).drop_nulls()
        values = find(cells).drop_nulls()
        found.append(values.select("place", pl.lit(column).alias("column"), "value"))
    return found


def _mend_ids(
    rows: pl.DataFrame, columns: pl.Series, places: pl.Series, _: LeadMapping, __: PreparingRules
) -> _Candidates:
    """Leave out the control characters."""
    without = clean_id(pl.col("text").str.replace_all(CONTROLS_OF_IDS, "")).alias("value")
    return _of_columns(rows, columns, places, lambda cells: cells.select("place", without))


def _mend_numbers(
    rows: pl.DataFrame, columns: pl.Series, places: pl.Series, mapping: LeadMapping, rules: PreparingRules
) -> _Candidates:
    """Read letters as the digits they look like; take one number, or two, out of too many digits."""
    if mapping.abroad:
        return []
    return _of_columns(rows, columns, places, lambda cells: _numbers_in(cells, rules.phones))


def _numbers_in(cells: pl.DataFrame, choices: PhoneChoices) -> pl.DataFrame:
    has_letters = pl.col("text").str.contains(r"\p{L}|\|")
    digits = pl.col("text").str.replace_all(r"[^0-9]", "").alias("digits")
    plain = cells.filter(~has_letters).select("place", digits)
    alike = cells.filter(has_letters).with_columns(pl.col("text").str.replace_many(_LOOK_ALIKES))
    spelt = alike.filter(~has_letters).select("place", digits.str.replace(r"^1([0-9]{10})$", "${1}").alias("value"))
    readings = [_without_one(plain, choices), _at_an_end(plain, choices), _two_numbers(plain, choices)]
    return pl.concat([_valid(spelt, choices), *readings])


def _valid(numbers: pl.DataFrame, choices: PhoneChoices) -> pl.DataFrame:
    """Return the rows whose `value` is one valid number as it stands."""
    if numbers.is_empty():
        return numbers
    judged = judge_phones(numbers["value"], choices)["phone"]
    return numbers.filter((judged == numbers["value"]).fill_null(value=False))


def _without_one(plain: pl.DataFrame, choices: PhoneChoices) -> pl.DataFrame:
    """Return the one valid number in eleven digits without a stray one."""
    digits = pl.col("digits")
    eleven = plain.filter(digits.str.len_bytes() == _ONE_TOO_MANY)
    if eleven.is_empty():
        return _NO_VALUES
    without = [pl.concat_str(digits.str.head(drop), digits.str.slice(drop + 1)) for drop in range(_ONE_TOO_MANY)]
    numbers = eleven.select_seq("place", pl.concat_list(without).alias("value")).explode("value")
    return _valid(numbers, choices).unique().filter(pl.len().over("place") == 1)


def _at_an_end(plain: pl.DataFrame, choices: PhoneChoices) -> pl.DataFrame:
    """Return the one valid number in more digits than eleven, where it stands at one end of them."""
    digits, length = pl.col("digits"), pl.col("digits").str.len_bytes()
    longer = plain.filter(length.is_between(_ONE_TOO_MANY + 1, _LONGEST))
    if longer.is_empty():
        return _NO_VALUES
    firsts = range(_LONGEST - _NATIONAL + 1)
    windows = longer.select_seq(
        "place",
        pl.concat_list(digits.str.slice(first, _NATIONAL) for first in firsts).alias("value"),
        pl.concat_list((pl.lit(first) == 0) | (length == first + _NATIONAL) for first in firsts).alias("at_end"),
    ).explode("value", "at_end")
    numbers = windows.filter(pl.col("value").str.len_bytes() == _NATIONAL)
    ends = _valid(numbers, choices).unique(["place", "value"])
    return ends.filter((pl.len().over("place") == 1) & pl.col("at_end")).drop("at_end")


def _two_numbers(plain: pl.DataFrame, choices: PhoneChoices) -> pl.DataFrame:
    """Return two numbers that were written one after the other, parted."""
    parts = plain.select("place", pl.col("digits").str.extract_groups(_TWO_NUMBERS).struct.rename_fields(["a", "b"]))
    pairs = parts.unnest("digits").drop_nulls()
    both = pl.DataFrame(
        [judge_phones(pairs[half], choices)["phone"].alias(half) for half in "ab"] if pairs.height else pairs["a", "b"]
    )
    return pairs.select("place").hstack(both.select(pl.concat_str("a", "b", separator="|").alias("value"))).drop_nulls()


def _move_abroad(
    rows: pl.DataFrame, columns: pl.Series, places: pl.Series, mapping: LeadMapping, rules: PreparingRules
) -> _Candidates:
    """Put a number of another country where such numbers go, if nothing is there."""
    target = mapping.text.get("leadPhoneE164")
    if target is None or mapping.abroad:
        return []
    free = clean_text(pl.col("there")).is_null()

    def find(cells: pl.DataFrame) -> pl.DataFrame:
        value = judge_e164(cells["text"], rules.phone_region)["e164"].alias("value")
        return cells.select("place").hstack([value])

    blank = rows[target].alias("there").to_frame().select(free).to_series()
    here = blank.arg_true()
    found = _of_columns(rows[here], columns.gather(here), places.gather(here), find)
    return [frame.with_columns(pl.lit(target).alias("column")) for frame in found]


def _mend_e164(
    rows: pl.DataFrame, columns: pl.Series, places: pl.Series, _: LeadMapping, rules: PreparingRules
) -> _Candidates:
    """Put the plus before a number that has its country code already."""

    def find(cells: pl.DataFrame) -> pl.DataFrame:
        digits = "+" + pl.col("text").str.replace_all(r"[^0-9]", "")
        texts = cells.filter(~pl.col("text").str.contains(r"\p{L}|^\s*\+")).select("place", digits.alias("text"))
        return texts.select("place").hstack([judge_e164(texts["text"], rules.phone_region)["e164"].alias("value")])

    return _of_columns(rows, columns, places, find)


def _mend_whole_numbers(
    rows: pl.DataFrame, columns: pl.Series, places: pl.Series, _: LeadMapping, __: PreparingRules
) -> _Candidates:
    """Leave out marks between thousands, and decimals that are none."""
    text = pl.col("text").str.normalize("NFKC").str.strip_chars()
    value = (
        pl.when(text.str.contains(_THOUSANDS))
        .then(text.str.replace_all(r"[+,]", ""))
        .when(text.str.contains(_WHOLE))
        .then(text.str.replace(r"[.,]0+$", "").str.strip_prefix("+"))
        .when(text.str.contains(r"^[0-9]+$"))
        .then(text)
    )
    return _of_columns(rows, columns, places, lambda cells: cells.select("place", value.alias("value")))


def _mend_zones(
    rows: pl.DataFrame, columns: pl.Series, places: pl.Series, _: LeadMapping, __: PreparingRules
) -> _Candidates:
    """Read what people call a zone."""
    words = pl.col("text").str.to_lowercase().str.replace_all(r"[^a-z]+", " ")
    value = words.str.replace_all(r"\b(us|usa|standard|daylight|time|zone)\b", "").str.replace_all(" ", "")
    known = value.replace_strict(dict(_ZONE_WORDS), default=None, return_dtype=pl.String).alias("value")
    return _of_columns(rows, columns, places, lambda cells: cells.select("place", known))


def _mend_places(
    rows: pl.DataFrame, _: pl.Series, places: pl.Series, mapping: LeadMapping, __: PreparingRules
) -> _Candidates:
    """Put the lost zero of a ZIP back, or read a misspelt state, where there is no other evidence of a zone."""
    zip_column, state_column = mapping.text.get("zip"), mapping.text.get("state")
    found: _Candidates = []
    if zip_column is not None:
        state = pl.lit(None, pl.String) if state_column is None else region_code(cs.by_name(state_column))
        cells = rows.select(places.alias("place"), rows[zip_column].alias("text"), state.alias("state"))
        found.append(_zips_with_zeros(cells).select("place", pl.lit(zip_column).alias("column"), "value"))
    if state_column is not None:
        found += _of_columns(rows, pl.repeat(state_column, rows.height, eager=True), places, _misspelt_states)
    if len(found) > 1:
        found[1] = found[1].join(found[0], on="place", how="anti")
    return found


def _zips_with_zeros(cells: pl.DataFrame) -> pl.DataFrame:
    code = clean_text(pl.col("text")).str.strip_suffix(".0").str.replace_many(_LOOK_ALIKES)
    five = code.str.extract(_SHORT_ZIP_PLUS_4, 1)
    long = pl.concat_str(five.str.zfill(5), code.str.extract(_SHORT_ZIP_PLUS_4, 2), separator="-")
    short = pl.when(code.str.contains(_SHORT_ZIP) | code.str.contains(r"^[0-9]{5}$")).then(code.str.zfill(5))
    values = cells.with_columns(pl.coalesce(short, long).alias("value")).drop_nulls("value")
    known = values.with_columns(pl.col("value").str.head(5).alias("zip")).join(
        zip_table().select("zip", "zip_state"), on="zip", how="inner", maintain_order="left"
    )
    is_region = pl.col("state").is_in(list(set(REGION_NAMES.values())))
    return known.filter(~is_region.fill_null(value=False) | (pl.col("state") == pl.col("zip_state")))


def _misspelt_states(cells: pl.DataFrame) -> pl.DataFrame:
    texts = cells["text"].unique()
    names = list(REGION_NAMES)
    codes = []
    for text in texts:
        near = difflib.get_close_matches(str(text).strip().upper(), names, n=2, cutoff=_LIKE_A_STATE)
        codes.append(REGION_NAMES[near[0]] if len({REGION_NAMES[name] for name in near}) == 1 else None)
    table = pl.DataFrame({"text": texts, "value": codes}, schema={"text": pl.String, "value": pl.String})
    return cells.join(table, on="text", how="left", maintain_order="left").select("place", "value")


_Finder = Callable[[pl.DataFrame, pl.Series, pl.Series, LeadMapping, PreparingRules], _Candidates]

_FINDERS: Final[Mapping[Reason, _Finder]] = MappingProxyType(
    {
        Reason.EXTERN_ID_CONTROL_CHARACTERS: _mend_ids,
        Reason.PHONE_TOO_SHORT: _mend_numbers,
        Reason.PHONE_TOO_LONG: _mend_numbers,
        Reason.PHONE_NOT_VALID: _mend_numbers,
        Reason.PHONE_NOT_NANP: _move_abroad,
        Reason.PHONE_E164_NOT_VALID: _mend_e164,
        Reason.LEAD_PRIORITY_NOT_INTEGER: _mend_whole_numbers,
        Reason.MAX_PASSES_NOT_INTEGER: _mend_whole_numbers,
        Reason.TIME_ZONE_NOT_VALID: _mend_zones,
        Reason.TIME_ZONE_UNKNOWN: _mend_places,
    }
)
"""Reason to what may have a value for it; for the others a person must know more than the row says."""


def _keep_helping(
    candidates: pl.DataFrame, rows: pl.DataFrame, reasons: pl.Series, mapping: LeadMapping, rules: PreparingRules
) -> pl.DataFrame:
    """Return the candidates with which the row has no fault any more, or only one that comes later in the rules."""
    place = candidates["place"]
    tried = rows[place].with_columns(
        pl.when(pl.lit(candidates["column"]) == column)
        .then(pl.lit(candidates["value"]))
        .otherwise(cs.by_name(column))
        .alias(column)
        for column in candidates["column"].unique()
    )
    after = prepare_leads(tried, mapping, rules)["reason"]
    before = _order_of(reasons.gather(place))
    return candidates.filter((_order_of(after) > before).fill_null(value=True))


def _order_of(reasons: pl.Series) -> pl.Series:
    """Return the place of each reason among the rules; null for none."""
    return reasons.cast(pl.String).replace_strict(dict(_ORDER), default=None, return_dtype=pl.UInt32)
