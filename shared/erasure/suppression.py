"""Before a service serves: whoever was erased stays erased, whatever a restore of MongoDB has brought back.

The topic `suppressions` lies outside MongoDB. Every start reads all of it, erases by the policy's plan what this store
holds of those it names, and waits until this service's own view of the keyring holds no key of theirs. The privacy
service alone destroys keys: until it has, nobody starts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime

import structlog

from shared.contracts.erasure import Store
from shared.contracts.suppressions import SubjectSuppressed
from shared.messaging.consume import PASSING_FAULTS
from shared.messaging.topic_log import TopicLog
from shared.sealing.keyring import KeyringView
from shared.stores.erasure import ErasureEngine, Target
from shared.stores.mongo import Client, Session, in_transaction

AT_ONCE = 1_000
PAUSE_SECONDS = 0.5
log = structlog.get_logger()

Entries = Sequence[SubjectSuppressed]


async def _nothing(entries: Entries) -> Collection[str]:
    return ()


class Suppression:
    def __init__(
        self, store: Store, engine: ErasureEngine, *, client: Client, entries: TopicLog, keyring: KeyringView
    ) -> None:
        self._store: Store = store
        self._engine = engine
        self._client = client
        self._entries = entries
        self._keyring = keyring

    async def replay(self, first: Callable[[Entries], Awaitable[Collection[str]]] = _nothing) -> None:
        """Returns when the service may serve. `first` is given each batch before this store acts on it, and returns
        the subjects whose key this service may still hold."""
        while True:
            try:
                return await self._replay(first)
            except PASSING_FAULTS as error:  # what cannot be read cannot be ruled out
                log.warning("suppressions_not_replayed", store=self._store, error=type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _replay(self, first: Callable[[Entries], Awaitable[Collection[str]]]) -> None:
        count, came_back, held = 0, 0, set[str]()
        async for batch in self._entries.read():
            entries = furthest(item.event for item in batch if isinstance(item.event, SubjectSuppressed))
            spared = await first(entries)
            came_back += await self._suppress(entries)
            keyless = {e.subject_id for e in entries if self._store in e.keys_destroyed}
            held |= await self._held(keyless.difference(spared))
            count += len(batch)
        while held:
            log.warning("keys_wait_for_their_destruction", store=self._store, count=len(held))
            await asyncio.sleep(PAUSE_SECONDS)
            held = await self._held(held)
        log.info("suppressions_replayed", store=self._store, count=count, records=came_back)

    async def _suppress(self, entries: Entries) -> int:
        """How many records had come back, or were not stopped. Where there are none, this only looks."""
        targets = [Target(e.subject_id, e.open_orders) for e in entries if e.keys_destroyed]
        now = datetime.now(UTC)

        async def work(session: Session) -> int:
            counts = await self._engine.erase(targets, now, session) if targets else {}
            stopped = await self._engine.restrict_again([e.subject_id for e in entries], now, session)
            erased = [c.destroyed + c.depersonalised for theirs in counts.values() for c in theirs.values()]
            return sum(erased) + stopped

        return await in_transaction(self._client, work) if entries else 0

    async def _held(self, subject_ids: Collection[str]) -> set[str]:
        """Those whose key this service could still use."""
        held: set[str] = set()
        ids = list(subject_ids)
        for start in range(0, len(ids), AT_ONCE):
            columns = await self._keyring.columns(ids[start : start + AT_ONCE])
            held.update(subject_id for subject_id, column in columns.items() if column is not None)
        return held


def furthest(entries: Iterable[SubjectSuppressed]) -> Entries:
    """Of each subject the entry that names most readers: an entry may be late, and stand behind a later one."""
    found: dict[str, SubjectSuppressed] = {}
    for entry in entries:
        known = found.get(entry.subject_id)
        if known is None or len(known.keys_destroyed) <= len(entry.keys_destroyed):
            found[entry.subject_id] = entry
    return list(found.values())
