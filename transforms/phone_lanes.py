"""Reads the common forms of telephone cells with expressions, each exactly as the library's lane would read it.

`phonenumbers` reads some eight thousand texts a second, expressions hundreds of thousands. So a column passes lanes,
one form each, that decide what they can prove and leave the rest undecided: rows with neither phone nor reason.
Texts are tidy here: plain digits and punctuation, trimmed.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import polars as pl

from transforms.phone_library import (
    LOCAL_LENGTH,
    NEAREST,
    NOTE_DECIMALS,
    NOTE_EXTENSION,
    NOTE_LETTERS,
    NOTE_WRITTEN_OUT,
)
from transforms.phone_plans import (
    NATIONAL_LENGTH,
    START_LENGTH,
    CountryPlan,
    country_codes,
    country_plan,
    is_nanp,
    main_code,
    nanp_pattern,
)
from transforms.text import empty_to_null, find_unread, put
from transforms.vocabulary.reasons import Reason

VERDICT: Final = ("phone", "reason", "extension", "note")

_PUNCTUATION: Final = list(" \t!\"$%'()*-.:<=>?@[\\]_`{}")
"""ASCII punctuation that means nothing inside a number; the rest may part numbers, or begin an extension or power."""

_MARKS: Final = re.escape("".join([*_PUNCTUATION, "/+"]))
"""That punctuation in a pattern, with the slash of a number such as 212/5550123, and `+`."""

_UNPARTED: Final = f"^[0-9{_MARKS}]*$"
_UNPARTED_NUMBER: Final = f"^(?:[{_MARKS}]*[0-9]){{10,15}}[{_MARKS}]*$"
"""Digits and punctuation alone, and as many digits as a number has with the longest prefix or none."""

_DIGITS: Final = (ord("0"), ord("9"))
_PLAIN_MARKS: Final = b" ()-."

_NANP_PREFIX: Final = r"(?:\+1{1,2}|(?:00|011)1{1,2}|1{0,3})"
"""What may stand before a national number; the library forgives a trunk `1` that is repeated."""

_ABROAD: Final = r"^(?:\+[02-9]|(?:00|011)[2-9])"
"""An international prefix without country code 1: a number of another country, or `+011`."""

_MAYBE_ABROAD: Final = r"^[^0-9]*(?:\+|0[^0-9]*(?:0|1[^0-9]*1))[^0-9]*[2-9]"
"""Whatever begins with an international prefix and no country code 1 once its punctuation is dropped."""

_LONGEST: Final = 250
"""The library reads no longer text."""

_LONGEST_DIGITS: Final = 15
"""More digits, with letters between, may be more than the library counts."""

_FLOAT: Final = r"^(\+?[0-9]{7,})(?:\.0+|,0{1,6})$"
"""A whole number written as a float; seven zeros and more after a comma may be a number of their own."""

_POINT_FLOAT: Final = r"^(?:\+?[0-9]{7,}|00[0-9]+)\.0+$|^[^0-9]*1?[2-9](?:[ '][0-9]{3}){3}\.0"
"""Such a number with a point, or a shorter one that begins as if with a country code, or one in groups of thousands."""

_HIDDEN_FLOAT: Final = r"[0-9]{7}\.0+[^0-9]*$"
"""Whatever may be a float: its zero must not become a digit of the number."""

_DRESSED_FLOAT: Final = r"[0-9]{7}[.,]0+(?:[^0-9]|$)"
"""A float perhaps, with whatever before and behind it: only alone in its cell it is no matter for the library."""

_PREFIXED: Final = r"^[^0-9A-Za-z+]*0[^0-9+]*(?:0|1[^0-9+]*1)"
"""An international prefix: what letters and extensions mean after it the library says."""

_LABEL: Final = r"^[^0-9+]*\pL[^0-9+]*"
"""Words before the number, which the library skips."""

_LABEL_MATTERS: Final = r"phone-context|isub|^[^0-9+]*0[^0-9]*0|[0-9.,] *(?i:e|[x\u00d7*] *1 *0 *\^)"
"""Texts that read otherwise without their first words: `00` and floats are mended only at the start of a text."""

_POWER: Final = r"(?:(?i:e)|[xX\u00d7*]10\^)"
_ROUNDED: Final = (
    rf"^\+?(?:([0-9])[.,]([0-9]*){_POWER}\+?([0-9]{{1,3}})|([0-9]+)[.,]?([0-9]*){_POWER}\+([0-9]{{1,3}}))$"
)
"""Scientific notation, blanks apart: units, fraction and exponent, in either of two spellings."""

_POWER_END: Final = r"[eE^][+0-9 \t]*$"

_NUMBER: Final = r"^([0-9 ().+-]*[0-9).-])"
_EXTENDED: Final = rf"{_NUMBER} *(?:(?i:,? *(?:e?xt(?:ension|n)?|x)[:.=]? *)|,? *# *|(?i:;ext=))([0-9]{{1,9}})$"
"""A number and its extension in the commonest forms, a small part of what the library reads the same way."""

_LABELLED: Final = "[xX#]|;(?i:ext)="
_COMMA_EXTENDED: Final = rf"{_NUMBER} *[,;] *([0-9]{{1,6}})$"
"""An extension after a bare comma or semicolon: only beside a valid number, else both may be numbers."""

_KEYED: Final = r"^[ (.-]*\+?(?:[ ().-]*[0-9]){3}[0-9 ().-]*[A-Za-z][0-9A-Za-z ().-]*$"
"""Three digits and more, and then letters among digits."""

_THREE_LETTERS: Final = r"[A-Za-z].*[A-Za-z].*[A-Za-z]"
"""The library takes fewer for slips."""

_LABELLED_EXTENSION: Final = r"(?i)(?:x|int).*[0-9][^0-9A-Za-z]*$|(?:^|\PL)(?:or|and)(?:\PL|$)"
"""Letters that may be an extension's label, or part numbers, and no telephone keys."""

