"""A correction is whole or not at all: envelopes, events, index and history; and nobody else's data are touched."""

import asyncio
from typing import Any

import bson
import pytest

from services.intake.correct_data import NothingToCorrect, NotToBeCorrected, OpenedInPart, OrderNotUnderWay
from services.intake.reader_envelopes import ReaderEnvelopes
from shared.contracts.orders import OrderCorrected
from shared.policy.check import unknown_fields
from shared.sealing.envelope import Binding, unseal
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import WrappedKey
from shared.stores.erasure import Target
from shared.stores.keyring_view import DATABASE, SUBJECTS
from tests.builders import at
from tests.integration.intake.an_intake import Intake, somebody

pytestmark = pytest.mark.integration


async def events(intake: Intake, subject_id: str) -> list[tuple[str, OrderCorrected]]:
    found = await intake.published(subject_id, OrderCorrected)
    return [(item.event_id, item.event) for item in found if isinstance(item.event, OrderCorrected)]


async def opened_by(intake: Intake, reader: str, event_id: str, event: OrderCorrected) -> dict[str, Any]:
    keyring = await intake.administrator[DATABASE][SUBJECTS].find_one({"_id": event.subject_id})
    assert keyring is not None
    column = WrappedKey(**keyring["keys"]["intake"])
    keys = SubjectKeys.from_column(event.subject_id, column, intake.unwrapper)
    binding = Binding(event_id, OrderCorrected.type_name(), event.subject_id, reader)
    return unseal(event.sealed[reader], binding, keys.of(reader))


async def test_a_new_phone_is_in_every_order_and_with_every_reader(intake: Intake) -> None:
    person, new = somebody(5_000), "+77000015099"
    orders = [await intake.place(person=person) for _ in range(2)]
    subject_id = orders[0].subject_id
    assert await intake.correct(intake.signed_in(subject_id, person), "phone", new) == 2
    told = await events(intake, subject_id)
    assert {event.order_id for _, event in told} == {order.order_id for order in orders}
    for event_id, event in told:
        held = await intake.held(event.order_id)
        assert held == {**person.model_dump(mode="json", exclude_none=True), "phone": new}
        for reader in ("delivery", "notifications"):
            granted = intake.policy.fields_for(reader)
            assert await opened_by(intake, reader, event_id, event) == {n: v for n, v in held.items() if n in granted}
        assert (event.sequence, event.fields, event.payment_method) == (1, ("phone",), "on_delivery")


async def test_the_index_leads_from_the_new_phone_and_no_more_from_the_old(intake: Intake) -> None:
    person, new = somebody(5_001), "+77000015101"
    subject_id = (await intake.place(person=person)).subject_id
    await intake.correct(intake.signed_in(subject_id, person), "phone", new)
    assert await intake.led_to("phone", new) == subject_id
    assert await intake.led_to("phone", person.phone) is None
    assert await intake.led_to("email", person.email) == subject_id
    stranger = somebody(5_101).model_copy(update={"phone": person.phone})
    assert (await intake.place(person=stranger)).subject_id != subject_id


async def test_back_to_the_old_phone(intake: Intake) -> None:
    person, new = somebody(5_002), "+77000015102"
    subject_id = (await intake.place(person=person)).subject_id
    await intake.correct(intake.signed_in(subject_id, person), "phone", new)
    now = person.model_copy(update={"phone": new})
    await intake.correct(intake.signed_in(subject_id, now), "phone", person.phone)
    assert await intake.led_to("phone", person.phone) == subject_id
    assert await intake.led_to("phone", new) is None
    assert [event.sequence for _, event in await events(intake, subject_id)] == [1, 2]


async def test_a_number_that_leads_to_somebody_else_who_is_here_is_left_alone(intake: Intake) -> None:
    person, other = somebody(5_003), somebody(5_103)
    subject_id, theirs = [(await intake.place(person=each)).subject_id for each in (person, other)]
    await intake.correct(intake.signed_in(subject_id, person, "email"), "phone", other.phone)
    assert await intake.led_to("phone", other.phone) == theirs
    await intake.correct(
        intake.signed_in(subject_id, person, "email"), "phone", "+77000015203"
    )  # and their entry stays, too, when it is given up again
    assert await intake.led_to("phone", other.phone) == theirs


