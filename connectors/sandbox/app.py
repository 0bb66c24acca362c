"""The sandbox as an ASGI application: its paths, and the one way every request takes.

Count the request and see what is scripted to go wrong, read the body, check the token, the account, the
throttle and the query, let the call's handler validate the rest, commit, answer. What happened is written
down in every case, also when the connection was dropped.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.sandbox import acting, campaigning, controls, loading, scrubbing, searching, signing_in
from connectors.sandbox.dates import write_date
from connectors.sandbox.refusals import RefusalError, bad_request, not_found, too_large, wrong_media_type
from connectors.sandbox.retry_after import refuse_throttled
from connectors.sandbox.state import SandboxState, SeenRequest
from connectors.sandbox.strikes import (
    DroppedError,
    EarlyAnswerError,
    TruncatedError,
    commit,
    strike_after,
    strike_before,
)
from connectors.sandbox.visits import Answer, Change, Handler, Visit
from connectors.sandbox.wire import DroppedResponse, TruncatedResponse

_VOICE: Final = "/voice/api/v1/admin"
_LEGACY: Final = "/api/v1/admin"
_JSON: Final = "application/json"
_MULTIPART: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API: its name, its handler, and what it takes beside its path."""

    name: str
    method: str
    path: str
    handler: Handler
    query: frozenset[str] = frozenset()
    media_types: tuple[str, ...] = ()
    """The media types of its body; none: no body is looked at."""


def _call(
    name: str, method: str, path: str, handler: Handler, *, query: Iterable[str] = (), body: Iterable[str] = ()
) -> Call:
    return Call(name, method, path, handler, frozenset(query), tuple(body))


_PAGES = ("page", "maxRows")
_GROUP = "/dialGroups/{dial_group_id:int}"
_CAMPAIGN = _GROUP + "/campaigns/{campaign_id:int}"
_CAMPAIGN_ALONE = "/campaigns/{campaign_id:int}"
_LEADS = "/campaignLeads"
_ONE_DNC = "/dncLists/tags/{tag_id:int}/phones/{phone}/countries/{country}"
_UPDATE_QUERY = ("campaignId", "listId", "timezoneOption", "duplicateHandling")

_EXCHANGE_QUERY = ("includeRefresh", "rcAccessToken", "rcTokenType")
_REFRESH_QUERY = ("refresh_token", "X-Auth-Token")

