"""Rotate a reader's key-encryption key: survivors are re-wrapped, the old key is destroyed, and that is on record.

After it, a wrapped data key of an erased subject that still lies in an oplog, a journal or a backup opens with no
key that exists. Services go on meanwhile: publishers take the new epoch up when their sessions end, readers read
re-wrapped keys when their caches end; the rotation waits for both.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo import UpdateOne

from deploy.provision.epoch_records import note_created, note_destroyed
from shared.sealing.kek import KekKeeper
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper, WrappedKey
from shared.stores.keyring_view import DATABASE, SUBJECTS
from shared.stores.mongo import Client, Collection, Document, connect

AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Rotation:
    reader: str
    old_epochs: tuple[int, ...]
    new_epoch: int
    rewrapped: int

    def __str__(self) -> str:
        old = ", ".join(map(str, self.old_epochs))
        return (
            f"{self.reader}: epoch {self.new_epoch} is in use, {self.rewrapped} keys re-wrapped, epoch {old} destroyed"
        )


async def rotate_all(
    admin_uri: str, keeper: KekKeeper, readers: Sequence[str], *, cache_seconds: float
) -> list[Rotation]:
    """All readers' at once, each as `rotate` does it."""
    client = connect(admin_uri, service="rotation")
    try:
        return await asyncio.gather(
            *(rotate(client, keeper, reader, cache_seconds=cache_seconds) for reader in readers)
        )
    finally:
        client.close()


async def rotate(
    client: Client,
    keeper: KekKeeper,
    reader: str,
    *,
    cache_seconds: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Rotation:
    """May be started again after a crash at any point: it then makes a further epoch and re-wraps everybody's keys
    anew, also those that the crashed one had done. Takes twice the cache bound, or three times it where an order sealed
    in a session's last moment was stored after the first pass.

    `client` is the administrator's: no service may write the record of an epoch's end."""
    old = tuple(await asyncio.to_thread(keeper.epochs, reader))
    new = old[-1] + 1
    await note_created(client, reader, new, clock())
    await asyncio.to_thread(keeper.create, reader, new)
    await sleep(cache_seconds)  # publishers' sessions under the old epoch end
    subjects, rewrapped, passes = client[DATABASE][SUBJECTS], 0, 0
    # Even where the first pass finds nobody: a key wrapped before it may be stored after it.
    while (found := await _rewrap_survivors(subjects, keeper, reader, new, cache_seconds)) or not passes:
        rewrapped, passes = rewrapped + found, passes + 1
        await sleep(cache_seconds)  # readers' cached copies of the old wrapping end
    for epoch in old:
        await asyncio.to_thread(keeper.destroy, reader, epoch)
    await note_destroyed(client, reader, await asyncio.to_thread(keeper.epochs, reader), clock())
    return Rotation(reader, old, new, rewrapped)


async def _rewrap_survivors(
    subjects: Collection, keeper: KekKeeper, reader: str, new: int, cache_seconds: float
) -> int:
    unwrapper = KeyUnwrapper(keeper.opener(reader), reader, cache_seconds)
    wrapper = KeyWrapper(keeper.sealer(), cache_seconds)
    older = {f"keys.{reader}.epoch": {"$lt": new}}
    count = 0
    while documents := await subjects.find(older, {f"keys.{reader}": 1}).limit(AT_ONCE).to_list(AT_ONCE):
        changes = await asyncio.to_thread(_rewrapped, documents, reader, unwrapper, wrapper)
        await subjects.bulk_write(changes, ordered=False)
        count += len(documents)
    return count


def _rewrapped(
    documents: Sequence[Document], reader: str, unwrapper: KeyUnwrapper, wrapper: KeyWrapper
) -> list[UpdateOne]:
    """Each only if the key is still there as it was read: an erasure in between wins."""
    changes = []
    for document in documents:
        key = WrappedKey(**document["keys"][reader])
        fresh = wrapper.wrap(unwrapper.unwrap(key, document["_id"]), document["_id"], reader)
        as_read = {"_id": document["_id"], f"keys.{reader}.wrapped": key.wrapped}
        changes.append(UpdateOne(as_read, {"$set": {f"keys.{reader}": fresh.document()}}))
    return changes
