"""The sandbox's own paths, under /sandbox/: a person or a test looks inside and moves the scenery.

They need no token, suffer no fault and count against no throttle.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.sandbox.faults import read_faults
from connectors.sandbox.rows import write_search_row
from connectors.sandbox.state import SandboxState

_DEFAULT_LEADS = 1000
_BAD_REQUEST = 400


def build_routes(state: SandboxState) -> list[Route]:
    """Build the control paths of this state."""

    async def show_state(_: Request) -> Response:
        return _answer(state.summary())

    async def show_requests(_: Request) -> Response:
        return _answer(state.seen_requests())

    async def show_leads(request: Request) -> Response:
        return _answer(_write_leads(state, request.query_params))

    async def reset(_: Request) -> Response:
        state.reset()
        return _answer(state.summary())

    async def set_faults(request: Request) -> Response:
        entries = await _read_list(request, dict)
        state.faults = read_faults(entries)
        return _answer({"faults": len(state.faults.faults)})

    async def add_do_not_call(request: Request) -> Response:
        phones = await _read_list(request, str)
        with state.lock:
            for phone in phones:
                state.do_not_call.add(phone)
        return _answer({"phones": len(phones)})

    async def advance_clock(request: Request) -> Response:
        seconds = orjson.loads(await request.body())
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
            raise ValueError("the body must be a number of seconds, from 0")
        state.clock.advance(seconds)
        return _answer({"advanced": seconds})

    return [
        Route("/sandbox/state", show_state, methods=["GET"]),
        Route("/sandbox/requests", show_requests, methods=["GET"]),
        Route("/sandbox/leads", _explain(show_leads), methods=["GET"]),
        Route("/sandbox/reset", reset, methods=["POST"]),
        Route("/sandbox/faults", _explain(set_faults), methods=["POST"]),
        Route("/sandbox/do-not-call", _explain(add_do_not_call), methods=["POST"]),
        Route("/sandbox/clock", _explain(advance_clock), methods=["POST"]),
    ]


Endpoint = Callable[[Request], Awaitable[Response]]


def _explain(endpoint: Endpoint) -> Endpoint:
    """Turn a ValueError into a 400 that says it."""

    async def explained(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ValueError as error:
            return _answer({"error": str(error)}, _BAD_REQUEST)

    return explained


def _answer(value: Any, status: int = 200) -> Response:  # noqa: ANN401 - whatever JSON can hold
    return Response(orjson.dumps(value, option=orjson.OPT_INDENT_2), status, media_type="application/json")


async def _read_list(request: Request, of: type) -> list[Any]:
    """Read a body that is a list of one type; a ValueError says what it must be."""
    entries = orjson.loads(await request.body())
    if not isinstance(entries, list) or not all(isinstance(entry, of) for entry in entries):
        raise ValueError(f"the body must be a list of {'objects' if of is dict else 'strings'}")
    return entries


def _write_leads(state: SandboxState, query: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - Starlette's mapping
    """Write leads, hidden ones too: those of one `externId`, or `limit` of them from `offset`."""
    with state.lock:
        if "externId" in query:
            leads = list(state.store.by_extern_id.get(query["externId"], ()))
        else:
            first = int(query.get("offset", 0))
            leads = state.leads()[first : first + int(query.get("limit", _DEFAULT_LEADS))]
        times = state.store.times_inserted
        return [write_search_row(state, lead) | {"timesInserted": times[lead.extern_id]} for lead in leads]
