"""Run one cell: the part in peace, the part with the fault in it, and then wait for what must be true."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.faults.cells import Cell
from deploy.faults.desk import Desk, NotConverged
from deploy.faults.facts import seen, settle
from deploy.faults.journeys import JOURNEYS, Story
from deploy.faults.people import somebody
from deploy.local.layout import SERVICES

READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """What a cell came to. `wrong`: in words; empty where all is as if nothing had happened."""

    cell: str
    seed: int
    struck: bool
    seconds: float
    people: int
    messages: int
    repeats: int
    events_again: int
    wrong: tuple[str, ...]

    @property
    def result(self) -> str:
        return "**failed**" if self.wrong else "converged" if self.struck else "did not strike"


async def run_cell(desk: Desk, cell: Cell, seed: int, erased_in_peace: Mapping[str, int]) -> Row:
    """`erased_in_peace`: what the receipts of the same journey count without a fault."""
    chance = random.Random(f"{seed}/{cell.name}")
    journey = JOURNEYS[cell.journey]
    stories = [Story(somebody(next(desk.numbers), chance)) for _ in range(cell.people)]
    desk.stories += stories
    started, struck, wrong = time.monotonic(), False, list[str]()
    sent_before = Counter(desk.mesh.sent)

    async def act() -> None:
        await asyncio.gather(*(journey.act(desk, story) for story in stories))

    try:
        await asyncio.gather(*(journey.in_peace(desk, story) for story in stories))
        await asyncio.gather(*(settle(desk, story) for story in stories if story.orders))
        started = time.monotonic()
        struck = await cell.fault(desk, chance, act)
        await asyncio.gather(*(settle(desk, story) for story in stories))
    except NotConverged as failure:
        wrong += failure.unmet
    except Exception as failure:
        wrong.append(f"{type(failure).__name__}: {failure}")
    seconds = time.monotonic() - started
    await asyncio.gather(*(desk.stack.wait_ready(service, READY_SECONDS) for service in SERVICES))
    was_seen, also_wrong = await seen(desk, stories, sent_before)
    wrong += also_wrong
    for counted in was_seen.erased:
        if erased_in_peace and counted != erased_in_peace:
            wrong.append(f"receipts count {counted} instead of {erased_in_peace}")
    return Row(
        cell.name, seed, struck, seconds, cell.people,
        was_seen.messages, was_seen.repeats, was_seen.events_again, tuple(wrong),
    )  # fmt: skip
