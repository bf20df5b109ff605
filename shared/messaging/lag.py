"""How far this replica's consumers are behind: the ends of their partitions minus what their groups have committed.

By what is committed, not by what was fetched: a batch that hangs counts. Each partition is measured by the one replica
that has it, so a group's lag is the sum over its replicas."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from shared.observability.metrics import CONSUMER_LAG

ANSWER_SECONDS = 5.0
log = structlog.get_logger()


class LagWatch:
    def __init__(self, service: str, subscribers: Sequence[Any]) -> None:
        self._service = service
        self._subscribers = subscribers

    async def measure(self, _: datetime) -> None:
        """Where the cluster does not answer, the last figures stay."""
        for subscriber in self._subscribers:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._measure(subscriber)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("lag_not_measured", group=subscriber.group_id, error=type(error).__name__)

    async def _measure(self, subscriber: Any) -> None:
        consumer = subscriber.consumer
        if consumer is None:  # not joined yet, or just being joined again
            return
        assigned = sorted(consumer.assignment())
        done = await _committed(consumer, assigned)
        ends = await consumer.end_offsets(assigned) if assigned else {}
        topic = subscriber.group_id.removeprefix(f"{self._service}.")
        behind = sum(max(0, end - done[partition]) for partition, end in ends.items())
        CONSUMER_LAG.labels(self._service, topic).set(behind)


async def _committed(consumer: Any, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """The next offset of each: before a group's first commit, where the partition begins."""
    known = {partition: await consumer.committed(partition) for partition in partitions}
    new = [partition for partition, offset in known.items() if offset is None]
    return known | (await consumer.beginning_offsets(new) if new else {})
