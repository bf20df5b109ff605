"""Which epochs of the key-encryption keys live, and which are gone: what certificates name and rest on.

That one is gone takes two witnesses: the administrator's record in the keyring, which no service can write, and the
key provider itself, which has it no more.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.privacy.second_certificate import EpochEnd
from shared.observability.metrics import EPOCHS_ALIVE
from shared.sealing.kek import KekSealer
from shared.stores.keyring_view import DATABASE, EPOCHS
from shared.stores.mongo import Client, Session

EVERY = timedelta(seconds=1)
CLOCKS_APART = timedelta(minutes=5)  # the administrator's clock and this one


@dataclass(frozen=True, slots=True)
class Gone:
    """ends: the reader's epochs from 1 on without a gap. created_at: epoch → when it was made, where that is known."""

    ends: tuple[EpochEnd, ...]
    created_at: Mapping[int, datetime]

    def of_case(self, named: int, key_destroyed_at: datetime, closed_at: datetime) -> tuple[EpochEnd, ...] | None:
        """Every epoch under which a key of a case closed then can be wrapped: up to the one its certificate names, or
        made while the case was open, or, as clocks differ, the first that ended after the key. None where one of them
        is not known to be gone."""
        newest = max([named, *(e for e, made in self.created_at.items() if made <= closed_at + CLOCKS_APART)])
        while newest <= len(self.ends) and self.ends[newest - 1].destroyed_at < key_destroyed_at:
            newest += 1
        return self.ends[:newest] if newest <= len(self.ends) else None


class EpochWatch:
    def __init__(self, client: Client, kek: KekSealer, readers: Sequence[str]) -> None:
        self._records = client[DATABASE][EPOCHS]
        self._kek = kek
        self._readers = tuple(readers)
        self._living: dict[str, Sequence[int]] = {}
        self._next_at: datetime | None = None

    async def refresh(self, now: datetime) -> bool:
        """Ask the provider, which may be far away, once in a while. No more to do."""
        if self._next_at is None or now >= self._next_at:
            self._living = await asyncio.to_thread(self._ask)
            self._next_at = now + EVERY
            for reader, epochs in self._living.items():
                EPOCHS_ALIVE.labels(reader).set(len(epochs))
        return False

    def newest(self) -> dict[str, int]:
        """Reader → the newest epoch, as of the last `refresh`: call that once before this."""
        return {reader: max(epochs) for reader, epochs in self._living.items()}

    async def gone(self, session: Session) -> dict[str, Gone]:
        """Reader → what is known to be destroyed."""
        ends: dict[str, dict[int, datetime]] = defaultdict(dict)
        made: dict[str, dict[int, datetime]] = defaultdict(dict)
        async for record in self._records.find({"reader": {"$in": list(self._readers)}}, session=session):
            reader, epoch = record["reader"], record["epoch"]
            if record.get("created_at"):
                made[reader][epoch] = record["created_at"]
            if record["destroyed_at"] and epoch not in self._living.get(reader, ()):
                ends[reader][epoch] = record["destroyed_at"]
        return {reader: Gone(tuple(_without_gap(ends[reader])), made[reader]) for reader in self._readers}

    def _ask(self) -> dict[str, Sequence[int]]:
        return {reader: self._kek.epochs(reader) for reader in self._readers}


def _without_gap(ends: Mapping[int, datetime]) -> list[EpochEnd]:
    found: list[EpochEnd] = []
    while (epoch := len(found) + 1) in ends:
        found.append(EpochEnd(epoch, ends[epoch]))
    return found
