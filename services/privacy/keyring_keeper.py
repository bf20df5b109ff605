"""The privacy service's hand on the keyring: fence a subject, destroy its keys, find a person. Nobody else has it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateMany, UpdateOne

from shared.stores.keyring_view import DATABASE, PEOPLE, SUBJECTS
from shared.stores.mongo import Client, Session


class KeyringKeeper:
    def __init__(self, client: Client) -> None:
        self._subjects = client[DATABASE][SUBJECTS]
        self._people = client[DATABASE][PEOPLE]

    async def find(self, index_entry: str) -> str | None:
        """The subject behind a blind-index entry."""
        document = await self._people.find_one({"_id": index_entry})
        return str(document["subject_id"]) if document else None

    async def exists(self, subject_ids: Sequence[str]) -> set[str]:
        found = self._subjects.find({"_id": {"$in": list(subject_ids)}}, {"_id": 1})
        return {document["_id"] async for document in found}

    async def fence(self, cases: Mapping[str, str], now: datetime, session: Session) -> None:
        """From now on nothing is sealed for these subjects. `cases`: subject id → case id."""
        await self._subjects.bulk_write(
            [
                UpdateOne({"_id": subject_id, "fenced_at": None}, {"$set": {"fenced_at": now, "case_id": case_id}})
                for subject_id, case_id in cases.items()
            ],
            ordered=False,
            session=session,
        )

    async def destroy(self, readers: Mapping[tuple[str, ...], Sequence[str]], session: Session) -> None:
        """Remove those readers' keys of the subjects, and with the first of them the way to find the person."""
        await self._subjects.bulk_write(
            [
                UpdateMany({"_id": {"$in": list(subject_ids)}}, {"$unset": {f"keys.{reader}": "" for reader in names}})
                for names, subject_ids in readers.items()
            ],
            session=session,
        )
        await self._forget_people(readers, session)

    async def held(self, subject_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Subject → readers that still have a key; subjects nobody has a key of are left out."""
        names = {"$map": {"input": {"$objectToArray": "$keys"}, "in": "$$this.k"}}  # and not the keys
        steps: list[dict[str, Any]] = [
            {"$match": {"_id": {"$in": list(subject_ids)}, "keys": {"$ne": {}}}},
            {"$project": {"readers": names}},
        ]
        found = self._subjects.aggregate(steps, batchSize=1_000)
        return {document["_id"]: frozenset(document["readers"]) async for document in found}

    async def _forget_people(self, readers: Mapping[tuple[str, ...], Sequence[str]], session: Session) -> None:
        everybody = [subject_id for subject_ids in readers.values() for subject_id in subject_ids]
        await self._people.delete_many({"subject_id": {"$in": everybody}}, session=session)
