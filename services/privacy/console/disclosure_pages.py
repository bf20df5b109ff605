"""The register of disclosures to couriers and state bodies, and the form that puts a state body's demand on it."""

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from services.privacy.console.approvals import Approvals
from services.privacy.console.console_page import ConsolePage
from services.privacy.console.disclosure_register_store import Disclosure, DisclosureRegisterStore, Wanted
from services.privacy.console.doors import HOME, Doors, staff_of
from services.privacy.console.person_pages import SubjectId
from services.privacy.console.roles import EVERYBODY
from services.privacy.console.state_disclosure import GROUNDS, StateDemand
from shared.messaging.worker import Clock
from shared.policy.model import Policy
from shared.policy.working_days import ALMATY

PAGE_SIZE: Final = 50
FURTHEST: Final = 10_000
IN_A_FILE: Final = 20_000
COLUMNS: Final = (
    "disclosed_at", "recipient", "recipient_name", "fields", "purpose", "basis", "legal_ground", "article", "document",
    "document_date",
)  # fmt: skip
Short = Annotated[str, Form(max_length=200)]
Filter = Annotated[str, Query(max_length=40)]


class DisclosurePages:
    def __init__(
        self,
        disclosures: DisclosureRegisterStore,
        approvals: Approvals,
        policy: Policy,
        page: ConsolePage,
        doors: Doors,
        clock: Clock,
    ) -> None:
        self._disclosures = disclosures
        self._approvals = approvals
        self._policy = policy
        self._page = page
        self._clock = clock
        officers, everybody = [doors.open_to("officer")], [doors.open_to(*EVERYBODY)]
        demand = f"{HOME}/people/{{subject_id}}/state-disclosures"
        self.router = APIRouter(include_in_schema=False)
        self.router.get(f"{HOME}/disclosures", dependencies=everybody)(self.show)
        self.router.get(f"{HOME}/disclosures.csv", dependencies=everybody)(self.as_csv)
        self.router.get(demand, dependencies=officers)(self.form)
        self.router.post(demand, dependencies=officers)(self.propose)

    async def show(
        self, request: Request, recipient: Filter = "", since: Filter = "", until: Filter = "",
        page: Annotated[int, Query(ge=1, le=FURTHEST)] = 1,
    ) -> HTMLResponse:  # fmt: skip
        wanted = self._wanted(recipient, since, until)
        total = await self._disclosures.count(wanted)
        return await self._page.show(
            request,
            "disclosures.html",
            section="disclosures",
            found=await self._disclosures.newest(wanted, limit=PAGE_SIZE, skip=(page - 1) * PAGE_SIZE),
            total=total,
            number=page,
            last=max(1, -(-total // PAGE_SIZE)),
            recipient=wanted.recipient or "",
            since=since if wanted.since else "",
            until=until if wanted.until else "",
        )

    async def as_csv(self, recipient: Filter = "", since: Filter = "", until: Filter = "") -> Response:
        """For reports: who was told what kind of thing when, and of nobody in particular."""
        found = await self._disclosures.newest(self._wanted(recipient, since, until), limit=IN_A_FILE)
        headers = {"Content-Disposition": 'attachment; filename="disclosures.csv"'}
        return Response(csv_of(found), media_type="text/csv; charset=utf-8", headers=headers)

    async def form(self, request: Request, subject_id: SubjectId) -> HTMLResponse:
        return await self._form(request, subject_id, {"fields": []}, ())

    async def propose(
        self, request: Request, subject_id: SubjectId, body: Short = "", legal_ground: Short = "",
        article: Short = "", document: Short = "", document_date: Short = "",
        fields: Annotated[list[str] | None, Form()] = None,
    ) -> Response:  # fmt: skip
        """A proposal: somebody else approves it before it is on the register."""
        typed: dict[str, Any] = {
            "body": body, "legal_ground": legal_ground, "article": article, "document": document,
            "document_date": document_date, "fields": fields or [],
        }  # fmt: skip
        try:
            demand = StateDemand.model_validate(typed)
        except ValidationError as error:
            faults = dict.fromkeys(str(found["loc"][0]) for found in error.errors(include_input=False))
            return await self._form(request, subject_id, typed, tuple(faults), status=422)
        if not set(demand.fields) <= set(self._collected):
            return await self._form(request, subject_id, typed, ("fields",), status=422)
        proposal = await self._approvals.propose(
            "state_disclosure", subject_id, staff_of(request), await self._clock(), details=demand.details()
        )
        return RedirectResponse(f"{HOME}/proposals/{proposal.proposal_id}", 303)

    async def _form(
        self, request: Request, subject_id: str, typed: dict[str, Any], faults: tuple[str, ...], *, status: int = 200
    ) -> HTMLResponse:
        return await self._page.show(
            request,
            "state_disclosure.html",
            section="disclosures",
            status=status,
            subject_id=subject_id,
            typed=typed,
            faults=faults,
            legal_grounds=GROUNDS,
            collected=self._collected,
        )

    @property
    def _collected(self) -> list[str]:
        return [name for name, field in self._policy.fields.items() if field.collected]

    def _wanted(self, recipient: str, since: str, until: str) -> Wanted:
        """What is no recipient of the policy, and no day, is not filtered by. `until` is the last day shown."""
        first, last = _day(since), _day(until)
        return Wanted(
            recipient if recipient in self._policy.recipients else None,
            _midnight(first) if first else None,
            _midnight(last + timedelta(days=1)) if last else None,
        )


def csv_of(disclosures: Iterable[Disclosure]) -> str:
    """A line each: no id of a person, an order or a shipment. A cell never begins as a spreadsheet's formula does."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for disclosure in disclosures:
        writer.writerow([_cell(getattr(disclosure, column)) for column in COLUMNS])
    return text.getvalue()


def _cell(value: str | tuple[str, ...] | datetime | None) -> str:
    match value:
        case None:
            return ""
        case tuple():
            return " ".join(value)
        case datetime():
            return value.isoformat(timespec="seconds")
        case str():
            return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ALMATY)
