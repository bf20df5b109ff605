"""Whatever runs at the same time: after intake has said that it stopped, no order of that subject is ever placed."""

import asyncio

import pytest

from shared.contracts.erasure import SubjectRestricted
from shared.contracts.orders import OrderPlaced
from tests.integration.intake.an_intake import Intake, somebody

pytestmark = pytest.mark.integration

SEALERS = 8
ROUNDS = 6


async def orders_of(intake: Intake, subject_id: str) -> set[str]:
    return {order["_id"] async for order in intake.database["orders"].find({"subject_id": subject_id}, {"_id": 1})}


@pytest.mark.parametrize("number", range(9_000, 9_000 + ROUNDS))
async def test_sealers_against_a_restriction(intake: Intake, replica: Intake, number: int) -> None:
    person = somebody(number)
    subject_id = (await intake.place(person=person)).subject_id
    stopped = asyncio.Event()

    async def keep_ordering(service: Intake) -> None:
        while not stopped.is_set():
            await service.groups.place(service.wanted(person=person))

    sealers = [asyncio.create_task(keep_ordering(service)) for service in (intake, replica) * (SEALERS // 2)]
    await asyncio.sleep(0.05 + 0.02 * (number % ROUNDS))
    await intake.restrict(subject_id)
    at_the_answer = await orders_of(intake, subject_id)
    await asyncio.sleep(0.3)  # the sealers go on: for somebody new
    stopped.set()
    await asyncio.gather(*sealers)

    assert await orders_of(intake, subject_id) == at_the_answer
    (answer,) = await intake.published(subject_id, SubjectRestricted)
    assert isinstance(answer.event, SubjectRestricted)
    assert set(answer.event.open_orders) == at_the_answer
    told = {item.event.order_id for item in await intake.published(subject_id, OrderPlaced)}  # type: ignore[union-attr]
    assert told == at_the_answer
    assert (await intake.place(person=person)).subject_id != subject_id


async def test_sealers_against_an_erasure_leave_nothing_that_opens(intake: Intake, replica: Intake) -> None:
    person = somebody(9_100)
    subject_id = (await intake.place(person=person)).subject_id
    stopped = asyncio.Event()

    async def keep_ordering(service: Intake) -> None:
        while not stopped.is_set():
            await service.groups.place(service.wanted(person=person))

    sealers = [asyncio.create_task(keep_ordering(service)) for service in (intake, replica) * (SEALERS // 2)]
    await asyncio.sleep(0.1)
    await intake.fence(subject_id)
    await intake.restrict(subject_id)
    await intake.erase(subject_id)
    await intake.destroy_keys(subject_id)
    await asyncio.sleep(0.2)
    stopped.set()
    await asyncio.gather(*sealers)

    assert await orders_of(intake, subject_id) == set()
    assert await intake.database["subjects"].find_one({"_id": subject_id}) is None
    assert await intake.database["idempotency_keys"].find_one({"subject_id": subject_id}) is None
