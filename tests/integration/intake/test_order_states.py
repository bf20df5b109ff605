"""Cancelling, parcels and withdrawals: an order's state only moves on, and each fact is told once."""

from typing import Any

import pytest

from services.intake.cancel_order import TooLateToCancel
from services.intake.order_store import OrderErased, OrderUnknown
from shared.contracts.consents import ConsentWithdrawn
from shared.contracts.erasure import SubjectErased
from shared.contracts.event import Event
from shared.contracts.orders import OrderCancelled
from shared.contracts.shipments import ShipmentDelivered, ShipmentHandedOver, ShipmentReturned
from shared.messaging.cloudevents import new_id
from tests.builders import NOON, at, received
from tests.integration.intake.an_intake import Intake, somebody

pytestmark = pytest.mark.integration


def handed_over(subject_id: str, order_id: str) -> ShipmentHandedOver:
    return ShipmentHandedOver(
        subject_id=subject_id,
        order_id=order_id,
        shipment_id=new_id(),
        handed_over_at=NOON,
        recipient="courier_partner",
        disclosed_fields=("phone",),
    )


def delivered(subject_id: str, order_id: str) -> ShipmentDelivered:
    return ShipmentDelivered(subject_id=subject_id, order_id=order_id, shipment_id=new_id(), delivered_at=NOON)


def returned(subject_id: str, order_id: str) -> ShipmentReturned:
    return ShipmentReturned(subject_id=subject_id, order_id=order_id, shipment_id=new_id(), returned_at=NOON)


async def follow(intake: Intake, *events: Event) -> list[str]:
    """Takes them one by one; returns the codes of those put aside."""
    handlers: dict[type[Event], Any] = {
        ShipmentHandedOver: intake.shipments.on_handed_over,
        ShipmentDelivered: intake.shipments.on_delivered,
        ShipmentReturned: intake.shipments.on_returned,
    }
    refused: list[str] = []
    for event in events:
        outcome = await handlers[type(event)]([received(event)])
        refused += [code for _, code in outcome.refused]
    return refused


async def status(intake: Intake, order_id: str) -> str:
    return (await intake.orders.state_of(order_id)).status


async def test_a_parcel_moves_its_order_on_and_never_back(intake: Intake) -> None:
    order = await intake.place(person=somebody(3_000))
    person = order.subject_id
    await follow(intake, handed_over(person, order.order_id))
    assert await status(intake, order.order_id) == "handed_over"
    await follow(intake, delivered(person, order.order_id))
    await follow(intake, handed_over(person, order.order_id), returned(person, order.order_id))
    assert await status(intake, order.order_id) == "delivered"


async def test_facts_that_overtake_each_other_come_to_the_same_end(intake: Intake) -> None:
    order = await intake.place(person=somebody(3_001))
    await follow(intake, returned(order.subject_id, order.order_id), handed_over(order.subject_id, order.order_id))
    assert await status(intake, order.order_id) == "returned"


async def test_a_parcel_of_no_order_is_put_aside(intake: Intake) -> None:
    order = await intake.place(person=somebody(3_002))
    assert await follow(intake, delivered(order.subject_id, new_id())) == ["order-unknown"]


async def test_the_parcel_of_an_erased_person_still_settles_its_order(intake: Intake) -> None:
    order = await intake.place(person=somebody(3_003))
    await intake.erase(order.subject_id)
    await intake.destroy_keys(order.subject_id)
    assert await follow(intake, delivered(order.subject_id, order.order_id)) == []
    document = await intake.document("orders", order.order_id)
    assert document["status"] == "delivered"
    assert not {"subject_id", "sealed", "consent_id"} & set(document)


async def test_cancelling_is_told_once(intake: Intake) -> None:
    order = await intake.place(person=somebody(3_010))
    first = await intake.cancelling.cancel(order.order_id, NOON)
    assert await intake.cancelling.cancel(order.order_id, at(60)) == first
    assert (first.status, first.cancelled_at) == ("cancelled", NOON)
    (told,) = await intake.published(order.subject_id, OrderCancelled)
    assert told.event.order_id == order.order_id  # type: ignore[union-attr]


