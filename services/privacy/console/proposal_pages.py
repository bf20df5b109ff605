"""Proposals: what waits for an approver, what was decided and why."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.privacy.case_store import CaseStore
from services.privacy.console.approvals import Approvals, NoSuchProposal
from services.privacy.console.console_page import ConsolePage
from services.privacy.console.doors import HOME, Doors, staff_of
from services.privacy.console.proposal import (
    REASONS,
    AlreadyDecided,
    Decision,
    NotYoursToDecide,
    Proposal,
    Reason,
    ReasonMissing,
    Verdict,
)
from services.privacy.console.roles import EVERYBODY
from shared.contracts.event import RecordId
from shared.http.problems import Problem
from shared.messaging.worker import Clock

AT_ONCE: Final = 100
ProposalId = Annotated[RecordId, Path(description="32 hexadecimal digits")]


class ProposalPages:
    def __init__(self, approvals: Approvals, cases: CaseStore, page: ConsolePage, doors: Doors, clock: Clock) -> None:
        self._approvals = approvals
        self._cases = cases
        self._page = page
        self._accounts = doors.accounts
        self._clock = clock
        everybody, approvers = [doors.open_to(*EVERYBODY)], [doors.open_to("approver")]
        self.router = APIRouter(prefix=f"{HOME}/proposals", include_in_schema=False)
        self.router.get("", dependencies=everybody)(self.list_proposals)
        self.router.get("/{proposal_id}", dependencies=everybody)(self.show)
        self.router.post("/{proposal_id}", dependencies=approvers)(self.decide)

    async def list_proposals(self, request: Request) -> HTMLResponse:
        found = await self._approvals.proposals.newest(AT_ONCE)
        names = await self._accounts.names({proposal.proposed_by for proposal in found})
        return await self._page.show(request, "proposals.html", section="proposals", found=found, names=names)

    async def show(self, request: Request, proposal_id: ProposalId) -> HTMLResponse:
        return await self._show(request, proposal_id)

    async def decide(
        self, request: Request, proposal_id: ProposalId, verdict: Annotated[Verdict, Form()],
        reason: Annotated[Reason, Form()] = "as_proposed",
    ) -> Response:  # fmt: skip
        try:
            await self._approvals.decide(proposal_id, Decision(verdict, reason), staff_of(request), await self._clock())
        except NoSuchProposal as missing:
            raise Problem(404, "No such proposal", str(missing)) from None
        except NotYoursToDecide as refusal:
            raise Problem(403, "Not yours to do", str(refusal)) from None
        except AlreadyDecided as late:
            raise Problem(409, "Decided already", str(late)) from None
        except ReasonMissing:
            return await self._show(request, proposal_id, status=422, reason_missing=True)
        return RedirectResponse(f"{HOME}/proposals/{proposal_id}", 303)

    async def _show(
        self, request: Request, proposal_id: str, *, status: int = 200, reason_missing: bool = False
    ) -> HTMLResponse:
        proposal = await self._approvals.proposals.by_id(proposal_id)
        if proposal is None:
            raise Problem(404, "No such proposal", str(NoSuchProposal()))
        staff = staff_of(request)
        people = {account_id for account_id in (proposal.proposed_by, proposal.decided_by) if account_id}
        return await self._page.show(
            request,
            "proposal.html",
            section="proposals",
            status=status,
            proposal=proposal,
            case=await self._case_of(proposal),
            names=await self._accounts.names(people),
            may_decide=staff.role == "approver" and staff.account_id != proposal.proposed_by,
            reasons=[reason for reason in REASONS if reason != "as_proposed"],
            reason_missing=reason_missing,
        )

    async def _case_of(self, proposal: Proposal) -> str | None:
        """The case it opened, or the one that ran already and does what was asked for."""
        if proposal.kind != "withdrawal" or proposal.state != "approved":
            return None
        cases = await self._cases.of_subjects([proposal.subject_id])
        own = [case.case_id for case in cases if case.case_id == proposal.proposal_id]
        return next(iter((*own, *(case.case_id for case in cases if case.scope == "all"))), None)
