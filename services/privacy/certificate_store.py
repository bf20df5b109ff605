"""Issued certificates, by case."""

from collections.abc import Mapping
from typing import Any, Final

from shared.stores.mongo import Database, Session

COLLECTION: Final = "certificates"


class CertificateStore:
    def __init__(self, database: Database) -> None:
        self._certificates = database[COLLECTION]

    async def put(self, certificates: Mapping[str, dict[str, Any]], session: Session) -> None:
        """Within the transaction that closes the cases."""
        await self._certificates.insert_many(
            [{"_id": case_id, **certificate} for case_id, certificate in certificates.items()], session=session
        )

    async def of(self, case_id: str) -> dict[str, Any] | None:
        """The signed JSON object, as it is handed out."""
        document = await self._certificates.find_one({"_id": case_id}, {"_id": 0})
        return document["certificate"] if document else None
