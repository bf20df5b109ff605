"""Due work goes on until nothing is due, outlives its faults, and ends with its block."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

import pytest
from pymongo.errors import AutoReconnect
from structlog.testing import capture_logs

from shared.messaging import worker
from shared.messaging.worker import every, local_time, working
from tests.builders import NOON

FOR_EVER = 3600.0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)


async def test_an_act_is_repeated_at_once_while_there_may_be_more() -> None:
    calls: list[datetime] = []

    async def act(now: datetime) -> bool:
        calls.append(now)
        return len(calls) < 5

    async with working(act, clock=local_time, pause_seconds=60):
        await until(lambda: len(calls) == 5)
        await asyncio.sleep(0.01)
    assert len(calls) == 5
    assert all(now.tzinfo for now in calls)


@pytest.mark.parametrize("fault", [AutoReconnect("the text may quote +77000000042"), ValueError("+77000000042")])
async def test_a_fault_is_noted_without_its_text_and_outlived(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "FAULT_PAUSE_SECONDS", 0.001)
    calls = 0

    async def act(now: datetime) -> bool:
        nonlocal calls
        calls += 1
        raise fault

    with capture_logs() as logs:
        async with working(act, clock=local_time, pause_seconds=0.001):
            await until(lambda: calls >= 3)
    assert {entry["event"] for entry in logs} <= {"work_interrupted", "work_failed"}
    assert not [entry for entry in logs if "77000000042" in str({**entry, "exc_info": None})]


async def test_what_was_begun_is_finished_and_nothing_more_begun() -> None:
    begun, finish, finished = asyncio.Event(), asyncio.Event(), 0

    async def act(now: datetime) -> bool:
        nonlocal finished
        begun.set()
        await finish.wait()
        finished += 1
        return True

    async with working(act, clock=local_time):
        await begun.wait()
        asyncio.get_running_loop().call_later(0.05, finish.set)
    assert finished == 1


async def test_who_only_waits_for_the_next_turn_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FINISH_SECONDS", FOR_EVER)
    calls: list[datetime] = []

    async def act(now: datetime) -> bool:
        calls.append(now)
        return False

    async with asyncio.timeout(10), working(act, clock=local_time, pause_seconds=FOR_EVER):
        await until(lambda: bool(calls))


async def test_what_takes_too_long_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FINISH_SECONDS", 0.01)
    broken_off = asyncio.Event()

    async def act(now: datetime) -> bool:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            broken_off.set()
            raise
        return False

    async with working(act, clock=local_time):
        await asyncio.sleep(0.01)
    assert broken_off.is_set()


async def test_now_is_what_the_given_clock_says() -> None:
    calls: list[datetime] = []

    async def act(now: datetime) -> bool:
        calls.append(now)
        return False

    async def clock() -> datetime:
        return NOON

    async with working(act, clock=clock, pause_seconds=60):
        await until(lambda: bool(calls))
    assert calls == [NOON]


async def test_what_is_due_now_and_then_is_not_begun_sooner_also_after_a_fault() -> None:
    began: list[float] = []
    clock = [100.0]

    async def act(_: datetime) -> None:
        began.append(clock[0])
        if len(began) == 2:
            raise AutoReconnect("away")

    due = every(10, act, since=lambda: clock[0])
    for clock[0] in (100.0, 109.9, 110.0, 115.0, 120.0):
        with contextlib.suppress(AutoReconnect):
            assert await due(NOON) is False
    assert began == [100.0, 110.0, 120.0]
