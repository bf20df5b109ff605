"""Give a broker another producer in the place of one that Kafka takes nothing from any more.

An idempotent producer numbers its batches. One that is refused for good leaves a hole, and every later one for that
partition is refused as out of order, for ever (aiokafka 1017): seen after all brokers had been away for a while.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

STOP_SECONDS = 5.0
log = structlog.get_logger()


def is_stuck(results: Iterable[Any]) -> bool:
    """Whether a batch was refused for good."""
    return any(isinstance(result, KafkaError) and not result.retriable for result in results)


def producer_of(broker: KafkaBroker) -> Any:
    """The one it has now, to be named when it fails."""
    return getattr(broker.config.producer, "_producer", None)


async def renew_producer(broker: KafkaBroker, failed: Any) -> None:
    """Unless somebody else has done it since. The new one works before the old one goes: nobody finds none.

    Raises KafkaError where the brokers are away; then the old one stays, and the next failure tries again."""
    if producer_of(broker) is not failed:
        return
    holder: Any = broker.config.producer
    await holder.connect(AIOKafkaProducer(**broker._connection_kwargs), holder.serializer, holder.codec)
    log.warning("producer_renewed")
    with contextlib.suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await failed.stop()
