"""The zone of a lead: proved by its ZIP code, number or state, or not given; and who is followed in a dispute."""

import datetime as dt
from itertools import permutations

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from transforms.time_zones import RINGCX_OFFSETS, ZoneNaming, ZonePolicy, derive_time_zones, zone_info
from transforms.zone_clocks import iana_zones
from transforms.zone_tables import exchange_zones

WINTER = ZoneNaming(dt.date(2026, 1, 15))
SUMMER = ZoneNaming(dt.date(2026, 7, 15))
COLUMNS = ["zip", "leadPhone", "state", "leadTimezone"]
FOUND = ["time_zone", "time_zone_source", "time_zone_conflict", "ringcx_zone"]
EVIDENCE = ["zip_zone", "number_zone", "state_zone", "other_zones"]
ALL = [*FOUND[:3], *EVIDENCE, "ringcx_zone", "zone_fault", "zone_note", "given_ok"]

TRUST = ZonePolicy(WINTER, conflict="trust")
NEW_YORK, CHICAGO, DENVER, LOS_ANGELES = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"


def answer(policy, **cells):
    """Return the answer for one lead; a cell that is not given is a column that is not there."""
    frame = pl.DataFrame({name: [cell] for name, cell in cells.items()}, schema=dict.fromkeys(cells, pl.String))
    return derive_time_zones(frame, policy).row(0, named=True)


def derive(naming=WINTER, **cells):
    return tuple(answer(ZonePolicy(naming, conflict="trust"), **cells)[name] for name in FOUND)


# --- ZIP ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zip_code", "zone", "winter", "summer"),
    [
        ("85001", "America/Phoenix", "MST", "MST"),
        ("86515", "America/Denver", "MST", "MDT"),  # Window Rock, Navajo Nation
        ("86503", "America/Denver", "MST", "MDT"),  # Chinle, Navajo Nation
        ("86510", "America/Denver", "MST", "MDT"),  # Pinon, Navajo Nation
        ("86045", "America/Denver", "MST", "MDT"),  # Tuba City, Navajo Nation
        ("86040", "America/Phoenix", "MST", "MST"),  # Page
        ("86003", "America/Phoenix", "MST", "MST"),  # Flagstaff
        ("86042", "America/Phoenix", "MST", "MST"),  # Polacca, Hopi Reservation
        ("89883", "America/Denver", "MST", "MDT"),  # West Wendover, Nevada
        ("37405", "America/New_York", "EST", "EDT"),  # Chattanooga
        ("79942", "America/Denver", "MST", "MDT"),  # El Paso
        ("83522", "America/Los_Angeles", "PST", "PDT"),  # Cottonwood, Idaho
        ("46201", "America/Indiana/Indianapolis", "EST", "EDT"),
        ("46402", "America/Chicago", "CST", "CDT"),  # Gary
        ("47708", "America/Chicago", "CST", "CDT"),  # Evansville
        ("96813", "Pacific/Honolulu", "HAST", "HAST"),
        ("00901", "America/Puerto_Rico", "AST", "AST"),
        ("99546", "America/Adak", "HAST", "HADT"),
        ("96799", "Pacific/Pago_Pago", "WSST", "WSST"),
        ("32501", "America/Chicago", "CST", "CDT"),  # Pensacola
        ("96910", "Pacific/Guam", None, None),
        ("96950", "Pacific/Saipan", None, None),
    ],
)
def test_a_zip_code_names_its_zone(zip_code, zone, winter, summer):
    assert derive(zip=zip_code) == (zone, "zip", False, winter)
    assert derive(SUMMER, zip=f"{zip_code}-1234") == (zone, "zip", False, summer)


@pytest.mark.parametrize(
    ("code", "zone", "winter", "summer"),
    [
        ("A1C 5S7", "America/St_Johns", "NST", "NDT"),
        ("A0P 1C0", "America/Goose_Bay", "AST", "ADT"),  # Happy Valley-Goose Bay, Labrador
        ("B3H 4R2", "America/Halifax", "AST", "ADT"),
        ("E1C 4Z6", "America/Moncton", "AST", "ADT"),
        ("G4T 1A1", "America/Halifax", "AST", "ADT"),  # Magdalen Islands, Quebec
        ("H2Y 1C6", "America/Toronto", "EST", "EDT"),
        ("P9N 1A1", "America/Winnipeg", "CST", "CDT"),  # Kenora, Ontario
        ("S4P 3Y2", "America/Regina", "CST", "CST"),
        ("S9V 1A1", "America/Edmonton", "MST", "MDT"),  # Lloydminster
        ("V6B 1A1", "America/Vancouver", "PST", "PDT"),
        ("V1C 1A1", "America/Edmonton", "MST", "MDT"),  # Cranbrook
        ("V1G 1A1", "America/Dawson_Creek", "MST", "MST"),
        ("X0B 0C0", "America/Cambridge_Bay", "MST", "MDT"),
        ("Y1A 1A1", "America/Whitehorse", "MST", "MST"),
    ],
)
def test_a_canadian_postal_code_names_its_zone(code, zone, winter, summer):
    assert derive(zip=code) == (zone, "zip", False, winter)
    assert derive(SUMMER, zip=code) == (zone, "zip", False, summer)


