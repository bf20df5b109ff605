"""A message put aside: its raw bytes, where it came from, a code, and nothing else that could hold a person."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError

from shared.messaging import dead_letters, renew_producer
from shared.messaging.dead_letters import DeadLetters
from tests.builders import a_record, a_record_of, an_order_placed
from tests.unit.messaging.a_producer import Holder, Producer

PERSON = "Ақбөпе Сыдықбекқызы"


class Broker:
    """Takes what is published; its acknowledgements come as the test says."""

    def __init__(self, acknowledged: BaseException | None = None) -> None:
        self.sent: list[tuple[bytes, str, dict[str, Any]]] = []
        self._acknowledged = acknowledged
        self._connection_kwargs: dict[str, Any] = {}
        self.config = SimpleNamespace(producer=Holder())

    async def publish(self, value: bytes, topic: str, **rest: Any) -> "asyncio.Future[None]":
        self.sent.append((value, topic, rest))
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._acknowledged:
            future.set_exception(self._acknowledged)
        else:
            future.set_result(None)
        return future


@pytest.fixture(autouse=True)
def renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renew_producer, "AIOKafkaProducer", Producer)


def letters(broker: Broker) -> DeadLetters:
    return DeadLetters(broker, "delivery")  # type: ignore[arg-type]


async def test_letter_holds_the_raw_bytes_and_where_they_were() -> None:
    broker = Broker()
    record = a_record(b"\xff\xfe raw", topic="orders", partition=3, offset=41)
    await letters(broker).put([(record, "schema-violation")])
    [(value, topic, rest)] = broker.sent
    assert (value, topic, rest["key"]) == (b"\xff\xfe raw", "dead-letters-delivery", b"orders/3/41")
    assert rest["headers"] == {"dead-letter-code": "schema-violation", "dead-letter-origin": "orders/3/41"}


async def test_cloudevent_keeps_its_attributes() -> None:
    broker = Broker()
    await letters(broker).put([(a_record_of(an_order_placed(), event_id="e" * 32), "subject-unknown")])
    headers = broker.sent[0][2]["headers"]
    assert (headers["ce_id"], headers["ce_type"]) == ("e" * 32, "kz.exl.OrderPlaced.v1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_id", None),
        ("ce_id", PERSON.encode()),
        ("ce_id", b"\xff\xfe"),
        ("ce_id", b"x" * 200),
        ("note", b"+77000000042"),
        ("error", PERSON.encode()),
    ],
)
async def test_other_headers_are_left_out(name: str, value: bytes | None) -> None:
    broker = Broker()
    await letters(broker).put([(a_record(headers=[(name, value)]), "not-a-cloudevent")])
    assert set(broker.sent[0][2]["headers"]) == {"dead-letter-code", "dead-letter-origin"}


@pytest.mark.parametrize(
    ("key", "kept"),
    [(b"5ab1ec75" * 4, {"dead-letter-key": "5ab1ec75" * 4}), (PERSON.encode(), {}), (b"+77000000042", {}), (None, {})],
)
async def test_key_is_kept_where_it_is_a_subjects(key: bytes | None, kept: dict[str, str]) -> None:
    broker = Broker()
    await letters(broker).put([(a_record(key=key), "subject-unknown")])
    headers = broker.sent[0][2]["headers"]
    assert {name: value for name, value in headers.items() if name == "dead-letter-key"} == kept


async def test_tombstone_is_put_aside_too() -> None:
    broker = Broker()
    await letters(broker).put([(a_record(None), "tombstone")])
    assert broker.sent[0][0] == b""


async def test_nothing_to_put_aside_asks_nothing_of_the_broker() -> None:
    broker = Broker()
    await letters(broker).put([])
    assert broker.sent == []


async def test_letter_kafka_did_not_acknowledge_is_an_error() -> None:
    with pytest.raises(KafkaTimeoutError):
        await letters(Broker(KafkaTimeoutError())).put([(a_record(), "tombstone")])


async def test_broker_that_does_not_answer_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Broker):
        async def publish(self, value: bytes, topic: str, **rest: Any) -> "asyncio.Future[None]":
            return asyncio.get_running_loop().create_future()

    monkeypatch.setattr(dead_letters, "ACKNOWLEDGE_SECONDS", 0.01)
    with pytest.raises(TimeoutError):
        await letters(Silent()).put([(a_record(), "tombstone")])