async def test_a_number_of_somebody_erased_leads_to_the_living(intake: Intake) -> None:
    person, gone = somebody(5_004), somebody(5_104)
    subject_id, erased = [(await intake.place(person=each)).subject_id for each in (person, gone)]
    await intake.fence(erased)
    await intake.correct(intake.signed_in(subject_id, person), "phone", gone.phone)
    assert await intake.led_to("phone", gone.phone) == subject_id


async def test_an_order_with_another_contact_is_not_theirs_to_correct(intake: Intake) -> None:
    """Somebody placed an order under this person's phone with an e-mail of their own."""
    person = somebody(5_005)
    own = await intake.place(person=person)
    stranger_s = await intake.place(person=person.model_copy(update={"email": "stranger5005@example.kz"}))
    assert stranger_s.subject_id == own.subject_id
    new = "+77000015105"
    assert await intake.correct(intake.signed_in(own.subject_id, person, "email"), "phone", new) == 1
    assert (await intake.held(own.order_id))["phone"] == new
    assert (await intake.held(stranger_s.order_id))["phone"] == person.phone
    assert await intake.led_to("phone", person.phone) == own.subject_id, "an order still holds it"
    whose, address = intake.signed_in(own.subject_id, person, "email"), {"locality": "Жоқ", "line": "Жоқ к., 1"}
    with pytest.raises(OrderNotUnderWay):
        await intake.correct(whose, "delivery_address", address, stranger_s.order_id)


async def test_a_patronymic_is_removed(intake: Intake) -> None:
    person = somebody(5_006)
    placed = await intake.place(person=person)
    await intake.correct(intake.signed_in(placed.subject_id, person), "patronymic", None)
    assert "patronymic" not in await intake.held(placed.order_id)
    ((event_id, event),) = await events(intake, placed.subject_id)
    assert set(event.sealed) == {"delivery"}, "notifications is granted no patronymic"
    assert "patronymic" not in await opened_by(intake, "delivery", event_id, event)


async def test_what_concerns_nobody_else_is_told_to_nobody(intake: Intake) -> None:
    person = somebody(5_007)
    placed = await intake.place(person=person)
    residence = {"locality": "Жаңабұлақ ауылы", "line": "Жаңа көше, 1", "postcode": None}
    await intake.correct(intake.signed_in(placed.subject_id, person), "residence", residence)
    assert (await intake.held(placed.order_id))["residence"]["line"] == "Жаңа көше, 1"
    assert await events(intake, placed.subject_id) == []


async def test_an_address_is_one_order_s_until_it_is_delivered(intake: Intake) -> None:
    person = somebody(5_008)
    first, second = [await intake.place(person=person) for _ in range(2)]
    whose, address = intake.signed_in(first.subject_id, person), {"locality": "Жаңа", "line": "Жаңа к., 2"}
    assert await intake.correct(whose, "delivery_address", address, first.order_id) == 1
    assert (await intake.held(first.order_id))["delivery_address"]["locality"] == "Жаңа"
    assert (await intake.held(second.order_id))["delivery_address"] == person.model_dump(mode="json")[
        "delivery_address"
    ]
    await intake.orders.move([(second.order_id, "handed_over", at(1))])
    assert await intake.correct(whose, "delivery_address", address, second.order_id) == 1
    await intake.orders.move([(first.order_id, "delivered", at(2))])
    with pytest.raises(OrderNotUnderWay):
        await intake.correct(whose, "delivery_address", {**address, "line": "Жаңа к., 3"}, first.order_id)


async def test_the_history_keeps_old_and_new_for_intake_alone(intake: Intake) -> None:
    person, new = somebody(5_009), "new5009@example.kz"
    placed = await intake.place(person=person)
    await intake.correct(intake.signed_in(placed.subject_id, person), "email", new)
    (correction,) = await intake.corrections.of_subject(placed.subject_id)
    opened = await intake.opener.open(correction.sealed, purpose="3.2.4")
    assert opened == {"email": {"before": [person.email], "after": new}}
    assert (correction.corrected, correction.orders, correction.corrected_at) == ("email", (placed.order_id,), at(0))
    for name in ("corrections", "orders", "subjects", "openings"):
        theirs = {"_id" if name == "subjects" else "subject_id": placed.subject_id}
        document = await intake.database[name].find_one(theirs)
        assert document is not None
        assert unknown_fields(intake.policy, "intake", name, document) == []
        assert not [value for value in (person.email, new) if value.encode() in bson.encode(document)]
    (looked,) = await intake.database["openings"].find({"subject_id": placed.subject_id}).to_list(None)
    assert (looked["what"], looked["purpose"]) == ("correction", "3.2.4")
    assert "order_items" in looked["fields"]


