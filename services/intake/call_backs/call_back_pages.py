"""Ask to be called back (footer of the site): two fields, a notice of its own, and how long they are kept."""

from datetime import UTC, datetime
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from pymongo.errors import PyMongoError

from services.intake.call_backs.call_back_form import read_call_back
from services.intake.call_backs.request_call_back import NOTICE, RequestCallBack
from services.intake.form_body import typed_in
from services.intake.form_rules import Place, broken_rules
from shared.pages.languages import language_of
from shared.pages.render import N_, Pages
from shared.policy.model import Policy
from shared.policy.rows import Language, NoticeText
from shared.policy.working_days import almaty_day
from shared.sealing.kek import KekUnreachable

LABELS: Final = {"given_name": N_("Name"), "phone": N_("Phone")}
NOTICE_LABEL: Final = N_("Notice")
log = structlog.get_logger()


class CallBackPages:
    def __init__(self, *, pages: Pages, calling: RequestCallBack, policy: Policy) -> None:
        self._pages = pages
        self._calling = calling
        self._notice = policy.notice(NOTICE)
        self._kept = policy.period(self._notice.period).as_timedelta()
        self.router = APIRouter(prefix="/call-back", include_in_schema=False)
        self.router.get("")(self.form)
        self.router.post("")(self.send)
        self.router.get("/asked")(self.asked)

    async def form(self, request: Request) -> Response:
        return self._form(request, dict.fromkeys(LABELS, ""))

    async def send(self, request: Request) -> Response:
        sent, language = await typed_in(request), language_of(request)
        typed = {name: sent.get(name, "").strip() for name in LABELS}
        given = {name: value for name, value in typed.items() if value}
        form = {**given, "language": language, "notice_version": sent.get("notice_version", "")}
        try:
            wanted = read_call_back(form, version_in_force=self._text(language).version)
        except ValidationError as invalid:
            return self._form(request, typed, status=422, errors=broken_rules(invalid, _place_of, language))
        try:
            await self._calling.request(wanted, datetime.now(UTC))
        except (PyMongoError, KekUnreachable) as away:
            log.warning("call_back_page_unavailable", error=type(away).__name__)
            return self._form(request, typed, status=503, away=True)
        return RedirectResponse("/call-back/asked", 303)

    async def asked(self, request: Request) -> Response:
        return self._pages.show(request, "call_back_asked.html", kept_days=self._kept.days)

    def _text(self, language: Language) -> NoticeText:
        return self._notice.text_at(almaty_day(datetime.now(UTC)), language)

    def _form(self, request: Request, typed: dict[str, str], *, status: int = 200, **shown: Any) -> Response:
        context = {"errors": {}, "away": False, **shown}
        text = self._text(language_of(request))
        return self._pages.show(
            request, "call_back.html", status=status, typed=typed, notice=self._notice, text=text,
            kept_days=self._kept.days, **context,
        )  # fmt: skip


def _place_of(path: tuple[str | int, ...]) -> Place:
    name = str(path[0]) if path else ""
    return (name, LABELS[name], {}) if name in LABELS else ("notice", NOTICE_LABEL, {})
