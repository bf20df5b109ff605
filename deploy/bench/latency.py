"""(f) From `POST /v1/orders` to the order being in delivery's store, at half of intake's capacity, in round trips of
the broker alone (one message produced, acknowledged by all in-sync replicas, and read by a waiting consumer)."""

import asyncio
import contextlib
import itertools
import statistics
import time

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.bench.measure import Measured
from deploy.bench.topics import create_topics
from deploy.demo.people import order_of, somebody_new
from deploy.local.stack import LocalStack
from shared.messaging.cloudevents import new_id
from shared.messaging.consume import FETCH_WAIT_MS
from shared.messaging.kafka_address import KafkaAddress
from shared.stores.mongo import Collection, connect

CAPACITY_SECONDS, LOAD_SECONDS, REST_SECONDS = 6.0, 15.0, 30.0
CONNECTIONS = 16
ROUND_TRIPS = 300
TOPIC = "bench-round-trip"


async def measure(stack: LocalStack, policy_version: str) -> list[Measured]:
    """On a stack with intake and delivery."""
    admin = connect(stack.info.mongodb.uri, service="bench")
    headers = {"Authorization": f"Bearer {stack.info.tokens.shop}"}
    async with httpx.AsyncClient(base_url=stack.info.services["intake"].url, headers=headers, timeout=30) as http:
        shop = _Shop(http, policy_version)
        capacity = await shop.capacity()
        seen: dict[str, float] = {}
        watching = asyncio.create_task(_watch(admin["delivery"]["shipments"], seen))
        await asyncio.sleep(1)
        asked = await shop.steady(capacity / 2)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REST_SECONDS):
                while not asked.keys() <= seen.keys():
                    await asyncio.sleep(0.1)
        watching.cancel()
        admin.close()
    times = sorted(seen[order_id] - at for order_id, at in asked.items() if order_id in seen)
    trip = await _round_trip(stack.info.kafka.address)
    note = f"{capacity / 2:.0f} orders/s, {len(times)} of {len(asked)} seen"
    p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    return [
        Measured("f1. order to delivery, p50, in round trips", p50 * 1000, trip * 1000, None, "ms", note=note),
        Measured("f2. order to delivery, p99, in round trips", p99 * 1000, trip * 1000, None, "ms"),
    ]


class _Shop:
    def __init__(self, http: httpx.AsyncClient, policy_version: str) -> None:
        self._http, self._version = http, policy_version
        self._numbers = itertools.count()

    async def place(self) -> str:
        number = next(self._numbers)
        person = somebody_new("latency", number)
        answer = await self._http.post(
            "/v1/orders", json=order_of(person, self._version), headers={"Idempotency-Key": new_id()}
        )
        return str(answer.raise_for_status().json()["order_id"])

    async def capacity(self) -> float:
        """Orders a second that intake answers with delivery at its side."""
        end = time.monotonic() + CAPACITY_SECONDS

        async def connection() -> int:
            count = 0
            while time.monotonic() < end:
                await self.place()
                count += 1
            return count

        return sum(await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))) / CAPACITY_SECONDS

    async def steady(self, rate: float) -> dict[str, float]:
        """Order id → when it was asked for."""
        asked: dict[str, float] = {}

        async def one() -> None:
            at = time.monotonic()
            asked[await self.place()] = at

        start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for n in range(int(rate * LOAD_SECONDS)):
                await asyncio.sleep(max(0.0, start + n / rate - time.monotonic()))
                group.create_task(one())
        return asked


async def _watch(shipments: Collection, seen: dict[str, float]) -> None:
    """Order id → when its shipment could be read. Until cancelled."""
    async with shipments.watch([{"$match": {"operationType": "insert"}}]) as stream:
        async for change in stream:
            seen[change["fullDocument"]["order_id"]] = time.monotonic()


async def _round_trip(kafka: KafkaAddress) -> float:
    """Median seconds."""
    await create_topics(kafka, TOPIC, partitions=1)
    producer = AIOKafkaProducer(**kafka.client_options(), acks="all")
    consumer = AIOKafkaConsumer(TOPIC, **kafka.client_options(), fetch_max_wait_ms=FETCH_WAIT_MS)
    await producer.start()
    await consumer.start()
    try:
        times = []
        for _ in range(ROUND_TRIPS):
            started = time.perf_counter()
            await producer.send_and_wait(TOPIC, b"x" * 100)
            await consumer.getone()
            times.append(time.perf_counter() - started)
        return statistics.median(times[ROUND_TRIPS // 10 :])
    finally:
        await consumer.stop()
        await producer.stop()
