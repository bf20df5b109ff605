"""The ledger holds, or says where it was touched."""

import asyncio
import hashlib

import pytest

from services.privacy.ledger import COLLECTION, GENESIS, HEAD, Entry, Head, Ledger, LedgerBroken
from shared.stores.mongo import Client, Database, Session, in_transaction
from shared.stores.receipts import canonical
from tests.builders import NOON

pytestmark = pytest.mark.integration
ENTRIES = 12


def entries(count: int, start: int = 0) -> list[Entry]:
    return [Entry("store_restricted", "ca" * 16, {"store": f"s{start + number}"}) for number in range(count)]


async def append(mongo: Client, ledger: Ledger, new: list[Entry]) -> Head:
    async def work(session: Session) -> Head:
        return await ledger.append(new, NOON, session)

    return await in_transaction(mongo, work)


@pytest.fixture
async def ledger(mongo: Client, database: Database) -> Ledger:
    ledger = Ledger(database)
    await append(mongo, ledger, entries(ENTRIES // 2))
    await append(mongo, ledger, entries(ENTRIES // 2, ENTRIES // 2))
    return ledger


async def test_untouched_chain_holds(ledger: Ledger) -> None:
    head = await ledger.verify()
    assert head == await ledger.head()
    assert head.sequence == ENTRIES


async def test_empty_ledger_holds(database: Database) -> None:
    assert await Ledger(database).verify() == Head(0, GENESIS)


async def test_head_that_is_returned_is_the_last_entrys(mongo: Client, ledger: Ledger, database: Database) -> None:
    head = await append(mongo, ledger, entries(1))
    last = await database[COLLECTION].find_one({"_id": head.sequence})
    assert last is not None
    assert (head.sequence, head.hash) == (ENTRIES + 1, last["hash"])
    assert await append(mongo, ledger, []) == head


@pytest.mark.parametrize("sequence", [1, 6, 7, ENTRIES])
@pytest.mark.parametrize("member", ["what", "case_id", "at", "detail", "previous", "hash", "sequence"])
async def test_rewritten_entry_is_found(ledger: Ledger, database: Database, sequence: int, member: str) -> None:
    changed = {"detail": {"store": "elsewhere"}, "sequence": 99}.get(member, "0" * 64)
    if sequence == 1 and member == "previous":
        changed = "1" * 64
    await database[COLLECTION].update_one({"_id": sequence}, {"$set": {member: changed}})
    with pytest.raises(LedgerBroken) as broken:
        await ledger.verify()
    assert broken.value.sequence == sequence


@pytest.mark.parametrize("member", ["previous", "hash", "sequence", "what"])
async def test_member_that_was_removed_is_found(ledger: Ledger, database: Database, member: str) -> None:
    await database[COLLECTION].update_one({"_id": 3}, {"$unset": {member: ""}})
    with pytest.raises(LedgerBroken) as broken:
        await ledger.verify()
    assert broken.value.sequence == 3


async def test_added_member_is_found(ledger: Ledger, database: Database) -> None:
    await database[COLLECTION].update_one({"_id": 3}, {"$set": {"note": "by hand"}})
    with pytest.raises(LedgerBroken):
        await ledger.verify()


@pytest.mark.parametrize("sequence", [1, 6, ENTRIES])
async def test_removed_entry_is_found(ledger: Ledger, database: Database, sequence: int) -> None:
    await database[COLLECTION].delete_one({"_id": sequence})
    with pytest.raises(LedgerBroken) as broken:
        await ledger.verify()
    assert broken.value.sequence == sequence


@pytest.mark.parametrize("an_id", [0, ENTRIES + 1, 5.5, "5b", None])
async def test_added_entry_is_found(ledger: Ledger, database: Database, an_id: object) -> None:
    last = await database[COLLECTION].find_one({"_id": ENTRIES})
    assert last is not None
    body = {**{k: v for k, v in last.items() if k not in ("_id", "hash")}, "sequence": ENTRIES + 1}
    body["previous"] = last["hash"]
    digest = hashlib.sha256(canonical(body)).hexdigest()
    await database[COLLECTION].insert_one({"_id": an_id, **body, "hash": digest})
    with pytest.raises(LedgerBroken):
        await ledger.verify()


async def test_chain_whose_head_was_removed_does_not_hold(ledger: Ledger, database: Database) -> None:
    await database[COLLECTION].delete_one({"_id": HEAD})
    with pytest.raises(LedgerBroken):
        await ledger.verify()


async def test_chain_rewritten_from_end_to_end_disagrees_with_the_published_head(
    mongo: Client, ledger: Ledger, database: Database
) -> None:
    """Whoever can write MongoDB can write a chain that follows; the topic `ledger-heads` still has the other one."""
    published = await ledger.head()
    await database[COLLECTION].delete_many({})
    await append(mongo, ledger, entries(ENTRIES, 100))
    rewritten = await ledger.verify()
    assert rewritten.sequence == published.sequence
    assert rewritten.hash != published.hash


async def test_chain_that_grows_while_it_is_verified_holds(mongo: Client, ledger: Ledger) -> None:
    growing = asyncio.create_task(_grow(mongo, ledger))
    try:
        for _ in range(30):
            await ledger.verify()
    finally:
        growing.cancel()


async def _grow(mongo: Client, ledger: Ledger) -> None:
    while True:
        await append(mongo, ledger, entries(5))


async def test_two_replicas_appending_at_once_make_one_chain(mongo: Client, database: Database) -> None:
    replicas = [Ledger(database) for _ in range(2)]
    await asyncio.gather(*(append(mongo, replicas[number % 2], entries(3)) for number in range(20)))
    assert (await replicas[0].verify()).sequence == 60


async def test_entries_of_a_transaction_that_failed_are_not_there(mongo: Client, ledger: Ledger) -> None:
    before = await ledger.head()

    async def fail(session: Session) -> None:
        await ledger.append(entries(3), NOON, session)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await in_transaction(mongo, fail)
    assert await ledger.verify() == before
