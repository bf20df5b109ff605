"""A process that dies between the commit and the publishing loses nothing: another replica publishes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer

from deploy.local.stack import LocalStack
from shared.contracts.consents import ConsentGiven
from shared.contracts.orders import OrderPlaced
from shared.messaging.broker import kafka_broker
from shared.messaging.cloudevents import read
from tests.integration.intake.an_intake import Intake, an_intake, somebody

pytestmark = pytest.mark.integration


@pytest.fixture
async def sweeper(stores: LocalStack) -> AsyncIterator[Intake]:
    broker = kafka_broker(stores.info.kafka.address, service="intake", idempotent=False)
    async with an_intake(stores, broker) as intake:
        await broker.start()
        yield intake
        await broker.stop()


async def test_what_a_dead_process_left_is_published_by_another(intake: Intake, sweeper: Intake) -> None:
    placed = await intake.place(person=somebody(4_000))  # its process publishes nothing, as if it had died
    assert await sweeper.sweep_until_empty(placed.subject_id) == []
    consumer = AIOKafkaConsumer(
        "orders",
        "consents",
        **intake.stack.info.kafka.address.client_options(),
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        found: dict[type, str] = {}
        async with asyncio.timeout(20):
            while len(found) < 2:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        if record.key == placed.subject_id.encode():
                            event = read(record).event
                            found[type(event)] = event.subject_id
        assert set(found) == {OrderPlaced, ConsentGiven}
    finally:
        await consumer.stop()
