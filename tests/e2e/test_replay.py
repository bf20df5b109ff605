"""Late is harmless: everything Kafka ever held, sent again in order and then shuffled, and all that was ever put aside,
changes not one document; nor does a start that reads the erasures it was sent twice and in any order."""

import asyncio
import hashlib
import random
from typing import Any

import pytest
from bson import encode

from deploy.dead_letters.letters import Letter, letters_in
from deploy.demo.replay import send_again, until_quiet
from deploy.demo.topics import everything
from deploy.local.layout import SERVICES
from deploy.local.outside import jsonl
from tests.builders import a_record
from tests.e2e.asking import inspected
from tests.e2e.correcting import correct
from tests.e2e.officer import sealed
from tests.e2e.world import Order, World, somebody
from tests.integration.services.clients import until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SEED = 20_260_302
CACHE_SECONDS = 2.0
READERS = 3  # services that read `orders`


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
    promotions twice, and somebody who stays; each of them asked about. The first and the last corrected a field."""
    people = [somebody(f"replayed-{n}", 200 + n, language="en") for n in range(4)]
    orders = [await world.parcel_of(await world.place(person, promotions=True)) for person in people]
    for person in people:
        await world.written_to(person, "Your order is confirmed")
    at_once, deferred, promotions, _ = orders
    await put_aside(world, orders)
    for order in orders:
        await inspected(world, "privacy", order.subject_id)
    await world.operate(at_once, "hand-over")
    people[0] = await correct(world, people[0], "phone", "+77001110298")
    people[3] = await correct(world, people[3], "email", "replayed-anew@example.kz")
    await until(lambda: phone_at_the_partner(world, at_once), lambda phone: phone == people[0].phone)
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


async def phone_at_the_partner(world: World, order: Order) -> str:
    (waybill,) = world.waybills_of(order)
    return str(waybill["fields"].get("phone"))


async def restarted(world: World, service: str) -> None:
    await world.stack.stop(service)
    await world.stack.start(service)


async def put_aside(world: World, orders: list[Order]) -> None:
    """Each of them, ahead of its erasure, has an order put aside that would be somebody new's, and one that is cut."""
    servers, keyring = world.stack.info.kafka.address, world.admin["keyring"]["subjects"]
    documents = [await world.keyring_document(order.subject_id) for order in orders]
    records = [(await world.placed_event(order)).record for order in orders]
    ids = {"_id": {"$in": [document["_id"] for document in documents]}}
    await keyring.delete_many(ids)
    await asyncio.sleep(CACHE_SECONDS + 1)
    cut = [a_record((r.value or b"")[:-40], key=r.key, headers=r.headers, topic=r.topic) for r in records]
    await send_again(servers, [*records, *cut])

    async def ask() -> int:
        return len(await letters_of(world, orders))

    await until(ask, lambda count: count == READERS * 2 * len(orders))
    await keyring.insert_many(documents)
    await asyncio.sleep(CACHE_SECONDS + 1)


async def letters_of(world: World, orders: list[Order]) -> list[Letter]:
    topics = [name for name in world.policy.topics if name.startswith("dead-letters-")]
    letters = letters_in(await everything(world.stack.info.kafka.address, topics))
    subjects = {order.subject_id for order in orders}
    return [letter for letter in letters if letter.subject_id in subjects and letter.decision is None]


async def test_nothing_changes_in_order_or_shuffled(world: World) -> None:
    orders = await history(world)
    urls = [service.url for service in world.stack.info.services.values()]
    servers = world.stack.info.kafka.address
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
    aside = await letters_of(world, orders)
    assert {letter.code for letter in aside} == {"subject-unknown", "schema-violation"}
    done = await sealed(world.stack.layout.var, "dead-letters", "replay", "--all", "--json")
    assert set(done.json()["replayed"]) >= {letter.letter_id for letter in aside}
    assert await until_quiet(urls) - consumed >= READERS * len(aside)
    assert {letter.code for letter in await letters_of(world, orders)} == {"schema-violation"}
    await asyncio.gather(*(restarted(world, service) for service in SERVICES))
    await until_quiet(urls)
    after = await documents(world)
    sampled = {f"privacy.store_samples/{service}" for service in SERVICES}  # every start counts anew
    assert {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)} <= sampled
    assert outside(world) == arrived
    at_once, deferred, *staying = orders
    assert [(await world.keyring_document(order.subject_id))["keys"] for order in (at_once, deferred)] == [{}, {}]
    for order in staying:
        assert set((await world.keyring_document(order.subject_id))["keys"]) == set(world.policy.readers)
