"""Accounts of the console: of the operator's own people, each with a random id, a name to sign in with and one role."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ASCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.privacy.console.roles import Role, Staff
from shared.messaging.cloudevents import new_id
from shared.stores.mongo import Database, Document

COLLECTION: Final = "officers"
TRIES: Final = 5
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(minutes=15)  # an account that a stranger keeps trying comes back by itself


class NameTaken(Exception):
    def __init__(self) -> None:
        super().__init__("There is an account of that name. Choose another, or reset that one.")


@dataclass(frozen=True, slots=True)
class Account:
    """`password_hash` and `one_time_sealed`: None where another identity provider answers for the person.
    `last_step`: the newest time step whose code was used. `enrolled_at`: since when the person has the secret."""

    account_id: str
    name: str
    role: Role
    password_hash: str | None = field(repr=False)
    one_time_sealed: bytes | None = field(repr=False)
    enrolled_at: datetime | None
    last_step: int
    locked_until: datetime | None
    disabled_at: datetime | None
    signed_in_at: datetime | None

    @property
    def staff(self) -> Staff:
        return Staff(self.account_id, self.name, self.role)

    def may_try(self, now: datetime) -> bool:
        return self.disabled_at is None and (self.locked_until is None or self.locked_until <= now)


class AccountStore:
    def __init__(self, database: Database) -> None:
        self._officers = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._officers.create_index("name", unique=True, sparse=True)
        await self._officers.create_index("identity", unique=True, sparse=True)

    async def add(
        self, account_id: str, name: str, role: Role, password_hash: str, one_time_sealed: bytes, now: datetime
    ) -> None:
        """Raises NameTaken."""
        document = {"_id": account_id, "name": name, "role": role, "created_at": now}
        try:
            await self._officers.insert_one({**document, **_fresh(password_hash, one_time_sealed)})
        except DuplicateKeyError:
            raise NameTaken from None

    async def reset(self, account_id: str, password_hash: str, one_time_sealed: bytes) -> None:
        """A new password and a new secret, which the next sign-in shows; unlocked and enabled."""
        await self._officers.update_one({"_id": account_id}, {"$set": _fresh(password_hash, one_time_sealed)})

    async def disable(self, account_id: str, now: datetime) -> None:
        await self._officers.update_one({"_id": account_id}, {"$set": {"disabled_at": now}})

    async def enable(self, account_id: str) -> None:
        await self._officers.update_one({"_id": account_id}, {"$set": {"disabled_at": None}})

    async def by_name(self, name: str) -> Account | None:
        return _account(await self._officers.find_one({"name": name}))

    async def by_id(self, account_id: str) -> Account | None:
        return _account(await self._officers.find_one({"_id": account_id}))

    async def all(self) -> list[Account]:
        found = self._officers.find().sort([("name", ASCENDING), ("created_at", ASCENDING)])
        return [account async for document in found if (account := _account(document))]

    async def names(self, account_ids: set[str]) -> dict[str, str]:
        """Account id → name, to show who did something."""
        found = self._officers.find({"_id": {"$in": list(account_ids)}}, {"name": 1, "known_as": 1})
        return {document["_id"]: _name(document) async for document in found}

    async def begin_try(self, name: str, now: datetime) -> Account | None:
        """The account as it was, with one more try counted *before* anything is compared: guesses made at the same
        moment count as well. None where nobody has the name."""
        free = {"$or": [{"locked_until": None}, {"locked_until": {"$lte": now}}]}
        before: Document | None = await self._officers.find_one_and_update(
            {"name": name, **free}, {"$inc": {"tries": 1}}, return_document=ReturnDocument.BEFORE
        )
        if before is None:
            return await self.by_name(name)
        if (tries := before["tries"] + 1) >= TRIES:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries - TRIES, 10))
            await self._officers.update_one({"_id": before["_id"]}, {"$set": {"locked_until": now + pause}})
        return _account(before)

    async def use_step(self, account_id: str, step: int, now: datetime) -> bool:
        """Whether the code of this time step is used for the first time, by somebody not disabled meanwhile; then the
        sign-in is done and the tries are forgotten."""
        done = {"last_step": step, "tries": 0, "locked_until": None, "signed_in_at": now}
        unused = {"_id": account_id, "last_step": {"$lt": step}, "disabled_at": None}
        return (await self._officers.update_one(unused, {"$set": done})).modified_count == 1

    async def enrol(self, account_id: str, now: datetime) -> None:
        """The person has shown a code of the secret: it is not shown again."""
        await self._officers.update_one({"_id": account_id, "enrolled_at": None}, {"$set": {"enrolled_at": now}})

    async def of_identity(self, identity: str, known_as: str, role: Role, now: datetime) -> Account:
        """The account of whom an identity provider vouches for, made at their first sign-in; name and role are what it
        says now. `identity`: issuer and subject. It has no name to sign in with here."""
        born = {"_id": new_id(), "created_at": now, **_fresh(None, None)}
        found = await self._officers.find_one_and_update(
            {"identity": identity},
            {"$set": {"known_as": known_as, "role": role, "signed_in_at": now}, "$setOnInsert": born},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        account = _account(found)
        assert account is not None
        return account


def _fresh(password_hash: str | None, one_time_sealed: bytes | None) -> Document:
    return {
        "password_hash": password_hash,
        "one_time_sealed": one_time_sealed,
        "enrolled_at": None,
        "last_step": 0,
        "tries": 0,
        "locked_until": None,
        "disabled_at": None,
    }


def _account(document: Any) -> Account | None:
    if document is None:
        return None
    return Account(
        account_id=document["_id"],
        name=_name(document),
        role=document["role"],
        password_hash=document["password_hash"],
        one_time_sealed=document["one_time_sealed"],
        enrolled_at=document["enrolled_at"],
        last_step=document["last_step"],
        locked_until=document["locked_until"],
        disabled_at=document["disabled_at"],
        signed_in_at=document.get("signed_in_at"),
    )


def _name(document: Document) -> str:
    return str(document.get("name") or document["known_as"])
