"""Put a message aside: raw bytes, where it came from, and a code. Never exception text, which can hold its input."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import ConsumerRecord
from faststream.kafka import KafkaBroker

from shared.messaging.cloudevents import RANDOM_ID
from shared.messaging.renew_producer import acknowledged_within
from shared.observability.metrics import DEAD_LETTERS

KEPT_HEADERS = frozenset({"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_dataschema"})
ACKNOWLEDGE_SECONDS = 15.0
# Kafka takes a message of a mebibyte, and no more: one that large, with these headers, could never be put aside.
LARGEST_BYTES = 900_000


class DeadLetters:
    """Topic `dead-letters-<service>`; the key is where the message was, so that a repeat is recognisable."""

    def __init__(self, broker: KafkaBroker, service: str) -> None:
        self._broker = broker
        self.topic = f"dead-letters-{service}"

    async def put(self, refused: Sequence[tuple["ConsumerRecord[bytes, bytes]", str]]) -> None:
        """Durable when it returns; call it before the batch is committed. Raises on a broker that is not there."""
        if not refused:
            return
        async with acknowledged_within(self._broker, ACKNOWLEDGE_SECONDS):
            await asyncio.gather(*[await self._send(record, code) for record, code in refused])
        for record, code in refused:
            DEAD_LETTERS.labels(record.topic, code).inc()

    async def _send(self, record: "ConsumerRecord[bytes, bytes]", code: str) -> "asyncio.Future[Any]":
        headers = {
            name: value.decode("ascii")
            for name, value in record.headers
            if name in KEPT_HEADERS and value is not None and value.isascii() and len(value) < 200
        }
        origin = f"{record.topic}/{record.partition}/{record.offset}"
        value = record.value or b""
        if record.key is not None and RANDOM_ID.fullmatch(record.key.decode("ascii", "replace")):
            headers["dead-letter-key"] = record.key.decode("ascii")  # to send it again; no other key is a subject's
        if len(value) > LARGEST_BYTES:
            headers["dead-letter-cut-from"] = str(len(value))
        return await self._broker.publish(
            value[:LARGEST_BYTES],
            self.topic,
            key=origin.encode(),
            headers={**headers, "dead-letter-code": code, "dead-letter-origin": origin},
            no_confirm=True,
        )
