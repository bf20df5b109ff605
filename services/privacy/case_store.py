"""Cases: ids, states, counts and signed receipts. The only personal data is a sealed contact, gone at closing."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, get_args

from pymongo import ASCENDING, ReplaceOne

from services.privacy.case import Case, State
from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "cases"
OPEN: Final[tuple[State, ...]] = tuple(state for state in get_args(State) if state != "closed")
WAITING_FOR_STORES = ("restricting", "erasing", "verifying")


@dataclass(frozen=True, slots=True)
class CaseStep:
    """Whose case it is, and what it waits for: all that an answer of a store is held against."""

    subject_id: str
    state: str
    round: int


@dataclass(frozen=True, slots=True)
class Erasing:
    """Whose case it is, how far it is, and how many readers' keys it has destroyed."""

    case_id: str
    subject_id: str
    state: str
    keys_destroyed: int


class CaseStore:
    def __init__(self, database: Database) -> None:
        self._cases = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._cases.create_index("subject_id")
        await self._cases.create_index([("state", ASCENDING), ("due_at", ASCENDING)])
        await self._cases.create_index([("state", ASCENDING), ("commanded_at", ASCENDING)])
        await self._cases.create_index("deadline")
        await self._cases.create_index([("closed_at", ASCENDING), ("deadline", ASCENDING)])
        for moment in ("received_at", "commanded_at"):  # of the figures of the last days
            await self._cases.create_index(moment)

    async def by_ids(self, case_ids: Iterable[str], session: Session | None = None) -> dict[str, Case]:
        found = self._cases.find({"_id": {"$in": list(case_ids)}}, session=session)
        return {document["_id"]: _case(document) async for document in found}

    async def steps_of(self, case_ids: Iterable[str]) -> dict[str, CaseStep]:
        found = self._cases.find({"_id": {"$in": list(case_ids)}}, {"subject_id": 1, "state": 1, "round": 1})
        return {d["_id"]: CaseStep(d["subject_id"], d["state"], d["round"]) async for d in found}

    async def by_id(self, case_id: str) -> Case | None:
        return (await self.by_ids([case_id])).get(case_id)

    async def of_subjects(self, subject_ids: Iterable[str], session: Session | None = None) -> list[Case]:
        """Open first; whatever their state."""
        found = self._cases.find({"subject_id": {"$in": list(subject_ids)}}, session=session)
        return [_case(document) async for document in found.sort("closed_at", ASCENDING)]

    async def not_closed_of(self, subject_ids: Iterable[str]) -> list[Case]:
        query = {"subject_id": {"$in": list(subject_ids)}, "state": {"$ne": "closed"}}
        return [_case(document) async for document in self._cases.find(query)]

    async def newest(self, *, state: str | None, limit: int, skip: int = 0) -> list[Case]:
        """Open cases by deadline, nearest first; closed ones after them."""
        return await self.matching({"state": state} if state else {}, limit=limit, skip=skip)

    async def matching(self, query: Mapping[str, Any], *, limit: int, skip: int = 0) -> list[Case]:
        """As `newest`, of the cases that match."""
        found = self._cases.find(dict(query)).sort([("closed_at", ASCENDING), ("deadline", ASCENDING)])
        return [_case(document) async for document in found.skip(skip).limit(limit)]

    async def count(self, query: Mapping[str, Any]) -> int:
        return await self._cases.count_documents(dict(query))

    async def by_state(self) -> dict[str, int]:
        """State → how many cases are in it. Sorted first, because then an index alone answers."""
        counted = {"$group": {"_id": "$state", "count": {"$sum": 1}}}
        groups = self._cases.aggregate([{"$sort": {"state": ASCENDING}}, counted])
        return {group["_id"]: group["count"] async for group in groups}

    async def open_by_state(self) -> dict[State, int]:
        """As `by_state`, of the open ones: of the closed there are ever more."""
        groups = self._cases.aggregate(
            [{"$match": {"state": {"$in": OPEN}}}, {"$group": {"_id": "$state", "count": {"$sum": 1}}}]
        )
        return {group["_id"]: group["count"] async for group in groups}

    async def nearest_deadline(self) -> date | None:
        """Of the open cases; None where there are none."""
        nearest = await self._cases.find({"closed_at": None}, {"deadline": 1}).sort("deadline", ASCENDING).to_list(1)
        return date.fromisoformat(nearest[0]["deadline"]) if nearest else None

    async def unmoved(self, since: datetime, limit: int) -> dict[tuple[str, int], set[str]]:
        """(case id, round) of the cases that have waited for its answers (0: that the stores stopped) since then →
        the stores whose answers they have. Asking the stores again moves no case."""
        last = {"$arrayElemAt": ["$timeline.at", -1]}
        query = {"state": {"$in": WAITING_FOR_STORES}, "$expr": {"$lte": [last, since]}}
        found = self._cases.find(query, {"round": 1, "restricted": 1, "receipts": 1}).limit(limit)
        return {
            (case["_id"], case["round"]): set(
                case["receipts"].get(str(case["round"]), ()) if case["round"] else case["restricted"]
            )
            async for case in found
        }

    def erasing(self, subject_ids: Sequence[str]) -> AsyncIterator[Erasing]:
        """The cases that erase these subjects."""
        return self._erasing({"$in": list(subject_ids)})

    def erasing_in(self, group: str) -> AsyncIterator[Erasing]:
        """The cases that erase subjects whose id begins with these hex digits."""
        return self._erasing({"$regex": f"^{group}"})

    async def _erasing(self, subjects: Document) -> AsyncIterator[Erasing]:
        query: dict[str, Any] = {"scope": "all", "subject_id": subjects}
        wanted = {"subject_id": 1, "state": 1, "keys_destroyed": 1}
        async for found in self._cases.find(query, wanted, batch_size=1_000):
            yield Erasing(found["_id"], found["subject_id"], found["state"], len(found["keys_destroyed"]))

    async def due(self, now: datetime, limit: int) -> list[str]:
        query = {"state": "second_pass_due", "due_at": {"$lte": now}}
        return [document["_id"] async for document in self._cases.find(query, {"_id": 1}).limit(limit)]

    async def unanswered(self, since: datetime, limit: int) -> list[Case]:
        """Cases whose stores have been silent since then: their commands are sent again."""
        query = {"state": {"$in": list(WAITING_FOR_STORES)}, "commanded_at": {"$lte": since}}
        return [_case(document) async for document in self._cases.find(query).limit(limit)]

    async def touch(self, case_ids: Sequence[str], now: datetime) -> None:
        await self._cases.update_many({"_id": {"$in": list(case_ids)}}, {"$set": {"commanded_at": now}})

    async def save(self, cases: Sequence[Case], session: Session) -> None:
        await self._cases.bulk_write(
            [ReplaceOne({"_id": case.case_id}, _document(case), upsert=True) for case in cases],
            ordered=False,
            session=session,
        )


def _document(case: Case) -> Document:
    document: dict[str, Any] = case.model_dump(exclude={"case_id"})
    return {"_id": case.case_id, **document, "deadline": case.deadline.isoformat()}


def _case(document: Document) -> Case:
    deadline = date.fromisoformat(document["deadline"])
    return Case.model_validate({**document, "case_id": document["_id"], "deadline": deadline})
