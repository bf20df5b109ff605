"""The person switches promotions on or off on the pages (clause 3.2.8; Law 94-V art. 24(1)(5)).

On is an explicit consent of its own, to the policy in force; off withdraws what was consented to for promotions alone.
"""

from dataclasses import dataclass
from datetime import datetime

from services.intake.consent_store import ConsentStore
from services.intake.subject_store import SubjectStore
from shared.contracts.consents import ConsentGiven, ConsentWithdrawn
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox
from shared.policy.model import Policy
from shared.policy.rows import Language
from shared.policy.working_days import almaty_day
from shared.stores.mongo import Client, Document, Session, in_transaction

CHANNEL = "web"


@dataclass(frozen=True, slots=True)
class ChoosePromotions:
    client: Client
    subjects: SubjectStore
    consents: ConsentStore
    outbox: Outbox
    policy: Policy

    async def switch_on(self, subject_id: str, language: Language, now: datetime) -> None:
        """`language`: of the text the person saw. Nothing happens where nothing may be done with their data now."""
        given = self._given(subject_id, language, now)

        async def work(session: Session) -> list[Document]:
            if not await self.subjects.choose(subject_id, True, now, session):
                return []
            fields = given.model_dump(exclude={"consent_id"})
            await self.consents.add([{"_id": given.consent_id, **fields, "channel": CHANNEL}], session)
            return await self.outbox.append([Outgoing(given, new_id(), now)], session)

        self.outbox.committed(await in_transaction(self.client, work))

    async def switch_off(self, subject_id: str, now: datetime) -> None:
        """The privacy service opens a case for it, dated `now`, and answers by letter."""
        withdrawn = ConsentWithdrawn(subject_id=subject_id, scope="promotions", channel=CHANNEL, received_at=now)

        async def work(session: Session) -> list[Document]:
            if not await self.subjects.choose(subject_id, False, now, session):
                return []
            await self.consents.withdraw([(subject_id, "promotions", now)], session)
            return await self.outbox.append([Outgoing(withdrawn, new_id(), now)], session)

        self.outbox.committed(await in_transaction(self.client, work))

    def _given(self, subject_id: str, language: Language, now: datetime) -> ConsentGiven:
        version = self.policy.version_at(almaty_day(now))
        return ConsentGiven(
            subject_id=subject_id,
            consent_id=new_id(),
            policy_version=version.version,
            text_sha256=version.text_sha256(language),
            language=language,
            promotions=True,
            given_at=now,
        )
