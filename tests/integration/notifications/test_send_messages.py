"""What is due goes out once to its receiver, through faults, crashes and facts out of order; never to the erased."""

import asyncio

import pytest

from deploy.local.stack import LocalStack
from services.notifications.message_store import LEASE
from tests.builders import a_person
from tests.integration.notifications.a_sender import (
    COLLECTIONS,
    Notifications,
    a_sender,
    delivered,
    handed_over,
    returned,
    soon,
)
from tests.integration.notifications.outside import Outside
from tests.unit.policy.a_policy import a_policy

pytestmark = pytest.mark.integration
CONFIRMED = ("order_confirmation", "email", "sent", None)


async def test_what_became_of_a_parcel_is_told_by_sms_and_email(notifications: Notifications, outside: Outside) -> None:
    person = a_person(language="en")
    order = await notifications.placed(person=person)
    for fact in (handed_over(order), delivered(order)):
        await notifications.news.on_fact([fact])
    await notifications.send()
    assert await notifications.states(order) == [
        CONFIRMED,
        ("shipment_delivered", "email", "sent", None),
        ("shipment_delivered", "sms", "sent", None),
        ("shipment_handed_over", "email", "sent", None),
        ("shipment_handed_over", "sms", "sent", None),
    ]
    assert {text["to"] for text in outside.texts()} == {person.phone}
    number = order.event.order_id[:8].upper()
    assert sorted(text["text"] for text in outside.texts()) == [
        f"exl.kz: order {number} has been delivered. Thank you!",
        f"exl.kz: order {number} is with the courier.",
    ]


