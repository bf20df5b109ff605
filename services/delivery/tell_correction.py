"""Tell the courier partner what was corrected while the parcel is on its way: just the granted fields that changed.

    durable: the log says the partner may have the fields ─► they leave ─► durable: the partner has them

It is due from the write that took the correction, so it survives a crash; it is repeated, with back-off, until the
partner has it or the parcel is settled. Of somebody whose data nothing may be done with, nothing leaves.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from services.delivery.courier_partner import RECIPIENT, CourierPartner, PartnerAway, WaybillRefused
from services.delivery.disclosure_store import DisclosureStore, Intent
from services.delivery.shipment_store import Shipment, ShipmentStore
from shared.contracts.shipments import CorrectionDisclosed
from shared.contracts.views import DeliveryView
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox, Row
from shared.observability.metrics import DISCLOSURES
from shared.policy.model import Recipient
from shared.sealing.envelope import EnvelopeNotAuthentic
from shared.sealing.kek import KekUnavailable
from shared.sealing.opener import Opener, PurposeRefused, SubjectErased, SubjectUnknown
from shared.stores.mongo import Client, Session, in_transaction

PURPOSE: Final = "3.2.3"  # deliver the goods
AT_ONCE: Final = 50
LONGEST_DELAY_SECONDS: Final = 300.0
CANNOT_OPEN: Final = (PurposeRefused, SubjectErased, SubjectUnknown, EnvelopeNotAuthentic, KekUnavailable)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TellCorrection:
    client: Client
    shipments: ShipmentStore
    disclosures: DisclosureStore
    opener: Opener
    partner: CourierPartner
    outbox: Outbox
    recipient: Recipient
    recipient_name: str

    async def tell_due(self, now: datetime) -> bool:
        """Tell of some of what is due now. Returns whether there may be more."""
        due = await self.shipments.take_untold(now, AT_ONCE)
        for shipment, attempts in due:
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
        outcome, again_at = "sent", None
        try:
            if fields:
                await self.partner.correct(shipment.shipment_id, shipment.sequence, fields)
            await self._complete(shipment, fields, now)
        except PartnerAway:
            outcome, again_at = "away", now + _delay(attempts)
        except WaybillRefused:
            outcome = "refused"
        if outcome != "sent":
            await self.shipments.tell_later(shipment, again_at)
        self._note(shipment, fields, outcome)

    async def _fields(self, shipment: Shipment) -> dict[str, Any]:
        """By policy names; None for one the person removed."""
        granted = self.opener.granted(PURPOSE)
        if shipment.sealed is None:
            return {}
        opened = await self.opener.open(shipment.sealed, purpose=PURPOSE, fresh=True)
        person = DeliveryView.model_validate(opened).model_dump(mode="json")
        return {name: person[name] for name in shipment.untold if name in granted and name in person}

    async def _intend(self, shipment: Shipment, fields: Mapping[str, Any], now: datetime) -> bool:
        intent = Intent(
            shipment_id=shipment.shipment_id,
            order_id=shipment.order_id,
            subject_id=shipment.subject_id,
            recipient=RECIPIENT,
            recipient_name=self.recipient_name,
            fields=tuple(sorted(fields)),
            purpose=PURPOSE,
            basis=f"clause {self.recipient.clause}; {self.recipient.basis}",
            sequence=shipment.sequence,
        )

        async def work(session: Session) -> bool:
            if not await self.shipments.telling(shipment, session):
                return False
            if fields:
                await self.disclosures.intend(intent, now, session)
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
            await self.disclosures.complete(shipment.shipment_id, session, sequence=shipment.sequence)
            return await self.outbox.append([Outgoing(event, new_id(), now)], session)

        self.outbox.committed(await in_transaction(self.client, work))

    def _note(self, shipment: Shipment, fields: Mapping[str, Any], outcome: str) -> None:
        DISCLOSURES.labels(RECIPIENT, outcome).inc()
        log.info(
            "correction_disclosed",
            shipment_id=shipment.shipment_id,
            recipient=RECIPIENT,
            purpose=PURPOSE,
            fields=sorted(fields),
            outcome=outcome,
        )


def _delay(attempts: int) -> timedelta:
    return timedelta(seconds=min(LONGEST_DELAY_SECONDS, 2.0 ** min(attempts, 10)) * (0.5 + random.random() / 2))
