"""Promotional campaigns: texts that are the same for everybody."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final, TypeAlias

from shared.stores.mongo import Database, insert_new

COLLECTION: Final = "campaigns"
Texts: TypeAlias = Mapping[str, Mapping[str, str]]
"""Language → `subject` and `body`."""


class CampaignStore:
    def __init__(self, database: Database) -> None:
        self._campaigns = database[COLLECTION]

    async def add(self, campaign: str, texts: Texts, now: datetime) -> None:
        """One that is there already stays as it is."""
        await insert_new(self._campaigns, [{"_id": campaign, "texts": texts, "created_at": now}])

    async def texts_of(self, campaigns: Collection[str]) -> dict[str, Texts]:
        found = self._campaigns.find({"_id": {"$in": list(campaigns)}})
        return {document["_id"]: document["texts"] async for document in found}
