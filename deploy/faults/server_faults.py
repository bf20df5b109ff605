"""A part of the stack stops, dies or stands still while people are on their journey."""

import asyncio
import random

from deploy.faults.cells import Act, Fault
from deploy.faults.desk import Desk
from deploy.faults.processes import standing_still


def stopped(part: str, seconds: float) -> Fault:
    """Told to stop, and started again after so long."""

    async def fault(desk: Desk, chance: random.Random, act: Act) -> bool:
        going = asyncio.create_task(act())
        await asyncio.sleep(chance.uniform(0, 0.5))
        await desk.stack.stop(part)
        await asyncio.sleep(seconds)
        await desk.stack.start(part)
        await going
        return True

    return fault


def killed(part: str) -> Fault:
    async def fault(desk: Desk, chance: random.Random, act: Act) -> bool:
        going = asyncio.create_task(act())
        await asyncio.sleep(chance.uniform(0, 0.5))
        await desk.stack.kill(part)
        await going
        return True

    return fault


def paused(part: str, seconds: float) -> Fault:
    async def fault(desk: Desk, chance: random.Random, act: Act) -> bool:
        going = asyncio.create_task(act())
        await asyncio.sleep(chance.uniform(0, 0.5))
        async with standing_still(desk.stack.pid(part)):
            await asyncio.sleep(seconds)
        await going
        return True

    return fault
