"""While the parcel is on its way the partner is told what changed, and nothing else; the log knows it before."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.outside import jsonl
from deploy.local.stack import LocalStack
from services.delivery.courier_partner import RECIPIENT
from services.delivery.shipment_store import LEASE, Shipment
from shared.contracts.shipments import CorrectionDisclosed
from shared.messaging.cloudevents import Received
from shared.observability.metrics import DISCLOSURES
from shared.policy.check import unknown_fields
from shared.policy.load import load_policy
from shared.stores.mongo import in_transaction
from tests.builders import a_person, at
from tests.integration.delivery.a_delivery import Delivery, a_delivery

pytestmark = pytest.mark.integration

OLD, NEW, NEWER = (f"+7700000020{n}" for n in range(3))


@pytest.fixture(autouse=True)
async def nothing_else_is_due(delivery: Delivery) -> None:
    await delivery.database["shipments"].update_many({}, {"$unset": {"tell_at": ""}})


class OnItsWay:
    """A parcel a courier has, and corrections of its order."""

    def __init__(self, delivery: Delivery, keys: Any, order: Received[Any], shipment_id: str) -> None:
        self.delivery, self.keys, self.order, self.shipment_id = delivery, keys, order, shipment_id

    async def corrected(self, *fields: str, sequence: int = 1, **changes: Any) -> None:
        person = a_person(**changes)
        await self.delivery.corrections.on_corrected(
            [self.delivery.publisher.correction_of(self.keys, self.order, person, *fields, sequence=sequence)]
        )

    async def tell(self, seconds: float = 60) -> None:
        await self.delivery.tell_correction.tell_due(at(seconds))

    async def shipment(self) -> Shipment:
        return await self.delivery.shipments.get(self.shipment_id)

    def waybill(self) -> dict[str, Any]:
        """As the partner has it."""
        found = [line for line in jsonl.read(self.delivery.partner_log) if line.get("reference") == self.shipment_id]
        assert len(found) == 1
        return found[0]

    async def log(self) -> list[dict[str, Any]]:
        """Disclosures of corrections."""
        theirs = {"shipment_id": self.shipment_id, "sequence": {"$exists": True}}
        return await self.delivery.database["disclosures"].find(theirs).sort("sequence", 1).to_list(None)


def told_so_far() -> dict[str, float]:
    """Outcome → how often fields set out for the partner."""
    outcomes = ("sent", "away", "refused", "broken_off")
    return {outcome: DISCLOSURES.labels(RECIPIENT, outcome)._value.get() for outcome in outcomes}


async def on_its_way(delivery: Delivery) -> OnItsWay:
    keys = await delivery.publisher.somebody()
    order = delivery.publisher.order_of(keys, a_person(phone=OLD))
    shipment = await delivery.shipment_of(order)
    await delivery.hand_to_courier.hand_over(shipment.shipment_id, at(0))
    return OnItsWay(delivery, keys, order, shipment.shipment_id)


async def test_the_partner_is_told_the_field_that_changed_and_no_other(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    sent: list[Any] = []

    async def look(request: httpx.Request) -> httpx.Response:
        sent.append((request.method, json.loads(request.content)))
        return await delivery.forward(request)

    delivery.answer = look
    await parcel.corrected("phone", phone=NEW)
    await parcel.tell()
    await parcel.tell(120)
    assert sent == [("PATCH", {"sequence": 1, "fields": {"phone": NEW}})]
    assert parcel.waybill()["fields"]["phone"] == NEW
    assert (await parcel.shipment()).untold == ()


async def test_what_delivery_is_not_granted_is_neither_told_nor_removed_there(
    stores: LocalStack, tmp_path: Path
) -> None:
    """That a field may not be told is not that the person removed it."""
    policy = load_policy()
    fields = {**policy.fields, "patronymic": policy.fields["patronymic"].model_copy(update={"grants": {}})}
    async with a_delivery(stores, tmp_path, policy.model_copy(update={"fields": fields})) as narrowed:
        parcel = await on_its_way(narrowed)
        counted = told_so_far()
        await parcel.corrected("patronymic", "email", patronymic="Жаңа", phone=OLD)
        await parcel.tell()
        assert await parcel.log() == []
        assert await narrowed.published(parcel.order.event.subject_id, CorrectionDisclosed) == []
        assert (await parcel.shipment()).untold == ()
        assert told_so_far() == counted, "nothing left, so nothing is counted"


async def test_corrections_of_one_batch_are_told_together(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    corrections = [
        delivery.publisher.correction_of(parcel.keys, parcel.order, person, field, sequence=sequence)
        for sequence, field, person in (
            (1, "phone", a_person(phone=NEW)),
            (2, "family_name", a_person(phone=NEW, family_name="Жаңатегі")),
        )
    ]
    await delivery.corrections.on_corrected(corrections)
    await parcel.tell()
    fields = parcel.waybill()["fields"]
    assert (fields["phone"], fields["family_name"]) == (NEW, "Жаңатегі")


async def test_a_removed_field_is_removed_there(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    await parcel.corrected("patronymic", patronymic=None, phone=OLD)
    await parcel.tell()
    assert "patronymic" not in parcel.waybill()["fields"]


async def test_the_log_knows_before_it_leaves(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    seen: list[Any] = []

    async def look(request: httpx.Request) -> httpx.Response:
        seen.extend((entry["state"], entry["fields"]) for entry in await parcel.log())
        return await delivery.forward(request)

    delivery.answer = look
    await parcel.corrected("phone", phone=NEW)
    await parcel.tell()
    (entry,) = await parcel.log()
    assert seen == [("sending", ["phone"])]
    assert (entry["state"], entry["purpose"], entry["recipient"]) == ("disclosed", "3.2.3", "courier_partner")
    assert entry["basis"].startswith("clause 4.3.2")
    assert unknown_fields(load_policy(), "delivery", "disclosures", entry) == []
    parcels_own = await delivery.disclosures.of_shipment(parcel.shipment_id)
    assert parcels_own is not None
    (event,) = await delivery.published(parcel.order.event.subject_id, CorrectionDisclosed)
    assert (event.sequence, event.disclosed_fields, event.shipment_id) == (1, ("phone",), parcel.shipment_id)
    assert parcels_own.disclosure_id != entry["_id"]


async def test_a_partner_that_is_away_is_told_again(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)

    async def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    delivery.answer = away
    await parcel.corrected("phone", phone=NEW)
    await parcel.tell()
    assert (await parcel.shipment()).untold == ("phone",)
    delivery.answer = None
    await parcel.tell(60.1)
    assert parcel.waybill()["fields"]["phone"] == OLD, "not before the back-off is over"
    await parcel.tell(120)
    assert parcel.waybill()["fields"]["phone"] == NEW
    assert [entry["state"] for entry in await parcel.log()] == ["disclosed"]


async def test_a_refusal_is_not_repeated_and_stays_to_be_seen(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    asked: list[str] = []

    async def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(422)

    delivery.answer = refuse
    await parcel.corrected("phone", phone=NEW)
    await parcel.tell()
    await parcel.tell(9_999)
    assert asked == ["PATCH"]
    assert (await parcel.shipment()).untold == ("phone",)
    assert [entry["state"] for entry in await parcel.log()] == ["sending"], "it may have been read"


async def test_corrected_again_while_the_first_is_told(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)

    async def correct_meanwhile(request: httpx.Request) -> httpx.Response:
        delivery.answer = None
        await parcel.corrected("family_name", sequence=2, phone=NEW, family_name="Жаңатегі")
        return await delivery.forward(request)

    delivery.answer = correct_meanwhile
    await parcel.corrected("phone", phone=NEW)
    await parcel.tell()
    assert set((await parcel.shipment()).untold) == {"phone", "family_name"}
    await parcel.tell(120)
    assert (await parcel.shipment()).untold == ()
    fields = parcel.waybill()["fields"]
    assert (fields["phone"], fields["family_name"]) == (NEW, "Жаңатегі")
    assert [entry["sequence"] for entry in await parcel.log()] == [1, 2]


async def test_what_was_corrected_again_since_it_was_read_is_not_told_as_it_was_read(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    await parcel.corrected("phone", phone=NEW)
    ((as_read, _),) = await delivery.shipments.take_untold(at(60), 10)
    await parcel.corrected("phone", sequence=2, phone=NEWER)
    await delivery.tell_correction._tell(as_read, 0, at(60))
    assert (parcel.waybill()["fields"]["phone"], await parcel.log()) == (OLD, [])
    await parcel.tell()
    assert parcel.waybill()["fields"]["phone"] == NEWER


async def test_what_is_corrected_once_the_parcel_has_arrived_is_not_told(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    await delivery.settle_shipment.settle(parcel.shipment_id, "delivered", at(1))
    await parcel.corrected("phone", phone=NEW)
    assert (await parcel.shipment()).untold == ()


@pytest.mark.parametrize("told_between", [False, True])
async def test_a_field_whose_correction_comes_after_a_newer_one_is_told_too(
    delivery: Delivery, told_between: bool
) -> None:
    parcel = await on_its_way(delivery)
    await parcel.corrected("family_name", sequence=2, phone=NEW, family_name="Жаңатегі")
    if told_between:
        await parcel.tell()
    await parcel.corrected("phone", sequence=1, phone=NEW)
    await parcel.tell()
    fields = parcel.waybill()["fields"]
    assert (fields["phone"], fields["family_name"]) == (NEW, "Жаңатегі")
    (entry,) = await parcel.log()
    assert (entry["sequence"], entry["state"], sorted(entry["fields"])) == (2, "disclosed", ["family_name", "phone"])


@pytest.mark.parametrize("status", [200, 422])
async def test_an_older_correction_that_comes_while_the_newer_is_told_is_still_due(
    delivery: Delivery, status: int
) -> None:
    parcel = await on_its_way(delivery)

    async def correct_meanwhile(request: httpx.Request) -> httpx.Response:
        delivery.answer = None
        await parcel.corrected("phone", sequence=1, phone=NEW)
        return await delivery.forward(request) if status == 200 else httpx.Response(status)

    delivery.answer = correct_meanwhile
    await parcel.corrected("family_name", sequence=2, phone=NEW, family_name="Жаңатегі")
    await parcel.tell()
    await parcel.tell()
    fields = parcel.waybill()["fields"]
    assert (fields["phone"], fields["family_name"]) == (NEW, "Жаңатегі")


@pytest.mark.parametrize("ending", [httpx.ConnectError("away"), httpx.Response(422)])
async def test_what_failed_of_the_first_does_not_put_off_the_second(
    delivery: Delivery, ending: Exception | httpx.Response
) -> None:
    parcel = await on_its_way(delivery)

    async def correct_meanwhile(request: httpx.Request) -> httpx.Response:
        delivery.answer = None
        await parcel.corrected("family_name", sequence=2, phone=NEW, family_name="Жаңатегі")
        if isinstance(ending, Exception):
            raise ending
        return ending

    delivery.answer = correct_meanwhile
    await parcel.corrected("phone", phone=NEW)
    await parcel.tell()
    await parcel.tell(60.1)
    fields = parcel.waybill()["fields"]
    assert (fields["phone"], fields["family_name"]) == (NEW, "Жаңатегі")


async def test_a_new_correction_starts_its_own_back_off(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    await parcel.corrected("phone", phone=NEW)
    ((as_read, _),) = await delivery.shipments.take_untold(at(60), 10)
    assert await in_transaction(delivery.client, lambda session: delivery.shipments.telling(as_read, session))
    await parcel.corrected("phone", sequence=2, phone=NEWER)
    ((_, attempts),) = await delivery.shipments.take_untold(at(60), 10)
    assert attempts == 0


async def test_a_store_from_before_corrections_takes_them(delivery: Delivery) -> None:
    """Its index let a shipment have one disclosure alone."""
    disclosures = delivery.database["disclosures"]
    administered = delivery.publisher.administrator["delivery"]["disclosures"]
    await administered.delete_many({})
    await administered.drop_indexes()
    await disclosures.create_index("shipment_id", unique=True)
    await delivery.disclosures.ensure_indexes()
    parcel = await on_its_way(delivery)
    await parcel.corrected("phone", phone=NEW)
    await parcel.tell()
    assert [entry["state"] for entry in await parcel.log()] == ["disclosed"]


async def test_what_is_being_told_is_not_taken_by_another_replica(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    await parcel.corrected("phone", phone=NEW)
    assert len(await delivery.shipments.take_untold(at(60), 10)) == 1
    over = 60 + LEASE.total_seconds()
    assert await delivery.shipments.take_untold(at(over - 0.1), 10) == []
    assert len(await delivery.shipments.take_untold(at(over), 10)) == 1


async def test_a_late_older_correction_does_not_undo_the_newer(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    await parcel.corrected("phone", sequence=2, phone=NEWER)
    await parcel.tell()
    await delivery.tell_correction.partner.correct(parcel.shipment_id, 1, {"phone": NEW})
    assert parcel.waybill()["fields"]["phone"] == NEWER


async def test_what_was_corrected_before_a_courier_came_goes_with_the_parcel(delivery: Delivery) -> None:
    keys = await delivery.publisher.somebody()
    order = delivery.publisher.order_of(keys, a_person(phone=OLD))
    shipment = await delivery.shipment_of(order)
    parcel = OnItsWay(delivery, keys, order, shipment.shipment_id)
    await parcel.corrected("phone", phone=NEW)
    await delivery.hand_to_courier.hand_over(shipment.shipment_id, at(0))
    await parcel.tell()
    assert parcel.waybill()["fields"]["phone"] == NEW
    assert await parcel.log() == []


async def test_a_waybill_that_may_have_arrived_before_the_correction_is_corrected_too(delivery: Delivery) -> None:
    keys = await delivery.publisher.somebody()
    order = delivery.publisher.order_of(keys, a_person(phone=OLD))
    shipment = await delivery.shipment_of(order)
    parcel = OnItsWay(delivery, keys, order, shipment.shipment_id)

    async def arrive_and_break_off(request: httpx.Request) -> httpx.Response:
        await delivery.forward(request)
        raise httpx.ReadError("cut", request=request)

    delivery.answer = arrive_and_break_off
    with pytest.raises(Exception, match="does not answer"):
        await delivery.hand_to_courier.hand_over(shipment.shipment_id, at(0))
    delivery.answer = None
    await parcel.corrected("phone", phone=NEW)
    await parcel.tell()
    assert parcel.waybill()["fields"]["phone"] == OLD, "no courier has the parcel yet"
    await delivery.hand_to_courier.hand_over(shipment.shipment_id, at(70))
    await parcel.tell(80)
    assert parcel.waybill()["fields"]["phone"] == NEW


async def test_a_correction_that_crosses_with_the_hand_over_is_told_after_it(delivery: Delivery) -> None:
    keys = await delivery.publisher.somebody()
    order = delivery.publisher.order_of(keys, a_person(phone=OLD))
    shipment = await delivery.shipment_of(order)
    parcel = OnItsWay(delivery, keys, order, shipment.shipment_id)

    async def correct_meanwhile(request: httpx.Request) -> httpx.Response:
        delivery.answer = None
        await parcel.corrected("phone", phone=NEW)
        return await delivery.forward(request)

    delivery.answer = correct_meanwhile
    await delivery.hand_to_courier.hand_over(shipment.shipment_id, at(0))
    assert parcel.waybill()["fields"]["phone"] == OLD
    await parcel.tell()
    assert parcel.waybill()["fields"]["phone"] == NEW


@pytest.mark.parametrize("arrived", [False, True])
async def test_a_crash_on_the_way_is_made_good_by_the_next_to_tell(delivery: Delivery, arrived: bool) -> None:
    parcel = await on_its_way(delivery)

    async def crash(request: httpx.Request) -> httpx.Response:
        if arrived:
            await delivery.forward(request)
        raise asyncio.CancelledError

    delivery.answer = crash
    await parcel.corrected("phone", phone=NEW)
    counted = told_so_far()
    with pytest.raises(asyncio.CancelledError):
        await parcel.tell()
    assert told_so_far() == {**counted, "broken_off": counted["broken_off"] + 1}
    assert [entry["state"] for entry in await parcel.log()] == ["sending"]
    delivery.answer = None
    await parcel.tell(60 + LEASE.total_seconds())
    assert parcel.waybill()["fields"]["phone"] == NEW
    assert [entry["state"] for entry in await parcel.log()] == ["disclosed"]
    assert (await parcel.shipment()).untold == ()


@pytest.mark.parametrize("begun", ["restrict", "fence", "settle"])
async def test_nothing_leaves_any_more(delivery: Delivery, begun: str) -> None:
    parcel = await on_its_way(delivery)
    await parcel.corrected("phone", phone=NEW)
    subject_id = parcel.order.event.subject_id
    if begun == "restrict":
        await delivery.restrict(subject_id)
    elif begun == "fence":
        await delivery.publisher.destroy_keys(subject_id)
    else:
        await delivery.settle_shipment.settle(parcel.shipment_id, "delivered", at(1))
    if begun != "fence":  # whose keys are gone is seen when it is opened
        assert await delivery.shipments.take_untold(at(60), 10) == [], "nor is anything opened for it"
    await parcel.tell()
    assert parcel.waybill()["fields"]["phone"] == OLD
    assert await parcel.log() == []
    assert await delivery.shipments.take_untold(at(9_999), 10) == [], "nor is it tried again"


async def test_a_restriction_that_comes_first_wins(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    await parcel.corrected("phone", phone=NEW)
    ((as_read, _),) = await delivery.shipments.take_untold(at(60), 10)
    await delivery.restrict(as_read.subject_id)
    await delivery.tell_correction._tell(as_read, 0, at(60))
    assert parcel.waybill()["fields"]["phone"] == OLD


async def test_an_erasure_takes_back_the_parcel_s_fields_and_the_correction_s(delivery: Delivery) -> None:
    parcel = await on_its_way(delivery)
    await parcel.corrected("phone", phone=NEW)
    await parcel.tell()
    await delivery.settle_shipment.settle(parcel.shipment_id, "delivered", at(61))
    await delivery.erase(parcel.order.event.subject_id)
    while await delivery.tell_recipients.tell_due(at(10**9)):
        pass
    assert parcel.waybill()["fields"] == {}
    answers = await delivery.database["disclosures"].find({"shipment_id": parcel.shipment_id}).to_list(None)
    assert [entry["answer"] for entry in answers] == ["forgotten", "forgotten"]
    assert NEW not in delivery.partner_log.read_text()