async def test_facts_may_come_before_their_order(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.publisher.order()
    await notifications.news.on_fact([returned(order)])
    await notifications.send()
    assert {(state, reason) for _, _, state, reason in await notifications.states(order)} == {
        ("due", "order-not-known-yet")
    }
    await notifications.confirmations.on_placed([order])
    await notifications.send(soon(10))
    assert {state for _, _, state, _ in await notifications.states(order)} == {"sent"}
    assert (len(outside.mails()), len(outside.texts())) == (2, 1)


async def mails_in_order(notifications: Notifications, outside: Outside) -> list[str]:
    """Kinds of the mails handed in, the first first."""
    kinds = {m["_id"]: m["kind"] async for m in notifications.database["messages"].find({})}
    return [kinds[message_id.strip("<>").split("@")[0]] for message_id in outside.handed_in]


IN_ORDER = ["order_confirmation", "shipment_handed_over", "shipment_delivered"]


async def test_messages_about_an_order_arrive_in_order(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.publisher.order()
    for fact in (delivered(order), handed_over(order)):
        await notifications.news.on_fact([fact])
    await notifications.confirmations.on_placed([order])
    await notifications.send()
    assert await mails_in_order(notifications, outside) == IN_ORDER


async def test_no_message_overtakes_one_that_has_to_wait(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.placed()
    outside.at_data = "451 later"
    await notifications.send(soon(1))
    outside.at_data = None
    for fact in (delivered(order), handed_over(order)):
        await notifications.news.on_fact([fact])
    await notifications.send(soon(1))  # the confirmation is not due again yet
    assert await mails_in_order(notifications, outside) == IN_ORDER[:1]
    await notifications.send(soon(30))
    assert await mails_in_order(notifications, outside) == [IN_ORDER[0], *IN_ORDER]
    assert len(outside.texts()) == 2  # another channel is another line


async def test_a_crash_after_sending_sends_the_same_message_again(
    notifications: Notifications, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await notifications.placed()
    await notifications.news.on_fact([handed_over(order)])

    async def crash(*_: object) -> None:
        raise asyncio.CancelledError

    now = soon()
    with monkeypatch.context() as broken:
        broken.setattr(notifications.messages, "settle", crash)
        with pytest.raises(asyncio.CancelledError):
            await notifications.send(now)
    assert {state for _, _, state, _ in await notifications.states(order)} == {"due"}
    await notifications.send(now)  # still leased to the one that crashed
    assert len(outside.handed_in) == 2
    await notifications.send(now + LEASE)
    assert {state for _, _, state, _ in await notifications.states(order)} == {"sent"}
    assert len(outside.handed_in) == 4
    assert len(set(outside.handed_in)) == 2
    assert (len(outside.mails()), len(outside.texts())) == (2, 1)


async def test_replicas_send_each_message_once(notifications: Notifications, outside: Outside) -> None:
    people = await notifications.publisher.people(90)
    await notifications.confirmations.on_placed([notifications.publisher.order_of(keys) for keys in people])
    # Four at once look at the same messages: one that finds them taken goes on to those behind them.
    assert all(await asyncio.gather(*(notifications.sender.send_due(soon()) for _ in range(4))))
    await asyncio.gather(*(notifications.send() for _ in range(4)))
    assert len(outside.handed_in) == len(set(outside.handed_in)) == 90
    assert await notifications.database["messages"].count_documents({"state": "sent"}) == 90


async def test_a_server_that_is_away_is_tried_later(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.placed()
    await notifications.news.on_fact([handed_over(order)])
    outside.at_data, outside.at_sms = "451 later", 503
    await notifications.send()
    assert {state for _, _, state, _ in await notifications.states(order)} == {"due"}
    outside.at_data = outside.at_sms = None
    await notifications.send(soon(10))
    assert {state for _, _, state, _ in await notifications.states(order)} == {"sent"}


async def test_a_refusal_for_good_is_kept_as_its_code(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.placed()
    await notifications.news.on_fact([handed_over(order)])
    outside.at_data, outside.at_sms = f"550 <{a_person().email}> does not exist", 422
    await notifications.send()
    assert await notifications.states(order) == [
        ("order_confirmation", "email", "refused", "email: refused with 550"),
        ("shipment_handed_over", "email", "refused", "email: refused with 550"),
        ("shipment_handed_over", "sms", "refused", "sms: refused with 422"),
    ]
    await notifications.send(soon(60))
    assert len(outside.handed_in) == 2


async def test_a_server_that_stays_away_is_given_up(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.placed()
    outside.at_data = "451 later"
    for attempt in range(15):
        await notifications.send(soon(10 * (attempt + 1)))
    assert await notifications.states(order) == [("order_confirmation", "email", "given_up", "email: MailServerAway")]
    assert len(outside.handed_in) == 12


async def test_the_restricted_get_nothing(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.placed()
    await notifications.restrict(order.event.subject_id)
    await notifications.news.on_fact([handed_over(order)])
    await notifications.send()
    assert {(state, reason) for _, _, state, reason in await notifications.states(order)} == {
        ("refused", "subject-restricted")
    }
    assert outside.handed_in == []


async def test_an_order_that_comes_after_the_restriction_is_not_confirmed(
    notifications: Notifications, outside: Outside
) -> None:
    order = await notifications.publisher.order()
    await notifications.restrict(order.event.subject_id)
    await notifications.confirmations.on_placed([order])
    await notifications.send()
    assert await notifications.states(order) == [("order_confirmation", "email", "refused", "subject-restricted")]
    assert outside.handed_in == []


async def test_stopping_promotions_stops_no_message_about_an_order(
    notifications: Notifications, outside: Outside
) -> None:
    order = await notifications.placed()
    await notifications.restrict(order.event.subject_id, "promotions")
    await notifications.send()
    assert await notifications.states(order) == [CONFIRMED]


async def test_the_erased_get_nothing_that_was_still_due(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.placed()
    await notifications.erase(order.event.subject_id)
    await notifications.send()
    assert await notifications.states(order) == [("order_confirmation", "email", "refused", "subject-erased")]
    assert outside.handed_in == []
    for collection in COLLECTIONS:
        theirs = {"$or": [{"subject_id": order.event.subject_id}, {"_id": order.event.subject_id}]}
        assert await notifications.database[collection].count_documents(theirs) == 0


async def test_everything_read_again_after_the_erasure_leaves_nothing(
    notifications: Notifications, outside: Outside
) -> None:
    order = await notifications.placed()
    subject_id = order.event.subject_id
    await notifications.chose(subject_id, True)
    await notifications.restrict(subject_id)
    await notifications.erase(subject_id)
    await notifications.publisher.destroy_keys(subject_id)
    await notifications.send()
    before = [await notifications.database[name].find({}).to_list(None) for name in COLLECTIONS]
    await notifications.confirmations.on_placed([order])
    await notifications.news.on_fact([handed_over(order)])
    await notifications.chose(subject_id, True)
    await notifications.withdrew(subject_id)
    await notifications.restrict(subject_id)
    await notifications.erase(subject_id)
    await notifications.send(soon(30))
    assert [await notifications.database[name].find({}).to_list(None) for name in COLLECTIONS] == before
    assert outside.handed_in == []


async def test_a_cached_key_opens_nothing_after_an_erasure_elsewhere(
    notifications: Notifications, outside: Outside
) -> None:
    first = await notifications.placed()
    await notifications.send()  # the key is cached now
    await notifications.news.on_fact([handed_over(first)])
    await notifications.publisher.destroy_keys(first.event.subject_id)
    await notifications.send(soon(2))
    assert len(outside.handed_in) == 1
    assert outside.texts() == []
    assert {reason for kind, _, _, reason in await notifications.states(first) if kind != CONFIRMED[0]} == {
        "subject-erased"
    }


async def test_a_changed_envelope_is_refused(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.placed()
    other = await notifications.placed()
    moved = {"$set": {"sealed": other.event.sealed["notifications"]}}
    await notifications.database["recipients"].update_one({"_id": order.event.order_id}, moved)
    await notifications.send()
    assert await notifications.states(order) == [("order_confirmation", "email", "refused", "envelope-not-authentic")]
    assert await notifications.states(other) == [CONFIRMED]


async def test_without_the_grant_there_is_no_number_to_write_to(stores: LocalStack, outside: Outside) -> None:
    policy = a_policy(lambda rows: rows["fields"]["phone"]["grants"].pop("notifications"))
    async with a_sender(stores, outside, policy) as narrowed:
        order = await narrowed.placed()
        await narrowed.news.on_fact([handed_over(order)])
        await narrowed.send()
        assert await narrowed.states(order) == [
            CONFIRMED,
            ("shipment_handed_over", "email", "sent", None),
            ("shipment_handed_over", "sms", "refused", "no-phone"),
        ]
