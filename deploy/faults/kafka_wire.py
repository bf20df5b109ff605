"""Kafka's wire protocol, as far as steps need it: https://kafka.apache.org/protocol

Steps are a produced batch, named by its topic and the types of its events, and a committed offset, named by its topic.
"""

import struct
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

from aiokafka.protocol import commit, produce
from aiokafka.record.memory_records import MemoryRecords

from deploy.faults.wire import Framed, Part, Step

PRODUCE, METADATA, OFFSET_COMMIT, FIND_COORDINATOR = 0, 3, 8, 10
NAMING_BROKERS = frozenset({METADATA, FIND_COORDINATOR})
HEADER = struct.Struct(">4xhhi")  # length, API key, API version, correlation id


class KafkaConversation:
    """`addresses`: (host, port) as the brokers call themselves → the port the service is to use instead."""

    def __init__(self, addresses: Mapping[tuple[str, int], int]) -> None:
        self._addresses = {
            host.encode() + port.to_bytes(4, "big"): host.encode() + ours.to_bytes(4, "big")
            for (host, port), ours in addresses.items()
        }
        self._asked: dict[int, tuple[int, tuple[Step, ...]]] = {}
        self._requests = Framed(byteorder="big", counts_itself=False)
        self._replies = Framed(byteorder="big", counts_itself=False)

    def requests(self, data: bytes) -> Iterable[Part]:
        for message in self._requests.whole(data):
            api, version, correlation = HEADER.unpack_from(message)
            steps = _steps(api, version, message) if api in (PRODUCE, OFFSET_COMMIT) else ()
            self._asked[correlation] = api, steps
            yield Part(message, steps)

    def replies(self, data: bytes) -> Iterable[Part]:
        for message in self._replies.whole(data):
            api, steps = self._asked.pop(int.from_bytes(message[4:8], "big"), (-1, ()))
            if api in NAMING_BROKERS:
                for theirs, ours in self._addresses.items():
                    message = message.replace(theirs, ours)
            yield Part(message, steps)


def _steps(api: int, version: int, message: bytes) -> tuple[Step, ...]:
    kind = "Produce" if api == PRODUCE else "OffsetCommit"
    request = getattr(produce if api == PRODUCE else commit, f"{kind}Request_v{version}")
    body = BytesIO(message[HEADER.size :])
    body.seek(2 + max(0, int.from_bytes(body.read(2), "big", signed=True)))  # the client's id
    topics = request.decode(body).topics
    if api == OFFSET_COMMIT:
        return tuple(Step("kafka", f"offsets {topic}") for topic, _ in topics)
    return tuple(
        Step("kafka", f"produce {topic} {event}".strip())
        for topic, partitions in topics
        for event in sorted({event for *_, records in partitions for event in _types(records)}) or [""]
    )


def _types(batches: bytes) -> set[str]:
    """Of the CloudEvents in the batches: `kz.exl.orders.OrderPlaced.v1` is OrderPlaced here."""
    found: set[str] = set()
    memory: Any = MemoryRecords(bytes(batches))
    while memory.has_next():
        for record in memory.next_batch():
            headers = dict(record.headers)
            if name := headers.get("ce_type"):
                found.add(name.decode("ascii", "replace").split(".")[-2])
    return found
