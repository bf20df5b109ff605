"""A batch is applied whole, its bad messages put aside before the commit, passing faults outwaited or raised."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from faststream import AckPolicy
from faststream._internal.endpoint.subscriber.utils import MultiLock
from pymongo.errors import AutoReconnect, BulkWriteError, DuplicateKeyError, OperationFailure
from structlog.testing import capture_logs

from shared.contracts.event import Event
from shared.contracts.orders import OrderCancelled, OrderPlaced
from shared.messaging import consume
from shared.messaging.broker import kafka_broker
from shared.messaging.cloudevents import Received, new_id
from shared.messaging.consume import BatchConsumer, Outcome, subscribe
from shared.messaging.kafka_address import KafkaAddress
from tests.builders import NOON, a_record, a_record_of, an_order_placed


class Aside:
    """Dead letters, kept. Fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.put_aside: list[tuple[Any, str]] = []
        self._failures = failures

    async def put(self, refused: Sequence[tuple[Any, str]]) -> None:
        await asyncio.sleep(0)
        if refused and self._failures:
            self._failures -= 1
            raise KafkaConnectionError
        self.put_aside.extend(refused)


class Handler:
    """Applies each event by its id, as an idempotent handler does, unless `fails` raises for the batch."""

    def __init__(self, fails: Callable[[Sequence[Received[Any]]], None] = lambda batch: None) -> None:
        self.calls: list[list[str]] = []
        self.applied: dict[str, int] = {}
        self._fails = fails

    async def __call__(self, batch: Sequence[Received[Any]]) -> Outcome:
        ids = [received.event_id for received in batch]
        self.calls.append(ids)
        self._fails(batch)
        for event_id in ids:
            self.applied[event_id] = self.applied.get(event_id, 0) + 1
        return Outcome(applied=len(batch))


def a_consumer(handler: Callable[..., Awaitable[Outcome]], aside: Aside | None = None) -> BatchConsumer:
    return BatchConsumer("orders", {OrderPlaced: handler}, aside or Aside())  # type: ignore[arg-type]


def orders(count: int) -> list[Any]:
    return [a_record_of(an_order_placed(), offset=offset) for offset in range(count)]


def id_of(record: Any) -> str:
    return dict(record.headers)["ce_id"].decode()


def raising_for(bad: set[str], error: Callable[[], Exception]) -> Callable[[Sequence[Received[Any]]], None]:
    def fail(batch: Sequence[Received[Any]]) -> None:
        if bad & {received.event_id for received in batch}:
            raise error()

    return fail


