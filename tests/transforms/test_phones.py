"""The verdicts on telephone columns, held against `phonenumbers` itself.

Numbers in the examples are reserved for fiction (555-0100 to 555-0199), toll-free, or made of digits at random.
"""

import random
import re
import unicodedata
from functools import cache

import phonenumbers
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.phones import judge_e164, judge_phones, nanp_pattern
from transforms.vocabulary.reasons import Reason

ONE = "2125550123"
TWO = "3055550188"
FREE = "8005550199"
COLUMNS = ["phone", "reason", "extension", "note"]


pytestmark = pytest.mark.usefixtures("lanes_and_library")


def library_verdict(text):
    """The library's own verdict: ten digits of a valid NANP number, NOT_NANP, or None."""
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    if number.country_code != 1:
        return "NOT_NANP"
    national = phonenumbers.national_significant_number(number)
    return national if len(national) == 10 else None


def full_width(text):
    """The text as an East Asian keyboard writes it."""
    return "".join(chr(0xFEE0 + ord(each)) if each.isascii() else each for each in text)


def judge(*texts):
    return judge_phones(pl.Series(texts, dtype=pl.String)).rows()


def judge_one(text):
    return judge(text)[0]


# --- held against the library ---------------------------------------------------------------------------------


@cache
def library_validity(nationals):
    """Whether each national number is valid, without the time that `parse` takes."""
    numbers = (phonenumbers.PhoneNumber(country_code=1, national_number=int(each)) for each in nationals)
    return [phonenumbers.is_valid_number(number) for number in numbers]


def test_the_pattern_equals_the_library_in_every_area_code():
    """Two hundred thousand numbers, 250 under each three-digit start, valid and not."""
    rng = random.Random(20261)  # noqa: S311 - a seed makes the test repeatable
    nationals = [f"{area}{rng.randrange(10**7):07d}" for area in range(200, 1000) for _ in range(250)]
    judged = judge_phones(pl.Series(nationals))["phone"].is_not_null().to_list()
    assert judged == library_validity(tuple(nationals))
    assert 60_000 < sum(judged) < 140_000


def test_the_pattern_equals_the_library_where_the_islands_number_by_exchange():
    """Area codes whose exchanges the metadata lists one by one: each exchange of each, once."""
    regions = [region for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1] if region not in {"US", "CA"}]
    metadata = [phonenumbers.PhoneMetadata.metadata_for_region(region) for region in regions]
    starts = sorted({start for region in metadata for start in re.findall(r"\d{3}", region.leading_digits or "")})
    areas = [*starts, "829", "849", "523", "524", "983", "600", "310", "900"]
    rng = random.Random(20262)  # noqa: S311 - a seed makes the test repeatable
    nationals = [f"{area}{exchange:03d}{rng.randrange(10_000):04d}" for area in areas for exchange in range(1000)]
    assert len(nationals) > 25_000
    judged = judge_phones(pl.Series(nationals))["phone"].is_not_null().to_list()
    assert judged == library_validity(tuple(nationals))


def test_every_example_number_of_the_library_is_accepted():
    examples = {
        phonenumbers.national_significant_number(number)
        for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1]
        for kind in phonenumbers.PhoneNumberType.values()
        if (number := phonenumbers.example_number_for_type(region, kind)) is not None
    }
    ten = sorted(example for example in examples if len(example) == 10)
    assert len(ten) > 40
    assert judge_phones(pl.Series(ten))["phone"].to_list() == ten


def test_the_pattern_has_ten_digits_only():
    """310-1234 is a number of seven digits in Canada to the library; a lead's phone has ten."""
    assert re.fullmatch(nanp_pattern(), "3101234") is None
    assert judge("3101234", "1113101234", "+1 310-1234") == [
        (None, "PHONE_NO_AREA_CODE", None, None),
        (None, "PHONE_NOT_VALID", None, None),
        (None, "PHONE_NO_AREA_CODE", None, None),
    ]


PREFIXES = ["", "", "", "1", "+1", "+", "++1", "11", "111", "1111", "+11", "+111", "0", "01", "011", "0111", "01144"]
PREFIXES += ["+44", "+49", "+0", "+0111", "tel:", "Tel. ", "'", "(", "(+1) "]
KNOWN_PUNCTUATION = " -.()[]*\u00a0\u00ad\u200b\u2060\u3000\u2010\u2014\u2015\u2212\u30fc\uff0d\uff0e\uff08\uff09"
SUFFIXES = ["", "", "", "", " ", ".", ")", "x1", " x12", " ext. 345", " ext 6", "#7", "~8", ",9", ";ext=10", " доб 11"]
SCRIPTS = ["0", "0", "0", "\u0660", "\u0966", "\uff10", "\U0001d7ce"]


