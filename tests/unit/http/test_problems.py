"""Every refusal is problem+json (RFC 9457): the field and the rule, never the value."""

import asyncio
from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pymongo.errors import AutoReconnect

from shared.contracts.kazakhstan import Email, Phone
from shared.http.bearer import require_token
from shared.http.problems import MEDIA_TYPE, Problem
from shared.observability import metrics
from tests.bare_app import bare_app

NAME = "Айпатшайым"


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    phone: Phone
    email: Email | None = None
    scope: Literal["all", "promotions"] = "all"
    count: Annotated[int, Field(ge=1, le=9)] = 1
    inner: "Form | None" = None


async def fails() -> bool:
    raise RuntimeError(NAME)


async def holds() -> bool:
    return True


async def too_slow() -> bool:
    await asyncio.sleep(60)
    return True


def an_app(**ready: Any) -> FastAPI:
    app = bare_app(ready)

    @app.post("/forms")
    async def take(form: Form) -> dict[str, str]:
        return {"phone": form.phone}

    @app.get("/things/{name}")
    async def show(name: str, limit: Annotated[int, Query(ge=1)] = 1) -> None:
        raise {"mongo": AutoReconnect(NAME), "bug": ValueError(NAME)}.get(name) or Problem(
            409, "Not now", "Wait for it.", headers={"Retry-After": "9"}
        )

    officers = Depends(require_token(SecretStr("the right one"), role="officer"))
    app.get("/secret", dependencies=[officers])(holds)
    return app


@pytest.fixture
def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(an_app(), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def body_of(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert NAME not in answer.text
    return body


BAD: list[tuple[Any, str, str]] = [
    ({}, "phone", "required"),
    ({"phone": NAME}, "phone", "phone number"),
    ({"phone": "+79161234567"}, "phone", "Kazakhstan"),
    ({"phone": "+77000000042", "email": f"{NAME}@"}, "email", "e-mail"),
    ({"phone": "+77000000042", "iin": "010101000000"}, "iin", "clauses 2.2.1"),
    ({"phone": "+77000000042", NAME: 1, "a b": 1}, "(not a field name)", "clauses 2.2.1"),
    ({"phone": "+77000000042", "scope": NAME}, "scope", "all"),
    ({"phone": "+77000000042", "count": 12}, "count", "9"),
    ({"phone": "+77000000042", "count": NAME}, "count", "integer"),
    ({"phone": "+77000000042", "inner": {"phone": NAME}}, "inner.phone", "phone number"),
    ([NAME], "(whole request)", "object"),
]


@pytest.mark.parametrize(("form", "field", "rule"), BAD, ids=[field for _, field, _ in BAD])
async def test_bad_field_is_named_with_its_rule(client: httpx.AsyncClient, form: Any, field: str, rule: str) -> None:
    form = {key: value for key, value in form.items() if key != NAME} if isinstance(form, dict) else form
    errors = body_of(await client.post("/forms", json=form), 422)["errors"]
    assert [error for error in errors if error["field"] == field and rule in error["rule"]], errors


@pytest.mark.parametrize("content", [b"", b"{", f'{{"phone": {NAME}'.encode(), b"\xff\xfe", b"[" * 5_000])
async def test_what_is_no_json_is_refused_as_such(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/forms", content=content, headers={"content-type": "application/json"})
    assert body_of(answer, 422 if answer.status_code == 422 else 400)


async def test_bad_query_is_named(client: httpx.AsyncClient) -> None:
    errors = body_of(await client.get("/things/x", params={"limit": NAME}), 422)["errors"]
    assert [error["field"] for error in errors] == ["query.limit"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", f"/{NAME}", 404), ("PUT", "/forms", 405)])
async def test_unknown_path_or_method(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    body_of(await client.request(method, path), status)


async def test_problem_of_an_act_keeps_its_words_and_headers(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things/x")
    assert body_of(answer, 409)["detail"] == "Wait for it."
    assert answer.headers["retry-after"] == "9"


async def test_mongodb_that_is_away_is_said_to_be_away(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things/mongo")
    body_of(answer, 503)
    assert answer.headers["retry-after"] == "2"


async def test_bug_shows_nothing_of_itself(client: httpx.AsyncClient) -> None:
    body_of(await client.get("/things/bug"), 500)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Basic dGhl", 401),
        ("Bearer another", 403),
        ("Bearer the right one ", 403),
        ("Bearer the right", 403),
        ("Bearer \u00e9\u00e9", 403),
    ],
)
async def test_without_the_token_nothing_is_done(client: httpx.AsyncClient, sent: str | None, status: int) -> None:
    headers = {} if sent is None else {"authorization": sent.encode("latin-1")}
    answer = await client.get("/secret", headers=headers)
    assert "the right one" not in answer.text
    body_of(answer, status)
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_with_the_token_it_is_done(client: httpx.AsyncClient, scheme: str) -> None:
    answer = await client.get("/secret", headers={"authorization": f"{scheme} the right one"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("checks", "status"), [({"a": holds}, 200), ({"a": holds, "b": fails}, 503), ({"a": holds, "b": too_slow}, 503)]
)
async def test_ready_only_if_every_check_holds_in_time(
    checks: dict[str, Any], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.http.server.CHECK_SECONDS", 0.05)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(an_app(**checks)), base_url="http://test")
    answer = await client.get("/health/ready")
    assert answer.status_code == status
    assert answer.json() == {"ready": status == 200, "checks": {name: check is holds for name, check in checks.items()}}


async def test_alive_whatever_the_dependencies_do(client: httpx.AsyncClient) -> None:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(an_app(a=fails)), base_url="http://test")
    assert (await client.get("/health/live")).json() == {"status": "alive"}
    assert metrics.ENVELOPES_OPENED.describe()[0].name in (await client.get("/metrics")).text
