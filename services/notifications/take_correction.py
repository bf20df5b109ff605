"""A person corrected fields of an order (clauses 4.1.2, 4.2.1): from now on it is written to the newest contact."""

from collections.abc import Sequence

from services.notifications.recipient_store import READER, RecipientStore
from shared.contracts.orders import OrderCorrected
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.messaging.fence import held_only
from shared.sealing.keyring import KeyringReader


class CorrectionTaking:
    def __init__(self, recipients: RecipientStore, keyring: KeyringReader) -> None:
        self._recipients = recipients
        self._keyring = keyring

    async def on_corrected(self, batch: Sequence[Received[OrderCorrected]]) -> Outcome:
        """A correction of fields that do not concern notifications changes nothing here."""
        held, outcome = await held_only(batch, self._keyring)
        newest: dict[str, Received[OrderCorrected]] = {}
        for received in sorted(held, key=lambda item: item.event.sequence):
            if READER in received.event.sealed:
                newest[received.event.order_id] = received
        await self._recipients.correct(list(newest.values()))
        return outcome