_SIGN_IN: Final = (
    _call("token", "POST", "/restapi/oauth/token", signing_in.get_platform_token),
    _call("exchange", "POST", "/api/auth/login/rc/accesstoken", signing_in.exchange_token, query=_EXCHANGE_QUERY),
    _call("refresh", "POST", "/api/auth/token/refresh", signing_in.refresh_token, query=_REFRESH_QUERY),
)
_ACCOUNTS: Final = _call("accounts", "GET", "/accounts", campaigning.list_accounts)
# Below /accounts/{accountId}. The call "search" becomes "count" when its query says count=true.
_ADMIN: Final = (
    _call("dial_groups", "GET", "/dialGroups", campaigning.list_dial_groups, query=_PAGES),
    _call("create_dial_group", "POST", "/dialGroups", campaigning.create_dial_group, body=[_JSON]),
    _call(
        "with_children",
        "GET",
        "/dialGroups/withChildren",
        campaigning.list_dial_groups_with_children,
        query=["includePermissions", *_PAGES],
    ),
    _call("campaigns", "GET", _GROUP + "/campaigns", campaigning.list_campaigns, query=_PAGES),
    _call("create_campaign", "POST", _GROUP + "/campaigns", campaigning.create_campaign, body=[_JSON]),
    _call("campaign", "GET", _CAMPAIGN, campaigning.get_campaign),
    _call("update_campaign", "PUT", _CAMPAIGN, campaigning.update_campaign, body=[_JSON]),
    _call("delete_campaign", "DELETE", _CAMPAIGN, campaigning.delete_campaign),
    _call(
        "clone_campaign",
        "POST",
        _CAMPAIGN + "/clone",
        campaigning.clone_campaign,
        query=["newCampaignName", "newCountryCode"],
    ),
    _call("clear_cache", "POST", _CAMPAIGN + "/clearCache", campaigning.clear_cache),
    _call("lists", "GET", _CAMPAIGN + "/lists", campaigning.list_lists),
    _call("lists", "GET", _CAMPAIGN_ALONE + "/lists", campaigning.list_lists),
    _call("direct", "POST", _CAMPAIGN_ALONE + "/leadLoader/direct", loading.load_directly, body=[_JSON]),
    _call("search", "POST", _LEADS + "/leadSearch", searching.search_leads, query=["count", *_PAGES], body=[_JSON]),
    _call(
        "search_phones",
        "POST",
        _LEADS + "/leadSearchByPhoneList",
        searching.search_phone_list,
        query=_PAGES,
        body=[_JSON, _MULTIPART],
    ),
    _call("lead_states", "GET", _LEADS + "/leadStates", acting.list_lead_states),
    _call("system_dispositions", "GET", _LEADS + "/systemDispositions", acting.list_system_dispositions),
    _call("actions", "PUT", _LEADS + "/actions", acting.act, query=["leadAction"], body=[_JSON]),
    _call("update_lead", "PUT", _LEADS + "/{lead_id:int}", acting.replace_lead, query=_UPDATE_QUERY, body=[_JSON]),
    _call("update_lead", "PATCH", _LEADS + "/{lead_id:int}", acting.patch_lead, query=_UPDATE_QUERY, body=[_JSON]),
    _call("dnc_lists", "GET", "/dncLists", scrubbing.list_entries, query=_PAGES),
    _call("add_dnc", "POST", "/dncLists", scrubbing.add_entry, body=[_JSON]),
    _call("search_dnc", "POST", "/dncLists/advancedSearch", scrubbing.search_entries, query=_PAGES, body=[_JSON]),
    _call("delete_dnc", "DELETE", _ONE_DNC, scrubbing.delete_entry),
)

Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(state: SandboxState) -> Starlette:
    """Build the application that serves this state."""
    doors = {
        _VOICE: lambda visit: visit.state.tokens.check_bearer(visit.headers.get("authorization")),
        _LEGACY: lambda visit: visit.state.tokens.check_legacy(visit.headers.get("x-auth-token")),
    }
    routes = controls.build_routes(state)
    routes += [_route(state, call, call.path, _let_in) for call in _SIGN_IN]
    for prefix, check in doors.items():
        routes.append(_route(state, _ACCOUNTS, prefix + _ACCOUNTS.path, check))
        routes += [
            _route(state, call, f"{prefix}/accounts/{{account_id}}{call.path}", _account_door(check)) for call in _ADMIN
        ]
    return Starlette(routes=routes, exception_handlers={404: _answer_unknown_path(state)})


Door = Callable[[Visit], None]


def _let_in(_: Visit) -> None:
    """Check nothing: the sign-in paths are how one gets in."""


def _account_door(check: Door) -> Door:
    """Check the token, then that the path names the one account it opens."""

    def check_both(visit: Visit) -> None:
        check(visit)
        if visit.path["account_id"] != visit.state.settings.account_id:
            raise not_found(f"account {visit.path['account_id']}")

    return check_both


def _route(state: SandboxState, call: Call, path: str, door: Door) -> Route:
    async def endpoint(request: Request) -> Response:
        return await _serve(state, call, door, request)

    return Route(path, endpoint, methods=[call.method])


async def _serve(state: SandboxState, call: Call, door: Door, request: Request) -> Response:
    """Serve one request, and write down what became of it."""
    started = time.perf_counter()
    is_count = call.name == "search" and request.query_params.get("count") == "true"
    name = "count" if is_count else call.name
    faults = state.faults.next_request(name)
    query = dict(request.query_params)
    visit = Visit(state, name, request.path_params, query, request.headers, faults)
    state.open_requests += 1
    try:
        response = await _respond(visit, call, door, request)
    finally:
        state.open_requests -= 1
    _note(visit, request, response, started)
    return response


