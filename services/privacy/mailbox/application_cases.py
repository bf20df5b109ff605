"""A written application becomes a case, dated at its receipt: through an approver, or at once for promotions alone."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.privacy.case import Case
from services.privacy.case_store import CaseStore
from services.privacy.console.approvals import Approvals
from services.privacy.console.proposal import Proposal
from services.privacy.console.roles import Staff
from services.privacy.mailbox.application import Application
from services.privacy.mailbox.application_steps import ApplicationSteps, MovedMeanwhile
from services.privacy.withdraw_consent import ConsentWithdrawals, Withdrawal
from shared.messaging.cloudevents import new_id
from shared.policy.rows import Language

AT_ONCE: Final = 50
CHANNEL: Final = "mailbox"
REGISTERED: Final = "registered_address"
Counts = Mapping[str, Mapping[str, Mapping[str, int]]]


class NotProven(Exception):
    def __init__(self) -> None:
        super().__init__("It is not known yet that the writer is this person: ask for proof, or accept what was given.")


class ProposedAlready(Exception):
    def __init__(self) -> None:
        super().__init__("An approver has been asked about this application already: see the proposal.")


@dataclass(frozen=True, slots=True)
class ApplicationCases:
    steps: ApplicationSteps
    approvals: Approvals
    withdrawals: ConsentWithdrawals
    cases: CaseStore

    async def propose(
        self,
        application: Application,
        staff: Staff,
        now: datetime,
        *,
        language: Language,
        open_orders: tuple[str, ...],
        foreseen: Counts,
    ) -> Proposal:
        """To erase the person: it can't be undone. Raises NotProven, ProposedAlready, MovedMeanwhile."""
        subject_id = _proven(application)
        await self.not_proposed(application)
        details = {
            "channel": CHANNEL,
            "received_at": application.received_at,
            "open_orders": list(open_orders),
            "application_id": application.application_id,
            "proof": application.proof or REGISTERED,
        }
        # The step first: whoever comes too late with it asks no approver. After a crash in between, nobody was asked.
        proposal_id = new_id()
        await self.steps.step(
            application,
            "application_proposed",
            now,
            to="matched",
            changes={"proposal_id": proposal_id, "language": language},
            detail={"by": staff.account_id, "proposal_id": proposal_id},
        )
        return await self.approvals.propose(
            "withdrawal", subject_id, staff, now, details=details, foreseen=foreseen, proposal_id=proposal_id
        )

    async def stop_promotions(
        self, application: Application, staff: Staff, now: datetime, *, language: Language
    ) -> Case:
        """A case at once; its id is the application's, so that it is opened once. Raises NotProven,
        ProposedAlready, MovedMeanwhile."""
        await self.not_proposed(application)
        wanted = Withdrawal(_proven(application), "promotions", CHANNEL, application.received_at)
        case = await self.withdrawals.withdraw(wanted, now, case_id=application.application_id)
        await self._became(application, case.case_id, now, language=language, by=staff.account_id)
        return case

    async def follow_proposals(self, now: datetime) -> bool:
        """Applications whose proposal was approved and carried out are cases from then on. No more to do."""
        for application in await self.steps.applications.proposed(AT_ONCE):
            proposal = await self.proposal_of(application)
            if proposal is None or proposal.state != "approved" or proposal.done_at is None:
                continue
            if case_id := await self._case_of(proposal):
                await self._became(application, case_id, now, language=application.language, by=proposal.decided_by)
        return False

    async def not_proposed(self, application: Application) -> None:
        """Raises ProposedAlready where an approver is still to decide on it, or has agreed."""
        proposal = await self.proposal_of(application)
        if proposal is not None and proposal.state != "refused":
            raise ProposedAlready

    async def proposal_of(self, application: Application) -> Proposal | None:
        """The last one made of it, whatever was decided."""
        if application.proposal_id is None:
            return None
        return await self.approvals.proposals.by_id(application.proposal_id)

    async def _case_of(self, proposal: Proposal) -> str | None:
        """The proposal's own, or the one that ran already and does the same."""
        theirs = [case.case_id for case in await self.cases.of_subjects([proposal.subject_id]) if case.scope == "all"]
        return proposal.proposal_id if proposal.proposal_id in theirs else next(iter(theirs), None)

    async def _became(
        self, application: Application, case_id: str, now: datetime, *, language: Language | None, by: str | None
    ) -> None:
        with suppress(MovedMeanwhile):  # another replica was first, or it is read again
            await self.steps.step(
                application,
                "application_became_case",
                now,
                to="case",
                changes={"case_id": case_id, "language": language},
                reply="received",
                language=language,
                detail={"case_id": case_id, "by": by},
            )


def _proven(application: Application) -> str:
    if application.subject_id is None or not application.is_proven:
        raise NotProven
    return application.subject_id
