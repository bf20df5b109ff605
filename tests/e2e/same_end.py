"""What holds in the end, whatever was killed, broken or restarted meanwhile: each order confirmed once and the same
everywhere, no event left unpublished."""

from typing import Any

from deploy.demo.topics import everything
from shared.contracts.personal import PersonalData
from tests.e2e.world import Order, World
from tests.integration.services.clients import until

CONFIRMED, DONE = "Your order is confirmed", "Your personal data has been erased"


async def keep_ordering(world: World, people: list[PersonalData]) -> list[Order]:
    """One after the other; every third parcel goes all the way to the door."""
    orders = []
    for number, person in enumerate(people):
        order = await world.place(person)
        if number % 3 == 0:
            order = await world.parcel_of(order)
            await world.operate(order, "hand-over")
            await world.operate(order, "deliver")
        orders.append(order)
    return orders


async def told(world: World, order: Order) -> None:
    """Every message about it has gone out. Whoever leaves before is not written to any more."""
    count = 5 if order.shipment_id else 1
    await world.messages_of(order, lambda found: [message["state"] for message in found] == ["sent"] * count)


async def withdraw(world: World, person: PersonalData, order: Order, *, deferred: bool) -> dict[str, Any]:
    case_id = await world.withdraw(phone=person.phone)
    if deferred:
        case = await world.case(case_id, "deferred")
        assert case["open_orders"] == [order.order_id]
        await world.operate(order, "hand-over")
        await world.operate(order, "deliver")
    return await world.case(case_id)


async def all_written_to(world: World, orders: list[Order]) -> None:
    """Every message that was decided on has been sent, but for those of people who were erased before; and every order
    has its confirmation."""

    async def ask() -> tuple[int, int]:
        messages = world.admin["notifications"]["messages"]
        theirs = {"order_id": {"$in": [order.order_id for order in orders]}}
        unsent = {"state": {"$ne": "sent"}, "$or": [theirs, {"reason": {"$ne": "subject-erased"}}]}
        confirmations = await messages.count_documents({"kind": "order_confirmation", **theirs})
        return confirmations, await messages.count_documents(unsent)

    await until(ask, lambda counts: counts == (len(orders), 0))


async def stores_agree(world: World, orders: list[Order]) -> None:
    """Each order is the same order everywhere, and no event waits to be published."""

    async def ask() -> list[tuple[str, str]]:
        outboxes = [(store, "outbox") for store in world.policy.erasing_stores]
        waiting = [place for place in outboxes if await world.admin[place[0]][place[1]].count_documents({})]
        behind = [("intake", order.order_id) for order in orders if not await settled(order)]
        return waiting + behind

    async def settled(order: Order) -> bool:
        document = await world.admin["intake"]["orders"].find_one({"_id": order.order_id})
        assert document is not None
        return bool(document["status"] == ("delivered" if order.shipment_id else "placed"))

    await until(ask, lambda found: not found)
    of_orders = {order.order_id: order.subject_id for order in orders}
    for store, collection in (("delivery", "shipments"), ("notifications", "recipients"), ("intake", "orders")):
        found = world.admin[store][collection].find({"subject_id": {"$in": list(of_orders.values())}})
        assert {d.get("order_id", d["_id"]): d["subject_id"] async for d in found} == of_orders
    known = world.admin["privacy"]["orders"].find({"subject_id": {"$in": list(of_orders.values())}})
    assert {document["_id"]: document["subject_id"] async for document in known} == of_orders
    for order in orders:
        assert set((await world.keyring_document(order.subject_id))["keys"]) == set(world.policy.readers)
        assert len(world.waybills_of(order)) == (1 if order.shipment_id else 0)


async def nothing_went_wrong(world: World) -> None:
    """The ledger's chain holds, no message was put aside, and no service logged a fault."""
    assert (await world.privacy.get("/v1/ledger/verification"))["holds"]
    dead_letters = [name for name in world.policy.topics if name.startswith("dead-letters-")]
    assert await everything(world.stack.info.kafka.address, dead_letters) == []
    assert world.faults_logged() == []
