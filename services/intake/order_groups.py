"""Group commit: orders that come in while a transaction runs share the next one.

An order that comes alone is placed at once. Under load, those just answered have their next order here in a moment:
the next group waits for them, a few milliseconds at most, because a transaction costs as much as ten orders in it.
One person's order never suffers from another's: when a group fails, each of its orders is placed by itself.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

from pymongo.errors import ConnectionFailure

from services.intake.order import Outcome, Wanted
from services.intake.place_orders import OrderPlacing

MAX_GROUP = 100
GATHER_STEP_SECONDS = 0.001
GATHER_STEPS = 6

Waiting = tuple[Wanted, "asyncio.Future[Outcome]"]


class OrderGroups:
    def __init__(self, placing: OrderPlacing) -> None:
        self._placing = placing
        self._waiting: deque[Waiting] = deque()
        self._under_way = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def place(self, wanted: Wanted) -> Outcome:
        """As `OrderPlacing.place` for one order, in whatever group it comes to be."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, future))
        if not self._under_way:
            self._under_way = True
            task = asyncio.create_task(self._place_waiting())
            self._tasks.add(task)  # the event loop itself would let it be collected
            task.add_done_callback(self._tasks.discard)
        return await future

    async def place_all(self, wanted: Sequence[Wanted]) -> list[Outcome | Exception]:
        """Each order's outcome, or what stood in its way."""
        now = datetime.now(UTC)
        try:
            return list(await self._placing.place(wanted, now))
        except ConnectionFailure as error:  # it would fail each of them alike
            return [error] * len(wanted)
        except Exception as error:
            if len(wanted) == 1:
                return [error]
            return [(await self.place_all([item]))[0] for item in wanted]

    async def _place_waiting(self) -> None:
        """Until nobody waits. Seeing that and no longer being under way are one step: who comes next starts anew."""
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(MAX_GROUP, len(self._waiting)))]
                _answer(group, await self.place_all([wanted for wanted, _ in group]))
                if len(group) > 1:
                    await self._gather()
        finally:
            self._under_way = False

    async def _gather(self) -> None:
        """As long as more keep coming."""
        for _ in range(GATHER_STEPS):
            before = len(self._waiting)
            await asyncio.sleep(GATHER_STEP_SECONDS)
            if len(self._waiting) == before:
                return


def _answer(group: Sequence[Waiting], outcomes: Sequence[Outcome | Exception]) -> None:
    for (_, future), outcome in zip(group, outcomes, strict=True):
        if future.done():  # its request was given up
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
