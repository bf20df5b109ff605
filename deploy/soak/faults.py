"""What goes wrong during the soak, one fault after the other, from outside the product: signals and stopped servers.

In the first half processes are killed; in the second none of the services is, so that its memory can be watched.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from deploy.faults.processes import standing_still
from deploy.local.layout import SERVICES
from deploy.local.stack import LocalStack

STILL_SECONDS = 15.0
DOWN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    strike: Callable[[LocalStack], Coroutine[Any, Any, None]]


def schedule(count: int, brokers: tuple[str, ...], seed: int) -> Iterator[Fault]:
    """`count` faults in an order of the seed's, killing ones first."""
    chance = random.Random(seed)
    servers = ("mongod", *brokers)
    killing = [_kill(part) for part in (*SERVICES, *servers)]
    sparing = [*(_still(service) for service in SERVICES), *(_down(server) for server in servers)]
    for half, size in ((killing, (count + 1) // 2), (sparing, count // 2)):
        waiting: list[Fault] = []
        for _ in range(size):
            if not waiting:
                waiting = chance.sample(half, len(half))
            yield waiting.pop()


def _kill(part: str) -> Fault:
    async def strike(stack: LocalStack) -> None:
        await stack.kill(part)

    return Fault(f"kill -9 {part}", strike)


def _still(service: str) -> Fault:
    async def strike(stack: LocalStack) -> None:
        async with standing_still(stack.pid(service)):
            await asyncio.sleep(STILL_SECONDS)

    return Fault(f"{service} stands still for {STILL_SECONDS:g} s", strike)


def _down(server: str) -> Fault:
    async def strike(stack: LocalStack) -> None:
        await stack.stop(server)
        try:
            await asyncio.sleep(DOWN_SECONDS)
        finally:
            await stack.start(server)

    return Fault(f"{server} is down for {DOWN_SECONDS:g} s", strike)
