"""Ready means that something consumes."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.messaging.lifecycle import readiness


@dataclass
class Subscriber:
    running: bool = True
    tasks: list[Any] = field(default_factory=list)


class Away:
    """A client or broker that does not answer."""

    admin: Any = None

    async def ping(self, **_: float) -> bool:
        return False


async def ended() -> "asyncio.Task[None]":
    async def end() -> None:
        raise RuntimeError

    task = asyncio.create_task(end())
    await asyncio.gather(task, return_exceptions=True)
    return task


@pytest.fixture
async def alive() -> Any:
    task = asyncio.create_task(asyncio.sleep(60))
    yield task
    task.cancel()


async def subscriptions(*subscribers: Subscriber) -> bool:
    return await readiness(Away(), Away(), subscribers)["subscriptions"]()  # type: ignore[arg-type]


async def test_every_subscription_with_a_task_at_work_is_ready(alive: Any) -> None:
    assert await subscriptions(Subscriber(tasks=[alive]), Subscriber(tasks=[alive]))


async def test_one_that_is_stopped_or_has_no_task_is_not(alive: Any) -> None:
    assert not await subscriptions(Subscriber(tasks=[alive]), Subscriber(running=False, tasks=[alive]))
    assert not await subscriptions(Subscriber(tasks=[alive]), Subscriber())


async def test_task_that_ended_is_not_ready_until_another_took_its_place(alive: Any) -> None:
    assert not await subscriptions(Subscriber(tasks=[await ended()]))
    assert await subscriptions(Subscriber(tasks=[await ended(), alive]))


async def test_broker_that_does_not_answer_is_not_ready() -> None:
    assert not await readiness(Away(), Away(), ())["kafka"]()  # type: ignore[arg-type]
