"""Run the crash matrix: see every journey in peace, make a cell of each step, and run them on several stacks at once.

Most of a cell is waiting, for Kafka to notice that a consumer is gone: hence the lanes.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.faults.cells import Act, Cell, kill_cells, rounds
from deploy.faults.desk import Desk
from deploy.faults.facts import erased_counts
from deploy.faults.journeys import KILLED_IN
from deploy.faults.lane import lane, wrong_at_the_end
from deploy.faults.mesh import Taken
from deploy.faults.run_cell import Row, run_cells

QUIET_SECONDS = 2.0
ATTEMPTS = 2
TOGETHER = "(struck in one go with others)"
Told = Callable[[Row], None]


@dataclass(slots=True)
class Peace:
    """Of each journey without a fault: the steps taken, and what the receipts counted."""

    steps: dict[str, list[Taken]] = field(default_factory=dict)
    erased: dict[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def kill_cells(self) -> list[Cell]:
        return [cell for journey, taken in self.steps.items() for cell in kill_cells(journey, taken)]


@dataclass(slots=True)
class Outcome:
    """`wrong`: of the stacks as a whole, in words."""

    rows: list[Row] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.wrong and not any(row.wrong for row in self.rows)


class PeaceBroken(Exception):
    """A journey did not come to its end although nothing was done to it."""

    def __init__(self, wrong: Sequence[str]) -> None:
        super().__init__(f"Without a fault: {'; '.join(wrong)}")


async def in_peace(desk: Desk) -> Peace:
    """Raises PeaceBroken."""
    peace = Peace()

    async def listen(desk: Desk, chance: random.Random, act: Act) -> bool:
        desk.mesh.listen()
        await act()
        await asyncio.sleep(QUIET_SECONDS)
        return True

    for journey in KILLED_IN:
        (row,) = await run_cells(desk, [Cell("peace", journey, fault=listen)], 0, {})
        if row.wrong:
            raise PeaceBroken(row.wrong)
        peace.steps[journey] = list(desk.mesh.taken)
        peace.erased[journey] = await erased_counts(desk, desk.stories[-1])
    return peace


async def run(var: Path, choose: Callable[[Peace], Sequence[Cell]], *, seed: int, lanes: int, told: Told) -> Outcome:
    """`choose`: the cells to run, of those there are. `told`: called with each row as it is there."""
    outcome = Outcome()
    async with lane(var / "lane-1") as desk:
        peace = await in_peace(desk)
        waiting = rounds(choose(peace))
        random.Random(seed).shuffle(waiting)

        async def work(desk: Desk) -> None:
            while waiting:
                for row in await _strike(desk, waiting.pop(0), seed, peace):
                    outcome.rows.append(row)
                    told(row)
            outcome.wrong += await wrong_at_the_end(desk)

        async def work_on_another(number: int) -> None:
            async with lane(var / f"lane-{number}") as desk:
                await work(desk)

        async with asyncio.TaskGroup() as group:
            group.create_task(work(desk))
            for number in range(2, min(lanes, len(waiting)) + 1):
                group.create_task(work_on_another(number))
    return outcome


async def _strike(desk: Desk, cells: Sequence[Cell], seed: int, peace: Peace) -> list[Row]:
    """Where several were struck in one go and it came out wrong, each alone shows whose it is. A fault that did not
    strike, since its step went by in another form, gets another chance."""
    if missing := cells[0].missing:
        return [Row(cells[0].name, seed, False, 0.0, 0, 0, 0, (), missing)]
    erased = peace.erased.get(cells[0].journey, {})
    rows = await run_cells(desk, cells, seed, erased)
    together = len(cells) > 1
    rows = [replace(row, wrong=(*row.wrong, TOGETHER)) if together and row.wrong else row for row in rows]
    again = [c for c, row in zip(cells, rows, strict=True) if (together if row.wrong else not row.struck)]
    for cell in again:
        for _ in range(ATTEMPTS):
            (row,) = await run_cells(desk, [cell], seed, erased)
            rows.append(row)
            if row.struck or row.wrong:
                break
    return _last_of_each(rows)


def _last_of_each(rows: Sequence[Row]) -> list[Row]:
    """Of each cell the last row, and those that came out wrong."""
    last = {row.cell: row for row in rows}
    return [row for row in rows if row.wrong or row is last[row.cell]]
