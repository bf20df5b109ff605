"""What each person chose. Every order changes its person's document here, and so does a restriction: of two
transactions that do, MongoDB lets one commit and makes the other begin again. No order passes a restriction unseen."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import InsertOne, ReturnDocument, UpdateOne

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

    async def promotions_of(self, subject_id: str) -> bool:
        found = await self._subjects.find_one({"_id": subject_id}, {"promotions": 1})
        return bool(found and found.get("promotions", False))

    async def choose(self, subject_id: str, promotions: bool, now: datetime, session: Session) -> bool:
        """False where there is nobody to choose, or nothing may be done with their data any more."""
        free = {"_id": subject_id, "restricted_at": {"$exists": False}}
        change = {"$set": {"promotions": promotions, "updated_at": now}}
        return (await self._subjects.update_one(free, change, session=session)).matched_count == 1

    async def correct(self, subject_id: str, session: Session) -> int | None:
        """Which correction of the person's this is, counted from 1; None for who is not here or may not be processed.
        Changes the document for the same reason as an order does."""
        free = {"_id": subject_id, "restricted_at": {"$exists": False}}
        found = await self._subjects.find_one_and_update(
            free, {"$inc": {"corrections": 1}}, return_document=ReturnDocument.AFTER, session=session
        )
        return int(found["corrections"]) if found else None

    async def asked_for_a_call(self, subject_id: str, *, new: bool, now: datetime, session: Session) -> None:
        """Changes the person's document for the same reason as an order does."""
        if new:
            document = {
                "_id": subject_id,
                **_choice([False], now),
                "orders": 0,
                "call_asked_at": now,
                "created_at": now,
            }
            await self._subjects.insert_one(document, session=session)
        else:
            free = {"_id": subject_id, "restricted_at": {"$exists": False}}
            await self._subjects.update_one(free, {"$set": {"call_asked_at": now}}, session=session)

    async def restrict_without_orders(self, subject_ids: Collection[str], now: datetime, session: Session) -> set[str]:
        """Nothing may be done any more with those of the subjects that never ordered. Returns which these are; one that
        is restricted already is not among them."""
        idle = {"_id": {"$in": list(subject_ids)}, "orders": 0, "restricted_at": {"$exists": False}}
        found = {document["_id"] async for document in self._subjects.find(idle, {"_id": 1}, session=session)}
        if found:
            change = {"$set": {"restricted_at": now}}
            await self._subjects.update_many({"_id": {"$in": list(found)}}, change, session=session)
        return found

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
