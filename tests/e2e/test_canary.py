"""A person with values nobody else has goes through everything, with clumsy shops and broken messages on the way. Then
every byte the system keeps is searched: files, oplog, journal, logs, topics, dead letters."""

import asyncio
import json
from collections.abc import Iterable
from itertools import groupby

import pytest
from aiokafka import AIOKafkaProducer

from deploy.demo.scan import Finding, Needles, scan_files, scan_messages
from deploy.demo.topics import everything
from shared.contracts.personal import PersonalData
from shared.policy.model import Policy
from tests.e2e.asking import inspected
from tests.e2e.correcting import correct
from tests.e2e.rare_person import NEEDLES, NEW_PHONE, PERSON, send_garbage
from tests.e2e.world import Order, World
from tests.integration.services.clients import until

pytestmark = [pytest.mark.e2e, pytest.mark.canary, pytest.mark.slow]

PLANTED = "Жасырынқызы Табылғанай"
POISONED = ("delivery", "notifications", "privacy")  # who reads the topic orders


async def search(world: World, needles: Needles) -> list[Finding]:
    await world.admin.admin.command("fsync")
    size, in_files = await asyncio.to_thread(scan_files, world.stack.layout.var, needles)
    messages = await everything(world.stack.info.kafka.address, world.policy.topics)
    assert size > 1_000_000
    assert messages
    return [*in_files, *scan_messages(messages, needles)]


async def poison(world: World, order: Order) -> None:
    """The person's own event, cut in the middle, and with bytes that are no text; wait until all have put it aside."""
    record = (await world.placed_event(order)).record
    servers = world.stack.info.kafka.address
    producer = AIOKafkaProducer(**servers.client_options(), enable_idempotence=False)
    await producer.start()
    try:
        for value in ((record.value or b"")[:-40], b"\xff\xfe" + (record.value or b"")):
            headers = [*record.headers, ("garbage", b"\xff\x00")]
            await producer.send_and_wait("orders", value, key=record.key, headers=headers)
    finally:
        await producer.stop()

    async def put_aside() -> dict[str, int]:
        aside = await everything(servers, [f"dead-letters-{service}" for service in POISONED])
        mine = sorted(letter.topic for letter in aside if order.order_id.encode() in (letter.value or b""))
        return {topic: len(list(letters)) for topic, letters in groupby(mine)}

    await until(put_aside, lambda found: found == {f"dead-letters-{service}": 2 for service in POISONED})


@pytest.fixture(scope="module")
async def found_while_held(world: World) -> list[Finding]:
    """What the search finds while the person is a customer, parcel delivered."""
    order = await world.parcel_of(await world.place(PERSON, promotions=True))
    answers = await send_garbage(world)
    await poison(world, order)
    await world.operate(order, "hand-over")
    await correct(world, PERSON, "phone", NEW_PHONE)
    await world.operate(order, "deliver")
    await world.messages_of(order, lambda found: [m["state"] for m in found] == ["sent"] * 5)
    for asker in ("intake", "privacy"):
        await inspected(world, asker, order.subject_id)
    # What was answered is searched with the rest.
    return [*await search(world, NEEDLES), *found_in(answers, NEEDLES)]


def found_in(texts: Iterable[str], needles: Needles) -> list[Finding]:
    return [finding for text in texts for finding in needles.found_in(text.encode(), "answer")]


async def test_nothing_is_in_clear_while_the_person_is_a_customer(found_while_held: list[Finding]) -> None:
    assert found_while_held == []


async def test_nothing_is_in_clear_after_the_person_was_erased(world: World, found_while_held: list[Finding]) -> None:
    order = await world.parcel_of(await world.place(PERSON, key=f"order-of-{PERSON.phone}"))
    case_id = await world.withdraw(phone=PERSON.phone)
    await world.case(case_id, "deferred")
    await world.shop.post(f"/v1/orders/{order.order_id}/cancel")
    await world.case(case_id)
    assert await search(world, NEEDLES) == []


async def test_outside_has_what_left_the_system(world: World, found_while_held: list[Finding]) -> None:
    """So the search above would have found it, had it been written one folder away."""
    texts = [path.read_text() for path in world.stack.layout.mail_dir.glob("*.eml")]
    texts = [text for text in texts if str(PERSON.email) in text]
    assert texts
    assert found_in(texts, NEEDLES)


async def test_same_search_finds_what_is_planted(world: World) -> None:
    collection = world.admin["planted"]["values"]
    await collection.insert_one({"_id": 1, "name": PLANTED})
    producer = AIOKafkaProducer(**world.stack.info.kafka.address.client_options(), enable_idempotence=False)
    await producer.start()
    await producer.send_and_wait("ledger-heads", PLANTED.encode("utf-16-le"))
    await producer.stop()
    world.stack.layout.log.joinpath("planted.log").write_text(json.dumps({"name": PLANTED}))
    found = await search(world, Needles({"planted": PLANTED}))
    assert {"topic ledger-heads", "log/planted.log"} <= {finding.where for finding in found}
    assert any(finding.where.startswith("data/mongod") for finding in found)
    await collection.delete_many({})
    await world.admin.drop_database("planted")
    found = await search(world, Needles({"planted": PLANTED}))
    assert any(finding.where.startswith("data/mongod/journal") for finding in found), "deleted is not gone"


def test_every_field_the_policy_collects_is_searched_for(world: World) -> None:
    assert fields_of(PERSON) == collected(world.policy)


def fields_of(person: PersonalData) -> set[str]:
    return {name for name, value in person.model_dump().items() if value is not None}


def collected(policy: Policy) -> set[str]:
    return {name for name, field in policy.fields.items() if field.collected}
