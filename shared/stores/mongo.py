"""The MongoDB driver, in this one file: Motor today; changing to PyMongo's AsyncMongoClient is a change here."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo import ASCENDING, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, OperationFailure
from pymongo.read_concern import ReadConcern

Document: TypeAlias = dict[str, Any]
Client: TypeAlias = "AsyncIOMotorClient[Document]"
Database: TypeAlias = "AsyncIOMotorDatabase[Document]"
Collection: TypeAlias = "AsyncIOMotorCollection[Document]"
Session: TypeAlias = AsyncIOMotorClientSession

T = TypeVar("T")
DUPLICATE_KEY = 11000
INDEX_OPTIONS_CONFLICT = 85


def connect(uri: str, *, service: str) -> Client:
    """A client whose writes are acknowledged by the majority's journal, and whose times are in UTC."""
    return AsyncIOMotorClient(
        uri,
        appname=service,
        tz_aware=True,
        w="majority",
        journal=True,
        retryWrites=True,
        readConcernLevel="majority",
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        socketTimeoutMS=30_000,
        maxPoolSize=32,
    )


async def in_transaction(client: Client, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
    """Run `work` in one transaction, again on a transient conflict: it must be safe to repeat."""
    async with await client.start_session() as session:
        result: T = await session.with_transaction(
            work,
            read_concern=ReadConcern("snapshot"),
            write_concern=WriteConcern("majority", j=True),
            max_commit_time_ms=10_000,
        )
        return result


async def insert_new(collection: Collection, documents: list[Document]) -> set[int]:
    """Insert unordered; a document that is there already counts as applied. Returns the indexes that were new."""
    if not documents:
        return set()
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        failed = error.details["writeErrors"]
        if any(item["code"] != DUPLICATE_KEY for item in failed):
            raise
        return set(range(len(documents))) - {item["index"] for item in failed}
    return set(range(len(documents)))


async def bulk_upsert(collection: Collection, operations: Sequence[UpdateOne]) -> None:
    """Bulk-write upserts by `_id` whose filter leaves a document alone that is further on already: MongoDB then tries
    to insert it and meets its key, which is that outcome and no fault."""
    if not operations:
        return
    try:
        await collection.bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        if any(item["code"] != DUPLICATE_KEY for item in error.details["writeErrors"]):
            raise


async def expire_after(collection: Collection, path: str, age: timedelta) -> None:
    """Let documents go by themselves at that age, counted from the time in `path`. Follows a changed period."""
    seconds = int(age.total_seconds())
    try:
        await collection.create_index(path, expireAfterSeconds=seconds)
    except OperationFailure as error:
        if error.code != INDEX_OPTIONS_CONFLICT:
            raise
        await collection.drop_index([(path, ASCENDING)])
        await collection.create_index(path, expireAfterSeconds=seconds)
