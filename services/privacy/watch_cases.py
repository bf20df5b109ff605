"""The clock of the cases: second passes that are due, stores that are silent, letters to send."""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from services.privacy.case_facts import TimeCame
from services.privacy.case_store import CaseStore
from services.privacy.erase_subject import ErasureProcess
from services.privacy.send_letters import LetterSender

DUE_AT_ONCE = 500
LETTERS_AT_ONCE = 8
PAUSE_SECONDS = 0.25
log = structlog.get_logger()


class CaseWatch:
    """Any number of replicas may run it: facts that change nothing are passed over, and letters are leased."""

    def __init__(
        self, process: ErasureProcess, cases: CaseStore, letters: LetterSender, remind_after: timedelta
    ) -> None:
        self._process = process
        self._cases = cases
        self._letters = letters
        self._remind_after = remind_after

    async def forever(self) -> None:
        while True:
            try:
                await self.once(datetime.now(UTC))
            except (PyMongoError, KafkaError, OSError, TimeoutError) as error:
                log.warning("case_watch_interrupted", error=type(error).__name__)
            except Exception as error:  # a bug in one letter must not stop the clock of every other case
                log.error("case_watch_failed", exc_info=error)
            await asyncio.sleep(PAUSE_SECONDS)

    async def once(self, now: datetime) -> None:
        due = await self._cases.due(now, DUE_AT_ONCE)
        await self._process.tell([(case_id, TimeCame()) for case_id in due], now)
        await self._process.remind(now - self._remind_after, now)
        while any(await asyncio.gather(*(self._letters.send_next(now) for _ in range(LETTERS_AT_ONCE)))):
            now = datetime.now(UTC)
