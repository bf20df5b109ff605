"""Replay dead letters to where they came from, or discard them; either is written down."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from deploy.dead_letters.decision import DECISIONS, Decision, Reason
from deploy.dead_letters.letters import Letter

# As the service's own: content that a letter lost on its way is what every event has.
CONTENT_TYPE = ("content-type", b"application/json")


class LetterCut(Exception):
    """Its bytes, or where they came from, are not all there."""

    def __init__(self, letter: Letter) -> None:
        super().__init__(
            f"{letter.letter_id} was too large to be kept whole, or does not say where it came from: it can't be "
            "replayed. Have its publisher send it again, and discard it."
        )


async def replay(producer: AIOKafkaProducer, letters: Sequence[Letter]) -> None:
    """The same bytes, key and CloudEvents attributes to the same partition, so that a person's events keep their
    order. Consumers are idempotent: who is cut off between the two steps replays once more. Raises LetterCut."""
    for letter in letters:
        if letter.cut:
            raise LetterCut(letter)
    await asyncio.gather(*[await _send_back(producer, letter) for letter in letters])
    await _write_down(producer, letters, "replayed")


async def discard(producer: AIOKafkaProducer, letters: Sequence[Letter], reason: Reason) -> None:
    await _write_down(producer, letters, "discarded", reason)


async def _send_back(producer: AIOKafkaProducer, letter: Letter) -> Awaitable[object]:
    headers = [(name, value) for name, value in letter.record.headers if name.startswith("ce_")]
    acknowledged: Awaitable[object] = await producer.send(
        letter.topic,
        letter.record.value or None,
        key=letter.subject_id.encode() if letter.subject_id else None,
        partition=letter.partition,
        headers=[*headers, CONTENT_TYPE],
    )
    return acknowledged


async def _write_down(
    producer: AIOKafkaProducer, letters: Sequence[Letter], outcome: str, reason: Reason | None = None
) -> None:
    now = datetime.now(UTC)
    decisions = [
        Decision.model_validate(
            {"letter_id": letter.letter_id, "outcome": outcome, "reason": reason, "decided_at": now}
        )
        for letter in letters
    ]
    await asyncio.gather(
        *[
            await producer.send(DECISIONS, decision.model_dump_json().encode(), key=decision.letter_id.encode())
            for decision in decisions
        ]
    )