_POWER_OF_TEN: Final = r"[0-9.,][ \t]*[eE][ \t+]*[0-9]"
"""Letters that may be an exponent's."""

_KEYS: Final = dict(
    zip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999" * 2, strict=True)
)

_SEPARATOR: Final = r"[\r\n\v\f|&/;,]+|(?i:or|and)"
_SEVERAL: Final = r"^(?:[0-9 ().+\t\r\n\v\f|&/;,#-]|(?i:or|and|x|ext(?:\.|ension)?))*$"
"""Numbers and plain separators, perhaps with extensions."""

_AMID_LETTERS: Final = r"(?i)\pL(?:or|and)|(?:or|and)\pL"
_OR: Final = "(?i)or|and"
"""Such a word parts numbers, if no letter is beside it."""

_LED_EXTENSION: Final = r"(?i)[/;,|&\r\n\v\f][^0-9a-z]*(?:e?xt|x|#)"
"""Here what stands before an extension parts no numbers, or may not."""

_HASH_END: Final = "#[^0-9]*$"
"""To the library the digits before it may be an extension."""

_BARRED: Final = r"[0-9][^0-9]*[|&\r\n\v\f][^0-9]*[0-9]"
"""What stands among digits in no number, and before no extension."""

_COMMA_PARTED: Final = "[0-9][^0-9]*[,;][^0-9]*[0-9]"
_COMMA_FLOAT: Final = "[0-9]{7},0+(?:[^0-9]|$)"
"""A comma that parts numbers, and one that a float may have."""

_SHORT_END: Final = r"[,;][^0-9A-Za-z]*(?:[0-9]{1,6}|#[^0-9A-Za-z]*[0-9]+)[^0-9A-Za-z]*$"
"""Digits after a comma or semicolon that are too few, or led too oddly, to be a number of their own for certain."""

_TWICE: Final = r"^(?:[^0-9xX#]*[0-9]){14}"
"""As many digits and the longest prefix are no single NANP number any more, but those of an extension don't count."""

_SLASHED_GROUPS: Final = r"^[0-9 ().\t/-]+$"
_SLASH_SET_OFF: Final = r"\s/+\s"
_SLASH_WITHIN: Final = r"[^\s/]/|/[^\s/]"
"""A slash without blanks parts a cell later than one between blanks: beside it, it may stand within a number."""

_SLASHED_PART: Final = r"(?:[^0-9/xX#,;|&\r\n\v\f]*[0-9]){10}[^/,;|&\r\n\v\f]*"
_SLASHED_NUMBERS: Final = f"^{_SLASHED_PART}(?:/+{_SLASHED_PART})+$"
"""Between all slashes digits enough for a number, extensions apart: no two such parts are one."""

_BOTH_NUMBERED: Final = r"[0-9][^|]*\|.*[0-9]"
_ONE_LONG: Final = r"(?:[0-9][^0-9|]*){7}"
"""Of cells parted by `|`: digits in two parts and more, and in one of them enough for a number."""

_NEAREST: Final = pl.Enum([reason.value for reason in NEAREST])
"""The reasons of several numbers: the least of them speaks for the cell."""

_COUNTRY_WORTH_COMPILING: Final = 20
"""With fewer numbers of one country the library is quicker than the compiler of its patterns."""


_TEXT: Final = pl.col("text")
_SEPARATED: Final = _TEXT.str.contains(_SEPARATOR)
_NUMBERED: Final = _TEXT.str.contains("[0-9]")
_SLASHED: Final = _TEXT.str.contains("/", literal=True)


