"""One-time codes that wait to be typed in: keyed hashes only, gone after their period. A code for somebody who is not
known is kept like any other."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from services.intake.contact import Channel
from shared.stores.mongo import Database, expire_after

COLLECTION: Final = "one_time_codes"
MOST_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class WaitingCode:
    """entry: keyed hash of the contact it went to. code: keyed hash of attempt, contact and code."""

    channel: Channel
    entry: str
    code: str = field(repr=False)


class CodeStore:
    def __init__(self, database: Database, kept: timedelta) -> None:
        self._codes = database[COLLECTION]
        self._kept = kept

    async def ensure_indexes(self) -> None:
        await expire_after(self._codes, "created_at", self._kept)

    async def add(self, attempt_id: str, waiting: WaitingCode, now: datetime, *, usable: bool) -> None:
        """`usable` is False where too many codes were asked for: all its tries are spent already."""
        await self._codes.insert_one(
            {
                "_id": attempt_id,
                "channel": waiting.channel,
                "entry": waiting.entry,
                "code": waiting.code,
                "tries": 0 if usable else MOST_TRIES,
                "created_at": now,
            }
        )

    async def take_try(self, attempt_id: str, now: datetime) -> WaitingCode | None:
        """One try less. None where no try is left, the time is over (MongoDB may clear up a minute late), or the code
        was used."""
        usable = {"_id": attempt_id, "tries": {"$lt": MOST_TRIES}, "created_at": {"$gt": now - self._kept}}
        found = await self._codes.find_one_and_update(usable, {"$inc": {"tries": 1}})
        return WaitingCode(found["channel"], found["entry"], found["code"]) if found else None

    async def use(self, attempt_id: str) -> bool:
        """Whether it was there to be used: of two at once, one uses it."""
        return (await self._codes.delete_one({"_id": attempt_id})).deleted_count == 1
