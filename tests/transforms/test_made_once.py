"""What takes long to make is made once, however many ask for it at the same time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from transforms.made_once import made_once


def test_threads_that_ask_at_once_get_the_same_that_one_of_them_made():
    made, together = [], Barrier(8)

    @made_once
    def table(year):
        made.append(year)
        Event().wait(0.05)
        return [year]

    def ask(year):
        together.wait()
        return table(year)

    with ThreadPoolExecutor(8) as pool:
        tables = list(pool.map(ask, [2025, 2026] * 4))
    assert sorted(made) == [2025, 2026]
    assert [found[0] for found in tables] == [2025, 2026] * 4
    assert len({id(found) for found in tables}) == 2


def test_a_table_may_be_made_of_a_smaller_one_of_its_kind():
    @made_once
    def factorial(number):
        return number * factorial(number - 1) if number else 1

    assert factorial(5) == 120


def test_what_failed_is_tried_again():
    tries = []

    @made_once
    def table():
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no such file")
        return "table"

    with pytest.raises(OSError, match="no such file"):
        table()
    assert [table(), table()] == ["table", "table"]
    assert len(tries) == 2
