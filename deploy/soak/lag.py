"""How far the consumers are behind, by Kafka's own count: the end of each partition minus what the group committed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.messaging.kafka_address import KafkaAddress
from shared.policy.model import Policy

ANSWER_SECONDS = 10.0


class Lag:
    def __init__(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, policy: Policy) -> None:
        self._admin, self._consumer = admin, consumer
        self._have_committed: set[str] = set()
        self._groups = [
            (f"{service}.{topic}", [TopicPartition(topic, number) for number in range(row.partitions)])
            for topic, row in policy.topics.items()
            for service in row.consumers
            if row.retention_days is not None  # others are logs, read by no group
        ]

    async def now(self) -> int | None:
        """Messages, over all groups. None where the cluster can't say just now."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                behind = await asyncio.gather(*(self._of(group, partitions) for group, partitions in self._groups))
        except (KafkaError, TimeoutError, OSError):
            return None
        known = [lag for lag in behind if lag is not None]
        return sum(known) if len(known) == len(behind) else None

    async def _of(self, group: str, partitions: list[TopicPartition]) -> int | None:
        """None where the coordinator, just started, does not know any more what the group has committed."""
        ends = await self._consumer.end_offsets(partitions)
        committed = await self._admin.list_consumer_group_offsets(group)
        if committed:
            self._have_committed.add(group)
        elif group in self._have_committed:
            return None
        return sum(int(end - (committed[p].offset if p in committed else 0)) for p, end in ends.items())


@contextlib.asynccontextmanager
async def measuring_lag(kafka: KafkaAddress, policy: Policy) -> AsyncIterator[Lag]:
    admin = AIOKafkaAdminClient(**kafka.client_options(), request_timeout_ms=int(ANSWER_SECONDS * 1000))
    consumer = AIOKafkaConsumer(**kafka.client_options(), request_timeout_ms=int(ANSWER_SECONDS * 1000))
    await admin.start()
    await consumer.start()
    try:
        yield Lag(admin, consumer, policy)
    finally:
        await consumer.stop()
        await admin.close()
