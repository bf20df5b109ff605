"""What the services ask of MongoDB: transactions that repeat themselves, writes that may come twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, OperationFailure

from shared.stores.mongo import (
    Client,
    Database,
    Session,
    bulk_upsert,
    expire_after,
    in_transaction,
    insert_new,
    server_time,
)

pytestmark = pytest.mark.integration


async def test_transactions_that_meet_are_all_carried_out(mongo: Client, database: Database) -> None:
    sums = database["sums"]
    await sums.insert_one({"_id": 1, "value": 0})

    async def add(session: Session) -> None:
        found = await sums.find_one({"_id": 1}, session=session)
        assert found is not None
        await sums.update_one({"_id": 1}, {"$set": {"value": found["value"] + 1}}, session=session)

    await asyncio.gather(*(in_transaction(mongo, add) for _ in range(25)))
    assert await sums.find_one() == {"_id": 1, "value": 25}


async def test_transaction_that_raises_leaves_nothing(mongo: Client, database: Database) -> None:
    async def fail(session: Session) -> None:
        await database["things"].insert_one({"_id": 1}, session=session)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await in_transaction(mongo, fail)
    assert await database["things"].count_documents({}) == 0


async def test_transaction_returns_what_its_work_did(mongo: Client) -> None:
    async def work(session: Session) -> str:
        return "done"

    assert await in_transaction(mongo, work) == "done"


async def test_fault_that_is_no_conflict_is_the_callers(mongo: Client, database: Database) -> None:
    tries = 0

    async def bad(session: Session) -> None:
        nonlocal tries
        tries += 1
        await database["things"].update_one({}, {"$nonsense": 1}, session=session)

    with pytest.raises(OperationFailure):
        await in_transaction(mongo, bad)
    assert tries == 1


async def test_inserting_again_counts_as_applied_and_tells_what_was_new(database: Database) -> None:
    things = database["things"]
    assert await insert_new(things, [{"_id": 1}, {"_id": 2}]) == {0, 1}
    assert await insert_new(things, [{"_id": 2, "x": 1}, {"_id": 3}, {"_id": 1}]) == {1}
    assert await things.find_one({"_id": 2}) == {"_id": 2}
    assert await insert_new(things, []) == set()


async def test_insert_that_is_refused_for_another_reason_is_an_error(database: Database) -> None:
    await database.create_collection("strict", validator={"name": {"$type": "string"}})
    with pytest.raises(BulkWriteError):
        await insert_new(database["strict"], [{"_id": 1, "name": "x"}, {"_id": 2, "name": 3}])


async def test_upsert_leaves_what_is_further_on_alone(database: Database) -> None:
    things = database["things"]
    await things.insert_one({"_id": 1, "version": 5})

    def move(an_id: int, version: int) -> UpdateOne:
        change: dict[str, Any] = {"$set": {"version": version}}
        return UpdateOne({"_id": an_id, "version": {"$lt": version}}, change, upsert=True)

    await bulk_upsert(things, [move(1, 3), move(1, 7), move(2, 1)])
    await bulk_upsert(things, [])
    assert await things.find().sort("_id").to_list(None) == [{"_id": 1, "version": 7}, {"_id": 2, "version": 1}]


async def test_changed_period_is_followed(database: Database) -> None:
    things = database["things"]
    for days in (1, 1, 3):
        await expire_after(things, "created_at", timedelta(days=days))
    index = (await things.index_information())["created_at_1"]
    assert index["expireAfterSeconds"] == 3 * 24 * 60 * 60


async def test_times_come_back_in_utc_and_writes_are_the_majoritys(mongo: Client) -> None:
    assert mongo.codec_options.tz_aware
    assert mongo.write_concern.document == {"w": "majority", "j": True}
    assert mongo.read_concern.level == "majority"


async def test_server_time_is_the_servers_and_aware(mongo: Client) -> None:
    before = await server_time(mongo)
    assert before.tzinfo is not None
    assert abs(datetime.now(UTC) - before) < timedelta(minutes=1)  # one machine
    assert await server_time(mongo) >= before
