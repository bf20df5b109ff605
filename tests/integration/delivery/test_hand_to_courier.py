"""Exactly the granted fields leave, the log knows it before they do, and a crash leaves something a repeat finishes."""

import asyncio
import json

import httpx
import pytest

from deploy.local.outside import jsonl
from services.delivery.courier_partner import PartnerAway, WaybillRefused
from services.delivery.disclose_fields import PURPOSE
from services.delivery.disclosure_store import UNDER_WAY_SECONDS
from services.delivery.shipment_store import ShipmentMissing, WrongState
from shared.contracts.shipments import ShipmentHandedOver
from shared.policy.load import load_policy
from shared.sealing.opener import SubjectErased
from tests.builders import NOON, a_person, at, values_of
from tests.integration.delivery.a_delivery import Delivery

pytestmark = pytest.mark.integration


async def test_the_partner_gets_exactly_the_granted_fields(delivery: Delivery) -> None:
    person = a_person()
    shipment = await delivery.a_shipment(person=person)
    await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    (line,) = jsonl.read(delivery.partner_log)
    granted = load_policy().fields_for("delivery", PURPOSE)
    assert line["reference"] == shipment.shipment_id
    assert line["fields"] == {name: value for name, value in person.model_dump(mode="json").items() if name in granted}


async def test_a_field_the_person_did_not_give_is_neither_sent_nor_named(delivery: Delivery) -> None:
    shipment = await delivery.a_shipment(person=a_person(patronymic=None, amount_to_collect=0))
    _, disclosed = await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    (line,) = jsonl.read(delivery.partner_log)
    assert set(line["fields"]) == set(disclosed.fields)
    assert "patronymic" not in disclosed.fields
    assert line["fields"]["amount_to_collect"] == 0


async def test_the_log_of_disclosures_says_what_and_never_whose_values(delivery: Delivery) -> None:
    shipment = await delivery.handed_over()
    entry = await delivery.disclosure(shipment.shipment_id)
    assert set(entry["fields"]) == load_policy().fields_for("delivery", PURPOSE)
    assert (entry["recipient"], entry["recipient_name"], entry["purpose"]) == ("courier_partner", "A partner", PURPOSE)
    assert entry["basis"].startswith("clause 4.3.2")
    assert (entry["state"], entry["disclosed_at"]) == ("disclosed", NOON)
    assert not [value for value in values_of(a_person()) if value in str(entry)]


async def test_the_log_knows_before_the_fields_leave(delivery: Delivery) -> None:
    shipment = await delivery.a_shipment()
    seen = []

    async def look(request: httpx.Request) -> httpx.Response:
        entry = await delivery.disclosure(shipment.shipment_id)
        sent = set(json.loads(request.content)) - {"reference"}
        seen.append((entry["state"], set(entry["fields"]) == sent))
        return await delivery.forward(request)

    delivery.answer = look
    await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    assert seen == [("sending", True)]


async def test_the_fact_is_published_once_however_often_it_is_asked_for(delivery: Delivery) -> None:
    shipment = await delivery.a_shipment()
    first = await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    again = await delivery.hand_to_courier.hand_over(shipment.shipment_id, at(60))
    assert first == again
    (event,) = await delivery.published(shipment.subject_id, ShipmentHandedOver)
    assert event.disclosed_fields == first[1].fields
    assert len(jsonl.read(delivery.partner_log)) == 1


async def test_calls_at_the_same_time_are_one_hand_over(delivery: Delivery) -> None:
    shipment = await delivery.a_shipment()
    answers = await asyncio.gather(*(delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON) for _ in range(6)))
    assert len({disclosed for _, disclosed in answers}) == 1
    assert len(await delivery.published(shipment.subject_id, ShipmentHandedOver)) == 1
    assert len(jsonl.read(delivery.partner_log)) == 1


