"""No request makes a service read more than a form can hold, whatever route it is for."""

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import Form, Request
from pydantic import BaseModel

from shared.http.body_limit import MAX_BYTES
from shared.http.problems import MEDIA_TYPE
from tests.bare_app import bare_app

LARGER = MAX_BYTES * 4
CHUNK = b"7" * 1024


class Told(BaseModel):
    text: str


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = bare_app(larger_bodies={"/larger": LARGER})

    @app.post("/json")
    async def take_json(told: Told) -> int:
        return len(told.text)

    @app.post("/form")
    async def take_form(text: Annotated[str, Form()]) -> int:
        return len(text)

    @app.post("/larger")
    async def take_more(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as opened:
        yield opened


async def undeclared(size: int, sent: list[int], start: bytes = b"") -> AsyncIterator[bytes]:
    yield start
    for _ in range(size // len(CHUNK)):
        sent.append(len(CHUNK))
        yield CHUNK


BODIES = [("/json", "application/json", b'{"text": "'), ("/form", "application/x-www-form-urlencoded", b"text=")]


@pytest.mark.parametrize(("path", "media_type", "start"), BODIES)
async def test_what_comes_without_a_length_is_cut_off(
    client: httpx.AsyncClient, path: str, media_type: str, start: bytes
) -> None:
    sent: list[int] = []
    body = undeclared(50 * MAX_BYTES, sent, start)
    answer = await client.post(path, content=body, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.headers["content-type"]) == (413, MEDIA_TYPE)
    assert answer.json()["errors"] == [{"field": "(whole request)", "rule": f"may be {MAX_BYTES} bytes long"}]
    assert MAX_BYTES - len(CHUNK) <= sum(sent) <= MAX_BYTES + len(CHUNK)


@pytest.mark.parametrize(("path", "media_type", "start"), BODIES)
async def test_what_declares_too_much_is_not_read(
    client: httpx.AsyncClient, path: str, media_type: str, start: bytes
) -> None:
    sent: list[int] = []
    headers = {"Content-Type": media_type, "Content-Length": str(MAX_BYTES + 1)}
    answer = await client.post(path, content=undeclared(MAX_BYTES, sent, start), headers=headers)
    assert answer.status_code == 413
    assert not sent


async def test_a_length_that_is_no_number_is_none(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": "many"}
    answer = await client.post("/json", content=undeclared(2 * MAX_BYTES, []), headers=headers)
    assert answer.status_code == 413


async def test_what_fits_is_taken(client: httpx.AsyncClient) -> None:
    text = "7" * (MAX_BYTES - len('{"text":""}'))
    assert (await client.post("/json", json={"text": text})).json() == len(text)
    assert (await client.post("/json", json={"text": text + "7"})).status_code == 413


async def test_a_route_may_take_more_and_no_more_than_that(client: httpx.AsyncClient) -> None:
    assert (await client.post("/larger", content=b"7" * LARGER)).json() == LARGER
    assert (await client.post("/larger", content=b"7" * (LARGER + 1))).status_code == 413
    assert (await client.post("/larger", content=undeclared(LARGER * 2, []))).status_code == 413