@st.composite
def telephone_texts(draw, punctuation=KNOWN_PUNCTUATION):
    """A prefix, seven to thirteen digits mostly under a real area code, punctuation between, perhaps an extension."""
    area = draw(st.sampled_from(["212", "305", "416", "800", "900", "268", "787", "809", "523", "456", "000", "101"]))
    local = draw(st.one_of(st.from_regex(r"[2-9][0-9]{6}", fullmatch=True), st.text("0123456789", max_size=10)))
    pieces = [character + draw(st.sampled_from(["", "", "", *punctuation])) for character in area + local]
    text = draw(st.sampled_from(PREFIXES)) + "".join(pieces) + draw(st.sampled_from(SUFFIXES))
    zero = ord(draw(st.sampled_from(SCRIPTS)))
    return text.translate({ord("0") + digit: zero + digit for digit in range(10)})


def is_mended(text):
    """Whether the text has a form that is mended before the library reads it: a float, or 00 for +."""
    plain = "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in text)
    return re.search(r"[0-9]{7,}[.\uff0e,]0+(?![0-9])", plain) or re.match(r"00", re.sub(r"[^0-9+]", "", plain))


def librarys_extension(text):
    extension = phonenumbers.parse(text, "US").extension
    return extension and phonenumbers.normalize_digits_only(extension)


@settings(max_examples=120, deadline=None)
@given(st.lists(telephone_texts().filter(lambda text: not is_mended(text)), min_size=1, max_size=10))
def test_the_verdict_is_the_librarys(texts):
    for text, (phone, reason, extension, _) in zip(texts, judge(*texts), strict=True):
        expected = library_verdict(text)
        if expected == "NOT_NANP":
            assert (phone, reason) == (None, Reason.PHONE_NOT_NANP), text
        else:
            assert phone == expected, text
            assert extension == (librarys_extension(text) if phone else None), text


@settings(max_examples=60, deadline=None)
@given(st.lists(telephone_texts(punctuation=' -."!?:_{}=\t').filter(lambda text: not is_mended(text)), max_size=10))
def test_punctuation_that_the_library_does_not_know_counts_as_a_space(texts):
    for text, (phone, *_) in zip(texts, judge(*texts), strict=True):
        known = re.sub(r'["!?:_{}\t]|(?<!;ext)=', " ", re.sub(r"^tel:", "", text))
        expected = library_verdict(known)
        assert phone == (None if expected == "NOT_NANP" else expected), text


@settings(max_examples=100, deadline=None)
@given(
    st.text(
        alphabet=st.one_of(st.sampled_from("0123456789+-. ()/;,|xe#~or\n"), st.characters(codec="utf-8")), max_size=40
    )
)
def test_any_text_gets_either_phones_or_a_reason(text):
    phone, reason, extension, note = judge_one(text)
    assert (phone is None) != (reason is None)
    if phone is None:
        assert reason in {each for each in Reason if each.startswith("PHONE_")}
        assert (extension, note) == (None, None)
    else:
        numbers = phone.split("|")
        assert all(library_verdict(number) == number for number in numbers)
        assert len(set(numbers)) == len(numbers)
        assert judge_one(phone)[:3] == (phone, None, None)
        assert not re.search(r"\d{3}", note or "")


valid_numbers = st.from_regex(r"(212|305|416|800|787)[2-9][0-9]{6}", fullmatch=True)


@settings(max_examples=100, deadline=None)
@given(st.lists(valid_numbers, min_size=1, max_size=4), st.sampled_from(["/", " / ", ";", ", ", "|", " or ", "\r\n"]))
def test_numbers_in_one_cell_come_out_in_order_without_repeats(numbers, separator):
    phone, reason, _, note = judge_one(separator.join(numbers))
    assert phone == "|".join(dict.fromkeys(numbers))
    assert reason is None
    free = any(number.startswith("800") for number in numbers)
    repeats = len(numbers) - len(set(numbers))
    notes = ["toll-free number"] * free + [f"{repeats} of {len(numbers)} numbers left out: a repeat"] * (repeats > 0)
    assert (note or "") == "; ".join(notes)


