"""Count attempts, so that nobody may try without end: in MongoDB, the same for every replica."""

from datetime import UTC, datetime, timedelta
from typing import Final

from pymongo import ReturnDocument

from shared.stores.mongo import Database, expire_after

COLLECTION: Final = "attempts"


class Attempts:
    def __init__(self, database: Database) -> None:
        self._attempts = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await expire_after(self._attempts, "expires_at", timedelta(0))

    async def allowed(self, kind: str, key: str, *, most: int, within: timedelta) -> bool:
        """Count one more; whether it is among the first `most` of its window. `key` is an id or a keyed hash, never
        what somebody typed."""
        now = datetime.now(UTC)
        window = int(now.timestamp() // within.total_seconds())
        counted = await self._attempts.find_one_and_update(
            {"_id": f"{kind}/{key}/{window}"},
            {"$inc": {"count": 1}, "$setOnInsert": {"expires_at": now + within}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return bool(counted["count"] <= most)

    async def forget(self, kind: str, key: str, *, within: timedelta) -> None:
        """After a success the count begins anew."""
        window = int(datetime.now(UTC).timestamp() // within.total_seconds())
        await self._attempts.delete_one({"_id": f"{kind}/{key}/{window}"})