def raising_times(times: int, error: Callable[[], Exception]) -> Callable[[Sequence[Received[Any]]], None]:
    left = [error] * times

    def fail(_: Sequence[Received[Any]]) -> None:
        if left:
            raise left.pop()()

    return fail


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off passes on a clock of its own: sleeping moves it."""
    now = [0.0]
    sleep = asyncio.sleep

    async def skip(seconds: float) -> None:
        now[0] += seconds
        await sleep(0)

    monkeypatch.setattr(consume.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(consume.asyncio, "sleep", skip)


async def test_whole_batch_is_one_call_of_its_handler() -> None:
    handler, records = Handler(), orders(500)
    await a_consumer(handler).process(records)
    assert handler.calls == [[id_of(record) for record in records]]


async def test_types_are_handled_in_the_order_of_the_wiring() -> None:
    order = an_order_placed()
    cancelled = OrderCancelled(subject_id=order.subject_id, order_id=order.order_id, cancelled_at=NOON)
    seen: list[type[Event]] = []

    async def note(batch: Sequence[Received[Any]]) -> Outcome:
        seen.append(type(batch[0].event))
        return Outcome(applied=len(batch))

    consumer = BatchConsumer("orders", {OrderPlaced: note, OrderCancelled: note}, Aside())  # type: ignore[arg-type]
    await consumer.process([a_record_of(cancelled), a_record_of(order)])
    assert seen == [OrderPlaced, OrderCancelled]


async def test_type_nobody_handles_here_is_passed_over() -> None:
    aside = Aside()
    cancelled = OrderCancelled(subject_id=new_id(), order_id=new_id(), cancelled_at=NOON)
    await a_consumer(Handler(), aside).process([a_record_of(cancelled)])
    assert aside.put_aside == []


async def test_unreadable_messages_are_put_aside_with_raw_bytes_and_code_and_the_rest_is_applied() -> None:
    handler, aside, good = Handler(), Aside(), orders(3)
    tombstone, garbage = a_record(None, offset=7), replace(good[0], value=b"\xff", offset=8)
    await a_consumer(handler, aside).process([good[0], tombstone, good[1], garbage, good[2]])
    assert aside.put_aside == [(tombstone, "tombstone"), (garbage, "schema-violation")]
    assert set(handler.applied) == {id_of(record) for record in good}


async def test_what_a_handler_refuses_is_put_aside_with_its_code() -> None:
    aside, records = Aside(), orders(2)

    async def refuse_first(batch: Sequence[Received[Any]]) -> Outcome:
        return Outcome(applied=1, refused=[(batch[0], "subject-unknown")])

    await a_consumer(refuse_first, aside).process(records)
    assert aside.put_aside == [(records[0], "subject-unknown")]


@pytest.mark.parametrize("position", [0, 1, 50, 98, 99])
async def test_one_bad_message_is_found_by_halving_and_the_others_are_applied(position: int) -> None:
    records, aside = orders(100), Aside()
    handler = Handler(raising_for({id_of(records[position])}, lambda: RuntimeError("a bug")))
    await a_consumer(handler, aside).process(records)
    assert aside.put_aside == [(records[position], "handler-failed")]
    assert set(handler.applied) == {id_of(record) for record in records} - {id_of(records[position])}
    assert len(handler.calls) <= 2 * 8  # log2(100), twice


async def test_every_bad_message_stands_alone() -> None:
    records, aside = orders(16), Aside()
    bad = {id_of(record) for record in records[::3]}
    handler = Handler(raising_for(bad, lambda: ValueError("a bug")))
    await a_consumer(handler, aside).process(records)
    assert {id_of(record) for record, _ in aside.put_aside} == bad
    assert {handler.applied[event_id] for event_id in handler.applied} == {1}


async def test_message_put_aside_is_logged_by_its_id(logs: list[Any]) -> None:
    [record] = orders(1)
    await a_consumer(Handler(raising_for({id_of(record)}, RuntimeError))).process([record])
    assert [(entry["event"], entry["event_id"]) for entry in logs] == [("message_put_aside", id_of(record))]


PASSING: list[Callable[[], Exception]] = [
    lambda: AutoReconnect("away"),
    lambda: OperationFailure("conflict", 112),
    lambda: OperationFailure("not authorised yet", 13),
    lambda: BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}),
    lambda: BulkWriteError({"writeErrors": [{"index": 0, "code": 11000}, {"index": 1, "code": 91}]}),
    KafkaConnectionError,
    lambda: ConnectionResetError(),
    lambda: TimeoutError(),
]


@pytest.mark.parametrize("error", PASSING)
async def test_passing_fault_is_outwaited_and_the_batch_applied_once(error: Callable[[], Exception]) -> None:
    handler, aside, records = Handler(raising_times(3, error)), Aside(), orders(4)
    await a_consumer(handler, aside).process(records)
    assert len(handler.calls) == 4
    assert all(len(call) == 4 for call in handler.calls)  # never halved: nothing is wrong with a message
    assert set(handler.applied.values()) == {1}
    assert aside.put_aside == []


@pytest.mark.parametrize("error", PASSING)
async def test_passing_fault_that_stays_is_raised_so_that_the_batch_is_read_again(
    error: Callable[[], Exception],
) -> None:
    aside = Aside()
    handler = Handler(raising_times(10_000, error))
    with pytest.raises(type(error())):
        await a_consumer(handler, aside).process(orders(4))
    assert aside.put_aside == []
    assert len(handler.calls) > 10


async def test_back_off_ends_well_before_the_group_loses_its_member() -> None:
    with pytest.raises(AutoReconnect):
        await a_consumer(Handler(raising_times(10_000, lambda: AutoReconnect("")))).process(orders(1))
    assert consume.time.monotonic() <= consume.RETRY_FOR_SECONDS < 300


FOR_CONTENT: list[Callable[[], Exception]] = [
    lambda: DuplicateKeyError("dup", 11000),
    lambda: OperationFailure("Document failed validation", 121),
    lambda: BulkWriteError({"writeErrors": [{"index": 0, "code": 11000}], "writeConcernErrors": []}),
]


@pytest.mark.parametrize("error", FOR_CONTENT)
async def test_message_whose_write_mongodb_refuses_does_not_hold_up_the_partition(
    error: Callable[[], Exception],
) -> None:
    records, aside = orders(8), Aside()
    handler = Handler(raising_for({id_of(records[5])}, error))
    await a_consumer(handler, aside).process(records)
    assert aside.put_aside == [(records[5], "handler-failed")]
    assert len(handler.applied) == 7


async def test_duplicate_key_of_two_writers_at_once_is_tried_again_before_the_message_is_put_aside() -> None:
    aside, records = Aside(), orders(1)
    handler = Handler(raising_times(1, lambda: DuplicateKeyError("dup", 11000)))
    await a_consumer(handler, aside).process(records)
    assert aside.put_aside == []
    assert handler.applied == {id_of(records[0]): 1}


async def test_batch_is_not_done_before_its_dead_letters_are() -> None:
    """`process` returning is what commits the offsets."""
    aside = Aside(failures=2)
    bad = a_record(None)
    await a_consumer(Handler(), aside).process([bad])
    assert aside.put_aside == [(bad, "tombstone")]


async def test_batch_whose_dead_letters_can_not_be_kept_is_read_again() -> None:
    with pytest.raises(KafkaConnectionError):
        await a_consumer(Handler(), Aside(failures=10_000)).process([a_record(None)])


async def test_cancelling_is_not_taken_for_a_bad_message() -> None:
    async def cancelled(_: Sequence[Received[Any]]) -> Outcome:
        raise asyncio.CancelledError

    aside = Aside()
    with pytest.raises(asyncio.CancelledError):
        await a_consumer(cancelled, aside).process(orders(2))
    assert aside.put_aside == []


async def test_partitions_are_not_given_away_before_the_batch_in_flight_is_committed() -> None:
    """FastStream holds this lock around a batch and its commit."""
    broker = kafka_broker(KafkaAddress("nowhere:1"), service="test", idempotent=False)
    subscriber = subscribe(broker, a_consumer(Handler()), service="test")
    subscriber.lock = MultiLock()  # as starting does
    subscriber.lock.acquire()
    revoking = asyncio.create_task(subscriber._listener.on_partitions_revoked([]))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not revoking.done()
    subscriber.lock.release()
    await asyncio.wait_for(revoking, 1)


def test_every_subscription_keeps_its_place_when_a_batch_fails() -> None:
    broker = kafka_broker(KafkaAddress("nowhere:1"), service="test", idempotent=False)
    subscriber = subscribe(broker, a_consumer(Handler()), service="test")
    assert subscriber.ack_policy is AckPolicy.NACK_ON_ERROR
    assert subscriber.group_id == "test.orders"
    assert subscriber._connection_args["auto_offset_reset"] == "earliest"
    assert subscriber._connection_args["enable_auto_commit"] is False
    assert subscriber._connection_args["max_poll_interval_ms"] > consume.RETRY_FOR_SECONDS * 1_000
