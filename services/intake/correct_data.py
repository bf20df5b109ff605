"""A person corrects a field (clauses 4.1.2, 4.2.1): in every order of theirs that still holds it, or the delivery
address of one that is not delivered yet.

One transaction: the person's document is changed, so that of a correction and a restriction one comes first; intake's
envelopes are sealed anew, and for every reader who is granted the field, told in an event of each order; the blind
index leads from the new phone or e-mail and no more from the old one; the history keeps old and new, sealed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog
from pymongo.errors import BulkWriteError

from services.intake.contact import Channel
from services.intake.correction_store import BOUND_TO, Correction, CorrectionStore
from services.intake.keyring_store import KeyringStore
from services.intake.lead_contacts import ContactLeading
from services.intake.opening_store import Opening, OpeningStore
from services.intake.order_store import HeldOrder, OrderStore, Status
from services.intake.reader_envelopes import ReaderEnvelopes
from services.intake.subject_store import SubjectStore
from services.intake.visitor import Visitor
from shared.contracts.orders import OrderCorrected
from shared.contracts.personal import PersonalData
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox, Row
from shared.sealing.envelope import Binding, seal
from shared.sealing.opener import Opener, Sealed
from shared.sealing.people_index import PeopleIndex
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper
from shared.stores.mongo import Client, Session, in_transaction, only_there_already

PURPOSE: Final = "3.2.4"  # customer support
WHAT: Final = "correction"
WAY: Final = "my-data"
PUBLISHER: Final = "intake"
ATTEMPTS: Final = 3
OF_EVERY_ORDER: Final = ("family_name", "given_name", "patronymic", "phone", "email", "residence", "language")
OF_ONE_ORDER: Final = ("delivery_address",)
OPTIONAL: Final = frozenset({"patronymic", "residence"})
UNDER_WAY: Final[frozenset[Status]] = frozenset({"placed", "handed_over"})
log = structlog.get_logger()


class NothingToCorrect(Exception):
    def __init__(self) -> None:
        super().__init__("No order of this person holds another value of the field. Look at the data again.")


class NotToBeCorrected(Exception):
    def __init__(self) -> None:
        super().__init__("The person withdrew consent or was erased: nothing of theirs is changed any more.")


class OrderNotUnderWay(Exception):
    def __init__(self) -> None:
        super().__init__("The order is not this person's, or is settled already: its address can't be changed.")


class OpenedInPart(Exception):
    def __init__(self) -> None:
        super().__init__(
            f"The policy grants intake fields it may not open for purpose {PURPOSE}: sealing anew would lose them. "
            "Grant them for this purpose too."
        )


@dataclass(frozen=True, slots=True)
class Change:
    """value: in its normal form, JSON-ready; None removes an optional field. order_id: of a delivery address."""

    corrected: str
    value: Any = field(repr=False)
    order_id: str | None = None


Opened = tuple[HeldOrder, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class CorrectData:
    client: Client
    orders: OrderStore
    subjects: SubjectStore
    corrections: CorrectionStore
    openings: OpeningStore
    keyring: KeyringStore
    people: PeopleIndex
    leading: ContactLeading
    opener: Opener
    unwrapper: KeyUnwrapper
    envelopes: ReaderEnvelopes
    outbox: Outbox

    async def correct(self, visitor: Visitor, change: Change, now: datetime, *, attempts: int = ATTEMPTS) -> int:
        """Durable when it returns; in how many orders. Raises NothingToCorrect, NotToBeCorrected, OrderNotUnderWay,
        OpenedInPart, and what `Opener.open` raises; then nothing has changed."""
        try:
            count, rows = await in_transaction(self.client, partial(self._correct, visitor, change, now))
        except BulkWriteError as error:  # an order brought the same new phone or e-mail in the same moment
            if attempts == 1 or not only_there_already(error):
                raise
            return await self.correct(visitor, change, now, attempts=attempts - 1)
        self.outbox.committed(rows)
        log.info("data_corrected", subject_id=visitor.subject_id, field=change.corrected, count=count)
        return count

    async def _correct(
        self, visitor: Visitor, change: Change, now: datetime, session: Session
    ) -> tuple[int, list[Row]]:
        sequence = await self.subjects.correct(visitor.subject_id, session)
        column = (await self.keyring.unfenced([visitor.subject_id], session)).get(visitor.subject_id)
        if sequence is None or column is None:
            raise NotToBeCorrected
        await self.unwrapper.prepare([column])
        keys = SubjectKeys.from_column(visitor.subject_id, column, self.unwrapper)
        opened = await self._opened(visitor.subject_id, session)
        wrong = self._wrong(opened, visitor, change)
        correction = _correction(wrong, visitor, change, keys, now)
        names = tuple(sorted({name for _, fields in opened for name in fields}))
        await self.openings.note([Opening(visitor.subject_id, WHAT, PURPOSE, names)], now, session)
        outgoing = await self._seal_again(wrong, change, keys, sequence, now, session)
        await self._lead(opened, wrong, visitor.subject_id, change, now, session)
        await self.corrections.add(correction, session)
        return len(wrong), await self.outbox.append(outgoing, session)

    async def _opened(self, subject_id: str, session: Session) -> list[Opened]:
        """Every order of the subject with all its fields."""
        orders = await self.orders.held_of(subject_id, session)
        if not self.envelopes.of_publisher <= self.opener.granted(PURPOSE):
            raise OpenedInPart
        results = await self.opener.open_many([order.sealed for order in orders], purpose=PURPOSE, fresh=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return [(o, fields) for o, fields in zip(orders, results, strict=True) if isinstance(fields, dict)]

    def _wrong(self, opened: Sequence[Opened], visitor: Visitor, change: Change) -> list[Opened]:
        """The person's own orders that hold another value."""
        theirs = [(order, fields) for order, fields in opened if visitor.gave(fields, self.people)]
        if change.corrected in OF_ONE_ORDER:
            theirs = [
                (o, fields)
                for o, fields in theirs
                if o.state.order_id == change.order_id and o.state.status in UNDER_WAY
            ]
            if not theirs:
                raise OrderNotUnderWay
        wrong = [(o, fields) for o, fields in theirs if fields.get(change.corrected) != change.value]
        if not wrong:
            raise NothingToCorrect
        return wrong

    async def _seal_again(
        self, wrong: Sequence[Opened], change: Change, keys: SubjectKeys, sequence: int, now: datetime, session: Session
    ) -> list[Outgoing]:
        """The events that tell of it, of the orders that concern any reader but intake."""
        own: dict[str, Sealed] = {}
        outgoing: list[Outgoing] = []
        for order, fields in wrong:
            person, event_id = PersonalData.model_validate({**fields, change.corrected: change.value}), new_id()
            event_type = OrderCorrected.type_name()
            sealed = self.envelopes.seal(person, keys, event_id, event_type, corrected=frozenset({change.corrected}))
            own[order.state.order_id] = Sealed(event_id, event_type, keys.subject_id, sealed.pop(PUBLISHER))
            if sealed:
                outgoing.append(Outgoing(_event(order, change, sequence, sealed, keys.subject_id, now), event_id, now))
        await self.orders.seal_again(own, now, session)
        return outgoing

    async def _lead(
        self,
        opened: Sequence[Opened],
        wrong: Sequence[Opened],
        subject_id: str,
        change: Change,
        now: datetime,
        session: Session,
    ) -> None:
        """Of a phone or e-mail: an old one is given up unless another order still holds it."""
        if change.corrected not in ("phone", "email"):
            return
        kind: Channel = "phone" if change.corrected == "phone" else "email"
        corrected = {order.state.order_id for order, _ in wrong}
        kept = {change.value, *(fields[kind] for order, fields in opened if order.state.order_id not in corrected)}
        given_up = {fields[kind] for _, fields in wrong} - kept
        await self.leading.lead(kind, change.value, given_up, subject_id, now, session)


def _event(
    order: HeldOrder, change: Change, sequence: int, sealed: Mapping[str, bytes], subject_id: str, now: datetime
) -> OrderCorrected:
    return OrderCorrected.model_validate(
        {
            "subject_id": subject_id,
            "order_id": order.state.order_id,
            "placed_at": order.state.placed_at,
            "payment_method": order.payment_method,
            "sequence": sequence,
            "corrected_at": now,
            "fields": (change.corrected,),
            "sealed": sealed,
        }
    )


def _correction(
    wrong: Sequence[Opened], visitor: Visitor, change: Change, keys: SubjectKeys, now: datetime
) -> Correction:
    before: list[Any] = []
    for _, fields in wrong:
        if (value := fields.get(change.corrected)) not in before:
            before.append(value)
    correction_id = new_id()
    binding = Binding(correction_id, BOUND_TO, visitor.subject_id, PUBLISHER)
    return Correction(
        correction_id=correction_id,
        subject_id=visitor.subject_id,
        corrected=change.corrected,
        orders=tuple(order.state.order_id for order, _ in wrong),
        channel=WAY,
        corrected_at=now,
        envelope=seal({change.corrected: {"before": before, "after": change.value}}, binding, keys.of(PUBLISHER)),
    )