@pytest.mark.parametrize("fact", [handed_over, delivered, returned])
async def test_what_a_courier_has_taken_is_not_cancelled(intake: Intake, fact: Any) -> None:
    order = await intake.place(person=somebody(3_011))
    await follow(intake, fact(order.subject_id, order.order_id))
    with pytest.raises(TooLateToCancel):
        await intake.cancelling.cancel(order.order_id, NOON)


async def test_a_cancellation_that_crossed_with_the_hand_over_gives_way_to_the_parcel(intake: Intake) -> None:
    order = await intake.place(person=somebody(3_012))
    await intake.cancelling.cancel(order.order_id, NOON)
    await follow(intake, handed_over(order.subject_id, order.order_id))
    assert await status(intake, order.order_id) == "handed_over"


async def test_an_open_order_can_be_cancelled_while_its_person_is_being_erased(intake: Intake) -> None:
    """OrderCancelled releases the erasure that waits for the order."""
    order = await intake.place(person=somebody(3_013))
    await intake.restrict(order.subject_id)
    await intake.erase(order.subject_id, open_orders=(order.order_id,))
    document = await intake.document("orders", order.order_id)
    assert not {"sealed", "consent_id"} & set(document)
    (receipt,) = await intake.published(order.subject_id, SubjectErased)
    assert receipt.event.collections["orders"].deferred == 1  # type: ignore[union-attr]

    await intake.cancelling.cancel(order.order_id, NOON)
    assert len(await intake.published(order.subject_id, OrderCancelled)) == 1
    await intake.erase(order.subject_id)
    assert "subject_id" not in await intake.document("orders", order.order_id)
    with pytest.raises(OrderErased):
        await intake.withdrawing.withdraw(order.order_id, "all", NOON)


async def test_an_erased_person_s_order_keeps_its_state_alone(intake: Intake) -> None:
    order = await intake.place(person=somebody(3_014))
    await intake.erase(order.subject_id)
    assert await status(intake, order.order_id) == "placed"
    with pytest.raises(OrderErased):
        await intake.cancelling.cancel(order.order_id, NOON)
    assert await status(intake, order.order_id) == "placed"


async def test_an_order_nobody_placed_is_unknown(intake: Intake) -> None:
    for attempt in (
        intake.cancelling.cancel(new_id(), NOON),
        intake.withdrawing.withdraw(new_id(), "all", NOON),
        intake.orders.state_of(new_id()),
    ):
        with pytest.raises(OrderUnknown):
            await attempt


async def test_a_withdrawal_through_the_shop_is_noted_and_told(intake: Intake) -> None:
    order = await intake.place(person=somebody(3_020))
    await intake.withdrawing.withdraw(order.order_id, "promotions", at(5))
    consent = await intake.database["consents"].find_one({"subject_id": order.subject_id})
    assert consent is not None
    assert (consent["withdrawn_scope"], consent["withdrawn_at"]) == ("promotions", at(5))
    (told,) = await intake.published(order.subject_id, ConsentWithdrawn)
    assert isinstance(told.event, ConsentWithdrawn)
    assert (told.event.scope, told.event.channel, told.event.received_at) == ("promotions", "shop", at(5))


async def test_a_withdrawal_that_came_in_elsewhere_is_noted_and_stops_promotions(intake: Intake) -> None:
    order = await intake.place(person=somebody(3_021), promotions=True)
    await intake.restrict(order.subject_id, scope="promotions")
    consent = await intake.database["consents"].find_one({"subject_id": order.subject_id})
    subject = await intake.document("subjects", order.subject_id)
    assert consent is not None
    assert consent["withdrawn_scope"] == "promotions"
    assert subject["promotions"] is False
    assert "restricted_at" not in subject
    assert (await intake.place(person=somebody(3_021))).subject_id == order.subject_id
