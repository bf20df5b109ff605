"""After an erasure the partner is told to forget, until it answers; each answer is published once, for its case."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from deploy.local.outside import jsonl
from shared.contracts.erasure import RecipientAnswered, SubjectErased
from shared.messaging.cloudevents import new_id
from tests.builders import NOON
from tests.integration.delivery.a_delivery import Delivery

pytestmark = pytest.mark.integration


def soon(minutes: float = 1) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
async def _nothing_due_before(delivery: Delivery) -> None:
    await delivery.publisher.administrator["delivery"]["disclosures"].delete_many({})


async def answers_of(delivery: Delivery, subject_id: str) -> list[tuple[str, str, str]]:
    published = await delivery.published(subject_id, RecipientAnswered)
    return [(event.case_id, event.disclosure_id, event.answer) for event in published]


async def test_the_partner_is_told_and_its_answer_published(delivery: Delivery) -> None:
    shipment, case_id = await delivery.handed_over(), new_id()
    await delivery.erase(shipment.subject_id, case_id=case_id)
    entry = await delivery.disclosure(shipment.shipment_id)
    (receipt,) = await delivery.published(shipment.subject_id, SubjectErased)
    assert receipt.disclosures == (entry["_id"],)
    await delivery.tell_recipients.tell_due(soon())
    assert await answers_of(delivery, shipment.subject_id) == [(case_id, entry["_id"], "forgotten")]
    waybill, note = jsonl.read(delivery.partner_log)
    assert waybill["fields"] == {}
    assert note == {"forgotten": shipment.shipment_id}
    assert (await delivery.disclosure(shipment.shipment_id))["forget_state"] == "answered"


async def test_an_open_order_s_courier_is_told_when_it_is_settled(delivery: Delivery) -> None:
    keys = await delivery.publisher.somebody()
    open_one, done = [await delivery.shipment_of(delivery.publisher.order_of(keys)) for _ in range(2)]
    for shipment in (open_one, done):
        await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    case_id = new_id()
    await delivery.erase(keys.subject_id, case_id=case_id, open_orders=(open_one.order_id,))
    await delivery.tell_recipients.tell_due(soon())
    first, second = [(await delivery.disclosure(s.shipment_id))["_id"] for s in (done, open_one)]
    assert await answers_of(delivery, keys.subject_id) == [(case_id, first, "forgotten")]
    await delivery.erase(keys.subject_id, case_id=case_id, round=2)
    await delivery.tell_recipients.tell_due(soon(2))
    assert await answers_of(delivery, keys.subject_id) == [
        (case_id, first, "forgotten"),
        (case_id, second, "forgotten"),
    ]
    receipts = await delivery.published(keys.subject_id, SubjectErased)
    assert [set(receipt.disclosures) for receipt in receipts] == [{first}, {first, second}]


async def test_the_same_case_asks_once_and_another_case_again(delivery: Delivery) -> None:
    shipment, one, other = await delivery.handed_over(), new_id(), new_id()
    for case_id in (one, one, other):
        await delivery.erase(shipment.subject_id, case_id=case_id)
        await delivery.tell_recipients.tell_due(soon())
    assert [case_id for case_id, _, _ in await answers_of(delivery, shipment.subject_id)] == [one, other]


async def test_fields_that_may_have_left_are_taken_back_too(delivery: Delivery) -> None:
    shipment = await delivery.a_shipment()

    async def crash(request: httpx.Request) -> httpx.Response:
        raise asyncio.CancelledError

    delivery.answer = crash
    with pytest.raises(asyncio.CancelledError):
        await delivery.hand_to_courier.hand_over(shipment.shipment_id, datetime.now(UTC))
    delivery.answer = None
    await delivery.erase(shipment.subject_id)
    await delivery.tell_recipients.tell_due(datetime.now(UTC))
    assert await answers_of(delivery, shipment.subject_id) == []  # they may still be under way
    await delivery.tell_recipients.tell_due(soon())
    assert [answer for _, _, answer in await answers_of(delivery, shipment.subject_id)] == ["unknown"]


async def test_a_partner_that_is_away_is_told_later(delivery: Delivery) -> None:
    shipment = await delivery.handed_over()
    await delivery.erase(shipment.subject_id)

    async def away(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503)

    delivery.answer = away
    now = soon()
    await delivery.tell_recipients.tell_due(now)
    entry = await delivery.disclosure(shipment.shipment_id)
    assert (entry["forget_state"], entry["attempts"]) == ("due", 1)
    assert now < entry["next_at"] <= now + timedelta(seconds=2)
    delivery.answer = None
    await delivery.tell_recipients.tell_due(soon(2))
    assert len(await answers_of(delivery, shipment.subject_id)) == 1


async def test_a_reference_the_partner_passes_over_is_told_again(delivery: Delivery) -> None:
    shipment = await delivery.handed_over()
    await delivery.erase(shipment.subject_id)

    async def pass_over(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"forgotten": [], "unknown": []})

    delivery.answer = pass_over
    await delivery.tell_recipients.tell_due(soon())
    delivery.answer = None
    await delivery.tell_recipients.tell_due(soon(2))
    assert len(await answers_of(delivery, shipment.subject_id)) == 1


async def test_replicas_that_tell_at_once_publish_one_answer(delivery: Delivery) -> None:
    shipments = [await delivery.handed_over() for _ in range(5)]
    for shipment in shipments:
        await delivery.erase(shipment.subject_id)
    await asyncio.gather(*(delivery.tell_recipients.tell_due(soon()) for _ in range(4)))
    for shipment in shipments:
        assert len(await answers_of(delivery, shipment.subject_id)) == 1


async def test_an_answer_that_could_not_be_stored_is_asked_for_again(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipment = await delivery.handed_over()
    await delivery.erase(shipment.subject_id)

    async def crash(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as broken:
        broken.setattr(delivery.outbox, "append", crash)
        with pytest.raises(asyncio.CancelledError):
            await delivery.tell_recipients.tell_due(soon())
    assert (await delivery.disclosure(shipment.shipment_id))["forget_state"] == "due"
    await delivery.tell_recipients.tell_due(soon(3))
    assert len(await answers_of(delivery, shipment.subject_id)) == 1


async def test_everything_read_again_after_the_erasure_changes_nothing(delivery: Delivery) -> None:
    order, case_id = await delivery.publisher.order(), new_id()
    shipment = await delivery.shipment_of(order)
    await delivery.hand_to_courier.hand_over(shipment.shipment_id, NOON)
    await delivery.erase(shipment.subject_id, case_id=case_id)
    await delivery.tell_recipients.tell_due(soon())
    await delivery.publisher.destroy_keys(shipment.subject_id)
    before = [await delivery.database[name].find({}).to_list(None) for name in ("shipments", "disclosures")]
    assert (await delivery.tracking.on_placed([order])).fenced == 1
    await delivery.restrict(shipment.subject_id)
    await delivery.erase(shipment.subject_id, case_id=case_id)
    assert not await delivery.tell_recipients.tell_due(soon(30))
    assert [await delivery.database[name].find({}).to_list(None) for name in ("shipments", "disclosures")] == before
    assert len(await answers_of(delivery, shipment.subject_id)) == 1
