"""The mailbox in the console: written applications, the nearest deadline first, and what is done with one.

A mail is shown as it is read from the mail server at that moment, as text; that it was read is on the ledger.
"""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.privacy.console.console_page import ConsolePage
from services.privacy.console.doors import HOME, Doors, staff_of
from services.privacy.console.search import By, NotSearchable
from services.privacy.ledger import Entry
from services.privacy.mailbox.answer_application import ApplicationAnswers
from services.privacy.mailbox.application import Application, Proof
from services.privacy.mailbox.application_cases import ApplicationCases, ProposedAlready
from services.privacy.mailbox.application_steps import ApplicationSteps, MovedMeanwhile
from services.privacy.mailbox.imap_mailbox import Fetched, MailboxAway
from services.privacy.mailbox.match_application import ApplicationMatching, NobodyHeld, NotMatched
from services.privacy.mailbox.read_mail import Mail, read_mail
from shared.contracts.event import RecordId
from shared.http.problems import Problem
from shared.messaging.worker import Clock
from shared.pages.languages import NAMES
from shared.policy.rows import Language
from shared.policy.working_days import deadline, is_estimate, working_days_left

MAILBOX: Final = f"{HOME}/mailbox"
AT_ONCE: Final = 100
ApplicationId = Annotated[RecordId, Path(description="32 hexadecimal digits")]
Spoken = Annotated[Language, Form()]


class Readable(Protocol):
    async def read(self, validity: int, uid: int) -> Fetched | None: ...


@dataclass(frozen=True, slots=True)
class Row:
    application: Application
    deadline: date
    days_left: int | None
    is_estimate: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """`mail`: None where it is not at the server any more, or the server is away. `cut`: too large to show it whole."""

    mail: Mail | None
    away: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """What is done with applications."""

    steps: ApplicationSteps
    matching: ApplicationMatching
    answers: ApplicationAnswers
    cases: ApplicationCases


class MailboxPages:
    """`days`: working days in which an application is answered."""

    def __init__(
        self, mailbox: Readable, desk: Desk, page: ConsolePage, doors: Doors, clock: Clock, *, days: int
    ) -> None:
        self._mailbox = mailbox
        self._desk = desk
        self._applications = desk.steps.applications
        self._page = page
        self._clock = clock
        self._days = days
        self.router = APIRouter(prefix=MAILBOX, include_in_schema=False, dependencies=[doors.open_to("officer")])
        self.router.get("")(self.list_applications)
        self.router.get("/{application_id}")(self.open)
        self.router.post("/{application_id}/match")(self.match)
        self.router.post("/{application_id}/proof-request")(self.ask_proof)
        self.router.post("/{application_id}/proof")(self.accept_proof)
        self.router.post("/{application_id}/refusal")(self.refuse)
        self.router.post("/{application_id}/answered")(self.answered)

    async def list_applications(self, request: Request) -> HTMLResponse:
        found = await self._applications.newest(AT_ONCE)
        rows = [await self._row(application) for application in found]
        return await self._page.show(
            request,
            "mailbox.html",
            section="mailbox",
            waiting_rows=[row for row in rows if row.application.is_open],
            settled_rows=[row for row in rows if not row.application.is_open],
        )

    async def open(self, request: Request, application_id: ApplicationId) -> HTMLResponse:
        application = await self._application(application_id)
        entry = Entry("application_read", application_id, {"by": staff_of(request).account_id})
        await self._desk.steps.record.note(entry, await self._clock())
        return await self._show(request, application)

    async def match(
        self, request: Request, application_id: ApplicationId, by: Annotated[By, Form()],
        value: Annotated[str, Form(max_length=320)] = "",
    ) -> Response:  # fmt: skip
        application = await self._open_application(application_id)
        shown = await self._read(application)
        typed = {"by": by, "value": value}
        try:
            await self._desk.matching.match(application, by, value, shown.mail, staff_of(request), await self._clock())
        except NotSearchable:
            return await self._show(request, application, **typed, fault=by, status=422)
        except NobodyHeld:
            return await self._show(request, application, **typed, fault="nobody", status=404)
        except MovedMeanwhile as moved:
            raise _moved(moved) from None
        return _back(application_id)

    async def ask_proof(self, request: Request, application_id: ApplicationId, language: Spoken) -> Response:
        application = await self._open_application(application_id)
        try:
            await self._desk.matching.ask_proof(application, language, staff_of(request), await self._clock())
        except MovedMeanwhile as moved:
            raise _moved(moved) from None
        return _back(application_id)

    async def accept_proof(
        self, request: Request, application_id: ApplicationId, proof: Annotated[Proof, Form()]
    ) -> Response:
        application = await self._open_application(application_id)
        try:
            await self._desk.matching.accept_proof(application, proof, staff_of(request), await self._clock())
        except NotMatched as missing:
            raise Problem(409, "Nobody is found yet", str(missing)) from None
        except MovedMeanwhile as moved:
            raise _moved(moved) from None
        return _back(application_id)

    async def refuse(self, request: Request, application_id: ApplicationId, language: Spoken) -> Response:
        application = await self._open_application(application_id)
        try:
            await self._desk.answers.refuse(application, language, staff_of(request), await self._clock())
        except MovedMeanwhile as moved:
            raise _moved(moved) from None
        return _back(application_id)

    async def answered(self, request: Request, application_id: ApplicationId) -> Response:
        application = await self._open_application(application_id)
        try:
            await self._desk.answers.answered(application, staff_of(request), await self._clock())
        except MovedMeanwhile as moved:
            raise _moved(moved) from None
        return _back(application_id)

    async def _show(
        self, request: Request, application: Application, *, status: int = 200, **context: Any
    ) -> HTMLResponse:
        shown = {"by": "order_id", "value": "", "fault": None, **context}
        return await self._page.show(
            request,
            "application.html",
            section="mailbox",
            status=status,
            row=await self._row(application),
            application=application,
            shown=await self._read(application),
            replies=await self._desk.steps.replies.outcomes(application.application_id),
            following=await self._applications.following(application.application_id),
            proposal=await self._desk.cases.proposal_of(application),
            names=NAMES,
            **shown,
        )

    async def _read(self, application: Application) -> Shown:
        if application.deleted_at is not None:
            return Shown(None)
        try:
            fetched = await self._mailbox.read(application.validity, application.uids[0])
        except MailboxAway:
            return Shown(None, away=True)
        if fetched is None:
            return Shown(None)
        mail = await asyncio.to_thread(read_mail, fetched.content)
        return Shown(mail, cut=len(fetched.content) < fetched.size)

    async def _row(self, application: Application) -> Row:
        last_day = deadline(application.received_at, self._days)
        left = working_days_left(last_day, await self._clock()) if application.is_open else None
        return Row(application, last_day, left, is_estimate(last_day))

    async def _open_application(self, application_id: str) -> Application:
        """One that something can be done with: an approver who was asked about it is not passed by."""
        application = await self._application(application_id)
        if not application.is_open:
            raise _moved(MovedMeanwhile())
        try:
            await self._desk.cases.not_proposed(application)
        except ProposedAlready as proposed:
            raise _moved(proposed) from None
        return application

    async def _application(self, application_id: str) -> Application:
        application = await self._applications.by_id(application_id)
        if application is None:
            raise Problem(404, "No such application", "The list shows them all.")
        return application


def _back(application_id: str) -> Response:
    return RedirectResponse(f"{MAILBOX}/{application_id}", 303)


def _moved(moved: MovedMeanwhile | ProposedAlready) -> Problem:
    return Problem(409, "Dealt with meanwhile", str(moved))
