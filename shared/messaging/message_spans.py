"""Spans of messages, each in the trace that its event carries: from its writing to its publishing, and its processing.

A batch is worked on as one, so its messages' spans begin and end together. What a handler publishes about a person goes
on from the span of that person's message.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.trace import Span, SpanKind

from shared.messaging.cloudevents import TRACE, Received
from shared.observability import tracing


def note_published(rows: Sequence[Mapping[str, Any]], published: Collection[str], by: str) -> None:
    """Of those outbox rows that Kafka has acknowledged, whoever published them: since they were written."""
    if not tracing.in_use():
        return
    for row in rows:
        if (cause := row["headers"].get(TRACE)) and _recorded(cause) and row["_id"] in published:
            attributes = _message("send", row["topic"], row["_id"], row["headers"]["ce_type"])
            tracing.note(
                f"publish {row['topic']}",
                of=cause,
                kind=SpanKind.PRODUCER,
                attributes={**attributes, "sealed.published_by": by},
                since=row["created_at"],
            )


@contextmanager
def processing(topic: str, batch: Sequence[Received[Any]]) -> Iterator[None]:
    """Around a handler. An attempt that fails has its spans too."""
    traced = [received for received in batch if received.traceparent]
    if not traced:
        yield
        return
    causes: dict[str, str] = {}
    spans: list[Span] = []
    for received in traced:
        causes[received.event.key()], span = _begin(topic, received, len(batch))
        spans += [span] if span else []
    try:
        with tracing.caused_by(causes):
            yield
    except BaseException as error:
        for span in spans:
            tracing.mark_failed(span, error)
        raise
    finally:
        for span in spans:
            span.end()


def _begin(topic: str, received: Received[Any], together: int) -> tuple[str, Span | None]:
    """What its events go on from, and the span, if there is one: of a trace that is not recorded there is none."""
    cause = received.traceparent or ""
    if not tracing.in_use() or not _recorded(cause):
        return cause, None
    attributes = _message("process", topic, received.event_id, received.event_type)
    span = tracing.begin(
        f"process {type(received.event).__name__}",
        cause,
        kind=SpanKind.CONSUMER,
        attributes={**attributes, "messaging.batch.message_count": together},
    )
    return tracing.traceparent_of(span.get_span_context()) or cause, span


def _message(operation: str, topic: str, event_id: str, event_type: str) -> dict[str, str | int]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
        "cloudevents.event_id": event_id,
        "cloudevents.event_type": event_type,
    }


def _recorded(traceparent: str) -> bool:
    return bool(int(traceparent[-1], 16) & 1)
