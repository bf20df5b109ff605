"""A person corrected fields of an order (clauses 4.1.2, 4.2.1): the newest envelope is the one a courier gets."""

from collections.abc import Sequence

from services.delivery.shipment_store import READER, ShipmentStore, shipment_id_of
from shared.contracts.orders import OrderCorrected
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.messaging.fence import held_only
from shared.sealing.keyring import KeyringReader


class CorrectionTaking:
    def __init__(self, shipments: ShipmentStore, keyring: KeyringReader) -> None:
        self._shipments = shipments
        self._keyring = keyring

    async def on_corrected(self, batch: Sequence[Received[OrderCorrected]]) -> Outcome:
        """A correction of fields that do not concern delivery changes nothing here."""
        held, outcome = await held_only(batch, self._keyring)
        newest: dict[str, tuple[Received[OrderCorrected], Sequence[str]]] = {}
        for received in sorted(held, key=lambda item: item.event.sequence):
            if READER in received.event.sealed:
                shipment_id = shipment_id_of(received.event.order_id)
                _, before = newest.get(shipment_id, (received, ()))
                newest[shipment_id] = received, (*before, *received.event.fields)
        await self._shipments.correct(newest)
        return outcome
