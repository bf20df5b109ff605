"""Sign in to my data: a contact, then the code that went to it.

Nothing here says whether anybody is known: page, status and the work done before the answer are the same for everybody,
and whether a code is sent is decided when the answer has gone.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from services.intake.contact import read_contact
from services.intake.my_data.code_sending import CodeSending
from services.intake.my_data.known_people import KnownPeople
from services.intake.my_data.one_time_codes import OneTimeCodes
from services.intake.my_data.visitors import Visitors, to_sign_in
from shared.observability.metrics import SIGN_IN_FAILURES
from shared.pages.attempts import Attempts
from shared.pages.languages import language_of
from shared.pages.render import Pages
from shared.pages.sessions import end

ATTEMPT: Final = "attempt"  # in the session of the browser that asked: there the code counts, and nowhere else
EVERYBODY: Final = ("sign-in", "everybody", 600, timedelta(minutes=1))

Typed = Annotated[str, Form()]


class SignInPages:
    def __init__(
        self,
        *,
        pages: Pages,
        codes: OneTimeCodes,
        sending: CodeSending,
        people: KnownPeople,
        visitors: Visitors,
        attempts: Attempts,
    ) -> None:
        self._pages = pages
        self._codes = codes
        self._sending = sending
        self._people = people
        self._visitors = visitors
        SIGN_IN_FAILURES.labels("client_code")  # a series that exists from the start shows its first increase
        self._attempts = attempts
        self.router = APIRouter(prefix="/my-data", include_in_schema=False)
        self.router.get("/sign-in")(self.ask_contact)
        self.router.post("/sign-in")(self.send_code)
        self.router.get("/code")(self.ask_code)
        self.router.post("/code")(self.take_code)
        self.router.post("/sign-out")(self.sign_out)

    async def ask_contact(self, request: Request) -> Response:
        return self._contact_page(request)

    async def send_code(self, request: Request, contact: Typed = "") -> Response:
        """What is no contact at all is said so: that says nothing of anybody."""
        try:
            read = read_contact(contact)
        except ValueError as rule:
            return self._contact_page(request, 422, typed=contact, errors={"contact": str(rule)})
        kind, key, most, within = EVERYBODY
        if not await self._attempts.allowed(kind, key, most=most, within=within):
            return self._contact_page(request, 429, typed=contact, busy=True)
        made = await self._codes.make(read, datetime.now(UTC))
        request.session[ATTEMPT] = made.attempt_id

        async def is_known() -> bool:
            return await self._people.behind(made.entry) is not None

        self._sending.later(read, made, language_of(request), is_known)
        return RedirectResponse("/my-data/code", 303)

    async def ask_code(self, request: Request) -> Response:
        if ATTEMPT not in request.session:
            return to_sign_in()
        return self._pages.show(request, "sign_in_code.html", wrong=False)

    async def take_code(self, request: Request, code: Typed = "") -> Response:
        attempt_id = request.session.get(ATTEMPT)
        if attempt_id is None:
            return to_sign_in()
        confirmed = await self._codes.check(attempt_id, code, datetime.now(UTC))
        subject_id = await self._people.behind(confirmed.entry) if confirmed else None
        if confirmed is None or subject_id is None:
            SIGN_IN_FAILURES.labels("client_code").inc()
            return self._pages.show(request, "sign_in_code.html", status=422, wrong=True)
        await self._visitors.welcome(request, subject_id, confirmed)
        return RedirectResponse("/my-data", 303)

    async def sign_out(self, request: Request) -> Response:
        end(request)
        return to_sign_in()

    def _contact_page(self, request: Request, status: int = 200, **context: Any) -> Response:
        known: dict[str, Any] = {"typed": "", "errors": {}, "busy": False, **context}
        return self._pages.show(request, "sign_in.html", status=status, **known)
