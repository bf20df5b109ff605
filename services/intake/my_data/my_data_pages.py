"""My data: what is held of whoever is signed in, where it is and who had it; to take along, and to withdraw."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from services.intake.my_data.choose_promotions import ChoosePromotions
from services.intake.my_data.data_export import export_of
from services.intake.my_data.held_data import HeldData, HeldDataView
from services.intake.my_data.visitors import Visitors, to_sign_in
from services.intake.my_data.withdraw_everything import PERIOD, WithdrawEverything
from services.intake.visitor import Visitor
from shared.erasure.ask_stores import Inspection, Inspections
from shared.pages.languages import language_of
from shared.pages.render import Pages
from shared.pages.sessions import end
from shared.policy.model import Policy
from shared.policy.working_days import almaty_day, deadline

CASE: Final = "case"  # in the session: the link of the withdrawal that ended it, for a form that was sent twice
ANSWERS_SECONDS: Final = 6.0
STEP_SECONDS: Final = 0.25

InspectionId = Annotated[str, Query(max_length=64)]
Typed = Annotated[str, Form()]


class MyDataPages:
    def __init__(
        self,
        *,
        pages: Pages,
        visitors: Visitors,
        view: HeldDataView,
        inspections: Inspections,
        promotions: ChoosePromotions,
        withdrawing: WithdrawEverything,
        policy: Policy,
    ) -> None:
        self._pages = pages
        self._visitors = visitors
        self._view = view
        self._inspections = inspections
        self._promotions = promotions
        self._withdrawing = withdrawing
        self._policy = policy
        self.router = APIRouter(prefix="/my-data", include_in_schema=False)
        self.router.get("")(self.show)
        self.router.get("/where/{inspection_id}")(self.show_where)
        self.router.get("/foresight/{inspection_id}")(self.show_foresight)
        self.router.get("/download.json")(self.download_json)
        self.router.get("/download.html")(self.download_html)
        self.router.post("/promotions")(self.choose_promotions)
        self.router.get("/withdraw")(self.ask_withdrawal)
        self.router.post("/withdraw")(self.withdraw)

    async def show(self, request: Request, inspection: InspectionId = "") -> Response:
        visitor = await self._visitors.signed_in(request)
        if visitor is None:
            return to_sign_in()
        now = datetime.now(UTC)
        held = await self._view.of(visitor, now, what="my_data")
        asked = await self._asked(visitor, held, inspection, now)
        return self._pages.show(request, "my_data.html", held=held, inspection=asked, policy_version=self._version(now))

    async def show_where(self, request: Request, inspection_id: str) -> Response:
        """Part of the page, for whoever has JavaScript; the others load the page again."""
        return await self._part(request, inspection_id, "my_data_where.html")

    async def show_foresight(self, request: Request, inspection_id: str) -> Response:
        return await self._part(request, inspection_id, "my_data_foresight.html")

    async def download_json(self, request: Request) -> Response:
        visitor = await self._visitors.signed_in(request)
        if visitor is None:
            return to_sign_in()
        held, inspection, now = await self._to_take_along(visitor)
        content = export_of(held, inspection, self._policy, now)
        return JSONResponse(content, headers=_attached("my-data.json"))

    async def download_html(self, request: Request) -> Response:
        visitor = await self._visitors.signed_in(request)
        if visitor is None:
            return to_sign_in()
        held, inspection, now = await self._to_take_along(visitor)
        page = self._pages.show(request, "my_data_download.html", held=held, inspection=inspection, now=now)
        page.headers.update(_attached("my-data.html"))
        return page

    async def choose_promotions(self, request: Request, promotions: Typed = "") -> Response:
        """The choice is the subject's: who sees a part of the orders only may not make it for the rest."""
        visitor = await self._visitors.signed_in(request)
        if visitor is None:
            return to_sign_in()
        now = datetime.now(UTC)
        if (await self._view.of(visitor, now, what="my_data")).whole:
            if promotions == "on":
                await self._promotions.switch_on(visitor.subject_id, language_of(request), now)
            elif promotions == "off":
                await self._promotions.switch_off(visitor.subject_id, now)
        return RedirectResponse("/my-data#promotions", 303)

    async def ask_withdrawal(self, request: Request, inspection: InspectionId = "") -> Response:
        visitor = await self._visitors.signed_in(request)
        if visitor is None:
            return to_sign_in()
        now = datetime.now(UTC)
        held = await self._view.of(visitor, now, what="withdrawal")
        return await self._withdrawal_page(request, visitor, held, inspection, now)

    async def withdraw(self, request: Request, agreed: Typed = "", inspection: Typed = "") -> Response:
        """The session ends with it. A form sent twice leads to the same case."""
        visitor = await self._visitors.signed_in(request)
        if visitor is None:
            token = request.session.get(CASE)
            return to_sign_in() if token is None else RedirectResponse(f"/case/{token}", 303)
        now = datetime.now(UTC)
        held = await self._view.of(visitor, now, what="withdrawal")
        if agreed != "yes":
            return await self._withdrawal_page(request, visitor, held, inspection, now, not_agreed=True, status=422)
        if not held.whole:
            return await self._withdrawal_page(request, visitor, held, inspection, now, status=409)
        token = await self._withdrawing.withdraw(visitor.subject_id, now)
        end(request)
        request.session[CASE] = token
        return RedirectResponse(f"/case/{token}", 303)

    async def _withdrawal_page(
        self,
        request: Request,
        visitor: Visitor,
        held: HeldData,
        inspection: str,
        now: datetime,
        *,
        not_agreed: bool = False,
        status: int = 200,
    ) -> Response:
        asked = await self._asked(visitor, held, inspection, now)
        return self._pages.show(
            request,
            "my_data_withdraw.html",
            status=status,
            held=held,
            inspection=asked,
            last_day=self._last_day(now),
            not_agreed=not_agreed,
        )

    async def _part(self, request: Request, inspection_id: str, template: str) -> Response:
        visitor = await self._visitors.signed_in(request)
        if visitor is None:
            return Response(headers={"HX-Redirect": "/my-data/sign-in"})
        found = await self._inspections.answers(inspection_id, subject_id=visitor.subject_id)
        if found is None:
            return Response(headers={"HX-Refresh": "true"})
        return self._pages.show(request, template, inspection=found)

    async def _asked(self, visitor: Visitor, held: HeldData, inspection_id: str, now: datetime) -> Inspection | None:
        """Every store is asked when the page is opened, and looked at again under the same id. None where not all that
        is held is theirs to see: what the stores say is of all of it."""
        if not held.whole:
            return None
        subject_id = visitor.subject_id
        if inspection_id and (known := await self._inspections.answers(inspection_id, subject_id=subject_id)):
            return known
        return await self._inspections.answers(await self._inspections.ask(subject_id, now), subject_id=subject_id)

    async def _to_take_along(self, visitor: Visitor) -> tuple[HeldData, Inspection | None, datetime]:
        """With the stores' answers, as far as they come while somebody waits for a file."""
        now = datetime.now(UTC)
        held = await self._view.of(visitor, now, what="download")
        inspection = await self._asked(visitor, held, "", now)
        waited = 0.0
        while inspection and inspection.missing and waited < ANSWERS_SECONDS:
            await asyncio.sleep(STEP_SECONDS)
            waited += STEP_SECONDS
            inspection = await self._inspections.answers(inspection.inspection_id, subject_id=visitor.subject_id)
        return held, inspection, now

    def _version(self, now: datetime) -> str:
        return self._policy.version_at(almaty_day(now)).version

    def _last_day(self, now: datetime) -> date:
        return deadline(now, self._policy.period(PERIOD).number)


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
