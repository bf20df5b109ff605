"""A person takes consent back through the shop (clause 5.9.1; promotions alone: Law 94-V art. 24(1)(5))."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.intake.consent_store import ConsentStore
from services.intake.order_store import OrderStore
from shared.contracts.consents import ConsentWithdrawn, Scope
from shared.contracts.erasure import RestrictSubject
from shared.messaging.cloudevents import Outgoing, Received, new_id
from shared.messaging.outbox import Outbox
from shared.stores.mongo import Client, Document, Session, in_transaction

CHANNEL = "shop"


@dataclass(frozen=True, slots=True)
class WithdrawConsent:
    client: Client
    orders: OrderStore
    consents: ConsentStore
    outbox: Outbox

    async def withdraw(self, order_id: str, scope: Scope, now: datetime) -> None:
        """Noted, and on its way to the privacy service, which opens a case dated `now`; a repeat finds it open.

        Raises OrderUnknown, OrderErased."""

        async def work(session: Session) -> list[Document]:
            subject_id = await self.orders.subject_of(order_id, session)
            await self.consents.withdraw([(subject_id, scope, now)], session)
            event = ConsentWithdrawn(subject_id=subject_id, scope=scope, channel=CHANNEL, received_at=now)
            return await self.outbox.append([Outgoing(event, new_id(), now)], session)

        self.outbox.committed(await in_transaction(self.client, work))

    async def on_restrict(self, batch: Sequence[Received[RestrictSubject]], session: Session) -> None:
        """A withdrawal that came in elsewhere (the mailbox, the officer) is noted on the consents as well."""
        await self.consents.withdraw([(item.event.subject_id, item.event.scope, item.time) for item in batch], session)
