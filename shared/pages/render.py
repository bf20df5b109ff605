"""Show a page: a service's template in the visitor's language, with dates, times and money as people write them."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from shared.pages.languages import COOKIE, LANGUAGES, NAMES, catalogue, chosen_in, language_of
from shared.policy.model import Policy
from shared.policy.rows import Language
from shared.policy.working_days import ALMATY

YEAR_SECONDS: Final = 365 * 24 * 3600
HTML: Final = "text/html"
LOCALES: Final[Mapping[Language, str]] = {"kk": "kk", "ru": "ru", "en": "en_GB"}


def N_(text: str) -> str:
    """Marks a string that a template translates."""
    return text


# What errors of every service say, shown by `problem.html`.
NOTHING_HERE: Final = N_("There is nothing at this address. Check it, or begin at the first page.")
_OF_EVERY_SERVICE: Final = (
    N_("Not Found"),
    N_("Method Not Allowed"),
    N_("Sent from another site"),
    N_("Open the page itself and send the form from there."),
    N_("The request breaks a rule"),
    N_("Correct the named fields and send it again."),
    N_("A part we need is away for a moment"),
    N_("Nothing was lost. Send the request again with the same key."),
    N_("We failed"),
    N_("The request was not carried out. It is logged; try again later."),
)


class Pages:
    """Templates of one service: its own in `services/<name>/pages`, the layout and form macros in `shared/pages`.

    Every template knows `language`, `languages` (code → name), `policy` and `path` (of this page)."""

    def __init__(self, package: str, policy: Policy) -> None:
        loader = ChoiceLoader([PackageLoader(package, "pages"), PackageLoader("shared.pages", "templates")])
        self._environments = {language: _environment(loader, language, policy) for language in LANGUAGES}

    def show(self, request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """The page as an answer. A language chosen with `?lang=` is remembered in a cookie (clause 1.10)."""
        language = language_of(request)
        response = HTMLResponse(self.text(language, template, path=request.url.path, **context), status)
        if chosen := chosen_in(request):
            response.set_cookie(
                COOKIE, chosen, max_age=YEAR_SECONDS, secure=True, httponly=True, samesite="lax", path="/"
            )
        response.headers["Content-Language"] = language
        response.headers["Vary"] = "Accept-Language, Cookie"
        return response

    def text(self, language: Language, template: str, **context: Any) -> str:
        return self._environments[language].get_template(template).render(context)

    def problem(self, request: Request, status: int, title: str, detail: str) -> HTMLResponse | None:
        """An error as a page, where a browser asks for pages; None where a program asks."""
        if HTML not in request.headers.get("accept", ""):
            return None
        detail = NOTHING_HERE if status == 404 and title == "Not Found" else detail
        return self.show(request, "problem.html", status=status, title=title, detail=detail)


def _environment(loader: ChoiceLoader, language: Language, policy: Policy) -> Environment:
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"], trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(filters(language))
    environment.globals.update(language=language, languages=NAMES, policy=policy)
    return environment


def filters(language: Language) -> Mapping[str, Callable[[Any], str]]:
    """Dates, times and numbers as the language writes them; days and times are Almaty's.

    `translated`: of a text that comes in a value. `_("…")` takes what it is given for the page's own markup."""
    locale = LOCALES[language]

    def day(value: date | datetime) -> str:
        local = value.astimezone(ALMATY).date() if isinstance(value, datetime) else value
        return format_date(local, "long", locale=locale)

    def moment(value: datetime) -> str:
        return f"{day(value)}, {format_time(value.astimezone(ALMATY), 'HH:mm', locale=locale)}"

    def number(value: float) -> str:
        return format_decimal(value, locale=locale)

    def money(value: int) -> str:
        """An amount of tenge."""
        return f"{number(value)} ₸"

    translated = catalogue(language).gettext
    return {"day": day, "moment": moment, "money": money, "number": number, "translated": translated}
