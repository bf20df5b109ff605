"""Cancel an order that no courier has taken yet."""

from dataclasses import dataclass
from datetime import datetime

from services.intake.order_store import OrderState, OrderStore, Status
from shared.contracts.orders import OrderCancelled
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox
from shared.stores.mongo import Client, Document, Session, in_transaction


class TooLateToCancel(Exception):
    def __init__(self, status: Status) -> None:
        super().__init__(
            f"The order is {status}: it can be cancelled only before a courier takes it. "
            "The person may refuse the parcel at the door; it then comes back."
        )


@dataclass(frozen=True, slots=True)
class CancelOrder:
    client: Client
    orders: OrderStore
    outbox: Outbox

    async def cancel(self, order_id: str, now: datetime) -> OrderState:
        """The cancelled order; cancelling again changes nothing. An erasure that waits for the order is released.

        Raises OrderUnknown, TooLateToCancel, OrderErased."""

        async def work(session: Session) -> tuple[OrderState, list[Document]]:
            cancelled = await self.orders.move([(order_id, "cancelled", now)], session)
            order = await self.orders.state_of(order_id, session)
            if order.status != "cancelled":
                raise TooLateToCancel(order.status)
            if not cancelled:
                return order, []
            subject_id = await self.orders.subject_of(order_id, session)
            event = OrderCancelled(subject_id=subject_id, order_id=order_id, cancelled_at=now)
            return order, await self.outbox.append([Outgoing(event, new_id(), now)], session)

        order, rows = await in_transaction(self.client, work)
        self.outbox.committed(rows)
        return order
