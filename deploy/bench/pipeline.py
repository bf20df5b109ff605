"""(a) Consume, fence, look keys up, write: against plain aiokafka + bulk_write of unsealed messages, and against
FastStream with one message and one update at a time.

Ours runs the delivery service's own handler with its metrics on. Rates count from the first batch in hand to the last
one durable, so that joining a group (seconds on any broker) is no part of them.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faststream.kafka import KafkaBroker
from pymongo import InsertOne

from deploy.bench.measure import Measured, in_turn
from deploy.bench.orders import Bench, placed_events
from deploy.bench.topics import as_message, create_topics
from services.delivery.shipment_store import ShipmentStore
from services.delivery.track_orders import OrderTracking
from shared.contracts.orders import OrderPlaced
from shared.http.server import collect_garbage_seldom
from shared.messaging.broker import kafka_broker
from shared.messaging.cloudevents import Outgoing, Received, new_id
from shared.messaging.consume import FETCH_WAIT_MS, BatchConsumer, Handler, Outcome, subscribe
from shared.messaging.dead_letters import DeadLetters
from shared.sealing.keyring import KeyringReader
from shared.sealing.opener import Opener, Sealed
from shared.sealing.wrapping import KeyUnwrapper
from shared.stores.keyring_view import MongoKeyringView
from shared.stores.mongo import Collection

MESSAGES = 20_000
SINGLE_MESSAGES = 1_500
ROUNDS = 3
READER = "delivery"
SEALED_TOPIC, PLAIN_TOPIC = "bench-sealed", "bench-plain"
PURPOSE = "3.2.3"


@dataclass(slots=True)
class _Clock:
    """From the first batch in hand to the last one durable."""

    wanted: int
    started: float = 0.0
    processor: float = 0.0
    done: int = 0
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    async def around(self, count: int, work: Awaitable[Any]) -> Any:
        self.started = self.started or time.perf_counter()
        self.processor = self.processor or time.process_time()
        result = await work
        self.done += count
        if self.done >= self.wanted:
            self.finished.set()
        return result

    async def rate(self, finish: Callable[[], Any] | None = None) -> float:
        """By the clock; where there is something to finish, by processor time until that is done too."""
        async with asyncio.timeout(300):
            await self.finished.wait()
        if finish is None:
            return self.wanted / (time.perf_counter() - self.started)
        finish()
        return self.wanted / (time.process_time() - self.processor)


async def measure(bench: Bench) -> list[Measured]:
    await _fill_topics(bench)
    bench.people.clear()
    collect_garbage_seldom()  # as the services do; for both sides
    plain = bench.client["delivery"]["bench_plain"]
    shipments = bench.client["delivery"]["shipments"]

    async def raw() -> float:
        return await _raw(bench, plain, MESSAGES)

    async def single() -> float:
        return await _single(bench, plain)

    async def sealed() -> float:
        return await handled(bench, shipments)

    async def opened() -> float:
        return await handled(bench, shipments, opening=True)

    a, b = await in_turn(sealed, raw, ROUNDS)
    c, d = await in_turn(opened, raw, ROUNDS)
    e = await single()
    return [
        Measured("a1. pipeline vs plain aiokafka + bulk_write", a, b, 0.9, "messages/s"),
        Measured("a2. pipeline, every envelope opened, vs plain", c, d, 0.9, "messages/s"),
        Measured("a3. pipeline vs single message + update_one", a, e, 20.0, "messages/s"),
    ]


async def handled(
    bench: Bench,
    shipments: Collection,
    *,
    topic: str = SEALED_TOPIC,
    opening: bool = False,
    finish: Callable[[], Any] | None = None,
) -> float:
    """Messages a second that the delivery service's handler takes from the topic, which holds `MESSAGES`."""
    await shipments.delete_many({})
    clock = _Clock(MESSAGES)
    keyring = KeyringReader(
        MongoKeyringView(bench.client, READER), KeyUnwrapper(bench.kek(READER), READER, 60), max_age_seconds=60
    )
    tracking = OrderTracking(ShipmentStore(bench.client["delivery"]), keyring)
    handler = (
        _opening_first(tracking.on_placed, Opener(READER, bench.policy, keyring)) if opening else tracking.on_placed
    )
    service = f"bench-{new_id()[:8]}"
    broker = kafka_broker(bench.kafka, service=service, idempotent=False)

    async def timed(batch: Sequence[Received[OrderPlaced]]) -> Outcome:
        outcome: Outcome = await clock.around(len(batch), handler(batch))
        return outcome

    subscribe(broker, BatchConsumer(topic, {OrderPlaced: timed}, DeadLetters(broker, "delivery")), service=service)
    await broker.start()
    try:
        return await clock.rate(finish)
    finally:
        await broker.stop()


