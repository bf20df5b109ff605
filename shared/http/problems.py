"""Errors as problem+json (RFC 9457): the field and the rule it breaks, never the value it had."""

from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException

from shared.sealing.kek import KekUnreachable

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """Raised by an act's HTTP edge; `detail` states the rule and the remedy."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        self.status, self.title, self.detail = status, title, detail
        self.errors, self.headers = list(errors), headers
        super().__init__(title)


def problem(status: int, title: str, detail: str, **more: Any) -> dict[str, Any]:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return {name: value for name, value in body.items() if value not in (None, [])}


def field_errors(errors: Sequence[Any], *, whole: str = "(whole request)") -> list[dict[str, str]]:
    """pydantic's errors without their input. An unknown field is refused by name, and the name is all it gets.

    `whole`: what to call a rule that is about no single field."""
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


def install(app: FastAPI) -> None:
    """Every error of the application answers as problem+json."""

    async def on_problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        body = problem(error.status, error.title, error.detail, errors=error.errors)
        return JSONResponse(body, error.status, headers=error.headers, media_type=MEDIA_TYPE)

    async def on_validation(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        body = problem(
            422,
            "The request breaks a rule",
            "Correct the named fields and send it again.",
            errors=field_errors(error.errors()),
        )
        return JSONResponse(body, 422, media_type=MEDIA_TYPE)

    async def on_http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        body = problem(error.status_code, str(error.detail), "See the OpenAPI document at /openapi.json.")
        return JSONResponse(body, error.status_code, headers=error.headers, media_type=MEDIA_TYPE)

    async def on_unavailable(request: Request, error: Exception) -> JSONResponse:
        code = getattr(error, "code", None)  # MongoDB's number; its text may quote a document
        log.warning("request_unavailable", path=_route(request), error=type(error).__name__, code=code)
        body = problem(
            503, "A part we need is away for a moment", "Nothing was lost. Send the request again with the same key."
        )
        return JSONResponse(body, 503, headers={"Retry-After": "2"}, media_type=MEDIA_TYPE)

    async def on_bug(request: Request, error: Exception) -> JSONResponse:
        log.error("request_failed", path=_route(request), exc_info=error)
        body = problem(500, "We failed", "The request was not carried out. It is logged; try again later.")
        return JSONResponse(body, 500, media_type=MEDIA_TYPE)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(PyMongoError, on_unavailable)
    app.add_exception_handler(KekUnreachable, on_unavailable)
    app.add_exception_handler(Exception, on_bug)


def _route(request: Request) -> str:
    """The route's template: a path could hold what somebody typed."""
    return str(getattr(request.scope.get("route"), "path", "(no route)"))