# --- what is understood ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2125550123",
        "(212) 555-0123",
        "212.555.0123",
        "212/555-0123",
        "[212] 555_0123",
        "212:555:0123",
        "212*555*0123",
        "-2125550123-",
        '"212 555 0123"',
        "212\t555\t0123",
        "+1 212 555 0123",
        "+12125550123",
        "(+1) 212-555-0123",
        "1 (212) 555-0123",
        "12125550123",
        "0012125550123",
        "00 1 212 555 0123",
        "011 1 212 555 0123",
        "tel:+1-212-555-0123",
        "Phone: 212-555-0123",
        "'2125550123",
        "\u20182125550123",
        "212\u00a0555\u00a00123",
        "\u200b212\u200b555\u200b0123\u200b",
        "\ufeff2125550123",
        "\u202a+1 212 555 0123\u202c",
        "212\u2013555\u20140123",
        full_width("2125550123"),
        full_width("(212)555-0123"),
        full_width("+1\u30002125550123"),
        "2125550123#",
        "212-555-0123 #",
        "٢١٢٥٥٥٠١٢٣",
        "२१२५५५०१२३",
        "2️⃣1️⃣2️⃣5550123",
        "2125550123;",
        " 2125550123\r\n",
    ],
)
def test_a_number_is_understood_however_it_is_written(text):
    assert judge_one(text) == (ONE, None, None, None)


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("1-800-FLOWERS", "8003569377"),
        ("(800) go-FedEx", "8004633339"),
        (full_width("1-800-FLOWERS"), "8003569377"),
    ],
)
def test_vanity_letters_are_telephone_keys(text, phone):
    assert judge_one(text) == (phone, None, None, "letters read as telephone keys; toll-free number")


@pytest.mark.parametrize(
    "ending",
    [
        *(
            "x12",
            " x 12",
            " ext. 12",
            " Ext 12",
            "#12",
            " #12",
            ";ext=12",
            " extension 12",
            ",12",
            " ext=12",
            "x12/x13",
        ),
        *(" 12#", full_width(";ext=12"), full_width("Ext.12")),
    ],
)
def test_an_extension_is_set_aside(ending):
    assert judge_one(f"212-555-0123{ending}") == (ONE, None, "12", "extension set aside")


SEPARATED = (
    "; ext 12",
    ";x12",
    "; #12",
    " / x12",
    "/x12",
    "\\x12",
    " | ext. 12",
    "\next 12",
    "\r\nx12",
    " & x 12",
    "; (x12)",
)


@pytest.mark.parametrize("ending", [*SEPARATED, ";Ext=12", "/X12/x13", full_width(";Ext.12")])
@pytest.mark.parametrize("number", ["212-555-0123", "(212) 555-0123", "tel:+1 212_555_0123"])
def test_an_extension_belongs_to_the_number_before_a_separator(number, ending):
    assert judge_one(f"{number}{ending}") == (ONE, None, "12", "extension set aside")
    assert judge_one(f"{number}{ending}; {TWO}")[:3] == (f"{ONE}|{TWO}", None, "12|")
    assert judge_one(f"{TWO} or {number}{ending}")[:3] == (f"{TWO}|{ONE}", None, "|12")


@pytest.mark.parametrize("ending", [" x12, x13", " ext 12; ext 13", "; x12; x13", "#12;#13"])
def test_of_two_extensions_the_first_is_kept(ending):
    note = "extension set aside; 1 of 2 numbers left out: PHONE_TOO_SHORT"
    assert judge_one(f"{ONE}{ending}") == (ONE, None, "12", note)


@pytest.mark.parametrize("separator", [" / ", "|", " or ", "\n", ";"])
def test_two_extensions_cost_no_other_number(separator):
    """The library reads nothing after `/x`."""
    assert judge_one(f"{ONE} x12/x13{separator}{TWO}")[:3] == (f"{ONE}|{TWO}", None, "12|")
    assert judge_one(f"212/555-0123/x12{separator}{TWO} x5")[:3] == (f"{ONE}|{TWO}", None, "12|5")


def test_what_looks_like_an_extension_is_none_without_a_number():
    assert judge_one("305/x555-0188") == (library_verdict("305/x555-0188"), "PHONE_TOO_SHORT", None, None)
    assert judge_one(f"{ONE}/x5A") == (library_verdict(f"{ONE}/x5A"), None, None, None)
    assert judge("12; x5", "555-0123; x5") == [
        (None, "PHONE_TOO_SHORT", None, None),
        (None, "PHONE_NO_AREA_CODE", None, None),
    ]


def test_seven_digits_with_an_extension_before_a_hash_are_no_ten():
    assert library_verdict("2125550 123#") is None
    assert judge_one("2125550 123#") == (None, "PHONE_NO_AREA_CODE", None, None)


@pytest.mark.parametrize("number", ["212/555-0123", "(212)/555-0123", "212 / 555 0123", "1/212/555/0123"])
def test_an_extension_or_a_separator_at_the_end_parts_no_number_with_slashes(number):
    assert judge_one(f"{number} x1234") == (ONE, None, "1234", "extension set aside")
    assert judge(*(f"{number}{end}" for end in ",;|&/\n")) == [(ONE, None, None, None)] * 6


