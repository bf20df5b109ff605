"""The operators' queue: who waits for a call, opened for customer support (purpose 3.2.4), oldest first."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from services.intake.call_backs.call_back_store import CallBack, CallBackStore
from services.intake.opening_store import Opening, OpeningStore
from shared.policy.working_days import almaty_day
from shared.sealing.opener import Opener

PURPOSE: Final = "3.2.4"
WHAT: Final = "call_back"
AT_ONCE: Final = 50
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A person who waits for a call. Prints nothing of them. unreached: how often nobody answered."""

    call_back_id: str
    given_name: str
    phone: str
    language: str
    requested_at: datetime
    unreached: int
    unreached_at: datetime | None

    def __repr__(self) -> str:
        return f"Waiting({self.call_back_id})"


@dataclass(frozen=True, slots=True)
class CallBackQueue:
    call_backs: CallBackStore
    openings: OpeningStore
    opener: Opener

    async def waiting(self, now: datetime) -> tuple[list[Waiting], int]:
        """The first of the queue, and how many wait in all. Who is being erased at this moment is left out.

        Noted for each person before anybody sees it: once a day, however often the queue is looked at."""
        items = await self.call_backs.waiting(AT_ONCE)
        opened = await self.opener.open_many([item.sealed for item in items], purpose=PURPOSE, fresh=True)
        readable: list[tuple[CallBack, Mapping[str, Any]]] = []
        for item, fields in zip(items, opened, strict=True):
            if isinstance(fields, Exception):
                log.warning("call_back_not_readable", call_back_id=item.call_back_id, error=type(fields).__name__)
            else:
                readable.append((item, fields))
        await self.openings.note([_opening(item, fields, now) for item, fields in readable], now)
        people = [_waiting(item, fields) for item, fields in readable]
        return people, len(people) if len(items) < AT_ONCE else await self.call_backs.count()


def _waiting(item: CallBack, fields: Mapping[str, Any]) -> Waiting:
    return Waiting(
        call_back_id=item.call_back_id,
        given_name=fields.get("given_name", ""),
        phone=fields.get("phone", ""),
        language=item.notice_language,
        requested_at=item.requested_at,
        unreached=item.unreached,
        unreached_at=item.unreached_at,
    )


def _opening(item: CallBack, fields: Mapping[str, Any], now: datetime) -> Opening:
    parts = f"{item.call_back_id}/{almaty_day(now)}"
    opening_id = hashlib.blake2b(parts.encode(), digest_size=16, person=b"call-back").hexdigest()
    return Opening(item.sealed.subject_id, WHAT, PURPOSE, tuple(sorted(fields)), opening_id=opening_id)
