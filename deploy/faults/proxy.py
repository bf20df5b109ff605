"""A TCP proxy on loopback between one service and one server, which sees each step and can stop it half way.

    service ──request──► [before] ──► server        held in [before]: nothing happened yet
    service ◄──[after] ◄──reply──── server          held in [after]: it happened, and the service does not know

While a part is held, its connection waits, and no other.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Literal

from deploy.faults.wire import Conversation, Part, Plain, Step

Moment = Literal["before", "after"]
Watcher = Callable[[Sequence[Step], Moment], Awaitable[None]]
AT_ONCE = 256 * 1024


class Cut(Exception):
    """Raised by a watcher: what it holds is not passed on, and the connection is broken."""


async def nobody_watches(steps: Sequence[Step], moment: Moment) -> None:
    return None


class Proxy:
    def __init__(
        self,
        upstream: tuple[str, int],
        *,
        conversation: Callable[[], Conversation] = Plain,
        watch: Watcher = nobody_watches,
    ) -> None:
        self.port = 0
        self.delay_seconds = 0.0  # of each part, in each direction
        self._upstream = upstream
        self._conversation = conversation
        self._watch = watch
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen: on a free port at first, later on the same one again."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Break every connection and refuse new ones, until `start`."""
        if self._server:
            self._server.close()
        self._server = None
        await self.cut()

    async def cut(self) -> None:
        """Break every connection; new ones are taken."""
        connections = list(self._open)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        with contextlib.suppress(asyncio.CancelledError):  # by `cut`
            await self._connect(reader, writer)
        self._open.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far: asyncio.StreamWriter | None = None
        try:
            far_reader, far = await asyncio.open_connection(*self._upstream)
            talk = self._conversation()
            pumps = {
                asyncio.create_task(self._pump(reader, far, talk.requests, "before")),
                asyncio.create_task(self._pump(far_reader, writer, talk.replies, "after")),
            }
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass  # the server is not there: nor is this connection
        finally:
            for side in (writer, far):
                if side is not None:
                    _reset(side)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        parts_of: Callable[[bytes], Iterable[Part]],
        moment: Moment,
    ) -> None:
        with contextlib.suppress(OSError, Cut):
            while data := await source.read(AT_ONCE):
                for part in parts_of(data):
                    if part.steps:
                        await self._watch(part.steps, moment)
                    if self.delay_seconds:
                        await asyncio.sleep(self.delay_seconds)
                    sink.write(part.data)
                await sink.drain()


def _reset(side: asyncio.StreamWriter) -> None:
    """Close with RST, as the kernel of a machine that lost the connection would: no half-closed state lingers."""
    with contextlib.suppress(OSError):
        opened: socket.socket | None = side.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    side.transport.abort()
