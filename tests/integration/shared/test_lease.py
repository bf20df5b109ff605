"""However many take what is due at once, one gets each document, and another one when its lease is over."""

import asyncio
from collections import Counter

import pytest

from shared.stores.lease import take_due
from shared.stores.mongo import Database, Document
from tests.builders import at

pytestmark = pytest.mark.integration

COUNT, TAKERS, AT_ONCE = 40, 8, 10


async def take(database: Database, now: float, limit: int = AT_ONCE) -> tuple[list[Document], bool]:
    due = {"state": "due", "next_at": {"$lte": at(now)}}
    change = {"$inc": {"attempts": 1}, "$set": {"seen": True}}
    return await take_due(database["due"], due, at="next_at", until=at(now + 30), limit=limit, change=change)


@pytest.fixture
async def waiting(database: Database) -> Database:
    documents = [{"_id": n, "state": "due", "next_at": at(-n), "attempts": 0} for n in range(COUNT)]
    await database["due"].insert_many([*documents, {"_id": -1, "state": "done", "next_at": at(-99)}])
    return database


async def test_each_document_has_one_taker(waiting: Database) -> None:
    taken: list[int] = []
    while found := [batch for batch, _ in await asyncio.gather(*(take(waiting, 0) for _ in range(TAKERS))) if batch]:
        taken += [document["_id"] for batch in found for document in batch]
    assert Counter(taken) == dict.fromkeys(range(COUNT), 1)


async def test_those_due_longest_come_first_as_taking_left_them(waiting: Database) -> None:
    found, more = await take(waiting, 0, limit=3)
    assert {document["_id"] for document in found} == {COUNT - 1, COUNT - 2, COUNT - 3}
    assert {(document["attempts"], document["seen"], document["next_at"]) for document in found} == {(1, True, at(30))}
    assert more


async def test_what_a_taker_left_is_taken_again_when_its_lease_is_over(waiting: Database) -> None:
    assert len((await take(waiting, 0, limit=COUNT))[0]) == COUNT
    assert await take(waiting, 29.9) == ([], False)
    again, _ = await take(waiting, 30)
    assert {document["attempts"] for document in again} == {2}
