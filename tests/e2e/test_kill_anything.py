"""Whatever is killed, at whatever moment, everything comes to the same end: each order confirmed once, each case
closed, each certificate holds. The moments come from a seed, and KILL_SEED gives others."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.topics import everything
from deploy.local.stack import local_stack
from shared.contracts.personal import PersonalData
from tests.e2e.world import Order, World, somebody, world_of
from tests.integration.services.clients import until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SEED = int(os.environ.get("KILL_SEED", "945"))
ORDERS = 60
KILLS = ("intake", "delivery", "notifications", "privacy") * 2
LONGEST_PAUSE_SECONDS = 1.5
CONFIRMED, DONE = "Your order is confirmed", "Your personal data has been erased"


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


async def keep_ordering(world: World, people: list[PersonalData]) -> list[Order]:
    """One after the other; every third parcel goes all the way to the door."""
    orders = []
    for number, person in enumerate(people):
        order = await world.place(person)
        if number % 3 == 0:
            order = await world.parcel_of(order)
            await world.operate(order, "hand-over")
            await world.operate(order, "deliver")
        orders.append(order)
    return orders


async def withdraw(world: World, person: PersonalData, order: Order, *, deferred: bool) -> dict[str, Any]:
    case_id = await world.withdraw(phone=person.phone)
    if deferred:
        case = await world.case(case_id, "deferred")
        assert case["open_orders"] == [order.order_id]
        await world.operate(order, "hand-over")
        await world.operate(order, "deliver")
    return await world.case(case_id)


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
    assert (await world.privacy.get("/v1/ledger/verification"))["holds"]
    servers = world.stack.info.kafka.address
    dead_letters = [name for name in world.policy.topics if name.startswith("dead-letters-")]
    assert await everything(servers, dead_letters) == []
    assert world.faults_logged() == []


async def all_written_to(world: World, orders: list[Order]) -> None:
    """Every message that was decided on has been sent, and every order has its confirmation."""

    async def ask() -> tuple[int, int]:
        messages = world.admin["notifications"]["messages"]
        of_orders = {"kind": "order_confirmation", "order_id": {"$in": [order.order_id for order in orders]}}
        return await messages.count_documents(of_orders), await messages.count_documents({"state": {"$ne": "sent"}})

    await until(ask, lambda counts: counts == (len(orders), 0))


async def stores_agree(world: World, orders: list[Order]) -> None:
    """Each order is the same order everywhere, and no event waits to be published."""

    async def ask() -> list[tuple[str, str]]:
        outboxes = [(store, "outbox") for store in world.policy.erasing_stores]
        waiting = [place for place in outboxes if await world.admin[place[0]][place[1]].count_documents({})]
        behind = [("intake", order.order_id) for order in orders if not await settled(order)]
        return waiting + behind

    async def settled(order: Order) -> bool:
        document = await world.admin["intake"]["orders"].find_one({"_id": order.order_id})
        assert document is not None
        return bool(document["status"] == ("delivered" if order.shipment_id else "placed"))

    await until(ask, lambda found: not found)
    of_orders = {order.order_id: order.subject_id for order in orders}
    for store, collection in (("delivery", "shipments"), ("notifications", "recipients"), ("intake", "orders")):
        found = world.admin[store][collection].find({"subject_id": {"$in": list(of_orders.values())}})
        assert {d.get("order_id", d["_id"]): d["subject_id"] async for d in found} == of_orders
    known = world.admin["privacy"]["orders"].find({})
    assert {document["_id"]: document["subject_id"] async for document in known} == of_orders
    for order in orders:
        assert set((await world.keyring_document(order.subject_id))["keys"]) == set(world.policy.readers)
        assert len(world.waybills_of(order)) == (1 if order.shipment_id else 0)
