"""How the sandbox says no: one exception that carries a whole answer, and one constructor per reason."""

from collections.abc import Mapping
from typing import Any


class RefusalError(Exception):
    """A request that is answered with an error; `body` is text, or a dictionary sent as JSON."""

    def __init__(self, status: int, body: str | dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        """Take the answer's status, body and extra headers."""
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def _admin_error(status: int, code: str, message: str, details: str) -> RefusalError:
    """Shape an error as the admin API does."""
    return RefusalError(status, {"errorCode": code, "generalMessage": message, "details": details})


def bad_request(details: str) -> RefusalError:
    """Refuse a wrong request; `details` names the field and what is wrong with it."""
    return _admin_error(400, "invalid.request", "The request is not valid", details)


def not_found(what: str) -> RefusalError:
    """Refuse a path or id that leads nowhere."""
    return _admin_error(404, "resource.not.found.exception", "Could not find the resource requested", what)


def too_large(details: str) -> RefusalError:
    """Refuse a body with too many bytes or leads."""
    return _admin_error(413, "request.too.large", "The request is too large", details)


def wrong_media_type(details: str) -> RefusalError:
    """Refuse a body that is not of the documented media type."""
    return _admin_error(415, "unsupported.media.type", "The media type is not supported", details)


def unauthorized(text: str) -> RefusalError:
    """Refuse a token; the gateway in front of the API answers in plain text."""
    return RefusalError(401, text)


def too_many_requests(retry_after: str | None) -> RefusalError:
    """Refuse a request over the limit, with a `Retry-After` where one is given."""
    refusal = _admin_error(429, "request.rate.exceeded", "Too many requests", "the throttle of this call is full")
    if retry_after is not None:
        refusal.headers["Retry-After"] = retry_after
    return refusal


def oauth_error(status: int, error: str, description: str) -> RefusalError:
    """Refuse a sign-in as the RingCentral platform does."""
    code = "OAU-153" if error == "invalid_client" else "OAU-251"
    errors = [{"errorCode": code, "message": description}]
    return RefusalError(status, {"error": error, "error_description": description, "errors": errors})
