"""Disclose a shipment's granted fields to the courier partner (clause 4.3.2), with the parcel or as a correction of it.

    open ─► intend, in the transaction that lets them leave ─► they leave, counted ─► complete

The log says that the partner may have them before it can have them, and names fields, never values.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from opentelemetry.trace import SpanKind

from services.delivery.courier_partner import RECIPIENT, PartnerAway, WaybillRefused
from services.delivery.disclosure_store import DisclosureStore, Intent
from services.delivery.shipment_store import Shipment
from shared.contracts.views import DeliveryView
from shared.observability.metrics import DISCLOSURES
from shared.observability.tracing import span
from shared.policy.rows import Recipient
from shared.sealing.opener import Opener
from shared.stores.mongo import Session

PURPOSE: Final = "3.2.3"  # deliver the goods
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FieldDisclosure:
    """`sequence`, throughout: of the correction; None with the parcel."""

    store: DisclosureStore
    opener: Opener
    recipient: Recipient
    recipient_name: str

    async def fields(self, shipment: Shipment) -> dict[str, Any]:
        """The granted ones by policy name; None for one the person did not give. A restriction does not stand in the
        way here: an open order is what an erasure waits for. Raises what `Opener.open` raises."""
        granted = self.opener.granted(PURPOSE)
        if shipment.sealed is None:
            return {}
        opened = await self.opener.open(shipment.sealed, purpose=PURPOSE, fresh=True)
        given = DeliveryView.model_validate(opened).model_dump(mode="json", exclude_none=True)
        return {name: given.get(name) for name in DeliveryView.model_fields if name in granted}

    async def intend(
        self,
        shipment: Shipment,
        fields: Collection[str],
        now: datetime,
        session: Session,
        *,
        sequence: int | None = None,
    ) -> None:
        intent = Intent(
            shipment_id=shipment.shipment_id,
            order_id=shipment.order_id,
            subject_id=shipment.subject_id,
            recipient=RECIPIENT,
            recipient_name=self.recipient_name,
            fields=tuple(sorted(fields)),
            purpose=PURPOSE,
            basis=f"clause {self.recipient.clause}; {self.recipient.basis}",
            sequence=sequence,
        )
        await self.store.intend(intent, now, session)

    @contextmanager
    def counted(self, shipment: Shipment, fields: Collection[str], *, sequence: int | None = None) -> Iterator[None]:
        """Around the request that carries them, however it ends."""
        outcome = "broken_off"
        known = {"sealed.recipient": RECIPIENT, "sealed.purpose": PURPOSE}
        try:
            with span("disclose fields", kind=SpanKind.CLIENT, attributes=known):
                yield
            outcome = "sent"
        except (PartnerAway, WaybillRefused) as failure:
            outcome = "away" if isinstance(failure, PartnerAway) else "refused"
            raise
        finally:
            DISCLOSURES.labels(RECIPIENT, outcome).inc()
            log.info(
                "fields_disclosed",
                shipment_id=shipment.shipment_id,
                sequence=sequence,
                recipient=RECIPIENT,
                purpose=PURPOSE,
                fields=sorted(fields),
                outcome=outcome,
            )