def test_extensions_of_several_numbers_keep_their_places():
    assert judge_one(f"{ONE} x12 / {TWO} ext. 13")[:3] == (f"{ONE}|{TWO}", None, "12|13")
    assert judge_one(f"{ONE} / {TWO} ext. 13")[:3] == (f"{ONE}|{TWO}", None, "|13")
    assert judge_one(f"{ONE}, ext. 12; {TWO}")[:3] == (f"{ONE}|{TWO}", None, "12|")


@pytest.mark.parametrize(
    "text", [f"{ONE}.0", f"1{ONE}.00", f"'{ONE}.0", f"+1{ONE}.0", f"{ONE},0", f"{ONE}.000000", f"{ONE}.0 "]
)
def test_a_float_is_a_whole_number(text):
    assert judge_one(text) == (ONE, None, None, "decimal zeros left out")


@pytest.mark.parametrize(
    "text", ["2,125,550,123.00", "2.125.550.123,00", "2 125 550 123.0", "$12,125,550,123.00", "'2'125'550'123.0"]
)
def test_a_float_may_have_its_thousands_set_apart(text):
    assert judge_one(text) == (ONE, None, None, "decimal zeros left out")


@pytest.mark.parametrize(
    "text",
    [
        *(f"{ONE}.0;", f"{ONE}.0 |", f"({ONE}.0)", f"tel: {ONE}.0", f"={ONE}.0", f"{ONE}.0 / n/a", f"none; {ONE}.0"),
        *(f"+1 {ONE}.0", f"Phone {ONE}.0 h; ", f"{ONE}.0 or none"),
    ],
)
def test_a_float_is_seen_with_words_and_punctuation_around_it(text):
    assert judge_one(text) == (ONE, None, None, "decimal zeros left out")


@pytest.mark.parametrize("ending", [" x5", " ext. 5", "#5", "x5;"])
def test_a_float_may_have_an_extension(ending):
    notes = "decimal zeros left out; extension set aside"
    assert judge_one(f"{ONE}.0{ending}") == judge_one(f"tel: {ONE}.0{ending}") == (ONE, None, "5", notes)
    assert judge_one(f"212555012.0{ending}") == (None, "PHONE_TOO_SHORT", None, None)


def test_a_float_may_be_longer_than_a_text_that_the_library_reads():
    note = "decimal zeros left out"
    assert judge(f"{ONE}.{'0' * 300}", f"+1{ONE}.{'0' * 239}") == [(ONE, None, None, note)] * 2


def test_the_zero_of_a_float_is_no_digit_of_the_number():
    """The library would read 212555012.0 as ten digits and call a stranger."""
    assert library_verdict("212555012.0") == "2125550120"
    dressed = [
        "212555012.0;",
        "212555012.0 |",
        "tel: 212555012.0",
        "=212555012.0",
        "212555012.0 / n/a",
        "+1 212555012.0",
    ]
    assert judge(*dressed) == [(None, "PHONE_TOO_SHORT", None, None)] * len(dressed)
    assert judge("212555012.0", "212555012.0 ", "212555.0123", "2125550.000") == [
        (None, "PHONE_TOO_SHORT", None, None),
        (None, "PHONE_TOO_SHORT", None, None),
        (ONE, None, None, None),
        (None, "PHONE_NO_AREA_CODE", None, None),
    ]


@pytest.mark.parametrize(
    "separator",
    [
        *("/", " / ", ";", "; ", ",", ", ", "|", " | ", " or ", " OR ", "\n", "\r\n", " & ", " and ", "\u2028", "、"),
        *(
            "or",
            "And",
            f"\u3000{full_width('or')}\u3000",
            ';"',
            "; '",
            '";"',
            "; [",
            ";=",
            "#; ",
            ", (",
            "\u060c ",
            "\u061b",
        ),
    ],
)
def test_several_numbers_are_parted(separator):
    assert judge_one(f"(212) 555-0123{separator}305-555-0188") == (f"{ONE}|{TWO}", None, None, None)
    assert judge_one(f"{ONE}{separator}{TWO}") == (f"{ONE}|{TWO}", None, None, None)
    assert judge_one(f"{ONE}{separator}{TWO}#") == (f"{ONE}|{TWO}", None, None, None)


@pytest.mark.parametrize("number", ["212/555-0123", "212/555/0123", "(212)/5550123", "+1 212/555-0123"])
@pytest.mark.parametrize("separator", [" / ", "; ", ",", " or ", "or", "|", "\n"])
def test_a_number_with_slashes_stays_whole_beside_another(number, separator):
    texts = [f"{number}{separator}305/555-0188", f"{number}{separator}{TWO}", f"{number}{separator}305/555/0188"]
    assert judge(*texts) == [(f"{ONE}|{TWO}", None, None, None)] * 3


