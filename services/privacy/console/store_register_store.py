"""The newest sample of each store: how many documents, and names of what the policy does not describe."""

from collections.abc import Mapping, Sequence
from typing import Final

from pymongo import UpdateOne

from shared.contracts.store_samples import StoreSampled
from shared.stores.mongo import Database, bulk_upsert

COLLECTION: Final = "store_samples"


class StoreRegisterStore:
    def __init__(self, database: Database) -> None:
        self._samples = database[COLLECTION]

    async def keep(self, samples: Sequence[StoreSampled]) -> None:
        """A store's sample replaces an older one, whatever the order in which they come."""
        newest: dict[str, StoreSampled] = {}
        for sample in sorted(samples, key=lambda sample: sample.sampled_at):
            newest[sample.store] = sample
        await bulk_upsert(
            self._samples,
            [
                UpdateOne(
                    {"_id": store, "sampled_at": {"$lt": sample.sampled_at}},
                    {"$set": sample.model_dump(exclude={"store"})},
                    upsert=True,
                )
                for store, sample in newest.items()
            ],
        )

    async def all(self) -> Mapping[str, StoreSampled]:
        """By store."""
        found = self._samples.find()
        return {d["_id"]: StoreSampled.model_validate({**d, "store": d["_id"]}) async for d in found}
