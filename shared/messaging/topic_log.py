"""A topic as a log: append to it and know that it is there; read it from its first message to its last.

Reading joins no consumer group and commits nothing: every start of every replica reads everything.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import UnknownTopicOrPartitionError
from faststream.kafka import KafkaBroker

from shared.messaging.cloudevents import Outgoing, Received, Unreadable, headers_of, read
from shared.messaging.renew_producer import acknowledged_within
from shared.observability.metrics import DEAD_LETTERS

ACKNOWLEDGE_SECONDS = 15.0
FETCH_WAIT_MS = 100
# The embedded broker states as a partition's end the first offset of its last batch, so the end is reached only when
# nothing more comes as well.
QUIET_MS = 4 * FETCH_WAIT_MS
AT_ONCE = 1_000
log = structlog.get_logger()


class TopicLog:
    def __init__(self, broker: KafkaBroker, topic: str, *, service: str) -> None:
        self._broker = broker
        self._topic = topic
        self._service = service

    async def append(self, entries: Sequence[Outgoing]) -> None:
        """Acknowledged by all in-sync replicas when it returns. Raises KafkaError or TimeoutError: then perhaps not."""
        async with acknowledged_within(self._broker, ACKNOWLEDGE_SECONDS):
            await asyncio.gather(*[await self._send(entry) for entry in entries])

    async def _send(self, entry: Outgoing) -> "asyncio.Future[Any]":
        return await self._broker.publish(
            entry.event.model_dump_json().encode(),
            self._topic,
            key=entry.key.encode(),
            headers=headers_of(entry, self._service),
            no_confirm=True,
        )

    async def read(self) -> AsyncIterator[list[Received[Any]]]:
        """Batches of at most a thousand. Raises a passing fault where the broker fails before the end was reached."""
        builder = await self._broker.connect()
        # Asked of the administration: a consumer's own question makes a topic on the embedded broker, and nothing read
        # of a topic that was not there is not "nobody was erased".
        if self._topic not in await self._broker.config.admin_client.list_topics():
            raise UnknownTopicOrPartitionError(self._topic)
        consumer = builder(
            self._topic, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=FETCH_WAIT_MS
        )
        try:
            await consumer.start()
            if not (partitions := list(consumer.assignment())):
                raise UnknownTopicOrPartitionError(self._topic)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            while True:
                batches = await consumer.getmany(timeout_ms=QUIET_MS, max_records=AT_ONCE)
                if batches:
                    yield [item for batch in batches.values() for record in batch if (item := self._read(record))]
                elif all([await consumer.position(partition) >= ends[partition] for partition in partitions]):
                    return
        finally:
            await consumer.stop()

    def _read(self, record: "ConsumerRecord[bytes, bytes]") -> Received[Any] | None:
        """What names nobody can't be acted on; it must not keep every service from starting either."""
        try:
            return read(record)
        except Unreadable as unreadable:
            DEAD_LETTERS.labels(self._topic, unreadable.code).inc()
            log.error("log_entry_unreadable", topic=self._topic, offset=record.offset, code=unreadable.code)
            return None
