"""A broker is killed, all are restarted: what was accepted arrives, and what was there is there."""

import asyncio
from collections import Counter

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.demo.topics import everything
from deploy.local.kafka import names_of
from deploy.local.stack import LocalStack
from tests.e2e.world import Order, World, somebody

pytestmark = pytest.mark.slow
BROKERS = names_of(3)
READY_SECONDS = 180


async def leader_of(stack: LocalStack, topic: str) -> str:
    """Name of the broker that leads most of its partitions."""
    admin = AIOKafkaAdminClient(**stack.info.kafka.address.client_options())
    try:
        await admin.start()
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    assert all(len(partition["replicas"]) == 3 for partition in found["partitions"])
    ((node, _),) = Counter(partition["leader"] for partition in found["partitions"]).most_common(1)
    return f"kafka-{node}"


async def arrived(world: World, order: Order) -> Order:
    """The order with its shipment. After an outage the members of a group that are gone are waited for first, for as
    long as their sessions last."""
    async with asyncio.timeout(READY_SECONDS):
        while True:
            try:
                return await world.parcel_of(order)
            except TimeoutError:
                await asyncio.sleep(0)  # where the outer time is up, it ends here


async def order_ids_in(stack: LocalStack, orders: list[Order]) -> set[str]:
    records = await everything(stack.info.kafka.address, ["orders"])
    values = b"\n".join(record.value or b"" for record in records)
    return {order.order_id for order in orders if order.order_id.encode() in values}


async def test_orders_flow_on_when_a_leader_is_killed(world: World) -> None:
    leader = await leader_of(world.stack, "orders")
    placed: list[Order] = []
    for number in range(30):
        if number == 10:
            await world.stack.kill(leader)
        placed.append(await world.place(somebody(f"leader-{number}", 100 + number)))
    parcels = await asyncio.gather(*(arrived(world, order) for order in placed))
    assert len({parcel.shipment_id for parcel in parcels}) == 30
    await world.stack.wait_ready(leader, READY_SECONDS)
    assert await order_ids_in(world.stack, placed) == {order.order_id for order in placed}


async def test_restart_of_all_brokers_loses_nothing(world: World) -> None:
    before = [await world.parcel_of(await world.place(somebody(f"before-{n}", 200 + n))) for n in range(3)]
    await asyncio.gather(*(world.stack.stop(name) for name in BROKERS))
    meanwhile = [await world.place(somebody(f"meanwhile-{n}", 210 + n)) for n in range(3)]
    await asyncio.gather(*(world.stack.start(name) for name in BROKERS))
    await asyncio.gather(*(arrived(world, order) for order in meanwhile))
    everybody = [*before, *meanwhile]
    assert await order_ids_in(world.stack, everybody) == {order.order_id for order in everybody}
