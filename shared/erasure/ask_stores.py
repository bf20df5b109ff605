"""Ask every store what it holds of a person and what erasure would do with it, and collect the answers.

    ask: one document and one event, both or neither ─► topic `inspections` ─► every store ─► `inspection-answers`

A page asks once and looks again until nobody is missing. A store that is down is missing, never empty. The document
goes by itself (period `inspection`); an answer that nobody waits for any more changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pymongo import UpdateOne

from shared.contracts.inspections import Asker, InspectSubject, SubjectInspected, Use
from shared.messaging.cloudevents import Outgoing, Received, new_id
from shared.messaging.consume import Outcome
from shared.messaging.outbox import Outbox, Row
from shared.policy.model import Policy
from shared.stores.mongo import Client, Database, Session, expire_after, in_transaction

COLLECTION: Final = "inspections"
PERIOD: Final = "inspection"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What has been answered so far. `missing`: stores that have not answered yet, in the policy's order."""

    inspection_id: str
    subject_id: str
    asked_at: datetime
    answers: Mapping[str, SubjectInspected]
    missing: tuple[str, ...]

    @property
    def uses(self) -> list[Use]:
        """Of all stores, newest first."""
        every = (use for answer in self.answers.values() for use in answer.uses)
        return sorted(every, key=lambda use: use.at, reverse=True)

    @property
    def open_orders(self) -> tuple[str, ...]:
        """Orders a withdrawal would wait for, as far as is known."""
        return tuple(sorted({order for answer in self.answers.values() for order in answer.open_orders}))


class Inspections:
    """For one asker, with its own database."""

    def __init__(self, asker: Asker, *, client: Client, database: Database, outbox: Outbox, policy: Policy) -> None:
        self._asker: Asker = asker
        self._client = client
        self._inspections = database[COLLECTION]
        self._outbox = outbox
        self._stores = policy.erasing_stores
        self._kept = policy.period(PERIOD).as_timedelta()

    async def ensure_indexes(self) -> None:
        await expire_after(self._inspections, "asked_at", self._kept)

    async def ask(self, subject_id: str, now: datetime) -> str:
        """The inspection id: random, and no secret, for `answers` wants the subject too."""
        inspection_id = new_id()
        asked = InspectSubject(subject_id=subject_id, inspection_id=inspection_id, asked_by=self._asker)

        async def work(session: Session) -> list[Row]:
            document = {"_id": inspection_id, "subject_id": subject_id, "asked_at": now, "answers": {}}
            await self._inspections.insert_one(document, session=session)
            return await self._outbox.append([Outgoing(asked, new_id(), now)], session)

        self._outbox.committed(await in_transaction(self._client, work))
        return inspection_id

    async def answers(self, inspection_id: str, *, subject_id: str) -> Inspection | None:
        """None where it is no inspection of this subject, or not kept any more: ask again."""
        found = await self._inspections.find_one({"_id": inspection_id, "subject_id": subject_id})
        if found is None:
            return None
        answers = {
            store: SubjectInspected.model_validate_json(found["answers"][store])
            for store in self._stores
            if store in found["answers"]
        }
        missing = tuple(store for store in self._stores if store not in answers)
        return Inspection(inspection_id, subject_id, found["asked_at"], answers, missing)

    async def subject_of(self, inspection_id: str) -> str | None:
        """For whoever may see anybody's (an officer); a person's own page knows its subject from its session."""
        found = await self._inspections.find_one({"_id": inspection_id}, {"subject_id": 1})
        return str(found["subject_id"]) if found else None

    async def on_inspected(self, batch: Sequence[Received[SubjectInspected]]) -> Outcome:
        """Handler of the topic `inspection-answers`. A store's first answer counts: another asker's answers, and those
        that are late or come again, change nothing."""
        mine = [received.event for received in batch if received.event.asked_by == self._asker]
        if mine:
            await self._inspections.bulk_write([_answered(event) for event in mine], ordered=False)
        return Outcome(applied=len(batch))


def _answered(event: SubjectInspected) -> UpdateOne:
    path = f"answers.{event.store}"
    unanswered = {"_id": event.inspection_id, "subject_id": event.subject_id, path: {"$exists": False}}
    return UpdateOne(unanswered, {"$set": {path: event.model_dump_json()}})