def test_slashes_part_numbers_beside_a_number_with_slashes():
    assert judge_one(f"212/555-0123; {TWO}/{FREE}")[0] == f"{ONE}|{TWO}|{FREE}"
    assert judge_one("212 / 555-0123; 305 / 555-0188")[0] == f"{ONE}|{TWO}"


def test_a_word_that_only_ends_like_or_parts_nothing():
    assert judge(f"{ONE} señor {TWO}", f"{ONE} for {TWO}") == [(None, "PHONE_TOO_LONG", None, None)] * 2


def test_a_plus_begins_another_number():
    assert judge_one(f"+1{ONE}+1{TWO}") == (f"{ONE}|{TWO}", None, None, None)


def test_groups_of_digits_too_short_to_be_numbers_are_one_number():
    note = "separated groups of digits read as one number"
    assert judge("212, 555, 0123", "2,125,550,123") == [(ONE, None, None, note)] * 2


def test_groups_that_make_no_number_together_are_refused_without_a_note():
    assert judge("0;0", "212;55") == [(None, "PHONE_TOO_SHORT", None, None)] * 2


def test_groups_with_letters_are_not_joined():
    assert judge_one("212;5550ext ") == (None, "PHONE_NO_AREA_CODE", None, None)


def test_text_longer_than_the_library_reads_is_refused():
    longest, longer = ("212" + "-" * count + "5550123" for count in (240, 241))
    assert (library_verdict(longest), library_verdict(longer)) == (ONE, None)
    assert judge(longest, longer) == [(ONE, None, None, None), (None, "PHONE_NOT_VALID", None, None)]


def test_the_time_for_a_text_grows_with_its_length_alone():
    """Were it to grow with the square of the length, each of these would take hours."""
    fillings = (" ", ",", ", ", "#", "/", " / ", ";", "\t", "x5", "1;", "1 ", "_", ".0", "\n")
    verdicts = judge(*(f"1{filling * 40_000}x1a" for filling in fillings))
    assert {phone for phone, *_ in verdicts} == {None}


def test_short_groups_do_not_join_a_number_without_area_code():
    assert judge_one("2125550 | 123") == (None, "PHONE_NO_AREA_CODE", None, None)


@pytest.mark.parametrize(
    ("text", "phone", "note"),
    [
        (f"{ONE} / 555-0188", ONE, "1 of 2 numbers left out: PHONE_NO_AREA_CODE"),
        (f"n/a, {ONE}", ONE, None),
        (f"12; {ONE}; 555-0188", ONE, "2 of 3 numbers left out: PHONE_TOO_SHORT, PHONE_NO_AREA_CODE"),
        (f"{ONE}, +44 20 7946 0000, {TWO}", f"{ONE}|{TWO}", "1 of 3 numbers left out: PHONE_NOT_NANP"),
        (f"{ONE} or 4.15555E+09", ONE, "1 of 2 numbers left out: PHONE_ROUNDED"),
        (f"{ONE}\n4.15555E+09\n{TWO}", f"{ONE}|{TWO}", "1 of 3 numbers left out: PHONE_ROUNDED"),
        (f"4.15555E+09\r\n{ONE}", ONE, "1 of 2 numbers left out: PHONE_ROUNDED"),
        (f"{ONE}; {ONE}", ONE, "1 of 2 numbers left out: a repeat"),
        (f"{ONE}.0; {TWO}", f"{ONE}|{TWO}", "decimal zeros left out"),
        (f"{ONE};5550188", ONE, "1 of 2 numbers left out: PHONE_NO_AREA_CODE"),
        (f"+442079460000;{ONE}", ONE, "1 of 2 numbers left out: PHONE_NOT_NANP"),
        ("+1 212-555-0123; none", ONE, None),
        (f"{ONE}; n/a", ONE, None),
        (f"{ONE} or none", ONE, None),
        (f"none; {ONE} |", ONE, None),
    ],
)
def test_a_bad_number_costs_only_itself(text, phone, note):
    assert judge_one(text) == (phone, None, None, note)


