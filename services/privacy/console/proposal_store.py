"""Proposals and what was decided of them: ids, codes and counts, of a person the random id only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING

from services.privacy.console.proposal import AlreadyDecided, Proposal
from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "proposals"


class ProposalStore:
    def __init__(self, database: Database) -> None:
        self._proposals = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._proposals.create_index([("state", ASCENDING), ("proposed_at", ASCENDING)])
        await self._proposals.create_index("subject_id")

    async def add(self, proposal: Proposal, session: Session) -> None:
        await self._proposals.insert_one(_document(proposal), session=session)

    async def by_id(self, proposal_id: str) -> Proposal | None:
        found = await self._proposals.find_one({"_id": proposal_id})
        return _proposal(found) if found else None

    async def newest(self, limit: int) -> list[Proposal]:
        """Those that wait first, oldest first; then what was decided, newest first."""
        waiting = self._proposals.find({"state": "waiting"}).sort("proposed_at", ASCENDING).limit(limit)
        rest = self._proposals.find({"state": {"$ne": "waiting"}}).sort("decided_at", DESCENDING).limit(limit)
        return [_proposal(d) async for d in waiting] + [_proposal(d) async for d in rest]

    async def of_subject(self, subject_id: str) -> list[Proposal]:
        found = self._proposals.find({"subject_id": subject_id}).sort("proposed_at", DESCENDING)
        return [_proposal(document) async for document in found]

    async def waiting(self, *, not_of: str | None = None) -> int:
        """How many wait; those of one person left out, who can't decide on them."""
        query: dict[str, Any] = {"state": "waiting"}
        return await self._proposals.count_documents({**query, "proposed_by": {"$ne": not_of}} if not_of else query)

    async def decide(self, after: Proposal, session: Session) -> None:
        """Store the decision, unless it was decided meanwhile or by whoever proposed it: the rule stands here too.

        Raises AlreadyDecided."""
        free = {"_id": after.proposal_id, "state": "waiting", "proposed_by": {"$ne": after.decided_by}}
        names = ("state", "decided_by", "decided_at", "reason")
        change = {"$set": {name: getattr(after, name) for name in names}}
        if (await self._proposals.update_one(free, change, session=session)).modified_count != 1:
            raise AlreadyDecided

    async def to_carry_out(self, limit: int) -> list[Proposal]:
        query = {"state": "approved", "done_at": None}
        found = self._proposals.find(query).sort("decided_at", ASCENDING).limit(limit)
        return [_proposal(document) async for document in found]

    async def done(self, proposal_ids: Sequence[str], now: datetime) -> None:
        await self._proposals.update_many({"_id": {"$in": list(proposal_ids)}}, {"$set": {"done_at": now}})


def _document(proposal: Proposal) -> Document:
    return {"_id": proposal.proposal_id, **proposal.model_dump(exclude={"proposal_id"})}


def _proposal(document: Document) -> Proposal:
    return Proposal.model_validate({**document, "proposal_id": document["_id"]})
