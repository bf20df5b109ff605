"""What is held of a person and who has had it is answered by every store (Law 94-V art. 10(2), 24(1)(1)), and what is
foreseen of an erasure is what its receipts then say."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.builders import values_of
from tests.e2e.asking import STORES, answered, asking, inspected
from tests.e2e.world import Order, World, somebody

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# Those that the withdrawal itself adds nothing to: its letters, its contact and what it stops are not there before.
SETTLED = {
    "intake": ("orders", "consents", "idempotency_keys"),
    "delivery": ("shipments", "disclosures"),
    "notifications": ("recipients", "messages"),
}


async def on_its_way(world: World, name: str, number: int) -> Order:
    """Somebody's order that is with a courier, with all that is written about it."""
    order = await world.parcel_of(await world.place(somebody(name, number)))
    await world.operate(order, "hand-over")
    await world.messages_of(order, lambda found: [m["state"] for m in found] == ["sent"] * 3)
    return order


def non_zero(counts: Any) -> dict[str, int]:
    kinds = ("matched", "destroyed", "depersonalised", "deferred", "kept", "residual")
    return {kind: counts[kind] for kind in kinds if counts.get(kind)}


@pytest.mark.parametrize(("asker", "number"), [("intake", 900), ("privacy", 901)])
async def test_all_stores_answer_whoever_asks(world: World, asker: Any, number: int) -> None:
    person = somebody(f"inspected-by-{asker}", number)
    order = await on_its_way(world, f"inspected-by-{asker}", number)
    found = await inspected(world, asker, order.subject_id)
    assert tuple(found.answers) == STORES
    assert found.open_orders == (order.order_id,)
    assert {(use.reader, use.what, use.channel) for use in found.uses} == {
        ("delivery", "shipment", None),
        ("notifications", "order_confirmation", "email"),
        ("notifications", "shipment_handed_over", "email"),
        ("notifications", "shipment_handed_over", "sms"),
    }
    (courier,) = [use for use in found.uses if use.recipient]
    assert (courier.recipient, courier.order_id) == ("courier_partner", order.order_id)
    assert set(courier.fields) == set(world.policy.fields_for("delivery", "3.2.3")) - {"patronymic"} | (
        {"patronymic"} if person.patronymic else set()
    )
    kept = world.admin[asker]["inspections"].find({"subject_id": order.subject_id})
    assert not [value for value in values_of(person) if value in str(await kept.to_list(None))]


async def test_what_was_foreseen_is_what_the_receipts_say(world: World) -> None:
    order = await on_its_way(world, "foreseen", 902)
    foreseen = await inspected(world, "privacy", order.subject_id)
    case_id = await world.withdraw(order_id=order.order_id)
    case = await world.case(case_id, "deferred")
    for store, names in SETTLED.items():
        receipt = case["receipts"]["1"][store]["collections"]
        for name in names:
            expected = non_zero(foreseen.answers[store].collections[name].model_dump())
            assert non_zero(receipt[name]) == expected, f"{store}.{name}"
    assert foreseen.answers["delivery"].collections["shipments"].deferred == 1
    assert foreseen.answers["notifications"].collections["recipients"].destroyed == 1
    assert foreseen.answers["intake"].collections["consents"].ground
    await world.operate(order, "deliver")
    await world.case(case_id)
    after = await inspected(world, "privacy", order.subject_id)
    assert not [name for answer in after.answers.values() for name, n in answer.collections.items() if n.deferred]
    assert after.open_orders == ()


async def test_a_store_that_is_down_has_not_answered_yet_and_does_when_it_is_back(world: World) -> None:
    order = await on_its_way(world, "asked-while-down", 903)
    inspections = asking(world, "intake")
    await world.stack.stop("delivery")
    try:
        inspection_id = await inspections.ask(order.subject_id, datetime.now(UTC))
        found = await answered(inspections, inspection_id, order.subject_id, "delivery")
        assert found.missing == ("delivery",)
        assert "delivery" not in found.answers
    finally:
        await world.stack.start("delivery")
    found = await answered(inspections, inspection_id, order.subject_id)
    assert found.answers["delivery"].collections["shipments"].matched == 1


@pytest.mark.parametrize("killed", STORES)
async def test_an_inspection_survives_the_death_of_any_store(world: World, killed: str) -> None:
    """Also the asker's: what it asked and what it is answered outlive it."""
    order = await world.place(somebody(f"asked-of-{killed}", 910 + STORES.index(killed)))
    inspections = asking(world, "intake")
    inspection_id = await inspections.ask(order.subject_id, datetime.now(UTC))
    await world.stack.kill(killed)
    await world.stack.wait_ready(killed, 60)
    found = await answered(inspections, inspection_id, order.subject_id)
    assert found.answers["intake"].collections["orders"].matched == 1
