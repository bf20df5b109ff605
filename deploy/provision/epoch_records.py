"""The record of key-encryption keys' epochs in MongoDB, which only an administrator can write.

The privacy service reads it: that an epoch is gone is what a second certificate rests on. KEKs themselves are never
in MongoDB.
"""

from collections.abc import Sequence
from datetime import datetime

from shared.stores.keyring_view import DATABASE, EPOCHS
from shared.stores.mongo import Client


async def note_created(client: Client, reader: str, epoch: int, now: datetime) -> None:
    """Before the epoch is there: a key wrapped under it is never older than its record."""
    known = {"reader": reader, "epoch": epoch, "created_at": now, "destroyed_at": None}
    await client[DATABASE][EPOCHS].update_one({"_id": _id(reader, epoch)}, {"$setOnInsert": known}, upsert=True)


async def note_destroyed(client: Client, reader: str, living: Sequence[int], now: datetime) -> None:
    """Of every epoch before the newest that lives no more. The first word counts; one that a crash or a restored
    backup lost is said again, with a later time."""
    for epoch in sorted(set(range(1, max(living))) - set(living)):
        first = {"reader": reader, "epoch": epoch, "destroyed_at": {"$ifNull": ["$destroyed_at", now]}}
        await client[DATABASE][EPOCHS].update_one({"_id": _id(reader, epoch)}, [{"$set": first}], upsert=True)


def _id(reader: str, epoch: int) -> str:
    return f"{reader}/{epoch}"
