"""A dump from before an erasure is restored, and the person stays gone; everybody else is back as they were.

The dump is MongoDB's own files, copied while the server was stopped: whatever a backup can hold, users, views, indexes
and the oplog included, is in it. The new server is started from them alone. Kafka goes on: it is no part of the dump.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.demo.who_can_open import attempt
from deploy.local.layout import SERVICES
from deploy.local.stack import local_stack
from shared.contracts.personal import PersonalData
from shared.stores.mongo import connect
from tests.e2e.world import Order, World, somebody, world_of
from tests.integration.services.clients import until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CONFIRMED, DONE = "Your order is confirmed", "Your personal data has been erased"
# What an erasure keeps; and the proof of the delivery, whose parcel is still on its way.
KEPT = {
    "intake.consents",
    "privacy.cases",
    "privacy.letters",
    "privacy.disclosures",
    "keyring.subjects",
    "delivery.disclosures",
}


@dataclass(frozen=True)
class Parcel:
    person: PersonalData
    order: Order


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with local_stack(tmp_path / "var") as stack, world_of(stack) as world:
        yield world


async def parcel(world: World, name: str, number: int, *acts: str) -> Parcel:
    person = somebody(name, number, language="en")
    order = await world.parcel_of(await world.place(person))
    for act in acts:
        await world.operate(order, act)
    count = 1 + 2 * len(acts)
    await world.messages_of(order, lambda found: [m["state"] for m in found] == ["sent"] * count)
    return Parcel(person, order)


async def stopped(world: World) -> None:
    await asyncio.gather(*(world.stack.stop(service) for service in SERVICES))
    await world.stack.stop("mongod")


async def dump(world: World, to: Path) -> None:
    await stopped(world)
    await asyncio.to_thread(shutil.copytree, world.stack.layout.mongod_data, to)
    await world.stack.start("mongod")
    await started(world, SERVICES)


async def restore(world: World, dumped: Path) -> None:
    """A server that has nothing but the dump; no service runs yet."""
    await stopped(world)
    await asyncio.to_thread(shutil.rmtree, world.stack.layout.mongod_data)
    await asyncio.to_thread(shutil.copytree, dumped, world.stack.layout.mongod_data)
    await world.stack.start("mongod")


async def started(world: World, services: Sequence[str]) -> None:
    await asyncio.gather(*(world.stack.start(service) for service in services))


async def opened_by(world: World, parcel: Parcel) -> set[str]:
    """Readers that can open the order as Kafka has it, each with its own login and keys."""
    event = await world.placed_event(parcel.order)
    readers = set()
    for reader in ("delivery", "notifications"):
        client = connect(world.stack.mongodb_uri(reader), service="test")
        try:
            if (await attempt(reader, reader, event, client, world.stack.layout.keys / reader, world.policy)).fields:
                readers.add(reader)
        finally:
            client.close()
    return readers


async def keys_of(world: World, parcel: Parcel) -> set[str]:
    return set((await world.keyring_document(parcel.order.subject_id))["keys"])


async def test_erased_person_stays_gone_and_others_are_back(world: World, tmp_path: Path) -> None:
    gone = await parcel(world, "gone", 301, "hand-over", "deliver")
    waiting = await parcel(world, "waiting", 302, "hand-over")
    staying = await parcel(world, "staying", 303)
    subject_id = gone.order.subject_id
    records = await world.records_of(subject_id), await world.records_of(staying.order.subject_id)
    await dump(world, tmp_path / "dump")
    first = await world.case(await world.withdraw(phone=gone.person.phone))
    await world.case(await world.withdraw(phone=waiting.person.phone), "deferred")
    await world.written_to(gone.person, DONE)
    await world.written_to(waiting.person, "Part of your data is kept until your order arrives")
    written = {p.person.email: world.subjects_to(p.person) for p in (gone, waiting, staying)}

    await restore(world, tmp_path / "dump")
    assert await world.records_of(subject_id) == records[0]  # the person is back ...
    assert await keys_of(world, gone) == await keys_of(world, waiting) == set(world.policy.readers)
    assert await opened_by(world, gone) == {"delivery", "notifications"}  # ... and readable
    await nobody_serves_before_the_keys_are_gone(world)

    assert set(await world.records_of(subject_id)) <= KEPT | {"privacy.answers"}  # the process runs again
    assert (await keys_of(world, gone), await keys_of(world, waiting)) == (set(), {"delivery", "privacy"})
    assert await opened_by(world, gone) == set()
    assert await world.personal_paths_of(subject_id) == []
    case_id = await reopened(world, subject_id)
    again = await world.case(case_id)
    assert (again["channel"], again["received_at"]) == (first["channel"], first["received_at"])
    assert case_id != first["case_id"]
    assert world.wrong_with(await world.certificate(case_id), tmp_path / "stranger") == []
    assert set(await world.records_of(subject_id)) == KEPT - {"privacy.letters"}

    later = await reopened(world, waiting.order.subject_id)
    assert (await world.case(later, "deferred"))["open_orders"] == [waiting.order.order_id]
    await world.operate(waiting.order, "deliver")
    await world.case(later)
    assert (await keys_of(world, waiting), await opened_by(world, waiting)) == (set(), set())

    assert await world.records_of(staying.order.subject_id) == records[1]
    assert await opened_by(world, staying) == {"delivery", "notifications"}
    await world.operate(staying.order, "hand-over")
    await world.written_to(staying.person, "Your parcel is on its way")
    assert {p.person.email: world.subjects_to(p.person) for p in (gone, waiting)} == {
        p.person.email: written[p.person.email] for p in (gone, waiting)
    }
    assert (await world.privacy.get("/v1/ledger/verification"))["holds"]
    assert world.faults_logged() == []


async def nobody_serves_before_the_keys_are_gone(world: World) -> None:
    """Privacy alone destroys keys: until it has, delivery has erased what is its own and answers nobody."""
    others = asyncio.gather(*(world.stack.start(s) for s in SERVICES if s != "privacy"))

    async def waits() -> bool:
        return "keys_wait_for_their_destruction" in world.stack.layout.log.joinpath("delivery.log").read_text()

    await until(waits, bool)
    async with httpx.AsyncClient() as http:
        for service in ("intake", "delivery", "notifications"):
            with pytest.raises(httpx.TransportError):
                await http.get(world.stack.info.services[service].url + "/health/ready")
    await world.stack.start("privacy")
    await others


async def reopened(world: World, subject_id: str) -> str:
    async def ask() -> list[str]:
        cases = world.admin["privacy"]["cases"].find({"subject_id": subject_id})
        return [document["_id"] async for document in cases]

    (case_id,) = await until(ask, len)
    return case_id
