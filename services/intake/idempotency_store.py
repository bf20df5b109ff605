"""Answers to requests that may be repeated. Keys and requests are kept as keyed hashes: either may hold what a
person typed, and a plain hash of that could be tried out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.intake.order import Placed
from shared.stores.mongo import Database, Document, Session, expire_after

COLLECTION: Final = "idempotency_keys"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, and to which request. `fingerprint` is None for a request that can't be repeated."""

    fingerprint: str | None
    placed: Placed


class IdempotencyStore:
    def __init__(self, database: Database, kept: timedelta) -> None:
        self._answers = database[COLLECTION]
        self._kept = kept

    async def ensure_indexes(self) -> None:
        await expire_after(self._answers, "created_at", self._kept)

    async def find(self, keys: Collection[str], session: Session) -> dict[str, Answer]:
        """The answers given under these keys."""
        if not keys:
            return {}
        found = self._answers.find({"_id": {"$in": list(keys)}}, session=session)
        return {document["_id"]: _answer(document) async for document in found}

    async def add(self, answers: Mapping[str, Answer], now: datetime, session: Session) -> None:
        """Of requests that may be repeated."""
        documents: list[Document] = [
            {
                "_id": key,
                "fingerprint": answer.fingerprint,
                "order_id": answer.placed.order_id,
                "subject_id": answer.placed.subject_id,
                "amount_kzt": answer.placed.amount_kzt,
                "created_at": now,
            }
            for key, answer in answers.items()
            if answer.fingerprint is not None
        ]
        if documents:
            await self._answers.insert_many(documents, ordered=False, session=session)


def _answer(document: Document) -> Answer:
    placed = Placed(document["order_id"], document["subject_id"], document["amount_kzt"])
    return Answer(document["fingerprint"], placed)
