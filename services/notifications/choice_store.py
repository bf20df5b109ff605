"""What each person chose: the live switch for promotions (clause 3.2.8), off unless chosen; and whether nothing may be
sent at all. The decision made last counts, in whatever order decisions arrive."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pymongo import UpdateOne

from shared.stores.mongo import Database, Document, Session, bulk_upsert

COLLECTION: Final = "subjects"
AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Choice:
    promotions: bool = False
    restricted: bool = False


class ChoiceStore:
    def __init__(self, database: Database) -> None:
        self._subjects = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._subjects.create_index("promotions", partialFilterExpression={"promotions": True})

    async def decide(self, decisions: Sequence[tuple[str, bool, datetime]]) -> None:
        """(subject id, promotions, when). An older decision changes nothing; of two at once, no wins."""
        await bulk_upsert(
            self._subjects,
            [
                UpdateOne(
                    {"_id": subject_id, "decided_at": {"$lt" if promotions else "$lte": at}},
                    {"$set": {"promotions": promotions, "decided_at": at}},
                    upsert=True,
                )
                for subject_id, promotions, at in decisions
            ],
        )

    async def stop_promotions(self, asked: Mapping[str, datetime], session: Session) -> None:
        """`asked`: subject id → when; a choice made later stays, however late this is read again. Within the
        restricting transaction; makes the record where there is none, so that it can be restricted."""
        if not asked:
            return
        await self._subjects.bulk_write(
            [UpdateOne({"_id": subject_id}, _stopped(at), upsert=True) for subject_id, at in asked.items()],
            ordered=False,
            session=session,
        )

    async def of(self, subject_ids: Collection[str]) -> dict[str, Choice]:
        found = self._subjects.find({"_id": {"$in": list(subject_ids)}})
        return {
            document["_id"]: Choice(document.get("promotions", False), "restricted_at" in document)
            async for document in found
        }

    async def with_promotions(self) -> AsyncIterator[list[str]]:
        """Subject ids of those who chose promotions, some hundreds at a time."""
        chosen: list[str] = []
        query = {"promotions": True, "restricted_at": {"$exists": False}}
        async for document in self._subjects.find(query, {"_id": 1}):
            chosen.append(document["_id"])
            if len(chosen) == AT_ONCE:
                yield chosen
                chosen = []
        if chosen:
            yield chosen


def _stopped(at: datetime) -> list[Document]:
    later = {"$gt": ["$decided_at", at]}
    promotions = {"$cond": [later, {"$ifNull": ["$promotions", False]}, False]}
    return [{"$set": {"promotions": promotions, "decided_at": {"$cond": [later, "$decided_at", at]}}}]
