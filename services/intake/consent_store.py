"""Proof of consent: which text, in which language, when, and when it was taken back (Law 94-V art. 22(1)(5))."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pymongo import UpdateMany

from shared.contracts.consents import Scope
from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "consents"


class ConsentStore:
    def __init__(self, database: Database) -> None:
        self._consents = database[COLLECTION]

    async def add(self, consents: Sequence[Document], session: Session) -> None:
        await self._consents.insert_many(consents, ordered=False, session=session)

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
