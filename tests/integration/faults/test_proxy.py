"""The proxy of the crash matrix on real connections: it sees, holds, breaks, refuses, and is else not there."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from deploy.faults.outside_wire import HttpConversation
from deploy.faults.proxy import Cut, Moment, Proxy, Watcher, nobody_watches
from deploy.faults.wire import Step

pytestmark = pytest.mark.integration

REQUEST = b"POST /messages HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


class Server:
    """Answers every request; `heard` counts them."""

    def __init__(self) -> None:
        self.heard = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1_000):
            self.heard += 1
            writer.write(ANSWER)
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, int]]:
    heard = Server()
    listening = await asyncio.start_server(heard.answer, "127.0.0.1", 0)
    yield heard, listening.sockets[0].getsockname()[1]
    listening.close()


async def proxied(port: int, watch: Watcher = nobody_watches) -> Proxy:
    proxy = Proxy(("127.0.0.1", port), conversation=lambda: HttpConversation("sms"), watch=watch)
    await proxy.start()
    return proxy


async def ask(proxy: Proxy) -> bytes:
    """The answer; nothing where the connection broke."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(REQUEST)
    try:
        return await reader.read(1_000)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def cutting_at(wanted: Moment, seen: list[Moment]) -> Watcher:
    async def watch(steps: Sequence[Step], moment: Moment) -> None:
        assert steps == (Step("sms", "POST /messages"),)
        seen.append(moment)
        if moment == wanted:
            raise Cut

    return watch


async def test_it_passes_everything_on(server: tuple[Server, int]) -> None:
    proxy = await proxied(server[1])
    assert await ask(proxy) == ANSWER
    await proxy.refuse()


async def test_cut_before_the_server_has_not_heard(server: tuple[Server, int]) -> None:
    seen: list[Moment] = []
    proxy = await proxied(server[1], cutting_at("before", seen))
    assert await ask(proxy) == b""
    assert (server[0].heard, seen) == (0, ["before"])
    await proxy.refuse()


async def test_cut_after_the_server_has_done_it_and_the_service_does_not_know(server: tuple[Server, int]) -> None:
    seen: list[Moment] = []
    proxy = await proxied(server[1], cutting_at("after", seen))
    assert await ask(proxy) == b""
    assert (server[0].heard, seen) == (1, ["before", "after"])
    await proxy.refuse()


async def test_it_refuses_until_it_is_started_again(server: tuple[Server, int]) -> None:
    proxy = await proxied(server[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    await proxy.refuse()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", proxy.port)
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    writer.close()
    await proxy.start()
    assert await ask(proxy) == ANSWER
    await proxy.refuse()


async def test_a_server_that_is_not_there_is_a_broken_connection() -> None:
    proxy = await proxied(1)
    assert await ask(proxy) == b""
    await proxy.refuse()
