"""Proof of consent: which text, in which language, when, and when it was taken back (Law 94-V art. 22(1)(5))."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pymongo import DESCENDING, UpdateMany

from shared.contracts.consents import Scope
from shared.policy.rows import Language
from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "consents"


@dataclass(frozen=True, slots=True)
class Consent:
    """withdrawn_scope: None while it holds."""

    consent_id: str
    policy_version: str
    language: Language
    promotions: bool
    given_at: datetime
    channel: str
    withdrawn_at: datetime | None
    withdrawn_scope: Scope | None


class ConsentStore:
    def __init__(self, database: Database) -> None:
        self._consents = database[COLLECTION]

    async def add(self, consents: Sequence[Document], session: Session) -> None:
        await self._consents.insert_many(consents, ordered=False, session=session)

    async def of(self, subject_id: str) -> list[Consent]:
        """Newest first."""
        found = self._consents.find({"subject_id": subject_id}).sort("given_at", DESCENDING)
        return [_consent(document) async for document in found]

    async def withdraw(self, withdrawals: Sequence[tuple[str, Scope, datetime]], session: Session) -> None:
        """(subject id, scope, when). Noted on every consent given until then; one withdrawn in full stays as it was."""
        await self._consents.bulk_write(
            [
                UpdateMany(
                    {"subject_id": subject_id, "given_at": {"$lte": at}, "withdrawn_scope": {"$nin": ["all", scope]}},
                    {"$set": {"withdrawn_at": at, "withdrawn_scope": scope}},
                )
                for subject_id, scope, at in withdrawals
            ],
            session=session,
        )


def _consent(document: Document) -> Consent:
    return Consent(
        consent_id=document["_id"],
        policy_version=document["policy_version"],
        language=document["language"],
        promotions=document["promotions"],
        given_at=document["given_at"],
        channel=document["channel"],
        withdrawn_at=document.get("withdrawn_at"),
        withdrawn_scope=document.get("withdrawn_scope"),
    )
