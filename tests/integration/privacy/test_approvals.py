"""Two people for what can't be undone: nobody approves their own, and what is decided is carried out once."""

import asyncio
from datetime import datetime

import pytest

from services.privacy.console.approvals import Approvals, NoSuchProposal
from services.privacy.console.proposal import AlreadyDecided, Decision, NotYoursToDecide, Proposal
from services.privacy.console.proposal_store import ProposalStore
from services.privacy.console.record import Record
from services.privacy.console.roles import Staff
from services.privacy.ledger import COLLECTION, Ledger
from shared.messaging.outbox import Outbox
from shared.stores.mongo import Client, Database, Session, in_transaction
from tests.builders import NOON, at

pytestmark = pytest.mark.integration
SUBJECT = "5b" * 16
OFFICER = Staff("0f" * 16, "officer", "officer")
APPROVER = Staff("ab" * 16, "approver", "approver")
APPROVE = Decision("approved", "as_proposed")
REFUSE = Decision("refused", "wrong_person")


class Board:
    def __init__(self, mongo: Client, database: Database) -> None:
        self.proposals = ProposalStore(database)
        self.done: list[str] = []
        self.faults: list[Exception] = []
        self.ledger, self.database = Ledger(database), database
        record = Record(mongo, self.ledger, Outbox(database, None, service="privacy"))  # type: ignore[arg-type]
        self.approvals = Approvals(self.proposals, record, {"withdrawal": self.carry_out})

    async def carry_out(self, proposal: Proposal, now: datetime) -> None:
        if self.faults:
            raise self.faults.pop()
        self.done.append(proposal.proposal_id)

    async def propose(self, by: Staff = OFFICER) -> Proposal:
        counts = {"intake": {"orders": {"matched": 2, "depersonalised": 2}}}
        return await self.approvals.propose("withdrawal", SUBJECT, by, NOON, details={"a": 1}, foreseen=counts)

    async def noted(self) -> list[str]:
        return [e["what"] async for e in self.database[COLLECTION].find({"what": {"$exists": True}}).sort("_id")]


@pytest.fixture
async def board(mongo: Client, database: Database) -> Board:
    board = Board(mongo, database)
    await board.proposals.ensure_indexes()
    return board


async def test_an_approved_proposal_is_carried_out(board: Board) -> None:
    proposal = await board.propose()
    assert board.done == []
    await board.approvals.decide(proposal.proposal_id, APPROVE, APPROVER, at(1))
    assert board.done == [proposal.proposal_id]
    stored = await board.proposals.by_id(proposal.proposal_id)
    assert stored is not None
    assert (stored.state, stored.done_at, stored.foreseen) == ("approved", at(1), proposal.foreseen)
    assert await board.noted() == ["proposed", "proposal_approved"]
    assert (await board.ledger.verify()).sequence == 2


async def test_a_refused_proposal_does_nothing_and_says_why(board: Board) -> None:
    proposal = await board.propose()
    await board.approvals.decide(proposal.proposal_id, REFUSE, APPROVER, at(1))
    assert not await board.approvals.carry_out_approved(at(2))
    assert board.done == []
    assert await board.noted() == ["proposed", "proposal_refused"]


async def test_nobody_decides_on_their_own(board: Board, mongo: Client) -> None:
    proposal = await board.propose()
    for own in (OFFICER, Staff(OFFICER.account_id, "officer", "approver")):
        with pytest.raises(NotYoursToDecide):
            await board.approvals.decide(proposal.proposal_id, APPROVE, own, at(1))
    forced = proposal.model_copy(update={"state": "approved", "decided_by": OFFICER.account_id, "decided_at": at(1)})

    async def past_the_rule(session: Session) -> None:
        await board.proposals.decide(forced, session)

    with pytest.raises(AlreadyDecided):  # the store's filter, where the rule was gone round
        await in_transaction(mongo, past_the_rule)
    assert board.done == []
    assert await board.noted() == ["proposed"]


async def test_an_approver_proposes_nothing(board: Board) -> None:
    with pytest.raises(NotYoursToDecide):
        await board.propose(APPROVER)
    assert await board.proposals.waiting() == 0


async def test_two_decisions_at_once_come_to_one(board: Board) -> None:
    proposal = await board.propose()
    another = Staff("ac" * 16, "another", "approver")
    outcomes = await asyncio.gather(
        board.approvals.decide(proposal.proposal_id, APPROVE, APPROVER, at(1)),
        board.approvals.decide(proposal.proposal_id, REFUSE, another, at(1)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(AlreadyDecided) == 1
    assert len(await board.noted()) == 2


async def test_what_a_crash_left_undone_is_taken_up(board: Board) -> None:
    proposal, other = await board.propose(), await board.propose()
    board.faults = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        await board.approvals.decide(proposal.proposal_id, APPROVE, APPROVER, at(1))
    board.faults = [RuntimeError("killed again")]
    with pytest.raises(RuntimeError):
        await board.approvals.decide(other.proposal_id, APPROVE, APPROVER, at(2))
    board.faults = [RuntimeError("a bug in the first")]
    await board.approvals.carry_out_approved(at(3))
    assert board.done == [other.proposal_id]
    await board.approvals.carry_out_approved(at(4))
    await board.approvals.carry_out_approved(at(5))
    assert board.done == [other.proposal_id, proposal.proposal_id]


async def test_waiting_ones_come_first_and_not_to_whoever_asked(board: Board) -> None:
    decided = await board.propose()
    await board.approvals.decide(decided.proposal_id, REFUSE, APPROVER, at(1))
    waiting = await board.propose()
    assert [proposal.proposal_id for proposal in await board.proposals.newest(10)] == [
        waiting.proposal_id,
        decided.proposal_id,
    ]
    assert await board.proposals.waiting(not_of=OFFICER.account_id) == 0
    assert await board.proposals.waiting(not_of=APPROVER.account_id) == 1
    with pytest.raises(NoSuchProposal):
        await board.approvals.decide("0" * 32, APPROVE, APPROVER, at(1))
