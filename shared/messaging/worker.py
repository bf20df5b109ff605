"""Work that nobody asks for by a message or a request: what is due now, again and again."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from shared.messaging.consume import PASSING_FAULTS

PAUSE_SECONDS = 0.25
FAULT_PAUSE_SECONDS = 2.0
FINISH_SECONDS = 5.0
log = structlog.get_logger()

Act = Callable[[datetime], Awaitable[bool]]
Clock = Callable[[], Awaitable[datetime]]


async def local_time() -> datetime:
    return datetime.now(UTC)


def every(
    seconds: float, act: Callable[[datetime], Awaitable[None]], since: Callable[[], float] = time.monotonic
) -> Act:
    """As work that is due at once and then no sooner than that long after it last began, also where it failed."""
    began_at = -math.inf

    async def when_due(now: datetime) -> bool:
        nonlocal began_at
        if since() - began_at >= seconds:
            began_at = since()
            await act(now)
        return False

    return when_due


@asynccontextmanager
async def working(*acts: Act, clock: Clock, pause_seconds: float = PAUSE_SECONDS) -> AsyncIterator[None]:
    """Repeat each act while the block runs. An act does a bounded part of what is due now and says whether there may
    be more. At the end it may finish what it has begun: what it has leased would wait for another replica until the
    lease is over. One that takes longer is cancelled, so it must be safe to break off anywhere. `clock`: what "now"
    is; where acts lease, one that all replicas share (shared/stores/mongo.py, server_time)."""
    leaving = asyncio.Event()
    tasks = [asyncio.create_task(_until(leaving, act, pause_seconds, clock)) for act in acts]
    try:
        yield
    finally:
        leaving.set()
        await asyncio.wait(tasks, timeout=FINISH_SECONDS)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _until(leaving: asyncio.Event, act: Act, pause_seconds: float, clock: Clock) -> None:
    while not leaving.is_set():
        pause = pause_seconds
        try:
            while await act(await clock()) and not leaving.is_set():
                await asyncio.sleep(0)
        except PASSING_FAULTS as error:
            log.warning("work_interrupted", error=type(error).__name__)
            pause = FAULT_PAUSE_SECONDS
        except Exception as error:  # a bug in one item must not end the work for all others
            log.error("work_failed", exc_info=error)
            pause = FAULT_PAUSE_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(leaving.wait(), pause)
