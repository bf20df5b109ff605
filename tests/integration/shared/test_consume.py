"""The batch consumer on the real broker: nothing lost, nothing skipped, nothing applied twice."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pymongo import UpdateOne
from pymongo.errors import AutoReconnect

from deploy.local.stack import LocalStack
from shared.contracts.orders import OrderPlaced
from shared.messaging.broker import kafka_broker
from shared.messaging.cloudevents import Received, new_id
from shared.messaging.consume import BatchConsumer, Handler, Outcome, subscribe
from shared.messaging.dead_letters import LARGEST_BYTES, DeadLetters
from shared.messaging.kafka_address import KafkaAddress
from shared.stores.mongo import Database
from tests.builders import a_record, a_record_of, an_order_placed
from tests.integration.shared.a_topic import create, published, send

pytestmark = pytest.mark.integration


class Ledger:
    """A handler that counts in MongoDB how often each event was applied."""

    def __init__(self, database: Database) -> None:
        self._collection = database["applied"]

    async def __call__(self, batch: Sequence[Received[OrderPlaced]]) -> Outcome:
        await self._collection.bulk_write(
            [UpdateOne({"_id": item.event_id}, {"$inc": {"times": 1}}, upsert=True) for item in batch], ordered=False
        )
        return Outcome(applied=len(batch))

    async def once_it_has(self, records: Sequence[Any], seconds: float = 30) -> dict[str, int]:
        """How often each of the records was applied, and a moment later, when whatever comes twice has come."""
        query = {"_id": {"$in": [id_of(record) for record in records]}}
        async with asyncio.timeout(seconds):
            while await self._collection.count_documents(query) < len(records):
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        return {row["_id"]: row["times"] async for row in self._collection.find(query)}


class World:
    """A topic with its dead letters, and a service's replicas that read it."""

    def __init__(self, kafka: KafkaAddress) -> None:
        self.kafka = kafka
        self.service = f"test-{new_id()}"
        self.topic = f"test-{new_id()}"
        self.handler: Handler | None = None

    async def create(self) -> None:
        await create(self.kafka, self.topic)
        await create(self.kafka, f"dead-letters-{self.service}", partitions=1)

    async def send(self, records: Sequence[Any]) -> None:
        await send(self.kafka, self.topic, records)

    async def letters(self, values: Collection[bytes]) -> dict[str, Any]:
        """Dead letters that hold these values, by code, once they are all there."""
        for _ in range(20):
            found = await published(self.kafka, f"dead-letters-{self.service}", 1)
            ours = [letter for letter in found if (letter.value or b"") in values]
            if len(ours) >= len(values):
                break
        return {dict(letter.headers)["dead-letter-code"].decode(): letter for letter in ours}

    @asynccontextmanager
    async def replica(self, handler: Handler) -> AsyncIterator[None]:
        broker = kafka_broker(self.kafka, service=self.service, idempotent=False)
        consumer = BatchConsumer(self.topic, {OrderPlaced: handler}, DeadLetters(broker, self.service))
        subscriber = subscribe(broker, consumer, service=self.service)
        await broker.start()
        try:
            yield
        finally:
            await subscriber.stop()
            await broker.stop()


@pytest.fixture(scope="module")
async def world(stores: LocalStack) -> AsyncIterator[World]:
    """With one replica at work: joining a group takes seconds. A test says what its handler does."""
    world = World(stores.info.kafka.address)
    await world.create()

    async def handle(batch: Sequence[Received[Any]]) -> Outcome:
        assert world.handler is not None
        return await world.handler(batch)

    async with world.replica(handle):
        yield world


@pytest.fixture
def ledger(world: World, database: Database) -> Ledger:
    ledger = Ledger(database)
    world.handler = ledger
    return ledger


def orders(count: int) -> list[Any]:
    return [a_record_of(an_order_placed()) for _ in range(count)]


def id_of(record: Any) -> str:
    return dict(record.headers)["ce_id"].decode()


def each_once(records: Sequence[Any]) -> dict[str, int]:
    return {id_of(record): 1 for record in records}


def failing(ledger: Ledger, troubles: list[Exception]) -> Handler:
    """Raises each trouble once, then works."""

    async def handle(batch: Sequence[Received[Any]]) -> Outcome:
        if troubles:
            raise troubles.pop()
        return await ledger(batch)

    return handle


