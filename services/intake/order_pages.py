"""The order form for people (clauses 2.2.1–2.2.5, 5.1–5.2), with and without JavaScript.

It is placed by what places a shop's orders, under the same rules. Whatever is wrong, what was typed comes back.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException

from services.intake.form_body import typed_in
from services.intake.form_rules import broken_rules
from services.intake.order import Outcome, Placed
from services.intake.order_desk import OrderDesk
from services.intake.order_form import MAX_ITEMS
from services.intake.order_groups import OrderGroups
from services.intake.order_store import OrderStore, OrderUnknown
from services.intake.order_typed import OrderTyped
from shared.contracts.event import RecordId
from shared.pages.languages import language_of
from shared.pages.render import Pages
from shared.policy.model import Policy
from shared.policy.working_days import almaty_day
from shared.sealing.kek import KekUnreachable

FORM: Final = "/order"
SEND: Final = "/order/send"
ADD: Final = "add-item"
REMOVE: Final = "remove-item-"
SHORT_NUMBER: Final = 8
OrderId = Annotated[RecordId, Path(description="32 hexadecimal digits")]
log = structlog.get_logger()


class OrderPages:
    def __init__(
        self, *, pages: Pages, desk: OrderDesk, groups: OrderGroups, orders: OrderStore, policy: Policy
    ) -> None:
        self._pages = pages
        self._desk = desk
        self._groups = groups
        self._orders = orders
        self._policy = policy
        self.router = APIRouter(include_in_schema=False)
        self.router.get("/")(self.start)
        self.router.get(FORM)(self.form)
        # An address of its own: a browser forgets the kept form when something is sent to the form's own address.
        self.router.post(SEND)(self.send)
        self.router.get(SEND)(self.begin)
        self.router.get("/order/placed/{order_id}")(self.placed)

    async def start(self, request: Request) -> Response:
        return self._pages.show(request, "start.html")

    async def form(self, request: Request) -> Response:
        """Empty. A browser may keep it: who goes back to it meets the same key, and sends no second order."""
        response = self._form(request, OrderTyped.nothing())
        response.headers["Cache-Control"] = "private, no-cache"
        return response

    async def begin(self, request: Request) -> Response:
        """Whoever asks for the page of a sent form again, in another language perhaps, begins anew."""
        return RedirectResponse(f"{FORM}?lang={language_of(request)}", 303)

    async def send(self, request: Request) -> Response:
        """Place the order, or change the rows of the form."""
        sent = await typed_in(request)
        typed, act = OrderTyped.of(sent), sent.get("act", "")
        if act == ADD:
            return self._form(request, typed.with_row(), focus=len(typed.items))
        if act.startswith(REMOVE) and (row := act.removeprefix(REMOVE)).isdigit():
            return self._form(request, typed.without_row(int(row)), focus=0)
        return await self._place(request, typed)

    async def placed(self, request: Request, order_id: OrderId) -> Response:
        """The address holds the order's random id and nothing of its person; the page no more than its number."""
        try:
            await self._orders.state_of(order_id)
        except OrderUnknown:
            raise HTTPException(404) from None
        return self._pages.show(request, "order_placed.html", number=order_id[:SHORT_NUMBER].upper())

    async def _place(self, request: Request, typed: OrderTyped) -> Response:
        language, now = language_of(request), datetime.now(UTC)
        try:
            wanted = self._desk.take(typed.body(language), typed.key, now, channel="web")
        except ValidationError as invalid:
            errors = broken_rules(invalid, typed.place_of, language)
            return self._form(request, typed, status=422, errors=errors)
        try:
            outcome: Outcome = await self._groups.place(wanted)
        except (PyMongoError, KekUnreachable) as away:
            log.warning("order_page_unavailable", error=type(away).__name__)
            return self._form(request, typed, status=503, note="away")
        if isinstance(outcome, Placed):
            return RedirectResponse(f"/order/placed/{outcome.order_id}", 303)
        return self._form(request, typed.asked_again(), status=409, note="sent_before")

    def _form(self, request: Request, typed: OrderTyped, *, status: int = 200, **shown: Any) -> Response:
        """A consent to another text than the one in force is not one to this: it is asked for again."""
        version = self._policy.version_at(almaty_day(datetime.now(UTC)))
        if typed.policy_version != version.version:
            typed = typed.without_consent()
        context = {"errors": {}, "note": None, "focus": None, **shown}
        return self._pages.show(
            request, "order.html", status=status, typed=typed, version=version, most_items=MAX_ITEMS, **context
        )
