"""Leave without a request lost.

    TERM ─► readiness says no, requests are still answered, each connection is closed with its answer
         ─► nobody listens any more, requests in flight are finished ─► messaging is drained (shared/messaging)

Whoever sends requests here learns late that this process leaves: an orchestrator takes its address from the list while
it is told, a load balancer asks for readiness every few seconds, a client keeps a connection open for its next request.
"""

import asyncio

import structlog
import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TICK_SECONDS = 0.1
log = structlog.get_logger()


class Drain:
    """Whether this process is leaving: what the server learns and the routes ask."""

    began = False


class CloseWhileLeaving:
    """ASGI middleware: a client that kept its connection opens the next one, where others may answer."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_closing(message: Message) -> None:
            if self._drain.began and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self._app(scope, receive, send_closing)


class DrainingServer(uvicorn.Server):
    """`seconds`: how long requests are still answered after TERM."""

    def __init__(self, config: uvicorn.Config, drain: Drain, seconds: float) -> None:
        super().__init__(config)
        self.seconds = seconds
        self._drain = drain

    async def main_loop(self) -> None:
        await super().main_loop()
        self._drain.began = True
        log.info("service_leaving", delay_seconds=self.seconds)
        clock = asyncio.get_running_loop()
        began_at = clock.time()
        while not self.force_exit and clock.time() < began_at + self.seconds:
            await asyncio.sleep(TICK_SECONDS)
