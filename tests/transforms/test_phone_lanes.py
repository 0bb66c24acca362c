"""The expressions' verdicts, byte for byte those of the library's lane, over made-up texts of every common form."""

import random

import phonenumbers
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.phone_kinds import ordinary_starts
from transforms.phone_lanes import accept_usual, decide_phones
from transforms.phone_library import read_cell, read_e164
from transforms.phone_text import tidy_texts
from transforms.phones import PhoneChoices, judge_e164, judge_phones

AREAS = ("212", "305", "416", "800", "900", "268", "787", "809", "523", "500", "246", "242", "649", "000", "101", "555")
CHOICES = (
    PhoneChoices(),
    PhoneChoices("refuse", "refuse", "refuse", us_only=True),
    PhoneChoices("keep", "warn", "refuse"),
)


@pytest.fixture(autouse=True, scope="module")
def _lanes_for_few_texts_too():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transforms.phones._FEW", 0)
        yield


def digits(rng, least, most):
    return "".join(rng.choices("0123456789", k=rng.randint(least, most)))


def local(rng):
    return rng.choice(["2", "5", "9", "555", "1", "0", "976", "8"]).ljust(3, rng.choice("0123456789")) + digits(
        rng, 4, 4
    )


def national(rng):
    return rng.choice(AREAS) + local(rng) if rng.random() < 0.5 else f"{rng.choice(['212', '416'])}5{digits(rng, 6, 6)}"


def written(rng, number):
    if len(number) != 10:
        return rng.choice([number, f"{number[:3]}-{number[3:]}", f"({number[:3]}) {number[3:]}"])
    area, exchange, line = number[:3], number[3:6], number[6:]
    form = rng.choice(
        ["({}) {}-{}", "{}-{}-{}", "{}{}{}", "{}.{}.{}", "{} {} {}", "+1 {} {} {}", "1-{}-{}-{}", "+1{}{}{}"]
    )
    return form.format(area, exchange, line)


def plain(rng):
    number = rng.choices([national(rng), local(rng), digits(rng, 1, 14)], [6, 2, 1])[0]
    return rng.choice([""] * 8 + ["00", "011", "+", "0", "1", "11", "001", "+1 ", "1 "]) + written(rng, number)


EXTENSIONS = [
    "x12",
    " x 12",
    " ext. 12",
    " Ext 12",
    "#12",
    " #12",
    ";ext=12",
    " extension 12",
    ", ext 5",
    ",12",
    "; 12",
]
EXTENSIONS += [
    " x:1",
    " ext: 55",
    "extn 4",
    " xt 9",
    " X12",
    "x12/x13",
    " ext=1",
    " ~8",
    " int 4",
    "x1234567",
    ",0",
    "; 0",
]
EXTENSIONS += [" ext. 1234567890", ", 1234567", " x..3", "x 1 2"]
EXTENSIONS += [
    " x1234",
    " #4317",
    " ext. 1234",
    ",1234",
    "; 4317",
    " x123456789",
    "x1234#",
    " 123#",
    "#",
    " #",
    ", (x5",
    "; ext 12",
    "/x12",
    "\next 12",
    " | #12",
    " & x5",
]
ENDINGS = [",", ";", "|", "&", "/", " / ", ", ", "\n", ",;", " or", "; none", " / n/a", " or none", "; x"]


def extended(rng):
    return plain(rng) + rng.choice(EXTENSIONS)


def ended(rng):
    """Separators, or words, with nothing after them, and an extension before them or not."""
    number = rng.choice([plain, extended, decimal, slash_written, scientific])(rng)
    return number + rng.choice(["", *EXTENSIONS]) + rng.choice(ENDINGS)


def dressed(rng):
    """Floats and powers with what isn't theirs around them."""
    start = rng.choice(["", "tel: ", "(", "=", "-", "none; ", "+1 ", "1-", "x ", "00", "[", "n/a / "])
    return start + rng.choice([decimal, scientific])(rng) + rng.choice(["", ")", *EXTENSIONS, *ENDINGS])


