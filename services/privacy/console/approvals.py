"""What needs two people: an officer proposes, an approver who is somebody else decides, and then it is carried out.

The decision and its ledger entry are one transaction. Carrying out follows and may be repeated: whatever a crash left
undone, any replica takes up.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from services.privacy.console.proposal import Decision, Kind, NotYoursToDecide, Proposal, decided
from services.privacy.console.proposal_store import ProposalStore
from services.privacy.console.record import Record
from services.privacy.console.roles import Staff
from services.privacy.ledger import Entry
from shared.messaging.cloudevents import new_id
from shared.messaging.consume import PASSING_FAULTS
from shared.stores.mongo import Session

AT_ONCE = 50
CarryOut = Callable[[Proposal, datetime], Awaitable[None]]
log = structlog.get_logger()


class NoSuchProposal(Exception):
    def __init__(self) -> None:
        super().__init__("There is no such proposal. The list shows them.")


@dataclass(frozen=True, slots=True)
class Approvals:
    """`carry_out`: what an approved proposal of each kind comes to; it must be safe to repeat."""

    proposals: ProposalStore
    record: Record
    carry_out: Mapping[Kind, CarryOut]

    async def propose(
        self,
        kind: Kind,
        subject_id: str,
        by: Staff,
        now: datetime,
        *,
        details: Mapping[str, Any],
        foreseen: Mapping[str, Mapping[str, Mapping[str, int]]] | None = None,
        proposal_id: str | None = None,
    ) -> Proposal:
        """`details` and `foreseen` hold ids, codes and counts only. `proposal_id`: where something names it already.
        Raises NotYoursToDecide for an approver."""
        if by.role != "officer":
            raise NotYoursToDecide
        proposal = Proposal.model_validate(
            {
                "proposal_id": proposal_id or new_id(),
                "kind": kind,
                "subject_id": subject_id,
                "details": dict(details),
                "foreseen": foreseen or {},
                "proposed_by": by.account_id,
                "proposed_at": now,
            }
        )

        async def change(session: Session) -> None:
            await self.proposals.add(proposal, session)

        detail = {"kind": kind, "subject_id": subject_id, "by": by.account_id}
        await self.record.note(Entry("proposed", proposal.proposal_id, detail), now, change)
        return proposal

    async def decide(self, proposal_id: str, decision: Decision, by: Staff, now: datetime) -> Proposal:
        """Decided, and where it was approved carried out. Raises NoSuchProposal, NotYoursToDecide, AlreadyDecided,
        ReasonMissing."""
        proposal = await self.proposals.by_id(proposal_id)
        if proposal is None:
            raise NoSuchProposal
        after = decided(proposal, decision, by, now)

        async def change(session: Session) -> None:
            await self.proposals.decide(after, session)

        detail = {"kind": after.kind, "by": by.account_id, "reason": decision.reason}
        await self.record.note(Entry(f"proposal_{decision.verdict}", proposal_id, detail), now, change)
        if after.state == "approved":
            await self._carry_out(after, now)
        return after

    async def carry_out_approved(self, now: datetime) -> bool:
        """What was approved and not carried out, as after a crash between the two. Whether there may be more."""
        due = await self.proposals.to_carry_out(AT_ONCE)
        for proposal in due:
            try:
                await self._carry_out(proposal, now)
            except PASSING_FAULTS:
                raise  # all of them are due again
            except Exception as error:  # a bug in one must not hold up the others
                log.error("work_failed", case_id=proposal.proposal_id, exc_info=error)
        return len(due) == AT_ONCE

    async def _carry_out(self, proposal: Proposal, now: datetime) -> None:
        await self.carry_out[proposal.kind](proposal, now)
        await self.proposals.done([proposal.proposal_id], now)
        log.info("proposal_carried_out", kind=proposal.kind, case_id=proposal.proposal_id)
