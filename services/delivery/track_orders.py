"""Follow orders: each order placed is one shipment that awaits a courier, unless it was cancelled."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.delivery.shipment_store import READER, ShipmentStore, shipment_id_of
from shared.contracts.orders import OrderCancelled, OrderPlaced
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.messaging.fence import held_only
from shared.observability.tracing import cause_of
from shared.sealing.keyring import KeyringReader
from shared.stores.mongo import Document


class OrderTracking:
    def __init__(self, shipments: ShipmentStore, keyring: KeyringReader) -> None:
        self._shipments = shipments
        self._keyring = keyring

    async def on_placed(self, batch: Sequence[Received[OrderPlaced]]) -> Outcome:
        held, outcome = await held_only(batch, self._keyring)
        now = datetime.now(UTC)
        await self._shipments.add([_awaiting_courier(received, now) for received in held])
        return outcome

    async def on_cancelled(self, batch: Sequence[Received[OrderCancelled]]) -> Outcome:
        held, outcome = await held_only(batch, self._keyring)
        events = [received.event for received in held]
        await self._shipments.cancel([(event.order_id, event.subject_id, event.cancelled_at) for event in events])
        return outcome


def _awaiting_courier(received: Received[OrderPlaced], now: datetime) -> Document:
    """With the envelope as it came and what it is bound to: it is opened only when a courier takes the parcel."""
    event = received.event
    document: Document = {
        "_id": shipment_id_of(event.order_id),
        "order_id": event.order_id,
        "subject_id": event.subject_id,
        "event_id": received.event_id,
        "event_type": received.event_type,
        "status": "awaiting_courier",
        "payment_method": event.payment_method,
        "placed_at": event.placed_at,
        "received_at": now,
    }
    if envelope := event.sealed.get(READER):
        document["sealed"] = envelope
    if cause := cause_of(event.subject_id):
        document["traceparent"] = cause
    return document
