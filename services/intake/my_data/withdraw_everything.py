"""The person withdraws consent on the pages, and gets a link to follow their case (clause 5.9.1, Law 94-V art. 8)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.intake.consent_store import ConsentStore
from services.intake.my_data.case_link_store import CaseLinkStore
from shared.contracts.consents import ConsentWithdrawn
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox
from shared.policy.model import Policy
from shared.policy.working_days import deadline
from shared.stores.mongo import Client, Document, Session, in_transaction

CHANNEL: Final = "web"
PERIOD: Final = "withdrawal"


@dataclass(frozen=True, slots=True)
class WithdrawEverything:
    client: Client
    consents: ConsentStore
    links: CaseLinkStore
    outbox: Outbox
    policy: Policy

    async def withdraw(self, subject_id: str, now: datetime) -> str:
        """The token of the link. Noted, and on its way to the privacy service, which opens a case dated `now`, or finds
        one that does the same already: either is followed under the link."""
        event_id = new_id()
        last_day = deadline(now, self.policy.period(PERIOD).number)
        withdrawn = ConsentWithdrawn(subject_id=subject_id, scope="all", channel=CHANNEL, received_at=now)

        async def work(session: Session) -> tuple[str, list[Document]]:
            await self.consents.withdraw([(subject_id, "all", now)], session)
            token = await self.links.add(event_id, now, last_day, session)
            return token, await self.outbox.append([Outgoing(withdrawn, event_id, now)], session)

        token, rows = await in_transaction(self.client, work)
        self.outbox.committed(rows)
        return token
