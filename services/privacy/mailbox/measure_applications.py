"""Figures of the mailbox for Prometheus: how many applications wait in which state, and the nearest deadline.

Counted from the store, every replica the same: take the maximum over replicas, not the sum."""

import math
from datetime import datetime

from services.privacy.mailbox.application import OPEN
from services.privacy.mailbox.application_store import ApplicationStore
from shared.observability.metrics import APPLICATIONS_WAITING, WORKING_DAYS_LEFT
from shared.policy.working_days import deadline, working_days_left


class ApplicationMeasures:
    """`days`: within how many working days an application is answered."""

    def __init__(self, applications: ApplicationStore, days: int) -> None:
        self._applications = applications
        self._days = days

    async def measure(self, now: datetime) -> None:
        counts = await self._applications.open_by_state()
        for state in OPEN:
            APPLICATIONS_WAITING.labels(state).set(counts.get(state, 0))
        oldest = await self._applications.oldest_open()
        left = math.nan if oldest is None else working_days_left(deadline(oldest, self._days), now)
        WORKING_DAYS_LEFT.labels("application").set(left)
