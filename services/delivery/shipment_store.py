"""Shipments: ids, times and state in clear, the recipient's fields as the envelope that came."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from pymongo import ASCENDING, UpdateOne

from shared.contracts.orders import OrderCorrected
from shared.messaging.cloudevents import Received
from shared.sealing.opener import Sealed
from shared.stores.lease import take_due
from shared.stores.mongo import Database, Document, Session, bulk_upsert, insert_new

COLLECTION: Final = "shipments"
READER: Final = "delivery"
LEASE: Final = timedelta(seconds=30)
Status = Literal["awaiting_courier", "handing_over", "handed_over", "delivered", "returned", "cancelled"]

# What may become what. A status only ever moves on, but for a hand-over that did not succeed: that one is taken back.
BEFORE: Final[Mapping[Status, tuple[Status, ...]]] = {
    "handing_over": ("awaiting_courier", "handing_over"),
    "handed_over": ("awaiting_courier", "handing_over"),
    "awaiting_courier": ("handing_over",),
    "delivered": ("handed_over",),
    "returned": ("handed_over",),
    "cancelled": ("awaiting_courier",),
}
WHEN: Final[Mapping[Status, str]] = {
    "handing_over": "offered_at",
    "handed_over": "handed_over_at",
    "delivered": "settled_at",
    "returned": "settled_at",
    "cancelled": "settled_at",
}


@dataclass(frozen=True, slots=True)
class Shipment:
    """`sealed` is None where the policy grants delivery nothing, and once the order was cancelled. sequence: of the
    last correction, 0 without one. untold: names of corrected fields that the courier partner has not been told.
    traceparent: of what led to the shipment; what is done with it goes on from there."""

    shipment_id: str
    order_id: str
    subject_id: str
    status: Status
    payment_method: str | None
    placed_at: datetime | None
    handed_over_at: datetime | None
    settled_at: datetime | None
    restricted: bool
    sealed: Sealed | None
    sequence: int
    untold: tuple[str, ...]
    traceparent: str | None = None


class ShipmentMissing(Exception):
    """No shipment has this id, or erasure has destroyed it."""


class WrongState(Exception):
    def __init__(self, status: Status, remedy: str) -> None:
        super().__init__(f"The shipment is {status.replace('_', ' ')}. {remedy}")


def shipment_id_of(order_id: str) -> str:
    """32 hex digits: one shipment per order, whoever tells of the order and however often."""
    return hashlib.blake2b(order_id.encode(), digest_size=16, person=b"shipment").hexdigest()


class ShipmentStore:
    def __init__(self, database: Database) -> None:
        self._shipments = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._shipments.create_index([("status", ASCENDING), ("placed_at", ASCENDING)])
        await self._shipments.create_index(
            [("tell_at", ASCENDING)], partialFilterExpression={"tell_at": {"$exists": True}}, name="corrections_due"
        )

    async def add(self, shipments: list[Document]) -> None:
        """Those that are not there yet; a shipment that is there stays as it is, whatever became of it."""
        await insert_new(self._shipments, shipments)

    async def cancel(self, orders: Sequence[tuple[str, str, datetime]]) -> None:
        """(order id, subject id, when), also before the order itself is known: then it stays cancelled. A shipment
        that is with a courier stays with it. The envelope goes: nobody needs it any more (clause 3.1)."""
        await bulk_upsert(
            self._shipments,
            [
                UpdateOne(
                    {"_id": shipment_id_of(order_id), "status": {"$in": BEFORE["cancelled"]}},
                    {
                        "$set": {"status": "cancelled", "settled_at": at},
                        "$setOnInsert": {"order_id": order_id, "subject_id": subject_id},
                        "$unset": {"sealed": ""},
                    },
                    upsert=True,
                )
                for order_id, subject_id, at in orders
            ],
        )

    async def correct(self, corrections: Mapping[str, tuple[Received[OrderCorrected], Sequence[str]]]) -> None:
        """Shipment id → its newest correction, and the names of all corrected fields. The envelope is replaced by a
        newer one alone; a correction that comes before its order makes the shipment. A cancelled one stays empty. What
        the courier partner may have already is due to be told, also where the correction comes after a newer one (and
        again where that comes again)."""
        operations = []
        for shipment_id, (received, fields) in corrections.items():
            sequence, untold = received.event.sequence, _untold(fields, received.event.corrected_at)
            newer = {"_id": shipment_id, "status": {"$ne": "cancelled"}, "sequence": {"$not": {"$gte": sequence}}}
            operations += [
                UpdateOne(newer, [{"$set": _corrected(received) | untold}], upsert=True),
                UpdateOne({"_id": shipment_id, "sequence": {"$gt": sequence}}, [{"$set": untold}]),
            ]
        await bulk_upsert(self._shipments, operations)

    async def take_untold(self, now: datetime, limit: int) -> list[tuple[Shipment, int]]:
        """Shipments on their way whose corrections the partner is due to be told, and how often that was tried; leased
        to the caller alone, and told once more, harmlessly, if that takes longer. Nothing of who is restricted."""
        due = {"tell_at": {"$lte": now}, "status": "handed_over", "restricted_at": {"$exists": False}}
        found, _ = await take_due(self._shipments, due, at="tell_at", until=now + LEASE, limit=limit)
        return [(_shipment(document), document.get("tell_attempts", 0)) for document in found]

    async def telling(self, shipment: Shipment, session: Session) -> bool:
        """Whether the correction may leave: not where the shipment has moved on, was corrected again or restricted.
        Changes the shipment, so that of this and any of these one comes first."""
        may_be_told = {**_as_read(shipment), "status": "handed_over", "restricted_at": {"$exists": False}}
        result = await self._shipments.update_one(may_be_told, {"$inc": {"tell_attempts": 1}}, session=session)
        return bool(result.matched_count)

    async def told(self, shipment: Shipment, session: Session) -> None:
        """The partner has it; what was corrected since is still due."""
        await self._shipments.update_one(
            _as_read(shipment),
            {"$unset": {"untold": "", "tell_at": "", "tell_attempts": "", "lease": ""}},
            session=session,
        )

    async def tell_later(self, shipment: Shipment, at: datetime | None) -> None:
        """`at` None: never, but what is untold stays to be seen."""
        change: Document = {"$set": {"tell_at": at}} if at else {"$unset": {"tell_at": ""}}
        await self._shipments.update_one(_as_read(shipment), change)

    async def get(self, shipment_id: str, session: Session | None = None) -> Shipment:
        """Raises ShipmentMissing."""
        document = await self._shipments.find_one({"_id": shipment_id}, session=session)
        if document is None:
            raise ShipmentMissing
        return _shipment(document)

    async def queue(self, *, status: Status, limit: int) -> list[Shipment]:
        """Longest waiting first, without their envelopes."""
        found = self._shipments.find({"status": status}, {"sealed": 0}).sort("placed_at", ASCENDING).limit(limit)
        return [_shipment(document) async for document in found]

    async def move(
        self,
        shipment_id: str,
        to: Status,
        now: datetime,
        session: Session | None = None,
        *,
        sequence: int | None = None,
    ) -> bool:
        """Whether it moved: not where it is gone, in a state that does not lead there, or, where that is asked for, no
        more as it was corrected last."""
        change: Document = {"status": to}
        if to in WHEN:
            change[WHEN[to]] = now
        query: Document = {"_id": shipment_id, "status": {"$in": BEFORE[to]}}
        if sequence is not None:
            query["sequence"] = sequence or {"$exists": False}
        result = await self._shipments.update_one(query, {"$set": change}, session=session)
        return bool(result.matched_count)


def _as_read(shipment: Shipment) -> Document:
    """It, while no correction has come since: neither a newer one nor an older one that is late."""
    return {"_id": shipment.shipment_id, "sequence": shipment.sequence, "untold": list(shipment.untold)}


def _untold(fields: Sequence[str], since: datetime) -> Document:
    """Due to be told, where the courier partner may have the parcel's fields and still needs them."""
    offered = {
        "$or": [{"$ne": [{"$type": "$offered_at"}, "missing"]}, {"$in": ["$status", ["handing_over", "handed_over"]]}]
    }
    settled = {"$in": ["$status", ["delivered", "returned", "cancelled"]]}
    to_tell = {"$and": [offered, {"$not": [settled]}]}
    untold = {"$setUnion": [{"$ifNull": ["$untold", []]}, {"$literal": list(fields)}]}
    return {
        "untold": {"$cond": [to_tell, untold, "$$REMOVE"]},
        "tell_at": {"$cond": [to_tell, since, "$$REMOVE"]},
        "tell_attempts": {"$cond": [to_tell, 0, "$$REMOVE"]},
    }


