"""Stores and drift: what is held where, what erasure does to it, and what the policy does not describe."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.privacy.console.console_page import ConsolePage
from services.privacy.console.doors import HOME, Doors
from services.privacy.console.roles import EVERYBODY
from services.privacy.console.store_register import store_rows
from services.privacy.console.store_register_store import StoreRegisterStore
from shared.messaging.worker import Clock
from shared.policy.model import Policy


class StoreRegisterPages:
    def __init__(
        self, samples: StoreRegisterStore, policy: Policy, page: ConsolePage, doors: Doors, clock: Clock
    ) -> None:
        self._samples = samples
        self._policy = policy
        self._page = page
        self._clock = clock
        self.router = APIRouter(
            prefix=f"{HOME}/stores", include_in_schema=False, dependencies=[doors.open_to(*EVERYBODY)]
        )
        self.router.get("")(self.show)

    async def show(self, request: Request) -> HTMLResponse:
        rows = store_rows(self._policy, await self._samples.all(), await self._clock())
        return await self._page.show(request, "stores.html", section="stores", rows=rows)