@pytest.mark.parametrize("code", ["A0K 1V0", "P0T 1C0", "P0Y 1A0", "G0G 1V0", "S0P 0A0", "V0B 1G0", "X0C 0C0"])
def test_a_postal_code_of_two_zones_settles_nothing_but_tells_where_a_lead_is_not(code):
    assert derive(zip=code) == (None, None, False, None)
    assert answer(SAFE, zip=code, leadPhone="8085550123")["time_zone_conflict"]


def test_a_lead_in_newfoundland_is_known_by_its_postal_code_alone():
    """Neither 709 nor the province settles anything: Labrador shares both."""
    cells = {"leadPhone": "7092345678", "state": "NL"}
    assert derive(**cells)[0] is None
    assert derive(SUMMER, zip="A1C 5S7", **cells) == ("America/St_Johns", "zip", False, "NDT")
    assert derive(zip="A2V 2K1", **cells) == ("America/Goose_Bay", "zip", False, "AST")


@pytest.mark.parametrize(
    ("code", "numbers", "state"),
    [
        ("A1C 5S7", ["7092345678", "8792345678"], "NL"),
        ("A0P 1C0", ["7092345678", "8792345678"], "NL"),
        ("P9N 1A1", ["8072345678"], "ON"),
        ("V1G 1A1", ["2502345678", "7782345678"], "BC"),
        ("V6B 1A1", ["6042345678", "2362345678"], "BC"),
        ("X0B 0C0", ["8672345678"], "NU"),
        ("Y1A 1A1", ["8672345678"], "YT"),
    ],
)
def test_a_postal_code_is_in_no_dispute_with_the_numbers_and_the_name_of_its_own_province(code, numbers, state):
    for number in numbers:
        assert not answer(SAFE, zip=code, leadPhone=number, state=state)["time_zone_conflict"]


@pytest.mark.parametrize(
    "code",
    ["85011234", "1000", "10001x", "D1A 0B1", "Z1A 0B1", "K1A0B1", "K1A 0B1x", "\u212a1A 0B1", "00000", "1000\u0661"],
)
def test_what_is_no_known_zip_code_names_no_zone(code):
    """Eight digits are a ZIP+4 that lost its zero: 08501 lies in New Jersey and 85011 in Arizona."""
    assert derive(zip=code) == (None, None, False, None)


# --- numbers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("2125550123", "America/New_York"),
        ("6025550123", "America/Phoenix"),
        ("8085550123", "Pacific/Honolulu"),
        ("7875550123", "America/Puerto_Rico"),
        ("6715550123", "Pacific/Guam"),
        ("6715550123|6715550124", "Pacific/Guam"),
        ("8005550123|3125550123", "America/Chicago"),  # what has no place leaves the word to the next
        ("9065550123|3125550123", "America/Chicago"),
    ],
)
def test_an_area_code_of_one_clock_names_it(number, zone):
    assert derive(leadPhone=number)[:3] == (zone, "number", False)


def test_an_area_code_of_two_zones_settles_nothing_unless_the_exchange_is_listed():
    assert derive(leadPhone="8505550123") == (None, None, False, None)
    assert derive(leadPhone="8502000123") == ("America/Chicago", "number", False, "CST")


def test_an_exchange_that_itself_spans_two_clocks_settles_nothing():
    unsettled = [exchange for exchange, zones in exchange_zones(2026).items() if len(zones) > 1]
    assert unsettled
    assert derive(leadPhone=f"{unsettled[0]}0123") == (None, None, False, None)


@pytest.mark.parametrize("number", ["7095550123", "2085550123", "9065550123", "5745550123", "8675550123"])
def test_an_area_code_of_two_zones_settles_nothing(number):
    assert derive(leadPhone=number) == (None, None, False, None)


@pytest.mark.parametrize("overlay", ["448", "364", "930", "458", "581", "778"])
def test_an_overlay_settles_no_more_than_the_area_code_under_it(overlay):
    """448 serves Pensacola and Tallahassee as 850 does, whatever one zone the table names for it."""
    assert derive(leadPhone=f"{overlay}5550123") == (None, None, False, None)


@pytest.mark.parametrize("number", ["8005550123", "8885550123", "9005550123", "", "12", "abc"])
def test_a_number_without_a_place_settles_nothing(number):
    assert derive(leadPhone=number) == (None, None, False, None)


