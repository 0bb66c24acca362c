"""One request on its way through the sandbox, and the two things a handler may make of it.

A handler never changes anything itself. It returns an `Answer` when there is nothing to change, or a `Change`
whose `apply` is the commit: one synchronous step, so that nothing comes between its parts, and one place, so
that a fault can strike before it, in the middle of it and after it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from connectors.sandbox.faults import Fault
from connectors.sandbox.refusals import bad_request
from connectors.sandbox.state import SandboxState

OK = 200
CREATED = 201


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    content: bytes
    status: int = OK
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A validated request that is yet to be committed."""

    apply: Callable[[float], Answer]
    """Commit the first share (0 to 1) of it; what cannot be halved is done whole."""
    leads: int = 0
    """How many leads the request carries."""


@dataclass(slots=True)
class Visit:
    """One request: what was asked, by whom, and what is to go wrong with it."""

    state: SandboxState
    call: str
    path: Mapping[str, Any]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    faults: tuple[Fault, ...]
    body: bytes = b""
    leads: int = 0
    """How many leads the request turned out to carry."""

    def whole_number(self, name: str, default: int) -> int:
        """Return a query parameter that is a whole number, or refuse with 400."""
        text = self.query.get(name)
        if text is None:
            return default
        if not text.removeprefix("-").isdecimal():
            raise bad_request(f"{name}: must be a whole number")
        return int(text)

    def truth(self, name: str) -> bool:
        """Return a query parameter that is true or false, or refuse with 400; absent is false."""
        text = self.query.get(name, "false")
        if text not in ("true", "false"):
            raise bad_request(f"{name}: must be true or false")
        return text == "true"

    def fault(self, name: str) -> Fault | None:
        """Return the fault of this name that strikes the visit."""
        return next((fault for fault in self.faults if fault.name == name), None)


Handler = Callable[[Visit], Answer | Change]


def answer_json(value: Any, status: int = OK) -> Answer:  # noqa: ANN401 - whatever JSON can hold
    """Answer with JSON."""
    return Answer(orjson.dumps(value), status)
