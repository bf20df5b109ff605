"""Topics of a benchmark's own, and events as intake publishes them there."""

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.messaging.cloudevents import Outgoing, headers_of
from shared.messaging.kafka_address import KafkaAddress

# Value, key and headers.
Message = tuple[bytes, bytes, list[tuple[str, bytes]]]


async def create_topics(kafka: KafkaAddress, *names: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(**kafka.client_options())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])
    finally:
        await admin.close()


def as_message(outgoing: Outgoing, value: bytes | None = None) -> Message:
    """`value`: instead of the event's own."""
    headers = [(name, text.encode()) for name, text in headers_of(outgoing, "bench").items()]
    return outgoing.event.model_dump_json().encode() if value is None else value, outgoing.key.encode(), headers
