"""Send every message of every topic again, as a broken tool or a restored mirror would: nothing may change."""

import asyncio
from collections.abc import Iterable

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from shared.stores.mongo import Client, Document

QUIET_SECONDS = 1.5
LONGEST_SECONDS = 60.0


async def everything(bootstrap_servers: str, topics: Iterable[str]) -> list["ConsumerRecord[bytes, bytes]"]:
    """Every message the broker holds, in the order of its time."""
    records: list[ConsumerRecord[bytes, bytes]] = []
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    try:
        await consumer.topics()
        partitions = [TopicPartition(t, p) for t in topics for p in consumer.partitions_for_topic(t) or ()]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(partitions)
        left = {partition for partition in partitions if ends[partition] > 0}
        while left:
            for partition, batch in (await consumer.getmany(timeout_ms=1_000, max_records=2_000)).items():
                records += [record for record in batch if record.offset < ends[partition]]
                if batch[-1].offset + 1 >= ends[partition]:
                    left.discard(partition)
    finally:
        await consumer.stop()
    return sorted(records, key=lambda record: record.timestamp)


async def send_again(bootstrap_servers: str, records: Iterable["ConsumerRecord[bytes, bytes]"]) -> None:
    """The same bytes to the same topics, keys and headers included."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=False)
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


async def documents_of(client: Client, subject_id: str, places: dict[str, str]) -> list[Document]:
    """Everything stored about one subject: `places` maps `database.collection` to the subject's path."""
    found: list[Document] = []
    for place, path in places.items():
        database, _, collection = place.partition(".")
        found += await client[database][collection].find({path: subject_id}).to_list(None)
    return found
