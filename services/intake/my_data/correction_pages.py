"""Correct a field (clauses 4.1.2, 4.2.1), with and without JavaScript. A new phone or e-mail changes nothing before the
code that went there has come back: a contact that is somebody else's would get their messages, and open their data."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, cast

import structlog
from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException

from services.intake.contact import Channel, Contact
from services.intake.correct_data import (
    OF_EVERY_ORDER,
    OF_ONE_ORDER,
    OPTIONAL,
    Change,
    CorrectData,
    NothingToCorrect,
    NotToBeCorrected,
    OrderNotUnderWay,
)
from services.intake.form_body import typed_in
from services.intake.form_rules import broken_rules
from services.intake.my_data.code_sending import CodeSending
from services.intake.my_data.correction_form import inputs_of, place_of, read_value, typed_from
from services.intake.my_data.held_data import HeldDataView
from services.intake.my_data.one_time_codes import OneTimeCodes
from services.intake.my_data.visitors import Visitors, to_sign_in
from services.intake.visitor import Visitor
from shared.contracts.event import RecordId
from shared.pages.attempts import Attempts
from shared.pages.languages import language_of
from shared.pages.render import Pages
from shared.sealing.kek import KekUnreachable
from shared.sealing.people_index import PeopleIndex

ATTEMPT: Final = "correction"  # in the session: the code that was sent to a new contact
CONTACTS: Final = ("phone", "email")
FIELDS: Final = frozenset({*OF_EVERY_ORDER, *OF_ONE_ORDER})
# So that nobody who is signed in can have codes sent to one stranger after another.
MOST_CODES, WITHIN = 10, timedelta(hours=1)
DONE: Final = "/my-data#history"
log = structlog.get_logger()

Field = Annotated[str, Path(max_length=40)]
Order = Annotated[RecordId, Path(description="Of a delivery address: the order")]


class CorrectionPages:
    def __init__(
        self,
        *,
        pages: Pages,
        visitors: Visitors,
        view: HeldDataView,
        correcting: CorrectData,
        codes: OneTimeCodes,
        sending: CodeSending,
        attempts: Attempts,
        people: PeopleIndex,
    ) -> None:
        self._pages = pages
        self._visitors = visitors
        self._view = view
        self._correcting = correcting
        self._codes = codes
        self._sending = sending
        self._attempts = attempts
        self._people = people
        self.router = APIRouter(prefix="/my-data/correct", include_in_schema=False)
        self.router.get("/{name}")(self.form)
        self.router.post("/{name}")(self.send)
        self.router.get("/{name}/{order}")(self.form_of_order)
        self.router.post("/{name}/{order}")(self.send_of_order)

    async def form(self, request: Request, name: Field) -> Response:
        return await self._ask(request, name, None)

    async def form_of_order(self, request: Request, name: Field, order: Order) -> Response:
        return await self._ask(request, name, order)

    async def send(self, request: Request, name: Field) -> Response:
        return await self._take(request, name, None)

    async def send_of_order(self, request: Request, name: Field, order: Order) -> Response:
        return await self._take(request, name, order)

    async def _ask(self, request: Request, name: str, order: str | None) -> Response:
        visitor = await self._visitors.signed_in(request)
        if visitor is None:
            return to_sign_in()
        value = await self._held_value(visitor, _known(name), order)
        return self._form(request, name, typed_from(name, value), order)

    async def _take(self, request: Request, name: str, order: str | None) -> Response:
        """The new value; of a new contact first the value, then the value with the code that went there."""
        visitor = await self._visitors.signed_in(request)
        if visitor is None:
            return to_sign_in()
        typed = await typed_in(request)
        if typed.get("act") == "remove" and _known(name) in OPTIONAL:
            return await self._correct(request, visitor, Change(name, None), typed)
        try:
            value = read_value(_known(name), typed)
        except ValidationError as invalid:
            errors = broken_rules(invalid, lambda path: place_of(name, path), language_of(request))
            return self._form(request, name, typed, order, status=422, errors=errors)
        if name not in CONTACTS:
            return await self._correct(request, visitor, Change(name, value, order), typed)
        contact = Contact(cast(Channel, name), value)
        if "code" in typed:
            return await self._confirm(request, visitor, contact, typed)
        return await self._send_code(request, visitor, contact, typed)

    async def _send_code(
        self, request: Request, visitor: Visitor, contact: Contact, typed: Mapping[str, str]
    ) -> Response:
        """Whether the contact is somebody's already makes no difference here."""
        if not await self._attempts.allowed("correction", visitor.subject_id, most=MOST_CODES, within=WITHIN):
            return self._form(request, contact.channel, typed, None, status=429, note="too_many")
        made = await self._codes.make(contact, datetime.now(UTC))
        request.session[ATTEMPT] = made.attempt_id
        self._sending.later(contact, made, language_of(request))
        return self._code_page(request, contact)

    async def _confirm(
        self, request: Request, visitor: Visitor, contact: Contact, typed: Mapping[str, str]
    ) -> Response:
        """The code counts for the contact it went to: another one in the form is as wrong as a wrong code."""
        attempt_id = request.session.get(ATTEMPT)
        if attempt_id is None:
            return self._form(request, contact.channel, typed, None)
        confirmed = await self._codes.check(attempt_id, typed["code"], datetime.now(UTC))
        entry = self._people.entry(contact.channel, contact.value)
        if confirmed is None or (confirmed.channel, confirmed.entry) != (contact.channel, entry):
            return self._code_page(request, contact, status=422, wrong=True)
        del request.session[ATTEMPT]
        answer = await self._correct(request, visitor, Change(contact.channel, contact.value), typed)
        if answer.status_code == 303 and visitor.channel == contact.channel:
            self._visitors.proved(request, confirmed)
        return answer

    async def _correct(self, request: Request, visitor: Visitor, change: Change, typed: Mapping[str, str]) -> Response:
        try:
            await self._correcting.correct(visitor, change, datetime.now(UTC))
        except NothingToCorrect:
            return self._form(request, change.corrected, typed, change.order_id, status=409, note="same")
        except OrderNotUnderWay:
            return self._form(request, change.corrected, typed, change.order_id, status=409, note="settled")
        except NotToBeCorrected:  # since a moment ago
            return to_sign_in()
        except (PyMongoError, KekUnreachable) as away:
            log.warning("correction_unavailable", error=type(away).__name__)
            return self._form(request, change.corrected, typed, change.order_id, status=503, note="away")
        return RedirectResponse(DONE, 303)

    async def _held_value(self, visitor: Visitor, name: str, order: str | None) -> Any:
        """As the newest order has it, or the one named. 404 where it is not theirs."""
        held = await self._view.of(visitor, datetime.now(UTC), what="my_data")
        if name not in OF_ONE_ORDER:
            return next(iter(held.values_of(name)), None)
        for theirs in held.orders:
            if theirs.held.state.order_id == order:
                return theirs.fields.get(name)
        raise HTTPException(404)

    def _form(
        self,
        request: Request,
        name: str,
        typed: Mapping[str, str],
        order: str | None,
        *,
        status: int = 200,
        errors: Mapping[str, str] | None = None,
        note: str | None = None,
    ) -> Response:
        return self._pages.show(
            request,
            "correct.html",
            status=status,
            name=name,
            typed={part: typed.get(part, "") for part in inputs_of(name)},
            order=order,
            optional=name in OPTIONAL,
            confirmed=name in CONTACTS,
            errors=errors or {},
            note=note,
        )

    def _code_page(self, request: Request, contact: Contact, *, status: int = 200, wrong: bool = False) -> Response:
        return self._pages.show(
            request, "correct_code.html", status=status, name=contact.channel, value=contact.value, wrong=wrong
        )


def _known(name: str) -> str:
    """Raises 404 for what can't be corrected."""
    if name not in FIELDS:
        raise HTTPException(404)
    return name
