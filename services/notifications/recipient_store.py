"""Whom to write to about an order: ids in clear, the contact as the envelope that came."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo import UpdateOne

from shared.contracts.orders import OrderCorrected
from shared.messaging.cloudevents import Received
from shared.sealing.opener import Sealed
from shared.stores.mongo import Database, Document, bulk_upsert, insert_new

COLLECTION: Final = "recipients"
READER: Final = "notifications"


@dataclass(frozen=True, slots=True)
class Recipient:
    """`sealed` is None where the policy grants notifications nothing."""

    order_id: str
    subject_id: str
    restricted: bool
    sealed: Sealed | None


class RecipientStore:
    def __init__(self, database: Database) -> None:
        self._recipients = database[COLLECTION]

    async def add(self, recipients: list[Document]) -> None:
        """Those that are not there yet."""
        await insert_new(self._recipients, recipients)

    async def correct(self, corrections: Sequence[Received[OrderCorrected]]) -> None:
        """Each order once. The envelope is replaced by a newer one alone; a correction before its order makes
        the recipient."""
        await bulk_upsert(
            self._recipients,
            [
                UpdateOne(
                    {"_id": received.event.order_id, "sequence": {"$not": {"$gte": received.event.sequence}}},
                    {"$set": _corrected(received)},
                    upsert=True,
                )
                for received in corrections
            ],
        )

    async def of_orders(self, order_ids: Collection[str]) -> dict[str, Recipient]:
        found = self._recipients.find({"_id": {"$in": list(order_ids)}})
        return {document["_id"]: _recipient(document) async for document in found}

    async def newest_orders(self, subject_ids: Collection[str]) -> dict[str, str]:
        """Subject id → its newest order: the contact given last."""
        pipeline: list[dict[str, Any]] = [
            {"$match": {"subject_id": {"$in": list(subject_ids)}}},
            {"$sort": {"placed_at": -1}},
            {"$group": {"_id": "$subject_id", "order_id": {"$first": "$_id"}}},
        ]
        return {found["_id"]: found["order_id"] async for found in self._recipients.aggregate(pipeline)}

    async def count_people(self) -> int:
        """How many different subjects there are."""
        pipeline: list[dict[str, Any]] = [{"$group": {"_id": "$subject_id"}}, {"$count": "people"}]
        found = await self._recipients.aggregate(pipeline).to_list(1)
        return int(found[0]["people"]) if found else 0


def _corrected(received: Received[OrderCorrected]) -> Document:
    event = received.event
    return {
        "order_id": event.order_id,
        "subject_id": event.subject_id,
        "event_id": received.event_id,
        "event_type": received.event_type,
        "sealed": event.sealed[READER],
        "placed_at": event.placed_at,
        "sequence": event.sequence,
    }


def _recipient(document: Document) -> Recipient:
    sealed = document.get("sealed")
    return Recipient(
        order_id=document["_id"],
        subject_id=document["subject_id"],
        restricted="restricted_at" in document,
        sealed=Sealed(document["event_id"], document["event_type"], document["subject_id"], sealed) if sealed else None,
    )
