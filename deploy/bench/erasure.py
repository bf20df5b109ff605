"""(c) Erase 2,000 subjects through the whole process, and one subject in a small and a large store.

All four services run. Each subject has records in every store; each withdrawal is a ConsentWithdrawn event; the time
runs from the first event to the last certificate: restriction, two rounds of signed receipts from four stores, keys,
the wait for the key caches, ledger. The subjects of the bulk run have no address any more, so that no letters are
sent, as in a retention run; letters go at the pace of a mail server, whatever we do.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer

from deploy.bench.measure import Measured
from deploy.bench.orders import Bench
from deploy.bench.topics import as_message
from shared.contracts.consents import ConsentWithdrawn
from shared.messaging.cloudevents import Outgoing, new_id
from shared.sealing.subject_keys import SubjectKeys
from shared.stores.mongo import Document

SUBJECTS = 2_000
SINGLE_RUNS = 9
SMALL, LARGE = 10_000, 300_000
AIM_PER_SECOND = 850.0
AIM_FLAT = 1.2
LONGEST_SECONDS = 300.0


async def measure(bench: Bench, key_cache_seconds: float) -> list[Measured]:
    plain = await _plain_update(bench)
    bulk = await _erase(bench, await _with_records(bench, SUBJECTS))
    await _fill(bench, SMALL)
    small = await _one_at_a_time(bench)
    await _fill(bench, LARGE - SMALL)
    large = await _one_at_a_time(bench)
    wait = f"of which {2 * key_cache_seconds:g} s wait for the key caches (120 s in production)"
    return [
        Measured("c1. bulk erasure, whole process, vs update_many", bulk, plain, AIM_PER_SECOND, "subjects/s",
                 of_ours=True, note=f"{SUBJECTS} subjects in {SUBJECTS / bulk:.2f} s, {wait}"),
        Measured("c2. one erasure: 300 k vs 10 k documents", large, small, AIM_FLAT, "s", at_most=True, note=wait),
    ]  # fmt: skip


async def _erase(bench: Bench, people: list[SubjectKeys]) -> float:
    """Subjects per second, from the first event to the last certificate."""
    certificates = bench.client["privacy"]["certificates"]
    wanted = await certificates.count_documents({}) + len(people)
    started = time.perf_counter()
    await _withdraw(bench, people)
    async with asyncio.timeout(LONGEST_SECONDS):
        while await certificates.estimated_document_count() < wanted:
            await asyncio.sleep(0.02)
    return len(people) / (time.perf_counter() - started)


async def _one_at_a_time(bench: Bench) -> float:
    """Median seconds of one subject's whole erasure."""
    times = [1 / await _erase(bench, await _with_records(bench, 1)) for _ in range(SINGLE_RUNS)]
    return statistics.median(times)


async def _withdraw(bench: Bench, people: list[SubjectKeys]) -> None:
    now = datetime.now(UTC)
    producer = AIOKafkaProducer(**bench.kafka.client_options(), acks="all")
    await producer.start()
    try:
        futures = []
        for keys in people:
            event = ConsentWithdrawn(subject_id=keys.subject_id, scope="all", channel="bench", received_at=now)
            value, key, headers = as_message(Outgoing(event, new_id(), now))
            futures.append(await producer.send(event.topic(), value, key=key, headers=headers))
        await asyncio.gather(*futures)
    finally:
        await producer.stop()


async def _plain_update(bench: Bench) -> float:
    """The same records erased by one update_many with $in per collection, with nothing to show for it."""
    people = await _with_records(bench, SUBJECTS)
    ids = [keys.subject_id for keys in people]
    started = time.perf_counter()
    for place in _records(ids[:1]):
        database, collection = place
        path = "_id" if collection == "subjects" else "subject_id"
        await bench.client[database][collection].update_many({path: {"$in": ids}}, {"$unset": {"sealed": ""}})
    return len(people) / (time.perf_counter() - started)


async def _with_records(bench: Bench, count: int) -> list[SubjectKeys]:
    people = await bench.add_people(count)
    await _insert(bench, _records([keys.subject_id for keys in people]))
    return people


async def _fill(bench: Bench, documents: int) -> None:
    """Other people's records, spread over the stores; they have no keys, nobody withdraws them."""
    each = documents // len(_records([new_id()]))
    for start in range(0, each, 10_000):
        await _insert(bench, _records(new_id() for _ in range(min(10_000, each - start))))


async def _insert(bench: Bench, records: dict[tuple[str, str], list[Document]]) -> None:
    insert: Callable[..., Awaitable[Any]]
    for (database, collection), documents in records.items():
        insert = bench.client[database][collection].insert_many
        for start in range(0, len(documents), 5_000):
            await insert(documents[start : start + 5_000], ordered=False)


def _records(subject_ids: Iterable[str]) -> dict[tuple[str, str], list[Document]]:
    """(database, collection) → one settled order's records of each subject, as the services keep them."""
    now, sealed = datetime.now(UTC), bytes(320)
    records: dict[tuple[str, str], list[Document]] = {}

    def add(database: str, collection: str, **document: Any) -> None:
        records.setdefault((database, collection), []).append(document)

    for subject in subject_ids:
        order, event = new_id(), new_id()
        settled = {"subject_id": subject, "event_id": event, "event_type": "kz.exl.OrderPlaced.v1", "placed_at": now}
        add("intake", "orders", _id=order, status="delivered", amount_kzt=1_000, **settled)
        add("intake", "consents", _id=new_id(), subject_id=subject, promotions=False, given_at=now)
        add("intake", "subjects", _id=subject, promotions=False, orders=1, created_at=now)
        add("delivery", "shipments", _id=new_id(), order_id=order, status="delivered", sealed=sealed, **settled)
        add("notifications", "recipients", _id=order, order_id=order, sealed=sealed, **settled)
        add("notifications", "messages", _id=new_id(), order_id=order, subject_id=subject, state="sent")
        add("privacy", "orders", _id=order, subject_id=subject, settled="delivered")
    return records
