"""Takes lead data out of a report's facts and leaves the numbers."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

_EXAMPLES: Final = "examples"
_ROW: Final = "source_row"

_WORDS_OF_OTHERS: Final = {"reasons": "detail", "delivery": "message"}
"""Part of the report to the key in each of its items that repeats a row's or a server's own words."""


def without_lead_data(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return `facts` with every example and every word of rows and servers left out."""
    left = _with_examples(facts, lambda _: False)
    for part, key in _WORDS_OF_OTHERS.items():
        left[part] = [item | ({key: None} if key in item else {}) for item in left.get(part, [])]
    trouble = left.get("trouble")
    if trouble:  # a server's words may be in it; the code says what kind of trouble it was
        left["trouble"] = trouble | {"message": trouble["code"]}
    return left


def without_rows(facts: Mapping[str, Any], rows: Collection[int], reasons: Collection[str]) -> dict[str, Any]:
    """Return `facts` without the examples of the source rows `rows`.

    A reason's words are the first row's, so those of `reasons`, the codes that the rows met, are left out too; servers'
    words are left out altogether, for whose they are nobody knows.
    """
    left = _with_examples(facts, lambda example: example.get(_ROW) not in rows)
    left |= {"reasons": [_silent(each) if each["code"] in reasons else each for each in left.get("reasons", [])]}
    left |= {"delivery": [each | {"message": None} for each in left.get("delivery", [])]}
    return left


def _silent(reason: Mapping[str, Any]) -> dict[str, Any]:
    return dict(reason) | {"detail": None}


def _with_examples(facts: Mapping[str, Any], keep: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    """Return `facts` with those examples, wherever they stand, that are to be kept."""
    return {name: _picked(name, value, keep) for name, value in facts.items()}


def _picked(name: str, value: Any, keep: Callable[[Mapping[str, Any]], bool]) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(value, Mapping):
        return _with_examples(value, keep)
    if isinstance(value, list):
        items = [each for each in value if not isinstance(each, Mapping) or name != _EXAMPLES or keep(each)]
        return [_with_examples(each, keep) if isinstance(each, Mapping) else each for each in items]
    return value
