"""The sign-in paths: the RingCentral token, its exchange for a RingCX one, and the refresh."""

import base64
import binascii
from urllib.parse import parse_qsl

from connectors.sandbox.refusals import bad_request
from connectors.sandbox.tokens import TokenPair
from connectors.sandbox.visits import Answer, Change, Visit, answer_json

_FORM = "application/x-www-form-urlencoded"


def get_platform_token(visit: Visit) -> Change:
    """Answer a JWT grant with a RingCentral access token."""
    tokens = visit.state.tokens
    tokens.check_client(*_read_basic(visit.headers.get("authorization")))
    tokens.check_grant(_read_form(visit))

    def apply(_: float) -> Answer:
        seconds = int(visit.state.settings.platform_token_seconds)
        token = {"access_token": tokens.issue_platform_token(), "token_type": "bearer", "expires_in": seconds}
        return answer_json(token | {"scope": "ReadAccounts", "owner_id": "1", "endpoint_id": "sandbox"})

    return Change(apply)


def exchange_token(visit: Visit) -> Change:
    """Answer a RingCentral token with a RingCX pair; without includeRefresh there is no refresh token."""
    form = dict(visit.query) | _read_form(visit)
    visit.state.tokens.check_exchange(form)
    include_refresh = form.get("includeRefresh", "false")
    if include_refresh not in ("true", "false"):
        raise bad_request("includeRefresh: must be true or false")

    def apply(_: float) -> Answer:
        pair = visit.state.tokens.issue_pair()
        return answer_json(_write_user(visit, pair, with_refresh=include_refresh == "true"))

    return Change(apply)


def refresh_token(visit: Visit) -> Change:
    """Answer a refresh token with a new pair; the old refresh token is spent."""
    token = (dict(visit.query) | _read_form(visit)).get("refresh_token", "")
    visit.state.tokens.check_refresh(token)

    def apply(_: float) -> Answer:
        return answer_json(_write_user(visit, visit.state.tokens.spend_refresh(token), with_refresh=True))

    return Change(apply)


def _write_user(visit: Visit, pair: TokenPair, *, with_refresh: bool) -> dict[str, object]:
    """Write the tokens and whom they belong to."""
    settings = visit.state.settings
    user: dict[str, object] = {
        "accessToken": pair.access_token,
        "tokenType": "Bearer",
        "expiresIn": int(settings.token_seconds),
        "mainAccountId": settings.main_account_id,
        "agentDetails": [
            {
                "agentId": agent_id,
                "accountId": settings.account_id,
                "accountName": "Sandbox",
                "agentType": "AGENT",
            }
            for agent_id in settings.agent_ids[:1]
        ],
        "adminId": 333,
        "adminUrl": "/voice/admin/",
        "ssoLogin": False,
    }
    return user | {"refreshToken": pair.refresh_token} if with_refresh else user


def _read_form(visit: Visit) -> dict[str, str]:
    """Read a form body; any other body is no form and has no fields."""
    if not visit.headers.get("content-type", "").startswith(_FORM):
        return {}
    return dict(parse_qsl(visit.body.decode("utf-8", "replace"), keep_blank_values=True))


def _read_basic(authorization: str | None) -> tuple[str | None, str | None]:
    """Return client id and secret of a Basic header; (None, None) when there is no such header."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        client_id, _, client_secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, None
    return client_id, client_secret
