"""(e) Publishing: orders sealed and published, and already sealed ones, against the same orders as plain JSON.

Both sides go through the same kind of producer with the same settings, and are acknowledged by all in-sync replicas.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from deploy.bench.measure import Measured, in_turn
from deploy.bench.orders import PERSON, Bench, placed_events
from deploy.bench.topics import Message, as_message, create_topics
from shared.messaging.cloudevents import Outgoing

EVENTS = 10_000
SOME = 1_000
ROUNDS = 3
AIM = 0.9
TOPIC = "bench-publishing"


async def measure(bench: Bench) -> list[Measured]:
    await create_topics(bench.kafka, TOPIC, partitions=6)
    people = bench.people[:EVENTS]
    sealed = placed_events(people)
    plain = [(outgoing, _in_clear(outgoing)) for outgoing in sealed]

    async def sealing() -> float:
        return await _rate(bench, lambda start: list(map(as_message, placed_events(people[start : start + SOME]))))

    async def ready() -> float:
        return await _rate(bench, lambda start: list(map(as_message, sealed[start : start + SOME])))

    async def unsealed() -> float:
        def some(start: int) -> list[Message]:
            return [as_message(o, json.dumps(body).encode()) for o, body in plain[start : start + SOME]]

        return await _rate(bench, some)

    a, b = await in_turn(ready, unsealed, ROUNDS)
    c, d = await in_turn(sealing, unsealed, ROUNDS)
    return [
        Measured("e1. publish sealed events vs the same in clear", a, b, AIM, "events/s"),
        Measured("e2. seal and publish vs publish in clear", c, d, AIM, "events/s", note="two envelopes an event"),
    ]


async def _rate(bench: Bench, some: Callable[[int], Sequence[Message]]) -> float:
    """Events a second, from the first made to the last acknowledged."""
    idempotent = bench.kafka.username is not None  # the embedded broker has no idempotent producer
    producer = AIOKafkaProducer(
        **bench.kafka.client_options(), acks="all", enable_idempotence=idempotent, max_batch_size=256 * 1024,
        compression_type="zstd",
    )  # fmt: skip
    await producer.start()
    try:
        started = time.perf_counter()
        for start in range(0, EVENTS, SOME):
            futures = [
                await producer.send(TOPIC, value, key=key, headers=headers) for value, key, headers in some(start)
            ]
            await asyncio.gather(*futures)
        return EVENTS / (time.perf_counter() - started)
    finally:
        await producer.stop()


def _in_clear(outgoing: Outgoing) -> dict[str, Any]:
    return {**json.loads(outgoing.event.model_dump_json(exclude={"sealed"})), **PERSON}
