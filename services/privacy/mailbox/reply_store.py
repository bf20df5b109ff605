"""Replies to applications: which one, in which language and what became of it. Never an address or a text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from pymongo import ASCENDING, ReturnDocument

from shared.policy.rows import Language
from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "application_replies"
LEASE: Final = timedelta(seconds=60)
ReplyKind = Literal["received", "proof_wanted", "not_actionable", "done"]
_OURS: Final = re.compile(r"<application-([0-9a-f]{32})-[a-z_]+@[^<>@]+>")


@dataclass(frozen=True, slots=True)
class Reply:
    reply_id: str
    application_id: str
    kind: ReplyKind
    language: Language
    attempts: int


def message_id_of(reply_id: str) -> str:
    """The part before the @, the same however often the reply is sent."""
    return f"application-{reply_id}"


def application_answered(references: Iterable[str]) -> str | None:
    """The application whose reply a mail answers, by the message ids it refers to."""
    return next((found[1] for reference in references if (found := _OURS.fullmatch(reference))), None)


class ReplyStore:
    def __init__(self, database: Database) -> None:
        self._replies = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._replies.create_index([("state", ASCENDING), ("next_at", ASCENDING)])
        await self._replies.create_index("application_id")

    async def queue(
        self, application_id: str, kind: ReplyKind, language: Language, now: datetime, session: Session
    ) -> None:
        """Within the transaction that decided it; each kind once for an application."""
        reply = {
            "application_id": application_id,
            "kind": kind,
            "language": language,
            "state": "due",
            "attempts": 0,
            "next_at": now,
            "created_at": now,
        }
        await self._replies.update_one(
            {"_id": f"{application_id}-{kind}"}, {"$setOnInsert": reply}, upsert=True, session=session
        )

    async def take_due(self, now: datetime) -> Reply | None:
        """The one due longest, leased to the caller so that one replica sends it."""
        found: Document | None = await self._replies.find_one_and_update(
            {"state": "due", "next_at": {"$lte": now}},
            {"$set": {"next_at": now + LEASE}, "$inc": {"attempts": 1}},
            sort=[("next_at", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        if found is None:
            return None
        return Reply(found["_id"], found["application_id"], found["kind"], found["language"], found["attempts"])

    async def postpone(self, reply_id: str, until: datetime) -> None:
        await self._replies.update_one({"_id": reply_id}, {"$set": {"next_at": until}})

    async def settle(self, reply_id: str, outcome: str, now: datetime) -> None:
        await self._replies.update_one({"_id": reply_id}, {"$set": {"state": outcome, "settled_at": now}})

    async def outcomes(self, application_id: str) -> dict[ReplyKind, str]:
        """Kind → `due`, or what became of it; in the order in which they were decided."""
        found = self._replies.find({"application_id": application_id}).sort("created_at", ASCENDING)
        return {reply["kind"]: reply["state"] async for reply in found}

    async def waiting(self, application_ids: Iterable[str]) -> set[str]:
        """Those of these applications that a reply is still due to: it needs the mail."""
        query = {"application_id": {"$in": list(application_ids)}, "state": "due"}
        return set(await self._replies.distinct("application_id", query))
