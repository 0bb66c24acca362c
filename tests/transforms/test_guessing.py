"""A name proposes and the content decides."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.guessing import guess_mapping
from transforms.vocabulary.lead_fields import LEAD_FIELDS

ROWS = 40
CELLS = {
    "id": [f"K{number}" for number in range(ROWS)],
    "phone": [f"(203) 555-01{number:02}" for number in range(ROWS)],
    "other phone": [f"617555{number + 100:04}" for number in range(ROWS)],
    "british": [f"+44 20 7946 0{number + 100:03}" for number in range(ROWS)],
    "email": [f"lead{number}@example.com" for number in range(ROWS)],
    "zip": ["06511", "02116-1234", "94103", "10001"] * 10,
    "state": ["CT", "Massachusetts", "ca", "NY"] * 10,
    "zone": ["EST", "America/Chicago", "PST", "MST"] * 10,
    "name": ["Ada", "Ben", "Núñez", "O'Brien"] * 10,
    "yes": ["yes", "no"] * 20,
    "status": ["open", "won", "lost", "new"] * 10,
    "street": [f"{number} Elm Street" for number in range(ROWS)],
    "date": [f"2026-01-{number % 28 + 1:02}" for number in range(ROWS)],
    "empty": [None] * ROWS,
    "mr": ["Mr", "Mrs.", "Dr", "Ms"] * 10,
}


def guess(**columns):
    """Guess over columns given as name = kind of cells; `_` in a name stands for itself."""
    frame = pl.DataFrame({name: CELLS[kind] for name, kind in columns.items()}, infer_schema_length=None)
    return {found.field: found for found in guess_mapping(frame.cast(pl.String))}


def columns_of(guesses):
    return {field: found.columns for field, found in guesses.items()}


def guess_one(name, kind):
    """Guess over an id, a number and one more column; return the field that the column got."""
    guesses = guess(**{"lead id": "id", "home phone": "phone", name: kind})
    return next((field for field, found in guesses.items() if name in found.columns), None)


NAMED = [
    ("E-Mail", "email", "email"),
    ("emailAddress", "email", "email"),
    ("Correo electrónico", "email", "email"),
    ("Contact Email", "email", "email"),
    ("ZIP", "zip", "zip"),
    ("Postal_Code", "zip", "zip"),
    ("PLZ", "zip", "zip"),
    ("BillingState", "state", "state"),
    ("State/Province", "state", "state"),
    ("timeZone", "zone", "leadTimezone"),
    ("First Name", "name", "firstName"),
    ("first_name", "name", "firstName"),
    ("Prénom", "name", "firstName"),
    ("Vorname", "name", "firstName"),
    ("Nome", "name", "firstName"),
    ("Voornaam", "name", "firstName"),
    ("Sobrenome", "name", "lastName"),
    ("Cognome", "name", "lastName"),
    ("Endereço", "street", "address1"),
    ("Cidade", "name", "city"),
    ("Città", "name", "city"),
    ("CEP", "zip", "zip"),
    ("surname", "name", "lastName"),
    ("Nachname", "name", "lastName"),
    ("Full Name", "name", "lastName"),
    ("Company", "name", "lastName"),
    ("Facility Name", "name", "lastName"),
    ("Mailing Street", "street", "address1"),
    ("Straße", "street", "address1"),
    ("address2", "street", "address2"),
    ("Ville", "name", "city"),
    ("auxData3", "status", "auxData3"),
    ("gateKeeper", "name", "gateKeeper"),
    ("Salutation", "mr", "title"),
    ("First Name", "empty", "firstName"),
]


@pytest.mark.parametrize(("name", "kind", "field"), NAMED)
def test_names_in_use_are_known(name, kind, field):
    assert guess_one(name, kind) == field


@pytest.mark.parametrize(
    ("kind", "field"), [("email", "email"), ("zip", "zip"), ("state", "state"), ("zone", "leadTimezone")]
)
def test_what_stands_in_a_column_speaks_for_it_whatever_it_is_called(kind, field):
    assert guess_one("col7", kind) == field


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Mobile", "yes"),
        ("phone type", "status"),
        ("Fax", "other phone"),
        ("agent phone", "other phone"),
        ("Spouse Email", "email"),
        ("old_phone", "other phone"),
        ("Do Not Call Phone", "other phone"),
        ("Agent Zip", "zip"),
        ("agent_state", "state"),
        ("agent timezone", "zone"),
        ("email opt in", "yes"),
        ("zip", "status"),
        ("State", "status"),
        ("title", "status"),
        ("timezone", "status"),
        ("City", "yes"),
        ("County Name", "name"),
        ("col7", "name"),
        ("col7", "status"),
        ("col7", "yes"),
        ("Capacity", "name"),
        ("", "name"),
    ],
)
def test_content_takes_back_what_a_name_promised(name, kind):
    assert guess_one(name, kind) is None


def test_a_relatives_number_is_taken_only_for_want_of_another():
    beside = guess(**{"id": "id", "Spouse Phone": "other phone", "Phone": "phone"})["leadPhone"]
    alone = guess(**{"id": "id", "Parent Phone": "phone"})["leadPhone"]
    assert beside.columns == ("Phone",)
    assert (alone.columns, alone.how_sure) == (("Parent Phone",), "unsure")


def test_content_speaks_louder_than_a_name():
    assert guess_one("first name", "email") == "email"


def test_numbers_stand_in_order_of_preference_and_empty_ones_last():
    names = ["phone2", "Work Phone", "Home Phone", "Phone", "Mobile"]

    found = guess(ID="id", **dict.fromkeys(names, "phone"))["leadPhone"]
    assert found.columns == ("Mobile", "Phone", "Home Phone", "Work Phone", "phone2")
    found = guess(ID="id", Cell="empty", Phone="phone")["leadPhone"]
    assert found.columns == ("Phone", "Cell")


def test_a_number_without_a_name_is_taken_only_where_no_name_helps():
    assert guess(ID="id", Phone="phone", x="other phone")["leadPhone"].columns == ("Phone",)
    found = guess(ID="id", x="other phone")["leadPhone"]
    assert (found.columns, found.how_sure) == (("x",), "likely")


def test_numbers_of_other_countries_go_where_they_can():
    assert columns_of(guess(ID="id", Phone="british")) == {"externId": ("ID",), "leadPhoneE164": ("Phone",)}
    british = ["020 7946 0123", "0161 496 0123"] * 20
    (found,) = [
        one for one in guess_mapping(pl.DataFrame({"k": CELLS["id"], "Tel": british})) if one.field == "leadPhone"
    ]
    assert (found.columns, found.how_sure) == (("Tel",), "unsure")
    assert "phone_region" in found.why


def test_an_id_is_known_by_its_name_and_by_being_different_in_every_row():
    certain = guess(**{"Campaign ID": "status", "Lead ID": "id", "Phone": "phone"})["externId"]
    assert (certain.columns, certain.how_sure) == (("Lead ID",), "certain")
    alone = guess(created="date", x="id", Phone="phone", Name="name")["externId"]
    assert (alone.columns, alone.how_sure) == (("x",), "unsure")


def test_an_id_that_repeats_is_not_sure_of_itself():
    frame = pl.DataFrame({"id": [f"K{number // 2}" for number in range(ROWS)], "phone": CELLS["phone"]})

    found = {one.field: one for one in guess_mapping(frame)}["externId"]

    assert (found.columns, found.how_sure) == (("id",), "unsure")
    assert "20 different values in 40 cells" in found.why


@pytest.mark.parametrize("name", ["row_number", "Line No", "seq no"])
def test_a_rows_place_in_one_export_is_no_id_of_a_lead(name):
    """In the next export it is another row's."""
    assert guess(**{name: "id", "phone": "phone"})["externId"].how_sure == "unsure"
    assert guess(**{name: "id", "NPI": "id", "phone": "phone"})["externId"].columns == ("NPI",)


