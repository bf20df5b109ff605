"""Run one cell: the part in peace, the part with the fault in it, and then wait for what must be true."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.faults.cells import Cell, kill_all
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
    messages: int
    repeats: int
    events_again: int
    wrong: tuple[str, ...]
    missing: str = ""
    broker: str = ""

    @property
    def result(self) -> str:
        if self.missing:
            return f"not run: {self.missing}"
        return "**failed**" if self.wrong else "converged" if self.struck else "did not strike"


async def run_cells(desk: Desk, cells: Sequence[Cell], seed: int, erased_in_peace: Mapping[str, int]) -> list[Row]:
    """One cell, or several kills of one journey in one go. `erased_in_peace`: what the receipts of the same journey
    count without a fault."""
    one = cells[0]
    journey, chance = JOURNEYS[one.journey], random.Random(f"{seed}/{'+'.join(cell.name for cell in cells)}")
    stories = [Story(somebody(next(desk.numbers), chance)) for _ in range(one.people)]
    desk.stories += stories
    struck, wrong = set[str](), list[str]()
    started, sent_before = time.monotonic(), Counter(desk.mesh.sent)

    async def rest() -> None:
        await asyncio.gather(*(settle(desk, story) for story in stories if story.orders))

    async def act() -> None:
        await asyncio.gather(*(journey.act(desk, story) for story in stories))
        await rest()

    try:
        await asyncio.gather(*(journey.in_peace(desk, story) for story in stories))
        await rest()
        started = time.monotonic()
        if one.fault is None:
            struck = await kill_all(cells, desk, chance, act)
        elif await one.fault(desk, chance, act):
            struck = {one.name}
        await rest()
    except NotConverged as failure:
        wrong += failure.unmet
    except Exception as failure:
        said, *_ = str(failure).split(" The end of ", 1)  # and not the paths and the log that may follow
        wrong.append(f"{type(failure).__name__}: {said}")
    seconds = time.monotonic() - started
    await asyncio.gather(*(desk.stack.wait_ready(service, READY_SECONDS) for service in SERVICES))
    was_seen, also_wrong = await seen(desk, stories, sent_before)
    wrong += also_wrong
    for counted in was_seen.erased:
        if erased_in_peace and counted != erased_in_peace:
            wrong.append(f"receipts count {counted} instead of {erased_in_peace}")
    figures = (was_seen.messages, was_seen.repeats, was_seen.events_again)
    return [Row(cell.name, seed, cell.name in struck, seconds, *figures, tuple(wrong)) for cell in cells]
