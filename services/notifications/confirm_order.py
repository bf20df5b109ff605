"""Confirm an order by e-mail (purpose 3.2.6): remember whom to write to, and let the message be due."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.notifications.message_store import Due, MessageStore
from services.notifications.recipient_store import READER, RecipientStore
from shared.contracts.orders import OrderPlaced
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.messaging.fence import held_only
from shared.sealing.keyring import KeyringReader
from shared.stores.mongo import Document

PURPOSE = "3.2.6"  # communication


class OrderConfirmations:
    def __init__(self, recipients: RecipientStore, messages: MessageStore, keyring: KeyringReader) -> None:
        self._recipients = recipients
        self._messages = messages
        self._keyring = keyring

    async def on_placed(self, batch: Sequence[Received[OrderPlaced]]) -> Outcome:
        held, outcome = await held_only(batch, self._keyring)
        # in this order: news of a parcel waits for its recipient, so they find the confirmation in line before them
        await self._messages.queue([_confirmation(received) for received in held], datetime.now(UTC))
        await self._recipients.add([_recipient(received) for received in held])
        return outcome


def _recipient(received: Received[OrderPlaced]) -> Document:
    event = received.event
    document: Document = {
        "_id": event.order_id,
        "order_id": event.order_id,
        "subject_id": event.subject_id,
        "event_id": received.event_id,
        "event_type": received.event_type,
        "placed_at": event.placed_at,
    }
    if envelope := event.sealed.get(READER):
        document["sealed"] = envelope
    return document


def _confirmation(received: Received[OrderPlaced]) -> Due:
    event = received.event
    return Due("order_confirmation", "email", PURPOSE, event.order_id, event.subject_id, received.event_id)
