"""Give a broker another producer in the place of one that Kafka takes nothing from any more.

An idempotent producer numbers its batches. One that is refused for good leaves a hole, and every later one for that
partition is refused as out of order, for ever (aiokafka 1017): seen after all brokers had been away for a while.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

STOP_SECONDS = 5.0
_renewing: WeakKeyDictionary[KafkaBroker, asyncio.Lock] = WeakKeyDictionary()
log = structlog.get_logger()


@asynccontextmanager
async def acknowledged_within(broker: KafkaBroker, seconds: float) -> AsyncIterator[None]:
    """Around publishing and waiting for the acknowledgements. Where none came in time, or one was refused for good, the
    producer is renewed before the error goes on: what it still holds back is published again by whoever failed."""
    producer = producer_of(broker)
    try:
        async with asyncio.timeout(seconds):
            yield
    except (KafkaError, TimeoutError) as error:
        if isinstance(error, TimeoutError) or is_stuck([error]):
            with contextlib.suppress(KafkaError):
                await renew_producer(broker, producer)
        raise


def is_stuck(results: Iterable[Any]) -> bool:
    """Whether a batch was refused for good."""
    return any(isinstance(result, KafkaError) and not result.retriable for result in results)


def producer_of(broker: KafkaBroker) -> Any:
    """The one it has now, to be named when it fails."""
    return getattr(broker.config.producer, "_producer", None)


async def renew_producer(broker: KafkaBroker, failed: Any) -> None:
    """Unless somebody else has done it since. The new one works before the old one goes: nobody finds none.

    Raises KafkaError where the brokers are away; then the old one stays, and the next failure tries again."""
    async with _renewing.setdefault(broker, asyncio.Lock()):
        if producer_of(broker) is not failed:
            return
        holder: Any = broker.config.producer
        renewed = AIOKafkaProducer(**broker._connection_kwargs)
        try:
            await holder.connect(renewed, holder.serializer, holder.codec)
        except BaseException:
            await renewed.stop()
            raise
    log.warning("producer_renewed")
    with contextlib.suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await failed.stop()
