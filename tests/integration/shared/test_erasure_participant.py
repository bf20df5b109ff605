"""A store does what it is commanded and answers with a signed receipt: both, or neither."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from shared.contracts.erasure import EraseSubject, RestrictSubject, SubjectErased, SubjectRestricted
from shared.contracts.event import Event
from shared.erasure.participant import ErasureParticipant, Hooks
from shared.messaging.cloudevents import Received, new_id
from shared.messaging.outbox import COLLECTION, Outbox
from shared.observability.metrics import RESIDUAL_RECORDS
from shared.policy.rows import Store
from shared.stores.mongo import Client, Database
from shared.stores.receipts import PublicKeys, Signer, create_signing_key
from tests.builders import received
from tests.integration.shared.a_store import STORE, Shelf, a_plan, a_store

pytestmark = pytest.mark.integration
ENVELOPE = b"\x5a" * 92


class NoBroker:
    """Nothing is published: the answers stay in the outbox, to be read."""


class Delivery:
    """A participant over the made-up store. `evicted`: what its key cache was told to forget."""

    def __init__(
        self, client: Client, database: Database, keys_root: Path, *, store: Store = STORE, **hooks: Any
    ) -> None:
        create_signing_key(keys_root, "delivery")
        self.shelf = Shelf(client, database, store)
        self.evicted: list[str] = []
        self.keys = PublicKeys.from_folder(keys_root / "public")
        self.outbox = Outbox(database, NoBroker(), service="delivery")  # type: ignore[arg-type]
        self.participant = ErasureParticipant(
            "delivery",
            self.shelf.engine,
            client=client,
            outbox=self.outbox,
            signer=Signer.from_folder(keys_root / "delivery"),
            hooks=Hooks(evict_keys=self.evicted.extend, **hooks),
        )

    async def answers(self) -> list[Event]:
        rows = self.shelf.database[COLLECTION].find({"headers": {"$exists": True}}).sort("created_at")
        kinds = {kind.type_name(): kind for kind in (SubjectErased, SubjectRestricted)}
        return [kinds[row["headers"]["ce_type"]].model_validate_json(row["value"]) async for row in rows]


@pytest.fixture
def delivery(mongo: Client, database: Database, tmp_path: Path) -> Delivery:
    return Delivery(mongo, database, tmp_path)


def erase(subject: str, *open_orders: str, round_: int = 1, case: str | None = None) -> Received[EraseSubject]:
    return received(
        EraseSubject(
            subject_id=subject, case_id=case or new_id(), store="delivery", round=round_, open_orders=open_orders
        )
    )


def restrict(subject: str, scope: Any = "all", case: str | None = None) -> Received[RestrictSubject]:
    return received(RestrictSubject(subject_id=subject, case_id=case or new_id(), store="delivery", scope=scope))


def counts(receipt: Event, collection: str = "parcels") -> dict[str, int]:
    assert isinstance(receipt, SubjectErased)
    return {kind: number for kind, number in receipt.collections[collection].model_dump().items() if number}


async def test_receipt_names_the_case_and_round_and_verifies_with_the_public_key(delivery: Delivery) -> None:
    subject, _ = await delivery.shelf.person()
    command = erase(subject)
    outcome = await delivery.participant.erase([command])
    assert outcome.applied == 1
    [receipt] = await delivery.answers()
    assert isinstance(receipt, SubjectErased)
    assert (receipt.case_id, receipt.subject_id, receipt.round) == (command.event.case_id, subject, 1)
    assert counts(receipt) == {"matched": 1, "destroyed": 1}
    statement = json.loads(receipt.model_dump_json())
    assert delivery.keys.verify(statement, by="delivery")
    statement["collections"]["parcels"]["destroyed"] = 2
    assert not delivery.keys.verify(statement, by="delivery")


async def test_keys_are_evicted_before_anything_else(delivery: Delivery) -> None:
    subject, _ = await delivery.shelf.person()
    await delivery.participant.restrict([restrict(subject)])
    await delivery.participant.erase([erase(subject)])
    assert delivery.evicted == [subject, subject]


async def test_crash_before_the_commit_leaves_the_records_and_no_receipt(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, _ = await delivery.shelf.person()
    command = erase(subject)
    append = delivery.outbox.append

    async def die(*arguments: Any) -> Any:
        await append(*arguments)
        raise AutoReconnect("gone")

    with monkeypatch.context() as patch:
        patch.setattr(delivery.outbox, "append", die)
        with pytest.raises(AutoReconnect):
            await delivery.participant.erase([command])
    assert await delivery.shelf.database["parcels"].count_documents({"subject_id": subject}) == 1
    assert await delivery.answers() == []
    await delivery.participant.erase([command])
    [receipt] = await delivery.answers()
    assert counts(receipt) == {"matched": 1, "destroyed": 1}, "the counts are those of the erasure that happened"


async def test_crash_after_the_commit_leaves_both(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    subject, _ = await delivery.shelf.person()

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(delivery.outbox, "committed", die)
    with pytest.raises(KeyboardInterrupt):
        await delivery.participant.erase([erase(subject)])
    assert await delivery.shelf.database["parcels"].count_documents({"subject_id": subject}) == 0
    [receipt] = await delivery.answers()
    assert counts(receipt) == {"matched": 1, "destroyed": 1}


async def test_command_read_again_while_its_receipt_waits_makes_no_other(delivery: Delivery) -> None:
    """The first has the true counts, and waits for a lease to end: a second would come before it and be taken."""
    subject, _ = await delivery.shelf.person()
    command = erase(subject)
    for _ in range(2):
        await delivery.participant.erase([command])
    [receipt] = await delivery.answers()
    assert counts(receipt) == {"matched": 1, "destroyed": 1}


async def test_command_read_again_after_its_receipt_left_is_answered_with_zeros(delivery: Delivery) -> None:
    subject, _ = await delivery.shelf.person()
    command = erase(subject)
    await delivery.participant.erase([command])
    await delivery.shelf.database[COLLECTION].delete_many({})  # published
    await delivery.participant.erase([command])
    [receipt] = await delivery.answers()
    assert counts(receipt) == {}


async def test_open_orders_records_wait_and_the_receipt_says_so(delivery: Delivery) -> None:
    subject, order = await delivery.shelf.person()
    await delivery.participant.erase([erase(subject, order)])
    [receipt] = await delivery.answers()
    assert counts(receipt) == {"matched": 1, "deferred": 1}


async def test_rounds_of_one_batch_are_answered_each_in_its_turn(delivery: Delivery) -> None:
    subject, order = await delivery.shelf.person()
    case = new_id()
    await delivery.participant.erase([erase(subject, round_=2, case=case), erase(subject, order, case=case)])
    first, second = await delivery.answers()
    assert (counts(first), counts(second)) == ({"matched": 1, "deferred": 1}, {"matched": 1, "destroyed": 1})


async def test_many_subjects_are_answered_one_by_one(delivery: Delivery) -> None:
    subjects = [(await delivery.shelf.person())[0] for _ in range(20)]
    await delivery.participant.erase([erase(subject) for subject in subjects])
    answers = await delivery.answers()
    assert sorted(answer.subject_id for answer in answers) == sorted(subjects)
    assert all(counts(answer) == {"matched": 1, "destroyed": 1} for answer in answers)


async def test_restriction_names_the_open_orders(delivery: Delivery) -> None:
    subject, order = await delivery.shelf.person(parcel="waiting")
    await delivery.participant.restrict([restrict(subject)])
    [answer] = await delivery.answers()
    assert isinstance(answer, SubjectRestricted)
    assert (answer.open_orders, answer.records) == ((order,), 5)


async def test_reminder_in_the_same_batch_is_answered_once(delivery: Delivery) -> None:
    subject, _ = await delivery.shelf.person()
    command = restrict(subject)
    await delivery.participant.restrict([command, restrict(subject, case=command.event.case_id)])
    assert len(await delivery.answers()) == 1


async def test_stopping_promotions_restricts_no_record(mongo: Client, database: Database, tmp_path: Path) -> None:
    stopped: list[str] = []

    async def stop(asked: Any, session: Any) -> None:
        stopped.extend(asked)

    delivery = Delivery(mongo, database, tmp_path, stop_promotions=stop)
    subject, _ = await delivery.shelf.person(parcel="waiting")
    await delivery.participant.restrict([restrict(subject, "promotions")])
    [answer] = await delivery.answers()
    assert isinstance(answer, SubjectRestricted)
    assert (answer.open_orders, answer.records) == ((), 0)
    assert stopped == [subject]
    assert not await database["parcels"].count_documents({"restricted_at": {"$exists": True}})


async def test_each_answer_carries_the_contact_that_is_bound_to_it(
    mongo: Client, database: Database, tmp_path: Path
) -> None:
    """One person, two cases in one batch: an envelope opens only in the answer it was sealed for."""
    wanted: list[Any] = []

    async def contacts(asked: Sequence[Any]) -> dict[str, dict[str, bytes]]:
        wanted.extend(asked)
        return {one.event_id: {"privacy": one.event_id.encode() * 2} for one in asked}

    delivery = Delivery(mongo, database, tmp_path, contacts=contacts)
    subject, _ = await delivery.shelf.person()
    await delivery.participant.restrict([restrict(subject), restrict(subject, "promotions")])
    rows = await database[COLLECTION].find({"headers": {"$exists": True}}).to_list(None)
    assert {one.event_type for one in wanted} == {SubjectRestricted.type_name()}
    for row in rows:
        answer = SubjectRestricted.model_validate_json(row["value"])
        assert answer.sealed == {"privacy": row["_id"].encode() * 2}
        assert row["headers"]["ce_id"] == row["_id"]


async def test_recipients_told_are_in_the_receipt(mongo: Client, database: Database, tmp_path: Path) -> None:
    async def tell(commands: Sequence[EraseSubject], now: Any, session: Any) -> dict[str, tuple[str, ...]]:
        return {command.subject_id: ("d" * 32,) for command in commands}

    delivery = Delivery(mongo, database, tmp_path, tell_recipients=tell)
    subject, _ = await delivery.shelf.person()
    await delivery.participant.erase([erase(subject)])
    [receipt] = await delivery.answers()
    assert isinstance(receipt, SubjectErased)
    assert receipt.disclosures == ("d" * 32,)


async def test_records_that_are_left_are_counted_for_the_alarm(
    mongo: Client, database: Database, tmp_path: Path
) -> None:
    forgetful = a_store(papers=a_plan(action="depersonalise", unset=["name"]))
    delivery = Delivery(mongo, database, tmp_path, store=forgetful)
    subject = new_id()
    await delivery.shelf.put("papers", subject_id=subject, name="x")
    before = left()
    await delivery.participant.erase([erase(subject)])
    assert left() - before == 1


def left() -> float:
    return RESIDUAL_RECORDS.labels("delivery")._value.get()