def test_a_number_in_e164_form_counts_like_any_other():
    rows = [(None, "+12125550123"), (None, "+442079460958"), ("3125550123", "+12125550123"), ("2125550123", None)]
    frame = pl.DataFrame(rows, schema=["leadPhone", "leadPhoneE164"], orient="row")
    found = derive_time_zones(frame, TRUST)
    assert found["time_zone"].to_list() == [NEW_YORK, "Europe/London", CHICAGO, NEW_YORK]
    assert found["ringcx_zone"].to_list() == ["EST", None, "CST", "EST"]
    assert found["other_zones"].to_list() == [None, None, NEW_YORK, None]
    alone = derive_time_zones(frame.select("leadPhoneE164"), TRUST)["time_zone"].to_list()
    assert alone == [NEW_YORK, "Europe/London", NEW_YORK, None]


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+61291234567", "Australia/Sydney"),
        ("+4930123456", "Europe/Berlin"),
        ("+81312345678", "Asia/Tokyo"),
        ("+5511912345678", "America/Sao_Paulo"),
        ("+7", None),  # all Russia
        ("+74951234567", "Europe/Moscow"),
        ("+80012345678", None),
    ],
)
def test_a_number_abroad_is_in_the_zone_of_its_prefix_where_that_has_one(number, zone):
    assert derive(leadPhoneE164=number)[0] == zone


def test_all_numbers_of_a_lead_are_evidence_for_any_of_them_may_be_called():
    """8:00 in New York is 2:00 or 3:00 in Honolulu."""
    found = answer(SAFE, leadPhone="2125550123|8085550123", state="NY")
    assert (found["time_zone"], found["time_zone_source"]) == ("Pacific/Honolulu", "number")
    assert (found["number_zone"], found["other_zones"]) == (NEW_YORK, NEW_YORK)
    assert found["time_zone_conflict"]
    assert answer(SAFE, leadPhone="2125550123|7185550123")["other_zones"] is None


@pytest.mark.parametrize(
    ("cells", "zone", "others"),
    [
        ({"leadPhone": "2125550123", "state": "OR"}, NEW_YORK, f"{LOS_ANGELES}|America/Boise"),
        ({"leadPhone": "2125550123", "state": "TX"}, NEW_YORK, f"{CHICAGO}|{DENVER}"),
        ({"zip": "10001", "leadPhone": "2085550123", "state": "NY"}, NEW_YORK, "America/Boise|America/Los_Angeles"),
        ({"leadPhone": "2125550123", "state": "ON"}, NEW_YORK, None),
        ({"leadPhone": "6025550123", "state": "AZ"}, "America/Phoenix", None),
        ({"zip": "90001", "state": "TN"}, LOS_ANGELES, f"{CHICAGO}|{NEW_YORK}"),
        ({"leadPhone": "2125550123", "state": "SK"}, NEW_YORK, "America/Regina|America/Edmonton|America/Winnipeg"),
        ({"leadTimezone": "EST", "state": "TX"}, None, f"{CHICAGO}|{DENVER}"),
        ({"leadTimezone": "EST", "state": "FL"}, None, None),
    ],
)
def test_what_leaves_several_zones_open_still_tells_where_a_lead_is_not(cells, zone, others):
    found = answer(TRUST, **cells)
    assert (found["time_zone"], found["other_zones"]) == (zone, others)
    assert found["time_zone_conflict"] == (others is not None)


def test_zones_left_open_elsewhere_are_respected_and_may_be_the_safe_choice():
    """8:00 in New York is 6:00 in El Paso, and 8:00 in El Paso is 10:00 in New York."""
    found = answer(SAFE, leadPhone="2125550123", state="TX")
    assert (found["time_zone"], found["time_zone_source"], found["ringcx_zone"]) == (DENVER, "state", "MST")
    assert (found["other_zones"], found["state_zone"]) == (f"{NEW_YORK}|{CHICAGO}", None)
    assert "the state's is taken" in found["zone_note"]
    assert "calls after 19:00 there are past 21:00 elsewhere" in found["zone_note"]
    found = answer(SAFE, zip="90001", state="TX")
    assert (found["time_zone"], found["time_zone_source"]) == (LOS_ANGELES, "zip")
    told = answer(hours(10, 19), leadPhone="2125550123", state="TX")
    assert (told["time_zone"], told["time_zone_source"]) == (NEW_YORK, "number")
    assert answer(ZonePolicy(WINTER, conflict="refuse"), leadPhone="2125550123", state="TX")["zone_fault"]


def test_saskatchewan_is_on_one_clock_whatever_number_is_laid_over_it():
    assert derive(SUMMER, leadPhone="4742345678") == derive(SUMMER, leadPhone="3062345678")


def test_very_many_combinations_of_numbers_are_each_judged_by_themselves():
    areas = ["212", "312", "303", "213", "808", "907", "602", "902", "306", "787", "671", "604"]
    rows = [f"{a}5550123|{b}5550123|{c}5550123" for a in areas for b in areas for c in areas]
    frame = pl.DataFrame({"zip": ["10001"] * len(rows), "leadPhone": rows, "state": ["TX"] * len(rows)})
    found = derive_time_zones(frame, SAFE)
    for row in range(0, len(rows), 97):
        assert_frame_equal(found[row], derive_time_zones(frame[row], SAFE))