def test_an_extension_stays_with_a_number_beside_a_word():
    texts = [f"{ONE} x5 / n/a", f"unknown; {ONE} x5", f"{ONE} ext. 5 or none"]
    assert judge(*texts) == [(ONE, None, "5", "extension set aside")] * 3


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "texts"),
    [
        (
            "PHONE_MISSING",
            [None, "", "  ", "\u00a0\u200b", "n/a", "N/A", "none", "-", "--", "null", "+", "unknown", "#####"],
        ),
        ("PHONE_TOO_SHORT", ["0", "12", "911", "555-012", "212 555 01", "212555012", "+1 212 555 012", "12 x3"]),
        ("PHONE_NO_AREA_CODE", ["555-0123", "5550123", "1-555-0123", "+1 555 0123", "555-0123 x4", "310-1234"]),
        (
            "PHONE_TOO_LONG",
            ["212555012345", f"{ONE}{TWO}", f"{ONE} {TWO}", "02125550123", f"9911{ONE}", "+999 212 555 0123"],
        ),
        (
            "PHONE_NOT_VALID",
            ["555-555-5555", "0000000000", "1234567890", "123-456-7890", "212-155-0123", "+1 211 555 0123"],
        ),
        ("PHONE_NOT_VALID", ["+44 20", "012-555-0123 x1"]),
        ("PHONE_ROUNDED", ["4.15555E+09", "4.15555e9", "4,15555E+09", "4E+09", "4.15555 E+9", "415555E+04"]),
        (
            "PHONE_ROUNDED",
            ["4.15555x10^9", "4.155555*10^9", "4.15555\u00d710^9", "'4.15555E+09", "2.1255501E03", "2.12555012E+09"],
        ),
        (
            "PHONE_ROUNDED",
            [
                "\u0664\u066b\u0661\u0665\u0665E+\u0660\u0669",
                full_width("4.15555E+09"),
                "4.15555\uff25+09",
                "tel: 4.15555E+09",
                "(4.15555E+09)",
                "4.15555E+09;",
            ],
        ),
        (
            "PHONE_ROUNDED",
            ["-4.15555E+09", "4.15555E+09 / n/a", "4.15555E+09 x5", "none, 4.15555 E+09", "(2.1255501E09)"],
        ),
        (
            "PHONE_NOT_NANP",
            ["+44 20 7946 0000", "00442079460000", "011 44 20 7946 0000", "+33 1 99 00 12 34", "+800 1234 5678"],
        ),
    ],
)
def test_each_refusal_has_its_own_code(reason, texts):
    assert judge(*texts) == [(None, reason, None, None)] * len(texts)


def test_rounded_and_shortened_numbers_are_no_e164_numbers_either():
    """The library would read 2.1255501E09 and 212555012.0 as ten digits and call a stranger."""
    texts = pl.Series(["4.15555E+09", "2.1255501E09", "4.4e11", "212555012.0", f"{ONE}.0", "+442079460000.0"])
    rounded, short = (None, "PHONE_ROUNDED"), (None, "PHONE_E164_NOT_VALID")
    assert judge_e164(texts).select("e164", "reason").rows() == [
        *[rounded] * 3,
        short,
        (f"+1{ONE}", None),
        ("+442079460000", None),
    ]


def test_scientific_notation_is_written_out_where_it_lost_no_digit():
    note = "scientific notation written out, no digit was lost"
    texts = ["2.125550123E+09", "2.1255501230e9", "1.2125550123E+10", "2,125550123E+09", "2.125550123x10^9"]
    assert judge(*texts) == [(ONE, None, None, note)] * len(texts)
    assert judge("tel: 2.125550123E+09", "(2.125550123E+09);") == [(ONE, None, None, note)] * 2
    assert judge_one("2.125550123E+09 x5") == (ONE, None, "5", f"{note}; extension set aside")
    assert judge("2.125550123E+02", "2.125E+03") == [
        (None, "PHONE_ROUNDED", None, None),
        (None, "PHONE_TOO_SHORT", None, None),
    ]


def test_rounded_notation_is_refused_where_the_library_would_read_ten_digits():
    assert library_verdict("2.1255501E09") == "2125550109"
    assert judge_one("2.1255501E09") == (None, "PHONE_ROUNDED", None, None)


def test_a_letter_between_digits_is_a_telephone_key_or_nothing_as_the_library_says():
    assert judge_one("2125550E123") == (library_verdict("2125550E123"), None, None, None)


def test_of_several_that_all_fail_the_nearest_to_a_number_speaks():
    assert judge_one("12 / 555-0123") == (None, "PHONE_NO_AREA_CODE", None, None)
    assert judge_one("5550123; 555-555-5555") == (None, "PHONE_NOT_VALID", None, None)


def test_a_note_never_holds_digits_of_a_number():
    texts = [f"{ONE} / 5550188", f"{ONE}.0", "2.125550123E+09", f"{ONE} x12", f"{ONE};{ONE}"]
    assert [re.search(r"\d{3}", note) for *_, note in judge(*texts)] == [None] * len(texts)


# --- the frame ------------------------------------------------------------------------------------------------


def test_rows_keep_their_order_whatever_lane_they_take():
    texts = ["1-800-FLOWERS", None, FREE, "5550123", f"{ONE}.0", ONE, "1-800-FLOWERS", "+44 20 7946 0000", f"{TWO} x1"]
    verdicts = judge(*texts)
    assert verdicts == [judge_one(text) for text in texts]
    assert [phone for phone, *_ in verdicts] == ["8003569377", None, FREE, None, ONE, ONE, "8003569377", None, TWO]


