"""From a written application to its case: what an erasure would do, then the proposal to an approver."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.privacy.console.console_page import ConsolePage
from services.privacy.console.doors import HOME, Doors, staff_of
from services.privacy.console.person_pages import foreseen
from services.privacy.mailbox.application import Application
from services.privacy.mailbox.application_cases import ApplicationCases, NotProven, ProposedAlready
from services.privacy.mailbox.application_steps import MovedMeanwhile
from services.privacy.mailbox.application_store import ApplicationStore
from services.privacy.mailbox.mailbox_pages import MAILBOX, ApplicationId
from shared.contracts.event import RecordId
from shared.erasure.ask_stores import Inspection, Inspections
from shared.http.problems import Problem
from shared.messaging.worker import Clock
from shared.pages.languages import NAMES
from shared.policy.rows import Language

PREVIEWS: Final = "/{application_id}/inspections"


class CaseFromMailPages:
    def __init__(
        self,
        applications: ApplicationStore,
        cases: ApplicationCases,
        inspections: Inspections,
        page: ConsolePage,
        doors: Doors,
        clock: Clock,
    ) -> None:
        self._applications = applications
        self._cases = cases
        self._inspections = inspections
        self._page = page
        self._clock = clock
        self.router = APIRouter(prefix=MAILBOX, include_in_schema=False, dependencies=[doors.open_to("officer")])
        self.router.post(PREVIEWS)(self.inspect)
        self.router.get(f"{PREVIEWS}/{{inspection_id}}")(self.preview)
        self.router.post(f"{PREVIEWS}/{{inspection_id}}")(self.open_case)

    async def inspect(self, application_id: ApplicationId) -> Response:
        """Ask every store; the page that is shown then looks again by itself until all have answered."""
        _, subject_id = await self._proven(application_id)
        inspection_id = await self._inspections.ask(subject_id, await self._clock())
        return RedirectResponse(f"{MAILBOX}/{application_id}/inspections/{inspection_id}", 303)

    async def preview(self, request: Request, application_id: ApplicationId, inspection_id: RecordId) -> HTMLResponse:
        application, subject_id = await self._proven(application_id)
        inspection = await self._inspection(inspection_id, subject_id)
        return await self._page.show(
            request,
            "application_preview_part.html" if "hx-request" in request.headers else "application_preview.html",
            section="mailbox",
            application=application,
            inspection=inspection,
            counts=foreseen(inspection),
            names=NAMES,
        )

    async def open_case(
        self, request: Request, application_id: ApplicationId, inspection_id: RecordId,
        language: Annotated[Language, Form()], scope: Annotated[Literal["all", "promotions"], Form()] = "all",
    ) -> Response:  # fmt: skip
        application, subject_id = await self._proven(application_id)
        inspection = await self._inspection(inspection_id, subject_id)
        if inspection.missing:
            raise Problem(409, "Not every store has answered yet", "Wait for the preview to be complete.")
        staff, now = staff_of(request), await self._clock()
        try:
            if scope == "promotions":
                case = await self._cases.stop_promotions(application, staff, now, language=language)
                return RedirectResponse(f"{HOME}/cases/{case.case_id}", 303)
            proposal = await self._cases.propose(
                application,
                staff,
                now,
                language=language,
                open_orders=inspection.open_orders,
                foreseen=foreseen(inspection),
            )
        except (MovedMeanwhile, ProposedAlready) as late:
            raise Problem(409, "Dealt with meanwhile", str(late)) from None
        return RedirectResponse(f"{HOME}/proposals/{proposal.proposal_id}", 303)

    async def _proven(self, application_id: str) -> tuple[Application, str]:
        application = await self._applications.by_id(application_id)
        if application is None:
            raise Problem(404, "No such application", "The list shows them all.")
        if not application.is_open:
            raise Problem(409, "Dealt with meanwhile", str(MovedMeanwhile()))
        if application.subject_id is None or not application.is_proven:
            raise Problem(409, "It is not proven who asks", str(NotProven()))
        return application, application.subject_id

    async def _inspection(self, inspection_id: str, subject_id: str) -> Inspection:
        inspection = await self._inspections.answers(inspection_id, subject_id=subject_id)
        if inspection is None:
            raise Problem(404, "This preview is not kept any more", "Ask the stores again from the application's page.")
        return inspection