def slash_written(rng):
    """A number with slashes between its groups."""
    first, second = rng.choice(["/", " / ", "/ ", ")/"]), rng.choice(["-", " ", "/", "", " / "])
    number = national(rng)
    return rng.choice(["", "(", "+1 ", "1/"]) + number[:3] + first + number[3:6] + second + number[6:]


def slash_beside(rng):
    """A number with slashes beside another one, or an extension, or an ending."""
    return slash_written(rng) + rng.choice(
        [
            rng.choice(EXTENSIONS),
            rng.choice(ENDINGS),
            rng.choice(SEPARATORS) + rng.choice([slash_written, plain, extended])(rng),
        ]
    )


def prefixed(rng):
    """An international prefix, and then anything but digits and punctuation."""
    rest = [*WORDS, *EXTENSIONS, *ENDINGS, digits(rng, 1, 9)]
    return rng.choice(["00", "011", "(00) ", "001", "0011", "tel: 011"]) + "".join(
        rng.choices(rest, k=rng.randint(1, 3))
    )


def scientific(rng):
    power = (
        rng.choice(["E", "e", "x10^", "*10^", " E"]) + rng.choice(["+", ""]) + rng.choice(["9", "09", "10", "3", "0"])
    )
    return rng.choice(["", "", "+"]) + digits(rng, 1, 1) + rng.choice([".", ",", ""]) + digits(rng, 0, 11) + power


WORDS = [
    "FLOWERS",
    "CALL",
    "GO-FEDEX",
    "go fedex",
    "HOME",
    "cell",
    "h",
    "(w)",
    "EXIT",
    "INT",
    "O123",
    "l23",
    "ex",
    "or",
]
STARTS = ["1-800-", "(415) 555-", "800 ", "+1 888 ", "212-555-012", "2125550123 ", "305 ", "1 ", "80", "00", "555-"]


def vanity(rng):
    return rng.choice(STARTS) + rng.choice(WORDS) + rng.choice(["", "", "", " 12", "5", "1234"])


LABELS = ["tel:", "Phone: ", "ph ", "cell ", "n/a, ", "none / ", "Home or work ", "h:", "T. ", "Tel.: +1 ", "E ", "x "]


def labelled(rng):
    return rng.choice(LABELS) + rng.choice([plain, extended, scientific, vanity, decimal])(rng)


def decimal(rng):
    zeros = rng.choice([".0", ".00", ",0", ".0 ", ".000000", ".0000000", ",0000000"])
    number = rng.choice([national(rng), national(rng), local(rng), digits(rng, 5, 12)])
    return (thousands(rng, number) if rng.random() < 0.2 else number) + zeros


def thousands(rng, number):
    """Digits in groups of three, the way that spreadsheets write large numbers."""
    return f"{int(number):,}".replace(",", rng.choice(", .'"))


ABROAD = ["+44 20 7946 0", "+4420", "+33 1 99 00 ", "+49 30 ", "+52 55 ", "0044 20 7946 0", "011 49 89 ", "+54 11 "]
ABROAD += ["+39 06 ", "+7 495 ", "+55 11 9", "+44 (0)20 7946 0"]


def abroad(rng):
    return rng.choice(ABROAD) + digits(rng, 4, 8)


SEPARATORS = [
    "/",
    " / ",
    ";",
    "; ",
    ",",
    ", ",
    "|",
    " or ",
    " OR ",
    "\n",
    "\r\n",
    " & ",
    " and ",
    "+",
    ", or ",
    " /+",
    "//",
    "or",
    "and",
    ';"',
    "; '",
    ",=",
    "#;",
]
PARTS = [plain] * 6 + [extended, decimal, abroad, scientific, lambda rng: digits(rng, 1, 6)]