def test_an_exchange_of_two_zones_outweighs_its_area_code_of_one():
    """928 is Phoenix, but for the exchanges of the Navajo Nation, of which some serve both clocks."""
    assert derive(leadPhone="9285550123")[0] is None
    assert derive(leadPhone="9286720123")[0] is None
    assert derive(leadPhone="6025550123")[0] == "America/Phoenix"
    assert derive(leadPhone="7756640123")[:2] == ("America/Denver", "number")
    assert derive(leadPhone="7756730123")[:2] == ("America/Los_Angeles", "number")


# --- states ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "zone"),
    [
        ("NY", "America/New_York"),
        ("CA", "America/Los_Angeles"),
        ("HI", "Pacific/Honolulu"),
        ("PR", "America/Puerto_Rico"),
        ("AS", "Pacific/Pago_Pago"),
        ("NS", "America/Halifax"),
        ("YT", "America/Whitehorse"),
    ],
)
def test_a_state_of_one_clock_names_it(state, zone):
    assert derive(state=state)[:3] == (zone, "state", False)


@pytest.mark.parametrize(
    "state",
    [
        "AK",
        "AZ",
        "FL",
        "ID",
        "IN",
        "KS",
        "KY",
        "MI",
        "ND",
        "NE",
        "NV",
        "OR",
        "SD",
        "TN",
        "TX",
        "BC",
        "NL",
        "NU",
        "ON",
        "QC",
        "SK",
        "ZZ",
    ],
)
def test_a_state_of_two_zones_settles_nothing(state):
    assert derive(state=state) == (None, None, False, None)


# --- trust and conflict -----------------------------------------------------------------------------------------


def test_zip_is_asked_before_number_and_number_before_state():
    assert derive(zip="10001", leadPhone="3125550123", state="CA")[:2] == ("America/New_York", "zip")
    assert derive(leadPhone="3125550123", state="CA")[:2] == ("America/Chicago", "number")
    assert derive(zip="99999", leadPhone="8505550123", state="CA")[:2] == ("America/Los_Angeles", "state")


def test_the_sources_own_iana_zone_wins_and_a_disagreement_is_flagged():
    assert derive(zip="10001", leadTimezone="America/Denver") == ("America/Denver", "source", True, "MST")
    assert derive(zip="80202", leadTimezone="America/Denver") == ("America/Denver", "source", False, "MST")
    assert derive(leadTimezone="Pacific/Guam") == ("Pacific/Guam", "source", False, None)


def test_the_sources_own_ringcx_name_wins_and_a_disagreement_is_flagged():
    assert derive(zip="10001", leadTimezone="CST") == (None, "source", True, "CST")
    assert derive(zip="96910", leadTimezone="EST") == (None, "source", True, "EST")
    assert derive(zip="94105", leadPhone="2125550123", leadTimezone="EST") == (
        "America/New_York",
        "source",
        True,
        "EST",
    )


@pytest.mark.parametrize(
    ("name", "zone"), [("EST", "America/New_York"), ("MST", "America/Denver"), ("PDT", "America/Los_Angeles")]
)
def test_a_ringcx_name_agrees_with_a_zone_that_bears_it_at_some_time_of_the_year(name, zone):
    """EST and MST are also tzdata's names of zones without summer time, which nobody means by them."""
    zips = {"America/New_York": "10001", "America/Denver": "80202", "America/Los_Angeles": "94105"}
    assert derive(SUMMER, zip=zips[zone], leadTimezone=name) == (zone, "source", False, name)


@pytest.mark.parametrize("name", sorted(RINGCX_OFFSETS))
def test_a_ringcx_name_alone_is_taken_as_it_is(name):
    assert derive(leadTimezone=name) == (None, "source", False, name)


def test_a_given_zone_that_nobody_knows_is_passed_over_and_told():
    assert derive(zip="10001", leadTimezone="Eastern") == ("America/New_York", "zip", False, "EST")
    understood = {
        zone: answer(TRUST, leadTimezone=zone)["given_ok"]
        for zone in ("Eastern", "est", "localtime", "EST", "HST", "America/Denver", "Pacific/Guam", "", None)
    }
    assert [zone for zone, good in understood.items() if not good] == ["Eastern", "est", "localtime"]
    assert answer(TRUST, zip="10001")["given_ok"]
    assert answer(ZonePolicy(WINTER, order=("zip",)), zip="10001", leadTimezone="Eastern")["given_ok"]


def test_zones_are_those_of_the_pinned_package_and_not_of_the_machine():
    assert derive(leadTimezone="localtime") == (None, None, False, None)


def test_sources_on_one_clock_are_no_conflict():
    assert derive(zip="48201", leadPhone="2125550123", state="NY") == ("America/Detroit", "zip", False, "EST")
    assert derive(zip="10001", leadPhone="3125550123") == ("America/New_York", "zip", True, "EST")
    assert derive(leadPhone="3125550123", state="NY") == ("America/Chicago", "number", True, "CST")


