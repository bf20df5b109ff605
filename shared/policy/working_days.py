"""Deadlines in working days of Kazakhstan: the day after receipt, in Almaty, is day 1 (Law 94-V art. 8(7))."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import holidays
import yaml
from pydantic import BaseModel, ConfigDict

ALMATY: Final = ZoneInfo("Asia/Almaty")
OVERRIDES: Final = Path(__file__).with_name("working_days_overrides.yaml")


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OverriddenDay(_Row):
    day: date
    why: str
    source: str


class Overrides(_Row):
    """Official days the library lacks, and the last year everything is official for."""

    covered_until: int
    non_working: tuple[OverriddenDay, ...] = ()
    working: tuple[OverriddenDay, ...] = ()


@dataclass(frozen=True, slots=True)
class CoverageWarning:
    """The deadline lies in a year whose official calendar is not entered: it may be off by transferred days."""

    covered_until: int

    def __str__(self) -> str:
        return (
            f"The official calendar of working days is entered until {self.covered_until}; later days are estimates. "
            "Enter the year's decisions in shared/policy/working_days_overrides.yaml."
        )


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day, and a warning where its year is not covered."""

    day: date
    warning: CoverageWarning | None


def deadline(received_at: datetime, days: int) -> date:
    """The last of `days` working days after an aware time of receipt. Raises ValueError for a naive one."""
    return deadline_with_coverage(received_at, days).day


def deadline_with_coverage(received_at: datetime, days: int, overrides: Path = OVERRIDES) -> Deadline:
    """As `deadline`, saying whether the official calendar reaches that far."""
    if days < 1:
        raise ValueError("A deadline is at least one working day: give 1 or more.")
    calendar, covered_until = _calendar(overrides)
    day = calendar.get_nth_working_day(almaty_day(received_at), days)
    return Deadline(day, CoverageWarning(covered_until) if day.year > covered_until else None)


def is_estimate(day: date) -> bool:
    """Whether the official calendar of that year is not entered yet, so that transferred days may move it."""
    return day.year > _calendar(OVERRIDES)[1]


def working_days_left(last_day: date, now: datetime) -> int:
    """Working days after today up to and with the last day; negative once it is over."""
    calendar, _ = _calendar(OVERRIDES)
    today, after = almaty_day(now), timedelta(days=1)
    if last_day >= today:
        return calendar.get_working_days_count(today + after, last_day) if last_day > today else 0
    return -max(1, calendar.get_working_days_count(last_day + after, today))  # also on a day off it is over


def almaty_day(moment: datetime) -> date:
    """The day it is in Almaty then: versions and notices come into force there."""
    if moment.tzinfo is None:
        raise ValueError("A time of receipt needs its offset: give an aware datetime.")
    return moment.astimezone(ALMATY).date()


@cache
def _calendar(path: Path) -> tuple[holidays.HolidayBase, int]:
    overrides = Overrides.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    calendar = holidays.country_holidays("KZ")
    for non_working in overrides.non_working:
        calendar.append({non_working.day: non_working.why})
    for working in overrides.working:
        if working.day in calendar:
            calendar.pop(working.day)
        calendar.weekend_workdays.add(working.day)
    return calendar, overrides.covered_until
