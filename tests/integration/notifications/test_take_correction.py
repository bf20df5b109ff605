"""It is written to the contact given last, in whatever order and however often orders and corrections come."""

import itertools

import pytest

from shared.policy.check import unknown_fields
from shared.policy.load import load_policy
from shared.stores.mongo import Document
from tests.builders import a_person
from tests.integration.notifications.a_sender import Notifications, handed_over, soon
from tests.integration.notifications.outside import Outside

pytestmark = pytest.mark.integration

OLD, NEW, NEWER = (f"+7700000030{n}" for n in range(3))


async def test_later_messages_go_to_the_new_phone_and_e_mail(notifications: Notifications, outside: Outside) -> None:
    keys = await notifications.publisher.somebody()
    order = notifications.publisher.order_of(keys, a_person(phone=OLD, email="old@example.kz"))
    now = a_person(phone=NEW, email="new@example.kz")
    await notifications.confirmations.on_placed([order])
    await notifications.send()
    await notifications.corrections.on_corrected([notifications.publisher.correction_of(keys, order, now, "phone")])
    await notifications.news.on_fact([handed_over(order)])
    await notifications.send(soon(5))
    assert sorted(mail["To"] for mail in outside.mails()) == ["new@example.kz", "old@example.kz"]
    assert [message["to"] for message in outside.texts()] == [NEW]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_newest_holds_in_any_order_and_however_often(
    notifications: Notifications, order: tuple[int, ...]
) -> None:
    keys, publisher = await notifications.publisher.somebody(), notifications.publisher
    placed = publisher.order_of(keys, a_person(phone=OLD))
    corrections = [
        publisher.correction_of(keys, placed, a_person(phone=phone), "phone", sequence=sequence)
        for sequence, phone in ((4, NEW), (7, NEWER))
    ]
    for number in (*order, *order):
        if number == 0:
            await notifications.confirmations.on_placed([placed])
        else:
            await notifications.corrections.on_corrected([corrections[number - 1]])
    document = await the_recipient(notifications, placed.event.order_id)
    assert (document["sequence"], document["event_id"]) == (7, corrections[1].event_id)
    assert document["placed_at"] == placed.event.placed_at
    assert unknown_fields(load_policy(), "notifications", "recipients", document) == []
    assert len(await notifications.states(placed)) == 1, "one confirmation"


async def test_two_corrections_in_one_batch_are_the_newer_one(notifications: Notifications) -> None:
    keys, publisher = await notifications.publisher.somebody(), notifications.publisher
    placed = publisher.order_of(keys, a_person(phone=OLD))
    older, newer = (
        publisher.correction_of(keys, placed, a_person(phone=phone), "phone", sequence=sequence)
        for sequence, phone in ((4, NEW), (7, NEWER))
    )
    await notifications.corrections.on_corrected([newer, older])
    document = await the_recipient(notifications, placed.event.order_id)
    assert (document["sequence"], document["event_id"]) == (7, newer.event_id)


async def test_what_does_not_concern_notifications_changes_nothing(notifications: Notifications) -> None:
    keys, publisher = await notifications.publisher.somebody(), notifications.publisher
    placed = publisher.order_of(keys)
    await notifications.confirmations.on_placed([placed])
    before = await the_recipient(notifications, placed.event.order_id)
    surname = publisher.correction_of(keys, placed, a_person(), "family_name", readers=("delivery",))
    assert (await notifications.corrections.on_corrected([surname])).applied == 1
    assert await the_recipient(notifications, placed.event.order_id) == before


async def test_an_erased_person_s_correction_leaves_nothing(notifications: Notifications) -> None:
    keys = await notifications.publisher.somebody()
    order = notifications.publisher.order_of(keys)
    await notifications.publisher.destroy_keys(keys.subject_id)
    correction = notifications.publisher.correction_of(keys, order, a_person(phone=NEW), "phone")
    outcome = await notifications.corrections.on_corrected([correction])
    assert (outcome.applied, outcome.fenced) == (0, 1)
    assert await notifications.recipients.of_orders([order.event.order_id]) == {}


async def test_a_restricted_person_stays_restricted(notifications: Notifications) -> None:
    keys = await notifications.publisher.somebody()
    order = notifications.publisher.order_of(keys)
    await notifications.confirmations.on_placed([order])
    await notifications.restrict(keys.subject_id)
    correction = notifications.publisher.correction_of(keys, order, a_person(phone=NEW), "phone")
    await notifications.corrections.on_corrected([correction])
    assert (await notifications.recipients.of_orders([order.event.order_id]))[order.event.order_id].restricted


async def the_recipient(notifications: Notifications, order_id: str) -> Document:
    document: Document | None = await notifications.database["recipients"].find_one({"_id": order_id})
    assert document is not None
    return document
