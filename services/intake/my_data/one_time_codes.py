"""Prove that a contact is one's own: a code goes there, and whoever asked for it types it in.

Six random digits, ten minutes, one use, five tries; so many codes a contact and no more. Whether anybody is known under
the contact makes no difference here: nothing is looked up.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from services.intake.contact import Channel, Contact
from services.intake.my_data.code_store import CodeStore, WaitingCode
from shared.messaging.cloudevents import new_id
from shared.pages.attempts import Attempts
from shared.sealing.people_index import PeopleIndex

DIGITS: Final = 6
# Kind of attempt → how many codes a contact gets within that time. With five tries each, a guesser has fifty a day.
LIMITS: Final = {"code": (3, timedelta(minutes=15)), "code-day": (10, timedelta(days=1))}


@dataclass(frozen=True, slots=True)
class MadeCode:
    """attempt_id: for the session of the browser that asked; a code counts there and nowhere else. digits: None where
    too many were asked for. Nobody is told of that."""

    attempt_id: str
    entry: str
    digits: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The contact, by its entry of the blind index, belongs to whoever typed the code."""

    channel: Channel
    entry: str


class OneTimeCodes:
    def __init__(self, codes: CodeStore, people: PeopleIndex, attempts: Attempts) -> None:
        self._codes = codes
        self._people = people
        self._attempts = attempts

    async def make(self, contact: Contact, now: datetime) -> MadeCode:
        """To be sent to the contact, by whoever asked for it to be made."""
        attempt_id, entry = new_id(), self._people.entry(contact.channel, contact.value)
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        among_the_first = [
            await self._attempts.allowed(kind, entry, most=most, within=within)
            for kind, (most, within) in LIMITS.items()
        ]
        usable = all(among_the_first)
        waiting = WaitingCode(contact.channel, entry, self._hash(attempt_id, entry, digits))
        await self._codes.add(attempt_id, waiting, now, usable=usable)
        return MadeCode(attempt_id, entry, digits if usable else None)

    async def check(self, attempt_id: str, typed: str, now: datetime) -> Confirmed | None:
        """None for a wrong code, a used or an old one, one try too many: the same to whoever typed it."""
        waiting = await self._codes.take_try(attempt_id, now)
        entry, expected = (waiting.entry, waiting.code) if waiting else ("", "")
        digits = "".join(character for character in typed if character.isdecimal())
        right = secrets.compare_digest(expected, self._hash(attempt_id, entry, digits))
        if waiting is None or not right or not await self._codes.use(attempt_id):
            return None
        for kind, (_, within) in LIMITS.items():  # its owner may sign in as often as they like
            await self._attempts.forget(kind, waiting.entry, within=within)
        return Confirmed(waiting.channel, waiting.entry)

    def _hash(self, attempt_id: str, entry: str, digits: str) -> str:
        return self._people.entry("code", f"{attempt_id}\0{entry}\0{digits}")
