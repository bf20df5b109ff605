"""Read what topics hold, from the first message to the last."""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from shared.contracts.orders import OrderPlaced
from shared.messaging.cloudevents import Received, read
from shared.messaging.kafka_address import KafkaAddress

FETCH_WAIT_MS = 100
QUIET_MS = 4 * FETCH_WAIT_MS


async def everything(kafka: KafkaAddress, topics: Iterable[str]) -> list["ConsumerRecord[bytes, bytes]"]:
    """Every message the broker holds, in the order of its time.

    It reads to the ends and until the broker has had nothing more for a while: the embedded broker states as a
    partition's end the first offset of its last batch."""
    records: list[ConsumerRecord[bytes, bytes]] = []
    consumer = AIOKafkaConsumer(
        *topics,
        **kafka.client_options(),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    await consumer.start()
    try:
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(consumer.assignment())
        while True:
            batches = await consumer.getmany(timeout_ms=QUIET_MS, max_records=5_000)
            records += [record for batch in batches.values() for record in batch]
            if not batches and all([await consumer.position(partition) >= end for partition, end in ends.items()]):
                break
    finally:
        await consumer.stop()
    return sorted(records, key=lambda record: record.timestamp)


async def order_placed(kafka: KafkaAddress, order_id: str) -> Received[OrderPlaced]:
    """As soon as it is there; waits for ever if it never is."""
    while True:
        for record in await everything(kafka, [OrderPlaced.TOPIC]):
            received = read(record)
            if isinstance(received.event, OrderPlaced) and received.event.order_id == order_id:
                return received
        await asyncio.sleep(0.3)
