"""The sign-in of the console, without which nothing else of it is shown."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.privacy.console.doors import HOME, LONGEST, SIGN_IN, local_path
from services.privacy.console.roles import Staff
from services.privacy.console.sign_in import Refused, SecretToShow, SignedIn, SignIn
from shared.messaging.worker import Clock
from shared.observability.metrics import SIGN_IN_FAILURES
from shared.pages.render import Pages
from shared.pages.sessions import begin, end, signed_in

ENROLLING: Final = "enrolling"
TO_ENROL: Final = timedelta(minutes=10)
Short = Annotated[str, Form(max_length=200)]


class SignInPages:
    """`single_sign_on`: whether an identity provider is offered beside the password."""

    def __init__(self, sign_in: SignIn, pages: Pages, clock: Clock, *, single_sign_on: bool) -> None:
        self._sign_in = sign_in
        self._pages = pages
        self._clock = clock
        self._single_sign_on = single_sign_on
        for door in ("password", "first_code"):
            SIGN_IN_FAILURES.labels(door)  # a series that exists from the start shows its first increase
        self.router = APIRouter(prefix=SIGN_IN, include_in_schema=False)
        self.router.get("")(self.form)
        self.router.post("")(self.sign_in)
        self.router.get("/code")(self.show_secret)
        self.router.post("/code")(self.first_code)
        self.router.post("/out")(self.sign_out)

    async def form(self, request: Request, next: Annotated[str | None, Query(max_length=200)] = None) -> HTMLResponse:
        return self._form(request, local_path(next))

    async def sign_in(
        self, request: Request, name: Short = "", password: Short = "", code: Short = "", next: Short = ""
    ) -> Response:
        outcome = await self._sign_in.try_password(name, password, code, await self._clock())
        match outcome:
            case SignedIn(staff):
                return await welcome(request, staff, local_path(next))
            case SecretToShow(account):
                await begin(request, who=account.account_id, role=ENROLLING, most=TO_ENROL)
                return RedirectResponse(f"{SIGN_IN}/code", 303)
            case Refused():
                SIGN_IN_FAILURES.labels("password").inc()
                return self._form(request, local_path(next), name=name, refused=True)

    async def show_secret(self, request: Request) -> Response:
        return await self._secret(request)

    async def first_code(self, request: Request, code: Short = "") -> Response:
        account_id = signed_in(request, ENROLLING)
        if account_id is None:
            return RedirectResponse(SIGN_IN, 303)
        outcome = await self._sign_in.try_first_code(account_id, code, await self._clock())
        if isinstance(outcome, SignedIn):
            return await welcome(request, outcome.staff, HOME)
        SIGN_IN_FAILURES.labels("first_code").inc()
        return await self._secret(request, refused=True)

    async def sign_out(self, request: Request) -> Response:
        end(request)
        return RedirectResponse(SIGN_IN, 303)

    def _form(self, request: Request, back: str, **context: Any) -> HTMLResponse:
        shown: dict[str, Any] = {"name": "", "refused": False, "single_sign_on": self._single_sign_on, **context}
        return self._pages.show(request, "sign_in.html", status=401 if shown["refused"] else 200, back=back, **shown)

    async def _secret(self, request: Request, *, refused: bool = False) -> Response:
        """The secret as a picture and as text, to whoever has just shown the password, until a code of it is shown."""
        account_id = signed_in(request, ENROLLING)
        account = await self._sign_in.accounts.by_id(account_id) if account_id else None
        if account is None or account.one_time_sealed is None or account.enrolled_at is not None:
            return RedirectResponse(SIGN_IN, 303)
        picture, secret = self._sign_in.secrets.picture(account.one_time_sealed, account.account_id, account.name)
        return self._pages.show(
            request, "one_time_secret.html", status=401 if refused else 200, picture=picture, secret=secret,
            refused=refused,
        )  # fmt: skip


async def welcome(request: Request, staff: Staff, back: str) -> Response:
    """A session of their own, under a token that nobody had before."""
    await begin(request, who=staff.account_id, role=staff.role, most=LONGEST)
    return RedirectResponse(back, 303)
