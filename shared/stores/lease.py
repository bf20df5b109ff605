"""Take what is due so that of many replicas one does it: each document is the taker's alone until its lease is over,
by a clock that the takers share."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pymongo import ASCENDING

from shared.stores.mongo import Collection, Document


async def take_due(
    collection: Collection,
    due: Mapping[str, Any],
    *,
    at: str,
    until: datetime,
    limit: int,
    change: Mapping[str, Document] = MappingProxyType({}),
) -> tuple[list[Document], bool]:
    """The documents due longest, in no order, as they are now, and whether there may be more: another replica
    may have taken some of them, or all, in the same moment.

    due: which are. at: the field that says when; it becomes `until`. change: what else taking one does to it."""
    found = collection.find(due, {"_id": 1}).sort(at, ASCENDING).limit(limit)
    ids = [document["_id"] async for document in found]
    if not ids:
        return [], False
    lease = secrets.token_hex(16)
    taken = {**change, "$set": {**change.get("$set", {}), at: until, "lease": lease}}
    await collection.update_many({"_id": {"$in": ids}, **due}, taken)
    mine = collection.find({"_id": {"$in": ids}, "lease": lease})
    return await mine.to_list(limit), len(ids) == limit
