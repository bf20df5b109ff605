"""An event is published in the trace of the act that wrote it, also by another replica's sweep."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.local.stack import LocalStack
from shared.contracts.orders import OrderCancelled
from shared.messaging.broker import kafka_broker
from shared.messaging.cloudevents import TRACE, Outgoing, new_id
from shared.messaging.outbox import COLLECTION, Outbox
from shared.observability import tracing
from shared.stores.mongo import Client, Database, Session, in_transaction
from tests.builders import NOON
from tests.integration.shared.a_topic import create, published
from tests.spans import kept, parent_of, traceparent_of

pytestmark = pytest.mark.integration
TRACED = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.mark.parametrize("by", ["writer", "sweep"])
async def test_the_context_of_the_writer_goes_with_it(
    stores: LocalStack, mongo: Client, database: Database, by: str
) -> None:
    topic = f"test-{new_id()}"
    await create(stores.info.kafka.address, topic)

    class Probe(OrderCancelled):
        TOPIC = topic

    probe = Outgoing(Probe(subject_id=new_id(), order_id=new_id(), cancelled_at=NOON), new_id(), NOON)
    broker = kafka_broker(stores.info.kafka.address, service="test", idempotent=False)
    await broker.connect()
    writer = Outbox(database, broker, service="test", lease_seconds=0)

    async def work(session: Session) -> list[dict[str, Any]]:
        return await writer.append([probe], session)

    with kept() as spans:
        with tracing.span("cancel order", of=TRACED):
            rows = await in_transaction(mongo, work)
        if by == "writer":
            await writer.publish(rows, by=by)
        else:
            assert await Outbox(database, broker, service="test").sweep() == 1
    (record,) = await published(stores.info.kafka.address, topic, 1)
    await broker.stop()
    (act,), (sending,) = spans.named("cancel order"), spans.named(f"publish {topic}") or spans.named("unnamed")
    assert dict(record.headers)[TRACE].decode() == traceparent_of(act)
    assert parent_of(act) == TRACED
    assert parent_of(sending) == traceparent_of(act)
    assert (sending.attributes or {})["sealed.published_by"] == by
    assert await database[COLLECTION].count_documents({}) == 0
    assert datetime.now(UTC).timestamp() * 1e9 > (sending.start_time or 0)
