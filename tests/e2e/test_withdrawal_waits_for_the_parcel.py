"""Whoever withdraws while a parcel is on its way gets the parcel: what its delivery needs waits, all else goes at once.
And what a withdrawal of promotions alone leaves as it was."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from shared.contracts.personal import PersonalData
from tests.e2e.officer import sealed
from tests.e2e.world import Order, World, somebody

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CONFIRMED = "Ваш заказ принят"
RECEIVED = "Ваше заявление об отзыве согласия получено"
DEFERRED = "Удаление части Ваших данных отложено: заказ ещё не доставлен"
DONE = "Ваши персональные данные удалены"
PROMOTIONS_STOPPED = "Рекламные сообщения больше не будут приходить"
HOW = ("delivered", "returned", "cancelled")


@dataclass(slots=True)
class Waiting:
    person: PersonalData
    order: Order
    deferred: dict[str, Any]
    waiting_meanwhile: frozenset[str] = frozenset()
    closed: dict[str, Any] | None = None


async def confirmed(world: World, name: str, number: int, **choices: Any) -> tuple[PersonalData, Order]:
    """Somebody who has placed an order and was written to."""
    person = somebody(name, number, language="ru")
    order = await world.parcel_of(await world.place(person, **choices))
    await world.written_to(person, CONFIRMED)
    return person, order


async def until_deferred(world: World, how: str, number: int) -> Waiting:
    person, order = await confirmed(world, f"waits-{how}", number)
    if how == "returned":
        await world.operate(order, "hand-over")
        await world.messages_of(order, lambda found: [m["state"] for m in found] == ["sent"] * 3)
    case = await world.case(await world.withdraw(order_id=order.order_id), "deferred")
    await world.written_to(person, DEFERRED)
    return Waiting(person, order, case)


@pytest.fixture(scope="module")
async def waiting(world: World) -> dict[str, Waiting]:
    """Three people whose orders end one after the other, each in another way."""
    deferred = await asyncio.gather(*(until_deferred(world, how, 100 + n) for n, how in enumerate(HOW)))
    people = dict(zip(HOW, deferred, strict=True))
    await world.operate(people["delivered"].order, "hand-over")
    for how, settle in zip(
        HOW,
        (
            lambda: world.operate(people["delivered"].order, "deliver"),
            lambda: world.operate(people["returned"].order, "return"),
            lambda: world.shop.post(f"/v1/orders/{people['cancelled'].order.order_id}/cancel"),
        ),
        strict=True,
    ):
        await settle()
        people[how].closed = await world.case(people[how].deferred["case_id"])
        states = {
            other: await world.case(one.deferred["case_id"], "deferred", "closed") for other, one in people.items()
        }
        people[how].waiting_meanwhile = frozenset(
            other for other, case in states.items() if case["state"] == "deferred"
        )
    return people


@pytest.mark.parametrize("how", HOW)
async def test_deferral_names_the_order_and_its_reason(world: World, waiting: dict[str, Waiting], how: str) -> None:
    one = waiting[how]
    (deferral,) = one.deferred["deferrals"]
    assert deferral["order_id"] == one.order.order_id
    assert "art. 8(2)" in deferral["reason"]
    assert set(one.deferred["keys_destroyed"]) == {"intake", "notifications"}
    (letter,) = [mail for mail in world.mails_to(one.person) if mail["Subject"] == DEFERRED]
    assert one.order.order_id in letter.get_content()


@pytest.mark.parametrize("how", HOW)
async def test_what_ends_the_order_releases_its_case_and_no_other(
    world: World, waiting: dict[str, Waiting], how: str
) -> None:
    one = waiting[how]
    assert one.closed is not None
    assert [(d["order_id"], d["settled_by"]) for d in one.closed["deferrals"]] == [(one.order.order_id, how)]
    assert one.waiting_meanwhile == set(HOW[HOW.index(how) + 1 :])
    assert await world.personal_paths_of(one.order.subject_id) == []
    assert (await world.keyring_document(one.order.subject_id))["keys"] == {}


def test_parcel_could_still_be_handed_over_and_nobody_was_told_of_it(world: World, waiting: dict[str, Waiting]) -> None:
    one = waiting["delivered"]
    assert len(world.waybills_of(one.order)) == 1
    assert world.subjects_to(one.person) == [CONFIRMED, RECEIVED, DEFERRED, DONE]


async def test_promotions_alone_stop_and_the_order_goes_on(world: World) -> None:
    person, order = await confirmed(world, "promotions", 110, promotions=True)
    case = await world.case(await world.withdraw(phone=person.phone, scope="promotions"))
    assert case["keys_destroyed"] == {}
    await world.written_to(person, PROMOTIONS_STOPPED)
    choice = await world.admin["notifications"]["subjects"].find_one({"_id": order.subject_id})
    assert choice is not None
    assert (choice["promotions"], "restricted_at" in choice) == (False, False)
    texts = {language: {"subject": "Наурыз", "body": "−10 %"} for language in ("kk", "ru", "en")}
    await world.notifications.post("/v1/campaigns", {"campaign_id": "after-the-stop", "texts": texts})
    await world.operate(order, "hand-over")
    await world.messages_of(order, lambda found: [m["state"] for m in found] == ["sent"] * 3)
    assert world.subjects_to(person) == [CONFIRMED, PROMOTIONS_STOPPED, "Ваша посылка в пути"]
    assert (await world.place(person)).subject_id == order.subject_id


async def test_withdrawal_through_the_shop_does_the_same(world: World) -> None:
    person, order = await confirmed(world, "by-the-shop", 111)
    await world.shop.post(f"/v1/orders/{order.order_id}/cancel")
    await world.shop.post(f"/v1/orders/{order.order_id}/withdraw-consent", {"scope": "all"})
    await world.written_to(person, RECEIVED, DONE)
    (stored,) = await world.admin["privacy"]["cases"].find({"subject_id": order.subject_id}).to_list(None)
    case = await world.case(stored["_id"])
    assert (case["channel"], case["scope"], case["state"]) == ("shop", "all", "closed")
    assert await world.personal_paths_of(order.subject_id) == []


async def test_same_withdrawal_by_three_ways_is_one_case(world: World) -> None:
    person, order = await confirmed(world, "three-times", 112)
    through_shop = world.shop.post(f"/v1/orders/{order.order_id}/withdraw-consent", {"scope": "all"})
    by_phone, by_email, _ = await asyncio.gather(
        world.withdraw(phone=person.phone), world.withdraw(email=person.email), through_shop
    )
    assert by_phone == by_email
    await world.shop.post(f"/v1/orders/{order.order_id}/cancel")
    await world.case(by_phone)
    await world.written_to(person, DONE)
    assert await world.admin["privacy"]["cases"].count_documents({"subject_id": order.subject_id}) == 1
    assert world.subjects_to(person).count(RECEIVED) == world.subjects_to(person).count(DONE) == 1


async def test_stores_hold_nothing_the_policy_does_not_know(world: World) -> None:
    assert (await sealed(world.stack.layout.var, "policy", "drift", "--json")).json() == {}
