"""Intake's hand on the keyring: it adds people and their keys, and reads its own column. It destroys no
key; it takes an entry of the index away that leads to a person by a phone or e-mail they gave up."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pymongo import InsertOne, UpdateOne

from shared.sealing.wrapping import WrappedKey
from shared.stores.keyring_view import DATABASE, PEOPLE, SUBJECTS, view_name
from shared.stores.mongo import Client, Document, Session


class KeyringStore:
    def __init__(self, client: Client, publisher: str) -> None:
        self._subjects = client[DATABASE][SUBJECTS]
        self._people = client[DATABASE][PEOPLE]
        self._own_column = client[DATABASE][view_name(publisher)]

    async def find(self, entries: Collection[str], session: Session) -> dict[str, str]:
        """Subject ids behind entries of the blind index."""
        found = self._people.find({"_id": {"$in": list(entries)}}, {"subject_id": 1}, session=session)
        return {document["_id"]: document["subject_id"] async for document in found}

    async def unfenced(self, subject_ids: Collection[str], session: Session) -> dict[str, WrappedKey]:
        """Intake's column of those subjects that nobody has begun to erase."""
        query = {"_id": {"$in": list(subject_ids)}, "fenced_at": None, "key": {"$exists": True}}
        found = self._own_column.find(query, session=session)
        return {document["_id"]: WrappedKey(**document["key"]) async for document in found}

    async def add(self, keys: Mapping[str, Mapping[str, WrappedKey]], now: datetime, session: Session) -> None:
        """New subjects: subject id → reader → key."""
        documents: list[Document] = [
            {
                "_id": subject_id,
                "keys": {reader: key.document() for reader, key in columns.items()},
                "fenced_at": None,
                "created_at": now,
            }
            for subject_id, columns in keys.items()
        ]
        if documents:
            await self._subjects.insert_many(documents, ordered=False, session=session)

    async def point(self, new: Mapping[str, str], changed: Mapping[str, str], now: datetime, session: Session) -> None:
        """Entries of the blind index → subject id: those that are new, and those that led to an erased subject."""
        writes: Sequence[InsertOne[Document] | UpdateOne] = [
            *(InsertOne({"_id": entry, "subject_id": subject, "created_at": now}) for entry, subject in new.items()),
            *(UpdateOne({"_id": entry}, {"$set": {"subject_id": subject}}) for entry, subject in changed.items()),
        ]
        if writes:
            await self._people.bulk_write(writes, ordered=False, session=session)

    async def lead_no_more(self, entries: Collection[str], subject_id: str, session: Session) -> None:
        """Remove these entries of the blind index, where they lead to this subject: a later owner of the number must
        not be taken for this person."""
        if entries:
            gone = {"_id": {"$in": list(entries)}, "subject_id": subject_id}
            await self._people.delete_many(gone, session=session)
