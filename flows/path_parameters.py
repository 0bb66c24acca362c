"""Run parameters in a source's path, so that a nightly job finds that night's file.

`{run_date:%Y-%m-%d}` is the moment at which the run began, `{run_date-1d:%Y%m%d}` a day before it. Nothing else is
ever put into a path, least of all text from rows.
"""

import datetime as dt
import difflib
import re
from collections.abc import Callable
from typing import Final

KNOWN: Final = ("run_date",)

_MARK: Final = re.compile(r"\{\{|\}\}|\{(?P<inside>[^{}]*)\}|[{}]")
_INSIDE: Final = re.compile(
    r"(?P<name>[^-+:]*)(?:(?P<sign>[-+])(?P<count>\d{1,4})(?P<unit>[hdw]))?(?::(?P<format>.*))?"
)
_DIRECTIVE: Final = re.compile(r"%(.?)")
_DIRECTIVES: Final = frozenset("YymdjHMSGVubBaAIp%")
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}
_USUAL_FORMAT: Final = "%Y-%m-%d"


def check_path(path: str) -> str:
    """Return `path` as it is. Raises ValueError saying what is wrong with a parameter in it."""
    _replace(path, lambda inside: (_parse(inside), "")[1])
    return path


def fill_path(path: str, moment: dt.datetime) -> str:
    """Return `path` with its parameters filled for a run that began at `moment`, a time with its zone.

    Raises ValueError where `check_path` does.
    """

    def told(inside: str) -> str:
        offset, pattern = _parse(inside)
        if "hours" in offset:  # an hour is an hour, also on the day when clocks change; a day is the same time of day
            shifted = (moment.astimezone(dt.UTC) + dt.timedelta(**offset)).astimezone(moment.tzinfo)
        else:
            shifted = moment + dt.timedelta(**offset)
        return shifted.strftime(pattern)

    return _replace(path, told)


def escape_path(path: str) -> str:
    """Return `path` with braces doubled, as a path without parameters is written."""
    return path.replace("{", "{{").replace("}", "}}")


def unescape_path(path: str) -> str:
    """Return what `escape_path` was given."""
    return path.replace("{{", "{").replace("}}", "}")


def _replace(path: str, told: Callable[[str], str]) -> str:
    def one(match: re.Match[str]) -> str:
        if match["inside"] is not None:
            return told(match["inside"])
        if match[0] in {"{{", "}}"}:
            return match[0][0]
        raise ValueError(f"a {match[0]} stands alone; write {match[0] * 2} for a brace that is part of the path")

    return _MARK.sub(one, path)


def _parse(inside: str) -> tuple[dict[str, int], str]:
    """Return the offset, as `timedelta` takes it, and the pattern of what stands between two braces."""
    parts = _INSIDE.fullmatch(inside)
    name = (parts["name"] if parts else re.split("[-+:]", inside)[0]).strip()
    if name not in KNOWN:
        near = difflib.get_close_matches(name, KNOWN, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(KNOWN)}"
        raise ValueError(f"{{{inside}}} has an unknown parameter {name!r}; {hint}")
    if parts is None:
        raise ValueError(f"{{{inside}}} has an offset that is none; write it as {{{name}-1d}}, in h, d or w")
    pattern = parts["format"] or _USUAL_FORMAT
    unknown = [found for found in _DIRECTIVE.findall(pattern) if found not in _DIRECTIVES]
    if unknown:
        raise ValueError(f"{{{inside}}} has an unknown %{unknown[0]}; usual are %Y, %m, %d and %H")
    count = int(parts["count"] or 0)
    offset = {_UNITS[parts["unit"]]: -count if parts["sign"] == "-" else count} if parts["unit"] else {}
    return offset, pattern
