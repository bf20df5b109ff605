"""Stores' answers until all of them are in: so that a case is written once a round, not once an answer.

An answer is kept only for the step its case waits in, and goes when the case has it. Counts, ids, and in intake's
answer the sealed contact; never a personal field in clear.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.stores.mongo import Database, Document, insert_new

COLLECTION: Final = "answers"


@dataclass(frozen=True, slots=True)
class Answer:
    """`round` 0: it stopped; from 1: its receipt for that round. `body` as its event had it."""

    case_id: str
    subject_id: str
    store: str
    round: int
    body: dict[str, Any]


class AnswerStore:
    def __init__(self, database: Database) -> None:
        self._answers = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._answers.create_index("case_id")

    async def keep(self, answers: Sequence[Answer]) -> None:
        """Each store's first answer of a round stays: it has the true counts."""
        await insert_new(self._answers, [_document(answer) for answer in answers])

    async def stores_of(self, case_ids: Collection[str]) -> dict[tuple[str, int], set[str]]:
        """(case id, round) → which stores have answered. Read after the caller's own answers are durable, one of two
        replicas sees them all."""
        found: dict[tuple[str, int], set[str]] = defaultdict(set)
        wanted = {"case_id": 1, "round": 1, "store": 1}
        async for document in self._answers.find({"case_id": {"$in": list(case_ids)}}, wanted):
            found[document["case_id"], document["round"]].add(document["store"])
        return found

    async def of(self, case_ids: Collection[str]) -> dict[str, list[Answer]]:
        """Every case's answers so far."""
        found: dict[str, list[Answer]] = defaultdict(list)
        async for document in self._answers.find({"case_id": {"$in": list(case_ids)}}):
            found[document["case_id"]].append(
                Answer(*(document[name] for name in ("case_id", "subject_id", "store", "round", "body")))
            )
        return found

    async def forget(self, answers: Sequence[Answer]) -> None:
        """Their cases have them now, or will never want them."""
        if answers:
            await self._answers.delete_many({"_id": {"$in": [_id(answer) for answer in answers]}})


def _id(answer: Answer) -> str:
    return f"{answer.case_id}-{answer.round}-{answer.store}"


def _document(answer: Answer) -> Document:
    return {
        "_id": _id(answer),
        "case_id": answer.case_id,
        "subject_id": answer.subject_id,
        "store": answer.store,
        "round": answer.round,
        "body": answer.body,
    }