def test_a_lead_without_any_of_the_columns_has_no_zone():
    nothing = dict.fromkeys(ALL) | {"time_zone_conflict": False, "given_ok": True}
    assert answer(TRUST, city="Denver") == nothing
    assert answer(TRUST, zip=None, leadPhone=None, state=None, leadTimezone=None) == nothing
    assert answer(ZonePolicy(WINTER, order=()), zip="10001") == nothing


def test_an_empty_frame_has_an_empty_answer():
    found = derive_time_zones(pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String)), TRUST)
    assert found.columns == ALL
    assert found.height == 0


DISPUTED = {"source": DENVER, "zip": NEW_YORK, "number": CHICAGO, "state": LOS_ANGELES}
DISPUTED_CELLS = {"leadTimezone": DENVER, "zip": "10001", "leadPhone": "3125550123", "state": "CA"}
CELL_OF = {"source": "leadTimezone", "zip": "zip", "number": "leadPhone", "state": "state"}


@pytest.mark.parametrize("order", [order for size in (1, 2, 3, 4) for order in permutations(DISPUTED, size)])
def test_the_order_of_trust_is_the_jobs(order):
    """The first that knows a zone is followed; a source left out is never asked, and its zone is no evidence."""
    found = answer(ZonePolicy(WINTER, order=order, conflict="trust"), **DISPUTED_CELLS)
    assert (found["time_zone"], found["time_zone_source"]) == (DISPUTED[order[0]], order[0])
    assert found["time_zone_conflict"] == (len(order) > 1)
    for source in ("zip", "number", "state"):
        assert found[f"{source}_zone"] == (DISPUTED[source] if source in order else None)
    silent = DISPUTED_CELLS | {CELL_OF[order[0]]: None}
    second = order[1] if len(order) > 1 else None
    assert answer(ZonePolicy(WINTER, order=order, conflict="trust"), **silent)["time_zone_source"] == second


def test_the_evidence_is_kept_whatever_is_followed():
    found = answer(TRUST, **DISPUTED_CELLS)
    assert [found[name] for name in EVIDENCE] == [NEW_YORK, CHICAGO, LOS_ANGELES, f"{NEW_YORK}|{CHICAGO}|{LOS_ANGELES}"]


def test_under_standard_names_a_name_of_the_source_is_that_of_standard_time():
    standard = ZonePolicy(ZoneNaming(dt.date(2026, 7, 15), always_standard=True))
    assert answer(standard, zip="10001", leadTimezone="EDT")["ringcx_zone"] == "EST"
    assert answer(standard, leadTimezone="HADT")["ringcx_zone"] == "HAST"
    assert answer(ZonePolicy(WINTER), zip="10001", leadTimezone="EDT")["ringcx_zone"] == "EDT"


def test_a_ringcx_name_that_is_trusted_less_than_the_zip_is_not_sent():
    policy = ZonePolicy(SUMMER, order=("zip", "source"))
    assert answer(policy, zip="10001", leadTimezone="EST")["ringcx_zone"] == "EDT"
    assert answer(policy, leadTimezone="EST")["ringcx_zone"] == "EST"


# --- names sent -------------------------------------------------------------------------------------------------

PLACES = {
    "Arizona": ({"zip": "85001"}, "MST", "MST"),
    "Navajo Nation": ({"zip": "86515"}, "MST", "MDT"),
    "Indianapolis": ({"zip": "46201"}, "EST", "EDT"),
    "Gary, Indiana": ({"zip": "46402"}, "CST", "CDT"),
    "Hawaii": ({"state": "HI"}, "HAST", "HAST"),
    "Puerto Rico": ({"leadPhone": "7875550123"}, "AST", "AST"),
    "Newfoundland": ({"leadTimezone": "America/St_Johns"}, "NST", "NDT"),
    "Guam": ({"zip": "96910"}, None, None),
    "Saipan": ({"leadPhone": "6702340123"}, None, None),
}


@pytest.mark.parametrize("place", sorted(PLACES))
@pytest.mark.parametrize(
    ("day", "summer"),
    [
        (dt.date(2026, 3, 7), False),
        (dt.date(2026, 3, 8), True),
        (dt.date(2026, 3, 9), True),
        (dt.date(2026, 10, 31), True),
        (dt.date(2026, 11, 1), False),
        (dt.date(2026, 11, 2), False),
    ],
)
def test_the_name_sent_is_that_of_the_day_or_always_the_standard_one(place, day, summer):
    cells, standard, summery = PLACES[place]
    assert derive(ZoneNaming(day), **cells)[3] == (summery if summer else standard)
    assert derive(ZoneNaming(day, always_standard=True), **cells)[3] == standard
    assert derive(ZoneNaming(day), **cells)[0] is not None


def test_british_columbia_and_the_pacific_coast_part_in_november_2026():
    cells = {"leadTimezone": "America/Vancouver", "zip": "98101"}
    assert not answer(ZonePolicy(ZoneNaming(dt.date(2025, 7, 1))), **cells)["time_zone_conflict"]
    found = answer(ZonePolicy(ZoneNaming(dt.date(2026, 7, 1))), **cells)
    assert found["time_zone_conflict"]
    assert (found["time_zone"], found["time_zone_source"]) == (LOS_ANGELES, "zip")


