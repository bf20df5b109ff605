"""What must be true when all has come to rest, and what was seen. Nothing here is one service's own opinion alone: the
stores, the topics, the receivers outside and the proxies in between must agree."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.errors import PyMongoError

from deploy.demo.topics import everything
from deploy.faults.desk import PATIENCE_SECONDS, Desk, NotConverged
from deploy.faults.journeys import Story
from services.privacy.verify_certificate import failures
from shared.stores.receipts import PublicKeys

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """messages: how many the receivers outside took in, each once. repeats: of messages, under the id they had before.
    events_again: copies of events that Kafka holds, under the id they had before."""

    messages: int
    repeats: int
    events_again: int
    erased: tuple[Mapping[str, int], ...]


async def settle(desk: Desk, story: Story) -> None:
    """Wait until everything that must be true is. Raises NotConverged, with what is not."""
    give_up_at = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while unmet := await _unmet_now(desk, story):
        if asyncio.get_running_loop().time() > give_up_at:
            raise NotConverged(unmet)
        await asyncio.sleep(0.15)


async def _unmet_now(desk: Desk, story: Story) -> list[str]:
    try:
        return await not_yet(desk, story)
    except (PyMongoError, TimeoutError) as fault:
        return [f"to be read: {type(fault).__name__}"]


async def not_yet(desk: Desk, story: Story) -> list[str]:
    """In words, without a value of the person's. Empty: it is as if nothing had happened."""
    checks: Mapping[str, tuple[Any, Any]] = {
        "mails in the mailbox": (Counter(desk.subjects_to(story.person)), story.mails),
        "texts": (desk.texts_to(story.person), story.texts),
        "waybills": (await _waybills(desk, story), story.waybills),
        "orders of intake": (await _orders(desk, story), story.orders),
        "messages of notifications": (await _messages(desk, story), ["sent"]),
        "outboxes": (await _outboxes(desk), {}),
        "cases": (
            Counter((case["scope"], case["state"]) for case in await desk.cases_of(story.subject_id)),
            Counter((scope, "closed") for scope in story.scopes),
        ),
        **(await _when_erased(desk, story) if story.erased else await _when_kept(desk, story)),
    }
    unmet = {what: pair for what, pair in checks.items() if pair[0] != pair[1]}
    return [f"{what}: {_said(found)} instead of {_said(wanted)}" for what, (found, wanted) in unmet.items()]


async def seen(desk: Desk, stories: Sequence[Story], sent_before: Counter[tuple[str, str]]) -> tuple[Seen, list[str]]:
    """What was seen once it has settled, and what is wrong with it. `sent_before`: the proxies' count at the start."""
    wrong: list[str] = []
    subjects = {story.subject_id.encode() for story in stories}
    sent = desk.mesh.sent - sent_before
    of_messages = {key: count for key, count in sent.items() if key[1]}  # a notice to forget has no id of its own
    records = await everything(desk.stack.info.kafka.address, desk.policy.topics)
    copies: dict[tuple[str, str], Counter[bytes]] = defaultdict(Counter)
    for record in records:
        headers = dict(record.headers)
        if record.topic.startswith("dead-letters-"):
            wrong.append(f"a dead letter in {record.topic}: {headers.get('dead-letter-code', b'').decode()}")
        elif record.key in subjects:
            copies[record.topic, headers["ce_type"].decode()][headers["ce_id"]] += 1
    placed = sum(len(ids) for (topic, name), ids in copies.items() if topic == "orders" and "OrderPlaced" in name)
    orders = sum(len(story.orders) for story in stories)
    if placed != orders:
        wrong.append(f"{placed} OrderPlaced events in Kafka for {orders} orders")
    expected = sum(story.mails.total() + story.texts + story.waybills for story in stories)
    if len(of_messages) != expected:
        wrong.append(f"{len(of_messages)} messages seen on their way, by their ids, instead of {expected}")
    erased = tuple([await erased_counts(desk, story) for story in stories])
    again = sum(ids.total() - len(ids) for ids in copies.values())
    return Seen(len(of_messages), sum(of_messages.values()) - len(of_messages), again, erased), wrong


async def erased_counts(desk: Desk, story: Story) -> Counts:
    """`store.collection` → records the signed receipts say were destroyed or depersonalised, over all rounds."""
    total: Counter[str] = Counter()
    for case in await desk.cases_of(story.subject_id):
        for of_stores in case["receipts"].values():
            for store, receipt in of_stores.items():
                for name, count in receipt["collections"].items():
                    total[f"{store}.{name}"] += count["destroyed"] + count["depersonalised"]
    return dict(+total)


