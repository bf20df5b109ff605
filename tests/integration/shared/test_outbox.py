"""An event and the change it tells of are one; whoever dies in between, it is published, by somebody."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from faststream.kafka import KafkaBroker

from deploy.local.stack import LocalStack
from shared.contracts.event import Event
from shared.contracts.orders import OrderCancelled
from shared.messaging.broker import kafka_broker
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import COLLECTION, Outbox
from shared.policy.check import unknown_fields
from shared.policy.load import load_policy
from shared.stores.mongo import Client, Database, Session, in_transaction
from tests.builders import NOON
from tests.integration.shared.a_topic import create, published

pytestmark = pytest.mark.integration


@pytest.fixture
async def topic(stores: LocalStack) -> str:
    name = f"test-{new_id()}"
    await create(stores.info.kafka.address, name)
    return name


@pytest.fixture
async def broker(stores: LocalStack) -> AsyncIterator[KafkaBroker]:
    broker = kafka_broker(stores.info.kafka.address, service="test", idempotent=False)
    await broker.connect()
    yield broker
    await broker.stop()


@pytest.fixture
def events(topic: str) -> Callable[[int], list[Outgoing]]:
    class Probe(OrderCancelled):
        TOPIC = topic

    def make(count: int) -> list[Outgoing]:
        probes: list[Event] = [Probe(subject_id=new_id(), order_id=new_id(), cancelled_at=NOON) for _ in range(count)]
        return [Outgoing(event, new_id(), NOON) for event in probes]

    return make


def replica(database: Database, broker: Any, **settings: float) -> Outbox:
    return Outbox(database, broker, service="test", **{"sweep_seconds": 0.05, "lease_seconds": 0.3, **settings})


async def committed(mongo: Client, outbox: Outbox, outgoing: list[Outgoing]) -> list[dict[str, Any]]:
    """As an act does, up to the commit."""

    async def work(session: Session) -> list[dict[str, Any]]:
        return await outbox.append(outgoing, session)

    return await in_transaction(mongo, work)


async def gone(database: Database, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while await database[COLLECTION].count_documents({}):
            await asyncio.sleep(0.02)


def ids(records: list[Any]) -> list[str]:
    return sorted(dict(record.headers)["ce_id"].decode() for record in records)


async def test_event_is_published_right_after_the_commit_with_its_key_and_headers(
    stores: LocalStack, mongo: Client, database: Database, broker: KafkaBroker, topic: str, events: Any
) -> None:
    outbox, [event] = replica(database, broker), events(1)
    await outbox.start()
    outbox.committed(await committed(mongo, outbox, [event]))
    [record] = await published(stores.info.kafka.address, topic, 1)
    assert record.key == event.key.encode()
    assert record.value == event.event.model_dump_json().encode()
    headers = {name: value.decode() for name, value in record.headers}
    assert headers["ce_id"] == event.event_id
    assert headers["content-type"] == "application/json"
    await gone(database)
    await outbox.stop()


async def test_append_opens_no_transaction_of_its_own(
    mongo: Client, database: Database, broker: KafkaBroker, events: Any
) -> None:
    outbox = replica(database, broker)
    await database.create_collection(COLLECTION)
    async with await mongo.start_session() as session:
        session.start_transaction()
        await outbox.append(events(3), session)
        assert session.in_transaction
        assert await database[COLLECTION].count_documents({}) == 0
        await session.abort_transaction()
    assert await database[COLLECTION].count_documents({}) == 0


async def test_change_that_failed_publishes_nothing(
    stores: LocalStack, mongo: Client, database: Database, broker: KafkaBroker, topic: str, events: Any
) -> None:
    outbox = replica(database, broker)
    await outbox.start()

    async def fail(session: Session) -> None:
        await outbox.append(events(1), session)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await in_transaction(mongo, fail)
    await asyncio.sleep(0.5)  # longer than the lease
    assert await published(stores.info.kafka.address, topic, 0) == []
    await outbox.stop()


async def test_event_of_a_writer_that_died_between_commit_and_publishing_is_swept_by_another_replica_once(
    stores: LocalStack, mongo: Client, database: Database, broker: KafkaBroker, topic: str, events: Any
) -> None:
    died, other, third = (replica(database, broker) for _ in range(3))
    outgoing = events(20)
    await committed(mongo, died, outgoing)  # and no `committed`: the process is gone
    await asyncio.gather(other.start(), third.start())
    records = await published(stores.info.kafka.address, topic, 20)
    assert ids(records) == sorted(event.event_id for event in outgoing)
    await gone(database)
    await asyncio.gather(other.stop(), third.stop())


async def test_row_is_its_writers_as_long_as_its_lease_runs(
    mongo: Client, database: Database, broker: KafkaBroker, events: Any
) -> None:
    writer = replica(database, broker, lease_seconds=60)
    await committed(mongo, writer, events(2))
    assert await replica(database, broker).sweep() == 0
    assert await database[COLLECTION].count_documents({}) == 2


async def test_replicas_that_sweep_at_once_publish_each_event_once(
    stores: LocalStack, mongo: Client, database: Database, broker: KafkaBroker, topic: str, events: Any
) -> None:
    outgoing = events(900)
    await committed(mongo, replica(database, broker, lease_seconds=-1), outgoing)
    replicas = [replica(database, broker, lease_seconds=60) for _ in range(4)]
    while await database[COLLECTION].count_documents({}):
        await asyncio.gather(*(each.sweep() for each in replicas))
    records = await published(stores.info.kafka.address, topic, 900)
    assert ids(records) == sorted(event.event_id for event in outgoing)


class Silent:
    """A broker whose acknowledgements come when the test says, if at all."""

    def __init__(self) -> None:
        self.config = self
        self.producer = self
        self.sent: list[asyncio.Future[None]] = []

    async def publish(self, command: Any) -> "asyncio.Future[None]":
        self.sent.append(asyncio.get_running_loop().create_future())
        return self.sent[-1]


async def test_row_goes_only_when_kafka_has_acknowledged_it(mongo: Client, database: Database, events: Any) -> None:
    silent = Silent()
    outbox = replica(database, silent, lease_seconds=60)
    rows = await committed(mongo, outbox, events(3))
    publishing = asyncio.create_task(outbox.publish(rows, by="writer"))
    while len(silent.sent) < 3:
        await asyncio.sleep(0.01)
    silent.sent[0].set_result(None)
    silent.sent[1].set_exception(TimeoutError())
    await asyncio.sleep(0.05)
    assert await database[COLLECTION].count_documents({}) == 3
    silent.sent[2].set_result(None)
    await publishing
    assert [row["_id"] async for row in database[COLLECTION].find()] == [rows[1]["_id"]]


async def test_broker_that_is_away_leaves_the_rows_to_a_later_sweep(
    stores: LocalStack, mongo: Client, database: Database, broker: KafkaBroker, topic: str, events: Any
) -> None:
    nowhere = kafka_broker(stores.info.kafka.address, service="test", idempotent=False)  # never connected
    writer, other = replica(database, nowhere), replica(database, broker)
    await writer.start()
    writer.committed(await committed(mongo, writer, events(5)))
    await asyncio.sleep(0.2)
    assert await database[COLLECTION].count_documents({}) == 5
    await other.start()
    await published(stores.info.kafka.address, topic, 5)
    await gone(database)
    assert not [task for task in writer._tasks if task.done()], "the writer still works"
    await asyncio.gather(writer.stop(), other.stop())


async def test_stopping_publishes_what_is_queued(
    stores: LocalStack, mongo: Client, database: Database, broker: KafkaBroker, topic: str, events: Any
) -> None:
    outbox = replica(database, broker, lease_seconds=60)
    await outbox.start()
    for _ in range(10):
        outbox.committed(await committed(mongo, outbox, events(10)))
    await outbox.stop()
    assert await database[COLLECTION].count_documents({}) == 0
    assert len(await published(stores.info.kafka.address, topic, 100)) == 100


async def test_row_holds_what_the_policy_describes_and_no_more(
    mongo: Client, database: Database, broker: KafkaBroker, events: Any
) -> None:
    await committed(mongo, replica(database, broker, lease_seconds=-1), events(1))
    await replica(database, Silent(), lease_seconds=60)._leased(
        await database[COLLECTION].find().to_list(1), datetime.now(UTC)
    )
    async for row in database[COLLECTION].find():
        assert unknown_fields(load_policy(), "delivery", COLLECTION, row) == []
