"""A parcel was delivered, or came back: the obligation has ended, and an erasure that waits for it goes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from services.delivery.shipment_store import Shipment, ShipmentStore, Status, WrongState
from shared.contracts.shipments import ShipmentDelivered, ShipmentReturned
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox, Row
from shared.observability.tracing import span
from shared.stores.mongo import Client, Session, in_transaction

How = Literal["delivered", "returned"]
REMEDY: Final[Mapping[Status, str]] = {
    "awaiting_courier": "Hand it over first.",
    "handing_over": "Its hand-over was broken off: send that again first.",
    "delivered": "Nothing is left to do; a parcel that comes back later is a new matter.",
    "returned": "Nothing is left to do; a new delivery is a new order.",
    "cancelled": "Nothing is left to do; no courier has it.",
    "handed_over": "Send the request again.",
}


@dataclass(frozen=True, slots=True)
class SettleShipment:
    client: Client
    shipments: ShipmentStore
    outbox: Outbox

    async def settle(self, shipment_id: str, how: How, now: datetime) -> Shipment:
        """The shipment as it is settled; again, if it was already so. Raises ShipmentMissing, WrongState."""

        async def work(session: Session) -> list[Row]:
            shipment = await self.shipments.get(shipment_id, session)
            if not await self.shipments.move(shipment_id, how, now, session):
                return []
            with span("settle shipment", of=shipment.traceparent):
                return await self.outbox.append([Outgoing(_fact(shipment, how, now), new_id(), now)], session)

        self.outbox.committed(await in_transaction(self.client, work))
        shipment = await self.shipments.get(shipment_id)
        if shipment.status != how:
            raise WrongState(shipment.status, REMEDY[shipment.status])
        return shipment


def _fact(shipment: Shipment, how: How, now: datetime) -> ShipmentDelivered | ShipmentReturned:
    ids = {
        "subject_id": shipment.subject_id,
        "shipment_id": shipment.shipment_id,
        "order_id": shipment.order_id,
    }
    match how:
        case "delivered":
            return ShipmentDelivered(**ids, delivered_at=now)
        case "returned":
            return ShipmentReturned(**ids, returned_at=now)