def _opening_first(write: Handler, opener: Opener) -> Handler:
    async def handle(batch: Sequence[Received[OrderPlaced]]) -> Outcome:
        sealed = [Sealed(r.event_id, r.event_type, r.event.subject_id, r.event.sealed[READER]) for r in batch]
        opened = await opener.open_many(sealed, purpose=PURPOSE)
        assert all(isinstance(fields, dict) for fields in opened)
        return await write(batch)

    return handle


async def _raw(bench: Bench, collection: Collection, messages: int) -> float:
    await collection.delete_many({})
    consumer = AIOKafkaConsumer(
        PLAIN_TOPIC, **bench.kafka.client_options(), group_id=new_id(), auto_offset_reset="earliest",
        enable_auto_commit=False, session_timeout_ms=6_000, heartbeat_interval_ms=1_500,
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )  # fmt: skip
    await consumer.start()
    clock = _Clock(messages)
    try:
        while not clock.finished.is_set():
            records = [r for rs in (await consumer.getmany(timeout_ms=50, max_records=500)).values() for r in rs]
            if records:
                await clock.around(len(records), _write(consumer, collection, records))
        return await clock.rate()
    finally:
        await consumer.stop()


async def _write(consumer: AIOKafkaConsumer, collection: Collection, records: list[Any]) -> None:
    documents = [json.loads(record.value) for record in records]
    await collection.bulk_write([InsertOne({"_id": d["order_id"], **d}) for d in documents], ordered=False)
    await consumer.commit()


async def _single(bench: Bench, collection: Collection) -> float:
    await collection.delete_many({})
    clock = _Clock(SINGLE_MESSAGES)
    broker = KafkaBroker(bench.kafka.bootstrap_servers, security=bench.kafka.security(), logger=None)

    async def handle(order: dict[str, Any]) -> None:
        if not clock.finished.is_set():
            await clock.around(1, collection.update_one({"_id": order["order_id"]}, {"$set": order}, upsert=True))

    broker.subscriber(
        PLAIN_TOPIC, group_id=new_id(), auto_offset_reset="earliest", session_timeout_ms=6_000,
        heartbeat_interval_ms=1_500, fetch_max_wait_ms=FETCH_WAIT_MS,
    )(handle)  # fmt: skip
    await broker.start()
    try:
        return await clock.rate()
    finally:
        await broker.stop()


async def _fill_topics(bench: Bench) -> None:
    """The same orders sealed as intake publishes them, and as plain JSON of at least the same size."""
    await create_topics(bench.kafka, SEALED_TOPIC, PLAIN_TOPIC, partitions=6)
    producer = AIOKafkaProducer(**bench.kafka.client_options(), max_batch_size=256 * 1024, compression_type="zstd")
    await producer.start()
    send: Callable[..., Awaitable[Any]] = producer.send
    try:
        for some in [placed_events(bench.people[i : i + 2_000]) for i in range(0, MESSAGES, 2_000)]:
            futures = []
            for outgoing in some:
                value, key, headers = as_message(outgoing)
                futures += [
                    await send(SEALED_TOPIC, value, key, headers=headers),
                    await send(PLAIN_TOPIC, *_plain(outgoing)),
                ]
            await asyncio.gather(*futures)
    finally:
        await producer.stop()


def _plain(outgoing: Outgoing) -> tuple[bytes, bytes]:
    """As long as the sealed message, with the personal part as text."""
    body = json.loads(outgoing.event.model_dump_json())
    body["personal"] = "".join(body.pop("sealed").values())
    return json.dumps(body).encode(), outgoing.key.encode()
