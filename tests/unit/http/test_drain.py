"""After TERM: not ready, still answering, no connection kept; then what is in flight is finished and nobody listens."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from shared.http.drain import DrainingServer
from shared.http.server import server_of
from tests.bare_app import bare_app

FOR_EVER = 3600.0


@dataclass
class Leaving:
    """A running server that can be told to leave, as TERM tells it, and a request that takes as long as one likes."""

    server: DrainingServer
    http: httpx.AsyncClient
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    finish: asyncio.Event = field(default_factory=asyncio.Event)

    async def told(self) -> None:
        self.server.should_exit = True
        async with asyncio.timeout(10):
            while (await self.http.get("/health/ready")).status_code == 200:
                await asyncio.sleep(0.01)

    async def listens(self) -> bool:
        try:
            await self.http.get("/health/live")
        except httpx.ConnectError:
            return False
        return True


@pytest.fixture
async def leaving() -> AsyncIterator[Leaving]:
    app = bare_app()
    server = server_of(app, "127.0.0.1", 0, FOR_EVER)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        leaving = Leaving(server, http)

        @app.get("/slow")
        async def slow() -> str:
            leaving.arrived.set()
            await leaving.finish.wait()
            return "done"

        yield leaving
    leaving.finish.set()
    server.seconds, server.should_exit = 0, True
    async with asyncio.timeout(10):
        await serving


async def test_whoever_leaves_is_not_ready_and_alive(leaving: Leaving) -> None:
    assert (await leaving.http.get("/health/ready")).json() == {"ready": True, "checks": {}}
    await leaving.told()
    answer = await leaving.http.get("/health/ready")
    assert (answer.status_code, answer.json()["checks"]) == (503, {"staying": False})
    assert (await leaving.http.get("/health/live")).status_code == 200


async def test_connections_are_kept_until_then_and_closed_with_the_next_answer(leaving: Leaving) -> None:
    assert "connection" not in (await leaving.http.get("/health/live")).headers
    await leaving.told()
    assert (await leaving.http.get("/health/live")).headers["connection"] == "close"


async def test_request_in_flight_is_finished_and_then_nobody_listens(leaving: Leaving) -> None:
    slow = asyncio.create_task(leaving.http.get("/slow"))
    await leaving.arrived.wait()
    await leaving.told()
    leaving.server.seconds = 0
    async with asyncio.timeout(10):
        while await leaving.listens():
            await asyncio.sleep(0.01)
    assert not slow.done()
    leaving.finish.set()
    assert (await slow).json() == "done"
