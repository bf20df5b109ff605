"""Tell a person by SMS and e-mail what became of the parcel (purpose 3.2.6). The fact may come before its order: then
the message waits for whom to write to."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from services.notifications.message_store import Channel, Due, Kind, MessageStore
from shared.contracts.event import Event
from shared.contracts.shipments import ShipmentDelivered, ShipmentHandedOver, ShipmentReturned
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.messaging.fence import held_only
from shared.sealing.keyring import KeyringReader

PURPOSE = "3.2.6"  # communication
CHANNELS: Final[tuple[Channel, ...]] = ("sms", "email")
KIND: Final[Mapping[type[Event], Kind]] = {
    ShipmentHandedOver: "shipment_handed_over",
    ShipmentDelivered: "shipment_delivered",
    ShipmentReturned: "shipment_returned",
}
Fact = ShipmentHandedOver | ShipmentDelivered | ShipmentReturned


class ShipmentNews:
    def __init__(self, messages: MessageStore, keyring: KeyringReader) -> None:
        self._messages = messages
        self._keyring = keyring

    async def on_fact(self, batch: Sequence[Received[Fact]]) -> Outcome:
        held, outcome = await held_only(batch, self._keyring)
        await self._messages.queue(
            [_due(received, channel) for received in held for channel in CHANNELS], datetime.now(UTC)
        )
        return outcome


def _due(received: Received[Fact], channel: Channel) -> Due:
    event = received.event
    return Due(KIND[type(event)], channel, PURPOSE, event.order_id, event.subject_id, received.event_id)
