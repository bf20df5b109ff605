"""Which failures need another producer, and that one failure gets one."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import NotLeaderForPartitionError, OutOfOrderSequenceNumber
from faststream.kafka import KafkaBroker

from shared.messaging import renew_producer as module
from shared.messaging.renew_producer import is_stuck, renew_producer


class Holder:
    """As FastStream keeps its producer."""

    serializer = codec = None

    def __init__(self) -> None:
        self._producer = Producer()

    async def connect(self, producer: Any, serializer: Any, codec: Any) -> None:
        self._producer = producer


class Producer:
    def __init__(self, **_: Any) -> None:
        self.stopped = False

    async def stop(self) -> None:
        self.stopped = True


@pytest.mark.parametrize(
    ("results", "stuck"),
    [([None], False), ([NotLeaderForPartitionError()], False), ([None, OutOfOrderSequenceNumber()], True)],
)
def test_only_a_batch_refused_for_good_leaves_a_hole(results: list[Any], stuck: bool) -> None:
    assert is_stuck(results) is stuck


async def test_two_who_see_one_fail_make_one_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AIOKafkaProducer", Producer)
    holder = Holder()
    failed = holder._producer
    broker = cast(KafkaBroker, SimpleNamespace(config=SimpleNamespace(producer=holder), _connection_kwargs={}))
    await renew_producer(broker, failed)
    new = holder._producer
    await renew_producer(broker, failed)
    assert holder._producer is new is not failed
    assert (failed.stopped, new.stopped) == (True, False)