def several(rng):
    return rng.choice(SEPARATORS).join(rng.choice(PARTS)(rng) for _ in range(rng.choice([2, 2, 2, 3, 4])))


def alike(rng):
    numbers = [national(rng), local(rng), national(rng)]
    return rng.choice(SEPARATORS).join(written(rng, rng.choice(numbers)) for _ in range(rng.choice([2, 2, 3])))


def slashed(rng):
    return "/".join(digits(rng, 1, 8) for _ in range(rng.randint(2, 4)))


def noise(rng):
    alphabet = "01234567890123456789+-. ()/;,|xeE#~or\n&'\"ans:="
    return "".join(rng.choices(alphabet, k=rng.randint(3, 26)))


FORMS = (plain, extended, scientific, vanity, labelled, decimal, abroad, several, alike, slashed, noise)
FORMS += (ended, dressed, slash_written, slash_beside, prefixed)


def reference(text, choices):
    """The verdict of the library's lane, as a row of the frame."""
    if not any(each.isdecimal() for each in text):
        return (None, "PHONE_MISSING", None, None)
    finding = read_cell(text, choices)
    return (finding.phone, finding.reason, finding.extension, "; ".join(finding.notes) or None)


def assert_alike(texts, choices):
    tidy = tidy_texts(pl.Series(texts, dtype=pl.String)).to_list()
    expected = [reference(text, choices) for text in tidy]
    judged = judge_phones(pl.Series(texts, dtype=pl.String), choices).rows()
    wrong = [pair for pair in zip(texts, judged, expected, strict=True) if pair[1] != pair[2]]
    assert wrong == []


@pytest.mark.parametrize("form", FORMS)
def test_the_lanes_equal_the_library_over_thousands_of_texts_of_each_form(form):
    rng = random.Random(f"phones {form.__name__}")  # noqa: S311 - a seed makes the test repeatable
    for choices in CHOICES:
        assert_alike([form(rng) for _ in range(700)], choices)


@pytest.mark.parametrize(
    "text",
    [
        *("212/555-0123 x1234", "212/555-0123,", "212/5550123|", "(212)/555-0123&", "212 / 555 0123, "),
        *("212/555-0123 #4317", "3055550188,800|", "001or2125550123 ", "212 or 5550123 x1234", "2125550123, (x5"),
        *("001FLOWERS", "001intnone", "001 ext. 12or", "0011none.00", "011#0012", "011x123456789"),
        *(
            "212/555/0123 / 305/555/0188",
            "212/5550123/+13055550188",
            "21/2555012.0",
            "(2.1255501E09)",
            "x 2125550123,0000000 or",
        ),
    ],
)
def test_a_verdict_does_not_hang_on_how_many_other_odd_texts_there_are(text, monkeypatch):
    texts = pl.Series([text, *(f"{number} x7" for number in range(2125000000, 2125000150))])
    among_many = judge_phones(texts).row(0)
    monkeypatch.setattr("transforms.phones._FEW", 100)
    assert judge_phones(texts).row(0) == judge_phones(texts[:15]).row(0) == among_many


@settings(max_examples=60, deadline=None)
@given(st.lists(st.randoms(use_true_random=False).map(lambda rng: rng.choice(FORMS)(rng)), min_size=1, max_size=20))
def test_the_lanes_equal_the_library_over_any_mixture(texts):
    assert_alike(texts, PhoneChoices())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("0123456789+-. ()/;,|xeEXT#or\nand", max_size=30), min_size=1, max_size=20))
def test_the_lanes_equal_the_library_over_any_characters(texts):
    assert_alike(texts, PhoneChoices())


