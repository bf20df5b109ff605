"""My data's pages over a real store, asked as a browser asks; codes are caught where they would be sent."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import httpx
from fastapi.routing import APIRoute

from services.intake.contact import Contact
from services.intake.my_data.app import MyData
from services.intake.my_data.one_time_codes import MadeCode
from services.intake.settings import IntakeSettings
from shared.pages.attempts import Attempts
from shared.pages.render import Pages
from shared.pages.security import secure_pages
from shared.pages.sessions import MongoSessionStore
from shared.policy.rows import Language
from tests.bare_app import bare_app
from tests.integration.intake.an_intake import Intake

BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin", "accept-language": "en"}
AWAY = SimpleNamespace(sms_gateway_url="http://sms.example", smtp_host="127.0.0.1", smtp_port=9)


class Visitor:
    """`codes`: (contact, digits) as they would have gone out, oldest first."""

    def __init__(self, http: httpx.AsyncClient, codes: list[tuple[Contact, str | None]]) -> None:
        self.http = http
        self.codes = codes

    async def sign_in(self, contact: str) -> None:
        await self.post("/my-data/sign-in", contact=contact)
        answer = await self.post("/my-data/code", code=self.last_code())
        assert answer.headers["location"] == "/my-data"

    def last_code(self) -> str:
        _, digits = self.codes[-1]
        assert digits is not None
        return digits

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def post(self, path: str, **typed: str) -> httpx.Response:
        return await self.http.post(path, data=typed)


class Front:
    """The pages; each visitor is a browser of their own."""

    def __init__(self, intake: Intake) -> None:
        self.codes: list[tuple[Contact, str | None]] = []
        self.wanted: list[Callable[[], Awaitable[bool]]] = []  # asked beside the request: whether a code is sent
        pages = Pages("services.intake", intake.policy)
        self.app = bare_app(page=pages.problem)
        secure_pages(self.app, pages, MongoSessionStore(intake.database), idle=timedelta(minutes=5))
        client, policy = intake.client, intake.policy
        my_data = MyData(
            cast(IntakeSettings, AWAY), policy, client, intake.holdings(), pages, Attempts(intake.database)
        )
        cast(Any, my_data.sending).later = self._send
        self.router = my_data.router
        self.app.include_router(self.router)

    def _send(self, contact: Contact, made: MadeCode, _: Language, *wanted: Callable[[], Awaitable[bool]]) -> None:
        self.codes.append((contact, made.digits))
        self.wanted.extend(wanted)

    @asynccontextmanager
    async def visitor(self) -> AsyncIterator[Visitor]:
        """Follows no redirect by itself, and speaks English."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        url = "https://pages.example.kz"
        async with httpx.AsyncClient(transport=transport, base_url=url, headers=BROWSER) as http:
            yield Visitor(http, self.codes)


def routes_of(router: Any) -> list[APIRoute]:
    """All of a router and of those it includes."""
    found: list[APIRoute] = []
    for route in router.routes:
        if isinstance(route, APIRoute):
            found.append(route)
        elif hasattr(route, "original_router"):
            found += routes_of(route.original_router)
    return found
