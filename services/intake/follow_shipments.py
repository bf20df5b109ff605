"""Follow a parcel: the order's state moves on with what delivery did.

The state is the order's, not the person's. It is kept up also where the person was erased meanwhile: an order that
names nobody is still delivered or returned.
"""

from collections.abc import Sequence
from typing import Any

from services.intake.order_store import OrderStore, Status
from shared.contracts.shipments import ShipmentDelivered, ShipmentHandedOver, ShipmentReturned
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome


class ShipmentFollowing:
    def __init__(self, orders: OrderStore) -> None:
        self._orders = orders

    async def on_handed_over(self, batch: Sequence[Received[ShipmentHandedOver]]) -> Outcome:
        return await self._move(batch, "handed_over")

    async def on_delivered(self, batch: Sequence[Received[ShipmentDelivered]]) -> Outcome:
        return await self._move(batch, "delivered")

    async def on_returned(self, batch: Sequence[Received[ShipmentReturned]]) -> Outcome:
        return await self._move(batch, "returned")

    async def _move(self, batch: Sequence[Received[Any]], status: Status) -> Outcome:
        """Orders begin here: a parcel of an order that was never placed can't be decided on and is put aside."""
        existing = await self._orders.existing({received.event.order_id for received in batch})
        known = [received for received in batch if received.event.order_id in existing]
        if known:
            await self._orders.move([(received.event.order_id, status, received.time) for received in known])
        refused = [(received, "order-unknown") for received in batch if received.event.order_id not in existing]
        return Outcome(applied=len(known), refused=refused)
