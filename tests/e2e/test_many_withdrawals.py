"""Many people leave at once while many others order: nobody else is touched, every case closes, every count is true.

100 leave while 500 others order; `make test-many` has 1,000 and 5,000.
"""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.topics import everything
from deploy.local.stack import local_stack
from shared.contracts.personal import PersonalData
from shared.contracts.suppressions import SubjectSuppressed
from shared.erasure.suppression import furthest
from shared.messaging.cloudevents import new_id, read
from tests.builders import order_form
from tests.e2e.world import World, somebody, world_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LEAVING = int(os.environ.get("SEALED_WITHDRAWALS", "100"))
STAYING = 5 * LEAVING
AT_ONCE = 16
PATIENCE_SECONDS = 120 + LEAVING


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with local_stack(tmp_path / "var") as stack, world_of(stack) as world:
        yield world


async def place(world: World, people: Sequence[PersonalData]) -> list[dict[str, str]]:
    """`order_id` and `subject_id` of each, in their order."""
    lines = "\n".join(json.dumps(order_form(person)) for person in people)
    answer = await world.shop.post_lines("/v1/orders/batch", lines.encode(), key=new_id())
    assert answer["refused"] == []
    return list(answer["accepted"])


async def keep_ordering(world: World, people: Sequence[PersonalData]) -> list[dict[str, str]]:
    orders: list[dict[str, str]] = []
    for start in range(0, len(people), 50):
        orders += await place(world, people[start : start + 50])
    return orders


async def leave(world: World, orders: Sequence[dict[str, str]]) -> None:
    """Every second one with an order that still binds, and is cancelled after that."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, order_id: str) -> None:
        async with turn:
            acts = ["cancel", "withdraw-consent"] if number % 2 else ["withdraw-consent", "cancel"]
            for act in acts:
                body = {"scope": "all"} if act == "withdraw-consent" else None
                await world.shop.post(f"/v1/orders/{order_id}/{act}", body)

    await asyncio.gather(*(one(number, order["order_id"]) for number, order in enumerate(orders)))


async def until(ask: Callable[[], Awaitable[int]], count: int) -> None:
    give_up_at, found = time.monotonic() + PATIENCE_SECONDS, -1
    while (found := await ask()) != count:
        assert time.monotonic() < give_up_at, f"{found} of {count}"
        await asyncio.sleep(0.5)


async def confirmed(world: World, orders: Sequence[dict[str, str]]) -> None:
    ids = [order["order_id"] for order in orders]
    query = {"order_id": {"$in": ids}, "kind": "order_confirmation", "state": "sent"}
    await until(lambda: world.admin["notifications"]["messages"].count_documents(query), len(orders))
    for store, collection, path in (("delivery", "shipments", "order_id"), ("privacy", "orders", "_id")):
        where = {path: {"$in": ids}}
        await until(lambda s=store, c=collection, w=where: world.admin[s][c].count_documents(w), len(orders))


async def records(world: World, subjects: Iterable[str]) -> Counter[str]:
    """How many an erasure removes, by collection."""
    mine = {"$in": list(subjects)}
    return Counter(
        {
            f"{store}.{name}": await world.admin[store][name].count_documents({plan.subject: mine})
            for store in world.policy.erasing_stores
            for name, plan in world.policy.store(store).collections.items()
            if plan.subject and plan.action != "keep"
        }
    )


def receipts(cases: Sequence[dict[str, Any]], *kinds: str) -> Counter[str]:
    counts = Counter[str]()
    for case in cases:
        for stores in case["receipts"].values():
            for store, receipt in stores.items():
                for name, count in receipt["collections"].items():
                    counts[f"{store}.{name}"] += sum(count[kind] for kind in kinds)
    return +counts


async def test_nobody_else_is_touched_and_every_count_is_true(world: World) -> None:
    leaving = await place(world, [somebody(f"leaving-{n}", n, language="en") for n in range(LEAVING)])
    await confirmed(world, leaving)
    subjects = [order["subject_id"] for order in leaving]
    before = await records(world, subjects)
    others = [somebody(f"staying-{n}", LEAVING + n, language="en") for n in range(STAYING)]

    staying, _ = await asyncio.gather(keep_ordering(world, others), leave(world, leaving))
    await until(lambda: world.admin["privacy"]["cases"].count_documents({"state": "closed"}), LEAVING)
    await confirmed(world, staying)

    cases = await world.admin["privacy"]["cases"].find().to_list(None)
    assert sorted(case["subject_id"] for case in cases) == sorted(subjects)
    assert Counter(case["letters"].get("done") for case in cases) == {"sent": LEAVING}
    # Sealing the contact for each case's letters is an opening of its own.
    assert receipts(cases, "destroyed", "depersonalised") == before + Counter({"intake.openings": LEAVING})
    assert receipts(cases, "residual") == {}
    assert +await records(world, subjects) == {}
    keyring = world.admin["keyring"]["subjects"]
    assert await keyring.count_documents({"_id": {"$in": subjects}, "keys": {}}) == LEAVING

    await untouched(world, staying)
    entries = await everything(world.stack.info.kafka.address, [SubjectSuppressed.TOPIC])
    known = furthest(read(record).event for record in entries)
    assert {entry.subject_id: set(entry.keys_destroyed) for entry in known} == {
        subject: set(world.policy.readers) for subject in subjects
    }
    assert (await world.privacy.get("/v1/ledger/verification"))["holds"]
    assert world.faults_logged() == []


async def untouched(world: World, orders: Sequence[dict[str, str]]) -> None:
    """Each record of theirs is there once, in no restriction, and each key."""
    subjects = [order["subject_id"] for order in orders]
    orders_of = {order["order_id"]: order["subject_id"] for order in orders}
    places = (("intake", "orders"), ("delivery", "shipments"), ("notifications", "recipients"), ("privacy", "orders"))
    for store, name in places:
        found = await world.admin[store][name].find({"subject_id": {"$in": subjects}}).to_list(None)
        assert {d.get("order_id", d["_id"]): d["subject_id"] for d in found} == orders_of, f"{store}.{name}"
        assert [d["_id"] for d in found if d.get("restricted_at")] == []
    keys = world.admin["keyring"]["subjects"].find({"_id": {"$in": subjects}, "fenced_at": None})
    assert {d["_id"]: set(d["keys"]) async for d in keys} == {
        subject: set(world.policy.readers) for subject in subjects
    }
    assert len(list(world.stack.layout.mail_dir.glob("*.eml"))) >= len(orders)
