"""Everything intake holds of a person, opened for the person themselves (clauses 4.1.1, 4.2.1; Law 94-V art. 24(1)(1)).

Intake holds all that was given: other services hold parts of it. Each look is logged like any other opening.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from services.intake.consent_store import Consent, ConsentStore
from services.intake.my_data.past_corrections import PastCorrection, PastCorrections
from services.intake.my_data.visitors import Visitor
from services.intake.opening_store import Opening, OpeningStore
from services.intake.order_store import HeldOrder, OrderStore
from services.intake.subject_store import SubjectStore
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
class HeldData:
    """orders, corrections: newest first. whole: whether it is all there is of the person; where it is not, the rest was
    given with another contact. promotions: whether they are chosen."""

    orders: Sequence[OpenedOrder] = field(repr=False)
    consents: Sequence[Consent]
    corrections: Sequence[PastCorrection] = field(repr=False)
    promotions: bool
    whole: bool

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
    consents: ConsentStore
    subjects: SubjectStore
    openings: OpeningStore
    opener: Opener
    people: PeopleIndex
    past: PastCorrections

    async def of(self, visitor: Visitor, now: datetime, *, what: str) -> HeldData:
        """`what`: a code of the page that shows it, for the log of openings.

        A contact makes whoever orders with it the same person; that it is their own, nobody has shown. So an order is
        shown to whoever proved the contact in it."""
        held = await self.orders.held_of(visitor.subject_id)
        opened = [order for order in await self._opened(held) if self._is_theirs(order, visitor)]
        await self.openings.note(
            [
                Opening(visitor.subject_id, what, PURPOSE, tuple(sorted(order.fields)), order.held.state.order_id)
                for order in opened
            ],
            now,
        )
        whole = len(opened) == sum(order.sealed is not None for order in held)
        hidden = {order.consent_id for order in held} - {order.held.consent_id for order in opened}
        shown = {order.held.state.order_id for order in opened}
        return HeldData(
            orders=opened,
            consents=[c for c in await self.consents.of(visitor.subject_id) if c.consent_id not in hidden],
            corrections=await self.past.of(visitor.subject_id, shown, now, what=what),
            promotions=await self.subjects.promotions_of(visitor.subject_id),
            whole=whole,
        )

    async def _opened(self, held: Sequence[HeldOrder]) -> list[OpenedOrder]:
        """Raises what stood in the way of an opening: a page that shows less than is held would not be true."""
        sealed: list[tuple[HeldOrder, Sealed]] = [(order, order.sealed) for order in held if order.sealed is not None]
        results = await self.opener.open_many([envelope for _, envelope in sealed], purpose=PURPOSE, fresh=True)
        opened: list[OpenedOrder] = []
        for (order, _), fields in zip(sealed, results, strict=True):
            if isinstance(fields, Exception):
                raise fields
            opened.append(OpenedOrder(order, fields))
        return opened

    def _is_theirs(self, order: OpenedOrder, visitor: Visitor) -> bool:
        value = order.fields.get(visitor.channel)
        return value is not None and self.people.entry(visitor.channel, value) == visitor.entry
