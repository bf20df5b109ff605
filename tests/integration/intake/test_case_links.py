"""A link shows how far its case is, whatever comes twice, late or after a restore; and it leads to nobody."""

from datetime import date, timedelta
from typing import Any

import bson
import pytest

from services.intake.my_data.case_link_store import COLLECTION, CaseLinkStore, FollowedCase
from services.intake.my_data.follow_cases import CaseFollowing
from services.intake.my_data.withdraw_everything import WithdrawEverything
from shared.contracts.cases import CaseMoved
from shared.contracts.consents import ConsentWithdrawn
from shared.messaging.cloudevents import new_id
from shared.policy.working_days import deadline
from tests.builders import NOON, at, received
from tests.integration.intake.an_intake import Intake, somebody

pytestmark = pytest.mark.integration


class Link:
    """A person has withdrawn on the pages, and has the link."""

    def __init__(self, links: CaseLinkStore, token: str, subject_id: str, withdrawal_id: str) -> None:
        self.links, self.token = links, token
        self.subject_id, self.withdrawal_id = subject_id, withdrawal_id

    def moved(self, step: int, state: str, seconds: float = 0, **changes: Any) -> CaseMoved:
        fields: dict[str, Any] = {
            "subject_id": self.subject_id,
            "case_id": self.withdrawal_id,
            "withdrawals": (self.withdrawal_id,),
            "step": step,
            "state": state,
            "received_at": NOON,
            "deadline": date(2026, 3, 26),
            "open_orders": 0,
            "moved_at": at(seconds),
        }
        return CaseMoved(**{**fields, **changes})

    async def tell(self, *events: CaseMoved) -> None:
        await CaseFollowing(self.links).on_moved([received(event, source="privacy") for event in events])

    async def shown(self) -> FollowedCase:
        case = await self.links.of(self.token)
        assert case is not None
        return case


async def a_link(intake: Intake, number: int) -> Link:
    links = CaseLinkStore(intake.database, timedelta(days=365))
    placed = await intake.place(person=somebody(number))
    withdrawing = WithdrawEverything(intake.client, intake.consents, links, intake.outbox, intake.policy)
    token = await withdrawing.withdraw(placed.subject_id, NOON)
    (withdrawn,) = await intake.published(placed.subject_id, ConsentWithdrawn)
    assert (withdrawn.event.scope, withdrawn.event.channel, withdrawn.event.received_at) == ("all", "web", NOON)  # type: ignore[union-attr]
    return Link(links, token, placed.subject_id, withdrawn.event_id)


async def test_a_new_link_says_when_it_came_in_and_by_when_it_is_answered(intake: Intake) -> None:
    link = await a_link(intake, 7001)
    shown = await link.shown()
    assert (shown.received_at, shown.state, shown.case_id) == (NOON, None, None)
    assert shown.deadline == deadline(NOON, 15)


async def test_the_withdrawal_is_noted_on_the_consent(intake: Intake) -> None:
    link = await a_link(intake, 7008)
    (consent,) = await intake.consents.of(link.subject_id)
    assert (consent.withdrawn_scope, consent.withdrawn_at) == ("all", NOON)


async def test_it_moves_on_and_never_back(intake: Intake) -> None:
    link = await a_link(intake, 7002)
    events = [link.moved(3, "erasing", open_orders=1), link.moved(5, "deferred", 1, open_orders=1)]
    done = link.moved(11, "closed", 9)
    await link.tell(*events)
    assert (await link.shown()).open_orders == 1
    await link.tell(done)
    await link.tell(*events, done, *reversed(events))
    shown = await link.shown()
    assert (shown.state, shown.open_orders, shown.moved_at) == ("closed", 0, at(9))


async def test_a_case_that_answers_more_than_one_withdrawal_shows_on_each_link(intake: Intake) -> None:
    link, other = await a_link(intake, 7003), await a_link(intake, 7004)
    running = new_id()
    await link.tell(link.moved(4, "erasing", case_id=running, withdrawals=(link.withdrawal_id, other.withdrawal_id)))
    assert {(await one.shown()).case_id for one in (link, other)} == {running}


async def test_a_case_opened_again_after_a_restore_takes_over_with_fewer_steps(intake: Intake) -> None:
    link = await a_link(intake, 7005)
    again = new_id()
    await link.tell(link.moved(9, "verifying", 5))
    await link.tell(link.moved(2, "restricting", 60, case_id=again))
    assert ((await link.shown()).case_id, (await link.shown()).state) == (again, "restricting")
    await link.tell(link.moved(9, "verifying", 5))  # the first one, read again
    assert (await link.shown()).case_id == again


async def test_a_case_nobody_follows_changes_nothing(intake: Intake) -> None:
    link = await a_link(intake, 7006)
    await link.tell(link.moved(9, "closed", withdrawals=(new_id(),)))
    assert (await link.shown()).state is None


async def test_no_other_token_leads_anywhere_and_the_link_holds_neither_token_nor_subject(intake: Intake) -> None:
    link = await a_link(intake, 7007)
    await link.tell(link.moved(3, "erasing"))
    assert await link.links.of(link.token[:-1]) is None
    assert await link.links.of("") is None
    for document in await intake.database[COLLECTION].find({"withdrawal_id": link.withdrawal_id}).to_list(None):
        assert link.token.encode() not in bson.encode(document)
        assert link.subject_id.encode() not in bson.encode(document)
