"""Takes lead data out of a report's facts and leaves the numbers."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

_EXAMPLES: Final = "examples"
_ROW: Final = "source_row"

_WORDS: Final = frozenset({"message", "detail"})
"""Keys under which a report repeats the words of a server or of a row."""


def without_lead_data(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return `facts` with every example and every word of rows and servers left out."""
    return _with_trouble(facts, _rewrite(facts, lambda _: False, _WORDS))


def without_rows(facts: Mapping[str, Any], rows: Collection[int], reasons: Collection[str]) -> dict[str, Any]:
    """Return `facts` without the examples of the source rows `rows`.

    A reason's words are the first row's, so those of `reasons`, the codes that the rows met, are left out too; servers'
    words are left out altogether, for whose they are nobody knows.
    """
    left = _with_trouble(facts, _rewrite(facts, lambda example: example.get(_ROW) not in rows, {"message"}))
    if "reasons" in left:
        left["reasons"] = [_silent(each) if each["code"] in reasons else each for each in left["reasons"]]
    return left


def count_examples(facts: Any, rows: Collection[int]) -> int:  # noqa: ANN401 - a JSON value
    """Return how many examples of the source rows `rows` stand anywhere in `facts`."""
    if isinstance(facts, list):
        return sum(count_examples(each, rows) for each in facts)
    if not isinstance(facts, Mapping):
        return 0
    own = sum(each.get(_ROW) in rows for each in facts.get(_EXAMPLES) or () if isinstance(each, Mapping))
    return own + sum(count_examples(each, rows) for each in facts.values())


def _with_trouble(facts: Mapping[str, Any], left: dict[str, Any]) -> dict[str, Any]:
    """Have the trouble's code stand for its message, which may repeat a server's words."""
    trouble = facts.get("trouble")
    return left | {"trouble": trouble | {"message": trouble["code"]}} if trouble else left


def _silent(reason: Mapping[str, Any]) -> dict[str, Any]:
    return dict(reason) | {"detail": None}


def _rewrite(
    facts: Mapping[str, Any], keep: Callable[[Mapping[str, Any]], bool], silenced: Collection[str]
) -> dict[str, Any]:
    """Return `facts` with those examples that are to be kept, and nothing under the keys `silenced`, at any depth."""
    return {name: None if name in silenced else _picked(name, value, keep, silenced) for name, value in facts.items()}


def _picked(
    name: str,
    value: Any,  # noqa: ANN401
    keep: Callable[[Mapping[str, Any]], bool],
    silenced: Collection[str],
) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(value, Mapping):
        return _rewrite(value, keep, silenced)
    if isinstance(value, list):
        items = [each for each in value if not isinstance(each, Mapping) or name != _EXAMPLES or keep(each)]
        return [_rewrite(each, keep, silenced) if isinstance(each, Mapping) else each for each in items]
    return value
