"""A commit that hangs is given up, its batch read again, and a consumer that can only hang ends its process."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError
from faststream.kafka import KafkaBroker, KafkaMessage
from structlog.testing import capture_logs

from shared.contracts.orders import OrderPlaced
from shared.messaging import commit_batch, consume
from shared.messaging.broker import kafka_broker
from shared.messaging.cloudevents import Received
from shared.messaging.commit_batch import BatchCommits
from shared.messaging.consume import BatchConsumer, Outcome, subscribe
from shared.messaging.kafka_address import KafkaAddress
from tests.builders import a_record_of, an_order_placed

Commit = Callable[[], Any]


async def done() -> None:
    await asyncio.sleep(0)


async def hang() -> None:
    await asyncio.Event().wait()


async def refused() -> None:
    raise CommitFailedError("rebalanced")


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_batch, "COMMIT_SECONDS", 0.02)
    monkeypatch.setattr(commit_batch, "PAUSE_AFTER_REFUSAL_SECONDS", 0.0)


class Service:
    """What one subscription's commits meet, one after the other, and how often they ended the process."""

    def __init__(self, *, answers: Sequence[bool] = ()) -> None:
        self.ended = 0
        self._answers = list(answers)
        broker = SimpleNamespace(ping=self._ping)
        self._commits = BatchCommits(cast(KafkaBroker, broker), "orders", end=self._end)

    async def commit(self, *tries: Commit) -> None:
        for ack in tries:
            message = cast(KafkaMessage, SimpleNamespace(ack=ack))
            if ack is done:
                await self._commits.commit(message)
            else:
                with pytest.raises((TimeoutError, KafkaError)):
                    await asyncio.wait_for(self._commits.commit(message), 5)

    async def _ping(self, **_: float) -> bool:
        return self._answers.pop(0) if self._answers else True

    def _end(self) -> None:
        self.ended += 1


async def test_consumer_whose_commits_hang_twice_while_the_broker_answers_ends_the_process(logs: list[Any]) -> None:
    service = Service()
    await service.commit(done, hang)
    assert service.ended == 0
    await service.commit(hang)
    assert service.ended == 1
    assert [(entry["event"], entry["log_level"]) for entry in logs][-1] == ("consumer_stuck", "critical")


@pytest.mark.parametrize("answers", [(False, False, False), (True, False, True), (False, True, False)])
async def test_broker_that_is_away_is_waited_for(answers: Sequence[bool]) -> None:
    service = Service(answers=answers)
    await service.commit(hang, hang, hang)
    assert service.ended == 0


@pytest.mark.parametrize("between", [done, refused])
async def test_answer_between_two_that_hang_is_life(between: Commit) -> None:
    service = Service()
    await service.commit(hang, between, hang, between, hang)
    assert service.ended == 0


async def test_commits_that_are_refused_end_nothing() -> None:
    service = Service()
    await service.commit(refused, refused, refused)
    assert service.ended == 0


class Consumer:
    """aiokafka's, as far as FastStream needs it for one batch of two partitions."""

    def __init__(self, commit: Commit) -> None:
        self.commits = 0
        self.sought: list[tuple[TopicPartition, int]] = []
        self.asked_for_the_next = asyncio.Event()
        self._commit = commit
        self._batch = [a_record_of(an_order_placed(), partition=n % 2, offset=n) for n in range(4)]

    def subscribe(self, **_: Any) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def getmany(self, **_: Any) -> dict[str, list[Any]]:
        if not self._batch:
            self.asked_for_the_next.set()
            await hang()
        batch, self._batch = self._batch, []
        return {"any": batch}

    async def commit(self) -> None:
        self.commits += 1
        await self._commit()

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.sought.append((partition, offset))


async def apply(batch: Sequence[Received[Any]]) -> Outcome:
    return Outcome(applied=len(batch))


class NothingAside:
    async def put(self, refused: Sequence[Any]) -> None:
        assert not refused


async def consumed(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    """FastStream has taken the batch, and asks for the next one."""

    async def answers(**_: float) -> bool:
        return True

    broker = kafka_broker(KafkaAddress("nowhere:1"), service="test", idempotent=False)
    monkeypatch.setattr(broker, "ping", answers)
    monkeypatch.setattr(broker.config.broker_config, "builder", lambda **_: consumer)
    batches = BatchConsumer("orders", {OrderPlaced: apply}, NothingAside())  # type: ignore[arg-type]
    subscriber = subscribe(broker, batches, service="test")
    broker._setup_logger()  # as connecting does
    await subscriber.start()
    try:
        await asyncio.wait_for(consumer.asked_for_the_next.wait(), 5)
        assert subscriber.lock.empty  # whoever revokes partitions waits for it
    finally:
        await subscriber.stop()


async def test_batch_is_committed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = Consumer(done)
    await consumed(consumer, monkeypatch)
    assert (consumer.commits, consumer.sought) == (1, [])


@pytest.mark.parametrize("commit", [hang, refused])
async def test_batch_that_is_not_committed_is_read_again_from_its_start(
    commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = Consumer(commit)
    await consumed(consumer, monkeypatch)
    assert consumer.commits == 1
    assert consumer.sought == [(TopicPartition("orders", 0), 0), (TopicPartition("orders", 1), 1)]


def test_end_waits_for_nothing_that_hangs() -> None:
    """A thread, as a consumer that hangs, would keep the process from ending by itself."""
    hanging = "import threading; threading.Thread(target=threading.Event().wait).start()"
    program = f"{hanging}; from shared.messaging.commit_batch import end_process; end_process()"
    ended = subprocess.run([sys.executable, "-c", program], timeout=60, cwd=Path(__file__).parents[3])
    assert ended.returncode == commit_batch.EXIT_CODE


def test_bound_is_within_what_a_rebalance_waits_for() -> None:
    assert commit_batch.COMMIT_SECONDS <= consume.REVOKE_WAIT_SECONDS
