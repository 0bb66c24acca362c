"""A person is known by a number in any writing, or by an id, and nobody else is taken for them."""

import phonenumbers
import polars as pl
import pytest

from transforms.person import is_person, read_person


def known(person, cells, ids=()):
    rows = pl.DataFrame({"cell": cells, "row": range(len(cells))}, schema={"cell": pl.String, "row": pl.UInt64})
    return rows.filter(is_person(rows.schema, person, ids)).get_column("row").to_list()


WRITINGS = [
    *("2035550100", "(203) 555-0100", "203.555.0100", "+1 203 555 0100", "1-203-555-0100", "0012035550100"),
    *("011 1 203 555 0100", "2035550100.0", "home: 203-555-0100 x5", "617-555-0199 / 203 555 0100", "tel:+12035550100"),
]
OTHERS = ["2035550101", "12035550100123", "9920355501009", "203555010", "", "X2035", "617-555-0199", None]


@pytest.mark.parametrize("given", ["2035550100", "+12035550100", "(203) 555-0100", " 1 203.555.0100 \n"])
def test_a_number_is_known_in_any_writing_and_others_are_not(given):
    assert known(read_person(given, "US"), WRITINGS + OTHERS) == list(range(len(WRITINGS)))


def test_a_foreign_number_is_bare_only_at_home():
    cells = ["020 7946 0018", "+44 20 7946 0018", "00442079460018", "+44 (0)20 7946 0018", "2079460018"]
    person = "+442079460018"

    assert known(read_person(person, "GB"), cells) == [0, 1, 2, 3, 4]
    assert known(read_person(person, "US"), cells) == [1, 2, 3]  # 207 946-0018 is a number of Maine
    assert known(read_person("020 7946 0018", "GB"), cells) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("region", ["US", "CA", "GB", "DE", "FR", "AU", "HU", "RU", "JP", "IN", "BR", "IT", "NZ", "ZA"])
def test_numbers_of_every_country_are_known_in_the_librarys_own_writings(region):
    kinds = (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)
    for number in (phonenumbers.example_number_for_type(region, kind) for kind in kinds):
        written = [
            phonenumbers.format_number(number, form)
            for form in (
                phonenumbers.PhoneNumberFormat.E164,
                phonenumbers.PhoneNumberFormat.INTERNATIONAL,
                phonenumbers.PhoneNumberFormat.RFC3966,
                phonenumbers.PhoneNumberFormat.NATIONAL,
            )
        ]
        nearly = [text[:-1] + str((int(text[-1]) + 1) % 10) for text in written]

        for given in written:
            assert known(read_person(given, region), written + nearly) == [0, 1, 2, 3], given
            assert known(read_person(written[0], "TV"), written) == [0, 1, 2]


def test_a_number_in_a_column_of_ids_is_an_id():
    assert known(read_person("2035550100", "US", by_id=False), ["2035550100"], ["cell"]) == []


def test_an_id_is_known_whole_and_in_its_own_columns_only():
    cells = ["A-7", " A-7 ", "A-7.0", "A-70", "a-7", "x A-7", None]

    assert known(read_person("A-7", "US"), cells, ["cell"]) == [0, 1, 2]
    assert known(read_person("A-7", "US"), cells) == []


def test_an_id_is_known_however_its_accents_and_what_nobody_sees_were_written():
    cells = ["Jos\u00e9", "Jose\u0301", "\u202aJos\u00e9\u202c", "Jose"]
    for given in cells[:3]:
        assert known(read_person(given, "US"), cells, ["cell"]) == [0, 1, 2]


def test_a_text_that_could_be_both_is_both_unless_one_is_ruled_out():
    both = read_person("2035550100", "US")

    assert both.extern_id == "2035550100"
    assert both.number is not None
    assert read_person("2035550100", "US", by_id=False).extern_id is None
    assert read_person("2035550100", "US", by_number=False).number is None


@pytest.mark.parametrize("given", ["", "  ", "\ufeff"])
def test_nothing_is_nobody(given):
    assert read_person(given, "US").is_nobody


@pytest.mark.parametrize("given", ["A-7", "12345", "X00012", "5550100"])
def test_what_is_no_number_is_none(given):
    assert read_person(given, "US").number is None


def test_nobody_is_shown():
    assert "203" not in repr(read_person("2035550100", "US"))


def test_marks_of_patterns_in_an_id_are_letters():
    assert known(read_person(".*", "US"), ["anything", ".*"], ["cell"]) == [1]
