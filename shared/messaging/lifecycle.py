"""Start and drain a service's messaging in the right order, and say whether it is ready."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from shared.messaging.outbox import Outbox
from shared.stores.mongo import Client

REJOIN_SECONDS = 1.0
log = structlog.get_logger()


@asynccontextmanager
async def messaging(broker: KafkaBroker, outbox: Outbox, subscribers: Sequence[Any]) -> AsyncIterator[None]:
    """Publish at once and consume as soon as the groups have let this replica in (readiness waits for that, requests
    need not). On leaving: finish the batches in flight, publish what they left, close."""
    await broker.connect()
    await outbox.start()
    joining = asyncio.create_task(_join(broker, subscribers))
    try:
        yield
    finally:
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)
        await asyncio.gather(*(subscriber.stop() for subscriber in subscribers))
        await outbox.stop()
        await broker.stop()


async def _join(broker: KafkaBroker, subscribers: Sequence[Any]) -> None:
    """All groups side by side: joining one takes seconds."""
    await asyncio.gather(*(_join_one(subscriber) for subscriber in subscribers))
    broker.running = True


async def _join_one(subscriber: Any) -> None:
    while True:
        try:
            await subscriber.start()
            return
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("group_not_joined", group=subscriber.group_id, error=type(error).__name__)
            await subscriber.stop()
            await asyncio.sleep(REJOIN_SECONDS)


def readiness(
    client: Client, broker: KafkaBroker, subscribers: Sequence[Any]
) -> Mapping[str, Callable[[], Awaitable[bool]]]:
    """MongoDB answers, the broker answers, and every subscription has a running task. A spare replica without a
    partition is ready."""

    async def mongodb() -> bool:
        await client.admin.command("ping")
        return True

    async def kafka() -> bool:
        return await broker.ping(timeout=2)

    async def subscriptions() -> bool:
        return all(subscriber.running and not _ended(subscriber.tasks) for subscriber in subscribers)

    return {"mongodb": mongodb, "kafka": kafka, "subscriptions": subscriptions}


def _ended(tasks: Sequence[Any]) -> bool:
    """FastStream starts a consuming task anew that has failed, and keeps the failed one in its list."""
    return all(task.done() for task in tasks)
