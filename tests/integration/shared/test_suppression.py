"""Whom the topic names has nothing in the store, and no key this service could use, before it serves."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.errors import UnknownTopicOrPartitionError
from structlog.testing import capture_logs

from deploy.local.stack import LocalStack
from shared.contracts.suppressions import SubjectSuppressed
from shared.erasure.suppression import Suppression, furthest
from shared.messaging.broker import kafka_broker
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.topic_log import TopicLog
from shared.stores.mongo import Client, Database
from tests.builders import NOON, a_record
from tests.integration.shared.a_store import Shelf
from tests.integration.shared.a_topic import create, send

pytestmark = pytest.mark.integration

EVERYBODY = ("intake", "delivery", "notifications")


def suppressed(subject_id: str, *keys_destroyed: str, **said: Any) -> SubjectSuppressed:
    body = {"case_id": new_id(), "channel": "phone", "received_at": NOON, "keys_destroyed": keys_destroyed, **said}
    return SubjectSuppressed.model_validate({"subject_id": subject_id, **body})


@dataclass
class View:
    """`KeyringView`: whose key is still there. `looks`: how many subjects each look-up asked for."""

    held: set[str] = field(default_factory=set)
    looks: list[int] = field(default_factory=list)

    async def columns(self, subject_ids: Collection[str]) -> Mapping[str, Mapping[str, Any] | None]:
        self.looks.append(len(subject_ids))
        return {s: {"epoch": 1} if s in self.held else None for s in subject_ids}


class Start:
    """A service that starts, over the made-up store and a topic of its own on the real broker."""

    def __init__(self, client: Client, database: Database, entries: TopicLog) -> None:
        self.shelf = Shelf(client, database)
        self.view = View()
        self.entries = entries
        self.suppression = Suppression("delivery", self.shelf.engine, client=client, entries=entries, keyring=self.view)

    async def know(self, *entries: SubjectSuppressed) -> None:
        await self.entries.append([Outgoing(entry, new_id(), NOON) for entry in entries])


@pytest.fixture
async def topic(stores: LocalStack) -> AsyncIterator[TopicLog]:
    servers, name = stores.info.kafka.address, f"suppressions-{new_id()}"
    await create(servers, name)
    broker = kafka_broker(servers, service="test", idempotent=False)
    await broker.connect()
    yield TopicLog(broker, name, service="privacy")
    await broker.stop()


@pytest.fixture
def start(mongo: Client, database: Database, topic: TopicLog) -> Start:
    return Start(mongo, database, topic)


async def test_everything_is_read_in_batches_from_the_first_message(topic: TopicLog) -> None:
    written = [suppressed(new_id(), *EVERYBODY) for _ in range(3_500)]
    await topic.append([Outgoing(entry, new_id(), NOON) for entry in written])
    for _ in range(2):
        batches = [batch async for batch in topic.read()]
        assert max(map(len, batches)) <= 1_000
        assert {item.event.subject_id for batch in batches for item in batch} == {e.subject_id for e in written}


async def test_a_topic_that_is_not_there_is_not_an_empty_one(stores: LocalStack) -> None:
    broker = kafka_broker(stores.info.kafka.address, service="test", idempotent=False)
    with pytest.raises(UnknownTopicOrPartitionError):
        [batch async for batch in TopicLog(broker, f"not-there-{new_id()}", service="privacy").read()]
    await broker.stop()


async def test_message_that_names_nobody_is_passed_over_and_told_of(start: Start, stores: LocalStack) -> None:
    servers, name = stores.info.kafka.address, start.entries._topic
    await send(servers, name, [a_record(b"{}", key=b"x", topic=name)])
    subject, _ = await start.shelf.person()
    await start.know(suppressed(subject, *EVERYBODY))
    with capture_logs() as logs:
        await start.suppression.replay()
    assert [line["code"] for line in logs if line["event"] == "log_entry_unreadable"] == ["not-a-cloudevent"]
    assert not [row for row in (await start.shelf.everything())["people"] if row["_id"] == subject]


async def test_erased_person_that_came_back_goes_and_the_others_stay_as_they_were(start: Start) -> None:
    subject, order = await start.shelf.person(parcel="waiting", order="placed")
    await start.shelf.person(parcel="waiting", order="placed")
    others = {
        name: [r for r in rows if subject not in r.values()] for name, rows in (await start.shelf.everything()).items()
    }
    await start.know(suppressed(subject), suppressed(subject, *EVERYBODY), suppressed(new_id(), *EVERYBODY))
    await start.suppression.replay()
    after = await start.shelf.everything()
    kept = {"proofs", "outbox"}
    assert {name for name, rows in after.items() if [r for r in rows if subject in r.values()]} == kept
    depersonalised = {"orders", "papers"}
    for name, rows in others.items():
        assert [row for row in after[name] if row in rows] == rows, name
        assert len(after[name]) > len(rows) or name not in depersonalised | kept
    assert not [row for row in after["orders"] if row["_id"] == order and "sealed" in row]


async def test_open_order_of_somebody_still_waits_and_is_stopped(start: Start) -> None:
    subject, order = await start.shelf.person(parcel="on_its_way", order="placed")
    await start.know(suppressed(subject, "intake", "notifications", open_orders=(order,)))
    await start.suppression.replay()
    (parcel,) = (await start.shelf.everything())["parcels"]
    assert (parcel["order_id"], parcel["sealed"]) == (order, b"x")
    assert parcel["restricted_at"] is not None


async def test_accepted_withdrawal_stops_and_erases_nothing(start: Start) -> None:
    subject, _ = await start.shelf.person(parcel="waiting", order="placed")
    before = await start.shelf.everything()
    await start.know(suppressed(subject))
    await start.suppression.replay()
    after = await start.shelf.everything()
    await start.suppression.replay()
    assert await start.shelf.everything() == after  # what is stopped was stopped then, not at each start
    stopped = {name for name, rows in after.items() for row in rows if row.pop("restricted_at", None)}
    assert stopped == {"parcels", "orders", "people"}
    assert after == before


async def test_nothing_is_changed_where_nothing_came_back(start: Start) -> None:
    subject, _ = await start.shelf.person(parcel="waiting", order="placed")
    await start.know(suppressed(subject, *EVERYBODY))
    await start.suppression.replay()
    before = await start.shelf.everything()
    with capture_logs() as logs:
        await start.suppression.replay()
    assert await start.shelf.everything() == before
    assert [(line["event"], line["records"]) for line in logs] == [("suppressions_replayed", 0)]


async def test_it_waits_until_no_key_is_left_and_looks_in_batches(start: Start) -> None:
    entries = [suppressed(new_id(), *EVERYBODY) for _ in range(1_500)]
    await start.know(*entries)
    start.view.held = {entry.subject_id for entry in entries[:3]}
    serving = asyncio.create_task(start.suppression.replay())
    async with asyncio.timeout(60):
        while 3 not in start.view.looks:  # it asks again for those three alone
            assert not serving.done()
            await asyncio.sleep(0.05)
        start.view.held.clear()
        await serving
    assert sum(look for look in start.view.looks if look != 3) == 1_500
    assert len(start.view.looks) < 100


async def test_key_of_another_reader_keeps_nobody_waiting(start: Start) -> None:
    entry = suppressed(new_id(), "intake", "notifications")
    start.view.held = {entry.subject_id}
    await start.know(entry)
    async with asyncio.timeout(60):
        await start.suppression.replay()


async def test_nobody_waits_for_a_key_that_is_still_needed(start: Start) -> None:
    entries = [suppressed(new_id(), *EVERYBODY) for _ in range(2)]
    start.view.held = {entries[0].subject_id}
    await start.know(*entries)

    async def needed(batch: Sequence[SubjectSuppressed]) -> Collection[str]:
        return {entries[0].subject_id}

    async with asyncio.timeout(60):
        await start.suppression.replay(first=needed)


async def test_broker_that_fails_while_it_is_read_is_asked_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    subject, _ = await start.shelf.person()
    await start.know(suppressed(subject, *EVERYBODY))
    read, failures = start.entries.read, [TimeoutError(), ConnectionError()]

    async def failing() -> AsyncIterator[Any]:
        if failures:
            raise failures.pop()
        async for batch in read():
            yield batch

    monkeypatch.setattr(start.entries, "read", failing)
    await start.suppression.replay()
    assert failures == []
    assert (await start.shelf.everything())["people"] == []


def test_late_entry_does_not_undo_a_further_one() -> None:
    subject, other = new_id(), new_id()
    all_gone, some_gone = suppressed(subject, *EVERYBODY), suppressed(subject, "intake", open_orders=(new_id(),))
    accepted = suppressed(other)
    assert furthest([all_gone, some_gone, accepted, suppressed(subject)]) == [all_gone, accepted]
