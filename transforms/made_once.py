"""Tables that are made at first use, once, also where several threads ask for them at once."""

from collections.abc import Callable
from functools import cache, wraps
from threading import RLock
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Table = TypeVar("_Table")


def made_once(make: Callable[_Arguments, _Table]) -> Callable[_Arguments, _Table]:
    """Keep what `make` returns for each of its arguments: one thread makes it, and others that ask wait for that one.

    With `functools.cache` each of them would make it, and under one interpreter that takes as many times as long.
    """
    made = cache(make)
    lock = RLock()

    @wraps(make)
    def ask(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Table:
        with lock:
            return made(*arguments, **named)  # type: ignore[arg-type]  # arguments are hashable, as `cache` asks

    return ask
