"""Answers that are no answers: connections cut before, or in the middle of, a response.

They need the connection itself, which the server's protocol puts into the ASGI scope (see `server`).
"""

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

TRANSPORT: Final = "sandbox.transport"
"""The scope's key for the connection's asyncio transport."""


class DroppedResponse(Response):
    """Cuts the connection without a byte."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Abort the connection and let the server notice before the application returns."""
        scope[TRANSPORT].abort()
        await _wait_for_disconnect(receive)


class TruncatedResponse(Response):
    """Announces a whole body and closes the connection after a part of it."""

    def __init__(self, content: bytes, share: float, status_code: int, media_type: str) -> None:
        """Take the whole body and the share of it to send."""
        super().__init__(content, status_code, media_type=media_type)
        # At least one byte is missing, whatever the share, or the answer would be whole.
        self._part = content[: min(int(len(content) * share), len(content) - 1)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, a part of the body, and nothing more."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._part, "more_body": True})
        scope[TRANSPORT].close()
        await _wait_for_disconnect(receive)


async def _wait_for_disconnect(receive: Receive) -> None:
    """Wait until the server knows that the connection is gone, or it would log a missing answer."""
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
    await asyncio.sleep(0)
