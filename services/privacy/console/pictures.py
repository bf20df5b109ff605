"""Pictures as plain numbers: where each bar and each store stands. Pure; the templates draw them, with a table beside.

Units are those of the drawing's viewBox, which is as wide as a small phone: text in it stays readable there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from services.privacy.case import Case
from services.privacy.console.store_progress import StoreProgress
from shared.policy.working_days import ALMATY, deadline

WIDTH: Final = 320
BAR_AREA: Final = 96
LABELS: Final = 20
LEFT: Final = 48  # a number of six digits
WORKING_DAYS_AHEAD: Final = 15
DAYS_BACK: Final = 14
ROW: Final = 68

StoreState = Literal["waits", "stopped", "erased", "kept_for_order", "left"]
When = Literal["overdue", "day", "later"]


@dataclass(frozen=True, slots=True)
class Bar:
    """One value of one day. `series`: which of the chart's it belongs to, from 0."""

    x: float
    y: float
    width: float
    height: float
    series: int
    value: int


@dataclass(frozen=True, slots=True)
class Column:
    """A day of a chart, or what lies before or after its days (`day` None). `values`: one a series."""

    when: When
    day: date | None
    values: tuple[int, ...]
    middle: float
    bars: tuple[Bar, ...]
    labelled: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """`highest`: the value a full bar stands for."""

    columns: tuple[Column, ...]
    highest: int
    width: int = WIDTH
    height: int = BAR_AREA + LABELS
    base: int = BAR_AREA
    left: int = LEFT

    @property
    def empty(self) -> bool:
        return not any(value for column in self.columns for value in column.values)


def deadlines_ahead(open_cases: Mapping[date, int], now: datetime) -> Chart:
    """Open cases by their last day: overdue, today and the next working days, later. Every case is counted once."""
    today = now.astimezone(ALMATY).date()
    days = [today, *(deadline(now, number) for number in range(1, WORKING_DAYS_AHEAD + 1))]
    overdue = sum(count for day, count in open_cases.items() if day < today)
    later = sum(count for day, count in open_cases.items() if day > days[-1])
    # A last day that is no working day, as after a change of the calendar, counts with the working day before it.
    spans = zip(days, [*days[1:], days[-1] + timedelta(days=1)], strict=True)
    counts = [sum(count for day, count in open_cases.items() if from_ <= day < to) for from_, to in spans]
    return _chart(
        [
            ("overdue", None, (overdue,)),
            *(("day", day, (count,)) for day, count in zip(days, counts, strict=True)),
            ("later", None, (later,)),
        ]
    )


def per_day(series: Sequence[Mapping[date, int]], now: datetime, days: int = DAYS_BACK) -> Chart:
    """The last days up to today, a bar a series."""
    today = now.astimezone(ALMATY).date()
    shown = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    return _chart([("day", day, tuple(of.get(day, 0) for of in series)) for day in shown])


def since_shown(now: datetime, days: int = DAYS_BACK) -> datetime:
    """When the first of the days that `per_day` shows began in Almaty."""
    start = now.astimezone(ALMATY).replace(hour=0, minute=0, second=0, microsecond=0)
    return start - timedelta(days=days - 1)


def _chart(columns: Sequence[tuple[When, date | None, tuple[int, ...]]]) -> Chart:
    highest = max((value for _, _, values in columns for value in values), default=0) or 1
    step = (WIDTH - LEFT) / len(columns)
    every = max(1, round(len(columns) / 4))
    return Chart(
        tuple(
            Column(
                when,
                day,
                values,
                round(LEFT + (number + 0.5) * step, 2),
                _bars(values, LEFT + number * step, step, highest),
                day is not None and number % every == every // 2,
            )
            for number, (when, day, values) in enumerate(columns)
        ),
        highest,
    )


def _bars(values: Sequence[int], x: float, step: float, highest: int) -> tuple[Bar, ...]:
    """Side by side in their column, with a gap to the next. A value that is there is seen, however small."""
    width = step * 0.8 / len(values)
    heights = [max(2.0, value / highest * (BAR_AREA - 8)) if value else 0.0 for value in values]
    return tuple(
        Bar(
            round(x + step * 0.1 + series * width, 2),
            round(BAR_AREA - height, 2),
            round(width, 2),
            round(height, 2),
            series,
            values[series],
        )
        for series, height in enumerate(heights)
    )


@dataclass(frozen=True, slots=True)
class StoreNode:
    """A store of the fan-out. `erased`: records so far; `y`: of its box's upper edge."""

    store: str
    state: StoreState
    erased: int
    key_destroyed: bool
    y: int


@dataclass(frozen=True, slots=True)
class FanOut:
    nodes: tuple[StoreNode, ...]
    row: int = ROW
    width: int = WIDTH

    @property
    def height(self) -> int:
        return self.row * len(self.nodes)

    @property
    def middle(self) -> float:
        return self.height / 2


def fan_out(case: Case, progress: Sequence[StoreProgress]) -> FanOut:
    """The case in the middle of its stores, and how far each is."""
    return FanOut(
        tuple(
            StoreNode(of.store, _state(case, of), of.erased, of.store in case.keys_destroyed, number * ROW)
            for number, of in enumerate(progress)
        )
    )


def _state(case: Case, of: StoreProgress) -> StoreState:
    """Of the round under way: a store that has not answered it yet has stopped, whatever it erased before."""
    if of.round == 0 or of.round < case.round:
        return "stopped" if of.stopped_at else "waits"
    if of.left:
        return "left"
    return "kept_for_order" if of.waits else "erased"
