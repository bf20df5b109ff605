"""(a) Consume, fence, look keys up, write: against plain aiokafka + bulk_write of unsealed messages, and against
FastStream with one message and one update at a time.

Ours runs the delivery service's own handler with its metrics on. Rates count from the first batch in hand to the last
one durable, so that joining a group (seconds on any broker) is no part of them. a4 and a5 are what traces cost: all
messages, or one in ten, are in a recorded trace, and their spans are made into what a collector is sent, and not sent.
They count processor time of this process, the exporter's thread included: on two cores the rest of the machine decides
what a second gives.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faststream.kafka import KafkaBroker
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from pymongo import InsertOne

from deploy.bench.measure import Measured, in_turn
from deploy.bench.orders import Bench, placed_events
from deploy.bench.topics import as_message, create_topics
from services.delivery.shipment_store import ShipmentStore
from services.delivery.track_orders import OrderTracking
from shared.contracts.orders import OrderPlaced
from shared.http.server import collect_garbage_seldom
from shared.messaging.broker import kafka_broker
from shared.messaging.cloudevents import TRACE, Outgoing, Received, new_id
from shared.messaging.consume import FETCH_WAIT_MS, BatchConsumer, Handler, Outcome, subscribe
from shared.messaging.dead_letters import DeadLetters
from shared.observability import tracing
from shared.observability.trace_export import provider_of
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
TRACED: dict[str, int] = {"bench-traced": 1, "bench-traced-tenth": 10}  # topic → one recorded trace in so many messages
PURPOSE = "3.2.3"
PROCESSOR = "messages/s of processor"


class _NotSent(SpanExporter):
    """Spans are made, batched, encoded and counted; nobody is sent them."""

    encoded = 0

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        assert encode_spans(spans).SerializeToString()
        self.encoded += len(spans)
        return SpanExportResult.SUCCESS


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
        return await _ours(bench, shipments)

    async def opened() -> float:
        return await _ours(bench, shipments, opening=True)

    everything = _NotSent()

    async def untraced() -> float:
        return await _ours(bench, shipments, finish=lambda: None)

    async def traced() -> float:
        return await _traced(bench, shipments, "bench-traced", everything)

    async def tenth_traced() -> float:
        return await _traced(bench, shipments, "bench-traced-tenth", _NotSent())

    a, b = await in_turn(sealed, raw, ROUNDS)
    c, d = await in_turn(opened, raw, ROUNDS)
    e = await single()
    f, g = await in_turn(traced, untraced, ROUNDS)
    kept = f"{everything.encoded:,} of {ROUNDS * MESSAGES:,} spans were encoded; the others found the queue full"
    h, i = await in_turn(tenth_traced, untraced, ROUNDS)
    return [
        Measured("a1. pipeline vs plain aiokafka + bulk_write", a, b, 0.9, "messages/s"),
        Measured("a2. pipeline, every envelope opened, vs plain", c, d, 0.9, "messages/s"),
        Measured("a3. pipeline vs single message + update_one", a, e, 20.0, "messages/s"),
        Measured("a4. pipeline, every message traced, vs without traces", f, g, None, PROCESSOR, note=kept),
        Measured("a5. pipeline, one message in ten traced, vs without", h, i, None, PROCESSOR),
    ]


async def _traced(bench: Bench, shipments: Collection, topic: str, exporter: SpanExporter) -> float:
    provider = provider_of(READER, exporter, 1.0)
    tracing.use(provider)
    try:
        return await _ours(bench, shipments, topic=topic, finish=provider.force_flush)
    finally:
        tracing.use(None)
        provider.shutdown()


async def _ours(
    bench: Bench,
    shipments: Collection,
    *,
    topic: str = SEALED_TOPIC,
    opening: bool = False,
    finish: Callable[[], Any] | None = None,
) -> float:
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
    """The same orders sealed as intake publishes them, without and with traces, and as plain JSON of at least the same
    size."""
    await create_topics(bench.kafka, SEALED_TOPIC, PLAIN_TOPIC, *TRACED, partitions=6)
    producer = AIOKafkaProducer(**bench.kafka.client_options(), max_batch_size=256 * 1024, compression_type="zstd")
    await producer.start()
    send: Callable[..., Awaitable[Any]] = producer.send
    try:
        for some in [placed_events(bench.people[i : i + 2_000]) for i in range(0, MESSAGES, 2_000)]:
            futures = []
            for number, outgoing in enumerate(some):
                value, key, headers = as_message(outgoing)
                futures += [
                    await send(SEALED_TOPIC, value, key, headers=headers),
                    await send(PLAIN_TOPIC, *_plain(outgoing)),
                ]
                for topic, every in TRACED.items():
                    trace = f"00-{new_id()}-{new_id()[:16]}-{'00' if number % every else '01'}"
                    futures.append(await send(topic, value, key, headers=[*headers, (TRACE, trace.encode())]))
            await asyncio.gather(*futures)
    finally:
        await producer.stop()


def _plain(outgoing: Outgoing) -> tuple[bytes, bytes]:
    """As long as the sealed message, with the personal part as text."""
    body = json.loads(outgoing.event.model_dump_json())
    body["personal"] = "".join(body.pop("sealed").values())
    return json.dumps(body).encode(), outgoing.key.encode()
