"""A person can see which courier had which of their fields, and whether it was told to forget them (clause 4.3.2)."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.inspections import Use
from shared.messaging.cloudevents import new_id
from shared.stores.mongo import in_transaction
from tests.builders import NOON
from tests.integration.delivery.a_delivery import Delivery

pytestmark = pytest.mark.integration


async def uses_of(delivery: Delivery, subject_id: str, most: int = 200) -> list[Use]:
    return await in_transaction(delivery.client, lambda session: delivery.disclosures.uses(subject_id, most, session))


async def test_what_left_for_a_courier_is_shown_by_name_of_field(delivery: Delivery) -> None:
    shipment = await delivery.handed_over()
    (use,) = await uses_of(delivery, shipment.subject_id)
    entry = await delivery.disclosure(shipment.shipment_id)
    assert use == Use(
        reader="delivery",
        what="shipment",
        purpose="3.2.3",
        fields=tuple(sorted(entry["fields"])),
        at=NOON,
        order_id=shipment.order_id,
        state="disclosed",
        recipient="courier_partner",
        recipient_name="A partner",
    )
    assert "phone" in use.fields


async def test_nothing_left_for_a_parcel_that_waits_or_for_somebody_else(delivery: Delivery) -> None:
    await delivery.handed_over()
    waiting = await delivery.a_shipment()
    assert await uses_of(delivery, waiting.subject_id) == []


async def test_the_newest_come_first_and_no_more_than_asked_for(delivery: Delivery) -> None:
    keys = await delivery.publisher.somebody()
    shipments = [await delivery.shipment_of(delivery.publisher.order_of(keys)) for _ in range(3)]
    for day, shipment in enumerate(shipments):
        await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON + timedelta(days=day))
    newest = [use.order_id for use in await uses_of(delivery, keys.subject_id, 2)]
    assert newest == [shipments[2].order_id, shipments[1].order_id]


async def test_it_is_shown_that_the_courier_was_told_to_forget_and_what_it_said(delivery: Delivery) -> None:
    await delivery.publisher.administrator["delivery"]["disclosures"].delete_many({})
    shipment = await delivery.handed_over()
    await delivery.erase(shipment.subject_id, case_id=new_id())
    assert [use.forgotten for use in await uses_of(delivery, shipment.subject_id)] == ["due"]
    await delivery.tell_recipients.tell_due(datetime.now(UTC) + timedelta(minutes=1))
    assert [use.forgotten for use in await uses_of(delivery, shipment.subject_id)] == ["forgotten"]
