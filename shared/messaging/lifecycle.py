"""Start and drain a service's messaging in the right order, and say whether it is ready."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from faststream.kafka import KafkaBroker

from shared.messaging.outbox import Outbox
from shared.stores.mongo import Client


@asynccontextmanager
async def messaging(broker: KafkaBroker, outbox: Outbox, subscribers: Sequence[Any]) -> AsyncIterator[None]:
    """Consume and publish while the block runs. Then: finish the batches in flight, publish what they left, close."""
    await broker.start()
    await outbox.start()
    try:
        yield
    finally:
        for subscriber in subscribers:
            await subscriber.stop()
        await outbox.stop()
        await broker.stop()


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
    return not tasks or any(task.done() for task in tasks)
