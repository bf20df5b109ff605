"""CloudEvents 1.0 over Kafka, binary mode: attributes are headers, the value is the event's JSON.

Attributes and keys carry random ids only. A message that cannot be read is named by a code, never by its content.
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from shared.contracts.catalogue import CONSUMED
from shared.contracts.event import Message
from shared.observability.tracing import cause_of

CONTENT_TYPE = "application/json"
ATTRIBUTES = ("ce_id", "ce_type", "ce_time")
# CloudEvents' distributed tracing extension: the trace in which the event came to be. Absent where it is in none.
TRACE = "ce_traceparent"
TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
RANDOM_ID = re.compile(r"[0-9a-f]{32}")
EVENT_TYPES: dict[str, type[Message]] = {event.type_name(): event for event in CONSUMED}

E = TypeVar("E", bound=Message, covariant=True)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event with its identity, made before sealing because envelopes are bound to it."""

    event: Message
    event_id: str
    time: datetime

    @property
    def key(self) -> str:
        return self.event.key()


@dataclass(frozen=True, slots=True)
class Received(Generic[E]):
    """An event as it came, with the raw record for the dead-letter topic. traceparent: of what led to it."""

    event: E
    event_id: str
    event_type: str
    time: datetime
    record: "ConsumerRecord[bytes, bytes]" = field(repr=False)
    traceparent: str | None = None


class Unreadable(Exception):
    """`code` is safe to publish and log."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def new_id() -> str:
    """A random identifier, 32 hex digits: of a subject, an order, an event. Never derived from a person."""
    return secrets.token_hex(16)


def headers_of(outgoing: Outgoing, source: str) -> dict[str, str]:
    event_type = outgoing.event.type_name()
    headers = {
        "ce_specversion": "1.0",
        "ce_id": outgoing.event_id,
        "ce_source": f"/sealed-orders/{source}",
        "ce_type": event_type,
        "ce_time": outgoing.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_dataschema": f"/contracts/{event_type}.json",
        "content-type": CONTENT_TYPE,
    }
    if cause := cause_of(outgoing.key):
        headers[TRACE] = cause
    return headers


def read(record: "ConsumerRecord[bytes, bytes]") -> Received[Any]:
    """Raises Unreadable with one of: tombstone, not-a-cloudevent, unknown-type, schema-violation, key-mismatch."""
    if not record.value:
        raise Unreadable("tombstone")
    headers = dict(record.headers)
    event_id, event_type, time = _attributes(headers)
    model = EVENT_TYPES.get(event_type)
    if model is None:
        raise Unreadable("unknown-type")
    try:
        event = model.model_validate_json(record.value)
    except ValidationError:
        raise Unreadable("schema-violation") from None
    if record.key is None or record.key != event.key().encode():
        raise Unreadable("key-mismatch")
    return Received(event, event_id, event_type, time, record, _trace(headers))


def _trace(headers: dict[str, bytes | None]) -> str | None:
    """None, too, where it is none by its form: an event is as good without."""
    value = headers.get(TRACE)
    return value.decode("ascii") if value and TRACEPARENT.fullmatch(value) else None


def _attributes(headers: dict[str, Any]) -> tuple[str, str, datetime]:
    """Id, type, time. A header of Kafka may have no value at all, and may hold any bytes: nothing but a random id
    passes for an id, because ids are logged."""
    try:
        event_id, event_type, when = (headers[name].decode("ascii", "replace") for name in ATTRIBUTES)
        time = datetime.fromisoformat(when)
    except (KeyError, ValueError, AttributeError):
        raise Unreadable("not-a-cloudevent") from None
    if not RANDOM_ID.fullmatch(event_id) or time.tzinfo is None:
        raise Unreadable("not-a-cloudevent")
    return event_id, event_type, time
