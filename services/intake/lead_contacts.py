"""Where the blind index leads when a person changes a phone or e-mail: from the new one, and no more from the old."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from services.intake.contact import Channel
from services.intake.keyring_store import KeyringStore
from services.intake.subject_store import SubjectStore
from services.intake.who_is_here import is_here
from shared.sealing.people_index import PeopleIndex
from shared.stores.mongo import Session


@dataclass(frozen=True, slots=True)
class ContactLeading:
    keyring: KeyringStore
    subjects: SubjectStore
    people: PeopleIndex

    async def lead(
        self, kind: Channel, new: str, given_up: Collection[str], subject_id: str, now: datetime, session: Session
    ) -> None:
        """To the subject from the new value, unless it leads to somebody else who is here, and from none given up."""
        entry = self.people.entry(kind, new)
        owner = (await self.keyring.find([entry], session)).get(entry)
        if owner is None:
            await self.keyring.point({entry: subject_id}, {}, now, session)
        elif owner != subject_id and not await is_here(owner, self.keyring, self.subjects, session):
            await self.keyring.point({}, {entry: subject_id}, now, session)
        await self.keyring.lead_no_more([self.people.entry(kind, value) for value in given_up], subject_id, session)
