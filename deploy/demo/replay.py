"""Send every message of every topic again, as a broken tool or a restored mirror would: nothing may change."""

import asyncio
from collections.abc import Iterable

import httpx
from aiokafka import AIOKafkaProducer, ConsumerRecord
from prometheus_client.parser import text_string_to_metric_families

from shared.messaging.kafka_address import KafkaAddress
from shared.stores.mongo import Client

QUIET_SECONDS = 1.0
LONGEST_SECONDS = 60.0


async def send_again(kafka: KafkaAddress, records: Iterable["ConsumerRecord[bytes, bytes]"]) -> None:
    """The same bytes to the same topics, keys and headers included."""
    producer = AIOKafkaProducer(**kafka.client_options(), acks="all", enable_idempotence=False)
    await producer.start()
    try:
        futures = [
            await producer.send(record.topic, record.value, key=record.key, headers=list(record.headers))
            for record in records
        ]
        await asyncio.gather(*futures)
    finally:
        await producer.stop()


async def until_quiet(urls: Iterable[str]) -> int:
    """Wait until no service consumes any more; returns how many messages they have consumed in all."""
    urls = list(urls)
    async with httpx.AsyncClient(timeout=5) as http, asyncio.timeout(LONGEST_SECONDS):
        before, since = -1, 0.0
        while since < QUIET_SECONDS:
            await asyncio.sleep(0.25)
            consumed = await _consumed(http, urls)
            since = since + 0.25 if consumed == before else 0.0
            before = consumed
    return before


async def _consumed(http: httpx.AsyncClient, urls: list[str]) -> int:
    total = 0.0
    for url in urls:
        try:
            text = (await http.get(f"{url}/metrics")).text
        except httpx.TransportError:
            return -1  # a service on its way back: not quiet
        for family in text_string_to_metric_families(text):
            total += sum(s.value for s in family.samples if s.name == "sealed_messages_total")
    return int(total)


async def contents(client: Client, databases: Iterable[str]) -> dict[str, int]:
    """Documents per collection, but for outboxes, which only pass events on."""
    counts: dict[str, int] = {}
    for database in databases:
        for name in await client[database].list_collection_names(filter={"type": "collection"}):
            if name != "outbox" and not name.startswith("system."):
                counts[f"{database}.{name}"] = await client[database][name].count_documents({})
    return dict(sorted(counts.items()))
