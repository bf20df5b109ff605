"""Links on which people follow their case. A link is a random token and leads to no person: what is kept is the token's
hash with the case's id, states and days, so that it outlives the erasure it shows."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from pymongo import ASCENDING, UpdateMany

from shared.contracts.cases import CaseMoved, CaseState
from shared.stores.mongo import Database, Document, Session, expire_after

COLLECTION: Final = "case_links"
TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class FollowedCase:
    """case_id, state: None until the privacy service has said that the case is open. moved_at: when it last moved."""

    received_at: datetime
    deadline: date
    case_id: str | None
    state: CaseState | None
    open_orders: int
    moved_at: datetime | None


class CaseLinkStore:
    def __init__(self, database: Database, kept: timedelta) -> None:
        self._links = database[COLLECTION]
        self._kept = kept

    async def ensure_indexes(self) -> None:
        await self._links.create_index([("withdrawal_id", ASCENDING)])
        await expire_after(self._links, "received_at", self._kept)

    async def add(self, withdrawal_id: str, received_at: datetime, deadline: date, session: Session) -> str:
        """The link's token, which is not kept here: whoever withdrew has it, and for a while the session it ended in,
        in case its form was sent twice."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        await self._links.insert_one(
            {
                "_id": _hash(token),
                "withdrawal_id": withdrawal_id,
                "received_at": received_at,
                "deadline": deadline.isoformat(),
            },
            session=session,
        )
        return token

    async def of(self, token: str) -> FollowedCase | None:
        document = await self._links.find_one({"_id": _hash(token)})
        return None if document is None else _followed(document)

    async def move(self, moves: Sequence[CaseMoved]) -> int:
        """Returns how many links changed; what is older than what a link shows changes nothing, nor does a repeat."""
        result = await self._links.bulk_write([_move(event) for event in moves])
        return result.modified_count


def _move(event: CaseMoved) -> UpdateMany:
    """Of one case the greater step is the later. Another case takes over where a restore lost the first one."""
    later = [
        {"case_id": {"$exists": False}},
        {"case_id": event.case_id, "step": {"$lt": event.step}},
        {"case_id": {"$ne": event.case_id}, "moved_at": {"$lt": event.moved_at}},
    ]
    return UpdateMany(
        {"withdrawal_id": {"$in": list(event.withdrawals)}, "$or": later},
        {
            "$set": {
                "case_id": event.case_id,
                "step": event.step,
                "state": event.state,
                "deadline": event.deadline.isoformat(),
                "open_orders": event.open_orders,
                "moved_at": event.moved_at,
            }
        },
    )


def _followed(document: Document) -> FollowedCase:
    return FollowedCase(
        received_at=document["received_at"],
        deadline=date.fromisoformat(document["deadline"]),
        case_id=document.get("case_id"),
        state=document.get("state"),
        open_orders=document.get("open_orders", 0),
        moved_at=document.get("moved_at"),
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
