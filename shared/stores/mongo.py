"""The MongoDB driver, in this one file: Motor today; changing to PyMongo's AsyncMongoClient is a change here."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypeVar, cast

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo import ASCENDING, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, ExecutionTimeout, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

Document: TypeAlias = dict[str, Any]
Client: TypeAlias = "AsyncIOMotorClient[Document]"
Database: TypeAlias = "AsyncIOMotorDatabase[Document]"
Collection: TypeAlias = "AsyncIOMotorCollection[Document]"
Session: TypeAlias = AsyncIOMotorClientSession

T = TypeVar("T")
TRANSACTION_SECONDS = 20.0
DUPLICATE_KEY = 11000
INDEX_OPTIONS_CONFLICT = 85
INDEX_NOT_FOUND = 27
NAMESPACE_NOT_FOUND = 26


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


async def server_time(client: Client) -> datetime:
    """The primary's clock: the same for every replica of a service, whatever its own says. Milliseconds, aware."""
    hello = await client.admin.command("hello")
    return cast(datetime, hello["localTime"]).replace(tzinfo=UTC)  # a command's answer has no zone; it is UTC


async def in_transaction(client: Client, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
    """Run `work` in one transaction, again on a passing conflict: it must be safe to repeat.

    Motor has `with_transaction` for this, but commits where the error of a commit goes by its retries: a conflict
    found at the commit, or a commit whose answer was lost, would be the caller's. So the loop of the drivers'
    specification is here."""
    give_up_at = time.monotonic() + TRANSACTION_SECONDS
    async with await client.start_session() as session:
        while True:
            try:
                return await _attempt(session, work, give_up_at)
            except PyMongoError as error:
                if not error.has_error_label("TransientTransactionError") or time.monotonic() > give_up_at:
                    raise
            await asyncio.sleep(random.uniform(0, 0.02))


async def _attempt(session: Session, work: Callable[[Session], Coroutine[Any, Any, T]], give_up_at: float) -> T:
    session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority", j=True), max_commit_time_ms=10_000)
    try:
        result = await work(session)
    except BaseException:
        await session.abort_transaction()
        raise
    await _commit(session, give_up_at)
    return result


async def _commit(session: Session, give_up_at: float) -> None:
    """Where the answer was lost the commit is asked for again: the server commits once."""
    while True:
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            lost = error.has_error_label("UnknownTransactionCommitResult")
            if not lost or isinstance(error, ExecutionTimeout) or time.monotonic() > give_up_at:
                raise
        else:
            return


def only_there_already(error: BulkWriteError) -> bool:
    """Whether all that failed was to store what is there already."""
    failed = error.details["writeErrors"]
    return bool(failed) and all(item["code"] == DUPLICATE_KEY for item in failed)


async def insert_new(collection: Collection, documents: list[Document]) -> set[int]:
    """Insert unordered; a document that is there already counts as applied. Returns the indexes that were new."""
    if not documents:
        return set()
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if not only_there_already(error):
            raise
        return set(range(len(documents))) - {item["index"] for item in error.details["writeErrors"]}
    return set(range(len(documents)))


async def bulk_upsert(collection: Collection, operations: Sequence[UpdateOne]) -> None:
    """Bulk-write upserts by `_id` whose filter leaves a document alone that is further on already: MongoDB then tries
    to insert it and meets its key, which is that outcome and no fault."""
    if not operations:
        return
    try:
        await collection.bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        if not only_there_already(error):
            raise


async def drop_index(collection: Collection, name: str) -> None:
    """One that is not there is a success; nor is the collection."""
    try:
        await collection.drop_index(name)
    except OperationFailure as error:
        if error.code not in (INDEX_NOT_FOUND, NAMESPACE_NOT_FOUND):
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