# --- conflict: refuse, trust, safe ------------------------------------------------------------------------------

SAFE = ZonePolicy(WINTER)
DISPUTE = "time zone in dispute: "


def test_to_refuse_is_to_follow_nobody_and_only_in_a_dispute():
    refuse = ZonePolicy(WINTER, conflict="refuse")
    found = answer(refuse, zip="10001", leadPhone="3125550123")
    assert found["zone_fault"] == "TIME_ZONE_CONFLICT"
    assert [found[name] for name in FOUND] == [None, None, True, None]
    assert [found[name] for name in EVIDENCE] == [NEW_YORK, CHICAGO, None, f"{NEW_YORK}|{CHICAGO}"]
    assert answer(refuse, zip="48201", leadPhone="2125550123")["zone_fault"] is None


def test_to_trust_is_to_follow_the_first_and_say_so():
    found = answer(TRUST, zip="10001", leadPhone="3125550123")
    assert (found["time_zone"], found["zone_fault"]) == (NEW_YORK, None)
    assert found["zone_note"] == DISPUTE + "the ZIP's is taken, as the first in the order of trust"


@pytest.mark.parametrize(
    ("cells", "zone", "source", "latest"),
    [
        ({"zip": "10001", "leadPhone": "2135550123"}, LOS_ANGELES, "number", "18:00"),
        ({"zip": "90001", "leadPhone": "2125550123"}, LOS_ANGELES, "zip", "18:00"),
        ({"zip": "10001", "leadPhone": "3125550123"}, CHICAGO, "number", "20:00"),
        ({"zip": "10001", "leadPhone": "3125550123", "state": "CA"}, LOS_ANGELES, "state", "18:00"),
        ({"zip": "85001", "leadPhone": "3035550123"}, "America/Phoenix", "zip", "20:00"),
        ({"zip": "85001", "leadPhone": "2135550123"}, LOS_ANGELES, "number", "20:00"),
        ({"zip": "96813", "leadPhone": "2125550123"}, "Pacific/Honolulu", "zip", "15:00"),
        ({"zip": "10001", "leadTimezone": "America/St_Johns"}, NEW_YORK, "zip", "19:30"),
        ({"zip": "00901", "state": "NY"}, NEW_YORK, "state", "20:00"),
        ({"zip": "96910", "state": "CA"}, "Pacific/Guam", "zip", "14:00"),
    ],
)
def test_unless_told_the_hours_the_zone_is_one_where_no_morning_call_is_too_early(cells, zone, source, latest):
    found = answer(SAFE, **cells)
    assert (found["time_zone"], found["time_zone_source"], found["time_zone_conflict"]) == (zone, source, True)
    assert found["zone_fault"] is None
    taken = {"zip": "the ZIP's", "number": "the number's", "state": "the state's"}[source]
    late = f"as 8:00 there is too early nowhere else (calls after {latest} there are past 21:00 elsewhere)"
    assert found["zone_note"] == f"{DISPUTE}{taken} is taken, {late}"


def test_of_zones_on_one_clock_the_first_in_the_order_of_trust_is_followed():
    cells = {"zip": "48201", "leadPhone": "9025550123", "state": "NY"}
    assert answer(SAFE, **cells)["time_zone"] == "America/Detroit"
    back = ZonePolicy(WINTER, order=("state", "number", "zip"))
    assert answer(back, **cells)["time_zone"] == NEW_YORK


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"zip": "10001", "leadTimezone": "CST"}, (None, "source", True, "CST")),
        ({"zip": "90001", "leadTimezone": "EST"}, (LOS_ANGELES, "zip", True, "PST")),
        ({"zip": "60601", "leadPhone": "2125550123", "leadTimezone": "EST"}, (CHICAGO, "zip", True, "CST")),
        ({"zip": "60601", "leadPhone": "2125550123", "leadTimezone": "CST"}, (CHICAGO, "source", True, "CST")),
        ({"zip": "10001", "leadTimezone": "EST"}, (NEW_YORK, "source", False, "EST")),
    ],
)
def test_a_ringcx_name_in_a_dispute_is_evidence_like_the_rest_on_a_clock_that_stands_still(cells, expected):
    found = answer(SAFE, **cells)
    assert tuple(found[name] for name in FOUND) == expected
    assert (found["zone_note"] is None) == (not found["time_zone_conflict"])


