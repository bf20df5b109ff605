"""What every page is served with: a content security policy without inline script or style, a refusal of requests
that another site sent, sessions, static files."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starsessions import SessionAutoloadMiddleware, SessionMiddleware, SessionStore

from shared.http.problems import Problem, answer_to
from shared.pages.render import Pages
from shared.pages.sessions import COOKIE

STATIC: Final = "/static"
PROGRAMS: Final = ("/v1/", "/health/", "/metrics", "/openapi.json")
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def secure_pages(app: FastAPI, pages: Pages, sessions: SessionStore, *, idle: timedelta) -> None:
    """`idle`: how long a session lives unused."""
    app.mount(STATIC, StaticFiles(directory=Path(__file__).with_name("static")))
    # The last one added is the first one asked.
    app.add_middleware(SessionAutoloadMiddleware)
    app.add_middleware(
        SessionMiddleware, store=sessions, lifetime=idle, rolling=True, cookie_name=COOKIE, cookie_same_site="lax",
        cookie_path="/",
    )  # fmt: skip
    app.add_middleware(PageGuard, pages=pages)


class PageGuard:
    """Sets the headers of pages and refuses what another site sends. What programs ask is left alone: it carries a
    token of its own, which no browser adds by itself."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(PROGRAMS):
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if not scope["path"].startswith(STATIC):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if scope["method"] in SAFE_METHODS or _from_here(Headers(scope=scope)):
            await self._app(scope, receive, send_guarded)
        else:
            request = Request(scope, receive)
            refusal = Problem(
                403, "Sent from another site", "Open the page itself and send the form from there."
            )  # fmt: skip
            await answer_to(request, refusal, self._pages.problem)(scope, receive, send_guarded)


def _from_here(headers: Headers) -> bool:
    """Whether the browser says that this site's own page sent it (Fetch Metadata, else RFC 6454). One that says
    neither is refused."""
    if site := headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")
