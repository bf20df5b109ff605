"""Each message of a batch is a span of its own event's trace, and what its handler publishes goes on from there."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.trace import StatusCode
from pymongo.errors import AutoReconnect

from shared.contracts.orders import OrderPlaced
from shared.messaging.cloudevents import TRACE, Outgoing, Received, headers_of, new_id, read
from shared.messaging.consume import BatchConsumer, Outcome
from shared.messaging.message_spans import note_published
from tests.builders import NOON, a_record_of, an_order_placed
from tests.spans import Kept, kept, parent_of, traceparent_of


def a_trace(*, recorded: bool = True) -> str:
    return f"00-{new_id()}-{new_id()[:16]}-0{int(recorded)}"


def a_record(subject_id: str, trace: str | None) -> Any:
    record = a_record_of(an_order_placed(subject_id=subject_id))
    headers = [(TRACE, trace.encode())] if trace else []
    return replace(record, headers=(*record.headers, *headers))


class Aside:
    async def put(self, refused: Sequence[Any]) -> None:
        assert not refused


class Publishing:
    """A handler that publishes something about everybody; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.headers: dict[str, dict[str, str]] = {}
        self._failures = failures

    async def __call__(self, batch: Sequence[Received[OrderPlaced]]) -> Outcome:
        if self._failures:
            self._failures -= 1
            raise AutoReconnect("away")
        for received in batch:
            told = Outgoing(received.event, new_id(), NOON)
            self.headers[received.event.subject_id] = headers_of(told, "delivery")
        return Outcome(applied=len(batch))


async def consumed(handler: Publishing, *records: Any) -> Kept:
    with kept() as spans:
        await BatchConsumer("orders", {OrderPlaced: handler}, Aside()).process(records)  # type: ignore[arg-type]
    return spans


async def test_each_goes_on_with_its_own_trace() -> None:
    traces = {new_id(): a_trace() for _ in range(3)}
    handler = Publishing()
    spans = await consumed(handler, *(a_record(subject, trace) for subject, trace in traces.items()))
    by_parent = {parent_of(span): span for span in spans.named("process OrderPlaced")}
    assert set(by_parent) == set(traces.values())
    for subject, trace in traces.items():
        assert handler.headers[subject][TRACE] == traceparent_of(by_parent[trace])
    attributes = dict(by_parent[next(iter(traces.values()))].attributes or {})
    assert attributes["messaging.batch.message_count"] == 3
    assert attributes["messaging.destination.name"] == "orders"


async def test_nobody_is_named_in_them() -> None:
    subject = new_id()
    (span,) = (await consumed(Publishing(), a_record(subject, a_trace()))).spans
    assert subject not in str(span.to_json())


async def test_what_came_without_a_trace_begins_none() -> None:
    subject, handler = new_id(), Publishing()
    assert (await consumed(handler, a_record(subject, None))).spans == []
    assert TRACE not in handler.headers[subject]


async def test_what_is_not_recorded_is_carried_on_as_it_came() -> None:
    subject, handler, trace = new_id(), Publishing(), a_trace(recorded=False)
    assert (await consumed(handler, a_record(subject, trace))).spans == []
    assert handler.headers[subject][TRACE] == trace


async def test_a_service_that_makes_no_spans_carries_them_on_all_the_same() -> None:
    subject, handler, trace = new_id(), Publishing(), a_trace()
    await BatchConsumer("orders", {OrderPlaced: handler}, Aside()).process([a_record(subject, trace)])  # type: ignore[arg-type]
    assert handler.headers[subject][TRACE] == trace


async def test_an_attempt_that_failed_is_seen_beside_the_one_that_did_not() -> None:
    spans = await consumed(Publishing(failures=1), a_record(new_id(), a_trace()))
    assert [span.status.status_code for span in spans.spans] == [StatusCode.ERROR, StatusCode.UNSET]
    assert (spans.spans[0].attributes or {})["error.type"] == "AutoReconnect"


@pytest.mark.parametrize(
    "value", [b"", b"\xff", b"00-" + b"0" * 32 + b"-" + b"b" * 16 + b"-01", b"+77001110300", a_trace().encode() + b"x"]
)
async def test_what_is_no_traceparent_is_none(value: bytes) -> None:
    record = a_record_of(an_order_placed())
    assert read(replace(record, headers=(*record.headers, (TRACE, value)))).traceparent is None


@pytest.mark.parametrize("by", ["writer", "sweep"])
def test_publishing_is_seen_from_the_rows_writing_whoever_did_it(by: str) -> None:
    trace, event_id, written = a_trace(), new_id(), datetime.now(UTC) - timedelta(seconds=9)
    headers = {TRACE: trace, "ce_type": "kz.exl.OrderPlaced.v1"}
    row = {"_id": event_id, "topic": "orders", "headers": headers, "created_at": written}
    with kept() as spans:
        note_published([row, {**row, "_id": new_id()}], {event_id}, by)
    (span,) = spans.named("publish orders")
    assert parent_of(span) == trace
    assert (span.attributes or {})["sealed.published_by"] == by
    assert span.start_time == int(written.timestamp() * 1e9)
    assert (span.end_time or 0) - (span.start_time or 0) > 8e9
