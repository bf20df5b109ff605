"""Whatever is killed, at whatever moment, everything comes to the same end: each order confirmed once, each case
closed, each certificate holds. The moments come from a seed, and KILL_SEED gives others."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.stack import local_stack
from tests.e2e.same_end import (
    CONFIRMED,
    DONE,
    all_written_to,
    keep_ordering,
    nothing_went_wrong,
    stores_agree,
    withdraw,
)
from tests.e2e.world import World, somebody, world_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SEED = int(os.environ.get("KILL_SEED", "945"))
ORDERS = 60
KILLS = ("intake", "delivery", "notifications", "privacy") * 2
LONGEST_PAUSE_SECONDS = 1.5


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with local_stack(tmp_path / "var") as stack, world_of(stack) as world:
        yield world


async def kill_in_turn(world: World, chance: random.Random) -> None:
    """Every service twice and mongod once, each as soon as it lives again and at no particular moment."""
    parts = chance.sample(KILLS, len(KILLS))
    for part in (*parts[:4], "mongod", *parts[4:]):
        await asyncio.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
        async with asyncio.timeout(30):
            while True:
                try:
                    await world.stack.kill(part)
                    break
                except ProcessLookupError:
                    await asyncio.sleep(0.02)
    await asyncio.gather(*(world.stack.wait_ready(part, 60) for part in {*parts, "mongod"}))


async def test_everything_comes_to_the_same_end(world: World, tmp_path: Path) -> None:
    people = [somebody(f"killed-{number}", 700 + number, language="en") for number in range(ORDERS)]
    (delivered, deferred), staying = people[:2], people[2:]
    delivered_order, deferred_order = await keep_ordering(world, [delivered, deferred])
    deferred_order = await world.parcel_of(deferred_order)
    await world.messages_of(delivered_order, lambda found: [m["state"] for m in found] == ["sent"] * 5)
    await world.written_to(deferred, CONFIRMED)

    _, orders, *cases = await asyncio.gather(
        kill_in_turn(world, random.Random(SEED)),
        keep_ordering(world, staying),
        withdraw(world, delivered, delivered_order, deferred=False),
        withdraw(world, deferred, deferred_order, deferred=True),
    )

    await all_written_to(world, orders)
    assert {person.email: world.subjects_to(person).count(CONFIRMED) for person in people} == {
        person.email: 1 for person in people
    }
    for person, order, case in zip((delivered, deferred), (delivered_order, deferred_order), cases, strict=True):
        assert world.subjects_to(person)[-1] == DONE
        assert max(Counter(world.subjects_to(person)).values()) == 1
        assert world.wrong_with(await world.certificate(case["case_id"]), tmp_path / "stranger") == []
        assert await world.personal_paths_of(order.subject_id) == []
        assert len(world.waybills_of(order)) == 1
    await stores_agree(world, orders)
    await nothing_went_wrong(world)
