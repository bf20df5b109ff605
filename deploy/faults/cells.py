"""The cells of the crash matrix: a journey, and the fault that strikes in it.

A cell of `kill -9` is named by its journey and its point, `placing/delivery/mongodb insert shipments(…)/after`, and
can be made again of its name alone. Which points there are is not written down anywhere: a journey in peace shows
every step each service takes.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.faults.desk import Desk
from deploy.faults.mesh import Point, Taken
from deploy.faults.proxy import Moment

Act = Callable[[], Coroutine[Any, Any, None]]
# Carries out the act, which ends when all has come to rest, with the fault in it. Returns whether it struck.
Fault = Callable[[Desk, random.Random, Act], Awaitable[bool]]
LONGEST_HOLD_SECONDS = 0.1
# Before any other step there is nothing that was not there after the step before it.
STRUCK_BEFORE = ("mongodb commit", "mail", "sms", "partner")
# Steps a journey takes again and again, each time the same for whoever crashes there.
ONCE = (
    "mongodb delete",
    "mongodb insert",
    "mongodb change",
    "mongodb update",
    "kafka offsets",
    "kafka produce ledger-heads",
    "kafka produce suppressions",
)
OFTEN_ENOUGH = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """`point`: of a kill; else `fault`. people: how many go on the journey at once. missing: why it
    can't be run here, if so."""

    name: str
    journey: str
    point: Point | None = None
    fault: Fault | None = field(default=None, repr=False)
    people: int = 1
    missing: str = ""


async def kill_all(cells: Sequence[Cell], desk: Desk, chance: random.Random, act: Act) -> set[str]:
    """`kill -9` of each service at its point, some moments after the step, while the rest of the world goes on. Returns
    the names of the cells that struck."""

    def kill(service: str) -> Callable[[], Awaitable[None]]:
        hold_seconds = chance.uniform(0, LONGEST_HOLD_SECONDS)

        async def strike() -> None:
            await asyncio.sleep(hold_seconds)
            await desk.stack.kill(service)

        return strike

    traps = {cell.name: desk.mesh.set(cell.point, kill(cell.point.service)) for cell in cells if cell.point}
    try:
        await act()
        return {name for name, trap in traps.items() if await desk.struck(trap)}
    finally:
        desk.mesh.clear()


def kill_cell(journey: str, point: Point) -> Cell:
    return Cell(f"{journey}/{point}", journey, point)


def kill_cell_named(name: str) -> Cell:
    """Raises ValueError where the name is no such cell's."""
    journey, service, rest = name.split("/", 2)
    step, _, moment = rest.rpartition("/")
    step, _, number = step.partition(" #")
    if moment not in ("before", "after"):
        raise ValueError(name)
    told: Moment = "before" if moment == "before" else "after"
    return kill_cell(journey, Point(service, step, int(number or 1), told))


def kill_cells(journey: str, taken: Iterable[Taken]) -> Iterator[Cell]:
    """One for each request a service made, and one more where it can be struck before it."""
    for (service, step), times in Counter((service, str(steps[0])) for service, steps in taken).items():
        repeats = 1 if step.startswith(ONCE) else min(times, OFTEN_ENOUGH)
        for n in range(1, repeats + 1):
            yield kill_cell(journey, Point(service, step, n, "after"))
        if step.startswith(STRUCK_BEFORE):
            yield kill_cell(journey, Point(service, step, 1, "before"))


def rounds(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells that are struck in one go: of one journey, each of another service. Others stand alone."""
    alone = [[cell] for cell in cells if cell.point is None]
    of_journeys: dict[str, dict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        if cell.point:
            of_journeys[cell.journey][cell.point.service].append(cell)
    together = []
    for of_services in of_journeys.values():
        while waiting := [theirs for theirs in of_services.values() if theirs]:
            together.append([theirs.pop() for theirs in waiting])
    return alone + together
