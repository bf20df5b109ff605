"""Hand a parcel to the courier partner, with exactly the fields the policy grants for delivering it.

    durable: the log says the partner may have the fields ─► they leave ─► durable: the partner has them, all told

A crash in between leaves a truthful log and a shipment that is being handed over; the same call again finishes it, and
the partner knows it by the shipment's id as the same waybill.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.delivery.courier_partner import RECIPIENT, CourierPartner, PartnerAway, WaybillRefused
from services.delivery.disclose_fields import FieldDisclosure
from services.delivery.disclosure_store import Disclosed
from services.delivery.shipment_store import BEFORE, Shipment, ShipmentStore, Status, WrongState
from shared.contracts.shipments import ShipmentHandedOver
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox, Row
from shared.observability.tracing import span
from shared.stores.mongo import Client, Session, in_transaction

REMEDY: Mapping[Status, str] = {
    "delivered": "Nothing is left to do.",
    "returned": "A new delivery is a new order.",
    "cancelled": "Keep the parcel; the courier must not get it.",
}


@dataclass(frozen=True, slots=True)
class HandToCourier:
    client: Client
    shipments: ShipmentStore
    disclosing: FieldDisclosure
    partner: CourierPartner
    outbox: Outbox

    async def hand_over(self, shipment_id: str, now: datetime) -> tuple[Shipment, Disclosed]:
        """What was handed over; again, if it was already. Raises ShipmentMissing, WrongState, PartnerAway,
        WaybillRefused, and what `Opener.open` raises."""
        shipment = await self.shipments.get(shipment_id)
        if shipment.status in BEFORE["handed_over"]:
            # Without those the person did not give.
            granted = await self.disclosing.fields(shipment)
            fields = {name: value for name, value in granted.items() if value is not None}
            with span("hand over", of=shipment.traceparent):
                if await self._intend(shipment, fields, now):
                    await self._send(shipment, fields, now)
                    await self._complete(shipment, fields, now)
            shipment = await self.shipments.get(shipment_id)
        disclosed = await self.disclosing.store.of_shipment(shipment_id)
        if shipment.status != "handed_over" or disclosed is None:
            raise WrongState(shipment.status, REMEDY.get(shipment.status, "Send the request again."))
        return shipment, disclosed

    async def _intend(self, shipment: Shipment, fields: Mapping[str, Any], now: datetime) -> bool:
        """Whether the fields may leave: not where the shipment has moved on, or was corrected, since it was read."""

        async def work(session: Session) -> bool:
            """Changes the shipment too, so that of this and an erasure or a cancellation one comes first."""
            as_read = {"sequence": shipment.sequence}
            if not await self.shipments.move(shipment.shipment_id, "handing_over", now, session, **as_read):
                return False
            await self.disclosing.intend(shipment, fields, now, session)
            return True

        return await in_transaction(self.client, work)

    async def _send(self, shipment: Shipment, fields: Mapping[str, Any], now: datetime) -> None:
        try:
            with self.disclosing.counted(shipment, fields):
                await self.partner.take(shipment.shipment_id, fields)
        except (PartnerAway, WaybillRefused):
            await self.shipments.move(shipment.shipment_id, "awaiting_courier", now)
            raise

    async def _complete(self, shipment: Shipment, fields: Mapping[str, Any], now: datetime) -> None:
        event = ShipmentHandedOver(
            subject_id=shipment.subject_id,
            shipment_id=shipment.shipment_id,
            order_id=shipment.order_id,
            handed_over_at=now,
            recipient=RECIPIENT,
            disclosed_fields=tuple(sorted(fields)),
        )

        async def work(session: Session) -> list[Row]:
            await self.disclosing.store.complete(shipment.shipment_id, session)
            if not await self.shipments.move(shipment.shipment_id, "handed_over", now, session):
                return []  # another call has completed it
            return await self.outbox.append([Outgoing(event, new_id(), now)], session)

        self.outbox.committed(await in_transaction(self.client, work))
