"""A service that cannot start says what kind of failure it was and where, never with what values; one that is told to
leave gives up no connection before a proxy does, and nothing that it still has to send."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from shared.http.server import http_app, server_of
from tests.bare_app import bare_app
from tests.collector import collector

PROXY_KEEPS_SECONDS = 60  # nginx: keepalive_timeout of an upstream
LEAVES = """
import os, signal, sys
from contextlib import asynccontextmanager
from shared.http.server import http_app, serve
from shared.observability import tracing

@asynccontextmanager
async def told_to_leave(_):
    tracing.note("send letter", of=f"00-{'a' * 32}-{'b' * 16}-01")
    os.kill(os.getpid(), signal.SIGTERM)
    yield

with tracing.exporting("intake", tracing.Collector(sys.argv[1])):
    serve(http_app("test", lifespan=told_to_leave, ready={}), "127.0.0.1", 0, drain_seconds=0)
"""


@asynccontextmanager
async def broken(_: FastAPI) -> AsyncIterator[None]:
    raise ConnectionError("+77000000042")
    yield


async def test_failed_start_is_told() -> None:
    app = http_app("test", lifespan=broken, ready={})
    with capture_logs() as logs, pytest.raises(ConnectionError):
        async with app.router.lifespan_context(app):
            pass
    [line] = logs
    assert (line["event"], line["log_level"]) == ("service_failed", "critical")
    assert isinstance(line["exc_info"], ConnectionError)  # of which the log keeps the type and the place


def test_an_unused_connection_is_kept_longer_than_a_proxy_keeps_it() -> None:
    assert server_of(bare_app(), "127.0.0.1", 0, 0).config.timeout_keep_alive > PROXY_KEEPS_SECONDS


async def test_what_was_to_be_sent_later_is_sent_when_it_is_told_to_leave() -> None:
    environment = {**os.environ, "OTEL_BSP_SCHEDULE_DELAY": "600000"}
    with collector() as sent:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", LEAVES, sent.url, env=environment)
        assert await process.wait() == 0
    assert [span.name for span in sent.spans()] == ["send letter"]
