"""Reads the common forms of telephone cells with expressions, each exactly as the library's lane would read it.

`phonenumbers` reads some eight thousand texts a second, expressions hundreds of thousands. So a column passes lanes,
one form each, that decide what they can prove and leave the rest undecided: rows with neither phone nor reason.
Texts are tidy here: plain digits and punctuation, trimmed.
"""

import re
from collections.abc import Callable, Sequence
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
from transforms.vocabulary.reasons import Reason

VERDICT: Final = ("phone", "reason", "extension", "note")

_PUNCTUATION: Final = list(" \t!\"$%'()*-.:<=>?@[\\]_`{}")
"""ASCII punctuation that means nothing inside a number; the rest may part numbers, or begin an extension or power."""

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

_HIDDEN_FLOAT: Final = r"[0-9]{7}\.0+[^0-9]*$"
"""Whatever may be a float: its zero must not become a digit of the number."""

_LABEL: Final = r"^[^0-9+]*\pL[^0-9+]*"
"""Words before the number, which the library skips."""

_LABEL_MATTERS: Final = (
    r"phone-context|isub|^[^0-9+]*0[^0-9]*0|^[^0-9+]*[0-9+]+[.,]0+$|[0-9.,] *(?i:e|[x\u00d7*] *1 *0 *\^)"
)
"""Texts that read otherwise without their first words: `00` and floats are mended only at the start of a text."""

_POWER: Final = r"(?:(?i:e)|[xX\u00d7*]10\^)"
_ROUNDED: Final = (
    rf"^\+?(?:([0-9])[.,]([0-9]*){_POWER}\+?([0-9]{{1,3}})|([0-9]+)[.,]?([0-9]*){_POWER}\+([0-9]{{1,3}}))$"
)
"""Scientific notation, blanks apart: units, fraction and exponent, in either of two spellings."""

_NUMBER: Final = r"^([0-9 ().+-]*[0-9).-])"
_EXTENDED: Final = rf"{_NUMBER} *(?:(?i:,? *(?:e?xt(?:ension|n)?|x)[:.=]? *)|,? *# *|(?i:;ext=))([0-9]{{1,9}})$"
"""A number and its extension in the commonest forms, a small part of what the library reads the same way."""

_LABELLED: Final = "[xX#]|;(?i:ext)="
_COMMA_EXTENDED: Final = rf"{_NUMBER} *[,;] *([0-9]{{1,6}})$"
"""An extension after a bare comma or semicolon: only beside a valid number, else both may be numbers."""

_LETTERED: Final = r"^[ (.-]*\+?(?:[ ().-]*[0-9]){3}[0-9A-Za-z ().-]*$"
_LABELLED_EXTENSION: Final = r"(?i)(?:x|int).*[0-9][^0-9A-Za-z]*$|\b(?:or|and)\b"
"""Letters that may be an extension's label, or part numbers, and no telephone keys."""

_POWER_OF_TEN: Final = r"^\+?[0-9][0-9., ]*[eE][ +0-9]*$"
"""Letters that may be an exponent's."""

_KEYS: Final = dict(
    zip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999" * 2, strict=True)
)

_SEPARATOR: Final = r"[\r\n\v\f|&/;,]+|(?i:\b(?:or|and)\b)"
_SEVERAL: Final = r"^(?:[0-9 ().+\t\r\n\v\f|&/;,#-]|(?i:\b(?:or|and)\b|x|ext(?:\.|ension)?))*$"
"""Numbers and plain separators, perhaps with extensions."""

_LED_EXTENSION: Final = r"(?i)[/;,]\s*(?:e?xt|x|#)"
"""Here `/`, `;` or `,` parts no numbers."""

_SHORT_END: Final = r"[,;][^0-9A-Za-z]*(?:[0-9]{1,6}|[^\s:.,;+0-9A-Za-z-][^0-9A-Za-z]*[0-9]+)[^0-9A-Za-z]*$"
"""A comma or semicolon and digits too few, or too oddly set off, to be a number of their own for certain."""

_FEWEST_TWICE: Final = 14
"""As many digits and the longest prefix are no single NANP number any more."""

_COUNTRY_WORTH_COMPILING: Final = 20
"""With fewer numbers of one country the library is quicker than the compiler of its patterns."""