async def test_bad_messages_are_put_aside_raw_with_their_codes_and_the_good_ones_applied_once(
    world: World, ledger: Ledger
) -> None:
    good = orders(200)
    one = orders(1)[0]
    other_type = [(name, b"kz.exl.Other.v1" if name == "ce_type" else value) for name, value in one.headers]
    bad = {
        "tombstone": a_record(None, key=b"k", headers=one.headers),
        "schema-violation": replace(one, value=b"\xff\xfe" + "Ақбөпе".encode("utf-16")),
        "unknown-type": replace(one, value=b'{"a":1}', headers=other_type),
        "not-a-cloudevent": a_record(b"\x00\x01\x02", key=None, headers=[("ce_id", b"\xff\xfe"), ("\u0456", b"x")]),
        "key-mismatch": replace(one, key=b"somebody else"),
    }
    await world.send([*good[:90], *bad.values(), *good[90:]])
    assert await ledger.once_it_has(good) == each_once(good)
    letters = await world.letters({record.value or b"" for record in bad.values()})
    assert {code: letter.value or None for code, letter in letters.items()} == {
        code: record.value for code, record in bad.items()
    }
    assert {name for letter in letters.values() for name, _ in letter.headers} <= KEPT


KEPT = {
    *("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_dataschema", "content-type", "correlation_id"),
    *("dead-letter-code", "dead-letter-origin", "dead-letter-key"),
}


async def test_header_of_any_bytes_or_none_does_not_stop_the_topic(world: World, ledger: Ledger) -> None:
    odd = [
        replace(good, headers=[*good.headers, ("note", value)])
        for good, value in zip(orders(4), (None, b"\xff\xfe", b"", "Ақбөпе".encode()), strict=True)
    ]
    await world.send(odd)
    assert await ledger.once_it_has(odd) == each_once(odd)


async def test_handler_that_mongodb_fails_three_times_applies_the_batch_once(world: World, ledger: Ledger) -> None:
    troubles: list[Exception] = [AutoReconnect("away") for _ in range(3)]
    world.handler = failing(ledger, troubles)
    records = orders(50)
    await world.send(records)
    assert await ledger.once_it_has(records) == each_once(records)
    assert troubles == []


async def test_batch_that_could_not_be_processed_is_read_again_and_not_skipped(
    world: World, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The offsets stay where they were when `process` raises, in each partition of the batch."""
    monkeypatch.setattr("shared.messaging.consume.RETRY_FOR_SECONDS", 0.0)
    monkeypatch.setattr("shared.messaging.consume.PAUSE_AFTER_FAILURE_SECONDS", 0.05)
    troubles: list[Exception] = [AutoReconnect("away") for _ in range(4)]
    world.handler = failing(ledger, troubles)
    records = orders(300)
    await world.send(records)
    assert set(await ledger.once_it_has(records)) == {id_of(record) for record in records}
    assert troubles == []


async def test_message_a_handler_fails_on_is_put_aside_and_its_partition_goes_on(world: World, ledger: Ledger) -> None:
    records = orders(120)
    bad = records[60]

    async def fails(batch: Sequence[Received[Any]]) -> Outcome:
        if any(item.event_id == id_of(bad) for item in batch):
            raise ValueError("Ақбөпе")
        return await ledger(batch)

    world.handler = fails
    await world.send(records)
    good = [record for record in records if record is not bad]
    assert await ledger.once_it_has(good) == each_once(good)
    letter = (await world.letters({bad.value}))["handler-failed"]
    assert "Ақбөпе".encode() not in b"".join(value for _, value in letter.headers)


async def test_message_as_large_as_kafka_takes_does_not_hold_up_its_partition(world: World, ledger: Ledger) -> None:
    large = a_record(b"x" * (2**20 - 200), key=b"k")
    good = replace(orders(1)[0], key=None)
    await world.send([large, *(same_partition := [replace(good, key=b"k")])])
    letter = (await world.letters({large.value[:LARGEST_BYTES]}))["not-a-cloudevent"]
    assert dict(letter.headers)["dead-letter-cut-from"] == str(2**20 - 200).encode()
    assert (await world.letters({same_partition[0].value}))["key-mismatch"]


@pytest.mark.slow
async def test_replicas_that_come_and_go_apply_everything_once(stores: LocalStack, database: Database) -> None:
    """One alone, two, the other alone: a batch in flight is written and committed before its partitions go."""
    world, ledger = World(stores.info.kafka.address), Ledger(database)
    await world.create()
    sent: list[Any] = []
    by_second: list[int] = []

    async def slowly(batch: Sequence[Received[Any]]) -> Outcome:
        """Written, and for a moment not yet committed: what a rebalance must wait for."""
        outcome = await ledger(batch)
        await asyncio.sleep(0.2)
        return outcome

    async def second(batch: Sequence[Received[Any]]) -> Outcome:
        by_second.append(len(batch))
        return await slowly(batch)

    async def send(count: int) -> None:
        fresh = orders(count)
        sent.extend(fresh)
        await world.send(fresh)

    first = world.replica(slowly)
    await first.__aenter__()
    async with asyncio.timeout(40), world.replica(second):
        while len(by_second) < 5:
            await send(100)
        leaving = asyncio.create_task(first.__aexit__(None, None, None))
        while not leaving.done():
            await send(100)
        await send(500)
        times = await ledger.once_it_has(sent)
    assert times == each_once(sent)