async def _respond(visit: Visit, call: Call, door: Door, request: Request) -> Response:
    """Turn whatever becomes of a request into a response, or into the lack of one."""
    try:
        visit.body = await _read_body(visit.state, request)
        return _write_answer(await _handle(visit, call, door))
    except RefusalError as refusal:
        return _write_refusal(refusal)
    except EarlyAnswerError as early:
        return _write_answer(early.answer)
    except TruncatedError as cut:
        return TruncatedResponse(cut.answer.content, cut.share, cut.answer.status, cut.answer.media_type)
    except (DroppedError, ClientDisconnect):
        return DroppedResponse()


async def _handle(visit: Visit, call: Call, door: Door) -> Answer:
    """Take a request past its faults and checks to its handler, and commit what the handler prepared."""
    if visit.state.settings.latency_seconds:
        await asyncio.sleep(visit.state.settings.latency_seconds)
    await strike_before(visit)
    door(visit)
    _keep_throttle(visit)
    _check_form(visit, call)
    handler = searching.count_leads if visit.call == "count" else call.handler
    outcome = handler(visit)
    if isinstance(outcome, Change):
        visit.leads = outcome.leads
        outcome = await commit(visit, outcome)
    return await strike_after(visit, outcome)


def _note(visit: Visit, request: Request, response: Response, started: float) -> None:
    """Write down a request and its answer."""
    seen = SeenRequest(
        call=visit.call,
        method=request.method,
        path=request.url.path,
        status=None if isinstance(response, DroppedResponse) else response.status_code,
        at=write_date(visit.state.clock.date()),
        milliseconds=round((time.perf_counter() - started) * 1000, 3),
        leads=visit.leads,
        faults=tuple(fault.name for fault in visit.faults),
    )
    visit.state.note_request(seen)


def _keep_throttle(visit: Visit) -> None:
    """Refuse a request over the documented limit of its call."""
    state = visit.state
    if not state.settings.throttles:
        return
    wait = state.throttles.admit(visit.call, state.clock.now())
    if wait is not None:
        raise refuse_throttled(state.clock, state.settings.retry_after, wait)


def _check_form(visit: Visit, call: Call) -> None:
    """Refuse an unknown query parameter and a body of the wrong media type."""
    if not call.query.issuperset(visit.query):
        unknown = min(visit.query.keys() - call.query)
        raise bad_request(f"{unknown}: is not a query parameter of this call")
    visit.truth("count")
    if call.media_types:
        media_type = visit.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in call.media_types:
            raise wrong_media_type(f"content-type: must be {' or '.join(call.media_types)}")


async def _read_body(state: SandboxState, request: Request) -> bytes:
    """Read the whole body, up to the limit."""
    limit = state.settings.max_body_bytes
    announced = request.headers.get("content-length", "0")
    chunks, size = [], 0
    # Read to the end even when it is too long: a client that is still sending would not hear the answer.
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
    if size > limit:
        raise too_large(f"the body has {announced} bytes, at most {limit}")
    return b"".join(chunks)


def _write_answer(answer: Answer) -> Response:
    return Response(answer.content, answer.status, dict(answer.headers), answer.media_type)


def _write_refusal(refusal: RefusalError) -> Response:
    if isinstance(refusal.body, str):
        return Response(refusal.body, refusal.status, refusal.headers, "text/plain")
    return Response(orjson.dumps(refusal.body), refusal.status, refusal.headers, _JSON)


def _answer_unknown_path(state: SandboxState) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Make the answer to a path the API does not have; it is written down as the call `unknown`."""

    async def answer(request: Request, _: Exception) -> Response:
        visit = Visit(state, "unknown", {}, {}, {}, ())
        response = _write_refusal(not_found(request.url.path))
        _note(visit, request, response, time.perf_counter())
        return response

    return answer