async def test_the_same_value_changes_nothing(intake: Intake) -> None:
    person = somebody(5_010)
    placed = await intake.place(person=person)
    before = await intake.document("orders", placed.order_id)
    with pytest.raises(NothingToCorrect):
        await intake.correct(intake.signed_in(placed.subject_id, person), "phone", person.phone)
    assert await intake.document("orders", placed.order_id) == before
    assert "corrections" not in await intake.document("subjects", placed.subject_id)


@pytest.mark.parametrize("begun", ["restrict", "fence", "destroy_keys"])
async def test_of_who_withdrew_nothing_changes(intake: Intake, begun: str) -> None:
    person = somebody({"restrict": 5_011, "fence": 5_012, "destroy_keys": 5_013}[begun])
    placed = await intake.place(person=person)
    await getattr(intake, begun)(placed.subject_id)
    before = await intake.document("orders", placed.order_id)
    with pytest.raises(NotToBeCorrected):
        await intake.correct(intake.signed_in(placed.subject_id, person), "phone", "+77000015111")
    assert await intake.document("orders", placed.order_id) == before
    assert await intake.led_to("phone", "+77000015111") is None
    assert await events(intake, placed.subject_id) == []


async def test_an_erasure_destroys_the_history_and_counts_it(intake: Intake) -> None:
    person = somebody(5_014)
    placed = await intake.place(person=person)
    await intake.correct(intake.signed_in(placed.subject_id, person), "phone", "+77000015114")
    async with await intake.client.start_session() as session, session.start_transaction():
        counts = await intake.engine.erase([Target(placed.subject_id)], at(5), session)
    assert counts[placed.subject_id]["corrections"].destroyed == 1
    assert await intake.corrections.of_subject(placed.subject_id) == []


async def test_a_grant_less_for_this_purpose_loses_nothing(intake: Intake) -> None:
    """What can't be opened would be gone from the new envelope: it is refused as a whole."""
    person = somebody(5_015)
    placed = await intake.place(person=person)
    wider = ReaderEnvelopes(intake.policy, publisher="intake")
    wider._fields["intake"] = wider.of_publisher | {"a_field_of_another_purpose"}
    object.__setattr__(intake.correcting, "envelopes", wider)
    with pytest.raises(OpenedInPart):
        await intake.correct(intake.signed_in(placed.subject_id, person), "phone", "+77000015115")


@pytest.mark.parametrize("number", range(5_020, 5_024))
async def test_corrections_and_a_restriction_at_once(intake: Intake, replica: Intake, number: int) -> None:
    """After intake has said that it stopped no correction passes; until then every order has the last number."""
    person = somebody(number)
    subject_id = (await intake.place(person=person)).subject_id
    whose, stopped = intake.signed_in(subject_id, person, "email"), asyncio.Event()

    async def keep_correcting(service: Intake, name: str) -> None:
        for round_ in range(200):
            if stopped.is_set():
                return
            try:
                await service.correct(whose, "family_name", f"{name}{'аб'[round_ % 2]}")
            except (NothingToCorrect, NotToBeCorrected):
                await asyncio.sleep(0.01)

    workers = [
        asyncio.create_task(keep_correcting(service, name))
        for service, name in ((intake, "Ойдан"), (replica, "Жоқ"), (intake, "Әлде"))
    ]
    await asyncio.sleep(0.2)
    await intake.restrict(subject_id)
    at_the_answer = len(await events(intake, subject_id))
    (order,) = await intake.database["orders"].find({"subject_id": subject_id}).to_list(None)
    await asyncio.sleep(0.2)
    stopped.set()
    await asyncio.gather(*workers)
    told = await events(intake, subject_id)
    assert len(told) == at_the_answer > 0
    assert sorted(event.sequence for _, event in told) == list(range(1, len(told) + 1))
    assert order["event_id"] == max(told, key=lambda item: item[1].sequence)[0]
