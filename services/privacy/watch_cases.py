"""The clock of the cases: second passes that are due, stores that are silent."""

from datetime import datetime, timedelta

from services.privacy.case_facts import TimeCame
from services.privacy.case_store import CaseStore
from services.privacy.erase_subject import ErasureProcess

AT_ONCE = 500


class CaseWatch:
    """Any number of replicas may run it: facts that change nothing are passed over."""

    def __init__(self, process: ErasureProcess, cases: CaseStore, remind_after: timedelta) -> None:
        self._process = process
        self._cases = cases
        self._remind_after = remind_after

    async def start_second_passes(self, now: datetime) -> bool:
        """Where the key caches have run out since the keys were destroyed. Whether there may be more."""
        due = await self._cases.due(now, AT_ONCE)
        await self._process.tell([(case_id, TimeCame()) for case_id in due], now)
        return len(due) == AT_ONCE

    async def remind_silent_stores(self, now: datetime) -> bool:
        return await self._process.remind(now - self._remind_after, now, AT_ONCE) == AT_ONCE