async def _waybills(desk: Desk, story: Story) -> int:
    found = desk.admin["delivery"]["disclosures"].find({"order_id": {"$in": list(story.orders)}}, {"shipment_id": 1})
    return sum([desk.waybills_of(document["shipment_id"]) async for document in found])


async def _orders(desk: Desk, story: Story) -> dict[str, str]:
    found = desk.admin["intake"]["orders"].find({"_id": {"$in": list(story.orders)}}, {"status": 1})
    return {document["_id"]: document["status"] async for document in found}


async def _messages(desk: Desk, story: Story) -> list[str]:
    """Those refused since the person may not be written to are as good as never decided on."""
    of_orders = {"order_id": {"$in": list(story.orders)}, "reason": {"$nin": ["subject-restricted", "subject-erased"]}}
    return sorted(await desk.admin["notifications"]["messages"].distinct("state", of_orders))


async def _outboxes(desk: Desk) -> dict[str, int]:
    counts = {store: await desk.admin[store]["outbox"].count_documents({}) for store in desk.policy.erasing_stores}
    return {store: count for store, count in counts.items() if count}


async def _when_kept(desk: Desk, story: Story) -> dict[str, tuple[Any, Any]]:
    orders = list(story.orders)
    shipments = desk.admin["delivery"]["shipments"].find({"order_id": {"$in": orders}})
    known = {"placed": "awaiting_courier"}
    subject = await desk.admin["notifications"]["subjects"].find_one({"_id": story.subject_id}) or {}
    keyring = await desk.admin["keyring"]["subjects"].find_one({"_id": story.subject_id}) or {}
    of_orders = {"_id": {"$in": orders}}
    return {
        "shipments of delivery": (
            {document["order_id"]: document["status"] async for document in shipments},
            {order_id: known.get(status, status) for order_id, status in story.orders.items()},
        ),
        "recipients of notifications": (
            await desk.admin["notifications"]["recipients"].count_documents(of_orders),
            len(orders),
        ),
        "orders of privacy": (await desk.admin["privacy"]["orders"].count_documents(of_orders), len(orders)),
        "consent to promotions": (subject.get("promotions"), story.promotions),
        "keys": (set(keyring.get("keys", ())), set(desk.policy.readers)),
    }


async def _when_erased(desk: Desk, story: Story) -> dict[str, tuple[Any, Any]]:
    keyring = await desk.admin["keyring"]["subjects"].find_one({"_id": story.subject_id}) or {}
    index = await desk.admin["keyring"]["people"].count_documents({"subject_id": story.subject_id})
    return {
        "keys": (set(keyring.get("keys", ())), set()),
        "ways to find the person": (index, 0),
        "places that still hold something": (await _personal_paths(desk, story.subject_id), []),
        "certificate": (await _certificate(desk, story), []),
    }


async def _personal_paths(desk: Desk, subject_id: str) -> list[str]:
    """`store.collection.path` of everything sealed, or to be emptied, that this subject's records still hold."""
    found = []
    for store, row in desk.policy.stores.items():
        for name, plan in row.collections.items():
            for path in {*plan.unset, *([plan.sealed] if plan.sealed else [])} if plan.subject else ():
                query = {"$and": [{plan.subject: subject_id}, {path: {"$nin": [None, {}]}}]}
                if not plan.transient and await desk.admin[store][name].count_documents(query):
                    found.append(f"{store}.{name}.{path}")
    return found


async def _certificate(desk: Desk, story: Story) -> list[str]:
    """What a stranger who has the public keys finds wrong with it."""
    case = next((case for case in await desk.cases_of(story.subject_id) if case["scope"] == "all"), None)
    if case is None or case["state"] != "closed":
        return ["not issued"]
    certificate = await desk.privacy.get(f"/v1/cases/{case['_id']}/certificate")
    keys = PublicKeys.from_folder(desk.stack.layout.keys / "public")
    return await asyncio.to_thread(failures, certificate, keys)


def _said(value: Any) -> str:
    """Ids say nothing to a reader: counts and states do."""
    if isinstance(value, Counter):
        return ", ".join(f"{count} × {key}" for key, count in sorted(value.items(), key=str)) or "none"
    if isinstance(value, dict):
        return f"[{', '.join(sorted(map(str, value.values())))}]"
    return str(value)
