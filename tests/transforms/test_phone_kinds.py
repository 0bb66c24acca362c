"""What becomes of toll-free, premium-rate and personal numbers, and of numbers outside the United States."""

import random

import phonenumbers
import polars as pl
import pytest

from transforms.phone_kinds import judge_kind, ordinary_starts
from transforms.phones import PhoneChoices, judge_phones

ONE = "2125550123"
FREE, PREMIUM, PERSONAL = "8005550199", "9005550199", "5005550199"
KINDS = {"toll_free": FREE, "premium_rate": PREMIUM, "personal_number": PERSONAL}
NOTES = {"toll_free": "toll-free number", "premium_rate": "premium-rate number", "personal_number": "personal number"}


pytestmark = pytest.mark.usefixtures("lanes_and_library")


def judge(text, **choices):
    return judge_phones(pl.Series([text]), PhoneChoices(**choices)).row(0)


def valid_numbers():
    """Numbers under every start, and under each exchange of the islands' and the special area codes."""
    rng = random.Random(20264)  # noqa: S311 - a seed makes the test repeatable
    special = (
        "829 849 809 523 524 983 600 900 246 345 242 868 264 268 649 784 758 869 684 671 670 787 939 340 500 521 800"
    )
    numbers = [f"{area}{rng.randrange(10**7):07d}" for area in range(200, 1000) for _ in range(60)]
    numbers += [f"{area}{each:03d}{rng.randrange(10_000):04d}" for area in special.split() for each in range(1000)]
    return judge_phones(pl.Series(numbers), PhoneChoices("keep", "keep", "keep"))["phone"].drop_nulls()


def test_kinds_and_regions_equal_the_library():
    numbers = valid_numbers()
    assert len(numbers) > 30_000
    types = phonenumbers.PhoneNumberType
    reasons = {
        types.TOLL_FREE: "PHONE_TOLL_FREE",
        types.PREMIUM_RATE: "PHONE_PREMIUM_RATE",
        types.PERSONAL_NUMBER: "PHONE_PERSONAL_NUMBER",
    }
    parsed = [phonenumbers.PhoneNumber(country_code=1, national_number=int(each)) for each in numbers]
    kinds = [reasons.get(phonenumbers.number_type(each)) for each in parsed]
    abroad = [phonenumbers.region_code_for_number(each) not in {"US", "AS", "GU", "MP", "PR", "VI"} for each in parsed]
    assert set(kinds) == {None, *reasons.values()}
    assert judge_phones(numbers, PhoneChoices("refuse", "refuse", "refuse"))["reason"].to_list() == kinds
    american = judge_phones(numbers, PhoneChoices("keep", "keep", "keep", us_only=True))["reason"]
    assert american.to_list() == ["PHONE_NOT_US" if each else None for each in abroad]
    assert 0 < sum(abroad) < len(abroad)


@pytest.mark.parametrize("us_only", [False, True])
def test_ordinary_starts_hold_valid_numbers_only_and_none_that_a_job_may_not_want(us_only):
    """Six numbers under each start, the first and the last among them, as the library itself judges them."""
    rng = random.Random(20265)  # noqa: S311 - a seed makes the test repeatable
    starts = ordinary_starts(PhoneChoices(us_only=us_only))
    assert len(starts) == 10_000
    assert 2_000 < starts.sum() < 4_000
    for start in starts.arg_true():
        for rest in (0, 999_999, *(rng.randrange(10**6) for _ in range(4))):
            number = phonenumbers.PhoneNumber(country_code=1, national_number=start * 10**6 + rest)
            assert phonenumbers.is_valid_number(number)
            assert judge_kind(f"{number.national_number}", PhoneChoices(us_only=us_only)) == (None, None)


def test_most_numbers_of_the_usual_area_codes_begin_as_ordinary_ones():
    """What the table leaves out costs time only; this much it must know to be of use."""
    starts = ordinary_starts(PhoneChoices())
    assert all(starts[int(each)] for each in ("2125", "3055", "4165", "7872", "9079"))
    assert not any(starts[int(each)] for each in ("8005", "9005", "5005", "2121", "0005", "8765", "2424"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["{}", "1-{}", "[{}]", "tel:+1{}", "{} x12"])
def test_the_job_chooses_what_becomes_of_a_kind(kind, form):
    number, reason = KINDS[kind], f"PHONE_{kind.upper()}"
    text = form.format(number)
    extension = "12" if "x12" in text else None
    aside = ["extension set aside"] if extension else []
    assert judge(text, **{kind: "refuse"}) == (None, reason, None, None)
    assert judge(text, **{kind: "warn"}) == (number, None, extension, "; ".join([*aside, NOTES[kind]]))
    assert judge(text, **{kind: "keep"}) == (number, None, extension, "; ".join(aside) or None)
    assert judge(text) == judge(text, **{kind: "warn"})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("separator", [" / ", ";", ", ", " or ", "\n", " ~8|"])
def test_a_refused_number_costs_only_itself(kind, separator):
    phone, reason, _, note = judge(f"{ONE}{separator}{KINDS[kind]}", **{kind: "refuse"})
    assert (phone, reason) == (ONE, None)
    assert note.endswith(f"1 of 2 numbers left out: PHONE_{kind.upper()}")


@pytest.mark.parametrize(
    "text", ["416-555-0123", "+1 876 523 0123", "809.234.5678", "416-555-0123 ~8", "(242) 345-6789"]
)
def test_a_job_may_want_numbers_of_the_united_states_only(text):
    assert judge(text)[0] is not None
    assert judge(text, us_only=True) == (None, "PHONE_NOT_US", None, None)


@pytest.mark.parametrize("text", [ONE, "787-234-5678", "340-642-2345", "671-300-1234", "684-622-1234", "670-234-5678"])
def test_the_territories_are_american(text):
    assert judge(text, us_only=True)[:2] == (text.replace("-", ""), None)


def test_a_number_abroad_among_several_costs_only_itself():
    note = "1 of 2 numbers left out: PHONE_NOT_US"
    assert judge(f"{ONE} / 416-555-0123", us_only=True) == (ONE, None, None, note)
    assert judge("416-555-0123 / 12", us_only=True) == (None, "PHONE_NOT_US", None, None)
