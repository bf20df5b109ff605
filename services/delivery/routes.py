"""The operator's HTTP interface. Each route calls one act and words its outcome: ids, states and times only."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query
from pydantic import SecretStr

from services.delivery.courier_partner import PartnerAway, WaybillRefused
from services.delivery.disclosure_store import DisclosureStore
from services.delivery.hand_to_courier import HandToCourier
from services.delivery.settle_shipment import How, SettleShipment
from services.delivery.shipment_store import (
    Shipment,
    ShipmentMissing,
    ShipmentStore,
    Status,
    WrongState,
    shipment_id_of,
)
from shared.contracts.event import RecordId
from shared.http.bearer import require_token
from shared.http.problems import Problem
from shared.sealing.envelope import EnvelopeNotAuthentic
from shared.sealing.kek import KekUnavailable
from shared.sealing.opener import PurposeRefused, SubjectErased, SubjectUnknown

ShipmentId = Annotated[RecordId, Path(description="32 hexadecimal digits")]
ERASED = "The person withdrew consent and the record was destroyed. Nothing can be done with it any more."
T = TypeVar("T")


class OperatorRoutes:
    def __init__(
        self,
        *,
        token: SecretStr,
        shipments: ShipmentStore,
        disclosures: DisclosureStore,
        hand_to_courier: HandToCourier,
        settle_shipment: SettleShipment,
    ) -> None:
        self._shipments = shipments
        self._disclosures = disclosures
        self._hand_to_courier = hand_to_courier
        self._settle_shipment = settle_shipment
        self.router = APIRouter(prefix="/v1/shipments", dependencies=[Depends(require_token(token, role="operator"))])
        self.router.get("")(self.list_shipments)
        self.router.get("/{shipment_id}")(self.show)
        self.router.post("/{shipment_id}/hand-over")(self.hand_over)
        self.router.post("/{shipment_id}/deliver")(self.deliver)
        self.router.post("/{shipment_id}/return")(self.take_back)

    async def list_shipments(
        self,
        order_id: Annotated[RecordId | None, Query(description="The shipment of this order, in any state")] = None,
        status: Annotated[Status, Query(description="Without order_id: the queue of this state")] = "awaiting_courier",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """Longest waiting first. An order that delivery has not heard of yet has no shipment."""
        if order_id is None:
            return {"shipments": [shown(s) for s in await self._shipments.queue(status=status, limit=limit)]}
        try:
            return {"shipments": [shown(await self._shipments.get(shipment_id_of(order_id)))]}
        except ShipmentMissing:
            return {"shipments": []}

    async def show(self, shipment_id: ShipmentId) -> dict[str, Any]:
        return shown(await self._carry_out(shipment_id, lambda: self._shipments.get(shipment_id)))

    async def hand_over(self, shipment_id: ShipmentId) -> dict[str, Any]:
        """Give the parcel and the granted fields to the courier partner. May be repeated."""
        now = datetime.now(UTC)
        shipment, disclosed = await self._carry_out(
            shipment_id, lambda: self._hand_to_courier.hand_over(shipment_id, now)
        )
        return {
            **shown(shipment),
            "recipient": disclosed.recipient,
            "disclosure_id": disclosed.disclosure_id,
            "disclosed_fields": list(disclosed.fields),
        }

    async def deliver(self, shipment_id: ShipmentId) -> dict[str, Any]:
        """The person has the parcel. May be repeated."""
        return await self._settle(shipment_id, "delivered")

    async def take_back(self, shipment_id: ShipmentId) -> dict[str, Any]:
        """The parcel came back. May be repeated."""
        return await self._settle(shipment_id, "returned")

    async def _settle(self, shipment_id: str, how: How) -> dict[str, Any]:
        now = datetime.now(UTC)
        return shown(await self._carry_out(shipment_id, lambda: self._settle_shipment.settle(shipment_id, how, now)))

    async def _carry_out(self, shipment_id: str, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            return await act()
        except ShipmentMissing:
            if await self._disclosures.of_shipment(shipment_id):
                raise Problem(410, "The shipment was erased", ERASED) from None
            raise Problem(404, "No such shipment", "Check the number; ?order_id= finds it by the order.") from None
        except SubjectErased:
            raise Problem(410, "The shipment was erased", ERASED) from None
        except WrongState as wrong:
            raise Problem(409, "Not in this state", str(wrong)) from None
        except PartnerAway as away:
            raise Problem(503, "The courier partner is away", str(away), headers={"Retry-After": "5"}) from None
        except WaybillRefused as refused:
            raise Problem(502, "The courier partner refused the waybill", str(refused)) from None
        except (PurposeRefused, SubjectUnknown, EnvelopeNotAuthentic, KekUnavailable) as refusal:
            raise Problem(409, "The sealed fields can't be opened", str(refusal)) from None


def shown(shipment: Shipment) -> dict[str, Any]:
    return {
        "shipment_id": shipment.shipment_id,
        "order_id": shipment.order_id,
        "status": shipment.status,
        "payment_method": shipment.payment_method,
        "restricted": shipment.restricted,
        "untold": list(shipment.untold),
        "placed_at": shipment.placed_at,
        "handed_over_at": shipment.handed_over_at,
        "settled_at": shipment.settled_at,
    }
