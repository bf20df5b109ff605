"""Learn from delivery what couriers were told, for the register of disclosures (clause 4.3.2).

Also of somebody who is being erased: that they were told is evidence that stays (art. 19), and holds no value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.privacy.console.disclosure_register_store import Disclosure, DisclosureRegisterStore
from shared.contracts.shipments import CorrectionDisclosed, ShipmentHandedOver
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.policy.model import Policy

DELIVERING: Final = "3.2.3"


@dataclass(frozen=True, slots=True)
class DisclosureLearning:
    disclosures: DisclosureRegisterStore
    policy: Policy

    async def on_handed_over(self, batch: Sequence[Received[ShipmentHandedOver]]) -> Outcome:
        events = [received.event for received in batch]
        await self.disclosures.learn([self._disclosure(e, e.shipment_id, e.handed_over_at) for e in events])
        return Outcome(applied=len(batch))

    async def on_correction(self, batch: Sequence[Received[CorrectionDisclosed]]) -> Outcome:
        events = [received.event for received in batch]
        await self.disclosures.learn(
            [self._disclosure(e, f"{e.shipment_id}-{e.sequence}", e.disclosed_at) for e in events]
        )
        return Outcome(applied=len(batch))

    def _disclosure(
        self, event: ShipmentHandedOver | CorrectionDisclosed, disclosure_id: str, at: datetime
    ) -> Disclosure:
        recipient = self.policy.recipients.get(event.recipient)
        return Disclosure(
            disclosure_id=disclosure_id,
            subject_id=event.subject_id,
            order_id=event.order_id,
            recipient=event.recipient,
            fields=tuple(sorted(event.disclosed_fields)),
            purpose=DELIVERING,
            basis=f"clause {recipient.clause}; {recipient.basis}" if recipient else "",
            disclosed_at=at,
        )
