"""Errors as problem+json (RFC 9457): the field and the rule it breaks, never the value it had. A service with pages
answers a browser with a page of the same words."""

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException

from shared.sealing.kek import KekUnreachable

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"
WHOLE = "(whole request)"  # in the place of a field: the rule is about no single one


class Problem(HTTPException):
    """Raised by an act's HTTP edge; `detail` states the rule and the remedy. An HTTPException, so that FastAPI lets one
    that is raised while it reads a body through."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.title, self.errors = title, list(errors)


# (request, status, title, detail) → the page, or None where a program asks.
Page = Callable[[Request, int, str, str], Response | None]


def no_page(request: Request, status: int, title: str, detail: str) -> None:
    return None


def answer_to(request: Request, error: Problem, page: Page) -> Response:
    """The error as whoever asks reads it."""
    shown = page(request, error.status_code, error.title, error.detail)
    if shown is None:
        body = problem(error.status_code, error.title, error.detail, errors=error.errors)
        return JSONResponse(body, error.status_code, headers=error.headers, media_type=MEDIA_TYPE)
    shown.headers.update(error.headers or {})
    return shown


def problem(status: int, title: str, detail: str, **more: Any) -> dict[str, Any]:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return {name: value for name, value in body.items() if value not in (None, [])}


def field_errors(errors: Sequence[Any], *, whole: str = WHOLE) -> list[dict[str, str]]:
    """pydantic's errors without their input. An unknown field is refused by name, and the name is all it gets.

    `whole`: in the place of WHOLE."""
    return [
        {
            "field": ".".join(_part(part) for part in error["loc"] if part != "body") or whole,
            "rule": _RULES.get(error["type"], str(error["msg"]).removeprefix("Value error, ")),
        }
        for error in errors
    ]


def _part(part: str | int) -> str:
    """A field's name as the sender wrote it, unless it is none: somebody's phone may stand where a name should."""
    is_name = isinstance(part, int) or (len(part) <= 64 and part.replace("-", "_").isidentifier())
    return str(part) if is_name else "(not a field name)"


_RULES = {
    "extra_forbidden": "the policy does not let us collect this field (clauses 2.2.1–2.2.5): leave it out",
    "missing": "this field is required",
    "json_invalid": "is not valid JSON",
}


def install(app: FastAPI, page: Page = no_page) -> None:
    """Every error of the application answers as problem+json, or as a page where a browser asks."""

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return answer_to(request, error, page)

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        rules = field_errors(error.errors())
        remedy = "Correct the named fields and send it again."
        return answer_to(request, Problem(422, "The request breaks a rule", remedy, errors=rules), page)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        remedy = "See the OpenAPI document at /openapi.json."
        return answer_to(request, Problem(error.status_code, str(error.detail), remedy, headers=headers), page)

    async def on_unavailable(request: Request, error: Exception) -> Response:
        code = getattr(error, "code", None)  # MongoDB's number; its text may quote a document
        log.warning("request_unavailable", path=_route(request), error=type(error).__name__, code=code)
        remedy = "Nothing was lost. Send the request again with the same key."
        away = Problem(503, "A part we need is away for a moment", remedy, headers={"Retry-After": "2"})
        return answer_to(request, away, page)

    async def on_bug(request: Request, error: Exception) -> Response:
        log.error("request_failed", path=_route(request), exc_info=error)
        remedy = "The request was not carried out. It is logged; try again later."
        return answer_to(request, Problem(500, "We failed", remedy), page)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(PyMongoError, on_unavailable)
    app.add_exception_handler(KekUnreachable, on_unavailable)
    app.add_exception_handler(Exception, on_bug)


def _route(request: Request) -> str:
    """The route's template: a path could hold what somebody typed."""
    return str(getattr(request.scope.get("route"), "path", "(no route)"))
