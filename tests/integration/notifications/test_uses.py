"""A person can see which messages took their contact: those that went out, and no other."""

import pytest

from shared.contracts.inspections import Use
from shared.stores.mongo import in_transaction
from tests.builders import a_person
from tests.integration.notifications.a_sender import Notifications, handed_over
from tests.integration.notifications.outside import Outside

pytestmark = pytest.mark.integration


async def uses_of(notifications: Notifications, subject_id: str, most: int = 200) -> list[Use]:
    return await in_transaction(
        notifications.client, lambda session: notifications.messages.uses(subject_id, most, session)
    )


async def test_each_message_that_went_out_is_shown_with_its_channel_and_fields(
    notifications: Notifications, outside: Outside
) -> None:
    order = await notifications.placed(person=a_person())
    await notifications.news.on_fact([handed_over(order)])
    assert await uses_of(notifications, order.event.subject_id) == [], "due is not sent"
    await notifications.send()
    uses = await uses_of(notifications, order.event.subject_id)
    assert {(use.what, use.channel, use.fields) for use in uses} == {
        ("order_confirmation", "email", ("email", "given_name", "language")),
        ("shipment_handed_over", "email", ("email", "given_name", "language")),
        ("shipment_handed_over", "sms", ("language", "phone")),
    }
    assert {(use.reader, use.purpose, use.order_id, use.state) for use in uses} == {
        ("notifications", "3.2.6", order.event.order_id, "sent")
    }
    assert len(await uses_of(notifications, order.event.subject_id, 2)) == 2


async def test_what_was_refused_before_it_went_out_is_not_shown(notifications: Notifications) -> None:
    order = await notifications.placed()
    await notifications.restrict(order.event.subject_id)
    await notifications.send()
    assert {state for _, _, state, _ in await notifications.states(order)} == {"refused"}
    assert await uses_of(notifications, order.event.subject_id) == []


async def test_what_the_other_side_refused_had_gone_out_to_it(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.placed()
    outside.at_data = "550 does not exist"
    await notifications.send()
    (use,) = await uses_of(notifications, order.event.subject_id)
    assert (use.what, use.channel, use.state) == ("order_confirmation", "email", "refused")


async def test_the_newest_come_first(notifications: Notifications) -> None:
    keys = await notifications.publisher.somebody()
    orders = [notifications.publisher.order_of(keys) for _ in range(3)]
    for order in orders:
        await notifications.confirmations.on_placed([order])
        await notifications.send()
    uses = await uses_of(notifications, keys.subject_id, 2)
    assert [use.order_id for use in uses] == [orders[2].event.order_id, orders[1].event.order_id]


async def test_of_the_erased_nothing_is_shown(notifications: Notifications) -> None:
    order = await notifications.placed()
    await notifications.send()
    assert await uses_of(notifications, order.event.subject_id)
    await notifications.erase(order.event.subject_id)
    assert await uses_of(notifications, order.event.subject_id) == []