_Lane = Callable[[pl.DataFrame], pl.DataFrame]
"""Takes `row` and `text`, returns `row`, `phone`, `reason` and perhaps more of the verdict for the rows it understood.

Every step costs about as much on a few rows as on a thousand, so a lane looks first whether any row is its own.
"""


def decide_phones(numbers: pl.Expr) -> pl.Expr:
    """Return the one valid number, 10 digits, of texts in the usual forms; null says nothing about a text."""
    usual = (numbers.str.len_bytes() <= _LONGEST) & ~numbers.str.contains(_HIDDEN_FLOAT)
    return pl.when(usual).then(_accept(_drop_punctuation(numbers, [*_PUNCTUATION, "/"])))


def accept_usual(texts: pl.Series, plain: pl.Series) -> pl.DataFrame:
    """Return `phone`, as `decide_phones` says, and `is_plain`: whether `plain` is known to hold at its first 4 digits.

    `plain` is as `plain_starts` returns it. Patterns read only what the bytes of a text and the table leave open.
    """
    numbers = _join_digits(texts)
    value = numbers.cast(pl.UInt64)
    is_plain = plain.gather(value // 10 ** (NATIONAL_LENGTH - START_LENGTH))
    # The zero of a float would be the last digit.
    doubted = (value % 10 == 0).arg_true()
    floats = doubted.filter(texts.gather(doubted).str.contains(_HIDDEN_FLOAT))
    special = (~is_plain).arg_true()
    wrong = special.filter(~numbers.gather(special).to_frame().select(_are_valid(pl.first())).to_series())
    rest = (numbers.is_null() & texts.is_not_null()).arg_true()
    for rows, found in ((floats, None), (wrong, None), (rest, _accept_others(texts.gather(rest)))):
        if len(rows):
            numbers = numbers.scatter(rows, found)
    return pl.DataFrame([numbers.alias("phone"), is_plain.fill_null(value=False).alias("is_plain")])


def _accept_others(texts: pl.Series) -> pl.Series:
    """Return what `decide_phones` says of each text, step by step: one expression would drop punctuation twice."""
    text = pl.col("text")
    usual = (text.str.len_bytes() <= _LONGEST) & ~text.str.contains(_HIDDEN_FLOAT)
    digits = _drop_punctuation(text, [*_PUNCTUATION, "/"])
    frame = texts.alias("text").to_frame().select(digits.alias("digits"), usual.alias("usual"))
    return frame.select(pl.when("usual").then(_accept(pl.col("digits")))).to_series()


def _join_digits(texts: pl.Series) -> pl.Series:
    """Return the number that the bytes of each text show: its ten digits, or the ten after a `1`; else null.

    Blanks, brackets, dots and hyphens may stand among the digits, and a `+` before the `1`. Steps over the bytes of
    the whole column take a third of the time that dropping punctuation cell by cell does.
    """
    letter = pl.element()
    # Among nulls, lists take several times as long.
    texts = texts.fill_null("")
    letters = texts.cast(pl.Binary).cast(pl.List(pl.UInt8))
    digits, marks = (
        letters.list.eval(kind).list.sum()
        for kind in (letter.is_between(*_DIGITS), pl.any_horizontal(letter == mark for mark in _PLAIN_MARKS))
    )
    every = letters.explode(empty_as_null=False, keep_nulls=False)
    every = every.filter(every.is_between(*_DIGITS))
    size, count, end = texts.str.len_bytes(), pl.col("digits"), pl.col("end")
    frame = pl.DataFrame(
        {
            "digits": digits,
            "rest": size - digits - marks,
            "signed": letters.list.first() == ord("+"),
            "short": size <= _LONGEST,
            # Where the digits of a text end among all digits of the column.
            "end": digits.cast(pl.Int64).cum_sum(),
        }
    )
    led = (count == NATIONAL_LENGTH + 1) & (pl.col("rest") == pl.col("signed").cast(pl.UInt32))
    first = pl.lit(every).gather(pl.when(led).then(end - NATIONAL_LENGTH - 1))
    known = (count == NATIONAL_LENGTH) & (pl.col("rest") == 0) | (first == ord("1"))
    national = pl.lit(every.implode().cast(pl.Binary)).bin.slice(end - NATIONAL_LENGTH, NATIONAL_LENGTH)
    return frame.select(pl.when(known & pl.col("short")).then(national).cast(pl.String)).to_series()


def read_numbers(texts: pl.Series) -> pl.DataFrame:
    """Return the verdict on each tidy text as one number; nulls where only the library, or parting, can tell."""
    lanes: tuple[_Lane, ...] = (
        _find_missing,
        _read_plain,
        _read_rounded,
        _read_labelled,
        _read_extended,
        _read_lettered,
        _read_abroad,
    )
    return _pass_lanes(texts, lanes)


def part_cells(texts: pl.Series) -> pl.DataFrame:
    """Return the `text`s of the several numbers of cells, each with the `row` of its cell, in order.

    The texts are tidy; the parts say nothing of a text on which `read_numbers` decides. Cells that may read otherwise
    than part by part, or that hold one number only, don't appear.
    """
    text, digits = pl.col("text"), pl.col("text").str.count_matches("[0-9]")
    # To the library such an end may be an extension.
    ended_shortly = text.str.contains(_SHORT_END)
    abroad = text.str.contains(r"^[^0-9+]*(?:\+[^0-9]*[02-9]|0[^0-9]*(?:0|1[^0-9]*1))")
    barred = text.str.contains(r"[0-9][^0-9]*[|&\r\n\v\f]")
    listed = text.str.contains("[,;]") & ~ended_shortly
    slashed = text.str.contains(r"^[0-9 ().+\t/-]+$")
    cells = texts.alias("text").to_frame().with_row_index("row").filter(text.str.contains(_SEPARATOR))
    cells = cells.filter(
        text.str.len_bytes() <= _LONGEST,
        text.str.contains(_SEVERAL),
        ~text.str.contains(_LED_EXTENSION),
        ~abroad & (barred | listed | slashed | (~text.str.contains("[,;]") & (digits >= _FEWEST_TWICE))),
    )
    parts = cells.with_columns(text.str.replace_all(_SEPARATOR, "|").str.split("|")).explode("text", empty_as_null=True)
    parts = parts.with_columns(text.str.strip_chars()).with_columns(digits.alias("digits")).filter(pl.col("digits") > 0)
    several = (pl.len() > 1) & (pl.col("digits").max() >= 7)  # noqa: PLR2004 - groups of fewer digits may be one number
    return parts.filter(several.over("row")).select("row", "text")


def combine_numbers(numbers: pl.DataFrame) -> pl.DataFrame:
    """Return one verdict for each `row` of the numbers, as the library's lane combines them; rows ascend."""
    row, found = pl.col("row"), pl.col("phone").is_not_null()
    good = numbers.filter(found)
    phones = good.group_by("row", "phone", maintain_order=True).agg(pl.col("extension").drop_nulls().first())
    cells = numbers.group_by(row, maintain_order=True).agg(pl.len().alias("all"), found.sum().alias("good"))
    joined = phones.group_by(row, maintain_order=True).agg(pl.col("phone").str.join("|"), pl.len().alias("different"))
    for part in (joined, _list_extensions(phones), _list_refusals(numbers), _list_notes(good)):
        cells = cells.join(part, on="row", how="left", maintain_order="left")
    left_out, repeats = pl.col("all") - pl.col("good"), pl.col("good") - pl.col("different")
    refused = pl.when(left_out > 0).then(pl.format("{} of {} numbers left out: {}", left_out, "all", "refused"))
    repeated = pl.when(repeats > 0).then(pl.format("{} of {} numbers left out: a repeat", repeats, "all"))
    note = pl.concat_str("note", refused, repeated, separator="; ", ignore_nulls=True)
    nothing = pl.col("good") == 0
    return cells.select(
        "row",
        "phone",
        pl.when(nothing).then(pl.col("rank").replace_strict(_REASONS, return_dtype=pl.String)).alias("reason"),
        "extension",
        pl.when(~nothing & (note != "")).then(note).alias("note"),
    )


def _list_extensions(phones: pl.DataFrame) -> pl.DataFrame:
    """Return, for each `row` with any extension among its different phones, theirs as `extension`, in their places."""
    extension = pl.col("extension")
    extended = phones.filter(extension.is_not_null())
    if not extended.is_empty():
        extended = phones.filter(pl.col("row").is_in(extended["row"].implode()))
    return extended.group_by("row", maintain_order=True).agg(extension.fill_null("").str.join("|"))


def _list_refusals(numbers: pl.DataFrame) -> pl.DataFrame:
    """Return, for each `row` with a number refused, the reasons as `refused` and the `rank` of the nearest."""
    refused = numbers.filter(pl.col("reason").is_not_null()).select("row", "reason").unique(maintain_order=True)
    if refused.is_empty():
        return refused.select("row", pl.col("reason").alias("refused"), pl.lit(None, pl.Int8).alias("rank"))
    return refused.group_by("row", maintain_order=True).agg(
        pl.col("reason").str.join(", ").alias("refused"),
        pl.col("reason").replace_strict(_RANKS, return_dtype=pl.Int8).min().alias("rank"),
    )


def _list_notes(good: pl.DataFrame) -> pl.DataFrame:
    """Return, for each `row` with notes on its good numbers, the different ones as `note`."""
    notes = good.filter(pl.col("note").is_not_null()).select("row", "note")
    if notes.is_empty():
        return notes
    notes = notes.with_columns(pl.col("note").str.split("; ")).explode("note", empty_as_null=True)
    notes = notes.unique(maintain_order=True)
    return notes.group_by("row", maintain_order=True).agg(pl.col("note").str.join("; "))


def read_international(digits: pl.Series) -> pl.Series:
    """Return `+`, country code and number where the digits after `+` are one valid number as they stand.

    Null says nothing about a number: those of code 1, of codes that occur seldom here, and of countries that rewrite
    numbers are the library's.
    """
    numbers = digits.alias("digits").to_frame().with_row_index("row")
    numbers = numbers.filter(pl.col("digits").str.contains(r"^\+[2-9][0-9]{4,16}$"))
    code = pl.col("digits").str.slice(1, 3).replace_strict(country_codes(), default=None, return_dtype=pl.String)
    found = [pl.DataFrame(schema={"row": numbers.schema["row"], "digits": pl.String})]
    for (country,), rows in numbers.with_columns(code.alias("code")).group_by("code"):
        plan = country_plan(str(country)) if country and rows.height >= _COUNTRY_WORTH_COMPILING else None
        if plan is not None:
            national = pl.col("digits").str.slice(1 + len(plan.code))
            found.append(rows.filter(is_valid_as_it_stands(national, plan)).select("row", "digits"))
    valid = pl.concat(found).sort("row")
    return _scatter(len(digits), valid["row"], valid["digits"])


def read_e164_numbers(texts: pl.Series, region: str) -> pl.Series:
    """Return the E.164 form of tidy texts that hold one valid number, or null where only the library can tell.

    National numbers are read only where their region is the main one of a country code outside the NANP, and where
    nothing but one known trunk prefix would be cut from them.
    """
    text = pl.col("text")
    plain = text.str.contains(r"^[ (]*\+?[0-9 ().-]+$") & ~text.str.contains(_HIDDEN_FLOAT)
    digits = pl.when(plain & (text.str.len_bytes() <= _LONGEST)).then(
        _drop_punctuation(text, [" ", "(", ")", ".", "-"])
    )
    national = digits.str.replace("^(?:00|011)", "+") if is_nanp(region) else _make_international(digits, region)
    return read_international(texts.alias("text").to_frame().select(national.alias("digits")).to_series()).alias("e164")


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


_RANKS: Final = {reason.value: rank for rank, reason in enumerate(NEAREST)}
_REASONS: Final = {rank: reason for reason, rank in _RANKS.items()}


def _pass_lanes(texts: pl.Series, lanes: Sequence[_Lane]) -> pl.DataFrame:
    """Give each text the verdict of the first lane that decides it."""
    left = texts.alias("text").to_frame().with_row_index("row")
    decided = [pl.DataFrame(schema={"row": left.schema["row"], **dict.fromkeys(VERDICT, pl.String)})]
    for lane in lanes:
        judged = left if left.is_empty() else lane(left)
        if judged.is_empty():
            continue
        judged = judged.filter(pl.any_horizontal(pl.col("phone", "reason").is_not_null()))
        if not judged.is_empty():
            decided.append(judged)
            left = left.filter(~pl.col("row").is_in(judged["row"].implode()))
    return pl.concat([*decided, left.select("row")], how="diagonal").sort("row").select(VERDICT)


def _scatter(height: int, rows: pl.Series, values: pl.Series) -> pl.Series:
    """Return a column of nulls but for the values in their rows."""
    column = pl.repeat(None, height, dtype=pl.String, eager=True).alias(values.name)
    return column.scatter(rows, values) if len(rows) else column


def _find_missing(left: pl.DataFrame) -> pl.DataFrame:
    text = pl.col("text")
    rows = left.filter(text.is_null() | ~text.str.contains("[0-9]"))
    return rows.select("row", _lit(None).alias("phone"), _lit(Reason.PHONE_MISSING).alias("reason"))


def _read_plain(left: pl.DataFrame) -> pl.DataFrame:
    """Decide on digits and meaningless punctuation, a float's decimals set aside."""
    text, phone = pl.col("text"), pl.col("phone")
    # Of a float the library's lane doesn't read `00` as `+`.
    mended = pl.when(~text.str.contains(r"^00[0-9]+[.,]0+$")).then(text.str.replace(_FLOAT, "${1}"))
    judged = left.with_columns(mended.alias("mended"))
    judged = judged.with_columns(_drop_punctuation(pl.col("mended"), [*_PUNCTUATION, "/"]).alias("digits"))
    judged = _refuse(judged)
    # With seven digits between slashes there may be several numbers, with fewer they are one.
    whole = ~(text.str.contains("/", literal=True) & text.str.contains("(?:[0-9][^0-9/]*){7}"))
    judged = judged.with_columns(
        pl.when(text.str.len_bytes() <= _LONGEST).then(_accept(pl.col("digits"))).alias("phone")
    )
    return judged.select(
        "row",
        "phone",
        pl.when(phone.is_null() & whole).then("refusal").alias("reason"),
        pl.when(phone.is_not_null() & (pl.col("mended") != text)).then(_lit(NOTE_DECIMALS)).alias("note"),
    )


def _read_rounded(left: pl.DataFrame) -> pl.DataFrame:
    """Decide on scientific notation that lost digits, or that written out is a valid number."""
    rows = left.filter(pl.col("text").str.contains("[eE^]"))
    if rows.is_empty():
        return rows
    solid = _drop_punctuation(pl.col("text"), list(" \t\r\n\v\f"))
    rows = rows.select("row", solid.str.extract_groups(_ROUNDED).alias("groups")).unnest("groups")
    rows = rows.select(
        "row",
        pl.coalesce("1", "4").alias("units"),
        pl.coalesce("2", "5").alias("fraction"),
        pl.coalesce("3", "6").cast(pl.Int32).alias("power"),
    )
    fraction, power = pl.col("fraction"), pl.col("power")
    lost = (power > fraction.str.len_bytes()) | (fraction.str.slice(power).str.strip_chars("0") != "")
    rows = rows.with_columns(lost.alias("lost"))
    phone = pl.when(~pl.col("lost")).then(_accept(pl.col("units") + fraction.str.head(power)))
    return rows.with_columns(phone.alias("phone")).select(
        "row",
        "phone",
        pl.when("lost").then(_lit(Reason.PHONE_ROUNDED)).alias("reason"),
        pl.when(pl.col("phone").is_not_null()).then(_lit(NOTE_WRITTEN_OUT)).alias("note"),
    )


def _read_labelled(left: pl.DataFrame) -> pl.DataFrame:
    """Decide on a number after words such as `tel:`, as on the number alone."""
    text = pl.col("text")
    rows = left.filter(text.str.contains(_LABEL), ~text.str.contains(_LABEL_MATTERS), text.str.len_bytes() <= _LONGEST)
    rows = rows.with_columns(text.str.replace(_LABEL, "").alias("body"))
    # A word makes slashes part even what is short.
    rows = rows.filter(~pl.col("body").str.contains("/", literal=True))
    if rows.is_empty():
        return rows
    judged = _pass_lanes(rows["body"], (_read_plain, _read_extended, _read_lettered))
    return judged.with_columns(rows["row"])


def _read_extended(left: pl.DataFrame) -> pl.DataFrame:
    """Decide on one number with an extension."""
    text = pl.col("text")
    rows = left.filter(text.str.contains("[xX#,;]"), text.str.len_bytes() <= _LONGEST)
    if rows.is_empty():
        return rows
    comma = pl.when(~text.str.contains("[,;] *0+$")).then(text).str.extract_groups(_COMMA_EXTENDED)
    rows = rows.with_columns(text.str.contains(_LABELLED).alias("labelled"))
    groups = pl.when("labelled").then(text.str.extract_groups(_EXTENDED)).otherwise(comma)
    rows = rows.with_columns(groups.alias("groups")).unnest("groups")
    rows = rows.with_columns(_drop_punctuation(pl.col("1"), [" ", "(", ")", ".", "-"]).alias("digits"))
    rows = _refuse(rows.with_columns(_accept(pl.col("digits")).alias("phone")))
    # The library wants three digits and more before an extension; with fewer it counts the extension's.
    viable = pl.col("labelled") & pl.col("digits").str.contains("[0-9]{3}")
    found = pl.col("phone").is_not_null()
    return rows.select(
        "row",
        "phone",
        pl.when(~found & viable).then("refusal").alias("reason"),
        pl.when(found).then(pl.col("2")).alias("extension"),
        pl.when(found).then(_lit(NOTE_EXTENSION)).alias("note"),
    )


def _read_lettered(left: pl.DataFrame) -> pl.DataFrame:
    """Decide on letters in a number: three and more are telephone keys, fewer are nothing."""
    text = pl.col("text")
    rows = left.filter(text.str.contains("[0-9][^0-9]*[A-Za-z]"), text.str.contains(_LETTERED))
    rows = rows.filter(
        ~text.str.contains(_LABELLED_EXTENSION), ~text.str.contains(_POWER_OF_TEN), text.str.len_bytes() <= _LONGEST
    )
    if rows.is_empty():
        return rows
    known = _drop_punctuation(text, [" ", "(", ")", ".", "-"])
    keys = pl.col("known").str.replace_many(list(_KEYS), list(_KEYS.values()))
    vanity = text.str.count_matches("[A-Za-z]") >= 3  # noqa: PLR2004 - the library takes fewer for slips
    digits = pl.when(vanity).then(keys).otherwise(pl.col("known").str.replace_all("[A-Za-z]", ""))
    rows = rows.with_columns(known.alias("known")).with_columns(digits.alias("digits"))
    rows = _refuse(rows.filter(pl.col("digits").str.len_bytes() <= _LONGEST_DIGITS))
    rows = rows.with_columns(_accept(pl.col("digits")).alias("phone"))
    return rows.select(
        "row",
        "phone",
        pl.when(pl.col("phone").is_null()).then("refusal").alias("reason"),
        pl.when(pl.col("phone").is_not_null() & vanity).then(_lit(NOTE_LETTERS)).alias("note"),
    )


def _read_abroad(left: pl.DataFrame) -> pl.DataFrame:
    """Decide on valid numbers of other countries."""
    text = pl.col("text")
    rows = left.filter(
        text.str.contains(_MAYBE_ABROAD), text.str.len_bytes() <= _LONGEST, ~text.str.contains("/", literal=True)
    )
    if rows.is_empty():
        return rows
    digits = _drop_punctuation(text, _PUNCTUATION).str.replace("^(?:00|011)", "+")
    abroad = read_international(rows.select(digits.alias("digits")).to_series())
    found = rows.select("row").filter(abroad.is_not_null())
    return found.with_columns(_lit(None).alias("phone"), _lit(Reason.PHONE_NOT_NANP).alias("reason"))


def _drop_punctuation(text: pl.Expr, characters: Sequence[str]) -> pl.Expr:
    return text.str.replace_many(characters, [""] * len(characters))


def _accept(digits: pl.Expr) -> pl.Expr:
    """Return the national number where the digits, `+` before them or not, are exactly one valid number."""
    return pl.when(_are_valid(digits)).then(digits.str.tail(NATIONAL_LENGTH))


def _are_valid(digits: pl.Expr) -> pl.Expr:
    return digits.str.contains(f"^{_NANP_PREFIX}{nanp_pattern()}$")


def _refuse(rows: pl.DataFrame) -> pl.DataFrame:
    """Add as `refusal` why `digits`, `+` before them or not, that aren't valid are refused; null is for the library.

    That is for numbers of other countries, for what is short after a country code, and for several trunk `1`s.
    """
    digits, bare, size, cut = (pl.col(name) for name in ("digits", "bare", "size", "cut"))
    known = digits.str.contains(r"^\+?[0-9]+$") & ~digits.str.contains(_ABROAD)
    rows = rows.with_columns(known.alias("known"), digits.str.replace(r"^(?:(?:\+|00|011)1|\+)", "").alias("bare"))
    length = bare.str.len_bytes()
    rows = rows.with_columns(length.alias("size"), (length - bare.str.starts_with("1").cast(pl.UInt32)).alias("cut"))
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
    return rows.with_columns(pl.when(known).then(reason).alias("refusal"))


def _lit(value: str | None) -> pl.Expr:
    return pl.lit(value, pl.String)