def test_the_listed_forms_cost_no_call_of_the_library(monkeypatch):
    """At eight thousand calls a second three odd rows in a hundred would take most of the time."""
    texts = ["4.15555E+09", "555-0123", "212-55", "(123) 555-0123", "212-155-0123", "2125550123.0", "212-555-0123 x12"]
    texts += [f"2125550123{ending}" for ending in (" ext. 12", " ext 12", "#12", ";ext=12", " extension 12", "12345")]
    texts += ["1-800-FLOWERS", "(415) 555-CALL", "(212) 555-0123 / 305-555-0188", "2125550123; 3055550188"]
    texts += ["2125550123 or 3055550188", "2125550123|555-0188", "2125550123\n123-555-0188", "n/a", "none", "unknown"]
    texts += ["tel:+1-212-555-0123", "Phone: 212-555-0123 x5", "12/31/1999", "212-555-0123 h", "212-555-0123 cell"]
    abroad = ["+44 20 7946 00{}", "0049 30 9018{}", "011 49 30 9019{}", "+52 55 5555 12{}"]
    abroad = [form.format(number) for form in abroad for number in range(10, 35)]
    monkeypatch.setattr(phonenumbers, "parse", lambda text, _: pytest.fail(f"the library was asked about {text!r}"))
    judged = judge_phones(pl.Series([*texts, *abroad]))
    assert (judged["phone"].is_not_null() | judged["reason"].is_not_null()).all()
    assert judge_e164(pl.Series(abroad))["e164"].null_count() == 0


def test_numbers_of_each_country_equal_the_library():
    """The examples of every region, some with a digit changed, read from that region and from the US."""
    rng = random.Random(20263)  # noqa: S311 - a seed makes the test repeatable
    for region in (
        "US",
        "CA",
        "PR",
        "GB",
        "DE",
        "FR",
        "MX",
        "IT",
        "RU",
        "AR",
        "BR",
        "AU",
        "JP",
        "NO",
        "MA",
        "VA",
        "KZ",
    ):
        examples = [
            phonenumbers.example_number_for_type(region, kind) for kind in phonenumbers.PhoneNumberType.values()
        ]
        texts = []
        for number in examples * 12:
            if number is not None:
                text = phonenumbers.format_number(number, rng.randrange(3))
                place = rng.randrange(len(text))
                texts.append(text[:place] + rng.choice("0123456789") + text[place + 1 :])
        texts += [form(rng) for form in FORMS for _ in range(5)]
        read = [read_e164(text, region, {}) for text in tidy_texts(pl.Series(texts))]
        expected = [(each.phone, each.reason, each.extension, "; ".join(each.notes) or None) for each in read]
        assert judge_e164(pl.Series(texts), region).rows() == expected
        assert_alike(texts, PhoneChoices())


PLAIN = st.lists(st.sampled_from([*"0123456789", *" ()-.+/,x\u00e9", "415", "5552671", "1", "+1", ".000"]), max_size=14)
NEARLY = st.sampled_from(["", "1", "+1", "+", "11", "2", " ", "1+", "1/", "1x", "(+1)"]).flatmap(
    lambda lead: st.tuples(st.just(lead), st.sampled_from(["{0}{1}{2}", "({0}) {1}-{2}", "{0}.{1}.{2}", "{0}{1}.{2}"]))
)
ENDS = ("555", "2671"), ("155", "2671"), ("5552", "000"), ("555", "26715"), ("555", "267")


@settings(max_examples=120, deadline=None)
@given(loose=st.lists(st.none() | PLAIN.map("".join), max_size=6), near=st.lists(NEARLY, max_size=4))
def test_reading_by_bytes_accepts_what_the_patterns_accept(loose, near):
    shaped = [lead + shape.format("415", *end) for lead, shape in near for end in ENDS]
    padded = [text + " " * room for text in shaped[:2] for room in (236, 240, 260)]
    texts = pl.Series("text", [*loose, *shaped, *padded], dtype=pl.String)
    expected = texts.to_frame().select(decide_phones(pl.col("text"))).to_series()
    accepted = accept_usual(texts, ordinary_starts(PhoneChoices()))
    assert accepted["phone"].to_list() == expected.to_list()
    assert accepted.schema == {"phone": pl.String, "is_plain": pl.Boolean}