def test_without_an_id_what_differs_most_stands_in():
    guesses = guess(phone="phone", state="state")

    assert columns_of(guesses) == {"externId": ("phone",), "leadPhone": ("phone",), "state": ("state",)}
    assert guesses["externId"].how_sure == "unsure"


def test_a_number_that_is_called_id_is_both():
    assert columns_of(guess(id="phone"))["leadPhone"] == ("id",)


def test_nothing_is_guessed_where_nothing_is():
    assert not guess(a="yes", b="status")
    assert guess_mapping(pl.DataFrame()) == []
    assert guess_mapping(pl.DataFrame({"phone": []}, schema={"phone": pl.String}))[0].confidence == 0.5


def test_a_field_is_guessed_once_and_a_column_used_once():
    guesses = guess(**{"Lead ID": "id", "id": "id", "Phone": "phone", "Billing Zip": "zip", "Zip": "zip"})

    assert columns_of(guesses) == {"externId": ("Lead ID",), "leadPhone": ("Phone",), "zip": ("Zip",)}


def test_no_reason_repeats_a_value():
    for found in guess(**{"Lead ID": "id", "Phone": "phone", "x": "email", "Full Name": "name"}).values():
        assert not [cell for kind in ("id", "phone", "email", "name") for cell in CELLS[kind] if cell in found.why]


TEXTS = st.one_of(st.none(), st.text(max_size=12), st.from_regex(r"\+?[0-9() .-]{7,16}", fullmatch=True))


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(max_size=12), st.lists(TEXTS, min_size=4, max_size=4), max_size=5))
def test_any_columns_can_be_guessed_about(columns):
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))

    guesses = guess_mapping(frame)

    fields = [found.field for found in guesses]
    assert fields == [field for field in LEAD_FIELDS if field in fields]
    assert all(0 < found.confidence <= 1 and set(found.columns) <= set(columns) for found in guesses)
    assert guesses == guess_mapping(frame)


def test_a_column_whose_name_looks_like_a_pattern_is_a_column_like_any_other():
    sample = pl.DataFrame({"^[$": ["1", "2"], "^.*$": ["a", "b"], "id": ["A1", "A2"]})

    assert [guess.columns for guess in guess_mapping(sample) if guess.field == "externId"] == [("id",)]
