"""Requests as a load balancer sends them: in turn to those replicas of a service that say they are ready, each once.

async with by_readiness(stack) as balancers, world_of(stack, balancers) as world:
    await world.shop.post(...)
    balancers["intake"].faults
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx

from deploy.local.stack import LocalStack

LOOK_SECONDS = 0.25  # a drain must be longer than a look and its answer


class Balancer(httpx.AsyncBaseTransport):
    """Of one service, for any number of clients. `faults`: what became of each request that was not answered, or with a
    5xx. `answered`: how many each replica has answered."""

    def __init__(self, service: str, urls: Sequence[str]) -> None:
        self.faults: list[str] = []
        self.answered: Counter[str] = Counter()
        self._service = service
        self._urls = [httpx.URL(url) for url in urls]
        self._ready: set[int] = set()
        self._turn = 0
        self._direct = httpx.AsyncHTTPTransport(limits=httpx.Limits(keepalive_expiry=60))
        self._watching: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await asyncio.gather(*(self._look(number) for number in range(len(self._urls))))
        self._watching = [asyncio.create_task(self._watch(number)) for number in range(len(self._urls))]

    async def stop(self) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await self._direct.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = self._next()
        request.url = request.url.copy_with(host=url.host, port=url.port)
        try:
            answer = await self._direct.handle_async_request(request)
        except httpx.TransportError as error:
            self.faults.append(f"{request.method} {url} ({self._service}): {type(error).__name__}, {_now()}")
            raise
        if answer.status_code >= 500:
            self.faults.append(f"{request.method} {url} ({self._service}): {answer.status_code}, {_now()}")
        self.answered[str(url)] += 1
        return answer

    def _next(self) -> httpx.URL:
        ready = sorted(self._ready)
        if not ready:
            self.faults.append(f"{self._service}: no replica is ready")
            raise httpx.ConnectError("no replica is ready")
        self._turn += 1
        return self._urls[ready[self._turn % len(ready)]]

    async def _watch(self, number: int) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look(number)

    async def _look(self, number: int) -> None:
        asked = httpx.Request("GET", self._urls[number].join("/health/ready"), extensions={"timeout": {"read": 10}})
        try:
            answer = await self._direct.handle_async_request(asked)
            await answer.aread()
            is_ready = answer.status_code == 200
        except httpx.TransportError:
            is_ready = False
        (self._ready.add if is_ready else self._ready.discard)(number)


def _now() -> str:
    """As the services' logs have it."""
    return datetime.now(UTC).isoformat()


@asynccontextmanager
async def by_readiness(stack: LocalStack) -> AsyncIterator[Mapping[str, Balancer]]:
    balancers = {
        service: Balancer(service, [replica.url for replica in replicas])
        for service, replicas in stack.info.replicas.items()
    }
    await asyncio.gather(*(balancer.start() for balancer in balancers.values()))
    try:
        yield balancers
    finally:
        await asyncio.gather(*(balancer.stop() for balancer in balancers.values()))
