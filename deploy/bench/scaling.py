"""(g) How delivery's pipeline grows with replicas, each its own process, and with partitions."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaProducer

from deploy.bench.measure import Measured
from deploy.bench.orders import Bench, placed_events
from deploy.bench.topics import as_message, create_topics
from shared.messaging.cloudevents import new_id

MESSAGES = 30_000
SOME = 2_000
POLL_SECONDS = 0.05
LONGEST_SECONDS = 300.0


async def measure(bench: Bench) -> list[Measured]:
    for partitions in (1, 12):
        await _fill(bench, f"bench-scaling-{partitions}", partitions)
    one = await _rate(bench, "bench-scaling-12", replicas=1)
    three = await _rate(bench, "bench-scaling-12", replicas=3)
    narrow = await _rate(bench, "bench-scaling-1", replicas=1)
    cores = os.cpu_count() or 1
    return [
        Measured("g1. delivery, 3 replicas vs 1 (12 partitions)", three, one, None, "messages/s",
                 note=f"{cores} cores are shared with Kafka and MongoDB"),
        Measured("g2. delivery, 12 partitions vs 1 (1 replica)", one, narrow, None, "messages/s"),
    ]  # fmt: skip


async def _rate(bench: Bench, topic: str, *, replicas: int) -> float:
    """Messages a second from the first stored to the last, so that starting and joining are no part of it."""
    shipments = bench.client["delivery"]["shipments"]
    await shipments.delete_many({})
    settings = {
        "SEALED_BENCH": json.dumps({
            "topic": topic, "group": f"bench-{new_id()[:8]}", "keys": str(bench.keys_root),
            "mongodb": bench.mongodb_uri, "servers": bench.kafka.bootstrap_servers, "user": bench.kafka.username,
            "password": bench.kafka.password,
        }),
    }  # fmt: skip
    environment = {"PATH": os.environ["PATH"], **settings}
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "deploy.bench.replica", env=environment)
        for _ in range(replicas)
    ]
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            before = await _until(shipments.estimated_document_count, lambda count: count > 0)
            started = time.perf_counter()
            await _until(shipments.estimated_document_count, lambda count: count >= MESSAGES)
            return (MESSAGES - before) / (time.perf_counter() - started)
    finally:
        for process in processes:
            process.terminate()
        await asyncio.gather(*(process.wait() for process in processes))


async def _until(ask: Callable[[], Awaitable[int]], holds: Callable[[int], bool]) -> int:
    while not holds(found := await ask()):
        await asyncio.sleep(POLL_SECONDS)
    return found


async def _fill(bench: Bench, topic: str, partitions: int) -> None:
    await create_topics(bench.kafka, topic, partitions=partitions)
    options: dict[str, Any] = {"max_batch_size": 256 * 1024, "compression_type": "zstd"}
    producer = AIOKafkaProducer(**bench.kafka.client_options(), **options)
    await producer.start()
    try:
        for start in range(0, MESSAGES, SOME):
            messages = map(as_message, placed_events(bench.people[start : start + SOME]))
            await asyncio.gather(*[await producer.send(topic, v, key=k, headers=h) for v, k, h in messages])
    finally:
        await producer.stop()
