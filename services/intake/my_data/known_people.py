"""Who is behind a contact, for the pages: who was erased, or whose data nothing may be done with, is nobody."""

from services.intake.keyring_store import KeyringStore
from services.intake.subject_store import SubjectStore
from services.intake.who_is_here import is_here
from shared.stores.mongo import Client, Session, in_transaction


class KnownPeople:
    def __init__(self, client: Client, keyring: KeyringStore, subjects: SubjectStore) -> None:
        self._client = client
        self._keyring = keyring
        self._subjects = subjects

    async def behind(self, entry: str) -> str | None:
        """The subject of an entry of the blind index, or None."""

        async def work(session: Session) -> str | None:
            subject_id = (await self._keyring.find([entry], session)).get(entry)
            return subject_id if subject_id and await self._is_here(subject_id, session) else None

        return await in_transaction(self._client, work)

    async def may_see(self, subject_id: str) -> bool:
        """Whether the person is still here. A restriction closes the pages to them, on every replica at once."""

        async def work(session: Session) -> bool:
            return await self._is_here(subject_id, session)

        return await in_transaction(self._client, work)

    async def _is_here(self, subject_id: str, session: Session) -> bool:
        return await is_here(subject_id, self._keyring, self._subjects, session)
