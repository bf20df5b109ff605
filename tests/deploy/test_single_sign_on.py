"""Behind the Ingress, which ends TLS, the provider is told to send the browser back to https."""

from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.deploy.parts import of_kind, variables
from tests.deploy.render import Manifest, objects, rendered

COMPONENTS = ("single-sign-on", "ingress")


@pytest.fixture
def made(tmp_path: Path) -> list[Manifest]:
    return objects(rendered("base", COMPONENTS, tmp_path.resolve()))


async def way_back() -> str:
    """As an application behind uvicorn makes the address from what the Ingress sends, in this environment."""

    async def done(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(request.url_for("done")))

    config = uvicorn.Config(Starlette(routes=[Route("/console/done", done, name="done")]), log_config=None)
    config.load()
    ingress = httpx.ASGITransport(config.loaded_app, client=("10.244.1.7", 40_000))
    async with httpx.AsyncClient(transport=ingress, base_url="http://privacy.example.kz") as browser:
        return (await browser.get("/console/done", headers={"X-Forwarded-Proto": "https"})).text


async def test_the_browser_is_sent_back_by_https(made: list[Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    told = variables(of_kind(made, "Deployment")["privacy"], made)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", told["FORWARDED_ALLOW_IPS"] or "")
    assert await way_back() == "https://privacy.example.kz/console/done"


async def test_without_the_setting_it_would_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    assert await way_back() == "http://privacy.example.kz/console/done"
