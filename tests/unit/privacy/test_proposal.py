"""Who proposes never decides, and a decision stands."""

import pytest

from services.privacy.console.proposal import (
    AlreadyDecided,
    Decision,
    NotYoursToDecide,
    Proposal,
    ReasonMissing,
    decided,
)
from services.privacy.console.roles import Staff
from tests.builders import NOON, at

OFFICER = Staff("0f" * 16, "officer", "officer")
APPROVER = Staff("ab" * 16, "approver", "approver")
APPROVE = Decision("approved", "as_proposed")
REFUSE = Decision("refused", "wrong_person")


def a_proposal(**changes: object) -> Proposal:
    fields = {
        "proposal_id": "9a" * 16,
        "kind": "withdrawal",
        "subject_id": "5b" * 16,
        "details": {},
        "proposed_by": OFFICER.account_id,
        "proposed_at": NOON,
    }
    return Proposal.model_validate({**fields, **changes})


@pytest.mark.parametrize("decision", [APPROVE, REFUSE])
def test_an_approver_decides(decision: Decision) -> None:
    after = decided(a_proposal(), decision, APPROVER, at(1))
    assert (after.state, after.reason) == (decision.verdict, decision.reason)
    assert (after.decided_by, after.decided_at) == (APPROVER.account_id, at(1))


def test_an_officer_decides_nothing() -> None:
    with pytest.raises(NotYoursToDecide):
        decided(a_proposal(), APPROVE, Staff("0e" * 16, "another", "officer"), at(1))


def test_who_proposed_it_decides_nothing_even_as_approver_now() -> None:
    promoted = Staff(OFFICER.account_id, "officer", "approver")
    with pytest.raises(NotYoursToDecide):
        decided(a_proposal(), APPROVE, promoted, at(1))


def test_a_decision_stands() -> None:
    refused = decided(a_proposal(), REFUSE, APPROVER, at(1))
    with pytest.raises(AlreadyDecided):
        decided(refused, APPROVE, APPROVER, at(2))


def test_a_refusal_gives_its_reason() -> None:
    with pytest.raises(ReasonMissing):
        decided(a_proposal(), Decision("refused", "as_proposed"), APPROVER, at(1))
