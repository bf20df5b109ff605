"""On the event loop that the services run on, a connection that the broker resets is a fault that aiokafka knows."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from deploy.local.stack import LocalStack
from shared.http.server import server_of
from tests.bare_app import bare_app

pytestmark = pytest.mark.integration
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time


@asynccontextmanager
async def in_between(broker: str) -> AsyncIterator[tuple[int, list[asyncio.StreamWriter]]]:
    """A port that leads to the broker, and the ends of the connections that came."""
    came: list[asyncio.StreamWriter] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**16):
            writer.write(data)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer)
        from_broker, to_broker = await asyncio.open_connection(*broker.split(":"))
        await asyncio.gather(pass_on(reader, to_broker), pass_on(from_broker, writer), return_exceptions=True)
        to_broker.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], came


async def ask_while_it_is_reset(broker: str) -> list[BaseException]:
    """A request at every turn of the loop, until the client knows that its connection is gone. What they met."""
    async with in_between(broker) as (port, came):
        connection = await create_conn("127.0.0.1", port)
        came[0].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        came[0].transport.abort()
        asked = []
        while connection.connected():
            asked.append(asyncio.ensure_future(connection.send(MetadataRequest([]))))
            await asyncio.sleep(0)
        return await asyncio.gather(*asked, return_exceptions=True)


async def test_reset_connection_is_a_fault_that_the_client_knows(stores: LocalStack) -> None:
    def on_the_services_loop() -> list[BaseException]:
        make_loop = server_of(bare_app(), "127.0.0.1", 0, 0).config.get_loop_factory()
        with asyncio.Runner(loop_factory=make_loop) as runner:
            return runner.run(ask_while_it_is_reset(stores.info.kafka.address.bootstrap_servers))

    met = await asyncio.to_thread(on_the_services_loop)
    assert met
    assert {type(fault) for fault in met} == {KafkaConnectionError}
