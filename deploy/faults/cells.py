"""The cells of the crash matrix: a journey, and the fault that strikes in it.

A cell of `kill -9` is named by its journey and its point, `placing/delivery/mongodb insert shipments(…)/after`, and
can be made again of its name alone. Which points there are is not written down anywhere: a journey in peace shows
every step each service takes.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field

from deploy.faults.desk import Desk
from deploy.faults.mesh import Point
from deploy.faults.proxy import Moment
from deploy.faults.wire import Step

Act = Callable[[], Awaitable[None]]
# Carries out the act with the fault in it; returns whether the fault struck.
Fault = Callable[[Desk, random.Random, Act], Awaitable[bool]]
LONGEST_HOLD_SECONDS = 0.1
# Before a lone write there is nothing that was not there after the step before it. Before these there is.
STRUCK_BEFORE = ("mongodb commit", "kafka produce", "mail", "sms", "partner")
# A crash at each of these, however often a journey takes them, is the same crash.
ONCE = ("mongodb delete", "mongodb insert", "mongodb change", "kafka offsets", "kafka produce ledger-heads")
OFTEN_ENOUGH = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """`people`: how many go on the journey at once. `needs`: `kafka` where the embedded broker can't have the fault."""

    name: str
    journey: str
    fault: Fault = field(repr=False)
    people: int = 1
    needs: str = ""


def kill_at(point: Point) -> Fault:
    """`kill -9` of the service at that point, some moments after the step, while the rest of the world goes on."""

    async def fault(desk: Desk, chance: random.Random, act: Act) -> bool:
        async def kill() -> None:
            await desk.pause(chance.uniform(0, LONGEST_HOLD_SECONDS))
            await desk.stack.kill(point.service)

        trap = desk.mesh.set(point, kill)
        try:
            await act()
            return await desk.struck(trap)
        finally:
            desk.mesh.clear()

    return fault


def kill_cell(journey: str, point: Point) -> Cell:
    return Cell(f"{journey}/{point}", journey, kill_at(point))


def kill_cell_named(name: str) -> Cell:
    """Raises ValueError where the name is no such cell's."""
    journey, service, rest = name.split("/", 2)
    step, _, moment = rest.rpartition("/")
    step, _, number = step.partition(" #")
    if moment not in ("before", "after"):
        raise ValueError(name)
    told: Moment = "before" if moment == "before" else "after"
    return kill_cell(journey, Point(service, step, int(number or 1), told))


def kill_cells(journey: str, taken: Iterable[tuple[str, Step]]) -> Iterator[Cell]:
    """One for each step that was taken, and two where a step can be struck before it."""
    for (service, step), times in Counter((service, str(step)) for service, step in taken).items():
        repeats = 1 if step.startswith(ONCE) else min(times, OFTEN_ENOUGH)
        for n in range(1, repeats + 1):
            yield kill_cell(journey, Point(service, step, n, "after"))
            if step.startswith(STRUCK_BEFORE):
                yield kill_cell(journey, Point(service, step, n, "before"))
