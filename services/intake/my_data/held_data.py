"""Everything intake holds of a person, opened for the person themselves (clauses 4.1.1, 4.2.1; Law 94-V art. 24(1)(1)).

Intake holds all that was given: other services hold parts of it. Each look is logged like any other opening.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

from services.intake.call_backs.call_back_store import CallBackStore
from services.intake.consent_store import Consent, ConsentStore
from services.intake.my_data.past_corrections import PastCorrection, PastCorrections
from services.intake.opening_store import Opening, OpeningStore
from services.intake.order_store import HeldOrder, OrderStore
from services.intake.subject_store import SubjectStore
from services.intake.visitor import Visitor
from shared.sealing.opener import Opener, Sealed
from shared.sealing.people_index import PeopleIndex

PURPOSE: Final = "3.2.4"
OF_THE_ORDER: Final = ("delivery_address", "order_items", "amount_to_collect")


@dataclass(frozen=True, slots=True)
class OpenedOrder:
    """fields: policy name → value, as it was given with this order."""

    held: HeldOrder
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenedCallBack:
    """A request to be called that still waits. fields: policy name → value, as it was asked for."""

    requested_at: datetime
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeldData:
    """orders, corrections: newest first. whole: whether it is all there is of the person; where it is not, the rest was
    given with another contact. promotions: whether they are chosen; None where that is not the visitor's to know."""

    orders: Sequence[OpenedOrder] = field(repr=False)
    call_backs: Sequence[OpenedCallBack] = field(repr=False)
    consents: Sequence[Consent]
    corrections: Sequence[PastCorrection] = field(repr=False)
    promotions: bool | None
    whole: bool

    of_the_order: ClassVar = OF_THE_ORDER  # for the templates

    def of_the_person(self, names: Iterable[str]) -> dict[str, list[Any]]:
        """Those of the fields that are the person's whatever they order, and hold something → its values."""
        theirs = {name: self.values_of(name) for name in names if name not in OF_THE_ORDER}
        return {name: values for name, values in theirs.items() if values}

    def values_of(self, name: str) -> list[Any]:
        """What is held in that field, each once, newest first: older orders may hold older values."""
        found: list[Any] = []
        for order in self.orders:
            if name in order.fields and order.fields[name] not in found:
                found.append(order.fields[name])
        return found


@dataclass(frozen=True, slots=True)
class HeldDataView:
    orders: OrderStore
    call_backs: CallBackStore
    consents: ConsentStore
    subjects: SubjectStore
    openings: OpeningStore
    opener: Opener
    people: PeopleIndex
    past: PastCorrections

    async def of(self, visitor: Visitor, now: datetime, *, what: str) -> HeldData:
        """`what`: a code of the page that shows it, for the log of openings.

        A contact makes whoever orders with it the same person; that it is their own, nobody has shown. So what was
        given with a contact is shown to whoever proved that contact."""
        every, every_call_back = await self._orders(visitor, now, what), await self._call_backs(visitor, now, what)
        orders = [order for order in every if visitor.gave(order.fields, self.people)]
        call_backs = [asked for asked in every_call_back if visitor.gave(asked.fields, self.people)]
        whole = (len(orders), len(call_backs)) == (len(every), len(every_call_back))
        given = {order.held.consent_id for order in orders}
        shown = {order.held.state.order_id for order in orders}
        return HeldData(
            orders=orders,
            call_backs=call_backs,
            consents=[c for c in await self.consents.of(visitor.subject_id) if whole or c.consent_id in given],
            corrections=await self.past.of(visitor.subject_id, shown, now, what=what),
            promotions=await self.subjects.promotions_of(visitor.subject_id) if whole else None,
            whole=whole,
        )

    async def _orders(self, visitor: Visitor, now: datetime, what: str) -> list[OpenedOrder]:
        held = await self.orders.held_of(visitor.subject_id)
        fields = await self._opened([order.sealed for order in held])
        opened = [OpenedOrder(order, its) for order, its in zip(held, fields, strict=True)]
        await self.openings.note(
            [_opening(visitor, what, order.fields, order.held.state.order_id) for order in opened], now
        )
        return opened

    async def _call_backs(self, visitor: Visitor, now: datetime, what: str) -> list[OpenedCallBack]:
        held = await self.call_backs.of_subject(visitor.subject_id)
        fields = await self._opened([call_back.sealed for call_back in held])
        await self.openings.note([_opening(visitor, what, its) for its in fields], now)
        return [OpenedCallBack(asked.requested_at, its) for asked, its in zip(held, fields, strict=True)]

    async def _opened(self, sealed: list[Sealed]) -> list[dict[str, Any]]:
        """Raises what stood in the way of an opening: a page that shows less than is held would not be true."""
        opened: list[dict[str, Any]] = []
        for fields in await self.opener.open_many(sealed, purpose=PURPOSE, fresh=True):
            if isinstance(fields, Exception):
                raise fields
            opened.append(fields)
        return opened


def _opening(visitor: Visitor, what: str, fields: Mapping[str, Any], order_id: str | None = None) -> Opening:
    return Opening(visitor.subject_id, what, PURPOSE, tuple(sorted(fields)), order_id)
