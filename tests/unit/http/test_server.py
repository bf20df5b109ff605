"""A service that cannot start says what kind of failure it was and where, never with what values."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from shared.http.server import http_app


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
