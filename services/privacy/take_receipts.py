"""Take the stores' answers: that they stopped, what they erased (signed), what recipients said.

The case is told when all stores have answered its step; until then their answers wait in a collection of their own.
"""

from collections.abc import Sequence

from services.privacy.answer_store import Answer, AnswerStore
from services.privacy.case_facts import Contact, Fact, ReceiptCame, RecipientAnswered, StoreRestricted
from services.privacy.case_store import CaseStep, CaseStore
from services.privacy.erase_subject import ErasureProcess
from shared.contracts import erasure
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.messaging.worker import Clock, local_time
from shared.stores.receipts import PublicKeys

READER = "privacy"


class Receipts:
    def __init__(
        self,
        process: ErasureProcess,
        cases: CaseStore,
        answers: AnswerStore,
        keys: PublicKeys,
        stores: Sequence[str],
        clock: Clock = local_time,
    ) -> None:
        """`clock`: by which the second pass will be due, so the same as the watch's."""
        self._process = process
        self._cases = cases
        self._answers = answers
        self._keys = keys
        self._stores = frozenset(stores)
        self._clock = clock

    async def on_restricted(self, batch: Sequence[Received[erasure.SubjectRestricted]]) -> Outcome:
        await self._take([_stopped(received) for received in batch])
        return Outcome(applied=len(batch))

    async def on_erased(self, batch: Sequence[Received[erasure.SubjectErased]]) -> Outcome:
        """A receipt not signed by the store it names is put aside: the case goes on waiting for a real one."""
        outcome, answers = Outcome(), []
        for received in batch:
            event, receipt = received.event, received.event.model_dump(mode="json")
            if self._keys.verify(receipt, by=event.store):
                answers.append(Answer(event.case_id, event.subject_id, event.store, event.round, receipt))
            else:
                outcome.refused.append((received, "signature-invalid"))
        await self._take(answers)
        outcome.applied = len(answers)
        return outcome

    async def on_recipient_answered(self, batch: Sequence[Received[erasure.RecipientAnswered]]) -> Outcome:
        facts: list[tuple[str, Fact]] = [
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
        await self._process.tell(facts, await self._clock())
        return Outcome(applied=len(batch))

    async def _take(self, answers: Sequence[Answer]) -> None:
        """Answers of another subject or of a step the case has left behind are passed over. One of the latter tells of
        a crash between the case's step and the end of its answers: whatever of them is still here goes now."""
        cases = await self._cases.steps_of({answer.case_id for answer in answers})
        awaited: list[Answer] = []
        late: list[Answer] = []
        for answer in answers:
            case = cases.get(answer.case_id)
            if case and answer.subject_id == case.subject_id:
                (awaited if _awaited(answer, case) else late).append(answer)
        await self._answers.keep(awaited)
        for case_id, kept in (await self._answers.of({answer.case_id for answer in late})).items():
            late.extend(answer for answer in kept if not _awaited(answer, cases[case_id]))
        facts: list[tuple[str, Fact]] = []
        answered = await self._answers.stores_of({answer.case_id for answer in awaited})
        complete = {case_id for (case_id, _), stores in answered.items() if stores >= self._stores}
        for case_id, kept in (await self._answers.of(complete)).items():
            current = [answer for answer in kept if _awaited(answer, cases[case_id])]
            if {answer.store for answer in current} >= self._stores:
                late.extend(kept)
                facts.extend((case_id, _fact(answer)) for answer in current)
        await self._process.tell(facts, await self._clock())
        await self._answers.forget(late)


def _awaited(answer: Answer, case: CaseStep) -> bool:
    if answer.round == 0:
        return case.state == "restricting"
    return case.state in ("erasing", "verifying") and answer.round == case.round


def _stopped(received: Received[erasure.SubjectRestricted]) -> Answer:
    event = received.event
    envelope = event.sealed.get(READER)
    contact = {"event_id": received.event_id, "event_type": received.event_type, "envelope": envelope}
    body = {"at": event.restricted_at, "open_orders": list(event.open_orders), "contact": contact if envelope else None}
    return Answer(event.case_id, event.subject_id, event.store, 0, body)


def _fact(answer: Answer) -> StoreRestricted | ReceiptCame:
    body = answer.body
    if answer.round:
        return ReceiptCame(answer.store, answer.round, body)
    contact = Contact.model_validate(body["contact"]) if body["contact"] else None
    return StoreRestricted(answer.store, body["at"], tuple(body["open_orders"]), contact)