@pytest.mark.parametrize("texts", [[], [ONE], [None], ["", None, ONE, "x", f"{ONE} or {TWO}"]])
def test_the_frame_has_the_same_columns_for_any_input(texts):
    frame = judge_phones(pl.Series("leadPhone", texts, dtype=pl.String))
    assert frame.schema == dict.fromkeys(COLUMNS, pl.String)
    assert frame.height == len(texts)


def test_the_given_texts_stay_as_they_are():
    texts = [full_width(ONE), FREE, f"{ONE} / {FREE}", "\u200b", "212\u00a0555\u00a00123 x1"]
    given = pl.Series("phone", texts)
    first = judge_phones(given)
    judge_e164(given)
    assert given.to_list() == texts
    assert judge_phones(given).equals(first)


def test_a_column_without_any_value_is_missing_throughout():
    assert judge_phones(pl.Series([None, None]))["reason"].to_list() == ["PHONE_MISSING"] * 2


def test_numbers_that_were_read_as_integers_are_understood():
    assert judge_phones(pl.Series([int(ONE), 5550123])).rows() == [
        (ONE, None, None, None),
        (None, "PHONE_NO_AREA_CODE", None, None),
    ]


def test_judging_the_result_again_changes_nothing():
    texts = [f"{ONE} / {TWO}", "1-800-FLOWERS", f"+1 {FREE} x9", "2.125550123E+09", "n/a", "555-0123", f"{ONE}.0"]
    once = judge_phones(pl.Series(texts))
    twice = judge_phones(once["phone"])
    assert twice["phone"].equals(once["phone"])
    kept = twice.filter(pl.col("phone").is_not_null())
    assert kept["note"].to_list() == [None, "toll-free number", "toll-free number", None, None]


def test_the_usual_forms_cost_no_call_of_the_library(monkeypatch):
    """A million rows at ten thousand calls a second would take minutes."""

    def refuse(*_):
        pytest.fail("the library was asked")

    nanp_pattern()
    monkeypatch.setattr(phonenumbers, "parse", refuse)
    monkeypatch.setattr("transforms.phones._FEW", 0)
    texts = [ONE, f"1{ONE}", "(212) 555-0123", "+1 212.555.0123", f"{ONE}.0", "212\u00a0555\u20130123", f"{ONE} x1"]
    texts += [f"{ONE} / {TWO}", f"{ONE}|{TWO}", f"{ONE} or {TWO}", f"{ONE}, ext. 5", full_width(ONE)]
    assert judge_phones(pl.Series(texts))["phone"].null_count() == 0
    assert len(set(judge("5550123", "12", "555-555-5555", f"{ONE}00", None, "n/a", "unknown"))) == 5


def test_the_library_reads_equal_texts_once(monkeypatch):
    asked = []
    parse = phonenumbers.parse
    monkeypatch.setattr(phonenumbers, "parse", lambda text, region: asked.append(text) or parse(text, region))
    judge(*["212-555-0123 ~8"] * 50)
    judge_e164(pl.Series(["+44 (0)20 7946 0000"] * 50))
    assert asked == ["212-555-0123 ~8", "+44 (0)20 7946 0000"]


# --- E.164 ----------------------------------------------------------------------------------------------------


def test_e164_of_any_country():
    texts = [
        "+44 20 7946 0000",
        "(212) 555-0123",
        "+33 1 99 00 12 34",
        "",
        None,
        "  ",
        "555-0123",
        "abc",
        "+1",
        "\ufeff+12125550123",
    ]
    assert judge_e164(pl.Series(texts)).select("e164", "reason").rows() == [
        ("+442079460000", None),
        ("+12125550123", None),
        ("+33199001234", None),
        (None, None),
        (None, None),
        (None, None),
        (None, "PHONE_E164_NOT_VALID"),
        (None, None),
        (None, "PHONE_E164_NOT_VALID"),
        ("+12125550123", None),
    ]


def test_e164_reads_a_national_number_in_the_given_region():
    assert judge_e164_one("020 7946 0000", "GB") == ("+442079460000", None, None, None)
    assert judge_e164_one("020 7946 0000", "US") == (None, "PHONE_E164_NOT_VALID", None, None)


def judge_e164_one(text, region):
    return judge_e164(pl.Series([text]), region).row(0)


LONDON = "+442079460000"
NOT_VALID = "PHONE_E164_NOT_VALID"
ANOTHER = "1 of 2 numbers left out: only one is sent"


