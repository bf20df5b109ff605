"""The HTTP side every service has: liveness, readiness, metrics, errors as problem+json, a drain on TERM."""

import asyncio
import contextlib
import gc
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import MappingProxyType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.http import problems
from shared.http.body_limit import BodyLimit
from shared.http.drain import CloseWhileLeaving, Drain, DrainingServer
from shared.http.request_traces import traces_of_requests

Check = Callable[[], Awaitable[bool]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
CHECK_SECONDS = 3.0
# Not uvloop: it refuses to write to a connection that was reset by a RuntimeError, which aiokafka does not expect. The
# task that renews the cluster's metadata ended by it, and a consumer waited for that for ever (docs/decisions/0047).
EVENT_LOOP: Final = "asyncio"
GRACEFUL_SECONDS = 20  # for requests in flight, on TERM
# Longer than a proxy in front keeps an unused connection (nginx: 60): closed from here, one may have a request on it.
KEEP_ALIVE_SECONDS = 75
log = structlog.get_logger()


def http_app(
    title: str,
    *,
    lifespan: Lifespan,
    ready: Mapping[str, Check],
    page: problems.Page = problems.no_page,
    larger_bodies: Mapping[str, int] = MappingProxyType({}),
) -> FastAPI:
    """A FastAPI application with the common routes. `ready`: what readiness asks, by name. `page`: how a browser is
    shown an error. `larger_bodies`: see BodyLimit."""
    app = FastAPI(
        title=title,
        lifespan=_told_of_failure(lifespan),
        docs_url=None,
        redoc_url=None,
        telemetry=traces_of_requests(),
    )
    problems.install(app, page)
    app.add_middleware(BodyLimit, larger=larger_bodies)
    app.state.drain = drain = Drain()
    app.add_middleware(CloseWhileLeaving, drain=drain)

    @app.get("/health/live", include_in_schema=False)
    async def live() -> dict[str, str]:
        """Never asks a dependency."""
        return {"status": "alive"}

    @app.get("/health/ready", include_in_schema=False)
    async def readiness() -> JSONResponse:
        if drain.began:
            return JSONResponse({"ready": False, "checks": {"staying": False}}, 503)
        results = dict(zip(ready, await asyncio.gather(*(_holds(check) for check in ready.values())), strict=True))
        return JSONResponse({"ready": all(results.values()), "checks": results}, 200 if all(results.values()) else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def _told_of_failure(lifespan: Lifespan) -> Lifespan:
    """uvicorn words a failed start itself, with the values in it, and is not heard: say its kind and its place."""

    @asynccontextmanager
    async def told(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with lifespan(app):
                yield
        except Exception as error:
            log.critical("service_failed", exc_info=error)
            raise

    return told


async def _holds(check: Check) -> bool:
    try:
        return await asyncio.wait_for(check(), CHECK_SECONDS)
    except Exception:  # a check that fails in any way means: not ready
        return False


def collect_garbage_seldom() -> None:
    """Batches make many short-lived objects and no cycles to speak of: scanning everything alive after each few
    hundred of them took a third of the consumers' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def serve(app: FastAPI, host: str, port: int, *, drain_seconds: float) -> None:
    """Run until TERM, drain as shared/http/drain.py has it, then return. No core dumps: key material is in memory.

    What has been made so far lives as long as the process: the garbage collector need not look at it again, nor so
    often at what a request makes (a tenth of a request's time)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    collect_garbage_seldom()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    # uvicorn raises what it was told once more at its end: TERM would kill the process before its last spans are sent.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        server_of(app, host, port, drain_seconds).run()


def server_of(app: FastAPI, host: str, port: int, drain_seconds: float) -> DrainingServer:
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        loop=EVENT_LOOP,
    )
    return DrainingServer(config, app.state.drain, drain_seconds)
