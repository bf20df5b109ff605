"""Delivered or returned: once, from the courier's hands only, and told once."""

import asyncio

import pytest

from services.delivery.settle_shipment import How
from services.delivery.shipment_store import ShipmentMissing, WrongState
from shared.contracts.shipments import ShipmentDelivered, ShipmentReturned
from shared.messaging.cloudevents import new_id
from tests.builders import NOON, at
from tests.integration.delivery.a_delivery import Delivery

pytestmark = pytest.mark.integration
FACT = {"delivered": ShipmentDelivered, "returned": ShipmentReturned}
OUTCOMES: list[How] = ["delivered", "returned"]


@pytest.mark.parametrize("how", OUTCOMES)
async def test_a_repeat_gets_the_same_answer_and_tells_nobody_again(delivery: Delivery, how: How) -> None:
    shipment = await delivery.handed_over()
    settled = await delivery.settle_shipment.settle(shipment.shipment_id, how, NOON)
    assert (settled.status, settled.settled_at) == (how, NOON)
    assert await delivery.settle_shipment.settle(shipment.shipment_id, how, at(60)) == settled
    assert len(await delivery.published(shipment.subject_id, FACT[how])) == 1


@pytest.mark.parametrize("how", OUTCOMES)
async def test_a_parcel_no_courier_has_can_t_be_settled(delivery: Delivery, how: How) -> None:
    shipment = await delivery.a_shipment()
    with pytest.raises(WrongState, match="Hand it over first"):
        await delivery.settle_shipment.settle(shipment.shipment_id, how, NOON)


async def test_delivered_and_returned_at_once_is_one_of_them(delivery: Delivery) -> None:
    shipment = await delivery.handed_over()
    results = await asyncio.gather(
        *(delivery.settle_shipment.settle(shipment.shipment_id, how, NOON) for how in OUTCOMES * 3),
        return_exceptions=True,
    )
    assert sum(isinstance(result, WrongState) for result in results) == 3
    published = [await delivery.published(shipment.subject_id, fact) for fact in FACT.values()]
    assert sorted(map(len, published)) == [0, 1]


async def test_a_shipment_that_is_not_there_is_said_to_be_missing(delivery: Delivery) -> None:
    with pytest.raises(ShipmentMissing):
        await delivery.settle_shipment.settle(new_id(), "delivered", NOON)
