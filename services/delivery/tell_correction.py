"""Tell the courier partner what was corrected while the parcel is on its way: just the granted fields that changed.

    durable: the log says the partner may have the fields ─► they leave ─► durable: the partner has them

It is due from the write that took the correction, so it survives a crash; it is repeated, with back-off, until the
partner has it or the parcel is settled. Of somebody whose data nothing may be done with, nothing leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from services.delivery.courier_partner import RECIPIENT, CourierPartner, PartnerAway, WaybillRefused, again_after
from services.delivery.disclose_fields import FieldDisclosure
from services.delivery.shipment_store import Shipment, ShipmentStore
from shared.contracts.shipments import CorrectionDisclosed
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox, Row
from shared.observability.tracing import span
from shared.sealing.envelope import EnvelopeNotAuthentic
from shared.sealing.kek import KekUnavailable
from shared.sealing.opener import PurposeRefused, SubjectErased, SubjectUnknown
from shared.stores.mongo import Client, Session, in_transaction

AT_ONCE: Final = 50
CANNOT_OPEN: Final = (PurposeRefused, SubjectErased, SubjectUnknown, EnvelopeNotAuthentic, KekUnavailable)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TellCorrection:
    client: Client
    shipments: ShipmentStore
    disclosing: FieldDisclosure
    partner: CourierPartner
    outbox: Outbox

    async def tell_due(self, now: datetime) -> bool:
        """Tell of some of what is due now. Returns whether there may be more."""
        due = await self.shipments.take_untold(now, AT_ONCE)
        for shipment, attempts in due:
            with span("tell correction", of=shipment.traceparent):
                await self._tell(shipment, attempts, now)
        return len(due) == AT_ONCE

    async def _tell(self, shipment: Shipment, attempts: int, now: datetime) -> None:
        try:
            fields = await self._fields(shipment)
        except CANNOT_OPEN as refusal:  # none of these passes by itself
            log.warning("correction_not_readable", shipment_id=shipment.shipment_id, error=type(refusal).__name__)
            await self.shipments.tell_later(shipment, None)
            return
        if not await self._intend(shipment, fields, now):
            return
        try:
            if fields:
                with self.disclosing.counted(shipment, fields, sequence=shipment.sequence):
                    await self.partner.correct(shipment.shipment_id, shipment.sequence, fields)
        except PartnerAway:
            await self.shipments.tell_later(shipment, now + again_after(attempts))
        except WaybillRefused:
            await self.shipments.tell_later(shipment, None)
        else:
            await self._complete(shipment, fields, now)

    async def _fields(self, shipment: Shipment) -> dict[str, Any]:
        """By policy names; None for one the person removed."""
        granted = await self.disclosing.fields(shipment)
        return {name: value for name, value in granted.items() if name in shipment.untold}

    async def _intend(self, shipment: Shipment, fields: Mapping[str, Any], now: datetime) -> bool:
        async def work(session: Session) -> bool:
            if not await self.shipments.telling(shipment, session):
                return False
            if fields:
                await self.disclosing.intend(shipment, fields, now, session, sequence=shipment.sequence)
            return True

        return await in_transaction(self.client, work)

    async def _complete(self, shipment: Shipment, fields: Mapping[str, Any], now: datetime) -> None:
        event = CorrectionDisclosed(
            subject_id=shipment.subject_id,
            shipment_id=shipment.shipment_id,
            order_id=shipment.order_id,
            sequence=shipment.sequence,
            disclosed_at=now,
            recipient=RECIPIENT,
            disclosed_fields=tuple(sorted(fields)),
        )

        async def work(session: Session) -> list[Row]:
            await self.shipments.told(shipment, session)
            if not fields:
                return []
            await self.disclosing.store.complete(shipment.shipment_id, session, sequence=shipment.sequence)
            return await self.outbox.append([Outgoing(event, new_id(), now)], session)

        self.outbox.committed(await in_transaction(self.client, work))