def hours(first, last):
    return ZonePolicy(WINTER, calling_hours=(dt.time(first), dt.time(last)))


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (11, 20, (NEW_YORK, "zip")),  # 8:00 to 17:00 in Los Angeles
        (8, 18, (LOS_ANGELES, "number")),  # 11:00 to 21:00 in New York
        (11, 18, (NEW_YORK, "zip")),  # either would do
        (9, 20, (None, None)),
    ],
)
def test_told_the_hours_the_first_zone_in_which_they_are_decent_for_both_is_followed(first, last, expected):
    found = answer(hours(first, last), zip="10001", leadPhone="2135550123")
    assert (found["time_zone"], found["time_zone_source"]) == expected
    assert found["zone_fault"] == ("TIME_ZONE_CONFLICT" if expected[0] is None else None)
    assert found["time_zone_conflict"]
    assert (found["ringcx_zone"], found["zone_note"]) == (None, None) or found["zone_note"].endswith(
        "in which the calling hours are within 8:00 to 21:00 in all of them"
    )


def test_hours_that_are_decent_in_winter_only_are_not_safe():
    """Denver is an hour ahead of Phoenix in summer."""
    cells = {"zip": "85001", "leadPhone": "3035550123"}
    assert answer(hours(8, 21), **cells)["zone_fault"] == "TIME_ZONE_CONFLICT"
    assert answer(hours(8, 20), **cells)["time_zone"] == "America/Phoenix"
    assert answer(hours(9, 21), **cells)["time_zone"] == DENVER


def test_hours_do_not_matter_where_nothing_is_in_dispute():
    assert answer(hours(9, 20), zip="10001", leadPhone="2125550123")["zone_note"] is None


POSTAL_CODES = ["A1C 5S7", "V0B 1G0"]
ZIPS = [
    "10001",
    "85001-1234",
    "86515",
    "96910",
    "60601",
    "90001",
    "96813",
    "00901",
    "99546",
    "46201",
    "46402",
    "96799",
]
NUMBERS = [
    "2125550123",
    "2135550123|2125550123",
    "8005550123|9065550123|6025550123",
    "6025550123",
    "8085550123",
    "6715550123",
    "7875550123",
    "9025550123",
]
STATES = ["NY", "TX", "GU", "CA", "HI", "MB", "NS", "YT", "PR", "AS"]
GIVEN = ["EST", "EDT", "NST", "MST", "HST", "WSST", "America/St_Johns", "America/Vancouver", "Europe/London", "CST6CDT"]
GIVEN += ["America/Santiago", "Asia/Tokyo", "Australia/Lord_Howe", "Asia/Jerusalem"]
POLICIES = st.builds(
    ZonePolicy,
    st.builds(ZoneNaming, st.dates(dt.date(2024, 1, 1), dt.date(2030, 12, 31)), st.booleans()),
    st.permutations(["source", "zip", "number", "state"]).flatmap(
        lambda order: st.integers(0, 4).map(lambda size: tuple(order[:size]))
    ),
    st.sampled_from(["safe", "trust", "refuse"]),
    st.none() | st.integers(8, 20).flatmap(lambda a: st.integers(a + 1, 21).map(lambda b: (dt.time(a), dt.time(b)))),
)


def times_in(found, given, clock_here, minute, year):
    """Return, for each day of the year and each zone of the evidence, the time there when it is `minute` here."""
    named = "|".join(found[name] or "" for name in EVIDENCE).split("|")
    zones = [zone_of(name) for name in (*named, given) if name]
    for day in (dt.date(year, 1, 1) + dt.timedelta(days=day) for day in range(365)):
        moment = dt.datetime.combine(day, dt.time(*divmod(minute, 60)), clock_here)
        yield from (moment.astimezone(zone).time() for zone in zones)


def zone_of(name):
    return dt.timezone(dt.timedelta(hours=RINGCX_OFFSETS[name])) if name in RINGCX_OFFSETS else zone_info(name)


def dispute(policy, cells):
    """Return the answer, the given zone, and the clock that is followed."""
    found = answer(policy, **cells)
    own = cells["leadTimezone"] if found["time_zone_source"] == "source" else found["time_zone"]
    return found, cells["leadTimezone"], zone_of(own) if own else None


CELLS_OF_A_DISPUTE = st.fixed_dictionaries(
    {
        "zip": st.none() | st.sampled_from([*ZIPS, *POSTAL_CODES]),
        "leadPhone": st.none() | st.sampled_from(NUMBERS),
        "state": st.none() | st.sampled_from(STATES),
        "leadTimezone": st.none() | st.sampled_from(GIVEN),
    }
)
YEARS = st.integers(2025, 2027)


@settings(deadline=None)
@given(CELLS_OF_A_DISPUTE, st.integers(8, 20), st.integers(1, 12), YEARS)
@example({"zip": "10001", "leadPhone": "2135550123", "state": None, "leadTimezone": None}, 8, 10, 2026)
@example({"zip": "10001", "leadPhone": "2135550123", "state": None, "leadTimezone": None}, 11, 10, 2026)
@example({"zip": "85001", "leadPhone": None, "state": None, "leadTimezone": "America/Denver"}, 8, 12, 2026)
@example({"zip": "96910", "leadPhone": "2135550123", "state": None, "leadTimezone": None}, 15, 3, 2026)
@example({"zip": None, "leadPhone": None, "state": "TX", "leadTimezone": None}, 8, 1, 2025)
def test_told_the_hours_no_call_on_any_day_is_outside_8_to_21_in_any_zone_of_a_dispute(cells, first, length, year):
    last = min(first + length, 21)
    policy = ZonePolicy(ZoneNaming(dt.date(year, 5, 1)), calling_hours=(dt.time(first), dt.time(last)))
    found, given_zone, here = dispute(policy, cells)
    if found["time_zone_conflict"] and here:
        for minute in range(first * 60, last * 60 + 1, 60):
            times = list(times_in(found, given_zone, here, minute, year))
            assert all(dt.time(8) <= time <= dt.time(21) for time in times)
    # A state of several zones, such as Texas, is no evidence by itself.
    evidence = [given_zone, *(found[name] for name in ("zip_zone", "number_zone", "state_zone"))]
    assert not (here and found["zone_fault"])
    assert here or found["zone_fault"] or not any(evidence)