@pytest.mark.parametrize("separator", [" / ", ";", " & ", "\n", "|", ", ", " or ", " and "])
def test_the_first_valid_number_of_a_cell_is_taken_abroad(separator):
    number, refused = "020 7946 0000", f"1 of 2 numbers left out: {NOT_VALID}"
    assert judge_e164_one(f"{number}{separator}07911 123456", "GB") == (LONDON, None, None, ANOTHER)
    assert judge_e164_one(f"020 7946 00{separator}{number}", "GB") == (LONDON, None, None, refused)
    assert judge_e164_one(f"{number}{separator}+44 20 7946 0000", "GB")[3] == "1 of 2 numbers left out: a repeat"
    repeat = ("extension set aside; 1 of 2 numbers left out: a repeat",)
    assert judge_e164_one(f"{number}{separator}{number} x12", "GB") == (LONDON, None, "12", *repeat)
    assert judge_e164_one(f"{number}{separator}n/a", "GB") == (LONDON, None, None, None)
    assert judge_e164_one(f"n/a{separator}", "GB") == (None, None, None, None)
    assert judge_e164_one(f"4.42079E+11{separator}", "GB") == (None, "PHONE_ROUNDED", None, None)
    assert judge_e164_one(f"12{separator}4.42079E+11", "GB") == (None, "PHONE_ROUNDED", None, None)


@pytest.mark.parametrize(
    "text",
    ["020 7946 0000 x12", "020 7946 0000 ext. 12", "+44 20 7946 0000, 12", "020 7946 0000; ext 12", LONDON + "/x12"],
)
def test_an_extension_is_set_aside_abroad(text):
    assert judge_e164_one(text, "GB") == (LONDON, None, "12", "extension set aside")


@pytest.mark.parametrize(
    ("region", "text", "e164"),
    [
        ("DE", "0221/9876543", "+492219876543"),
        ("DE", "0221 98765/43", "+492219876543"),
        ("DE", "0221 9876543 / 9876544", "+492219876543"),
        ("DE", "040 1234 / 040 5678", "+49401234"),
        ("DE", "0221,9876543;0221,9876544", None),
        ("DE", "0221/9876543 / 0221/9876544", "+492219876543"),
        ("DE", "+49 221/9876543, +49 (0)221/9876544", "+492219876543"),
        ("DE", "(0221)/9876543 / n/a", "+492219876543"),
        ("GB", "020 7946 0000/9", LONDON),
        ("GB", "020/7946 0000/9", LONDON),
        ("IT", "06/69812345 / 06/69812346", "+390669812345"),
        ("IT", "06, 69812345", None),
        ("IT", "06 69812345 / 12", "+390669812345"),
        ("ES", "912345678 / 12", "+34912345678"),
        ("ES", "12 / 912345678", None),
        ("GB", "4,42079E+11", None),
        ("GB", "+44 20 7946 or n/a", None),
        ("GB", "tel:020-7946-0000;phone-context=+44", LONDON),
    ],
)
def test_a_piece_of_a_number_is_no_number_of_its_own(region, text, e164):
    """The library would take `9876543`, of Cologne, for a number of a town whose area code is 9876."""
    assert judge_e164_one(text, region)[0] == e164


def test_numbers_of_one_cell_abroad_cost_no_call_of_the_library(monkeypatch):
    pairs = [f"020 7946 0{place:03d} / 0161 496 0{place:03d}" for place in range(100)]
    alone = [judge_e164_one(pair, "GB") for pair in pairs]

    def refuse(*_):
        pytest.fail("the library was asked")

    monkeypatch.setattr(phonenumbers, "parse", refuse)
    assert judge_e164(pl.Series(pairs), "GB").rows() == alone
    assert alone == [(f"+442079460{place:03d}", None, None, ANOTHER) for place in range(100)]


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="0123456789+-. ()/;,|xe#or\n&", max_size=40), st.sampled_from(["GB", "DE", "IT", "MX", "US"]))
def test_any_text_gets_a_valid_number_of_some_country_or_a_reason(text, region):
    e164, reason, extension, note = judge_e164_one(text, region)
    if e164 is None:
        assert (reason is not None) == bool(re.search("[0-9]", text))
        assert (extension, note) == (None, None)
        return
    assert reason is None
    assert phonenumbers.is_valid_number(phonenumbers.parse(e164))
    assert judge_e164_one(e164, region) == (e164, None, None, None)
    assert not re.search(r"\d{3}", (note or "").replace("E164", ""))


@pytest.mark.parametrize("texts", [[], [None], ["+442079460000"]])
def test_e164_has_the_same_columns_for_any_input(texts):
    frame = judge_e164(pl.Series(texts, dtype=pl.String))
    assert frame.schema == dict.fromkeys(["e164", "reason", "extension", "note"], pl.String)
    assert frame.height == len(texts)


def test_e164_of_the_result_changes_nothing():
    once = judge_e164(pl.Series(["+44 20 7946 0000", "(212) 555-0123", "x"]))["e164"]
    assert judge_e164(once)["e164"].equals(once)
