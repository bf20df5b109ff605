"""Which order is whose, and whether it is still open: what decides a deferral and finds a person by order number."""

from collections.abc import Sequence
from typing import Final

from pymongo import UpdateOne

from shared.stores.mongo import Database

COLLECTION: Final = "orders"


class OrderStore:
    def __init__(self, database: Database) -> None:
        self._orders = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._orders.create_index("subject_id")

    async def placed(self, orders: Sequence[tuple[str, str]]) -> None:
        """(order id, subject id). An order already settled stays settled."""
        await self._orders.bulk_write(
            [
                UpdateOne({"_id": order_id}, {"$set": {"subject_id": subject_id}}, upsert=True)
                for order_id, subject_id in orders
            ],
            ordered=False,
        )

    async def settled(self, orders: Sequence[tuple[str, str, str]]) -> None:
        """(order id, subject id, how: delivered | returned | cancelled), also before the order itself is known."""
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

    async def settled_of(self, subject_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Settled orders of each subject: order id → how."""
        result: dict[str, dict[str, str]] = {}
        query = {"subject_id": {"$in": list(subject_ids)}, "settled": {"$exists": True}}
        async for document in self._orders.find(query):
            result.setdefault(document["subject_id"], {})[document["_id"]] = document["settled"]
        return result