def _corrected(received: Received[OrderCorrected]) -> Document:
    event = received.event
    return {
        "order_id": event.order_id,
        "subject_id": event.subject_id,
        "event_id": received.event_id,
        "event_type": received.event_type,
        "sealed": event.sealed[READER],
        "sequence": event.sequence,
        "corrected_at": event.corrected_at,
        "status": {"$ifNull": ["$status", "awaiting_courier"]},
        "payment_method": {"$ifNull": ["$payment_method", event.payment_method]},
        "placed_at": {"$ifNull": ["$placed_at", event.placed_at]},
        "received_at": {"$ifNull": ["$received_at", event.corrected_at]},
    }


def _shipment(document: Document) -> Shipment:
    sealed = document.get("sealed")
    return Shipment(
        shipment_id=document["_id"],
        order_id=document["order_id"],
        subject_id=document["subject_id"],
        status=document["status"],
        payment_method=document.get("payment_method"),
        placed_at=document.get("placed_at"),
        handed_over_at=document.get("handed_over_at"),
        settled_at=document.get("settled_at"),
        restricted="restricted_at" in document,
        sealed=Sealed(document["event_id"], document["event_type"], document["subject_id"], sealed) if sealed else None,
        sequence=document.get("sequence", 0),
        untold=tuple(document.get("untold", ())),
        traceparent=document.get("traceparent"),
    )
