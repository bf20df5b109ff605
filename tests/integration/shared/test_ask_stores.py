"""Who asks gets each store's answer once, knows which are missing, and never somebody else's."""

from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from shared.contracts.erasure import Store
from shared.contracts.inspections import Asker, Foreseen, InspectSubject, SubjectInspected, Use
from shared.erasure.ask_stores import COLLECTION, Inspections
from shared.messaging.cloudevents import new_id
from shared.messaging.outbox import COLLECTION as OUTBOX
from shared.messaging.outbox import Outbox
from shared.policy.load import load_policy
from shared.stores.erasure import ErasureEngine, Target
from shared.stores.mongo import Client, Database, Session, in_transaction
from tests.builders import NOON, received

pytestmark = pytest.mark.integration
POLICY = load_policy()
STORES = ("intake", "delivery", "notifications", "privacy")


class NoBroker:
    """Nothing is published: the command stays in the outbox, to be read."""


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database, NoBroker(), service="intake")  # type: ignore[arg-type]


@pytest.fixture
async def inspections(mongo: Client, database: Database, outbox: Outbox) -> Inspections:
    inspections = Inspections("intake", client=mongo, database=database, outbox=outbox, policy=POLICY)
    await inspections.ensure_indexes()
    return inspections


def answer(subject_id: str, inspection_id: str, store: Store, **said: Any) -> SubjectInspected:
    fields: dict[str, Any] = {"asked_by": "intake", "inspected_at": NOON, "collections": {}, **said}
    return SubjectInspected(subject_id=subject_id, inspection_id=inspection_id, store=store, **fields)


async def take(inspections: Inspections, *answers: SubjectInspected) -> None:
    await inspections.on_inspected([received(event, source=event.store) for event in answers])


async def test_asking_leaves_one_document_and_one_command(inspections: Inspections, database: Database) -> None:
    subject = new_id()
    inspection_id = await inspections.ask(subject, NOON)
    (row,) = await database[OUTBOX].find().to_list(None)
    command = InspectSubject.model_validate_json(row["value"])
    assert (row["topic"], row["subject_id"]) == ("inspections", subject)
    assert (command.subject_id, command.inspection_id, command.asked_by) == (subject, inspection_id, "intake")
    found = await inspections.answers(inspection_id, subject_id=subject)
    assert found is not None
    assert (found.missing, found.answers, found.asked_at) == (STORES, {}, NOON)


async def test_a_crash_while_asking_leaves_neither(
    inspections: Inspections, outbox: Outbox, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: Any) -> Any:
        raise AutoReconnect("gone")

    monkeypatch.setattr(outbox, "append", die)
    with pytest.raises(AutoReconnect):
        await inspections.ask(new_id(), NOON)
    assert await database[COLLECTION].count_documents({}) == 0


async def test_who_has_not_answered_is_missing_and_never_empty(inspections: Inspections) -> None:
    subject = new_id()
    inspection_id = await inspections.ask(subject, NOON)
    held = {"shipments": Foreseen(matched=2, destroyed=1, deferred=1)}
    await take(inspections, answer(subject, inspection_id, "delivery", collections=held, open_orders=(new_id(),)))
    found = await inspections.answers(inspection_id, subject_id=subject)
    assert found is not None
    assert found.missing == ("intake", "notifications", "privacy")
    assert found.answers["delivery"].collections == held
    assert found.open_orders == found.answers["delivery"].open_orders
    await take(
        inspections, *(answer(subject, inspection_id, store) for store in ("intake", "notifications", "privacy"))
    )
    found = await inspections.answers(inspection_id, subject_id=subject)
    assert found is not None
    assert (found.missing, set(found.answers)) == ((), set(STORES))


async def test_uses_of_all_stores_are_one_list_newest_first(inspections: Inspections) -> None:
    subject = new_id()
    inspection_id = await inspections.ask(subject, NOON)

    def uses(store: Store, *minutes: int) -> tuple[Use, ...]:
        return tuple(
            Use(reader=store, what="message", purpose="3.2.6", fields=("phone",), at=NOON - timedelta(minutes=n))
            for n in minutes
        )

    await take(
        inspections,
        answer(subject, inspection_id, "delivery", uses=uses("delivery", 1, 4)),
        answer(subject, inspection_id, "notifications", uses=uses("notifications", 2, 3)),
    )
    found = await inspections.answers(inspection_id, subject_id=subject)
    assert found is not None
    assert [use.reader for use in found.uses] == ["delivery", "notifications", "notifications", "delivery"]


async def test_nobody_sees_another_persons(inspections: Inspections) -> None:
    subject, other = new_id(), new_id()
    inspection_id = await inspections.ask(subject, NOON)
    assert await inspections.answers(inspection_id, subject_id=other) is None
    assert await inspections.subject_of(inspection_id) == subject


@pytest.mark.parametrize("asked_by", ["privacy"])
async def test_another_askers_answer_changes_nothing(inspections: Inspections, asked_by: Asker) -> None:
    subject = new_id()
    inspection_id = await inspections.ask(subject, NOON)
    await take(inspections, answer(subject, inspection_id, "delivery", asked_by=asked_by))
    found = await inspections.answers(inspection_id, subject_id=subject)
    assert found is not None
    assert found.missing == STORES


async def test_an_answer_about_another_subject_or_to_nothing_asked_changes_nothing(
    inspections: Inspections, database: Database
) -> None:
    subject = new_id()
    inspection_id = await inspections.ask(subject, NOON)
    before = await database[COLLECTION].find().to_list(None)
    await take(inspections, answer(new_id(), inspection_id, "delivery"), answer(subject, new_id(), "delivery"))
    assert await database[COLLECTION].find().to_list(None) == before


async def test_a_stores_first_answer_stands_however_often_it_answers(inspections: Inspections) -> None:
    subject = new_id()
    inspection_id = await inspections.ask(subject, NOON)
    await take(inspections, answer(subject, inspection_id, "delivery"))
    await take(inspections, answer(subject, inspection_id, "delivery", inspected_at=NOON + timedelta(minutes=1)))
    found = await inspections.answers(inspection_id, subject_id=subject)
    assert found is not None
    assert found.answers["delivery"].inspected_at == NOON


async def test_it_goes_by_itself_after_the_policys_period(inspections: Inspections, database: Database) -> None:
    indexes = await database[COLLECTION].index_information()
    kept = [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index]
    assert kept == [POLICY.period("inspection").as_timedelta().total_seconds()]


@pytest.mark.parametrize("asker", ["intake", "privacy"])
async def test_it_goes_with_the_person(mongo: Client, database: Database, outbox: Outbox, asker: Asker) -> None:
    inspections = Inspections(asker, client=mongo, database=database, outbox=outbox, policy=POLICY)
    subject = new_id()
    inspection_id = await inspections.ask(subject, NOON)
    engine = ErasureEngine(database, POLICY.store(asker))

    async def work(session: Session) -> Any:
        return await engine.erase([Target(subject)], NOON, session)

    counts = await in_transaction(mongo, work)
    assert counts[subject][COLLECTION].destroyed == 1
    await take(inspections, answer(subject, inspection_id, "delivery", asked_by=asker))
    assert await inspections.answers(inspection_id, subject_id=subject) is None
    assert await database[COLLECTION].count_documents({}) == 0
