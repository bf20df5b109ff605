"""What each person chose. Every order changes its person's document here, and so does a restriction: of two
transactions that do, MongoDB lets one commit and makes the other begin again. No order passes a restriction unseen."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import InsertOne, UpdateOne

from shared.stores.mongo import Database, Session

COLLECTION: Final = "subjects"


class SubjectStore:
    def __init__(self, database: Database) -> None:
        self._subjects = database[COLLECTION]

    async def unrestricted(self, subject_ids: Collection[str], session: Session) -> set[str]:
        """Those of the subjects that are here and may be processed."""
        query = {"_id": {"$in": list(subject_ids)}, "restricted_at": {"$exists": False}}
        return {document["_id"] async for document in self._subjects.find(query, {"_id": 1}, session=session)}

    async def ordered(
        self, choices: Mapping[str, Sequence[bool]], new: Collection[str], now: datetime, session: Session
    ) -> None:
        """`choices`: for each subject, whether promotions were chosen with each of its orders, oldest first."""
        await self._subjects.bulk_write(
            [
                InsertOne({"_id": subject_id, **_choice(chosen, now), "orders": len(chosen), "created_at": now})
                if subject_id in new
                else UpdateOne(
                    {"_id": subject_id, "restricted_at": {"$exists": False}},
                    {"$set": _choice(chosen, now), "$inc": {"orders": len(chosen)}},
                )
                for subject_id, chosen in choices.items()
            ],
            ordered=False,
            session=session,
        )

    async def stop_promotions(self, asked: Mapping[str, datetime], session: Session) -> None:
        """`asked`: subject id → when. What was chosen later stays, however late this is read again."""
        if not asked:
            return
        await self._subjects.bulk_write(
            [
                UpdateOne(
                    {"_id": subject_id, "updated_at": {"$lte": at}}, {"$set": {"promotions": False, "updated_at": at}}
                )
                for subject_id, at in asked.items()
            ],
            ordered=False,
            session=session,
        )


def _choice(chosen: Sequence[bool], now: datetime) -> dict[str, Any]:
    return {"promotions": chosen[-1], "updated_at": now}
