"""Every store says what it holds of a person, what erasure would do with it, and who opened or received what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from shared.contracts.inspections import MOST_USES, InspectSubject, SubjectInspected, Use
from shared.erasure.inspect_subject import SubjectInspection, is_waited_for
from shared.messaging.cloudevents import Received, new_id
from shared.messaging.outbox import COLLECTION, Outbox
from shared.policy.load import load_policy
from shared.stores.mongo import Client, Database, Session
from tests.builders import NOON, received
from tests.integration.shared.a_store import STORE, Shelf

pytestmark = pytest.mark.integration
POLICY = load_policy()
WAITED_FOR = POLICY.period("inspection").as_timedelta()


class NoBroker:
    """Nothing is published: the answers stay in the outbox, to be read."""


def a_use(at: datetime, what: str = "shipment") -> Use:
    return Use(reader="delivery", what=what, purpose="3.2.3", fields=("phone",), at=at)


class Delivery:
    """The made-up store, with the uses it is told to have."""

    def __init__(self, client: Client, database: Database) -> None:
        self.shelf = Shelf(client, database)
        self.outbox = Outbox(database, NoBroker(), service="delivery")  # type: ignore[arg-type]
        self.used: list[Use] = []
        policy = POLICY.model_copy(update={"stores": {**POLICY.stores, "delivery": STORE}})
        self.inspection = SubjectInspection(
            "delivery", self.shelf.engine, client=client, outbox=self.outbox, policy=policy, uses=[self.uses, self.uses]
        )

    async def uses(self, subject_id: str, most: int, session: Session) -> list[Use]:
        return self.used[:most]

    async def answers(self) -> list[SubjectInspected]:
        rows = self.shelf.database[COLLECTION].find({"headers": {"$exists": True}})
        return [SubjectInspected.model_validate_json(row["value"]) async for row in rows]


@pytest.fixture
def delivery(mongo: Client, database: Database) -> Delivery:
    return Delivery(mongo, database)


def inspect(subject_id: str, inspection_id: str | None = None, at: datetime | None = None) -> Received[InspectSubject]:
    command = received(
        InspectSubject(subject_id=subject_id, inspection_id=inspection_id or new_id(), asked_by="intake")
    )
    return Received(command.event, command.event_id, command.event_type, at or datetime.now(UTC), command.record)


async def test_the_answer_counts_foresees_and_names_open_orders(delivery: Delivery) -> None:
    subject, order = await delivery.shelf.person(parcel="on_its_way", order="placed")
    before = await delivery.shelf.everything()
    command = inspect(subject)
    assert (await delivery.inspection.on_inspect([command])).applied == 1
    (answer,) = await delivery.answers()
    assert (answer.inspection_id, answer.store, answer.asked_by) == (command.event.inspection_id, "delivery", "intake")
    assert answer.open_orders == (order,)
    assert answer.collections["parcels"].deferred == 1
    assert answer.collections["people"].destroyed == 1
    assert (answer.collections["proofs"].kept, answer.collections["proofs"].ground) == (1, "Proof")
    assert answer.collections["proofs"].article == "art. 1"
    after = await delivery.shelf.everything()
    after["outbox"] = [row for row in after["outbox"] if "headers" not in row]
    assert after == before, "only the answer was written"


async def test_of_somebody_it_does_not_hold_it_says_so(delivery: Delivery) -> None:
    await delivery.shelf.person()
    await delivery.inspection.on_inspect([inspect(new_id())])
    (answer,) = await delivery.answers()
    assert {count.matched for count in answer.collections.values()} == {0}
    assert answer.open_orders == ()


async def test_each_of_many_is_answered_with_its_own(delivery: Delivery) -> None:
    people = [await delivery.shelf.person() for _ in range(25)]
    await delivery.inspection.on_inspect([inspect(subject) for subject, _ in people] + [inspect(new_id())])
    answers = await delivery.answers()
    assert {answer.subject_id for answer in answers} > {subject for subject, _ in people}
    assert sorted(answer.collections["papers"].matched for answer in answers) == [0] + [2] * 25


async def test_uses_are_the_newest_of_all_sources(delivery: Delivery) -> None:
    delivery.used = [a_use(NOON - timedelta(minutes=n)) for n in range(150)]
    await delivery.inspection.on_inspect([inspect(new_id())])
    (answer,) = await delivery.answers()
    assert len(answer.uses) == MOST_USES
    assert [use.at for use in answer.uses] == sorted((use.at for use in answer.uses), reverse=True)
    assert answer.uses[0].at == NOON
    assert answer.uses[-1].at == NOON - timedelta(minutes=99)


async def test_a_command_that_came_twice_in_a_batch_is_answered_once(delivery: Delivery) -> None:
    command = inspect(new_id())
    assert (await delivery.inspection.on_inspect([command, command])).applied == 2
    assert len(await delivery.answers()) == 1


async def test_what_nobody_waits_for_any_more_is_not_answered(delivery: Delivery) -> None:
    late = inspect(new_id(), at=datetime.now(UTC) - WAITED_FOR - timedelta(seconds=1))  # by whichever clock
    assert (await delivery.inspection.on_inspect([late])).applied == 1
    assert await delivery.answers() == []


@pytest.mark.parametrize(("age", "waited_for"), [(WAITED_FOR - timedelta(seconds=1), True), (WAITED_FOR, False)])
def test_it_is_waited_for_as_long_as_the_asker_keeps_it(age: timedelta, waited_for: bool) -> None:
    assert is_waited_for(NOON - age, NOON, WAITED_FOR) is waited_for


async def test_a_passing_fault_leaves_no_answer_and_is_raised(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = delivery.outbox.append

    async def die(*arguments: Any) -> Any:
        await append(*arguments)
        raise AutoReconnect("gone")

    monkeypatch.setattr(delivery.outbox, "append", die)
    with pytest.raises(AutoReconnect):
        await delivery.inspection.on_inspect([inspect(new_id())])
    assert await delivery.answers() == []
