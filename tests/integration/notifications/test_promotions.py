"""A promotion goes to whoever has a live consent to promotions, and to nobody else (clause 3.2.8)."""

from itertools import permutations

import pytest

from services.notifications.choice_store import Choice
from services.notifications.send_campaign import CampaignDiffers, Queued
from tests.builders import NOON, a_person, at
from tests.integration.notifications.a_sender import TEXTS, Notifications, soon
from tests.integration.notifications.outside import Outside

pytestmark = pytest.mark.integration


async def test_only_those_who_chose_promotions_get_one(notifications: Notifications, outside: Outside) -> None:
    chose = await notifications.placed(person=a_person(email="chose@example.kz"))
    chose_not = await notifications.placed(person=a_person(email="not@example.kz"))
    await notifications.placed(person=a_person(email="unasked@example.kz"))
    await notifications.chose(chose.event.subject_id, True)
    await notifications.chose(chose_not.event.subject_id, False)
    await notifications.send()
    assert await notifications.campaign.send("spring", TEXTS, NOON) == Queued(queued=1, refused=2)
    await notifications.send()
    promotions = [mail["To"] for mail in outside.mails() if mail["Subject"] == "Наурыз"]
    assert promotions == ["chose@example.kz"]
    assert await notifications.messages.states_of_campaign("spring") == {"sent": 1}


async def test_a_campaign_sent_again_reaches_nobody_twice(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.placed()
    await notifications.chose(order.event.subject_id, True)
    for minutes in (1, 30):
        assert await notifications.campaign.send("spring", TEXTS, NOON) == Queued(1, 0)
        await notifications.send(soon(minutes))
    assert len(outside.handed_in) == 2  # the confirmation, and one promotion


async def test_a_person_with_several_orders_gets_one_promotion(notifications: Notifications, outside: Outside) -> None:
    keys = await notifications.publisher.somebody()
    for number in range(3):
        person = a_person(email=f"address{number}@example.kz")
        order = notifications.publisher.order_of(keys, person, placed_at=at(number))
        await notifications.confirmations.on_placed([order])
    await notifications.chose(keys.subject_id, True)
    assert (await notifications.campaign.send("spring", TEXTS, NOON)).queued == 1
    await notifications.send()
    assert [m["To"] for m in outside.mails() if m["Subject"] == "Наурыз"] == ["address2@example.kz"]


async def test_whoever_withdraws_before_it_leaves_is_refused(notifications: Notifications, outside: Outside) -> None:
    order = await notifications.placed()
    await notifications.chose(order.event.subject_id, True)
    await notifications.campaign.send("spring", TEXTS, NOON)
    await notifications.withdrew(order.event.subject_id)
    await notifications.send()
    assert await notifications.messages.states_of_campaign("spring") == {"refused: no-promotions-consent": 1}


@pytest.mark.parametrize("scope", ["all", "promotions"])
async def test_the_officer_s_stop_refuses_promotions(
    notifications: Notifications, outside: Outside, scope: str
) -> None:
    order = await notifications.placed()
    await notifications.chose(order.event.subject_id, True)
    await notifications.restrict(order.event.subject_id, scope)  # type: ignore[arg-type]
    assert await notifications.campaign.send("spring", TEXTS, NOON) == Queued(0, 1)


async def test_a_campaign_keeps_its_texts(notifications: Notifications) -> None:
    await notifications.campaign.send("spring", TEXTS, NOON)
    with pytest.raises(CampaignDiffers):
        await notifications.campaign.send("spring", {**TEXTS, "kk": {"subject": "Басқа", "body": "Басқа"}}, NOON)


async def test_the_last_decision_counts_in_whatever_order_they_come(notifications: Notifications) -> None:
    decisions = [(True, at(0)), (False, at(10)), (True, at(20))]
    for order in permutations(decisions):
        subject_id = (await notifications.publisher.somebody()).subject_id
        for promotions, when in (*order, order[0]):
            await notifications.chose(subject_id, promotions, when)
        assert (await notifications.choices.of([subject_id]))[subject_id] == Choice(promotions=True)


async def test_on_off_and_on_again_is_on_whenever_the_withdrawal_and_its_case_s_command_come(
    notifications: Notifications,
) -> None:
    """A person switches on the pages; the command of the withdrawal's case is dated by the withdrawal."""
    for order in permutations(("on", "off", "command", "on again")):
        subject_id = (await notifications.publisher.somebody()).subject_id
        for step in order:
            match step:
                case "on" | "on again":
                    await notifications.chose(subject_id, True, at(0 if step == "on" else 20))
                case "off":
                    await notifications.withdrew(subject_id, when=at(10))
                case "command":
                    await notifications.restrict(subject_id, "promotions", when=at(10))
        assert (await notifications.choices.of([subject_id]))[subject_id] == Choice(promotions=True), order


async def test_of_two_decisions_at_once_no_counts(notifications: Notifications) -> None:
    for order in ((True, False), (False, True)):
        subject_id = (await notifications.publisher.somebody()).subject_id
        for promotions in order:
            await notifications.chose(subject_id, promotions, NOON)
        assert (await notifications.choices.of([subject_id]))[subject_id] == Choice(promotions=False)
