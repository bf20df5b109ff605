"""Topics of a test's own on the real broker, and what was published there."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.messaging.kafka_address import KafkaAddress

QUIET_SECONDS = 0.4
Record = ConsumerRecord[bytes, bytes]


async def create(kafka: KafkaAddress, *names: str, partitions: int = 6) -> None:
    admin = AIOKafkaAdminClient(**kafka.client_options())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])
    finally:
        await admin.close()


async def send(kafka: KafkaAddress, topic: str, records: Sequence[Record]) -> None:
    """Publish the records' keys, values and headers as they are, partition by key."""
    producer = AIOKafkaProducer(**kafka.client_options(), max_request_size=8 * 2**20)
    await producer.start()
    try:
        futures = [
            await producer.send(topic, record.value, key=record.key, headers=list(record.headers)) for record in records
        ]
        await asyncio.gather(*futures)
    finally:
        await producer.stop()


async def published(kafka: KafkaAddress, topic: str, at_least: int, *, seconds: float = 20) -> list[Record]:
    """All of the topic once `at_least` came and nothing more for a moment."""
    consumer = AIOKafkaConsumer(**kafka.client_options(), auto_offset_reset="earliest")
    await consumer.start()
    await consumer.topics()
    consumer.assign([TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()])
    found: list[Record] = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                wait = 1_000 if len(found) < at_least else QUIET_SECONDS * 1_000
                batches = await consumer.getmany(timeout_ms=int(wait))
                if not batches and len(found) >= at_least:
                    return found
                found.extend(record for batch in batches.values() for record in batch)
    except TimeoutError:
        raise AssertionError(f"{len(found)} of {at_least} messages came") from None
    finally:
        await consumer.stop()
