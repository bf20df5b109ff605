"""An application of the services' own making (errors, limits, health) that starts nothing."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from shared.http.server import Check, http_app


def bare_app(ready: Mapping[str, Check] | None = None, **options: Any) -> FastAPI:
    return http_app("test", lifespan=_nothing, ready=ready or {}, **options)


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield
