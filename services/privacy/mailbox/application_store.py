"""Written applications: where the mail is, when it came and what became of it. Never what it says or who sent it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, UpdateOne

from services.privacy.mailbox.application import OPEN, Application, State
from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "applications"


class ApplicationStore:
    def __init__(self, database: Database) -> None:
        self._applications = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._applications.create_index([("validity", ASCENDING), ("uids", DESCENDING)])
        await self._applications.create_index([("state", ASCENDING), ("received_at", ASCENDING)])
        await self._applications.create_index("subject_id")
        await self._applications.create_index("follows")

    async def highest_numbers(self) -> dict[int, int]:
        """UIDVALIDITY → the highest number taken under it."""
        found: dict[int, int] = {}
        for validity in await self._applications.distinct("validity"):
            last = await self._applications.find_one({"validity": validity}, {"uids": 1}, sort=[("uids", DESCENDING)])
            found[validity] = max(last["uids"]) if last else 0
        return found

    async def take(self, applications: Iterable[Application]) -> int:
        """Each once, by its id, in this order; one that is known keeps its state and gets its new place at the
        server. Returns how many are new."""
        writes = [UpdateOne({"_id": a.application_id}, _taken(a), upsert=True) for a in applications]
        if not writes:
            return 0
        return (await self._applications.bulk_write(writes, ordered=True)).upserted_count

    async def by_id(self, application_id: str) -> Application | None:
        found = await self._applications.find_one({"_id": application_id})
        return _application(found) if found else None

    async def open_by_state(self) -> dict[State, int]:
        groups = self._applications.aggregate(
            [{"$match": {"state": {"$in": OPEN}}}, {"$group": {"_id": "$state", "count": {"$sum": 1}}}]
        )
        return {group["_id"]: group["count"] async for group in groups}

    async def oldest_open(self) -> datetime | None:
        """When it came: the oldest of those that a person wrote and that wait for an answer."""
        query = {"state": {"$in": OPEN}, "automatic": {"$ne": True}}
        found = await self._applications.find_one(query, {"received_at": 1}, sort=[("received_at", ASCENDING)])
        return found["received_at"] if found else None

    async def newest(self, limit: int) -> list[Application]:
        """Open ones first, oldest first: theirs is the nearest deadline. Then the others, newest first."""
        waiting = self._applications.find({"state": {"$in": OPEN}}).sort("received_at", ASCENDING).limit(limit)
        rest = self._applications.find({"state": {"$nin": OPEN}}).sort("received_at", DESCENDING).limit(limit)
        return [_application(d) async for d in waiting] + [_application(d) async for d in rest]

    async def following(self, application_id: str) -> list[Application]:
        """Mails that answer a reply to this one, oldest first."""
        found = self._applications.find({"follows": application_id}).sort("received_at", ASCENDING)
        return [_application(document) async for document in found]

    async def move(
        self, application: Application, changes: dict[str, Any], now: datetime, session: Session, *, to: State
    ) -> bool:
        """To another state, with what comes with it, unless somebody has moved it since it was read. What follows it
        is settled with it."""
        query = {"_id": application.application_id, "state": application.state, "moved_at": application.moved_at}
        change = {"$set": {**changes, "state": to, "moved_at": now}}
        if (await self._applications.update_one(query, change, session=session)).matched_count == 0:
            return False
        if to not in OPEN:
            following = {"follows": application.application_id, "state": {"$in": OPEN}}
            await self._applications.update_many(following, change, session=session)
        return True

    async def proposed(self, limit: int) -> list[Application]:
        """Those an approver has been asked about."""
        query = {"state": {"$in": OPEN}, "proposal_id": {"$ne": None}}
        return [_application(d) async for d in self._applications.find(query).limit(limit)]

    async def with_mail(self, state: State, limit: int, *, moved_before: datetime | None = None) -> list[Application]:
        """Those of that state whose mail is still at the server, longest first."""
        query: dict[str, Any] = {"state": state, "deleted_at": None}
        if moved_before is not None:
            query["moved_at"] = {"$lte": moved_before}
        return [_application(d) async for d in self._applications.find(query).sort("moved_at", ASCENDING).limit(limit)]

    async def deleted(self, application_id: str, now: datetime, session: Session) -> None:
        await self._applications.update_one({"_id": application_id}, {"$set": {"deleted_at": now}}, session=session)


def _taken(application: Application) -> list[Document]:
    """New as it is. Known, with its own numbers under this UIDVALIDITY, and none under an earlier one."""
    here = {"$eq": ["$validity", application.validity]}
    uids = {"$cond": [here, {"$setUnion": ["$uids", list(application.uids)]}, list(application.uids)]}
    place = {"validity": application.validity, "uids": uids}
    return [{"$replaceWith": {"$mergeObjects": [{"$literal": _document(application)}, "$$ROOT", place]}}]


def _document(application: Application) -> Document:
    return {"_id": application.application_id, **application.model_dump(exclude={"application_id"})}


def _application(document: Document) -> Application:
    return Application.model_validate({**document, "application_id": document["_id"]})
