"""Lag is what a replica's own partitions have beyond what is committed; what can't be measured keeps its figure."""

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from shared.messaging import lag
from shared.messaging.lag import LagWatch
from tests.builders import NOON


class Consumer:
    """`partitions`: number → (beginning, committed, end)."""

    def __init__(self, topic: str, partitions: dict[int, tuple[int, int | None, int]]) -> None:
        self.partitions = {TopicPartition(topic, number): offsets for number, offsets in partitions.items()}
        self.fault: Exception | None = None
        self.hangs = False

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.partitions)

    async def committed(self, partition: TopicPartition) -> int | None:
        if self.hangs:
            await asyncio.sleep(60)
        if self.fault:
            raise self.fault
        return self.partitions[partition][1]

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {partition: self.partitions[partition][0] for partition in partitions}

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {partition: self.partitions[partition][2] for partition in partitions}


class Subscriber:
    def __init__(self, topic: str, partitions: dict[int, tuple[int, int | None, int]]) -> None:
        self.group_id = f"delivery.{topic}"
        self.consumer: Any = Consumer(topic, partitions)


def shown(topic: str) -> float | None:
    return REGISTRY.get_sample_value("sealed_consumer_lag", {"service": "delivery", "topic": topic})


async def test_lag_is_the_ends_minus_what_is_committed() -> None:
    await LagWatch("delivery", [Subscriber("t-sum", {0: (0, 7, 10), 1: (0, 5, 5)})]).measure(NOON)
    assert shown("t-sum") == 3


async def test_before_a_first_commit_it_counts_from_where_the_partition_begins() -> None:
    await LagWatch("delivery", [Subscriber("t-new", {0: (90, None, 100)})]).measure(NOON)
    assert shown("t-new") == 10


async def test_a_replica_without_a_partition_is_not_behind() -> None:
    subscriber = Subscriber("t-spare", {0: (0, 0, 9)})
    watch = LagWatch("delivery", [subscriber])
    await watch.measure(NOON)
    subscriber.consumer.partitions = {}
    await watch.measure(NOON)
    assert shown("t-spare") == 0


@pytest.mark.parametrize("how", ["fault", "hangs", "gone"])
async def test_what_can_not_be_measured_keeps_its_figure_and_stops_no_other(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lag, "ANSWER_SECONDS", 0.01)
    away, other = Subscriber(f"t-{how}", {0: (0, 1, 5)}), Subscriber(f"t-{how}-other", {0: (0, 0, 2)})
    watch = LagWatch("delivery", [away, other])
    await watch.measure(NOON)
    away.consumer.partitions = {TopicPartition("t", 0): (0, 0, 50)}
    other.consumer.partitions = {TopicPartition("t", 0): (0, 0, 8)}
    if how == "gone":
        away.consumer = None
    elif how == "hangs":
        away.consumer.hangs = True
    else:
        away.consumer.fault = KafkaConnectionError("its text may name hosts")
    with capture_logs() as logs:
        await watch.measure(NOON)
    assert (shown(f"t-{how}"), shown(f"t-{how}-other")) == (4, 8)
    assert "its text" not in str(logs)
