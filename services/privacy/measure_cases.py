"""Figures of the cases for Prometheus: how many wait in which state, the nearest deadline, stores that are silent.

Counted from the store, every replica the same: take the maximum over replicas, not the sum."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.privacy.answer_store import AnswerStore
from services.privacy.case_store import OPEN, CaseStore
from shared.observability.metrics import CASES_OPEN, RECEIPTS_MISSING, WORKING_DAYS_LEFT
from shared.policy.working_days import working_days_left

SILENT_AFTER: Final = timedelta(hours=1)
AT_MOST: Final = 10_000


class CaseMeasures:
    def __init__(self, cases: CaseStore, answers: AnswerStore, stores: Sequence[str]) -> None:
        self._cases = cases
        self._answers = answers
        self._stores = tuple(stores)

    async def measure(self, now: datetime) -> None:
        await self._measure_states(now)
        await self._measure_receipts(now)

    async def _measure_states(self, now: datetime) -> None:
        counts = await self._cases.open_by_state()
        for state in OPEN:
            CASES_OPEN.labels(state).set(counts.get(state, 0))
        nearest = await self._cases.nearest_deadline()
        WORKING_DAYS_LEFT.labels("case").set(math.nan if nearest is None else working_days_left(nearest, now))

    async def _measure_receipts(self, now: datetime) -> None:
        silent = await self._cases.unmoved(now - SILENT_AFTER, AT_MOST)
        came = await self._answers.stores_of([case_id for case_id, _ in silent])
        missing: Counter[str] = Counter()
        for waited_for, answered in silent.items():
            missing.update(set(self._stores) - answered - came.get(waited_for, set()))
        for store in self._stores:
            RECEIPTS_MISSING.labels(store).set(missing[store])
