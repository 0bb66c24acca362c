"""The text of a query: one statement that only reads, and where its parameters stand.

A `:name` inside a literal, a comment or a cast (`::text`) is no parameter, so the text is gone through word by word as
the database itself would. Values never enter it: each driver puts its own placeholder where a parameter stands.
"""

import difflib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from transforms.vocabulary.errors import ConfigurationError

_READING: Final = ("SELECT", "WITH", "VALUES", "TABLE", "FROM")
"""The words a query may begin with. Some databases let other statements through a read-only transaction."""

_INTO_A_FILE: Final = re.compile(r"\bINTO\s+(OUTFILE|DUMPFILE)\b", re.IGNORECASE)

_COMMENT: Final = r"--[^\n]*"
_QUOTED: Final = r"'(?:[^']|'')*'"
_BACKSLASHED: Final = r"'(?:[^'\\]|\\.|'')*'"
_DOUBLE: Final = r'"(?:[^"]|"")*"'
_DOUBLE_BACKSLASHED: Final = r'"(?:[^"\\]|\\.|"")*"'
_DOLLARS: Final = r"(?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$"
_TICKS: Final = r"`(?:[^`]|``)*`"
_BRACKETS: Final = r"\[[^\]]*\]"
_BLOCK: Final = r"/\*.*?(?:\*/|\Z)"
_OPEN_BLOCK: Final = r"/\*"

_PARAMETER: Final = r"(?<![\w:'\"`\])]):(?P<name>[^\W\d]\w*)"
_ENDING: Final = r";"

_LANGUAGES: Final = {
    "postgresql": (rf"(?<!\w)[eE]{_BACKSLASHED}", _QUOTED, _DOUBLE, _DOLLARS, _COMMENT, _OPEN_BLOCK),
    "duckdb": (rf"(?<!\w)[eE]{_BACKSLASHED}", _QUOTED, _DOUBLE, _DOLLARS, _COMMENT, _OPEN_BLOCK),
    "sqlite": (_QUOTED, _DOUBLE, _TICKS, _BRACKETS, _COMMENT, _BLOCK),
    "mysql": (_BACKSLASHED, _DOUBLE_BACKSLASHED, _TICKS, r"--(?=\s|\Z)[^\n]*", r"\#[^\n]*", _BLOCK),
    "": (_QUOTED, _DOUBLE, _TICKS, _COMMENT, _BLOCK),
}
"""Kind of database to its literals, quoted names and comments; the last line is for any other."""

_SCANNERS: Final = {
    kind: re.compile(rf"(?P<skipped>{'|'.join(skipped)})|{_PARAMETER}|(?P<ending>{_ENDING})|(?P<code>::|.)", re.DOTALL)
    for kind, skipped in _LANGUAGES.items()
}


@dataclass(frozen=True)
class Parameter:
    """A place in the query where a value goes."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class QueryText:
    """One statement without its final semicolon, and its parameters in order."""

    text: str
    parameters: tuple[Parameter, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, each once."""
        return tuple(dict.fromkeys(parameter.name for parameter in self.parameters))

    def render(
        self, placeholder: Callable[[int, str], str], rest: Callable[[str], str] = str
    ) -> tuple[str, list[tuple[int, int]]]:
        """Return the text with `placeholder` (of number and name) for each parameter, and `rest` of what is between.

        Beside it stand the pairs of places, in the result and in the query, where each piece begins.
        """
        told: list[str] = []
        places: list[tuple[int, int]] = []
        length = last = 0
        for number, parameter in enumerate(self.parameters):
            for piece, start in (
                (rest(self.text[last : parameter.start]), last),
                (placeholder(number, parameter.name), parameter.start),
            ):
                places.append((length, start))
                told.append(piece)
                length += len(piece)
            last = parameter.end
        places.append((length, last))
        told.append(rest(self.text[last:]))
        return "".join(told), places

    def tell_place(self, position: int) -> str:
        """Return `line 2, column 7` for a place in the query, counted from 0."""
        before = self.text[: max(position, 0)]
        return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"


def parse_query(text: str, kind: str, given: Collection[str], always: Collection[str]) -> QueryText:
    """Read a query in the language of a `kind` of database; `given` parameters must occur, `always` ones may.

    Raises ConfigurationError for a query that is empty, does not only read, holds several statements, or whose
    parameters are not those given.
    """
    scanner = _SCANNERS.get(kind, _SCANNERS[""])
    parameters: list[Parameter] = []
    code: list[str] = []
    end: int | None = None
    place = 0
    while place < len(text):
        match = scanner.match(text, place)
        if match is None:
            raise TypeError("every character is code if it is nothing else")
        start, place = match.span()
        skipped = match.group("skipped")
        if skipped == "/*":  # PostgreSQL's and DuckDB's comments lie within each other
            place = _end_of_nested(text, start)
            skipped = text[start:place]
        if skipped is not None and skipped.startswith(("/*", "--", "#")):
            _refuse_executable(skipped, kind)
            code.append(" ")
            continue
        if match.group("ending"):
            end = start if end is None else end
            continue
        if end is not None and not match.group().isspace():
            raise _refuse("The query holds several statements.", "Give one; a semicolon may stand at its end alone.")
        if match.group("name"):
            parameters.append(Parameter(match.group("name"), start, place))
        code.append("''" if skipped is not None else match.group())
    _require_reading("".join(code))
    query = QueryText(text[:end].rstrip() if end is not None else text.rstrip(), tuple(parameters))
    _require_parameters(query.names, given, always)
    return query


def _end_of_nested(text: str, start: int) -> int:
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(text, start):
        depth += 1 if mark.group() == "/*" else -1
        if not depth:
            return mark.end()
    return len(text)


def _refuse_executable(comment: str, kind: str) -> None:
    if kind == "mysql" and comment.startswith(("/*!", "/*M!")):
        raise _refuse("The query has a comment /*! */, which the server carries out.", "Write it without.")


def _require_reading(code: str) -> None:
    word = re.match(r"[\s(]*(\w*)", code)
    first = word.group(1).upper() if word else ""
    if not code.strip():
        raise _refuse("The query is empty.", "Write a select statement.")
    if first not in _READING:
        raise _refuse(
            f"The query begins with {first or code.strip()[0]}, and a source is only read.",
            "Write one select statement (or with, values, table); nothing was changed.",
        )
    if _INTO_A_FILE.search(code):
        raise _refuse("The query writes a file (INTO OUTFILE).", "Leave that out; nothing was changed.")


def _require_parameters(names: Collection[str], given: Collection[str], always: Collection[str]) -> None:
    known = [*given, *always]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean :{near[0]}?" if near else f"known are {', '.join(f':{name}' for name in known)}."
            raise ConfigurationError(
                "PARAMETER_UNKNOWN", f"The query has a parameter :{name}; {hint}", "Give it under source.parameters."
            )
    unused = [name for name in given if name not in names]
    if unused:
        raise ConfigurationError(
            "PARAMETER_UNUSED",
            f"The query has no parameter {', '.join(f':{name}' for name in unused)}.",
            "Use it, or take it out of source.parameters.",
        )


def _refuse(message: str, next_step: str) -> ConfigurationError:
    return ConfigurationError("SOURCE_QUERY", message, next_step)
