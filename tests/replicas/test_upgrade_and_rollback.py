"""The version before runs, is upgraded service by service under orders, and is brought back the same way. What either
has written, to MongoDB and to Kafka, the other carries on: parcels, messages, withdrawals to their certificates."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.local.layout import SERVICES
from deploy.local.stack import local_stack
from shared.contracts.personal import PersonalData
from tests.compatibility.previous import environment, runs_from, unpacked
from tests.e2e.same_end import CONFIRMED, DONE, all_written_to, keep_ordering, nothing_went_wrong, stores_agree, told
from tests.e2e.world import Order, World, somebody, world_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

STEPS = (("privacy", "delivery"), ("intake", "notifications"))  # both orders of publisher and consumer are met
Customer = tuple[PersonalData, Order]


class Versions:
    """Which code a service runs from its next start; the previous one's at first."""

    def __init__(self, previous: Path) -> None:
        self._previous = environment(previous)
        self._environments: dict[str, dict[str, str]] = {}

    async def rewire(self, service: str, own: Mapping[str, str]) -> Mapping[str, str]:
        self._environments[service] = {**own, **self._previous}
        return self._environments[service]

    def previous(self, service: str) -> None:
        self._environments[service].update(self._previous)

    def today(self, service: str) -> None:
        for name in self._previous:
            del self._environments[service][name]


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    root = unpacked(tmp_path / "previous")
    assert runs_from(root).is_relative_to(root)
    return Versions(root)


@pytest.fixture
async def world(tmp_path: Path, versions: Versions) -> AsyncIterator[World]:
    async with local_stack(tmp_path / "var", rewire=versions.rewire) as stack, world_of(stack) as world:
        yield world


async def test_each_version_carries_on_what_the_other_began(world: World, versions: Versions, tmp_path: Path) -> None:
    met = Meeting(world)
    old_parcel, old_waiting = await met.customers(2)
    case_of_the_old = await met.withdrawal_that_waits(old_waiting)

    for services in STEPS:
        await change(world, services, versions.today)
        await met.customers(3)
    await met.parcel_arrives(old_waiting)
    new_parcel, new_waiting = await met.customers(2)
    case_of_the_new = await met.withdrawal_that_waits(new_waiting)
    cases = [case_of_the_old, await world.withdraw(phone=old_parcel[0].phone)]
    certificates = [await met.certificate(case_id, tmp_path) for case_id in cases]

    for services in reversed(STEPS):
        await change(world, services, versions.previous)
        await met.customers(3)
    await met.parcel_arrives(new_waiting)
    cases = [case_of_the_new, await world.withdraw(phone=new_parcel[0].phone)]
    certificates += [await met.certificate(case_id, tmp_path) for case_id in cases]

    left = [old_parcel, old_waiting, new_parcel, new_waiting]
    assert Counter(certificate["case_id"] for certificate in certificates).most_common(1)[0][1] == 1
    for person, order in left:
        assert world.subjects_to(person)[-1] == DONE
        assert await world.personal_paths_of(order.subject_id) == []
    await met.all_is_well([customer for customer in met.everybody if customer not in left])


class Meeting:
    """Customers who come while versions change."""

    def __init__(self, world: World) -> None:
        self.everybody: list[Customer] = []
        self._world = world

    async def customers(self, count: int) -> list[Customer]:
        """The first one's parcel comes to the door; all have been told of it."""
        number = len(self.everybody)
        people = [somebody(f"met-{n}", 400 + n, language="en") for n in range(number, number + count)]
        found = list(zip(people, await keep_ordering(self._world, people), strict=True))
        await asyncio.gather(*(told(self._world, order) for _, order in found))
        self.everybody += found
        return found

    async def withdrawal_that_waits(self, customer: Customer) -> str:
        """For a parcel. Returns the case id."""
        case_id = await self._world.withdraw(phone=customer[0].phone)
        assert (await self._world.case(case_id, "deferred"))["open_orders"] == [customer[1].order_id]
        return case_id

    async def parcel_arrives(self, customer: Customer) -> None:
        order = await self._world.parcel_of(customer[1])
        await self._world.operate(order, "hand-over")
        await self._world.operate(order, "deliver")

    async def certificate(self, case_id: str, folder: Path) -> dict[str, Any]:
        """Of the case once it is closed; it holds."""
        await self._world.case(case_id)
        certificate = await self._world.certificate(case_id)
        assert self._world.wrong_with(certificate, folder / "stranger") == []
        return certificate

    async def all_is_well(self, staying: Sequence[Customer]) -> None:
        world = self._world
        await all_written_to(world, [order for _, order in staying])
        await stores_agree(world, [order for _, order in staying])
        assert Counter(world.subjects_to(person).count(CONFIRMED) for person, _ in staying) == {1: len(staying)}
        await nothing_went_wrong(world)


async def change(world: World, services: Sequence[str], run: Any) -> None:
    assert set(services) <= set(SERVICES)
    for service in services:
        run(service)
    await asyncio.gather(*(world.stack.stop(service) for service in services))
    await asyncio.gather(*(world.stack.start(service) for service in services))