@dataclass(frozen=True)
class _Lane:
    """A form of cells: `look` holds for every `text` that the lane may decide on; `read` gives its verdicts on some.

    `read` returns, for each text, `phone` and `reason`, both null where it can't tell, and perhaps more of the verdict.
    Every step costs about as much on a few rows as on a thousand, so the lanes look together, and few have to read.
    """

    name: str
    look: pl.Expr
    read: Callable[[pl.Series], pl.DataFrame]


def decide_phones(numbers: pl.Expr) -> pl.Expr:
    """Return the one valid number, 10 digits, of texts in the usual forms; null says nothing about a text."""
    usual = (numbers.str.len_bytes() <= _LONGEST) & ~numbers.str.contains(_HIDDEN_FLOAT)
    return pl.when(usual).then(_accept(_drop_punctuation(numbers)))


def accept_usual(texts: pl.Series, plain: pl.Series) -> pl.DataFrame:
    """Return `phone`, as `decide_phones` says, and `is_plain`: whether `plain` is known to hold at its first 4 digits.

    `plain` is as `plain_starts` returns it.
    """
    phones, is_plain = accept_plain(texts, plain)
    accept_others(texts, phones, is_plain)
    return pl.DataFrame([phones, is_plain])


def accept_plain(texts: pl.Series, plain: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return `phone`, ten digits, and `is_plain`, as `accept_usual` does, by no more than the bytes and the table.

    Where `is_plain` doesn't hold, `phone` may be null or wrong: `accept_others` goes on from there.
    """
    phones = _join_digits(texts).alias("phone")
    values = phones.cast(pl.UInt64).to_frame()
    is_plain = plain[_select_one(values, _START)].alias("is_plain")
    # The zero of a float would be the last digit.
    floats = _select_one(values, _END_IN_ZERO)
    for look in (_HAVE_POINT_ZERO, _HIDE_FLOATS):
        if len(floats):
            floats = floats[_select_one(texts[floats].to_frame(), look)]
    if len(floats):
        phones.scatter(floats, None)
        is_plain.scatter(floats, pl.Series([False]))
    return phones, is_plain


def accept_others(texts: pl.Series, phones: pl.Series, is_plain: pl.Series) -> None:
    """Put right, in place, what `accept_plain` left open: patterns read what the bytes and the table didn't."""
    special = _select_one(pl.DataFrame([phones, is_plain]), _ARE_SPECIAL)
    wrong = special[_select_one(phones[special].to_frame(), _are_wrong())] if len(special) else special
    rest = find_unread(texts, phones)
    for rows, found in ((wrong, None), (rest, _accept_unread(texts[rest]))):
        if len(rows):
            phones.scatter(rows, found)


# No number begins with 0000.
_START: Final = (pl.first() // 10 ** (NATIONAL_LENGTH - START_LENGTH)).cast(pl.UInt32).fill_null(0)
_END_IN_ZERO: Final = (pl.first() % 10 == 0).arg_true()
_HAVE_POINT_ZERO: Final = pl.first().str.contains(".0", literal=True).arg_true()
_HIDE_FLOATS: Final = pl.first().str.contains(_HIDDEN_FLOAT).arg_true()
_ARE_SPECIAL: Final = (pl.col("phone").is_not_null() & ~pl.col("is_plain")).arg_true()
_MAY_BE_NUMBERS: Final = (
    pl.first().str.contains(_UNPARTED_NUMBER)
    & ~pl.first().str.contains(_HIDDEN_FLOAT)
    & (pl.first().str.len_bytes() <= _LONGEST)
).arg_true()


@cache
def _are_wrong() -> pl.Expr:
    return (~_are_valid(pl.first())).arg_true()


def _select_one(frame: pl.DataFrame, look: pl.Expr) -> pl.Series:
    return frame.select(look).to_series()


def _accept_unread(texts: pl.Series) -> pl.Series:
    """Return what `decide_phones` says of each text; punctuation is dropped only where enough digits are left."""
    numbers = nothing("phone", len(texts))
    rows = _select_one(texts.to_frame(), _MAY_BE_NUMBERS)
    if len(rows):
        digits = texts[rows].to_frame("text").select(_BARE)
        numbers.scatter(rows, digits.select(_accept(pl.first())).to_series())
    return numbers


def _join_digits(texts: pl.Series) -> pl.Series:
    """Return the number that the bytes of each text show: its ten digits, or the ten after a `1`; else null.

    Blanks, brackets, dots and hyphens may stand among the digits, and a `+` before the `1`. Steps over the bytes of
    the whole column take a third of the time that dropping punctuation cell by cell does.
    """
    # Among nulls, lists take several times as long.
    if texts.null_count():
        texts = put(texts, texts.is_null().arg_true(), pl.Series([""]))
    letters = texts.cast(pl.Binary).cast(pl.List(pl.UInt8)).alias("bytes")
    counts = letters.to_frame().select_seq(_COUNTS).with_columns_seq(_END)
    every = letters.explode(empty_as_null=False, keep_nulls=False)
    every = every.filter(every.is_between(*_DIGITS))
    is_led = pl.lit(every).gather(_LEAD) == ord("1")
    start = pl.when(_SHORT_ENOUGH & (_TEN_ALONE | is_led)).then(_FIRST_OF_TEN)
    numbers = pl.lit(every.implode().cast(pl.Binary)).bin.slice(start, NATIONAL_LENGTH)
    return counts.select(numbers.cast(pl.String)).to_series()


def _count_letters(kind: pl.Expr) -> pl.Expr:
    return pl.col("bytes").list.eval(kind).list.sum()


_COUNTS: Final = (
    _count_letters(pl.element().is_between(*_DIGITS)).alias("digits"),
    _count_letters(pl.any_horizontal(pl.element() == mark for mark in _PLAIN_MARKS)).alias("marks"),
    pl.col("bytes").list.len().alias("size"),
    (pl.col("bytes").list.first() == ord("+")).alias("signed"),
)
_END: Final = pl.col("digits").cast(pl.Int64).cum_sum().alias("end")
"""Where the digits of a text end among all digits of the column."""

_REST: Final = pl.col("size") - pl.col("digits") - pl.col("marks")
_TEN_ALONE: Final = (pl.col("digits") == NATIONAL_LENGTH) & (_REST == 0)
_FIRST_OF_TEN: Final = pl.col("end") - NATIONAL_LENGTH
_LEAD: Final = pl.when(
    (pl.col("digits") == NATIONAL_LENGTH + 1) & (pl.col("signed").cast(pl.UInt32) == _REST),
).then(_FIRST_OF_TEN - 1)
_SHORT_ENOUGH: Final = pl.col("size") <= _LONGEST


def read_numbers(texts: pl.Series) -> pl.DataFrame:
    """Return the verdict on each tidy text as one number; nulls where only the library, or parting, can tell."""
    return _pass_lanes(
        texts,
        (
            _MISSING_LANE,
            _PLAIN_LANE,
            _DECIMAL_LANE,
            _ROUNDED_LANE,
            _LABELLED_LANE,
            _EXTENDED_LANE,
            _LETTERED_LANE,
            _ABROAD_LANE,
        ),
    )


def part_cells(texts: pl.Series) -> pl.DataFrame:
    """Return the `text`s of the several numbers of cells, each with the `row` of its cell, in order.

    The texts are tidy; the parts say nothing of a text on which `read_numbers` decides. Cells that may read otherwise
    than part by part, or that hold one number only, don't appear.
    """
    cells = texts.to_frame("text").with_row_index("row").filter(_SEPARATED)
    if not cells.is_empty():
        cells = cells.filter(_are_parted()).with_columns_seq(_TEXT.str.replace_all(_SEPARATOR, "|"))
        cells = cells.filter(_TEXT.str.contains(_BOTH_NUMBERED), _TEXT.str.contains(_ONE_LONG))
    if cells.is_empty():
        return cells
    parts = cells.with_columns_seq(_TEXT.str.split("|")).explode("text", empty_as_null=True)
    return parts.filter(_NUMBERED).with_columns_seq(_TEXT.str.strip_chars())


@cache
def _are_parted() -> pl.Expr:
    """Return whether what stands between the separators of a text are numbers of their own, to the library too."""
    text = _TEXT
    abroad = text.str.contains(r"^[^0-9+]*(?:\+[^0-9]*[02-9]|0[^0-9]*(?:0|1[^0-9]*1))")
    commas = text.str.contains("[,;]")
    # To the library a short end may be an extension.
    parted = (
        text.str.contains(_BARRED)
        | (text.str.contains(_COMMA_PARTED) & ~text.str.contains(_SHORT_END) & ~text.str.contains(_COMMA_FLOAT))
        | (~commas & text.str.contains(_TWICE))
    )
    one_way = ~(text.str.contains(_SLASH_SET_OFF) & text.str.contains(_SLASH_WITHIN))
    groups = text.str.contains(_SLASHED_GROUPS) & one_way & ~text.str.contains(_DRESSED_FLOAT)
    slashed = groups | (text.str.contains(_SLASHED_NUMBERS) & ~text.str.contains(_OR))
    return (
        (text.str.len_bytes() <= _LONGEST)
        & text.str.contains(_SEVERAL)
        & ~text.str.contains(_AMID_LETTERS)
        & ~text.str.contains(_LED_EXTENSION)
        & ~text.str.contains(_HASH_END)
        & ~abroad
        & pl.when(_SLASHED).then(slashed).otherwise(parted)
    )


def combine_numbers(numbers: pl.DataFrame) -> pl.DataFrame:
    """Return one verdict for each `row` of the numbers, as the library's lane combines them; rows ascend.

    There is no column `extension` where no number has any.
    """
    cells = numbers.group_by("row", maintain_order=True).agg(_GATHERED).select_seq(_LISTED)
    verdicts = cells.select_seq(_combined())
    if numbers["extension"].null_count() == len(numbers):
        return verdicts
    return verdicts.join(_list_extensions(numbers), on="row", how="left", maintain_order="left")


_PHONE: Final = pl.col("phone")
_REASON: Final = pl.col("reason")
_NOTE: Final = pl.col("note")
_EVERY: Final = pl.col("all")
_GOOD: Final = pl.col("good")

_GATHERED: Final = (
    _PHONE,
    _REASON,
    _NOTE,
    pl.len().alias("all"),
    _PHONE.count().alias("good"),
    _REASON.cast(_NEAREST).min().alias("nearest"),
)
_LISTED: Final = (
    "row",
    "all",
    "good",
    "nearest",
    # A null is one of those that differ, but nothing of what is joined.
    (_GOOD + (_GOOD < _EVERY) - _PHONE.list.n_unique()).alias("repeats"),
    _PHONE.list.unique(maintain_order=True).list.join("|"),
    _REASON.list.unique(maintain_order=True).list.join(", "),
    _NOTE.list.join("; ").str.split("; ").list.unique(maintain_order=True).list.join("; "),
)


@cache
def _combined() -> tuple[pl.Expr, ...]:
    """Return `row`, and the `phone`, `reason` and `note` of a cell whose numbers are listed."""
    refused = pl.when(_GOOD < _EVERY).then(pl.format("{} of {} numbers left out: {}", _EVERY - _GOOD, _EVERY, _REASON))
    repeated = pl.when(pl.col("repeats") > 0).then(pl.format("{} of {} numbers left out: a repeat", "repeats", _EVERY))
    notes = pl.concat_str(empty_to_null(_NOTE), refused, repeated, separator="; ", ignore_nulls=True)
    return (
        pl.col("row"),
        empty_to_null(_PHONE),
        pl.when(_GOOD == 0).then(pl.col("nearest").cast(pl.String)).alias("reason"),
        pl.when(_GOOD > 0).then(empty_to_null(notes)).alias("note"),
    )


def _list_extensions(numbers: pl.DataFrame) -> pl.DataFrame:
    """Return, for each `row` with a phone, `extension`: those of its different phones in their places, or null."""
    extension = pl.col("extension")
    phones = numbers.filter(pl.col("phone").is_not_null()).group_by("row", "phone", maintain_order=True)
    different = phones.agg(extension.drop_nulls().first())
    joined = pl.when(extension.count() > 0).then(extension.fill_null("").str.join("|"))
    return different.group_by("row", maintain_order=True).agg(joined.alias("extension"))


def read_international(digits: pl.Series) -> pl.Series:
    """Return `+`, country code and number where the digits after `+` are one valid number as they stand.

    Null says nothing about a number: those of code 1, of codes that occur seldom here, and of countries that rewrite
    numbers are the library's.
    """
    numbers = digits.alias("digits").to_frame().with_row_index("row")
    numbers = numbers.filter(pl.col("digits").str.contains(r"^\+[2-9][0-9]{4,16}$"))
    if numbers.height < _COUNTRY_WORTH_COMPILING:
        return nothing("digits", len(digits))
    code = pl.col("digits").str.slice(1, 3).replace_strict(country_codes(), default=None, return_dtype=pl.String)
    found = [pl.DataFrame(schema={"row": numbers.schema["row"], "digits": pl.String})]
    for (country,), rows in numbers.with_columns(code.alias("code")).group_by("code"):
        plan = country_plan(str(country)) if country and rows.height >= _COUNTRY_WORTH_COMPILING else None
        if plan is not None:
            national = pl.col("digits").str.slice(1 + len(plan.code))
            found.append(rows.filter(is_valid_as_it_stands(national, plan)).select("row", "digits"))
    valid = pl.concat(found).sort("row")
    return nothing("digits", len(digits)).scatter(valid["row"], valid["digits"])


def read_e164_numbers(texts: pl.Series, region: str) -> pl.Series:
    """Return the E.164 form of tidy texts that hold one valid number, or null where only the library can tell.

    National numbers are read only where their region is the main one of a country code outside the NANP, and where
    nothing but one known trunk prefix would be cut from them.
    """
    text = pl.col("text")
    plain = text.str.contains(r"^[ (]*\+?[0-9 ().-]+$") & ~text.str.contains(_HIDDEN_FLOAT)
    digits = pl.when(plain & (text.str.len_bytes() <= _LONGEST)).then(_drop_punctuation(text))
    national = digits.str.replace("^(?:00|011)", "+") if is_nanp(region) else _make_international(digits, region)
    return read_international(texts.to_frame("text").select(national.alias("digits")).to_series()).alias("e164")


def _make_international(digits: pl.Expr, region: str) -> pl.Expr:
    """Return digits with `+` and country code where they are a national number of the region."""
    code = main_code(region)
    plan = country_plan(code) if code is not None else None
    if plan is None or (plan.trunk is not None and not re.fullmatch("[0-9|]+", plan.trunk)):
        return digits
    ambiguous = digits.str.contains(f"^(?:[+]|{plan.code}" + (f"|{plan.idd})" if plan.idd else ")"))
    cut = digits.str.replace(f"^(?:{plan.trunk})", "") if plan.trunk else digits
    return pl.when(ambiguous).then(digits).otherwise(pl.lit(f"+{plan.code}") + cut)


def is_valid_as_it_stands(national: pl.Expr, plan: CountryPlan) -> pl.Expr:
    """Return whether a national number is valid in the plan's region and nothing would be cut from it."""
    length = national.str.len_bytes()

    def fits(pattern: str, lengths: tuple[int, ...]) -> pl.Expr:
        return national.str.contains(f"^(?:{pattern})$") & length.is_in(lengths)

    valid = fits(*plan.overall) & pl.any_horizontal(fits(pattern, lengths) for pattern, lengths in plan.valid)
    if plan.trunk is not None:
        valid &= ~national.str.contains(f"^(?:{plan.trunk})")
    if plan.leading is not None:
        valid &= national.str.contains(f"^(?:{plan.leading})")
    return valid


def settle(columns: dict[str, pl.Series], rows: pl.Series, found: pl.DataFrame) -> None:
    """Put what was found into its rows of the columns, in place."""
    for name in found.columns:
        values = found[name]
        if values.null_count() < len(values) or columns[name][rows].null_count() < len(values):
            columns[name].scatter(rows, values)


def nothing(name: str, height: int) -> pl.Series:
    """Return a column of nulls."""
    return pl.Series(name, [None], dtype=pl.String).new_from_index(0, height)


def _pass_lanes(texts: pl.Series, lanes: Sequence[_Lane]) -> pl.DataFrame:
    """Give each text the verdict of the first lane that decides it."""
    verdict = {name: nothing(name, len(texts)) for name in VERDICT}
    looks = texts.to_frame("text").with_columns_seq(_SEEN).select_seq(lane.look.alias(lane.name) for lane in lanes)
    left = pl.Series([True]).new_from_index(0, len(texts))
    for lane in lanes:
        its_own = looks[lane.name] & left
        if not its_own.any():
            continue
        rows = its_own.arg_true()
        judged = lane.read(texts[rows])
        if judged["phone"].null_count() + judged["reason"].null_count() > len(rows):
            decided = judged.select(pl.any_horizontal(pl.col("phone", "reason").is_not_null())).to_series()
            rows, judged = rows.filter(decided), judged.filter(decided)
        settle(verdict, rows, judged)
        left.scatter(rows, pl.Series([False]))
    return pl.DataFrame(verdict)


def _refuse_missing(texts: pl.Series) -> pl.DataFrame:
    reason = pl.Series("reason", [Reason.PHONE_MISSING.value])
    return pl.DataFrame([nothing("phone", len(texts)), reason.new_from_index(0, len(texts))])


def _read_plain(texts: pl.Series) -> pl.DataFrame:
    """Decide on digits and meaningless punctuation."""
    judged = _judge_digits(texts.to_frame("text").with_columns_seq(_BARE.alias("digits")))
    return judged.select_seq(_plain_verdict())


@cache
def _plain_verdict() -> tuple[pl.Expr, ...]:
    found = _PHONE.is_not_null() & _SHORT
    # With seven digits between slashes, or ten in all, there may be several numbers, with fewer they are one.
    whole = ~(_SLASHED & _TEXT.str.contains("(?:[0-9][^0-9/]*){7}|(?:[0-9][^0-9]*){10}"))
    return pl.when(found).then(_PHONE).alias("phone"), pl.when(~found & whole).then("refusal").alias("reason")


def _read_decimal(texts: pl.Series) -> pl.DataFrame:
    """Decide on a whole number written as a float, its decimals set aside."""
    judged = _read_plain(texts.str.replace(_FLOAT, "${1}"))
    return judged.with_columns_seq(pl.when(_PHONE.is_not_null()).then(_lit(NOTE_DECIMALS)).alias("note"))


def _read_rounded(texts: pl.Series) -> pl.DataFrame:
    """Decide on scientific notation that lost digits, or that written out is a valid number."""
    rows = texts.to_frame("text").select(_POWERS).unnest("groups").select_seq(_POWER_PARTS)
    return rows.select_seq(_WRITTEN_OUT).select_seq(_rounded_verdict())


_POWERS: Final = _TEXT.str.replace_all(r"[ \t]+", "").str.extract_groups(_ROUNDED).alias("groups")
_POWER_PARTS: Final = (
    pl.coalesce("1", "4").alias("units"),
    pl.coalesce("2", "5").alias("fraction"),
    pl.coalesce("3", "6").cast(pl.Int32).alias("power"),
)
_FRACTION: Final = pl.col("fraction")
_WRITTEN_OUT: Final = (
    (
        (pl.col("power") > _FRACTION.str.len_bytes())
        | (_FRACTION.str.slice(pl.col("power")).str.strip_chars("0") != "")
    ).alias("lost"),
    (pl.col("units") + _FRACTION.str.head(pl.col("power"))).alias("digits"),
)


@cache
def _rounded_verdict() -> tuple[pl.Expr, ...]:
    phone = pl.when(~pl.col("lost")).then(_accept(pl.col("digits")))
    return (
        phone.alias("phone"),
        pl.when("lost").then(_lit(Reason.PHONE_ROUNDED)).alias("reason"),
        pl.when(phone.is_not_null()).then(_lit(NOTE_WRITTEN_OUT)).alias("note"),
    )


def _read_labelled(texts: pl.Series) -> pl.DataFrame:
    """Decide on a number after words such as `tel:`, as on the number alone."""
    body = texts.str.replace(_LABEL, "")
    # A word makes slashes part even what is short.
    whole = pl.when(~pl.first().str.contains("/", literal=True)).then(pl.first())
    return _pass_lanes(
        body.to_frame().select(whole).to_series(), (_PLAIN_LANE, _DECIMAL_LANE, _EXTENDED_LANE, _LETTERED_LANE)
    )


def _read_extended(texts: pl.Series) -> pl.DataFrame:
    """Decide on one number with an extension."""
    rows = texts.to_frame("text").with_columns_seq(_TEXT.str.contains(_LABELLED).alias("labelled"))
    rows = rows.select_seq("labelled", _extension_groups()).unnest("groups")
    rows = _judge_digits(rows.with_columns_seq(_drop_punctuation(pl.col("1")).alias("digits")))
    return rows.select_seq(_extended_verdict())


@cache
def _extension_groups() -> pl.Expr:
    """Return `groups`: the number of a text, and its extension."""
    labelled = pl.col("labelled")
    bare = pl.when(~labelled & ~_TEXT.str.contains("[,;] *0+$")).then(_TEXT)
    groups = pl.when(labelled).then(_TEXT.str.extract_groups(_EXTENDED))
    return groups.otherwise(bare.str.extract_groups(_COMMA_EXTENDED)).alias("groups")


@cache
def _extended_verdict() -> tuple[pl.Expr, ...]:
    # The library wants three digits and more before an extension; with fewer it counts the extension's.
    viable = pl.col("labelled") & pl.col("digits").str.contains("[0-9]{3}")
    found = _PHONE.is_not_null()
    return (
        _PHONE,
        pl.when(~found & viable).then("refusal").alias("reason"),
        pl.when(found).then(pl.col("2")).alias("extension"),
        pl.when(found).then(_lit(NOTE_EXTENSION)).alias("note"),
    )


def _read_lettered(texts: pl.Series) -> pl.DataFrame:
    """Decide on letters in a number: three and more are telephone keys, fewer are nothing."""
    text, known, vanity = pl.col("text"), pl.col("known"), pl.col("vanity")
    other = text.str.contains(_LABELLED_EXTENSION) | text.str.contains(_POWER_OF_TEN)
    rows = texts.to_frame("text").select_seq(
        pl.when(~other).then(_BARE).alias("known"), text.str.contains(_THREE_LETTERS).alias("vanity")
    )
    keys = known.str.replace_many(list(_KEYS), list(_KEYS.values()))
    digits = pl.when(vanity).then(keys).otherwise(known.str.replace_all("[A-Za-z]", ""))
    rows = rows.select_seq("vanity", digits.alias("digits"))
    rows = _judge_digits(rows.with_columns(pl.when(pl.col("digits").str.len_bytes() <= _LONGEST_DIGITS).then("digits")))
    found = pl.col("phone").is_not_null()
    return rows.select_seq(
        "phone",
        pl.when(~found).then("refusal").alias("reason"),
        pl.when(found & vanity).then(_lit(NOTE_LETTERS)).alias("note"),
    )


def _read_abroad(texts: pl.Series) -> pl.DataFrame:
    """Decide on valid numbers of other countries."""
    digits = texts.to_frame("text").select(_BARE.str.replace("^(?:00|011)", "+"))
    abroad = read_international(digits.to_series())
    reason = pl.when(abroad.is_not_null()).then(_lit(Reason.PHONE_NOT_NANP))
    return pl.select(_lit(None).alias("phone"), reason.alias("reason"))


_SHORT: Final = _TEXT.str.len_bytes() <= _LONGEST
_UNDRESSED: Final = pl.col("undressed")
_UNPREFIXED: Final = pl.col("unprefixed")
_SEEN: Final = (
    (~_TEXT.str.contains(_DRESSED_FLOAT)).alias("undressed"),
    (~_TEXT.str.contains(_PREFIXED)).alias("unprefixed"),
)
"""What several lanes ask of a text is looked for once."""


_MISSING_LANE: Final = _Lane("missing", _TEXT.is_null() | ~_NUMBERED, _refuse_missing)
_PLAIN_LANE: Final = _Lane(
    "plain", _TEXT.str.contains(_UNPARTED) & ~_TEXT.str.contains(_POINT_FLOAT) & _UNDRESSED, _read_plain
)
# Of a float the library's lane doesn't read `00` as `+`.
_DECIMAL_LANE: Final = _Lane("decimal", _TEXT.str.contains(_FLOAT) & ~_TEXT.str.starts_with("00"), _read_decimal)
_ROUNDED_LANE: Final = _Lane("rounded", _TEXT.str.contains(_POWER_END), _read_rounded)
_LABELLED_LANE: Final = _Lane(
    "labelled", _TEXT.str.contains(_LABEL) & ~_TEXT.str.contains(_LABEL_MATTERS) & _SHORT & _UNDRESSED, _read_labelled
)
_EXTENDED_LANE: Final = _Lane(
    "extended", _TEXT.str.contains("[xX#,;]") & _SHORT & _UNDRESSED & _UNPREFIXED, _read_extended
)
_LETTERED_LANE: Final = _Lane(
    "lettered", _TEXT.str.contains(_KEYED) & _SHORT & _UNDRESSED & _UNPREFIXED, _read_lettered
)
_ABROAD_LANE: Final = _Lane("abroad", _TEXT.str.contains(_MAYBE_ABROAD) & ~_SLASHED & _SHORT & _UNDRESSED, _read_abroad)


def _drop_punctuation(text: pl.Expr) -> pl.Expr:
    """Return the text without the punctuation that means nothing inside a number, a slash among it."""
    characters = [*_PUNCTUATION, "/"]
    return text.str.replace_many(characters, [""] * len(characters))


_BARE: Final = _drop_punctuation(_TEXT)


def _accept(digits: pl.Expr) -> pl.Expr:
    """Return the national number where the digits, `+` before them or not, are exactly one valid number."""
    return pl.when(_are_valid(digits)).then(digits.str.tail(NATIONAL_LENGTH))


def _are_valid(digits: pl.Expr) -> pl.Expr:
    return digits.str.contains(f"^{_NANP_PREFIX}{nanp_pattern()}$")


def _judge_digits(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `phone`, the valid number that `digits`, `+` before them or not, are, and `refusal`: why they are none.

    A null refusal is for the library: that of numbers of other countries, of what is short after a country code, and of
    several trunk `1`s.
    """
    return rows.with_columns_seq(_looks_at_digits()).with_columns_seq(_refusal())


@cache
def _looks_at_digits() -> tuple[pl.Expr, ...]:
    digits = pl.col("digits")
    known = digits.str.contains(r"^\+?[0-9]+$") & ~digits.str.contains(_ABROAD)
    bare = digits.str.replace(r"^(?:(?:\+|00|011)1|\+)", "")
    return _accept(digits).alias("phone"), known.alias("known"), bare.alias("bare")


@cache
def _refusal() -> pl.Expr:
    """Return `refusal`: why `digits` are refused, by the length of `bare`: what is left without a country code."""
    digits, bare = pl.col("digits"), pl.col("bare")
    size = bare.str.len_bytes()
    cut = size - bare.str.starts_with("1").cast(pl.UInt32)
    # Fewer than three digits after a country code the library doesn't read.
    known = pl.col("known") & ((bare == digits) | (size > 2)) & ~bare.str.starts_with("11")  # noqa: PLR2004
    # The lengths of `REFUSALS`: comparing them takes a tenth of the patterns' time.
    reason = (
        pl.when((size == LOCAL_LENGTH) | (cut == LOCAL_LENGTH))
        .then(_lit(Reason.PHONE_NO_AREA_CODE))
        .when(size < NATIONAL_LENGTH)
        .then(_lit(Reason.PHONE_TOO_SHORT))
        .when((size == NATIONAL_LENGTH) | (cut == NATIONAL_LENGTH))
        .then(_lit(Reason.PHONE_NOT_VALID))
        .otherwise(_lit(Reason.PHONE_TOO_LONG))
    )
    return pl.when(known).then(reason).alias("refusal")


def _lit(value: str | None) -> pl.Expr:
    return pl.lit(value, pl.String)
