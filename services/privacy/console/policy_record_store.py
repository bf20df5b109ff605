"""Every policy the service has run under, with its rows, in the order in which they came to be in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "policies"


@dataclass(frozen=True, slots=True)
class InForce:
    """`rows` as `policy_rows` has them. A policy that comes back after another is there twice."""

    number: int
    sha256: str
    version: str
    since: datetime
    rows: Mapping[str, str]


class AlreadyNoted(Exception):
    """The newest entry is of this very policy: another replica was first."""


class PolicyRecordStore:
    def __init__(self, database: Database) -> None:
        self._policies = database[COLLECTION]

    async def newest_sha256(self) -> str | None:
        newest = await self._newest()
        return newest["sha256"] if newest else None

    async def add(self, sha256: str, version: str, rows: Mapping[str, str], now: datetime, session: Session) -> None:
        """Within the caller's transaction. Raises AlreadyNoted."""
        newest = await self._newest(session)
        if newest and newest["sha256"] == sha256:
            raise AlreadyNoted
        document = {
            "_id": newest["_id"] + 1 if newest else 1,
            "sha256": sha256,
            "version": version,
            "since": now,
            "rows": [{"row": row, "is": value} for row, value in rows.items()],
        }
        try:
            await self._policies.insert_one(document, session=session)
        except DuplicateKeyError:
            raise AlreadyNoted from None

    async def all(self) -> list[InForce]:
        """Oldest first."""
        return [_in_force(document) async for document in self._policies.find().sort("_id", ASCENDING)]

    async def _newest(self, session: Session | None = None) -> Document | None:
        return await self._policies.find_one({}, {"rows": 0}, sort=[("_id", DESCENDING)], session=session)


def _in_force(document: Document) -> InForce:
    rows = {item["row"]: item["is"] for item in document["rows"]}
    return InForce(document["_id"], document["sha256"], document["version"], document["since"], rows)
