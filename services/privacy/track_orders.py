"""Follow orders: whose they are, and when the obligation behind a deferral ends (Law 94-V art. 8(2))."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.privacy.case import Case
from services.privacy.case_facts import OrderSettled
from services.privacy.case_store import CaseStore
from services.privacy.erase_subject import ErasureProcess
from services.privacy.order_store import OrderStore
from shared.contracts.event import Event
from shared.contracts.orders import OrderCancelled, OrderPlaced
from shared.contracts.shipments import ShipmentDelivered, ShipmentReturned
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.messaging.fence import held_only
from shared.sealing.keyring import KeyringReader

Settling = OrderCancelled | ShipmentDelivered | ShipmentReturned
HOW: dict[type[Event], str] = {
    OrderCancelled: "cancelled",
    ShipmentDelivered: "delivered",
    ShipmentReturned: "returned",
}


class OrderTracking:
    def __init__(self, orders: OrderStore, cases: CaseStore, process: ErasureProcess, keyring: KeyringReader) -> None:
        self._orders = orders
        self._cases = cases
        self._process = process
        self._keyring = keyring

    async def on_placed(self, batch: Sequence[Received[OrderPlaced]]) -> Outcome:
        """The privacy service's key of a subject lives until its case is closed; later orders of it are fenced."""
        held, outcome = await held_only(batch, self._keyring, fresh=True)
        running = await self._running(held)
        await self._orders.placed(
            [(item.event.order_id, item.event.subject_id) for item in held if not _erasing(item, running)]
        )
        return outcome

    async def on_settled(self, batch: Sequence[Received[Settling]]) -> Outcome:
        """Record the settling first, then tell the cases that may wait for it: a case opened in between asks the
        record. Of somebody whose case runs nothing is recorded any more: the last pass may be over."""
        held, outcome = await held_only(batch, self._keyring, fresh=True)
        running = await self._running(held)
        fresh = [item for item in held if not _erasing(item, running)]
        await self._orders.settled(
            [(item.event.order_id, item.event.subject_id, HOW[type(item.event)]) for item in fresh]
        )
        running = {**running, **await self._running(fresh)}
        now = datetime.now(UTC)
        facts = [
            (case.case_id, OrderSettled(item.event.order_id, HOW[type(item.event)], now))
            for item in held
            for case in running.get(item.event.subject_id, ())
        ]
        await self._process.tell(facts, now)
        return outcome

    async def _running(self, batch: Sequence[Received[Any]]) -> dict[str, list[Case]]:
        """Cases that are not closed, by subject."""
        running: dict[str, list[Case]] = {}
        for case in await self._cases.not_closed_of({item.event.subject_id for item in batch}):
            running.setdefault(case.subject_id, []).append(case)
        return running


def _erasing(item: Received[Any], running: Mapping[str, Sequence[Case]]) -> bool:
    return any(case.scope == "all" for case in running.get(item.event.subject_id, ()))
