"""Pairs of measurements: both sides in one run, in turn, so that a noisy machine is noisy for both."""

import statistics
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Side = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians of both sides in `unit`. `aim` bounds the ratio ours/theirs, or our own figure where `of_ours`; from
    below, unless `at_most`. None: to be known, not to be met."""

    name: str
    ours: float
    theirs: float
    aim: float | None
    unit: str
    at_most: bool = False
    of_ours: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def met(self) -> bool:
        if self.aim is None:
            return True
        figure = self.ours if self.of_ours else self.ratio
        return figure <= self.aim if self.at_most else figure >= self.aim

    def row(self) -> dict[str, object]:
        """As `var/bench/report.json` has it."""
        return {
            "ours": round(self.ours, 1),
            "theirs": round(self.theirs, 1),
            "ratio": round(self.ratio, 3),
            "aim": self.aim,
            "unit": self.unit,
            "met": self.met,
            "note": self.note,
        }


async def in_turn(ours: Side, theirs: Side, rounds: int) -> tuple[float, float]:
    """Median of each side's figure over the rounds, ours and theirs alternating, each round starting with the other."""
    a: list[float] = []
    b: list[float] = []
    for number in range(rounds):
        for side, figures in ((ours, a), (theirs, b)) if number % 2 == 0 else ((theirs, b), (ours, a)):
            figures.append(await side())
    return statistics.median(a), statistics.median(b)
