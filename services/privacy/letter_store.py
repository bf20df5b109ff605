"""Letters to send about a request: kind and outcome, never an address or a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pymongo import ASCENDING, DESCENDING, ReturnDocument, UpdateOne

from services.privacy.case_facts import LetterKind
from shared.contracts.inspections import Use
from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "letters"
LEASE = timedelta(seconds=30)
IN_ORDER: Final[tuple[LetterKind, ...]] = ("received", "deferred", "promotions_stopped", "done")


@dataclass(frozen=True, slots=True)
class Letter:
    letter_id: str
    case_id: str
    subject_id: str
    kind: LetterKind
    attempts: int


class LetterStore:
    def __init__(self, database: Database) -> None:
        self._letters = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._letters.create_index([("state", ASCENDING), ("next_at", ASCENDING)])
        await self._letters.create_index("case_id")
        await self._letters.create_index("subject_id")

    async def queue(self, letters: Sequence[tuple[str, str, LetterKind]], now: datetime, session: Session) -> None:
        """(case id, subject id, kind), within the transaction that decided them; each once."""
        once = [
            UpdateOne(
                {"_id": f"{case_id}-{kind}"},
                {
                    "$setOnInsert": {
                        "case_id": case_id,
                        "subject_id": subject_id,
                        "kind": kind,
                        "state": "due",
                        "attempts": 0,
                        "next_at": now,
                        "created_at": now,
                    }
                },
                upsert=True,
            )
            for case_id, subject_id, kind in letters
        ]
        if once:
            await self._letters.bulk_write(once, session=session)

    async def take_due(self, now: datetime) -> Letter | None:
        """The letter due longest, leased to the caller so that one replica sends it."""
        document: Document | None = await self._letters.find_one_and_update(
            {"state": "due", "next_at": {"$lte": now}},
            {"$set": {"next_at": now + LEASE}, "$inc": {"attempts": 1}},
            sort=[("next_at", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            return None
        return Letter(
            document["_id"], document["case_id"], document["subject_id"], document["kind"], document["attempts"]
        )

    async def waits_for_another(self, letter: Letter) -> bool:
        """Whether an earlier letter of the case is not settled yet: letters of a case go out in order."""
        earlier = IN_ORDER[: IN_ORDER.index(letter.kind)]
        query = {"case_id": letter.case_id, "state": "due", "kind": {"$in": earlier}}
        return await self._letters.find_one(query, {"_id": 1}) is not None

    async def postpone(self, letter_id: str, until: datetime) -> None:
        await self._letters.update_one({"_id": letter_id}, {"$set": {"next_at": until}})

    async def uses(self, subject_id: str, most: int, session: Session) -> list[Use]:
        """Newest first: letters that went out, each to the e-mail address."""
        sent = self._letters.find({"subject_id": subject_id, "state": "sent"}, session=session)
        return [_use(document) async for document in sent.sort("settled_at", DESCENDING).limit(most)]

    async def settle(self, letter_id: str, state: str, now: datetime) -> None:
        await self._letters.update_one({"_id": letter_id}, {"$set": {"state": state, "settled_at": now}})


def _use(document: Document) -> Use:
    return Use(
        reader="privacy",
        what=f"letter_{document['kind']}",
        purpose="3.2.6",
        fields=("email", "given_name", "language"),
        at=document["settled_at"],
        channel="email",
        state="sent",
    )
