"""A letter goes back as it came, and what was decided of it is written down after it has gone."""

import asyncio
import json
from typing import Any

import pytest

from deploy.dead_letters import decide
from deploy.dead_letters.decision import DECISIONS, Reason
from deploy.dead_letters.letters import letters_in
from tests.unit.dead_letters.a_letter import EVENT, SUBJECT, a_letter


class Producer:
    """Takes what is sent; `away` like a broker that does not acknowledge."""

    def __init__(self, *, away: bool = False) -> None:
        self.sent: list[tuple[str, bytes | None, dict[str, Any]]] = []
        self._away = away

    async def send(self, topic: str, value: bytes | None, **rest: Any) -> "asyncio.Future[None]":
        self.sent.append((topic, value, rest))
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._away:
            future.set_exception(TimeoutError())
        else:
            future.set_result(None)
        return future


async def test_letter_goes_back_to_its_partition_under_its_key_with_its_attributes() -> None:
    producer = Producer()
    await decide.replay(producer, letters_in([a_letter(b"\xff raw")]))
    (topic, value, rest), (decisions, decision, _) = producer.sent
    assert (topic, value, rest["partition"], rest["key"]) == ("orders", b"\xff raw", 3, SUBJECT.encode())
    assert {name for name, _ in rest["headers"]} == {"ce_id", "ce_type", "ce_time", "content-type"}
    assert dict(rest["headers"])["ce_id"] == EVENT.encode()
    assert decisions == DECISIONS
    said = json.loads(decision or b"")
    assert (said["letter_id"], said["outcome"], said["reason"]) == ("delivery/0/0", "replayed", None)


async def test_tombstone_goes_back_as_one() -> None:
    producer = Producer()
    await decide.replay(producer, letters_in([a_letter(b"", dead_letter_key=None)]))
    assert (producer.sent[0][1], producer.sent[0][2]["key"]) == (None, None)


async def test_nothing_is_written_down_that_kafka_did_not_take() -> None:
    producer = Producer(away=True)
    with pytest.raises(TimeoutError):
        await decide.replay(producer, letters_in([a_letter()]))
    assert [topic for topic, *_ in producer.sent] == ["orders"]


@pytest.mark.parametrize("header", [{"dead_letter_cut_from": b"1000000"}, {"dead_letter_origin": b"nowhere"}])
async def test_letter_that_is_not_whole_is_not_replayed_nor_are_those_with_it(header: dict[str, bytes]) -> None:
    producer = Producer()
    with pytest.raises(decide.LetterCut, match="delivery/0/1 was too large"):
        await decide.replay(producer, letters_in([a_letter(), a_letter(offset=1, **header)]))
    assert producer.sent == []


async def test_discarded_letter_is_sent_nowhere() -> None:
    producer = Producer()
    await decide.discard(producer, letters_in([a_letter()]), Reason.TEST)
    [(topic, decision, _)] = producer.sent
    assert topic == DECISIONS
    assert json.loads(decision or b"")["reason"] == "test"
