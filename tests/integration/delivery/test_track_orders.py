"""An order placed is one shipment, in whatever order and however often its events come."""

import bson
import pytest

from services.delivery.shipment_store import ShipmentMissing, shipment_id_of
from shared.contracts.orders import OrderCancelled, OrderPlaced
from shared.messaging.cloudevents import Received, new_id
from shared.policy.check import unknown_fields
from shared.policy.load import load_policy
from tests.builders import NOON, a_person, received, values_of
from tests.integration.delivery.a_delivery import Delivery

pytestmark = pytest.mark.integration


def cancelled(order: Received[OrderPlaced]) -> Received[OrderCancelled]:
    event = order.event
    return received(OrderCancelled(subject_id=event.subject_id, order_id=event.order_id, cancelled_at=NOON))


async def test_an_order_awaits_a_courier(delivery: Delivery) -> None:
    shipment = await delivery.a_shipment()
    assert shipment.status == "awaiting_courier"
    assert shipment.sealed is not None


async def test_redelivery_makes_no_second_shipment(delivery: Delivery) -> None:
    order = await delivery.publisher.order()
    for _ in range(3):
        outcome = await delivery.tracking.on_placed([order, order])
        assert outcome.applied == 2
    assert await delivery.database["shipments"].count_documents({"order_id": order.event.order_id}) == 1


async def test_what_became_of_a_shipment_survives_a_replay_of_its_order(delivery: Delivery) -> None:
    order = await delivery.publisher.order()
    shipment = await delivery.shipment_of(order)
    await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    assert (await delivery.shipment_of(order)).status == "handed_over"


async def test_a_cancelled_order_is_not_delivered_and_its_envelope_goes(delivery: Delivery) -> None:
    order = await delivery.publisher.order()
    await delivery.shipment_of(order)
    for _ in range(2):
        await delivery.tracking.on_cancelled([cancelled(order)])
    shipment = await delivery.shipment_of(order)
    assert (shipment.status, shipment.sealed) == ("cancelled", None)


async def test_a_cancellation_may_come_before_its_order(delivery: Delivery) -> None:
    order = await delivery.publisher.order()
    await delivery.tracking.on_cancelled([cancelled(order)])
    shipment = await delivery.shipment_of(order)
    assert (shipment.status, shipment.sealed) == ("cancelled", None)
    assert shipment.subject_id == order.event.subject_id


async def test_a_parcel_with_a_courier_is_not_cancelled(delivery: Delivery) -> None:
    order = await delivery.publisher.order()
    await delivery.hand_to_courier.hand_over((await delivery.shipment_of(order)).shipment_id, NOON)
    await delivery.tracking.on_cancelled([cancelled(order)])
    assert (await delivery.shipment_of(order)).status == "handed_over"


async def test_an_erased_person_s_events_change_nothing(delivery: Delivery) -> None:
    order = await delivery.publisher.order()
    await delivery.publisher.destroy_keys(order.event.subject_id)
    placed = await delivery.tracking.on_placed([order])
    gone = await delivery.tracking.on_cancelled([cancelled(order)])
    assert (placed.applied, placed.fenced, gone.applied, gone.fenced) == (0, 1, 0, 1)
    with pytest.raises(ShipmentMissing):
        await delivery.shipments.get(shipment_id_of(order.event.order_id))


async def test_an_order_of_nobody_known_is_put_aside(delivery: Delivery) -> None:
    order = await delivery.publisher.order()
    stranger = received(order.event.model_copy(update={"subject_id": new_id()}))
    outcome = await delivery.tracking.on_placed([stranger, order])
    assert (outcome.applied, outcome.refused) == (1, [(stranger, "subject-unknown")])


async def test_a_whole_batch_is_stored_at_once(delivery: Delivery) -> None:
    people = await delivery.publisher.people(500)
    batch = [delivery.publisher.order_of(keys) for keys in people]
    assert (await delivery.tracking.on_placed(batch)).applied == 500
    ids = [order.event.order_id for order in batch]
    assert await delivery.database["shipments"].count_documents({"order_id": {"$in": ids}}) == 500


async def test_what_is_stored_is_described_and_shows_nobody(delivery: Delivery) -> None:
    shipment = await delivery.handed_over()
    policy = load_policy()
    for collection in ("shipments", "disclosures"):
        document = await delivery.database[collection].find_one({"subject_id": shipment.subject_id})
        assert document is not None
        assert unknown_fields(policy, "delivery", collection, document) == []
        raw = bson.encode(document)
        assert not [value for value in values_of(a_person()) if value.encode() in raw]
