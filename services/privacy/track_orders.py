"""Follow orders: whose they are, and when the obligation behind a deferral ends (Law 94-V art. 8(2))."""

from collections.abc import Sequence
from datetime import UTC, datetime

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
        if held:
            await self._orders.placed([(received.event.order_id, received.event.subject_id) for received in held])
        return outcome

    async def on_settled(self, batch: Sequence[Received[Settling]]) -> Outcome:
        """Record the settling first, then tell the cases that may wait for it: a case opened in between asks the
        record."""
        held, outcome = await held_only(batch, self._keyring, fresh=True)
        if not held:
            return outcome
        now = datetime.now(UTC)
        await self._orders.settled(
            [(item.event.order_id, item.event.subject_id, HOW[type(item.event)]) for item in held]
        )
        running: dict[str, list[str]] = {}
        for case in await self._cases.not_closed_of([received.event.subject_id for received in held]):
            running.setdefault(case.subject_id, []).append(case.case_id)
        facts = [
            (case_id, OrderSettled(received.event.order_id, HOW[type(received.event)], now))
            for received in held
            for case_id in running.get(received.event.subject_id, [])
        ]
        await self._process.tell(facts, now)
        return outcome
