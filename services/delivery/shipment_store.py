"""Shipments: ids, times and state in clear, the recipient's fields as the envelope that came."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from pymongo import ASCENDING, UpdateOne

from shared.sealing.opener import Sealed
from shared.stores.mongo import Database, Document, Session, bulk_upsert, insert_new

COLLECTION: Final = "shipments"
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
    "handed_over": "handed_over_at",
    "delivered": "settled_at",
    "returned": "settled_at",
    "cancelled": "settled_at",
}


@dataclass(frozen=True, slots=True)
class Shipment:
    """`sealed` is None where the policy grants delivery nothing, and once the order was cancelled."""

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

    async def move(self, shipment_id: str, to: Status, now: datetime, session: Session | None = None) -> bool:
        """Whether it moved: not where it is gone, or in a state that does not lead there."""
        change: Document = {"status": to}
        if to in WHEN:
            change[WHEN[to]] = now
        result = await self._shipments.update_one(
            {"_id": shipment_id, "status": {"$in": BEFORE[to]}}, {"$set": change}, session=session
        )
        return bool(result.matched_count)


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
    )
