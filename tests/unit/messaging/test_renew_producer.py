"""Which failures need another producer, and that one failure gets one."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, NotLeaderForPartitionError, OutOfOrderSequenceNumber
from faststream.kafka import KafkaBroker

from shared.messaging import renew_producer as module
from shared.messaging.renew_producer import acknowledged_within, is_stuck, renew_producer
from tests.unit.messaging.a_producer import Holder, Producer


@pytest.mark.parametrize(
    ("results", "stuck"),
    [([None], False), ([NotLeaderForPartitionError()], False), ([None, OutOfOrderSequenceNumber()], True)],
)
def test_only_a_batch_refused_for_good_leaves_a_hole(results: list[Any], stuck: bool) -> None:
    assert is_stuck(results) is stuck


class Broker:
    def __init__(self) -> None:
        self._connection_kwargs: dict[str, Any] = {}
        self.holder = Holder()
        self.config = SimpleNamespace(producer=self.holder)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    monkeypatch.setattr(module, "AIOKafkaProducer", Producer)
    return Broker()


async def test_two_who_see_one_fail_make_one_new_one(broker: Broker) -> None:
    failed = broker.holder._producer
    await asyncio.gather(*(renew_producer(cast(KafkaBroker, broker), failed) for _ in range(2)))
    new = broker.holder._producer
    await renew_producer(cast(KafkaBroker, broker), failed)
    assert broker.holder._producer is new is not failed
    assert (failed.stopped, new.stopped) == (True, False)


async def test_brokers_that_are_away_leave_the_old_one(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any) -> None:
        raise KafkaConnectionError

    failed = broker.holder._producer
    monkeypatch.setattr(broker.holder, "connect", away)
    with pytest.raises(KafkaConnectionError):
        await renew_producer(cast(KafkaBroker, broker), failed)
    assert broker.holder._producer is failed
    assert not failed.stopped


@pytest.mark.parametrize(
    ("failure", "renewed"),
    [(OutOfOrderSequenceNumber(), True), (NotLeaderForPartitionError(), False), (None, True)],
)
async def test_what_is_not_acknowledged_is_not_waited_for_for_ever(
    broker: Broker, failure: Exception | None, renewed: bool
) -> None:
    """None: nothing comes back at all."""
    failed = broker.holder._producer

    async def publish() -> None:
        async with acknowledged_within(cast(KafkaBroker, broker), 0.01):
            await asyncio.sleep(60 if failure is None else 0)
            raise failure or AssertionError

    with pytest.raises((KafkaError, TimeoutError)):
        await publish()
    assert (broker.holder._producer is not failed) is renewed
