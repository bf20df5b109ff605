"""One confirmation an order, to whoever placed it, in the language chosen."""

import bson
import pytest

from shared.messaging.cloudevents import new_id
from shared.policy.check import unknown_fields
from shared.policy.load import load_policy
from tests.builders import a_person, received, values_of
from tests.integration.notifications.a_sender import Notifications, handed_over, soon
from tests.integration.notifications.outside import Outside

pytestmark = pytest.mark.integration


async def test_an_order_is_confirmed_by_email(notifications: Notifications, outside: Outside) -> None:
    person = a_person(language="ru")
    order = await notifications.placed(person=person)
    await notifications.send()
    (mail,) = outside.mails()
    assert (mail["To"], mail["Subject"]) == (person.email, "Ваш заказ принят")
    assert f"Здравствуйте, {person.given_name}!" in mail.get_content()
    assert order.event.order_id in mail.get_content()
    assert await notifications.states(order) == [("order_confirmation", "email", "sent", None)]


async def test_redelivery_confirms_no_second_time(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.placed()
    await notifications.send()
    for _ in range(2):
        await notifications.confirmations.on_placed([order, order])
        await notifications.send(soon(30))
    assert len(outside.handed_in) == 1


async def test_an_erased_person_s_order_leaves_nothing(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.publisher.order()
    await notifications.publisher.destroy_keys(order.event.subject_id)
    outcome = await notifications.confirmations.on_placed([order])
    await notifications.send()
    assert (outcome.applied, outcome.fenced) == (0, 1)
    assert await notifications.states(order) == []
    assert await notifications.recipients.of_orders([order.event.order_id]) == {}


async def test_an_order_of_nobody_known_is_put_aside(notifications: Notifications) -> None:
    order = await notifications.publisher.order()
    stranger = received(order.event.model_copy(update={"subject_id": new_id()}))
    assert (await notifications.confirmations.on_placed([stranger])).refused == [(stranger, "subject-unknown")]


async def test_what_is_stored_is_described_and_shows_nobody(notifications: Notifications) -> None:
    order = await notifications.placed()
    await notifications.news.on_fact([handed_over(order)])
    await notifications.chose(order.event.subject_id, True)
    await notifications.send()
    await notifications.restrict(order.event.subject_id)
    policy = load_policy()
    for collection in ("recipients", "messages", "subjects"):
        found = await notifications.database[collection].find({}).to_list(None)
        assert found
        for document in found:
            assert unknown_fields(policy, "notifications", collection, document) == []
            assert not [value for value in values_of(a_person()) if value.encode() in bson.encode(document)]
