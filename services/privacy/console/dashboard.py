"""The console's first page: what waits for whoever is signed in, deadlines ahead, cases by state."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.privacy.case_store import CaseStore
from services.privacy.console.case_list import CaseList, query_of
from services.privacy.console.case_pictures import CasePictures
from services.privacy.console.console_page import ConsolePage
from services.privacy.console.doors import HOME, Doors
from services.privacy.console.roles import EVERYBODY
from shared.messaging.worker import Clock

NEAREST: Final = 8


class Dashboard:
    def __init__(
        self,
        cases: CaseStore,
        case_list: CaseList,
        pictures: CasePictures,
        page: ConsolePage,
        doors: Doors,
        clock: Clock,
    ) -> None:
        self._cases = cases
        self._case_list = case_list
        self._pictures = pictures
        self._page = page
        self._clock = clock
        self.router = APIRouter(include_in_schema=False, dependencies=[doors.open_to(*EVERYBODY)])
        self.router.get(HOME)(self.show)

    async def show(self, request: Request) -> HTMLResponse:
        now = await self._clock()
        return await self._page.show(
            request,
            "dashboard.html",
            section="overview",
            nearest=await self._case_list.rows(query_of("open", now), now, limit=NEAREST),
            by_state=await self._cases.by_state(),
            overdue=await self._cases.count(query_of("overdue", now)),
            proposals=await self._page.proposals.waiting(),
            charts=await self._pictures.charts(now),
        )
