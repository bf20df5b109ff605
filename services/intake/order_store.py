"""Orders: ids, state and amounts in clear, the person's fields sealed for intake alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pymongo import DESCENDING, UpdateOne

from shared.sealing.opener import Sealed
from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "orders"
Status = Literal["placed", "cancelled", "handed_over", "delivered", "returned"]

# What may become what. It only ever moves on, so facts may come twice and in any order. The parcel's own facts win
# over a cancellation that crossed with its hand-over: the person is about to get it.
BEFORE: Final[Mapping[Status, tuple[Status, ...]]] = {
    "cancelled": ("placed",),
    "handed_over": ("placed", "cancelled"),
    "delivered": ("placed", "cancelled", "handed_over"),
    "returned": ("placed", "cancelled", "handed_over"),
}
WHEN: Final[Mapping[Status, str]] = {
    "cancelled": "cancelled_at",
    "handed_over": "handed_over_at",
    "delivered": "settled_at",
    "returned": "settled_at",
}


class OrderUnknown(Exception):
    def __init__(self) -> None:
        super().__init__("There is no order of that number. Use the order_id that was answered when it was placed.")


class OrderErased(Exception):
    def __init__(self) -> None:
        super().__init__("The person behind this order was erased: only its state is kept, and nothing is left to do.")


@dataclass(frozen=True, slots=True)
class OrderState:
    """What a shop may know, and what its person sees of it."""

    order_id: str
    status: Status
    placed_at: datetime
    handed_over_at: datetime | None
    cancelled_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """An order that still holds its person's fields."""

    state: OrderState
    consent_id: str
    payment_method: str
    amount_kzt: int
    sealed: Sealed


class OrderStore:
    def __init__(self, database: Database) -> None:
        self._orders = database[COLLECTION]

    async def add(self, orders: Sequence[Document], session: Session) -> None:
        await self._orders.insert_many(orders, ordered=False, session=session)

    async def state_of(self, order_id: str, session: Session | None = None) -> OrderState:
        """Raises OrderUnknown."""
        return _state(await self._one(order_id, session))

    async def subject_of(self, order_id: str, session: Session) -> str:
        """Raises OrderUnknown, OrderErased."""
        document = await self._one(order_id, session)
        if "subject_id" not in document:
            raise OrderErased
        return str(document["subject_id"])

    async def move(self, moves: Sequence[tuple[str, Status, datetime]], session: Session | None = None) -> int:
        """(order id, status, when). Returns how many changed; an order that is further on already stays."""
        result = await self._orders.bulk_write(
            [
                UpdateOne(
                    {"_id": order_id, "status": {"$in": BEFORE[status]}},
                    {"$set": {"status": status, WHEN[status]: at}},
                )
                for order_id, status, at in moves
            ],
            ordered=False,
            session=session,
        )
        return result.modified_count

    async def existing(self, order_ids: Collection[str]) -> set[str]:
        found = self._orders.find({"_id": {"$in": list(order_ids)}}, {"_id": 1})
        return {document["_id"] async for document in found}

    async def newest_sealed(self, subject_ids: Collection[str]) -> dict[str, Sealed]:
        """The envelope of each subject's newest order."""
        pipeline: list[dict[str, Any]] = [
            {"$match": {"subject_id": {"$in": list(subject_ids)}, "sealed": {"$exists": True}}},
            {"$sort": {"placed_at": -1}},
            {"$group": {"_id": "$subject_id", "newest": {"$first": "$$ROOT"}}},
        ]
        return {found["_id"]: _sealed(found["newest"]) async for found in self._orders.aggregate(pipeline)}

    async def held_of(self, subject_id: str, session: Session | None = None) -> list[HeldOrder]:
        """The person's orders that still hold fields, newest first."""
        theirs = {"subject_id": subject_id, "sealed": {"$exists": True}}
        found = self._orders.find(theirs, session=session).sort("placed_at", DESCENDING)
        return [_held(document) async for document in found]

    async def seal_again(self, envelopes: Mapping[str, Sealed], now: datetime, session: Session) -> None:
        """Order id → the envelope that replaces the order's, within the transaction that read it."""
        await self._orders.bulk_write(
            [
                UpdateOne(
                    {"_id": order_id},
                    {
                        "$set": {
                            "event_id": sealed.event_id,
                            "event_type": sealed.event_type,
                            "sealed": sealed.envelope,
                            "corrected_at": now,
                        }
                    },
                )
                for order_id, sealed in envelopes.items()
            ],
            ordered=False,
            session=session,
        )

    async def _one(self, order_id: str, session: Session | None) -> Document:
        document: Document | None = await self._orders.find_one({"_id": order_id}, {"sealed": 0}, session=session)
        if document is None:
            raise OrderUnknown
        return document


def _state(document: Document) -> OrderState:
    return OrderState(
        order_id=document["_id"],
        status=document["status"],
        placed_at=document["placed_at"],
        handed_over_at=document.get("handed_over_at"),
        cancelled_at=document.get("cancelled_at"),
        settled_at=document.get("settled_at"),
    )


def _held(document: Document) -> HeldOrder:
    return HeldOrder(
        state=_state(document),
        consent_id=document["consent_id"],
        payment_method=document["payment_method"],
        amount_kzt=document["amount_kzt"],
        sealed=_sealed(document),
    )


def _sealed(document: Document) -> Sealed:
    return Sealed(document["event_id"], document["event_type"], document["subject_id"], document["sealed"])
