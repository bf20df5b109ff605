"""Commit a batch's offsets within a bound, and end the process whose consumer can't commit any more.

aiokafka tries a commit again for ever. After the kill of a broker its look-up of a group's coordinator was seen to hang
for good: the fetcher went on, and what was applied was never committed, nor any erasure after it. The cause that was
found is mended (docs/decisions/0047); against another one, the process ends and is started anew. Nothing is lost by it:
what is applied is durable, and what is not committed is read again.
"""

import asyncio
import os
from collections.abc import Callable

import structlog
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker, KafkaMessage

# Longer than Kafka takes to give a group another coordinator: a broker is taken for dead after 9 s.
COMMIT_SECONDS = 30.0
PING_SECONDS = 2.0
PAUSE_AFTER_REFUSAL_SECONDS = 1.0
TIMES_IN_A_ROW = 2
EXIT_CODE = 1
log = structlog.get_logger()


def end_process() -> None:
    """Without a clean-up: it would wait for the very consumer that hangs."""
    os._exit(EXIT_CODE)


class BatchCommits:
    """Of one subscription: what must end it is that its commits hang while the broker answers, time after time."""

    def __init__(self, broker: KafkaBroker, topic: str, *, end: Callable[[], None] = end_process) -> None:
        self._broker = broker
        self._topic = topic
        self._end = end
        self._hung = 0

    async def commit(self, message: KafkaMessage) -> None:
        """Raises TimeoutError or KafkaError: then it is not committed, as far as is known, and is to be read again."""
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                await message.ack()
        except (KafkaError, TimeoutError) as error:
            log.warning("batch_not_committed", topic=self._topic, error=type(error).__name__)
            # A refusal is an answer. Where the broker is away, waiting is right.
            hung = isinstance(error, TimeoutError) and await self._broker.ping(timeout=PING_SECONDS)
            self._hung = self._hung + 1 if hung else 0
            if self._hung == TIMES_IN_A_ROW:
                log.critical("consumer_stuck", topic=self._topic)
                self._end()
            await asyncio.sleep(PAUSE_AFTER_REFUSAL_SECONDS)  # one that is refused for good would spin
            raise
        self._hung = 0
