"""What every page is served with: its language, its headers, its refusals, its sessions."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from jinja2 import UndefinedError
from starsessions import InMemoryStore, SessionStore

from shared.http import problems
from shared.pages.render import Pages, filters
from shared.pages.security import secure_pages
from shared.pages.sessions import COOKIE, begin, end, signed_in
from shared.policy.load import load_policy
from shared.policy.rows import Language
from tests.bare_app import bare_app

HERE = {"Sec-Fetch-Site": "same-origin"}
HTML = {"Accept": "text/html"}
IDLE = timedelta(minutes=5)
PAGES = Pages("services.privacy", load_policy())


class Untouched(SessionStore):
    """Fails whoever asks it."""

    async def read(self, session_id: str, lifetime: int) -> bytes:
        raise AssertionError("a session was read")

    async def write(self, session_id: str, data: bytes, lifetime: int, ttl: int) -> str:
        raise AssertionError("a session was written")

    async def remove(self, session_id: str) -> None:
        raise AssertionError("a session was removed")


def an_app(sessions: SessionStore | None = None) -> FastAPI:
    app = bare_app(page=PAGES.problem)

    @app.get("/who")
    async def who(request: Request) -> dict[str, str | None]:
        return {"who": signed_in(request, "client")}

    @app.get("/operator")
    async def operator(request: Request) -> dict[str, str | None]:
        return {"who": signed_in(request, "operator")}

    @app.post("/sign-in")
    async def sign_in(request: Request, who: str = Form(), hours: int = Form(default=1)) -> Response:
        await begin(request, who=who, role="client", most=timedelta(hours=hours))
        return RedirectResponse("/who", 303)

    @app.post("/sign-out")
    async def sign_out(request: Request) -> dict[str, str]:
        end(request)
        return {}

    @app.post("/v1/things")
    async def things() -> dict[str, str]:
        return {}

    @app.get("/page")
    async def page(request: Request) -> Response:
        return PAGES.show(request, "problem.html", title="Not Found", detail="We failed")

    @app.get("/fails")
    async def fails() -> None:
        raise problems.Problem(409, "We failed", "We failed", headers={"Retry-After": "2"})

    secure_pages(app, PAGES, sessions or InMemoryStore(), idle=IDLE)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(an_app())
    async with httpx.AsyncClient(transport=transport, base_url="https://exl.example.kz") as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "query", "language"),
    [
        ({}, "", "kk"),
        ({"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.8"}, "", "ru"),
        ({"Accept-Language": "de, en;q=0.5, ru;q=0.7"}, "", "ru"),
        ({"Accept-Language": "en;q=nonsense, ;;"}, "", "kk"),
        ({"Accept-Language": "ru", "Cookie": "lang=en"}, "", "en"),
        ({"Accept-Language": "ru", "Cookie": "lang=en"}, "?lang=kk", "kk"),
        ({"Cookie": "lang=<script>"}, "?lang=../../etc", "kk"),
    ],
)
async def test_the_language_is_the_chosen_one_then_the_browsers_then_kazakh(
    client: httpx.AsyncClient, headers: dict[str, str], query: str, language: str
) -> None:
    answer = await client.get(f"/page{query}", headers=headers)
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}">' in answer.text


async def test_a_chosen_language_is_remembered(client: httpx.AsyncClient) -> None:
    await client.get("/page?lang=ru")
    assert (await client.get("/page")).headers["content-language"] == "ru"


async def test_a_page_may_run_no_inline_script_and_be_framed_by_nobody(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/page")).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example.com"},
        {"Origin": "null"},
        {},
    ],
)
async def test_what_another_site_sends_is_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/sign-in", data={"who": "a"}, headers=headers | HTML)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "<h1>" in answer.text


@pytest.mark.parametrize("headers", [HERE, {"Sec-Fetch-Site": "none"}, {"Origin": "https://exl.example.kz"}])
async def test_what_the_page_itself_sends_is_taken(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.post("/sign-in", data={"who": "a"}, headers=headers)).status_code == 303


async def test_programs_bring_a_token_of_their_own_and_need_no_such_header(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/things")).status_code == 200


async def test_what_programs_ask_waits_for_no_session() -> None:
    """Placing orders is asked for without a cookie, and costs the store of sessions nothing."""
    transport = httpx.ASGITransport(an_app(Untouched()))
    async with httpx.AsyncClient(transport=transport, base_url="https://exl.example.kz") as program:
        answer = await program.post("/v1/things")
        assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
        with pytest.raises(AssertionError, match="a session was written"):
            await program.post("/sign-in", data={"who": "a" * 32}, headers=HERE)


async def test_signing_in_gives_a_new_token_and_signing_out_ends_it(client: httpx.AsyncClient) -> None:
    client.cookies.set(COOKIE, "f" * 32)
    await client.post("/sign-in", data={"who": "first"}, headers=HERE)
    first = _token(client)
    assert first != "f" * 32
    await client.post("/sign-in", data={"who": "second"}, headers=HERE)
    assert _token(client) != first
    assert (await client.get("/who")).json() == {"who": "second"}
    assert (await _ask_with(client, first)).json() == {"who": None}
    second = _token(client)
    await client.post("/sign-out", headers=HERE)
    assert (await _ask_with(client, second)).json() == {"who": None}


async def test_a_session_cookie_is_for_this_host_alone_and_out_of_scripts_reach(client: httpx.AsyncClient) -> None:
    answer = await client.post("/sign-in", data={"who": "a"}, headers=HERE)
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-session=")
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "domain" not in cookie


async def test_who_is_signed_in_is_so_in_one_role_and_for_a_time(client: httpx.AsyncClient) -> None:
    await client.post("/sign-in", data={"who": "a"}, headers=HERE)
    assert (await client.get("/who")).json() == {"who": "a"}
    assert (await client.get("/operator")).json() == {"who": None}
    await client.post("/sign-in", data={"who": "a", "hours": "-1"}, headers=HERE)
    assert (await client.get("/who")).json() == {"who": None}


async def test_using_a_session_keeps_it(client: httpx.AsyncClient) -> None:
    await client.post("/sign-in", data={"who": "a"}, headers=HERE)
    used = await client.get("/who")
    assert f"max-age={int(IDLE.total_seconds())};" in used.headers["set-cookie"]


def test_a_template_shows_text_as_text_and_misses_nothing_silently() -> None:
    shown = PAGES.text("en", "problem.html", path="/", title="<script>", detail="a & b")
    assert "<h1>&lt;script&gt;</h1>" in shown
    assert "a &amp; b" in shown
    with pytest.raises(UndefinedError):
        PAGES.text("en", "problem.html", path="/", title="only a title")


async def test_an_error_is_a_page_for_a_browser_and_a_problem_for_a_program(client: httpx.AsyncClient) -> None:
    page = await client.get("/fails", headers=HTML | {"Accept-Language": "ru"})
    assert (page.status_code, page.headers["retry-after"]) == (409, "2")
    assert "<h1>У нас ошибка</h1>" in page.text
    program = await client.get("/fails")
    assert program.headers["content-type"] == problems.MEDIA_TYPE
    nowhere = await client.get("/nowhere", headers=HTML | {"Accept-Language": "ru"})
    assert nowhere.status_code == 404
    assert "По этому адресу ничего нет" in nowhere.text
    assert "openapi" not in nowhere.text


@pytest.mark.parametrize(
    ("language", "day", "money"),
    [
        ("kk", "2026 ж. 6 қаңтар", "1 234 500 ₸"),
        ("ru", "6 января 2026 г.", "1 234 500 ₸"),
        ("en", "6 January 2026", "1,234,500 ₸"),
    ],
)
def test_days_times_and_money_are_written_as_the_language_does(language: Language, day: str, money: str) -> None:
    written = filters(language)
    late = datetime(2026, 1, 5, 21, 30, tzinfo=UTC)  # the next day in Almaty
    assert _spaced(written["day"](date(2026, 1, 6))) == _spaced(written["day"](late)) == day
    assert _spaced(written["moment"](late)) == f"{day}, 02:30"
    assert _spaced(written["money"](1_234_500)) == money


def _spaced(text: str) -> str:
    """No-break and narrow spaces as plain ones."""
    return " ".join(text.split())


def _token(client: httpx.AsyncClient) -> str:
    return str(
        {cookie.name: cookie.value for cookie in client.cookies.jar if cookie.domain == "exl.example.kz"}[COOKIE]
    )


async def _ask_with(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await httpx.AsyncClient(transport=client._transport, base_url=client.base_url).get(
        "/who", headers={"Cookie": f"{COOKIE}={token}"}
    )
