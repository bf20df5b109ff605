"""Which epochs of the key-encryption keys live, and which are gone: what certificates name and rest on.

That one is gone takes two witnesses: the administrator's record in the keyring, which no service can write, and the
key provider itself, which has it no more.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from services.privacy.second_certificate import EpochEnd
from shared.observability.metrics import EPOCHS_ALIVE
from shared.sealing.kek import KekSealer, KekUnreachable
from shared.stores.keyring_view import DATABASE, EPOCHS
from shared.stores.mongo import Client, Session

ASKED_AGAIN_AFTER = 1 / 4  # of the time an answer may be used: one that fails leaves time for others


class EpochWatch:
    """`stale_after`: shorter than the key caches live. A key is wrapped again under a new epoch no sooner than those
    after the epoch was made, so the newest one known within that time is the newest that wraps anything erased."""

    def __init__(
        self,
        client: Client,
        kek: KekSealer,
        readers: Sequence[str],
        stale_after: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records = client[DATABASE][EPOCHS]
        self._kek = kek
        self._readers = tuple(readers)
        self._stale_after = stale_after.total_seconds()
        self._clock = clock
        self._living: dict[str, Sequence[int]] = {}
        self._asked_at = -math.inf

    async def refresh(self, now: datetime) -> bool:
        """Ask the provider, which may be far away. No more to do."""
        asked_at = self._clock()
        if asked_at - self._asked_at >= ASKED_AGAIN_AFTER * self._stale_after:
            self._living = await asyncio.to_thread(self._ask)
            self._asked_at = asked_at
            for reader, epochs in self._living.items():
                EPOCHS_ALIVE.labels(reader).set(len(epochs))
        return False

    def newest(self) -> dict[str, int]:
        """Reader → the newest epoch. Raises KekUnreachable where that is not known of late."""
        if self._clock() - self._asked_at >= self._stale_after:
            raise KekUnreachable("its epochs are not known of late")
        return {reader: max(epochs) for reader, epochs in self._living.items()}

    async def gone(self, session: Session) -> dict[str, tuple[EpochEnd, ...]]:
        """Reader → its epochs from 1 on, without a gap, that are known to be destroyed."""
        ends: dict[str, dict[int, datetime]] = {reader: {} for reader in self._readers}
        destroyed = {"reader": {"$in": list(self._readers)}, "destroyed_at": {"$ne": None}}
        async for record in self._records.find(destroyed, session=session):
            if record["epoch"] not in self._living[record["reader"]]:
                ends[record["reader"]][record["epoch"]] = record["destroyed_at"]
        return {reader: tuple(_without_gap(of_reader)) for reader, of_reader in ends.items()}

    def _ask(self) -> dict[str, Sequence[int]]:
        return {reader: self._kek.epochs(reader) for reader in self._readers}


def _without_gap(ends: Mapping[int, datetime]) -> list[EpochEnd]:
    found: list[EpochEnd] = []
    while (epoch := len(found) + 1) in ends:
        found.append(EpochEnd(epoch, ends[epoch]))
    return found
