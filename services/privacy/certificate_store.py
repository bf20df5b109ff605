"""Issued certificates, by case: the first at its closing, the second when every copy is past reading."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, UpdateOne

from shared.stores.mongo import Database, Session

COLLECTION: Final = "certificates"


class CertificateStore:
    def __init__(self, database: Database) -> None:
        self._certificates = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._certificates.create_index([("second", ASCENDING), ("second_from", ASCENDING)])

    async def put(self, certificates: Mapping[str, dict[str, Any]], session: Session) -> None:
        """Within the transaction that closes the cases."""
        await self._certificates.insert_many(
            [
                {"_id": case_id, **issued, "second_from": second_from(issued["certificate"]), "second": None}
                for case_id, issued in certificates.items()
            ],
            session=session,
        )

    async def of(self, case_id: str) -> dict[str, Any] | None:
        """The signed JSON object, as it is handed out."""
        document = await self._certificates.find_one({"_id": case_id}, {"certificate": 1})
        return document["certificate"] if document else None

    async def awaiting_second(
        self, now: datetime, through: Mapping[str, int], limit: int, session: Session
    ) -> list[dict[str, Any]]:
        """First certificates whose Kafka copies are gone and which name, of these readers, epochs up to those."""
        epochs = [{f"certificate.keys.{reader}.epoch": {"$not": {"$gt": last}}} for reader, last in through.items()]
        query = {"second": None, "second_from": {"$lte": now}, "$and": epochs}
        found = self._certificates.find(query, {"certificate": 1}, session=session)
        return [document["certificate"] async for document in found.sort("second_from", ASCENDING).limit(limit)]

    async def put_second(self, certificates: Mapping[str, dict[str, Any]], session: Session) -> None:
        """Within the transaction that notes them in the ledger. `{"certificate", "sha256"}` each."""
        await self._certificates.bulk_write(
            [
                UpdateOne({"_id": case_id, "second": None}, {"$set": {"second": issued}})
                for case_id, issued in certificates.items()
            ],
            session=session,
        )

    async def second_of(self, case_id: str) -> tuple[dict[str, Any] | None, datetime | None]:
        """The signed JSON object, and from when on it can be; neither for a case that destroyed no key."""
        document = await self._certificates.find_one({"_id": case_id}, {"second": 1, "second_from": 1})
        if document is None:
            return None, None
        second = document.get("second")
        return second["certificate"] if second else None, document.get("second_from")


def second_from(first: Mapping[str, Any]) -> datetime | None:
    """When the last sealed copy has left Kafka. None where no key was destroyed, as for promotions."""
    if first["scope"] != "all":
        return None
    gone_by = first["bounds"]["kafka_copies_gone_by"].values()
    return max(
        (datetime.fromisoformat(moment) for moment in gone_by), default=datetime.fromisoformat(first["issued_at"])
    )