@settings(deadline=None)
@given(CELLS_OF_A_DISPUTE, YEARS)
def test_untold_the_hours_no_call_on_any_day_is_before_eight_and_none_past_nine_till_the_hour_noted(cells, year):
    found, given_zone, here = dispute(ZonePolicy(ZoneNaming(dt.date(year, 5, 1))), cells)
    if not found["time_zone_conflict"] or not here:
        return
    latest = 21 * 60
    if "after" in found["zone_note"]:
        hour, minute = found["zone_note"].partition("calls after ")[2].split()[0].split(":")
        latest = int(hour) * 60 + int(minute)
    assert latest > 8 * 60
    for moment in (8 * 60, (8 * 60 + latest) // 2, latest):
        times = list(times_in(found, given_zone, here, moment, year))
        assert all(dt.time(8) <= time <= dt.time(21) for time in times)


def test_only_zones_across_the_world_or_the_equator_are_refused_where_nobody_told_the_hours():
    assert answer(SAFE, zip="10001", leadTimezone="America/Santiago")["zone_fault"] is None
    found = answer(SAFE, leadPhone="9025550123", leadTimezone="America/Santiago")
    assert found["zone_fault"] == "TIME_ZONE_CONFLICT"
    assert found["time_zone"] is None


# --- whole frames ------------------------------------------------------------------------------------------------

ANY = st.none() | st.text(max_size=8)
CELLS = st.tuples(
    ANY | st.sampled_from([*ZIPS, *POSTAL_CODES]),
    ANY | st.sampled_from(NUMBERS) | st.from_regex(r"[2-9][0-9]{9}", fullmatch=True),
    ANY | st.sampled_from(STATES),
    ANY | st.sampled_from(GIVEN),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(CELLS, max_size=12), POLICIES)
def test_each_row_of_a_frame_is_answered_as_if_it_were_alone(rows, policy):
    schema = dict.fromkeys(COLUMNS, pl.String)
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    found = derive_time_zones(frame, policy)
    assert found.columns == ALL
    assert found.height == frame.height
    alone = [derive_time_zones(pl.DataFrame([row], schema=schema, orient="row"), policy) for row in rows]
    assert_frame_equal(found, pl.concat([found.clear(), *alone]))


@settings(deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=12), POLICIES)
def test_every_name_is_documented_and_every_zone_has_a_source(rows, policy):
    found = derive_time_zones(pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row"), policy)
    assert set(found.schema["ringcx_zone"].categories) == set(RINGCX_OFFSETS)
    assert {frozenset(found.schema[name].categories) for name in ("time_zone", *EVIDENCE[:3])} == {iana_zones()}
    assert set(found["time_zone_source"].drop_nulls()) <= set(policy.order)
    for row in found.iter_rows(named=True):
        assert (row["time_zone_source"] is None) == (row["time_zone"] is None and row["ringcx_zone"] is None)
        assert row["time_zone_conflict"] or (row["zone_note"] is None and row["zone_fault"] is None)
        assert row["zone_fault"] is None or row["time_zone_source"] is None
        if policy.conflict != "safe":
            assert (row["zone_fault"] is not None) == (row["time_zone_conflict"] and policy.conflict == "refuse")


def test_the_zones_and_names_of_most_leads_are_the_first_categories():
    """They are then written in three bits each."""
    zips = ["10001", "60601", "90001", "80202", "48201", "85001", "46201"]
    found = derive_time_zones(pl.DataFrame({"zip": zips}), TRUST)
    assert found["zip_zone"].n_unique() == len(zips)
    assert max(found.select(pl.col("time_zone", "zip_zone", "ringcx_zone").to_physical().max()).row(0)) < 1 << 3


def test_notes_are_of_few_texts_however_many_disputes_there_are():
    rows = [(code, number, state, own) for code in ZIPS for number in NUMBERS for state in STATES for own in GIVEN]
    found = derive_time_zones(pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row"), SAFE)
    assert found["time_zone_conflict"].sum() > 10_000
    assert found["zone_note"].n_unique() < 100
    usual = derive_time_zones(
        pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row").drop("leadTimezone"), SAFE
    )
    assert usual["zone_note"].n_unique() < 40
