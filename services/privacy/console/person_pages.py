"""Find a person, see what each store holds of them, propose what needs an approver or stop promotions at once."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.privacy.case_store import CaseStore
from services.privacy.console.approvals import Approvals
from services.privacy.console.console_page import ConsolePage
from services.privacy.console.doors import HOME, Doors, staff_of
from services.privacy.console.roles import EVERYBODY
from services.privacy.console.search import By, NotSearchable, Reason, Search
from services.privacy.console.words import CHANNELS, REFUSAL_GROUNDS, SEARCH_REASONS
from services.privacy.withdraw_consent import ConsentWithdrawals, Withdrawal
from shared.contracts.event import RecordId
from shared.erasure.ask_stores import Inspection, Inspections
from shared.http.problems import Problem
from shared.messaging.worker import Clock
from shared.policy.working_days import ALMATY

FIND: Final = f"{HOME}/find"
COUNTS: Final = ("matched", "destroyed", "depersonalised", "deferred", "kept")
LAW_ADOPTED: Final = date(2013, 5, 21)
SubjectId = Annotated[RecordId, Path(description="32 hexadecimal digits")]
Short = Annotated[str, Form(max_length=320)]


class PersonPages:
    def __init__(
        self,
        search: Search,
        inspections: Inspections,
        approvals: Approvals,
        withdrawals: ConsentWithdrawals,
        cases: CaseStore,
        page: ConsolePage,
        doors: Doors,
        clock: Clock,
    ) -> None:
        self._search = search
        self._inspections = inspections
        self._approvals = approvals
        self._withdrawals = withdrawals
        self._cases = cases
        self._page = page
        self._clock = clock
        officers, everybody = [doors.open_to("officer")], [doors.open_to(*EVERYBODY)]
        person = f"{HOME}/people/{{subject_id}}"
        self.router = APIRouter(include_in_schema=False)
        self.router.get(FIND, dependencies=officers)(self.form)
        self.router.post(FIND, dependencies=officers)(self.find)
        self.router.get(person, dependencies=everybody)(self.show)
        self.router.post(f"{person}/inspections", dependencies=everybody)(self.inspect)
        self.router.get(f"{person}/inspections/{{inspection_id}}", dependencies=everybody)(self.preview)
        self.router.post(f"{person}/inspections/{{inspection_id}}", dependencies=officers)(self.withdraw)
        self.router.post(f"{person}/refusals", dependencies=officers)(self.refuse)

    async def form(self, request: Request) -> HTMLResponse:
        return await self._form(request)

    async def find(
        self, request: Request, by: Annotated[By, Form()], reason: Annotated[Reason | None, Form()] = None,
        value: Short = "",
    ) -> Response:  # fmt: skip
        typed: dict[str, Any] = {"by": by, "value": value, "reason": reason}
        if reason is None:
            return await self._form(request, **typed, fault="reason", status=422)
        try:
            found = await self._search.find(by, value, reason, staff_of(request), await self._clock())
        except NotSearchable:
            return await self._form(request, **typed, fault=by, status=422)
        if found is None:
            return await self._form(request, **typed, fault="nobody", status=404)
        return RedirectResponse(f"{HOME}/people/{found}", 303)

    async def show(self, request: Request, subject_id: SubjectId) -> HTMLResponse:
        return await self._page.show(
            request,
            "person.html",
            section="find",
            subject_id=subject_id,
            cases=await self._cases.of_subjects([subject_id]),
            proposals=await self._approvals.proposals.of_subject(subject_id),
        )

    async def inspect(self, subject_id: SubjectId) -> Response:
        """Ask every store; the page that is shown then looks again by itself until all have answered."""
        inspection_id = await self._inspections.ask(subject_id, await self._clock())
        return RedirectResponse(f"{HOME}/people/{subject_id}/inspections/{inspection_id}", 303)

    async def preview(self, request: Request, subject_id: SubjectId, inspection_id: RecordId) -> HTMLResponse:
        inspection = await self._inspections.answers(inspection_id, subject_id=subject_id)
        if inspection is None:
            raise Problem(404, "This preview is not kept any more", "Ask the stores again from the person's page.")
        return await self._preview(request, inspection)

    async def withdraw(
        self, request: Request, subject_id: SubjectId, inspection_id: RecordId,
        scope: Short = "all", channel: Short = "", received_on: Short = "",
    ) -> Response:  # fmt: skip
        """Of everything: a proposal, for it can't be undone. Of promotions alone: a case at once."""
        now = await self._clock()
        inspection = await self._answered(inspection_id, subject_id)
        received_at = _received_at(received_on, now)
        faults = [
            *(["channel"] if channel not in CHANNELS else []), *(["received_on"] if received_at is None else []),
            *(["scope"] if scope not in ("all", "promotions") else []),
        ]  # fmt: skip
        if faults or received_at is None:
            typed = {"scope": scope, "channel": channel, "received_on": received_on}
            return await self._preview(request, inspection, faults=faults, typed=typed, status=422)
        if scope == "promotions":
            case = await self._withdrawals.withdraw(Withdrawal(subject_id, "promotions", channel, received_at), now)
            return RedirectResponse(f"{HOME}/cases/{case.case_id}", 303)
        proposal = await self._approvals.propose(
            "withdrawal",
            subject_id,
            staff_of(request),
            now,
            details={"channel": channel, "received_at": received_at, "open_orders": list(inspection.open_orders)},
            foreseen=foreseen(inspection),
        )
        return RedirectResponse(f"{HOME}/proposals/{proposal.proposal_id}", 303)

    async def refuse(self, request: Request, subject_id: SubjectId, ground: Short = "") -> Response:
        if ground not in REFUSAL_GROUNDS:
            raise Problem(422, "A refusal needs its ground", "Choose one from the list.")
        proposal = await self._approvals.propose(
            "refusal", subject_id, staff_of(request), await self._clock(), details={"ground": ground}
        )
        return RedirectResponse(f"{HOME}/proposals/{proposal.proposal_id}", 303)

    async def _answered(self, inspection_id: str, subject_id: str) -> Inspection:
        """What every store has answered: nobody decides on a part of it."""
        inspection = await self._inspections.answers(inspection_id, subject_id=subject_id)
        if inspection is None:
            raise Problem(404, "This preview is not kept any more", "Ask the stores again from the person's page.")
        if inspection.missing:
            raise Problem(409, "Not every store has answered yet", "Wait for the preview to be complete.")
        return inspection

    async def _form(self, request: Request, *, status: int = 200, **context: Any) -> HTMLResponse:
        shown = {"by": "phone", "value": "", "reason": None, "fault": None, **context}
        return await self._page.show(
            request, "find.html", section="find", status=status, reasons=SEARCH_REASONS, **shown
        )

    async def _preview(
        self, request: Request, inspection: Inspection, *, faults: list[str] | None = None,
        typed: Mapping[str, str] | None = None, status: int = 200,
    ) -> HTMLResponse:  # fmt: skip
        today = (await self._clock()).astimezone(ALMATY).date().isoformat()
        return await self._page.show(
            request,
            "preview_part.html" if "hx-request" in request.headers else "preview.html",
            section="find",
            status=status,
            subject_id=inspection.subject_id,
            inspection=inspection,
            counts=foreseen(inspection),
            channels=CHANNELS,
            grounds=REFUSAL_GROUNDS,
            faults=faults or [],
            typed=typed or {"scope": "all", "channel": "", "received_on": today},
        )


def foreseen(inspection: Inspection) -> dict[str, dict[str, dict[str, int]]]:
    """Store → collection → counts, of collections that hold anything of the person."""
    return {
        store: {
            name: {kind: getattr(counted, kind) for kind in COUNTS}
            for name, counted in answer.collections.items()
            if counted.matched
        }
        for store, answer in inspection.answers.items()
    }


def _received_at(day: str, now: datetime) -> datetime | None:
    """Noon of that day in Almaty, or now where that is later; None for what is no day a request can have come on."""
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        return None
    if not LAW_ADOPTED <= wanted <= now.astimezone(ALMATY).date():
        return None
    return min(datetime.combine(wanted, time(12), ALMATY).astimezone(UTC), now)
