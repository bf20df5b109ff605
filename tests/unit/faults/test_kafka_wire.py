"""What the proxy makes of Kafka's messages, as aiokafka writes them."""

from typing import Any

import pytest
from aiokafka.protocol.commit import OffsetCommitRequest_v2
from aiokafka.protocol.produce import ProduceRequest_v7
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from deploy.faults.kafka_wire import KafkaConversation

ANSWER = b"\0\0\0\x04" + (1).to_bytes(4, "big")


def framed(request: Any) -> bytes:
    client = b"\0\4test"
    head = request.API_KEY.to_bytes(2, "big") + request.API_VERSION.to_bytes(2, "big") + (1).to_bytes(4, "big") + client
    body = head + request.encode()
    return len(body).to_bytes(4, "big") + body


def a_batch(*types: str) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 100_000)
    for offset, name in enumerate(types):
        builder.append(offset, 0, b"key", b"value", [("ce_type", f"kz.exl.{name}.v1".encode())])
    return bytes(builder.build())


def steps(parts: Any) -> list[str]:
    return [str(step) for part in parts for step in part.steps]


def test_a_produced_batch_is_named_by_topic_and_event() -> None:
    topics = [("orders", [(0, a_batch("OrderPlaced", "OrderPlaced"))]), ("consents", [(3, a_batch("ConsentGiven"))])]
    request, talk = framed(ProduceRequest_v7(None, -1, 1_000, topics)), KafkaConversation({})
    named = ["kafka produce orders OrderPlaced", "kafka produce consents ConsentGiven"]
    assert steps(talk.requests(request)) == named
    assert steps(talk.replies(ANSWER)) == named
    assert steps(talk.replies(ANSWER)) == []


def test_a_committed_offset_is_named_by_topic_and_not_by_group() -> None:
    request = OffsetCommitRequest_v2("delivery.orders", 1, "member", -1, [("orders", [(0, 5, "")])])
    assert steps(KafkaConversation({}).requests(framed(request))) == ["kafka offsets orders"]


@pytest.mark.parametrize("at", [1, 3, 4, 10])
def test_every_byte_is_passed_on_however_it_is_cut(at: int) -> None:
    request = framed(ProduceRequest_v7(None, -1, 1_000, [("orders", [(0, a_batch("OrderPlaced"))])]))
    talk = KafkaConversation({})
    parts = [*talk.requests(request[:at]), *talk.requests(request[at:])]
    assert b"".join(part.data for part in parts) == request


def test_brokers_are_called_by_the_proxy_s_port() -> None:
    talk = KafkaConversation({("127.0.0.1", 9092): 4242})
    metadata = b"\0\0\0\x0a" + b"\0\3\0\1" + (1).to_bytes(4, "big") + b"\xff\xff"
    list(talk.requests(metadata))
    broker = b"\0\x09127.0.0.1" + (9092).to_bytes(4, "big")
    (part,) = talk.replies((4 + len(broker)).to_bytes(4, "big") + (1).to_bytes(4, "big") + broker)
    assert part.data.endswith(b"127.0.0.1" + (4242).to_bytes(4, "big"))
