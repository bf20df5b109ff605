"""The operators' pages: sign in with the operators' token, call who waits, say how it went."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import SecretStr

from services.intake.call_backs.call_back_store import CallBackStore
from services.intake.call_backs.end_call_backs import CallBackGone, EndCallBacks
from services.intake.call_backs.list_call_backs import CallBackQueue
from services.intake.form_body import typed_in
from shared.contracts.event import RecordId
from shared.pages.attempts import Attempts
from shared.pages.render import Pages
from shared.pages.sessions import begin, end, signed_in

ROLE: Final = "operator"
LONGEST: Final = timedelta(hours=8)
SIGN_IN: Final = "/operator/sign-in"
QUEUE: Final = "/operator/call-backs"
# All operators have one token, so attempts are everybody's: few enough to find nothing, over soon enough to go on.
MOST_ATTEMPTS: Final = 20
WITHIN: Final = timedelta(minutes=1)
CallBackId = Annotated[RecordId, Path()]


class OperatorPages:
    def __init__(
        self,
        *,
        pages: Pages,
        token: SecretStr,
        attempts: Attempts,
        queue: CallBackQueue,
        ending: EndCallBacks,
        call_backs: CallBackStore,
    ) -> None:
        self._pages = pages
        self._token = token
        self._attempts = attempts
        self._queue = queue
        self._ending = ending
        self._call_backs = call_backs
        self.router = APIRouter(prefix="/operator", include_in_schema=False)
        self.router.get("/sign-in")(self.sign_in_form)
        self.router.post("/sign-in")(self.sign_in)
        self.router.post("/sign-out")(self.sign_out)
        self.router.get("/call-backs")(self.waiting)
        self.router.post("/call-backs/{call_back_id}/called")(self.called)
        self.router.post("/call-backs/{call_back_id}/unreached")(self.unreached)

    async def sign_in_form(self, request: Request) -> Response:
        return self._pages.show(request, "operator_sign_in.html", refused=None)

    async def sign_in(self, request: Request) -> Response:
        typed = (await typed_in(request)).get("token", "").strip()
        if not await self._attempts.allowed("operator-sign-in", "operators", most=MOST_ATTEMPTS, within=WITHIN):
            return self._pages.show(request, "operator_sign_in.html", status=429, refused="often")
        if not secrets.compare_digest(typed.encode(), self._token.get_secret_value().encode()):
            return self._pages.show(request, "operator_sign_in.html", status=403, refused="wrong")
        await begin(request, who=ROLE, role=ROLE, most=LONGEST)
        return RedirectResponse(QUEUE, 303)

    async def sign_out(self, request: Request) -> Response:
        end(request)
        return RedirectResponse(SIGN_IN, 303)

    async def waiting(self, request: Request, said: str = "") -> Response:
        """`said`: what became of the request just dealt with."""
        if not signed_in(request, ROLE):
            return RedirectResponse(SIGN_IN, 303)
        people, count = await self._queue.waiting(datetime.now(UTC))
        return self._pages.show(request, "operator_call_backs.html", people=people, count=count, said=said)

    async def called(self, request: Request, call_back_id: CallBackId) -> Response:
        """The request is destroyed."""
        if not signed_in(request, ROLE):
            return RedirectResponse(SIGN_IN, 303)
        try:
            await self._ending.called(call_back_id, datetime.now(UTC))
        except CallBackGone:
            return RedirectResponse(f"{QUEUE}?said=gone", 303)
        return RedirectResponse(f"{QUEUE}?said=called", 303)

    async def unreached(self, request: Request, call_back_id: CallBackId) -> Response:
        """It stays in the queue, with a count."""
        if not signed_in(request, ROLE):
            return RedirectResponse(SIGN_IN, 303)
        seen = (await typed_in(request)).get("seen", "")
        known = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 6 else 0
        there = await self._call_backs.not_reached(call_back_id, known, datetime.now(UTC))
        return RedirectResponse(f"{QUEUE}?said={'unreached' if there else 'gone'}", 303)
