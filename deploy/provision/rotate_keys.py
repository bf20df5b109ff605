"""Rotate a reader's key-encryption key: survivors are re-wrapped, the old key is destroyed.

After it, a wrapped data key of an erased subject that still lies in an oplog, a journal or a backup opens with no
key that exists. Services go on meanwhile: publishers take the new epoch up when their sessions end, readers read
re-wrapped keys when their caches end; the rotation waits for both.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from pymongo import UpdateOne

from shared.sealing.kek_files import KekFiles, create_epoch, destroy_epoch, epochs_in
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper, WrappedKey
from shared.stores.keyring_view import DATABASE, SUBJECTS
from shared.stores.mongo import Client, Collection, Document

AT_ONCE = 1_000
PUBLISHER = "intake"


@dataclass(frozen=True, slots=True)
class Rotation:
    reader: str
    old_epochs: tuple[int, ...]
    new_epoch: int
    rewrapped: int


async def rotate(
    client: Client,
    keys_root: Path,
    reader: str,
    *,
    cache_seconds: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Rotation:
    """Resumes after a crash at any point: every step may be repeated. Takes twice the cache bound, or three times it
    where an order sealed in a session's last moment was stored after the first pass."""
    old = tuple(epochs_in(keys_root / reader / "kek"))
    new = old[-1] + 1
    create_epoch(keys_root, reader, new)
    await sleep(cache_seconds)  # publishers' sessions under the old epoch end
    rewrapped = 0
    while found := await _rewrap_survivors(client[DATABASE][SUBJECTS], keys_root, reader, new, cache_seconds):
        rewrapped += found
        await sleep(cache_seconds)  # readers' cached copies of the old wrapping end
    for epoch in old:
        destroy_epoch(keys_root, reader, epoch)
    return Rotation(reader, old, new, rewrapped)


async def _rewrap_survivors(subjects: Collection, keys_root: Path, reader: str, new: int, cache_seconds: float) -> int:
    unwrapper = KeyUnwrapper(KekFiles(keys_root / reader, reader), reader, cache_seconds)
    wrapper = KeyWrapper(KekFiles(keys_root / PUBLISHER, PUBLISHER), cache_seconds)
    older = {f"keys.{reader}.epoch": {"$lt": new}}
    count = 0
    while documents := await subjects.find(older, {f"keys.{reader}": 1}).limit(AT_ONCE).to_list(AT_ONCE):
        await subjects.bulk_write(
            [_rewrapped(document, reader, unwrapper, wrapper) for document in documents], ordered=False
        )
        count += len(documents)
    return count


def _rewrapped(document: Document, reader: str, unwrapper: KeyUnwrapper, wrapper: KeyWrapper) -> UpdateOne:
    """Only if the key is still there as it was read: an erasure in between wins."""
    column = document["keys"][reader]
    key = WrappedKey(column["epoch"], column["session"], column["wrapped"])
    material = unwrapper.unwrap(key, document["_id"])
    fresh = wrapper.wrap(material, document["_id"], reader)
    return UpdateOne(
        {"_id": document["_id"], f"keys.{reader}.wrapped": column["wrapped"]},
        {"$set": {f"keys.{reader}": fresh.document()}},
    )
