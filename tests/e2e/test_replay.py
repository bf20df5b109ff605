"""Late is harmless: everything Kafka ever held, sent again in order and then shuffled, changes not one document."""

import asyncio
import hashlib
import random
from typing import Any

import pytest
from bson import encode

from deploy.demo.replay import send_again, until_quiet
from deploy.demo.topics import everything
from deploy.local.outside import jsonl
from tests.e2e.world import Order, World, somebody

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SEED = 20_260_302


async def documents(world: World) -> dict[str, str]:
    """Digest of every document the services keep, but for outboxes, which only pass events on."""
    return {
        f"{store}.{name}/{document['_id']}": hashlib.sha256(encode(document)).hexdigest()
        for store, row in world.policy.stores.items()
        for name, plan in row.collections.items()
        if not plan.transient
        async for document in world.admin[store][name].find()
    }


def outside(world: World) -> tuple[int, int, list[Any]]:
    """Mails, text messages, and what the partner wrote down."""
    layout = world.stack.layout
    mails, texts = len(list(layout.mail_dir.glob("*.eml"))), len(jsonl.read(layout.sms_log))
    return mails, texts, jsonl.read(layout.partner_log)


async def history(world: World) -> list[Order]:
    """Somebody erased at once, somebody erased after a deferral whose withdrawal came in twice, somebody who stopped
    promotions twice, and somebody who stays."""
    people = [somebody(f"replayed-{n}", 200 + n, language="en") for n in range(4)]
    orders = [await world.parcel_of(await world.place(person, promotions=True)) for person in people]
    for person in people:
        await world.written_to(person, "Your order is confirmed")
    at_once, deferred, promotions, _ = orders
    await world.operate(at_once, "hand-over")
    await world.operate(at_once, "deliver")
    await world.messages_of(at_once, lambda found: [m["state"] for m in found] == ["sent"] * 5)
    for order, scope in ((deferred, "all"), (promotions, "promotions")):
        case_id = await world.withdraw(order_id=order.order_id, scope=scope)
        await world.shop.post(f"/v1/orders/{order.order_id}/withdraw-consent", {"scope": scope})
        await world.case(case_id, "deferred", "closed")
    await world.operate(deferred, "hand-over")
    await world.operate(deferred, "return")
    await world.case(await world.withdraw(phone=people[0].phone))
    async with asyncio.timeout(60):
        while await world.admin["privacy"]["cases"].count_documents({"state": {"$ne": "closed"}}):
            await asyncio.sleep(0.1)
    return orders


async def test_nothing_changes_in_order_or_shuffled(world: World) -> None:
    orders = await history(world)
    urls = [service.url for service in world.stack.info.services.values()]
    servers = world.stack.info.kafka.bootstrap_servers
    consumed = await until_quiet(urls)
    records = await everything(servers, [name for name, topic in world.policy.topics.items() if topic.consumers])
    before, arrived = await documents(world), outside(world)
    for order in (records, random.Random(SEED).sample(records, len(records))):
        await send_again(servers, order)
        consumed_before, consumed = consumed, await until_quiet(urls)
        assert consumed - consumed_before >= len(records)
        after = await documents(world)
        assert {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)} == set()
        assert outside(world) == arrived
    at_once, deferred, *staying = orders
    assert [(await world.keyring_document(order.subject_id))["keys"] for order in (at_once, deferred)] == [{}, {}]
    for order in staying:
        assert set((await world.keyring_document(order.subject_id))["keys"]) == set(world.policy.readers)
