"""The newest envelope is the one a courier gets, in whatever order and however often orders and corrections come."""

import itertools
from typing import Any

import pytest

from services.delivery.shipment_store import ShipmentMissing, shipment_id_of
from shared.contracts.orders import OrderCancelled, OrderCorrected, OrderPlaced
from shared.messaging.cloudevents import Received
from shared.policy.check import unknown_fields
from shared.policy.load import load_policy
from shared.sealing.subject_keys import SubjectKeys
from tests.builders import NOON, a_person, received
from tests.integration.delivery.a_delivery import Delivery

pytestmark = pytest.mark.integration

OLD, NEW, NEWER = (f"+7700000010{n}" for n in range(3))


class Story:
    """An order with the old phone, corrected twice."""

    def __init__(self, delivery: Delivery, keys: SubjectKeys) -> None:
        self.delivery = delivery
        self.placed = delivery.publisher.order_of(keys, a_person(phone=OLD))
        self.corrected, self.again = (
            delivery.publisher.correction_of(keys, self.placed, a_person(phone=phone), "phone", sequence=sequence)
            for sequence, phone in ((4, NEW), (7, NEWER))
        )
        event = self.placed.event
        self.cancelled = received(
            OrderCancelled(subject_id=event.subject_id, order_id=event.order_id, cancelled_at=NOON)
        )
        self.shipment_id = shipment_id_of(event.order_id)

    async def take(self, item: Received[Any]) -> None:
        handlers: dict[type, Any] = {
            OrderPlaced: self.delivery.tracking.on_placed,
            OrderCancelled: self.delivery.tracking.on_cancelled,
            OrderCorrected: self.delivery.corrections.on_corrected,
        }
        await handlers[type(item.event)]([item])

    async def phone(self) -> str:
        shipment = await self.delivery.shipments.get(self.shipment_id)
        assert shipment.sealed is not None
        opened = await self.delivery.hand_to_courier.disclosing.opener.open(shipment.sealed, purpose="3.2.3")
        return str(opened["phone"])


async def a_story(delivery: Delivery) -> Story:
    return Story(delivery, await delivery.publisher.somebody())


async def test_a_correction_replaces_the_envelope(delivery: Delivery) -> None:
    story = await a_story(delivery)
    await story.take(story.placed)
    assert await story.phone() == OLD
    await story.take(story.corrected)
    shipment = await delivery.shipments.get(story.shipment_id)
    assert await story.phone() == NEW
    assert (shipment.status, shipment.sequence, shipment.untold) == ("awaiting_courier", 4, ())


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_newest_holds_in_any_order_and_however_often(delivery: Delivery, order: tuple[int, ...]) -> None:
    story = await a_story(delivery)
    events = [story.placed, story.corrected, story.again]
    for number in (*order, *order):
        await story.take(events[number])
    shipment = await delivery.shipments.get(story.shipment_id)
    assert await story.phone() == NEWER
    assert (shipment.status, shipment.payment_method) == ("awaiting_courier", "on_delivery")
    assert shipment.placed_at == story.placed.event.placed_at


async def test_two_corrections_in_one_batch_are_the_newer_one(delivery: Delivery) -> None:
    story = await a_story(delivery)
    await story.take(story.placed)
    await delivery.corrections.on_corrected([story.again, story.corrected])
    assert await story.phone() == NEWER


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_cancelled_order_gets_no_envelope_again(delivery: Delivery, order: tuple[int, ...]) -> None:
    story = await a_story(delivery)
    events = [story.placed, story.corrected, story.cancelled]
    for number in (*order, *order):
        await story.take(events[number])
    shipment = await delivery.shipments.get(story.shipment_id)
    assert (shipment.status, shipment.sealed) == ("cancelled", None)


async def test_what_does_not_concern_delivery_changes_nothing(delivery: Delivery) -> None:
    keys = await delivery.publisher.somebody()
    order = delivery.publisher.order_of(keys)
    before = await delivery.shipment_of(order)
    email = a_person(email="new@example.kz")
    outcome = await delivery.corrections.on_corrected(
        [delivery.publisher.correction_of(keys, order, email, "email", readers=("notifications",))]
    )
    assert outcome.applied == 1
    assert await delivery.shipments.get(before.shipment_id) == before


async def test_an_erased_person_s_correction_changes_nothing(delivery: Delivery) -> None:
    story = await a_story(delivery)
    await delivery.publisher.destroy_keys(story.placed.event.subject_id)
    outcome = await delivery.corrections.on_corrected([story.corrected])
    assert (outcome.applied, outcome.fenced) == (0, 1)
    with pytest.raises(ShipmentMissing):
        await delivery.shipments.get(story.shipment_id)


async def test_a_hand_over_that_read_the_old_envelope_does_not_send_it(delivery: Delivery) -> None:
    story = await a_story(delivery)
    await story.take(story.placed)
    as_read = await delivery.shipments.get(story.shipment_id)
    await story.take(story.corrected)
    moved = await delivery.shipments.move(story.shipment_id, "handing_over", NOON, sequence=as_read.sequence)
    assert not moved
    assert await delivery.shipments.move(story.shipment_id, "handing_over", NOON, sequence=4)


async def test_what_is_stored_is_described(delivery: Delivery) -> None:
    story = await a_story(delivery)
    await story.take(story.placed)
    await delivery.hand_to_courier.hand_over(story.shipment_id, NOON)
    await story.take(story.corrected)
    document = await delivery.database["shipments"].find_one({"_id": story.shipment_id})
    assert document is not None
    assert {"untold", "tell_at", "offered_at", "sequence"} <= set(document)
    assert unknown_fields(load_policy(), "delivery", "shipments", document) == []
