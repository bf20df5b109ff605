"""One case: how far it is, live; what each store answered; letters, deferrals, recipients, timeline, certificate."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from services.privacy.answer_store import AnswerStore
from services.privacy.case import Case
from services.privacy.case_store import CaseStore
from services.privacy.certificate_store import CertificateStore
from services.privacy.console.case_list import days_left_of
from services.privacy.console.certificate_pdf import certificate_pdf
from services.privacy.console.console_page import ConsolePage
from services.privacy.console.doors import HOME, Doors
from services.privacy.console.pictures import fan_out
from services.privacy.console.roles import EVERYBODY
from services.privacy.console.store_progress import progress_of
from services.privacy.routes import CaseId
from shared.http.problems import Problem
from shared.messaging.worker import Clock
from shared.pages.languages import language_of
from shared.policy.working_days import is_estimate

LOOK_SECONDS: Final = 0.5
STREAM: Final = timedelta(minutes=10)  # then the browser connects again, and is asked again who it is


class CasePages:
    """`stores`: whose answers every case waits for."""

    def __init__(
        self,
        cases: CaseStore,
        answers: AnswerStore,
        certificates: CertificateStore,
        page: ConsolePage,
        doors: Doors,
        clock: Clock,
        *,
        stores: Sequence[str],
    ) -> None:
        self._cases = cases
        self._answers = answers
        self._certificates = certificates
        self._page = page
        self._clock = clock
        self._stores = stores
        self.router = APIRouter(
            prefix=f"{HOME}/cases/{{case_id}}", include_in_schema=False, dependencies=[doors.open_to(*EVERYBODY)]
        )
        self.router.get("")(self.show)
        self.router.get("/progress")(self.follow)
        self.router.get("/certificate.json")(self.as_json)
        self.router.get("/certificate.pdf")(self.as_pdf)

    async def show(self, request: Request, case_id: CaseId) -> HTMLResponse:
        context = await self._context(await self._case(case_id))
        return await self._page.show(request, "case.html", section="cases", **context)

    async def follow(self, request: Request, case_id: CaseId) -> EventSourceResponse:
        """Server-sent events `progress`, each the part of the page that moves, and `closed` at the end."""
        await self._case(case_id)
        return EventSourceResponse(self._events(request, case_id))

    async def as_json(self, case_id: CaseId) -> Response:
        certificate = await self._certificate(case_id)
        return JSONResponse(certificate, headers=_attached(f"certificate-{case_id}.json"))

    async def as_pdf(self, request: Request, case_id: CaseId) -> Response:
        certificate = await self._certificate(case_id)
        printed = await asyncio.to_thread(certificate_pdf, certificate, language_of(request))
        return Response(printed, media_type="application/pdf", headers=_attached(f"certificate-{case_id}.pdf"))

    async def _events(self, request: Request, case_id: str) -> AsyncIterator[ServerSentEvent]:
        """Each time it looks different, until the case is closed."""
        shown, clock = "", asyncio.get_running_loop()
        until = clock.time() + STREAM.total_seconds()
        while clock.time() < until:
            case = await self._case(case_id)
            context = await self._context(case)
            html = self._page.pages.text(language_of(request), "case_progress.html", **context)
            if html != shown:
                yield ServerSentEvent(html, event="progress")
                shown = html
            if case.state == "closed":
                yield ServerSentEvent("closed", event="closed")
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _context(self, case: Case) -> dict[str, Any]:
        answers = (await self._answers.of([case.case_id])).get(case.case_id, [])
        progress = progress_of(case, answers, self._stores)
        return {
            "case": case,
            "progress": progress,
            "fan_out": fan_out(case, progress),
            "days_left": days_left_of(case, await self._clock()),
            "is_estimate": is_estimate(case.deadline),
            "certificate": await self._certificates.of(case.case_id) if case.state == "closed" else None,
        }

    async def _case(self, case_id: str) -> Case:
        case = await self._cases.by_id(case_id)
        if case is None:
            raise Problem(404, "No such case", "Check the number; the list shows them all.")
        return case

    async def _certificate(self, case_id: str) -> dict[str, Any]:
        certificate = await self._certificates.of(case_id)
        if certificate is None:
            raise Problem(409, "No certificate yet", "It is issued by itself when the case is closed.")
        return certificate


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
