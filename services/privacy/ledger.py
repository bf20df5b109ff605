"""The ledger: append-only, hash-chained, ids and counts only. What happened to a request, for whoever asks later.

Each entry's hash covers the one before it (SHA-256 over RFC 8785 JSON); the newest is published to Kafka, so that
a chain rewritten in MongoDB disagrees with the topic.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pymongo import ASCENDING, ReturnDocument

from shared.stores.mongo import Database, Document, Session
from shared.stores.receipts import canonical

COLLECTION: Final = "ledger"
HEAD: Final = "head"
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    what: str
    case_id: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    sequence: int
    hash: str


class LedgerBroken(Exception):
    """The chain does not hold from this entry on."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        super().__init__(
            f"Ledger entry {sequence} does not follow from the one before it: it was changed, removed or added "
            "outside the service. Compare with the topic ledger-heads and restore from there."
        )


class Ledger:
    def __init__(self, database: Database) -> None:
        self._entries = database[COLLECTION]

    async def append(self, entries: Sequence[Entry], now: datetime, session: Session) -> Head:
        """Within the caller's transaction. Two replicas appending at once conflict, and one tries again."""
        moved = await self._entries.find_one_and_update(
            {"_id": HEAD},
            {"$inc": {"sequence": len(entries)}, "$setOnInsert": {"hash": GENESIS}},
            upsert=True,
            return_document=ReturnDocument.BEFORE,
            session=session,
        )
        head = Head(moved["sequence"], moved["hash"]) if moved else Head(0, GENESIS)
        documents: list[Document] = []
        for entry in entries:
            body = {
                "sequence": head.sequence + 1,
                "at": _iso(now),
                "what": entry.what,
                "case_id": entry.case_id,
                "detail": entry.detail,
                "previous": head.hash,
            }
            head = Head(head.sequence + 1, hashlib.sha256(canonical(body)).hexdigest())
            documents.append({"_id": head.sequence, **body, "hash": head.hash})
        if documents:
            await self._entries.insert_many(documents, session=session)
            await self._entries.update_one({"_id": HEAD}, {"$set": {"hash": head.hash}}, session=session)
        return head

    async def head(self, session: Session | None = None) -> Head:
        document = await self._entries.find_one({"_id": HEAD}, session=session)
        return Head(document["sequence"], document["hash"]) if document else Head(0, GENESIS)

    async def verify(self) -> Head:
        """Recompute the whole chain, as it was at one moment: it grows meanwhile. Raises LedgerBroken at the first
        entry that does not hold."""
        async with await self._entries.database.client.start_session(snapshot=True) as session:
            expected = Head(0, GENESIS)
            entries = self._entries.find({"_id": {"$ne": HEAD}}, session=session).sort("_id", ASCENDING)
            async for document in entries:
                expected = _follower(expected, document)
            if expected != await self.head(session):
                raise LedgerBroken(expected.sequence + 1)
            return expected


def _follower(before: Head, document: Document) -> Head:
    """Raises LedgerBroken unless the document is the entry after `before`, as it was written."""
    body = {name: value for name, value in document.items() if name not in ("_id", "hash")}
    try:
        head = Head(document["sequence"], hashlib.sha256(canonical(body)).hexdigest())
        holds = document["_id"] == head.sequence == before.sequence + 1
        holds = holds and document["previous"] == before.hash and document["hash"] == head.hash
    except (KeyError, TypeError, ValueError):  # a member is missing, or is nothing that JSON has
        holds = False
    if not holds:
        raise LedgerBroken(before.sequence + 1)
    return head


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
