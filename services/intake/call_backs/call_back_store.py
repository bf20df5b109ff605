"""Requests to be called back: who asks is sealed for intake alone, and goes within days."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING

from shared.sealing.opener import Sealed
from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "call_backs"
FREE: Final[dict[str, Any]] = {"restricted_at": {"$exists": False}}  # a restricted record stays as it is (art. 1(3))


@dataclass(frozen=True, slots=True)
class CallBack:
    """unreached: how often nobody answered."""

    call_back_id: str
    sealed: Sealed
    notice_language: str
    requested_at: datetime
    unreached: int
    unreached_at: datetime | None


class CallBackStore:
    def __init__(self, database: Database) -> None:
        self._call_backs = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._call_backs.create_index("requested_at")
        await self._call_backs.create_index("number")

    async def waiting_for(self, number: str, subject_id: str, session: Session) -> str | None:
        """The person's request that waits for this number, by the number's keyed hash. Who had the number before and
        gave it up may have one, too."""
        theirs = {"number": number, "subject_id": subject_id, **FREE}
        found = await self._call_backs.find_one(theirs, {"_id": 1}, session=session)
        return str(found["_id"]) if found else None

    async def add(self, call_back: Document, session: Session) -> None:
        await self._call_backs.insert_one(call_back, session=session)

    async def waiting(self, limit: int) -> list[CallBack]:
        """Oldest first."""
        found = self._call_backs.find(FREE).sort("requested_at", ASCENDING).limit(limit)
        return [_call_back(document) async for document in found]

    async def of_subject(self, subject_id: str) -> list[CallBack]:
        """Newest first."""
        found = self._call_backs.find({"subject_id": subject_id}).sort("requested_at", DESCENDING)
        return [_call_back(document) async for document in found]

    async def count(self) -> int:
        return await self._call_backs.count_documents(FREE)

    async def past(self, requested_until: datetime, limit: int) -> list[str]:
        """Ids of requests made until then, oldest first."""
        due = {"requested_at": {"$lte": requested_until}, **FREE}
        found = self._call_backs.find(due, {"_id": 1}).sort("requested_at", ASCENDING).limit(limit)
        return [document["_id"] async for document in found]

    async def not_reached(self, call_back_id: str, seen: int, now: datetime) -> bool:
        """Count one more call nobody answered; `seen` is the count known before, so that a repeat counts once. False
        where the request is gone."""
        known = {"_id": call_back_id, "unreached": seen, **FREE}
        change = {"$inc": {"unreached": 1}, "$set": {"unreached_at": now}}
        if (await self._call_backs.update_one(known, change)).matched_count:
            return True
        return await self._call_backs.count_documents({"_id": call_back_id, **FREE}) == 1

    async def destroy(self, call_back_ids: Sequence[str], session: Session) -> set[str]:
        """Returns the subjects whose requests they were."""
        these = {"_id": {"$in": list(call_back_ids)}, **FREE}
        subjects = {
            item["subject_id"] async for item in self._call_backs.find(these, {"subject_id": 1}, session=session)
        }
        if subjects:
            await self._call_backs.delete_many(these, session=session)
        return subjects

    async def still_waiting(self, subject_ids: Collection[str], session: Session) -> set[str]:
        """Those of the subjects that have a request."""
        theirs = {"subject_id": {"$in": list(subject_ids)}}
        return set(await self._call_backs.distinct("subject_id", theirs, session=session))


def _call_back(document: Document) -> CallBack:
    return CallBack(
        call_back_id=document["_id"],
        sealed=Sealed(document["event_id"], document["event_type"], document["subject_id"], document["sealed"]),
        notice_language=document["notice_language"],
        requested_at=document["requested_at"],
        unreached=document["unreached"],
        unreached_at=document.get("unreached_at"),
    )
