"""A proposal: what an officer may not do alone. Pure; who asks for something never grants it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from services.privacy.console.roles import Staff

Kind = Literal["withdrawal", "refusal", "state_disclosure"]
State = Literal["waiting", "approved", "refused"]
Verdict = Literal["approved", "refused"]
Reason = Literal[
    "as_proposed", "wrong_person", "identity_not_proven", "obligation_open", "law_forbids", "not_enough_known"
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


class NotYoursToDecide(Exception):
    def __init__(self) -> None:
        super().__init__("Who proposed it can't decide on it, and an approver must: ask one who did not propose it.")


class AlreadyDecided(Exception):
    def __init__(self) -> None:
        super().__init__("Somebody has decided on it already: see the proposal.")


class ReasonMissing(Exception):
    def __init__(self) -> None:
        super().__init__("A refusal needs its reason: choose one from the list.")


class Proposal(BaseModel):
    """`details`: what its kind needs to be carried out, ids and codes only. `foreseen`: store → collection → counts,
    as the officer saw them. `done_at`: since when an approved one is carried out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    proposal_id: str
    kind: Kind
    subject_id: str
    details: dict[str, Any]
    foreseen: dict[str, dict[str, dict[str, int]]] = Field(default_factory=dict)
    proposed_by: str
    proposed_at: datetime
    state: State = "waiting"
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: Reason | None = None
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    verdict: Verdict
    reason: Reason


def decided(proposal: Proposal, decision: Decision, by: Staff, now: datetime) -> Proposal:
    """The proposal as it is then. Raises NotYoursToDecide, AlreadyDecided, ReasonMissing."""
    if by.role != "approver" or by.account_id == proposal.proposed_by:
        raise NotYoursToDecide
    if proposal.state != "waiting":
        raise AlreadyDecided
    if decision.verdict == "refused" and decision.reason == "as_proposed":
        raise ReasonMissing
    return proposal.model_copy(
        update={
            "state": decision.verdict,
            "decided_by": by.account_id,
            "decided_at": now,
            "reason": decision.reason,
        }
    )
