"""A request to be called back ends: the person was called, or its period is over. It is destroyed either way.

Whoever never ordered is known through such requests alone: with the last of them goes the reason to know the person
at all (Law 94-V art. 18), so the same transaction stops everything else and asks for the erasure of their keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from services.intake.call_backs.call_back_store import CallBackStore
from services.intake.subject_store import SubjectStore
from shared.contracts.consents import ConsentWithdrawn
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox
from shared.stores.mongo import Client, Document, Session, in_transaction

EXPIRED: Final = "expired"  # the channel of a case that nobody asked for
AT_ONCE: Final = 100
log = structlog.get_logger()


class CallBackGone(Exception):
    def __init__(self) -> None:
        super().__init__("This request is not in the queue any more: it was carried out, withdrawn, or is too old.")


@dataclass(frozen=True, slots=True)
class EndCallBacks:
    """`kept`: how long a request is kept."""

    client: Client
    call_backs: CallBackStore
    subjects: SubjectStore
    outbox: Outbox
    kept: timedelta

    async def called(self, call_back_id: str, now: datetime) -> None:
        """Raises CallBackGone."""
        if not await self._end([call_back_id], now):
            raise CallBackGone

    async def expire(self, now: datetime) -> bool:
        """Destroy those past their period, oldest first. Returns whether there may be more."""
        past = await self.call_backs.past(now - self.kept, AT_ONCE)
        if past:
            await self._end(past, now)
            log.info("call_backs_expired", count=len(past))
        return len(past) == AT_ONCE

    async def _end(self, call_back_ids: Sequence[str], now: datetime) -> bool:
        """Whether there was any of them."""
        ended, rows = await in_transaction(self.client, partial(self._destroy, call_back_ids, now))
        self.outbox.committed(rows)
        return ended

    async def _destroy(
        self, call_back_ids: Sequence[str], now: datetime, session: Session
    ) -> tuple[bool, list[Document]]:
        theirs = await self.call_backs.destroy(call_back_ids, session)
        without = theirs - await self.call_backs.still_waiting(theirs, session)
        leaving = await self.subjects.restrict_without_orders(without, now, session)
        events = [
            ConsentWithdrawn(subject_id=subject_id, scope="all", channel=EXPIRED, received_at=now)
            for subject_id in sorted(leaving)
        ]
        return bool(theirs), await self.outbox.append([Outgoing(event, new_id(), now) for event in events], session)
