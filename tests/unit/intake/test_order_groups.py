"""Group commit: nothing waits for company, and nobody's order suffers from another's."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from services.intake.order import Outcome, Placed, Wanted
from services.intake.order_groups import MAX_GROUP, OrderGroups
from tests.unit.intake.an_intake import Intake


class FakePlacing:
    """Places whole groups, each when the test lets it. `bad`: keys that make a group fail."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.bad: dict[str, Exception] = {}
        self.gate = asyncio.Event()

    async def place(self, wanted: Sequence[Wanted], now: datetime) -> list[Outcome]:
        self.groups.append([item.key for item in wanted])
        await self.gate.wait()
        for item in wanted:
            if item.key in self.bad:
                raise self.bad[item.key]
        return [Placed(item.key, "s", 0) for item in wanted]


@pytest.fixture
def placing() -> FakePlacing:
    return FakePlacing()


@pytest.fixture
def groups(placing: FakePlacing) -> OrderGroups:
    return OrderGroups(placing)  # type: ignore[arg-type]


@pytest.fixture
def an_order(tmp_path: Path) -> Wanted:
    return Intake(tmp_path).wanted()


def orders(an_order: Wanted, count: int) -> list[Wanted]:
    return [Wanted(an_order.form, an_order.face, f"k{number}") for number in range(count)]


async def started(groups: OrderGroups, wanted: Sequence[Wanted]) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(groups.place(item)) for item in wanted]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_an_order_alone_is_placed_at_once(groups: OrderGroups, placing: FakePlacing, an_order: Wanted) -> None:
    (task,) = await started(groups, [an_order])
    assert placing.groups == [[an_order.key]]
    placing.gate.set()
    assert await task == Placed(an_order.key, "s", 0)


async def test_what_comes_meanwhile_shares_the_next_transaction(
    groups: OrderGroups, placing: FakePlacing, an_order: Wanted
) -> None:
    first, *rest = orders(an_order, 6)
    tasks = await started(groups, [first])
    tasks += await started(groups, rest)
    assert placing.groups == [["k0"]]
    placing.gate.set()
    assert [outcome.order_id for outcome in await asyncio.gather(*tasks)] == [f"k{n}" for n in range(6)]
    assert placing.groups == [["k0"], ["k1", "k2", "k3", "k4", "k5"]]


async def test_who_orders_again_as_soon_as_answered_is_placed_again(
    groups: OrderGroups, placing: FakePlacing, an_order: Wanted
) -> None:
    placing.gate.set()
    async with asyncio.timeout(5):
        for item in orders(an_order, 50):
            await groups.place(item)
    assert len(placing.groups) == 50


async def test_a_group_has_a_size_and_one_runs_at_a_time(
    groups: OrderGroups, placing: FakePlacing, an_order: Wanted
) -> None:
    tasks = await started(groups, orders(an_order, 350))
    assert len(placing.groups) == 1
    placing.gate.set()
    await asyncio.gather(*tasks)
    assert max(len(group) for group in placing.groups) == MAX_GROUP
    assert sorted(key for group in placing.groups for key in group) == sorted(f"k{n}" for n in range(350))


async def test_those_just_answered_share_the_next_group(
    groups: OrderGroups, placing: FakePlacing, an_order: Wanted
) -> None:
    placing.gate.set()

    async def order_twice(item: Wanted) -> None:
        await groups.place(item)
        await groups.place(item)

    await asyncio.gather(*(order_twice(item) for item in orders(an_order, 20)))
    assert [len(group) for group in placing.groups] == [20, 20]


async def test_one_bad_order_fails_alone(groups: OrderGroups, placing: FakePlacing, an_order: Wanted) -> None:
    placing.bad["k2"] = ValueError("x")
    placing.gate.set()
    outcomes = await asyncio.gather(*(groups.place(item) for item in orders(an_order, 4)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Placed, Placed, ValueError, Placed]


async def test_a_database_that_is_away_is_not_asked_for_each(
    groups: OrderGroups, placing: FakePlacing, an_order: Wanted
) -> None:
    placing.bad["k0"] = AutoReconnect("x")
    placing.gate.set()
    outcomes = await groups.place_all(orders(an_order, 50))
    assert [type(outcome) for outcome in outcomes] == [AutoReconnect] * 50
    assert len(placing.groups) == 1


async def test_a_request_given_up_leaves_the_others_alone(
    groups: OrderGroups, placing: FakePlacing, an_order: Wanted
) -> None:
    tasks = await started(groups, orders(an_order, 3))
    tasks[1].cancel()
    placing.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Placed, asyncio.CancelledError, Placed]
