"""Proof of consent: which text, in which language, when, and when it was taken back (Law 94-V art. 22(1)(5))."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from shared.contracts.consents import Scope
from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "consents"


class ConsentStore:
    def __init__(self, database: Database) -> None:
        self._consents = database[COLLECTION]

    async def add(self, consents: Sequence[Document], session: Session) -> None:
        await self._consents.insert_many(consents, ordered=False, session=session)

    async def withdraw(self, subject_ids: Sequence[str], scope: Scope, now: datetime, session: Session) -> None:
        """Note it on every consent that stands; one withdrawn in full stays as it was."""
        standing = {"subject_id": {"$in": list(subject_ids)}, "withdrawn_scope": {"$nin": ["all", scope]}}
        await self._consents.update_many(
            standing, {"$set": {"withdrawn_at": now, "withdrawn_scope": scope}}, session=session
        )
