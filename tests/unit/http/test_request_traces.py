"""A request begins a trace named by its route, whatever the caller says; nothing of the caller gets into it."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from shared.observability import tracing
from tests.bare_app import bare_app
from tests.spans import Kept, kept, parent_of, traceparent_of

SECRET = "3f7c2f7be20f4f5f9d0c64a9b6f00f5c"
STRANGER = f"00-{'a' * 32}-{'b' * 16}-01"


def an_app() -> FastAPI:
    router = APIRouter(prefix="/v1")

    @router.get("/links/{token}")
    async def follow(token: str, phone: str = "") -> dict[str, str | None]:
        return {"here": tracing.here()}

    @router.get("/links/{token}/broken")
    async def broken(token: str) -> None:
        raise HTTPException(503, detail=token)

    @router.get("/links/{token}/bug")
    async def bug(token: str) -> None:
        raise ValueError(token)

    outer = APIRouter()
    outer.include_router(router)
    app = bare_app()
    app.include_router(outer)
    return app


async def asked(path: str, *, method: str = "GET") -> tuple[Kept, httpx.Response]:
    with kept() as spans:
        transport = httpx.ASGITransport(an_app(), raise_app_exceptions=False, client=("192.0.2.7", 4_711))
        async with httpx.AsyncClient(transport=transport, base_url="http://orders.example.kz") as http:
            headers = {"traceparent": STRANGER, "tracestate": f"shop={SECRET}", "user-agent": SECRET, "x-phone": SECRET}
            answer = await http.request(method, path, headers=headers)
    return spans, answer


async def test_it_is_named_by_its_route_and_is_what_the_act_goes_on_from() -> None:
    spans, answer = await asked(f"/v1/links/{SECRET}?phone={SECRET}")
    (span,) = spans.spans
    assert span.name == "GET /v1/links/{token}"
    assert answer.json()["here"] == traceparent_of(span)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/v1/links/{token}",
        "http.response.status_code": 200,
    }


async def test_a_strangers_trace_is_neither_joined_nor_linked() -> None:
    spans, _ = await asked(f"/v1/links/{SECRET}")
    (span,) = spans.spans
    assert parent_of(span) is None
    assert not span.links
    assert traceparent_of(span) != STRANGER
    assert bytes.fromhex("a" * 32) not in encode_spans(spans.spans).SerializeToString()


PATHS = (
    *(f"/v1/links/{SECRET}", f"/v1/links/{SECRET}/broken", f"/v1/links/{SECRET}/bug"),
    *(f"/{SECRET}", f"/v1/links/{SECRET}/{SECRET}?{SECRET}={SECRET}"),
)


@pytest.mark.parametrize("method", ["GET", "POST", SECRET.upper()])
@pytest.mark.parametrize("path", PATHS)
async def test_nothing_of_the_caller_leaves(path: str, method: str) -> None:
    spans, _ = await asked(path, method=method)
    sent = encode_spans(spans.spans).SerializeToString()
    assert len(spans.spans) == 1
    for value in (SECRET, SECRET.upper(), "192.0.2.7", "4711", "example.kz"):
        assert value.encode() not in sent


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_machines_that_look_every_few_seconds_begin_none(path: str) -> None:
    spans, answer = await asked(path)
    assert answer.status_code == 200
    assert spans.spans == []


async def test_without_a_provider_none_begins() -> None:
    transport = httpx.ASGITransport(an_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://orders.example.kz") as http:
        assert (await http.get("/v1/links/one", headers={"traceparent": STRANGER})).json() == {"here": None}


async def test_fastapi_tells_nothing_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    told = an_app()._telemetry
    assert {what: told[what] for what in ("tracing", "metrics", "logs", "operation_spans", "auto_configure")} == {
        "tracing": False,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
    }
