"""What each fault does to a request, sorted by when it strikes: before the commit, at it, or after it.

A dropped connection is raised as `DroppedError`, so that it leaves the request from any depth the way an
unplugged cable would: without an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson

from connectors.sandbox.faults import Fault
from connectors.sandbox.loading import answer_failed_load, note_refused_load
from connectors.sandbox.refusals import RefusalError, unauthorized
from connectors.sandbox.retry_after import refuse_throttled
from connectors.sandbox.state import SandboxState
from connectors.sandbox.visits import Answer, Change, Visit, answer_json

Parameters = Mapping[str, Any]

_SERVER_ERRORS: Final = 500
_NOT_JSON: Final = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


class DroppedError(Exception):
    """The connection is to be cut without an answer."""


class TruncatedError(Exception):
    """The answer is to be cut short of its announced length."""

    def __init__(self, answer: Answer, share: float) -> None:
        """Take the whole answer and the share of its body to send."""
        super().__init__(share)
        self.answer = answer
        self.share = share


async def strike_before(visit: Visit) -> None:
    """Let the faults strike that come before the request is even looked at."""
    for fault in visit.faults:
        strike = _BEFORE.get(fault.name)
        if strike is not None:
            await strike(visit, fault.parameters)


async def commit(visit: Visit, change: Change) -> Answer:
    """Commit a change. This is the only place where a request changes the sandbox."""
    for fault in visit.faults:
        if fault.name == "drop_half_committed":
            _apply(visit.state, change, fault.parameters["share"])
            raise DroppedError
        if fault.name == "drop_then_commit_late":
            _commit_later(visit.state, change, fault.parameters["seconds"])
            raise DroppedError
        if fault.name == "processing_failure":
            return answer_failed_load(visit.state, visit.body, fault.parameters["status"], fault.parameters["message"])
        if fault.name == "load_twice":
            _apply(visit.state, change, 1.0)
    return _apply(visit.state, change, 1.0)


async def strike_after(visit: Visit, answer: Answer) -> Answer:
    """Let the faults strike that come between the commit and the client."""
    for fault in visit.faults:
        answer = await _strike_answer(fault, answer)
    return answer


def _apply(state: SandboxState, change: Change, share: float) -> Answer:
    with state.lock:
        return change.apply(share)


def _commit_later(state: SandboxState, change: Change, seconds: float) -> None:
    """Commit after the client has long been told nothing; a reset in between calls it off."""
    store = state.store

    def commit_now() -> None:
        state.pending_late_commits -= 1
        if state.store is store:
            _apply(state, change, 1.0)

    state.pending_late_commits += 1
    asyncio.get_running_loop().call_later(seconds, commit_now)


async def _strike_answer(fault: Fault, answer: Answer) -> Answer:
    parameters = fault.parameters
    # A late commit gets this far only where there was nothing to commit; the connection is cut all the same.
    if fault.name in ("drop_after_commit", "drop_then_commit_late"):
        raise DroppedError
    if fault.name == "status_after_commit":
        raise RefusalError(parameters["status"], "the sandbox failed on purpose after the commit")
    if fault.name in {"miscount", "omit_counter"}:
        return _miscount(answer, parameters)
    if fault.name == "truncated_answer":
        raise TruncatedError(answer, parameters["share"])
    if fault.name == "not_json_answer" and parameters["when"] == "after":
        return _not_json()
    if fault.name == "slow" and parameters["when"] == "after":
        await asyncio.sleep(parameters["seconds"])
    return answer


def _miscount(answer: Answer, parameters: Parameters) -> Answer:
    """Change one counter of a load's answer, or leave it out."""
    result = orjson.loads(answer.content)
    counter = parameters["counter"]
    if "by" in parameters:
        result[counter] += parameters["by"]
    else:
        del result[counter]
    return answer_json(result, answer.status)


def _not_json() -> Answer:
    return Answer(_NOT_JSON, media_type="text/html")


class EarlyAnswerError(Exception):
    """The request is answered without being looked at."""

    def __init__(self, answer: Answer) -> None:
        """Take the answer to give."""
        super().__init__(answer.status)
        self.answer = answer


async def _drop(_: Visit, __: Parameters) -> None:
    raise DroppedError


async def _fail(visit: Visit, parameters: Parameters) -> None:
    if visit.call == "direct" and parameters["status"] < _SERVER_ERRORS:
        note_refused_load(visit.state, visit.body)
    raise RefusalError(parameters["status"], "the sandbox failed on purpose before the commit")


async def _throttle(visit: Visit, parameters: Parameters) -> None:
    raise refuse_throttled(visit.state.clock, parameters["retry_after"], parameters["seconds"])


async def _expire(visit: Visit, _: Parameters) -> None:
    visit.state.tokens.expire(visit.headers.get("authorization"))
    raise unauthorized("Jwt is expired")


async def _revoke(visit: Visit, _: Parameters) -> None:
    visit.state.tokens.revoke_all()


async def _sleep(_: Visit, parameters: Parameters) -> None:
    if parameters["when"] == "before":
        await asyncio.sleep(parameters["seconds"])


async def _answer_no_json(_: Visit, parameters: Parameters) -> None:
    if parameters["when"] == "before":
        raise EarlyAnswerError(_not_json())


async def _hide(visit: Visit, parameters: Parameters) -> None:
    visit.state.hidden_until = visit.state.clock.now() + parameters["seconds"]
    visit.state.hidden_every = parameters["every"]
    visit.state.hidden_younger = parameters["younger"]


async def _refuse(visit: Visit, parameters: Parameters) -> None:
    if parameters["how"] == "refuse":
        visit.state.stop_listening(parameters["seconds"])
    else:
        visit.state.refused_until = visit.state.clock.now() + parameters["seconds"]
    raise DroppedError


_BEFORE: Final[dict[str, Callable[[Visit, Parameters], Awaitable[None]]]] = {
    "drop_before_commit": _drop,
    "status_before_commit": _fail,
    "search_fails": _fail,
    "throttle": _throttle,
    "expire_token": _expire,
    "revoke_tokens": _revoke,
    "slow": _sleep,
    "not_json_answer": _answer_no_json,
    "hide_leads": _hide,
    "refuse_connections": _refuse,
}
