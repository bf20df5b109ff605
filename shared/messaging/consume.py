"""Consume a topic in batches so that nothing is lost, skipped or applied twice.

Offsets are committed after every message of the batch is durable: applied, fenced, or a dead letter. A passing
fault (MongoDB, Kafka, network) is retried with back-off and then the whole batch is read again; it is never
skipped. A message that makes a handler fail for any other reason is found by halving the batch, and put aside, so
that one bad message cannot hold up its partition.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import structlog
from aiokafka import ConsumerRebalanceListener, ConsumerRecord
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream._internal.endpoint.subscriber.utils import MultiLock
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.annotations import KafkaMessage as CurrentMessage
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from shared.contracts.event import Event
from shared.messaging.cloudevents import Received, Unreadable, read
from shared.messaging.commit_batch import BatchCommits
from shared.messaging.dead_letters import DeadLetters
from shared.messaging.message_spans import processing
from shared.observability.metrics import BATCH_RETRIES, BATCH_SECONDS, MESSAGES

MAX_RECORDS = 1_000
RETRY_FOR_SECONDS = 60.0
# The least Apache Kafka allows by default: a crashed replica's partitions move on within seconds. Heartbeats come from
# the event loop, which a batch holds for a fraction of a second.
SESSION_MS = 6_000
BATCH_WAIT_MS = 20
# Asking again ten times a second costs an idle broker little; the embedded one answers some fetches only when the wait
# is over, with messages in hand.
FETCH_WAIT_MS = 50
REVOKE_WAIT_SECONDS = 30.0
PAUSE_AFTER_FAILURE_SECONDS = 1.0
PASSING_FAULTS = (PyMongoError, KafkaError, OSError, TimeoutError)
# MongoDB's codes for a write refused for what it holds: a duplicate key, a failed validation, a document too large.
REFUSED_FOR_CONTENT = frozenset({11000, 121, 10334, 17419, 17420})
log = structlog.get_logger()

Record: TypeAlias = "ConsumerRecord[bytes, bytes]"


@dataclass(slots=True)
class Outcome:
    """What a handler did with its part of a batch."""

    applied: int = 0
    fenced: int = 0
    refused: list[tuple[Received[Any], str]] = field(default_factory=list)


Handler = Callable[[Sequence[Received[Any]]], Awaitable[Outcome]]


class BatchConsumer:
    """Reads one topic for one service. `handlers` are called in their order, each with all its events of a batch."""

    def __init__(self, topic: str, handlers: Mapping[type[Event], Handler], dead_letters: DeadLetters) -> None:
        self.topic = topic
        self._handlers = handlers
        self._dead_letters = dead_letters
        BATCH_RETRIES.labels(topic)  # a series that exists from the start shows its first increase

    async def process(self, records: Sequence[Record]) -> None:
        """Everything in `records` is durable when this returns. Raises a passing fault that outlasted its retries."""
        started = time.monotonic()
        attempt = 0
        while True:
            try:
                await self._apply(records)
                BATCH_SECONDS.labels(self.topic).observe(time.monotonic() - started)
                return
            except PASSING_FAULTS as error:
                delay = min(5.0, 0.1 * 2**attempt) * (0.5 + random.random() / 2)  # jitter
                if time.monotonic() - started + delay > RETRY_FOR_SECONDS:
                    raise
                attempt += 1
                BATCH_RETRIES.labels(self.topic).inc()
                log.warning("batch_retried", topic=self.topic, attempt=attempt, error=type(error).__name__)
                await asyncio.sleep(delay)

    async def _apply(self, records: Sequence[Record]) -> None:
        by_type, refused = self._read(records)
        for event_type, handler in self._handlers.items():
            if received := by_type.get(event_type):
                with processing(self.topic, received):
                    outcome = await self._isolate(handler, received)
                MESSAGES.labels(self.topic, "applied").inc(outcome.applied)
                MESSAGES.labels(self.topic, "fenced").inc(outcome.fenced)
                refused.extend((item.record, code) for item, code in outcome.refused)
        await self._dead_letters.put(refused)
        MESSAGES.labels(self.topic, "dead").inc(len(refused))

    def _read(
        self, records: Iterable[Record]
    ) -> tuple[dict[type[Event], list[Received[Any]]], list[tuple[Record, str]]]:
        by_type: dict[type[Event], list[Received[Any]]] = defaultdict(list)
        refused: list[tuple[Record, str]] = []
        for record in records:
            try:
                received = read(record)
            except Unreadable as unreadable:
                refused.append((record, unreadable.code))
            else:
                by_type[type(received.event)].append(received)
        return by_type, refused

    async def _isolate(self, handler: Handler, received: Sequence[Received[Any]], *, again: bool = True) -> Outcome:
        """Halve a batch its handler fails on until the failing message stands alone. Handlers are idempotent."""
        try:
            return await handler(received)
        except Exception as error:
            if _passing(error):
                raise
            if len(received) == 1:
                if again and isinstance(error, PyMongoError):  # two writers at once can make a duplicate key, once
                    return await self._isolate(handler, received, again=False)
                log.error("message_put_aside", topic=self.topic, event_id=received[0].event_id, exc_info=error)
                return Outcome(refused=[(received[0], "handler-failed")])
            middle = len(received) // 2
            first = await self._isolate(handler, received[:middle])
            second = await self._isolate(handler, received[middle:])
            return Outcome(first.applied + second.applied, first.fenced + second.fenced, first.refused + second.refused)


def _passing(error: Exception) -> bool:
    """Whether it may go by itself. What MongoDB refuses for its content, it refuses each time."""
    if isinstance(error, BulkWriteError):
        codes = {item["code"] for item in error.details["writeErrors"]}
        return not codes or not codes <= REFUSED_FOR_CONTENT
    if isinstance(error, OperationFailure):
        return error.code not in REFUSED_FOR_CONTENT
    return isinstance(error, PASSING_FAULTS)


class _CommitBeforeRevoke(ConsumerRebalanceListener):  # type: ignore[misc]
    """Partitions are given away only when the batch in flight is written and committed: no duplicates."""

    def __init__(self) -> None:
        self.subscriber: Any = None

    async def on_partitions_revoked(self, revoked: Any) -> None:
        lock = self.subscriber.lock
        if isinstance(lock, MultiLock):
            await lock.wait_release(REVOKE_WAIT_SECONDS)

    async def on_partitions_assigned(self, assigned: Any) -> None:
        pass


async def _keep_raw(records: tuple[Record, ...], original: Any) -> KafkaMessage:
    """A message with the raw records and no decoded header: an undecodable one must not fail the batch."""
    message: KafkaMessage = await original((_without_headers(records[0]),))
    message.raw_message = records
    return message


def _without_headers(record: Record) -> Record:
    return ConsumerRecord(
        record.topic, record.partition, record.offset, record.timestamp, record.timestamp_type,
        record.key, record.value, record.checksum, record.serialized_key_size, record.serialized_value_size, (),
    )  # fmt: skip


async def _decode_nothing(_: KafkaMessage) -> list[Any]:
    return []


def subscribe(broker: KafkaBroker, consumer: BatchConsumer, *, service: str) -> Any:
    """Wire a consumer to its topic in the service's group. Returns the FastStream subscriber."""
    listener, commits = _CommitBeforeRevoke(), BatchCommits(broker, consumer.topic)
    subscriber = broker.subscriber(
        consumer.topic,
        group_id=f"{service}.{consumer.topic}",
        batch=True,
        max_records=MAX_RECORDS,
        batch_timeout_ms=BATCH_WAIT_MS,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=SESSION_MS // 4,
        rebalance_timeout_ms=60_000,
        max_poll_interval_ms=300_000,
        listener=listener,
        parser=_keep_raw,
        decoder=_decode_nothing,
    )
    listener.subscriber = subscriber

    async def consume(events: list[Any], message: CurrentMessage) -> None:
        structlog.contextvars.clear_contextvars()
        try:
            await consumer.process(message.raw_message)
        except Exception as error:  # the batch is read again: slowly, for nobody else would slow it down
            log.error("batch_not_processed", topic=consumer.topic, exc_info=error)
            await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)
            raise
        await commits.commit(message)  # FastStream does not commit again what is committed

    subscriber(consume)
    return subscriber
