"""Which order is whose, and whether it is still open: what decides a deferral and finds a person by order number."""

from collections.abc import Sequence
from typing import Final

from pymongo import UpdateOne

from shared.stores.mongo import Database, Session

COLLECTION: Final = "orders"


class OrderStore:
    def __init__(self, database: Database) -> None:
        self._orders = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._orders.create_index("subject_id")

    async def placed(self, orders: Sequence[tuple[str, str]]) -> None:
        """(order id, subject id). An order already settled stays settled."""
        if not orders:
            return
        await self._orders.bulk_write(
            [
                UpdateOne({"_id": order_id}, {"$set": {"subject_id": subject_id}}, upsert=True)
                for order_id, subject_id in orders
            ],
            ordered=False,
        )

    async def settled(self, orders: Sequence[tuple[str, str, str]]) -> None:
        """(order id, subject id, how: delivered | returned | cancelled), also before the order itself is known."""
        if not orders:
            return
        await self._orders.bulk_write(
            [
                UpdateOne({"_id": order_id}, {"$set": {"subject_id": subject_id, "settled": how}}, upsert=True)
                for order_id, subject_id, how in orders
            ],
            ordered=False,
        )

    async def subject_of(self, order_id: str) -> str | None:
        document = await self._orders.find_one({"_id": order_id})
        return document.get("subject_id") if document else None

    async def settled_among(self, order_ids: Sequence[str], session: Session) -> dict[str, str]:
        """Those of the orders that are settled: order id → how."""
        if not order_ids:
            return {}
        query = {"_id": {"$in": list(order_ids)}, "settled": {"$exists": True}}
        return {document["_id"]: document["settled"] async for document in self._orders.find(query, session=session)}
