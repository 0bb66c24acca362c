"""Masking of numbers in other people's words."""

import pytest

from transforms.vocabulary.masking import mask_numbers


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("leadPhone 2035550123 is not valid", "leadPhone ••••••••23 is not valid"),
        ("(203) 555-0123 / +44 20 7946 0123", "(•••) •••-••23 / +•• •• •••• ••23"),
        ("lead 4 of 1000 failed, code 400123", "lead 4 of 1000 failed, code 400123"),
        ("", ""),
    ],
)
def test_numbers_are_masked_and_other_digits_are_not(text, masked):
    assert mask_numbers(text) == masked
