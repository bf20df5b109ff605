"""Sessions and counts of attempts as MongoDB keeps them: hashes of tokens, and nothing for longer than it is for."""

import json
from datetime import timedelta

from shared.pages.attempts import Attempts
from shared.pages.sessions import COLLECTION, MongoSessionStore
from shared.stores.mongo import Database

TOKEN = "0123456789abcdef" * 2
SESSION = json.dumps({"who": "a" * 32, "role": "client"}).encode()


async def test_a_session_is_kept_under_the_hash_of_its_token(database: Database) -> None:
    store = MongoSessionStore(database)
    await store.write(TOKEN, SESSION, lifetime=60, ttl=60)
    assert await store.read(TOKEN, lifetime=60) == SESSION
    (document,) = await database[COLLECTION].find().to_list(None)
    assert TOKEN not in str(document)
    assert (document["who"], document["role"]) == ("a" * 32, "client")


async def test_a_session_that_ran_out_or_was_ended_is_nobodys(database: Database) -> None:
    store = MongoSessionStore(database)
    await store.write(TOKEN, SESSION, lifetime=60, ttl=-1)
    assert await store.read(TOKEN, lifetime=60) == b""
    await store.write(TOKEN, SESSION, lifetime=60, ttl=60)
    await store.remove(TOKEN)
    assert await store.read(TOKEN, lifetime=60) == b""


async def test_sessions_and_counts_go_by_themselves(database: Database) -> None:
    await MongoSessionStore(database).ensure_indexes()
    await Attempts(database).ensure_indexes()
    for collection in (COLLECTION, "attempts"):
        indexes = await database[collection].index_information()
        assert indexes["expires_at_1"]["expireAfterSeconds"] == 0


async def test_attempts_are_counted_each_for_itself_and_for_every_replica(database: Database) -> None:
    first, second = Attempts(database), Attempts(database)
    window = timedelta(days=365)  # long enough that none ends within the test
    answers = [await replica.allowed("code", "a", most=3, within=window) for replica in (first, second, first, second)]
    assert answers == [True, True, True, False]
    assert await first.allowed("code", "b", most=3, within=window)
    assert await first.allowed("sign-in", "a", most=3, within=window)
    await second.forget("code", "a", within=window)
    assert await first.allowed("code", "a", most=3, within=window)
