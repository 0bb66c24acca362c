"""Source rows become leads: each row once, in order, whatever stands in it."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transforms.lead_rules import REASONS
from transforms.lead_schema import validate_leads
from transforms.phones import PhoneChoices
from transforms.preparing import VERDICT_COLUMNS, LeadMapping, PreparingRules, prepare_leads
from transforms.time_zones import RINGCX_OFFSETS, ZoneNaming, ZonePolicy
from transforms.vocabulary.lead_fields import LEAD_FIELDS

NAMING = ZoneNaming(dt.date(2026, 1, 15))
ZONES = ZonePolicy(NAMING, conflict="trust")
RULES = PreparingRules(ZONES, explicit_zones=True, reject_unknown_zone=True)
LENIENT = PreparingRules(ZONES, explicit_zones=True, reject_unknown_zone=False)
OTHER_OPTION = PreparingRules(ZONES, explicit_zones=False, reject_unknown_zone=True)
PHONE = "2125550123"
EVERYTHING = LeadMapping(
    {name: name for name in LEAD_FIELDS if name != "leadPhone"},
    ("phone one", "phone two"),
    {"owner": "owner", "sales_note": "owner", "a.b": "owner"},
    {"home": "home", "home_note": "home"},
)
NASTY = [
    "\x00",
    "a\x00b",
    "=1+1",
    '=HYPERLINK("http://example.com")',
    "+1",
    "-1",
    "@SUM(A1)",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "${HOME}",
    "<script>",
    "'; drop table leads; --",
    "\u202e",
    "\ufeff",
    "\U0001f4de 212 555 0123",
    "x" * 70_000,
    "9" * 70_000,
    "e\u0301" * 300,
    "\r\n",
    "|",
    "2125550123|2125550123",
    "4.15555E+09",
    "2125550123",
    "10001",
    "NY",
    "EST",
    "America/Denver",
    "+442079460000",
    "7.0",
    "1e400",
    "nan",
    "-0",
]
CELLS = st.none() | st.sampled_from(NASTY) | st.text(max_size=20)


def source(*rows):
    """Source rows from dicts; columns that no row names are null."""
    columns = sorted({"id", "phone"} | {name for row in rows for name in row})
    frame = pl.DataFrame(list(rows), schema=dict.fromkeys([*columns, "row_fault"], pl.String))
    return frame.with_row_index("source_row").with_columns(pl.col("source_row").cast(pl.UInt64))


def prepare(*rows, rules=LENIENT, phones=("phone",), extended=None, personas=None, extension=None, **fields):
    rows = [{"id": f"id{place}", "phone": PHONE} | row for place, row in enumerate(rows)]
    mapping = LeadMapping({"externId": "id", **fields}, phones, extended or {}, personas or {}, extension)
    return prepare_leads(source(*rows), mapping, rules)


def one(row, **options):
    return prepare(row, **options).row(0, named=True)


# --- whatever stands in a cell ----------------------------------------------------------------------------------

WIDE = sorted(set(EVERYTHING.text.values()) | {"phone one", "phone two", "owner", "home"})


@st.composite
def wide_rows(draw):
    """A few rows in which a few cells hold anything and the rest are right."""
    right = dict.fromkeys(WIDE) | {"externId": "id", "phone one": PHONE, "zip": "10001"}
    changes = st.dictionaries(st.sampled_from(WIDE), CELLS, max_size=8)
    return [right | draw(changes) for _ in range(draw(st.integers(0, 6)))]


@settings(max_examples=20, deadline=None)
@given(wide_rows(), st.sampled_from([RULES, LENIENT, OTHER_OPTION]))
@example([dict.fromkeys(WIDE, cell) for cell in NASTY], RULES)
@example([dict.fromkeys(WIDE)], OTHER_OPTION)
def test_each_row_comes_out_once_in_order_and_valid_or_with_a_reason(rows, rules):
    frame = pl.DataFrame(rows, schema=dict.fromkeys([*WIDE, "row_fault"], pl.String))
    frame = frame.with_columns((pl.int_range(pl.len(), dtype=pl.UInt64) + 40).alias("source_row"))
    prepared = prepare_leads(frame, EVERYTHING, rules)
    assert prepared.get_column("source_row").to_list() == list(range(40, 40 + len(rows)))
    assert prepared.columns == ["source_row", *EVERYTHING.lead_columns(), *VERDICT_COLUMNS]
    assert set(prepared.get_column("reason").drop_nulls()) <= set(REASONS)
    valid = prepared.filter(pl.col("reason").is_null())
    validate_leads(valid.drop("source_row", *VERDICT_COLUMNS))
    assert set(prepared.schema["leadTimezone"].categories) == set(RINGCX_OFFSETS)
    assert valid.select(pl.any_horizontal(pl.col("leadPhone", "leadPhoneE164").is_not_null())).to_series().all()
    zoned = valid.get_column("leadTimezone").is_not_null()
    assert {RULES: zoned.all(), LENIENT: True, OTHER_OPTION: not zoned.any()}[rules]


SECRET = "Zz\u00e9cret"


@pytest.mark.parametrize("column", WIDE)
def test_a_note_holds_no_value_of_the_row(column):
    row = dict.fromkeys([*WIDE, "row_fault"]) | {"externId": "id", "phone one": PHONE, column: SECRET}
    frame = pl.DataFrame([row], schema=dict.fromkeys(row, pl.String)).with_columns(
        pl.lit(0, pl.UInt64).alias("source_row")
    )
    assert SECRET not in (prepare_leads(frame, EVERYTHING, LENIENT).item(0, "note") or "")


def test_preparing_leads_again_changes_nothing():
    right = {"externId": "id", "phone one": PHONE, "leadPriority": "7.0", "maxPasses": None, "leadTimezone": None}
    rows = [dict.fromkeys(WIDE, cell) | right for cell in NASTY]
    frame = pl.DataFrame(rows, schema=dict.fromkeys([*WIDE, "row_fault"], pl.String)).with_row_index("source_row")
    once = prepare_leads(frame, EVERYTHING, LENIENT)
    again = once.select(
        "source_row",
        *(pl.col(name).cast(pl.String) for name in EVERYTHING.text),
        pl.col("leadPhone").alias("phone one"),
        pl.lit(None, pl.String).alias("phone two"),
        pl.col("extendedLeadData.owner").alias("owner"),
        pl.col("personaPhoneConfig.home").alias("home"),
        pl.lit(None, pl.String).alias("row_fault"),
    )
    twice = prepare_leads(again, EVERYTHING, LENIENT)
    good = once.get_column("reason").is_null()
    assert good.sum() > 25
    columns = EVERYTHING.lead_columns()
    assert twice.filter(good).select(columns).equals(once.filter(good).select(columns))


# --- mapping ----------------------------------------------------------------------------------------------------


def test_the_columns_of_a_lead_follow_the_mapping():
    mapping = LeadMapping({"externId": "id", "zip": "z"}, ("p",), {"k": "c"}, {"home": "h"})
    assert mapping.lead_columns() == [
        "externId",
        "leadPhone",
        "zip",
        "leadTimezone",
        "extendedLeadData.k",
        "personaPhoneConfig.home",
    ]
    assert LeadMapping({"externId": "i", "leadTimezone": "t"}, ()).lead_columns() == ["externId", "leadTimezone"]


def test_one_source_column_may_fill_several_fields():
    row = one({"name": " Poe "}, lastName="name", auxData1="name", extended={"name": "name"})
    assert (row["lastName"], row["auxData1"], row["extendedLeadData.name"]) == ("Poe", "Poe", "Poe")


def test_an_id_loses_its_ends_only_and_its_controls_are_a_reason():
    rows = prepare({"id": " 0042 "}, {"id": "a\tb"}, {"id": "  "}, {"id": None}, {"id": "x" * 256}, {"id": "=1"})
    assert rows.get_column("externId").to_list()[:2] == ["0042", "a\tb"]
    assert rows.get_column("reason").to_list() == [
        None,
        "EXTERN_ID_CONTROL_CHARACTERS",
        "EXTERN_ID_MISSING",
        "EXTERN_ID_MISSING",
        "EXTERN_ID_TOO_LONG",
        None,
    ]


@pytest.mark.parametrize("unseen", ["\u200b", "\u200d", "\u2060", "\u202e", "\ufeff", "\u00ad", "\u2028"])
def test_an_id_that_only_looks_like_another_is_refused(unseen):
    rows = prepare({"id": "A17"}, {"id": f"A{unseen}17"})
    assert rows.get_column("reason").to_list() == [None, "EXTERN_ID_CONTROL_CHARACTERS"]


def test_ids_of_one_look_are_one_id_and_those_of_other_letters_are_not():
    ids = ["Jose\u0301", "Jos\u00e9", "JOS\u00c9", "Jose"]
    cleaned = prepare(*({"id": each} for each in ids)).get_column("externId")
    assert cleaned.to_list() == ["Jos\u00e9", "Jos\u00e9", "JOS\u00c9", "Jose"]


def test_a_record_that_is_no_row_is_refused_before_anything_else():
    rows = prepare({"row_fault": "ROW_TOO_MANY_FIELDS", "id": None, "phone": "1"}, {"row_fault": "ROW_NOT_UTF8"}, {})
    assert rows.get_column("reason").to_list() == ["ROW_TOO_MANY_FIELDS", "ROW_NOT_UTF8", None]


# --- numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one_cell", "two_cell", "phone", "reason", "note"),
    [
        (PHONE, "7185550188", f"{PHONE}|7185550188", None, None),
        ("7185550188", PHONE, f"7185550188|{PHONE}", None, None),
        (PHONE, f"1{PHONE}", PHONE, None, None),
        (PHONE, None, PHONE, None, None),
        (None, PHONE, PHONE, None, None),
        (PHONE, "12", PHONE, None, "number left out: PHONE_TOO_SHORT"),
        ("5550123", PHONE, PHONE, None, "number left out: PHONE_NO_AREA_CODE"),
        ("12", "5550123", None, "PHONE_TOO_SHORT", None),
        (None, "12", None, "PHONE_TOO_SHORT", None),
        (None, None, None, "PHONE_MISSING", None),
    ],
)
def test_numbers_of_several_columns_are_joined_in_order_of_preference(one_cell, two_cell, phone, reason, note):
    row = one({"phone": one_cell, "second": two_cell}, phones=("phone", "second"))
    assert (row["leadPhone"], row["reason"], row["note"]) == (phone, reason, note)


DISPUTE = "time zone in dispute: the number's is taken, as the first in the order of trust"


@pytest.mark.parametrize(
    ("phone", "e164", "expected"),
    [
        (PHONE, "+442079460000", (PHONE, "+442079460000", None, DISPUTE)),
        (PHONE, "+44 12", (PHONE, None, None, "leadPhoneE164 left out: not valid")),
        (PHONE, "nonsense", (PHONE, None, None, None)),
        (None, "+44 20 7946 0000 x12", (None, "+442079460000", None, "leadPhoneE164: extension set aside")),
        ("12", "+442079460000", (None, "+442079460000", None, "leadPhone left out: PHONE_TOO_SHORT")),
        (None, "+442079460000", (None, "+442079460000", None, None)),
        (PHONE, None, (PHONE, None, None, None)),
        (None, "+44 12", (None, None, "PHONE_E164_NOT_VALID", None)),
        (None, "nonsense", (None, None, "PHONE_MISSING", None)),
        (None, "4.15555E+09", (None, None, "PHONE_ROUNDED", None)),
        ("12", "4.15555E+09", (None, None, "PHONE_TOO_SHORT", None)),
        ("12", None, (None, None, "PHONE_TOO_SHORT", None)),
        ("12", "+44 12", (None, None, "PHONE_TOO_SHORT", None)),
        (" ", "+44 12", (None, None, "PHONE_E164_NOT_VALID", None)),
        (None, None, (None, None, "PHONE_MISSING", None)),
    ],
)
def test_one_good_number_carries_the_lead(phone, e164, expected):
    row = one({"phone": phone, "abroad": e164}, leadPhoneE164="abroad")
    assert (row["leadPhone"], row["leadPhoneE164"], row["reason"], row["note"]) == expected


def test_an_e164_number_without_a_country_code_belongs_to_the_country_of_origin():
    british = PreparingRules(ZONES, explicit_zones=False, reject_unknown_zone=False, phone_region="GB")
    row = one({"phone": None, "abroad": "020 7946 0000"}, rules=british, leadPhoneE164="abroad")
    assert row["leadPhoneE164"] == "+442079460000"


@pytest.mark.parametrize("name", ["extension", "ext."])
def test_an_extension_is_kept_under_its_label_where_the_job_names_one(name):
    rows = prepare({"phone": "212-555-0123 ext. 45"}, {}, {"phone": "12"}, extension=name)
    assert rows.columns[rows.columns.index("leadTimezone") + 1] == f"extendedLeadData.{name}"
    assert rows[f"extendedLeadData.{name}"].to_list() == ["45", None, None]
    assert rows["leadPhone"].to_list() == [PHONE, PHONE, None]
    without = prepare({"phone": "212-555-0123 ext. 45"})
    assert without["leadPhone"].to_list() == [PHONE]
    assert not [column for column in without.columns if column.startswith("extendedLeadData")]


def test_extensions_of_several_columns_are_joined():
    row = one(
        {"one": "212-555-0123 x45", "two": "312-555-0188 x67", "three": "n/a"},
        phones=("one", "two", "three"),
        extension="ext",
    )
    assert (row["leadPhone"], row["extendedLeadData.ext"]) == (f"{PHONE}|3125550188", "45|67")


@pytest.mark.parametrize(
    ("cells", "phones", "extensions"),
    [
        (("2125550135", "305-555-0136 x8"), "2125550135|3055550136", "|8"),
        (("2125550131 x1", "212-555-0131 x2", "305-555-0138 x3"), "2125550131|3055550138", "1|3"),
        (("2125550131", "212-555-0131 x2", "n/a"), "2125550131", "2"),
        (
            ("212-555-0141 x4 / 305-555-0141", "212-555-0141 / 416-555-0141 x5"),
            "2125550141|3055550141|4165550141",
            "4||5",
        ),
        ((None, "305-555-0136 x8", "12"), "3055550136", "8"),
        (("2125550135", "305-555-0136"), "2125550135|3055550136", None),
        (("12", None), None, None),
    ],
)
def test_an_extension_keeps_the_place_of_its_number_in_whatever_column(cells, phones, extensions):
    columns = ("one", "two", "three")
    among = [dict.fromkeys(columns, "617-555-0144 x9"), dict(zip(columns, cells, strict=False)), {"one": PHONE}]
    rows = prepare(*among, phones=columns, extension="ext")
    assert rows["leadPhone"].to_list() == ["6175550144", phones, PHONE]
    assert rows["extendedLeadData.ext"].to_list() == ["9", extensions, None]


def test_numbers_of_several_columns_are_joined_without_repeats():
    row = one(
        {"one": PHONE, "two": "(312) 555-0188 / 212-555-0123", "three": "+1 312 555 0188", "four": "617-555-0144"},
        phones=("one", "two", "three", "four"),
    )
    assert (row["leadPhone"], row["reason"]) == (f"{PHONE}|3125550188|6175550144", None)


def test_a_second_column_carries_the_lead_and_the_first_ones_fault_speaks_for_all():
    rows = prepare(
        {"one": "12", "two": PHONE}, {"one": "12", "two": "5550123"}, {"one": None, "two": "5550123"}, {},
        phones=("one", "two"),
    )  # fmt: skip
    assert rows["leadPhone"].to_list() == [PHONE, None, None, None]
    assert rows["reason"].to_list() == [None, "PHONE_TOO_SHORT", "PHONE_NO_AREA_CODE", "PHONE_MISSING"]


BRITISH = PreparingRules(ZONES, explicit_zones=False, reject_unknown_zone=False, phone_region="GB")


def prepare_abroad(*numbers, e164=None):
    rows = source(*({"id": f"id{place}", "phone": number, "e": e164} for place, number in enumerate(numbers)))
    text = {"externId": "id"} | ({"leadPhoneE164": "e"} if e164 else {})
    return prepare_leads(rows, LeadMapping(text, ("phone",), abroad=True), BRITISH)


def one_abroad(row, phones=("p1", "p2"), extension=None, personas=None, **fields):
    """The one lead of a British job; columns that `row` does not name are null."""
    fields = {"externId": "id", **fields}
    cells = dict.fromkeys([*fields.values(), *phones, *(personas or {}).values()]) | {"id": "id0"} | row
    mapping = LeadMapping(fields, phones, {}, personas or {}, extension, abroad=True)
    return prepare_leads(source(cells), mapping, BRITISH).row(0, named=True)


LONDON = "+442079460958"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("020 7946 0958 / 07911 123456", None), (LONDON, None, "1 of 2 numbers left out: only one is sent")),
        (("+44 20 7946 0958 or n/a", None), (LONDON, None, None)),
        (("n/a", "-"), (None, "PHONE_MISSING", None)),
        (("020 7946 0958", "unknown"), (LONDON, None, None)),
        (("unknown", "020 7946 0958"), (LONDON, None, None)),
        (("n/a", "4.42079E+11"), (None, "PHONE_ROUNDED", None)),
        (("4.42079E+11", "n/a"), (None, "PHONE_ROUNDED", None)),
        (("4.42079E+11;", None), (None, "PHONE_ROUNDED", None)),
        (("12", "4.42079E+11"), (None, "PHONE_E164_NOT_VALID", None)),
        (("+44 20 7946 0958 x12", None), (LONDON, None, "extension set aside")),
        (("020 7946 0958", "07911 123456 x12"), (LONDON, None, None)),
        (("12", "020 7946 0958 x12"), (LONDON, None, "number left out: PHONE_E164_NOT_VALID; extension set aside")),
    ],
)
def test_cells_of_other_countries_are_understood_as_those_of_the_nanp(cells, expected):
    row = one_abroad(dict(zip(("p1", "p2"), cells, strict=True)))
    assert (row["leadPhoneE164"], row["reason"], row["note"]) == expected


def test_what_is_left_out_abroad_is_told_once():
    row = one_abroad({"p1": "12", "p2": "+44 12", "p3": "020 7946 0958", "p4": "4.4E+11"}, ("p1", "p2", "p3", "p4"))
    assert row["note"] == "number left out: PHONE_E164_NOT_VALID; number left out: PHONE_ROUNDED"


@pytest.mark.parametrize(
    ("cells", "extension"),
    [
        (("020 7946 0958 x12", "07911 123456 x7"), "12"),
        (("020 7946 0958", "07911 123456 x7"), None),
        (("12", "07911 123456 x7"), "7"),
        (("12", "n/a"), None),
    ],
)
def test_the_extension_of_the_number_that_is_sent_is_kept_abroad(cells, extension):
    row = one_abroad(dict(zip(("p1", "p2"), cells, strict=True)), extension="ext")
    assert row["extendedLeadData.ext"] == extension


def test_numbers_beside_the_leads_own_are_of_the_jobs_country_too():
    row = one_abroad(
        {"p1": "020 7946 0958", "aux": "07911 123456 x7", "home": "+1 212 555 0123", "work": "12", "none": " "},
        auxPhone="aux",
        personas={"home": "home", "work": "work", "none": "none"},
    )
    assert (row["auxPhone"], row["personaPhoneConfig.home"]) == ("+447911123456", "+12125550123")
    assert (row["personaPhoneConfig.work"], row["personaPhoneConfig.none"]) == (None, None)
    assert sorted(row["note"].split("; ")) == [
        "auxPhone: extension set aside",
        "personaPhoneConfig.work left out: PHONE_E164_NOT_VALID",
    ]


@pytest.mark.parametrize(
    ("cell", "aux", "note"),
    [
        ("305-555-0188\n212-555-0188", "3055550188|2125550188", None),
        ("305-555-0188 / 212-555-0188", "3055550188|2125550188", None),
        ("305-555-0188 x9", "3055550188", "auxPhone: extension set aside"),
        ("800-555-0188 x9", "8005550188", "auxPhone: extension set aside; auxPhone: toll-free number"),
        ("800-555-0188", "8005550188", "auxPhone: toll-free number"),
        ("n/a", None, "auxPhone left out: PHONE_MISSING"),
        (" \n", None, None),
        ("\u200b", None, None),
        (None, None, None),
    ],
)
def test_a_number_beside_the_leads_own_is_read_as_that_is(cell, aux, note):
    rows = prepare({"aux": cell}, {"aux": "305-555-0188"}, auxPhone="aux")
    assert rows.select("auxPhone", "note").rows() == [(aux, note), ("3055550188", None)]


def test_numbers_of_a_country_outside_the_nanp_become_e164():
    rows = prepare_abroad("020 7946 0958", "+1 212 555 0123", "12", None)
    assert "leadPhone" not in rows.columns
    assert rows["leadPhoneE164"].to_list() == ["+442079460958", "+12125550123", None, None]
    assert rows["reason"].to_list() == [None, None, "PHONE_E164_NOT_VALID", "PHONE_MISSING"]


def test_a_rounded_number_abroad_is_refused_as_one():
    rows = prepare_abroad("2.07946E+10", "020 7946 0958", e164="4.42079E+11")
    assert rows["leadPhoneE164"].to_list() == [None, "+442079460958"]
    assert rows["reason"].to_list() == ["PHONE_ROUNDED", None]


def test_a_number_written_as_e164_comes_before_those_of_the_phone_columns():
    rows = prepare_abroad("020 7946 0958", "12", None, e164="+44 20 7946 0000")
    assert rows["leadPhoneE164"].to_list() == ["+442079460000"] * 3
    assert rows["note"].to_list() == [None, "number left out: PHONE_E164_NOT_VALID", None]
    spare = prepare_abroad("020 7946 0958", e164="12")
    assert spare.select("leadPhoneE164", "reason").row(0) == ("+442079460958", None)


@pytest.mark.parametrize(
    ("phone", "kind", "reason"),
    [
        ("800-555-0123", "toll_free", "PHONE_TOLL_FREE"),
        ("900-555-0123", "premium_rate", "PHONE_PREMIUM_RATE"),
        ("500-555-0123", "personal_number", "PHONE_PERSONAL_NUMBER"),
    ],
)
def test_what_becomes_of_numbers_that_belong_to_no_one_person(phone, kind, reason):
    told = {}
    for choice in ("refuse", "warn", "keep"):
        rules = PreparingRules(
            ZONES, explicit_zones=True, reject_unknown_zone=False, phones=PhoneChoices(**{kind: choice})
        )
        row = one({"phone": phone}, rules=rules)
        told[choice] = (row["reason"], row["leadPhone"], row["note"])
    digits = phone.replace("-", "")
    assert told["refuse"][:2] == (reason, None)
    assert told["warn"][:2] == told["keep"][:2] == (None, digits)
    assert kind.split("_")[0] in told["warn"][2]
    assert told["keep"][2] is None
    assert one({"phone": phone})["note"] == told["warn"][2], "warn is the default"


def test_us_only_refuses_numbers_of_other_nanp_countries_and_not_of_territories():
    rules = PreparingRules(ZONES, explicit_zones=False, reject_unknown_zone=False, phones=PhoneChoices(us_only=True))
    rows = prepare({"phone": "416-555-0123"}, {"phone": "787-555-0123"}, {"phone": PHONE}, rules=rules)
    assert rows["reason"].to_list() == ["PHONE_NOT_US", None, None]


# --- e-mail -----------------------------------------------------------------------------------------------------


def test_an_email_that_is_none_is_left_out_and_noted():
    cells = ["ann@example.com", " ann@example.com ", "ann", "ann@example", "a b@example.com", "@example.com", "", None]
    rows = prepare(*({"mail": cell} for cell in cells), email="mail")
    assert rows["email"].to_list() == ["ann@example.com"] * 2 + [None] * 6
    left_out = "email left out: not an address"
    assert rows["note"].to_list() == [None, None, *[left_out] * 4, None, None]
    assert rows["reason"].null_count() == len(cells)


@pytest.mark.parametrize(
    "cell",
    [
        "john@example..com", "john@example.com,", "<john@example..com>", "mailto:john", "john@x.com|jane",
        "john@ex(ample).com", "john@example.com/", ".john@example.com", "john.@example.com", "jo..hn@example.com",
        "john@-example.com", "john@example-.com", "john@example.com-", "john@ex_ample.com", "john@example.c",
        "john@10.0.0.1", "john@example.com.", "john@x.com;jane@x.com", "tel:+12035550100", "John <john@example.com>",
    ],
)  # fmt: skip
def test_what_cannot_be_an_address_is_left_out(cell):
    row = one({"mail": cell}, email="mail")
    assert (row["email"], row["note"]) == (None, "email left out: not an address")


@pytest.mark.parametrize(
    "cell",
    [
        "a@b.co", "john.o'neil+tag@mail.example.com", "j_d-x@ex-am--ple.co.uk", "josé@example.com", "用户@例子.广告",
        "иван@почта.рф", "राम@उदाहरण.भारत", "info@xn--mller-kva.example", "1@2.com", "JOHN@EXAMPLE.COM",
        "!#$%&'*+/=?^`{|}~@example.com", "john@müller.de",
    ],
)  # fmt: skip
def test_an_address_of_any_language_stays(cell):
    row = one({"mail": cell}, email="mail")
    assert (row["email"], row["note"]) == (cell, None)


@pytest.mark.parametrize(
    "cell", ["<john@example.com>", "mailto:john@example.com", "MAILTO: john@example.com", "<mailto:john@example.com>"]
)
def test_what_stands_around_an_address_is_left_out(cell):
    row = one({"mail": cell}, email="mail")
    assert row["email"] == "john@example.com"
    assert row["note"] == "email: what stood around the address left out"


def test_a_label_parts_no_note():
    row = one({"side": "12"}, personas={"sales; west": "side"})
    assert row["note"] == "personaPhoneConfig.sales, west left out: PHONE_TOO_SHORT"


def test_a_mail_left_out_of_one_field_stays_in_another_of_the_same_column():
    row = one({"mail": "call first"}, email="mail", auxData1="mail")
    assert (row["email"], row["auxData1"]) == (None, "call first")


def test_a_job_without_phone_columns_is_carried_by_e164_alone():
    row = one({"abroad": "+12125550123"}, rules=RULES, phones=(), leadPhoneE164="abroad")
    assert "leadPhone" not in row
    assert (row["reason"], row["leadTimezone"], row["time_zone_source"]) == (None, "EST", "number")


def test_a_wrong_side_number_is_left_out_and_noted_by_its_field():
    row = one({"aux": "12", "home": "5550123"}, auxPhone="aux", personas={"home": "home", "home_note": "phone"})
    assert (row["auxPhone"], row["personaPhoneConfig.home"], row["personaPhoneConfig.home_note"]) == (None, None, PHONE)
    assert row["reason"] is None
    assert set(row["note"].split("; ")) == {
        "auxPhone left out: PHONE_TOO_SHORT",
        "personaPhoneConfig.home left out: PHONE_NO_AREA_CODE",
    }


def test_a_label_that_ends_in_note_is_data_and_no_note():
    row = one({"remark": "prefers mornings"}, extended={"sales_note": "remark"})
    assert row["extendedLeadData.sales_note"] == "prefers mornings"
    assert row["note"] is None


# --- whole numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "reason"), [("leadPriority", "LEAD_PRIORITY_NOT_INTEGER"), ("maxPasses", "MAX_PASSES_NOT_INTEGER")]
)
def test_a_whole_number_that_is_none_is_refused_and_a_blank_one_is_absent(field, reason):
    rows = prepare(
        {"n": "7"}, {"n": "7.0"}, {"n": " "}, {"n": "high"}, {"n": "7.5"}, {"n": "9999999999"}, **{field: "n"}
    )
    assert rows.get_column(field).to_list() == [7, 7, None, None, None, None]
    assert rows.get_column("reason").to_list() == [None, None, None, reason, reason, reason]


# --- places and zones -------------------------------------------------------------------------------------------


def test_the_state_proves_a_zip_that_lost_its_zero_and_the_zip_proves_the_zone():
    row = one({"z": "2134", "s": "Massachusetts"}, zip="z", state="s")
    assert (row["zip"], row["state"], row["time_zone"], row["time_zone_source"]) == (
        "02134",
        "MA",
        "America/New_York",
        "zip",
    )
    assert row["note"] == "ZIP: leading zero put back, proved by the state"


def test_zones_that_disagree_are_noted():
    row = one({"z": "90210"}, zip="z")
    assert (row["leadTimezone"], row["time_zone_conflict"]) == ("PST", True)
    assert row["note"] == "time zone in dispute: the ZIP's is taken, as the first in the order of trust"


LOS_ANGELES = {"phone": "213-555-0123", "z": "10001", "s": "New York"}


@pytest.mark.parametrize(
    ("policy", "zone", "name", "source_of_it"),
    [
        (ZonePolicy(NAMING), "America/Los_Angeles", "PST", "number"),
        (ZonePolicy(NAMING, conflict="trust"), "America/New_York", "EST", "zip"),
        (ZonePolicy(NAMING, conflict="refuse"), None, None, None),
        (ZonePolicy(NAMING, ("state", "number"), "trust"), "America/New_York", "EST", "state"),
    ],
    ids=["safe is the default", "trust", "refuse", "another order"],
)
def test_what_is_done_where_zones_disagree_and_what_each_said_is_kept(policy, zone, name, source_of_it):
    rules = PreparingRules(policy, explicit_zones=True, reject_unknown_zone=True)
    row = one(LOS_ANGELES, rules=rules, zip="z", state="s")
    assert (row["time_zone"], row["leadTimezone"], row["time_zone_source"]) == (zone, name, source_of_it)
    assert row["time_zone_conflict"] is True
    assert row["reason"] == (None if zone else "TIME_ZONE_CONFLICT")
    assert row["zip_zone"] == ("America/New_York" if "zip" in policy.order else None)
    assert (row["number_zone"], row["state_zone"]) == ("America/Los_Angeles", "America/New_York")
    assert (row["note"] or "").startswith("time zone in dispute") is (zone is not None)


def test_the_first_fault_of_a_zone_is_named():
    rules = PreparingRules(ZonePolicy(NAMING, conflict="refuse"), explicit_zones=True, reject_unknown_zone=True)
    both = LOS_ANGELES | {"tz": "nowhere"}
    assert one(both, rules=rules, zip="z", state="s", leadTimezone="tz")["reason"] == "TIME_ZONE_NOT_VALID"
    agreed = PreparingRules(ZonePolicy(NAMING, conflict="refuse"), explicit_zones=False, reject_unknown_zone=True)
    assert one(both, rules=agreed, zip="z", state="s", leadTimezone="tz")["reason"] is None


UNKNOWN_PLACE = "8505550123"
GUAM = "6715550123"


@pytest.mark.parametrize(
    ("phone", "given_zone", "strict", "lenient"),
    [
        (PHONE, None, (None, "EST"), (None, "EST")),
        (PHONE, "Eastern", ("TIME_ZONE_NOT_VALID", "EST"), ("TIME_ZONE_NOT_VALID", "EST")),
        (UNKNOWN_PLACE, None, ("TIME_ZONE_UNKNOWN", None), (None, None)),
        (UNKNOWN_PLACE, "CST", (None, "CST"), (None, "CST")),
        (UNKNOWN_PLACE, "Pacific/Guam", ("TIME_ZONE_NOT_NAMED", None), (None, None)),
        (UNKNOWN_PLACE, "nowhere", ("TIME_ZONE_NOT_VALID", None), ("TIME_ZONE_NOT_VALID", None)),
        (GUAM, None, ("TIME_ZONE_NOT_NAMED", None), (None, None)),
    ],
)
def test_what_explicit_zones_ask_of_a_lead(phone, given_zone, strict, lenient):
    for rules, expected in ((RULES, strict), (LENIENT, lenient), (OTHER_OPTION, (None, None))):
        row = one({"phone": phone, "tz": given_zone}, rules=rules, leadTimezone="tz")
        assert (row["reason"], row["leadTimezone"]) == expected


@pytest.mark.parametrize("blank", ["\u200b", "\ufeff", " \u200b \ufeff", "\u00a0"])
def test_an_id_of_nothing_visible_is_missing_and_such_ends_are_trimmed(blank):
    rows = prepare({"id": blank}, {"id": f"{blank}7 8{blank}"})
    assert rows["externId"].to_list() == [None, "7 8"]
    assert rows["reason"].to_list() == ["EXTERN_ID_MISSING", None]


# --- several columns ----------------------------------------------------------------------------------------------


def test_what_was_noted_of_each_column_is_told_and_every_wrong_one_beside_a_right_one():
    cells = {"one": "12", "two": "212-555-0123 x4", "three": "800-555-0123", "four": "5550123"}
    row = one(cells, phones=("one", "two", "three", "four"))
    assert row["note"].split("; ") == [
        "number left out: PHONE_TOO_SHORT",
        "number left out: PHONE_NO_AREA_CODE",
        "extension set aside",
        "toll-free number",
    ]


@pytest.mark.parametrize(
    ("number", "choices"),
    [("800-555-0123", PhoneChoices(toll_free="refuse")), ("416-555-0123", PhoneChoices(us_only=True))],
)
def test_what_the_job_refuses_is_refused_beside_the_leads_own_number_too(number, choices):
    rules = PreparingRules(ZONES, explicit_zones=False, reject_unknown_zone=False, phones=choices)
    row = one({"aux": number, "home": number}, rules=rules, auxPhone="aux", personas={"home": "home"})
    assert (row["auxPhone"], row["personaPhoneConfig.home"], row["reason"]) == (None, None, None)
    assert row["note"].count("left out: PHONE_") == 2


@pytest.mark.parametrize("mail", ["ann@example.", "ann@example..", "ann@@example.com", "ann@b@example.com", "@"])
def test_almost_an_address_is_none(mail):
    assert one({"mail": mail}, email="mail")["email"] is None
