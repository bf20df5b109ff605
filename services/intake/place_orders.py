"""Place orders: any number of them in one transaction, and each exactly once.

Person, keys, consent, order, the answer to a repeat and the events become durable together or not at all. The work
is set-based: one statement per collection, whatever the number of orders.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog
from pymongo.errors import BulkWriteError

from services.intake.consent_store import ConsentStore
from services.intake.idempotency_store import Answer, IdempotencyStore
from services.intake.order import KeyReused, Outcome, Placed, Wanted
from services.intake.order_sealer import OrderSealer, SealedOrder
from services.intake.order_store import OrderStore
from services.intake.recognise_people import Recognition
from services.intake.subject_store import SubjectStore
from shared.messaging.outbox import Outbox
from shared.observability.metrics import ORDERS
from shared.observability.tracing import caused_by
from shared.stores.mongo import Client, Document, Session, in_transaction, only_there_already

ATTEMPTS = 5
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stores:
    """What an order is written to: all in one MongoDB deployment, and so in one transaction."""

    orders: OrderStore
    consents: ConsentStore
    subjects: SubjectStore
    answers: IdempotencyStore
    outbox: Outbox


class OrderPlacing:
    def __init__(self, client: Client, stores: Stores, recognition: Recognition, sealer: OrderSealer) -> None:
        self._client = client
        self._stores = stores
        self._recognition = recognition
        self._sealer = sealer

    async def place(self, wanted: Sequence[Wanted], now: datetime, *, attempts: int = ATTEMPTS) -> list[Outcome]:
        """Durable when it returns; outcomes in the order of `wanted`. When it raises, nothing was placed."""
        try:
            outcomes, rows = await in_transaction(self._client, partial(self._place, wanted, now))
        except BulkWriteError as error:
            # Another replica met the same person, or the same key, a moment earlier: now it will be found.
            if attempts == 1 or not only_there_already(error):
                raise
            return await self.place(wanted, now, attempts=attempts - 1)
        self._stores.outbox.committed(rows)
        ORDERS.labels("placed").inc(sum(isinstance(outcome, Placed) for outcome in outcomes))
        log.info("orders_placed", count=len(wanted))
        return outcomes

    async def _place(
        self, wanted: Sequence[Wanted], now: datetime, session: Session
    ) -> tuple[list[Outcome], list[Document]]:
        answers = await self._stores.answers.find({item.key for item in wanted if item.fingerprint}, session)
        new: dict[str, Wanted] = {}
        for item in wanted:
            if item.key not in answers:
                new.setdefault(item.key, item)
        rows: list[Document] = []
        if new:
            placed, rows = await self._place_new(new, now, session)
            answers |= placed
        return [_outcome(item, answers[item.key]) for item in wanted], rows

    async def _place_new(
        self, new: dict[str, Wanted], now: datetime, session: Session
    ) -> tuple[dict[str, Answer], list[Document]]:
        """Returns the answers by key, and the outbox rows to publish after the commit."""
        recognised = await self._recognition.recognise([item.face for item in new.values()], now, session)
        sealed = [
            self._sealer.seal(item.form, keys, now, item.channel)
            for item, keys in zip(new.values(), recognised.keys, strict=True)
        ]
        answers = {
            key: Answer(item.fingerprint, order.placed) for (key, item), order in zip(new.items(), sealed, strict=True)
        }
        choices: dict[str, list[bool]] = {}
        for order in sealed:
            choices.setdefault(order.placed.subject_id, []).append(order.consent["promotions"])
        await self._stores.subjects.ordered(choices, recognised.created, now, session)
        await self._stores.consents.add([order.consent for order in sealed], session)
        await self._stores.orders.add([order.order for order in sealed], session)
        await self._stores.answers.add(answers, now, session)
        with caused_by(_causes(new.values(), sealed)):
            rows = await self._stores.outbox.append([event for order in sealed for event in order.events], session)
        return answers, rows


def _causes(wanted: Iterable[Wanted], sealed: Sequence[SealedOrder]) -> dict[str, str]:
    """Subject id → traceparent of the request that asked for the order."""
    return {
        order.placed.subject_id: item.traceparent
        for item, order in zip(wanted, sealed, strict=True)
        if item.traceparent
    }


def _outcome(item: Wanted, answer: Answer) -> Outcome:
    return answer.placed if answer.fingerprint == item.fingerprint else KeyReused()
