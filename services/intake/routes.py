"""The shop's HTTP interface. Each route calls one act and words its outcome.

Orders are validated from the bytes that came: FastAPI would parse them to Python first, and then validate that.
"""

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_core import to_json

from services.intake.cancel_order import CancelOrder, TooLateToCancel
from services.intake.order import KeyReused, Placed
from services.intake.order_desk import OrderDesk
from services.intake.order_form import OrderForm
from services.intake.order_groups import OrderGroups
from services.intake.order_store import OrderErased, OrderState, OrderStore, OrderUnknown
from services.intake.place_export import ExportPlacing
from services.intake.request_bodies import request_body, schema_of
from services.intake.withdraw_consent import WithdrawConsent
from shared.contracts.consents import Scope
from shared.contracts.event import RecordId
from shared.http.bearer import require_token
from shared.http.body_limit import too_large
from shared.http.problems import WHOLE, Problem

MAX_ORDER_BYTES = 48 * 1024  # 100 items with long names; its envelope stays below what an event may carry
MAX_EXPORT_BYTES = 64 * 1024 * 1024
LARGER_BODIES = {"/v1/orders/batch": MAX_EXPORT_BYTES}
JSON = ("application/json",)
JSON_LINES = ("application/jsonl", "application/x-ndjson", "application/x-jsonlines")

OrderId = Annotated[RecordId, Path(description="32 hexadecimal digits")]
Key = Annotated[str | None, Header(min_length=1, max_length=255, description="Repeat a request safely under it")]


class WithdrawalRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    scope: Scope


class ShopRoutes:
    def __init__(
        self,
        *,
        token: SecretStr,
        desk: OrderDesk,
        groups: OrderGroups,
        exports: ExportPlacing,
        orders: OrderStore,
        cancelling: CancelOrder,
        withdrawing: WithdrawConsent,
    ) -> None:
        self._desk = desk
        self._groups = groups
        self._exports = exports
        self._orders = orders
        self._cancelling = cancelling
        self._withdrawing = withdrawing
        self.router = APIRouter(prefix="/v1/orders", dependencies=[Depends(require_token(token, role="shop"))])
        one = request_body(JSON, schema_of(OrderForm))
        self.router.post("", status_code=201, response_model=Placed, openapi_extra=one)(self.place)
        self.router.post("/batch", openapi_extra=request_body(JSON_LINES, {"type": "string"}))(self.place_export)
        self.router.get("/{order_id}")(self.show)
        self.router.post("/{order_id}/cancel")(self.cancel)
        self.router.post("/{order_id}/withdraw-consent", status_code=202)(self.withdraw)

    async def place(self, request: Request, idempotency_key: Key = None) -> Response:
        """Place one order."""
        body = b"".join([chunk async for chunk in _body_of(request, JSON, MAX_ORDER_BYTES)])
        try:
            wanted = self._desk.take(body, idempotency_key, datetime.now(UTC))
        except ValidationError as invalid:
            errors = invalid.errors(include_input=False, include_url=False, include_context=False)
            raise RequestValidationError(errors) from None
        outcome = await self._groups.place(wanted)
        if isinstance(outcome, KeyReused):
            raise Problem(
                422,
                "The key belongs to another request",
                "Send a new order under a new Idempotency-Key, or the first one unchanged under this.",
                errors=[{"field": "Idempotency-Key", "rule": "one key stands for one request"}],
            )
        return Response(to_json(outcome), 201, media_type=JSON[0])

    async def place_export(self, request: Request, idempotency_key: Key = None) -> dict[str, Any]:
        """Place a shop's export, one order a line (JSON Lines)."""
        outcome = await self._exports.place(_body_of(request, JSON_LINES, MAX_EXPORT_BYTES), idempotency_key)
        if not outcome.accepted and not outcome.refused:
            rule = "must hold at least one line: an order as JSON"
            errors = [{"field": WHOLE, "rule": rule}]
            raise Problem(422, "Nothing to place", "Send one order a line.", errors=errors)
        return {"accepted": outcome.accepted, "refused": outcome.refused}

    async def show(self, order_id: OrderId) -> dict[str, Any]:
        """An order's state, and nothing of its person."""
        try:
            return _shown(await self._orders.state_of(order_id))
        except OrderUnknown as unknown:
            raise _not_found(unknown) from None

    async def cancel(self, order_id: OrderId) -> dict[str, Any]:
        """Cancel an order no courier has taken."""
        try:
            return _shown(await self._cancelling.cancel(order_id, datetime.now(UTC)))
        except OrderUnknown as unknown:
            raise _not_found(unknown) from None
        except TooLateToCancel as late:
            raise Problem(409, "The order can't be cancelled", str(late)) from None
        except OrderErased as erased:
            raise _gone(erased) from None

    async def withdraw(self, order_id: OrderId, request: WithdrawalRequest) -> dict[str, Any]:
        """Take back the consent of the order's person."""
        now = datetime.now(UTC)
        try:
            await self._withdrawing.withdraw(order_id, request.scope, now)
        except OrderUnknown as unknown:
            raise _not_found(unknown) from None
        except OrderErased as erased:
            raise _gone(erased) from None
        return {"order_id": order_id, "scope": request.scope, "received_at": now}


def _shown(order: OrderState) -> dict[str, Any]:
    return {name: value for name, value in asdict(order).items() if value is not None}


def _not_found(unknown: OrderUnknown) -> Problem:
    return Problem(404, "No such order", str(unknown))


def _gone(erased: OrderErased) -> Problem:
    return Problem(410, "The person was erased", str(erased))


async def _body_of(request: Request, media_types: tuple[str, ...], most: int) -> AsyncIterator[bytes]:
    """The body as it streams in. Raises Problem 415 or 413."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        raise Problem(415, "Not a form we read", f"Send it as {' or '.join(media_types)} (header Content-Type).")
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise too_large(most)
        yield chunk