async def test_a_partner_that_is_away_leaves_the_shipment_as_it_was(delivery: Delivery) -> None:
    shipment = await delivery.a_shipment()

    async def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    delivery.answer = away
    with pytest.raises(PartnerAway):
        await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    assert await delivery.shipments.get(shipment.shipment_id) == shipment
    assert (await delivery.disclosure(shipment.shipment_id))["state"] == "sending"
    assert await delivery.published(shipment.subject_id, ShipmentHandedOver) == []
    delivery.answer = None
    handed_over, _ = await delivery.hand_to_courier.hand_over(shipment.shipment_id, at(60))
    assert handed_over.handed_over_at == at(60)
    assert (await delivery.disclosure(shipment.shipment_id))["state"] == "disclosed"


async def test_a_refused_waybill_is_said_and_may_be_tried_again(delivery: Delivery) -> None:
    shipment = await delivery.a_shipment()

    async def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(422)

    delivery.answer = refuse
    with pytest.raises(WaybillRefused):
        await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    assert (await delivery.shipments.get(shipment.shipment_id)).status == "awaiting_courier"


@pytest.mark.parametrize("arrived", [False, True])
async def test_a_crash_on_the_way_is_finished_by_a_repeat(delivery: Delivery, arrived: bool) -> None:
    shipment = await delivery.a_shipment()

    async def crash(request: httpx.Request) -> httpx.Response:
        if arrived:
            await delivery.forward(request)
        raise asyncio.CancelledError

    delivery.answer = crash
    with pytest.raises(asyncio.CancelledError):
        await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    assert (await delivery.shipments.get(shipment.shipment_id)).status == "handing_over"
    assert (await delivery.disclosure(shipment.shipment_id))["state"] == "sending"
    delivery.answer = None
    await delivery.hand_to_courier.hand_over(shipment.shipment_id, at(5))
    assert len(jsonl.read(delivery.partner_log)) == 1
    assert len(await delivery.published(shipment.subject_id, ShipmentHandedOver)) == 1
    assert (await delivery.disclosure(shipment.shipment_id))["state"] == "disclosed"


async def test_a_restricted_open_order_can_still_be_handed_over(delivery: Delivery) -> None:
    shipment = await delivery.a_shipment()
    await delivery.restrict(shipment.subject_id)
    await delivery.erase(shipment.subject_id, open_orders=(shipment.order_id,))
    handed_over, _ = await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    assert (handed_over.status, handed_over.restricted) == ("handed_over", True)


async def test_an_erased_person_s_parcel_is_not_handed_over(delivery: Delivery) -> None:
    shipment = await delivery.a_shipment()
    await delivery.publisher.destroy_keys(shipment.subject_id)
    with pytest.raises(SubjectErased):
        await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    await delivery.erase(shipment.subject_id)
    with pytest.raises(ShipmentMissing):
        await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    assert jsonl.read(delivery.partner_log) == []


async def test_an_erasure_that_crosses_with_a_hand_over_takes_it_back(delivery: Delivery) -> None:
    shipment = await delivery.a_shipment()

    async def erase_meanwhile(request: httpx.Request) -> httpx.Response:
        await delivery.erase(shipment.subject_id)
        return await delivery.forward(request)

    delivery.answer = erase_meanwhile
    with pytest.raises(ShipmentMissing):
        await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    entry = await delivery.disclosure(shipment.shipment_id)
    assert (entry["forget_state"], entry["state"]) == ("due", "disclosed")
    assert entry["next_at"] >= at(UNDER_WAY_SECONDS)  # the notice does not overtake the fields
    assert await delivery.published(shipment.subject_id, ShipmentHandedOver) == []


@pytest.mark.parametrize("how", ["delivered", "returned"])
async def test_a_settled_shipment_is_not_handed_over_again(delivery: Delivery, how: str) -> None:
    shipment = await delivery.handed_over()
    await delivery.settle_shipment.settle(shipment.shipment_id, how, NOON)  # type: ignore[arg-type]
    with pytest.raises(WrongState, match=how):
        await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
