"""Tell recipients to forget what was disclosed to them, and track their answers (clause 4.3.2).

A notice is due from the transaction that erased, so it survives a crash; it is repeated until it is answered, however
long the recipient is away. An answer is stored and published in one transaction.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from opentelemetry.trace import SpanKind

from services.delivery.courier_partner import CourierPartner, Forgotten, PartnerAway, again_after
from services.delivery.disclosure_store import Answer, Asked, DisclosureStore, Notice
from shared.contracts.erasure import EraseSubject, RecipientAnswered
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox, Row
from shared.observability.metrics import RECIPIENT_ANSWERS
from shared.observability.tracing import cause_of, caused_by, note
from shared.stores.mongo import Client, Session, in_transaction

AT_ONCE = 500
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TellRecipients:
    client: Client
    disclosures: DisclosureStore
    partner: CourierPartner
    outbox: Outbox

    async def on_erase(
        self, commands: Sequence[EraseSubject], now: datetime, session: Session
    ) -> Mapping[str, tuple[str, ...]]:
        """Within the erasing transaction: subject id → disclosures to be taken back. Those of an order that is still
        open wait, because its courier still needs them."""
        command_of = {command.subject_id: command for command in commands}
        told, due = defaultdict[str, list[str]](list), defaultdict[Asked, list[str]](list)
        for disclosure_id, subject_id, order_id in await self.disclosures.of_subjects(command_of, session):
            command = command_of[subject_id]
            if order_id not in command.open_orders:
                told[subject_id].append(disclosure_id)
                due[Asked(command.case_id, cause_of(subject_id))].append(disclosure_id)
        await self.disclosures.make_due(due, now, session)
        return {subject_id: tuple(ids) for subject_id, ids in told.items()}

    async def tell_due(self, now: datetime) -> bool:
        """Tell of everything that is due now, in one request. Returns whether there may be more."""
        notices = await self.disclosures.take_due(now, AT_ONCE)
        if not notices:
            return False
        try:
            answer = await self.partner.forget([notice.shipment_id for notice in notices])
        except PartnerAway:
            await self.disclosures.postpone(
                {notice.disclosure_id: now + again_after(notice.attempts - 1) for notice in notices}
            )
            log.warning("recipient_away", recipient=notices[0].recipient, count=len(notices))
        else:
            await self._record(notices, answer, now)
        return len(notices) == AT_ONCE

    async def _record(self, notices: Sequence[Notice], answer: Forgotten, now: datetime) -> None:
        async def work(session: Session) -> tuple[dict[str, Answer], list[Row]]:
            due = await self.disclosures.still_due([notice.disclosure_id for notice in notices], session)
            answers = {notice: said for notice in due if (said := _said(answer, notice.shipment_id))}
            if not answers:
                return {}, []
            by_id = {notice.disclosure_id: said for notice, said in answers.items()}
            await self.disclosures.answered(by_id, now, session)
            events = [Outgoing(_event(notice, said, now), new_id(), now) for notice, said in answers.items()]
            with caused_by({notice.subject_id: notice.traceparent for notice in answers if notice.traceparent}):
                return by_id, await self.outbox.append(events, session)

        answers, rows = await in_transaction(self.client, work)
        self.outbox.committed(rows)
        for said in answers.values():
            RECIPIENT_ANSWERS.labels(notices[0].recipient, said).inc()
        _note(notices, answers, now)
        log.info("recipient_answered", recipient=notices[0].recipient, count=len(answers), total=len(notices))


def _note(notices: Sequence[Notice], answers: Mapping[str, Answer], now: datetime) -> None:
    """One request told of all: each notice's trace has it."""
    for notice in notices:
        if said := answers.get(notice.disclosure_id):
            known = {"sealed.case_id": notice.case_id, "sealed.recipient": notice.recipient, "sealed.outcome": said}
            note("tell recipient", of=notice.traceparent, kind=SpanKind.CLIENT, attributes=known, since=now)


def _said(answer: Forgotten, shipment_id: str) -> Answer | None:
    """None where the recipient passed the reference over: it is told again."""
    if shipment_id in answer.forgotten:
        return "forgotten"
    return "unknown" if shipment_id in answer.unknown else None


def _event(notice: Notice, said: Answer, now: datetime) -> RecipientAnswered:
    return RecipientAnswered(
        subject_id=notice.subject_id,
        case_id=notice.case_id,
        disclosure_id=notice.disclosure_id,
        recipient=notice.recipient,
        answer=said,
        answered_at=now,
    )
