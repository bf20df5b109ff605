"""No request makes a service read more than a form can hold: 413 instead, before anything is read where the length was
declared. Routes that take more name their own limit."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.problems import WHOLE, Problem

MAX_BYTES: Final = 256 * 1024  # a letter of Kazakh takes six bytes in a form


class BodyLimit:
    """ASGI middleware. `larger`: path → bytes, of routes whose bodies may be larger than MAX_BYTES.

    Raises Problem 413 to whatever reads the body, as its route's answer: a request that is refused unread stays so."""

    def __init__(self, app: ASGIApp, larger: Mapping[str, int]) -> None:
        self._app = app
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], MAX_BYTES)
        declared = Headers(scope=scope).get("content-length", "")
        announced = int(declared) if declared.isdecimal() else 0
        read = 0

        async def at_most() -> Message:
            nonlocal read
            if announced > most:
                raise too_large(most)
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise too_large(most)
            return message

        await self._app(scope, at_most, send)


def too_large(most: int) -> Problem:
    errors = [{"field": WHOLE, "rule": f"may be {most} bytes long"}]
    return Problem(413, "Too large", "Send less at once.", errors=errors)
