"""Look at a store's own collections: how many documents, and whether the policy knows what is in them.

Drift is what erasure would not reach: a field or a collection without a row in the policy file. Names only, and only
such as look like names; never a value.
"""

from collections import Counter
from dataclasses import dataclass, field

from shared.policy.check import shown_name, unknown_fields
from shared.policy.model import Policy
from shared.stores.mongo import Database

SAMPLE = 200


@dataclass(frozen=True, slots=True)
class Sampled:
    """`documents`: all, as MongoDB estimates. `looked_at`: how many of the newest. `unknown`: name of a field without
    a row → in how many of those."""

    documents: int
    looked_at: int
    unknown: dict[str, int] = field(default_factory=dict)


async def sample(database: Database, policy: Policy, store: str) -> dict[str, Sampled]:
    """Every collection of the store that the policy describes."""
    return {name: await _sample(database, policy, store, name) for name in policy.store(store).collections}


async def unmapped(database: Database, policy: Policy, store: str) -> tuple[str, ...]:
    """Collections that are there and that the policy does not describe."""
    names = await database.list_collection_names(filter={"name": {"$not": {"$regex": r"^system\."}}})
    return tuple(sorted({shown_name(name) for name in names if name not in policy.store(store).collections}))


async def _sample(database: Database, policy: Policy, store: str, name: str) -> Sampled:
    unknown: Counter[str] = Counter()
    looked_at = 0
    async for document in database[name].find({}).sort("$natural", -1).limit(SAMPLE):
        looked_at += 1
        unknown.update({shown_name(field) for field in unknown_fields(policy, store, name, document)})
    documents = max(await database[name].estimated_document_count(), looked_at)
    return Sampled(documents, looked_at, dict(sorted(unknown.items())))
