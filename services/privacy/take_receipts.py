"""Take the stores' answers: that they stopped, what they erased (signed), what recipients said."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.privacy.case_facts import Contact, ReceiptCame, RecipientAnswered, StoreRestricted
from services.privacy.erase_subject import ErasureProcess
from shared.contracts import erasure
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.stores.receipts import PublicKeys

READER = "privacy"


class Receipts:
    def __init__(self, process: ErasureProcess, keys: PublicKeys) -> None:
        self._process = process
        self._keys = keys

    async def on_restricted(self, batch: Sequence[Received[erasure.SubjectRestricted]]) -> Outcome:
        facts = [
            (
                received.event.case_id,
                StoreRestricted(
                    received.event.store,
                    received.event.restricted_at,
                    received.event.open_orders,
                    _contact(received),
                ),
            )
            for received in batch
        ]
        await self._process.tell(facts, datetime.now(UTC))
        return Outcome(applied=len(batch))

    async def on_erased(self, batch: Sequence[Received[erasure.SubjectErased]]) -> Outcome:
        """A receipt not signed by the store it names is put aside: the case goes on waiting for a real one."""
        outcome, facts = Outcome(), []
        for received in batch:
            receipt = received.event.model_dump(mode="json")
            if self._keys.verify(receipt, by=received.event.store):
                facts.append((received.event.case_id, ReceiptCame(received.event.store, received.event.round, receipt)))
            else:
                outcome.refused.append((received, "signature-invalid"))
        await self._process.tell(facts, datetime.now(UTC))
        outcome.applied = len(facts)
        return outcome

    async def on_recipient_answered(self, batch: Sequence[Received[erasure.RecipientAnswered]]) -> Outcome:
        facts = [
            (
                received.event.case_id,
                RecipientAnswered(
                    received.event.disclosure_id,
                    received.event.recipient,
                    received.event.answer,
                    received.event.answered_at,
                ),
            )
            for received in batch
        ]
        await self._process.tell(facts, datetime.now(UTC))
        return Outcome(applied=len(batch))


def _contact(received: Received[erasure.SubjectRestricted]) -> Contact | None:
    envelope = received.event.sealed.get(READER)
    if envelope is None:
        return None
    return Contact(event_id=received.event_id, event_type=received.event_type, envelope=envelope)
