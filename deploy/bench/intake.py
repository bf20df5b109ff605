"""(d) `POST /v1/orders`, with everything an order needs, against a bare FastAPI route with one Motor insert."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from deploy.bench.measure import Measured, in_turn
from deploy.demo.people import order_of, somebody_new
from deploy.local.ports import choose_ports

REQUESTS = 3_000
CONNECTIONS = 32
ROUNDS = 3
AIM = 0.5
START_SECONDS = 30.0

Request = Callable[[int], dict[str, Any]]


async def measure(intake_url: str, shop_token: str, policy_version: str, mongodb_uri: str, scratch: Path) -> Measured:
    """Each request is another person's order; both servers are one process each, on the same MongoDB."""
    people = [somebody_new("person", number) for number in range(REQUESTS * ROUNDS)]
    orders = [json.dumps(order_of(person, policy_version)).encode() for person in people]
    async with _bare_server(mongodb_uri, scratch) as bare_url:
        rounds = {"ours": 0, "theirs": 0}

        async def side(name: str, url: str, headers: dict[str, str]) -> float:
            start = rounds[name] * REQUESTS
            rounds[name] += 1
            return await _load(f"{url}/v1/orders", headers, orders[start : start + REQUESTS])

        async def ours() -> float:
            return await side("ours", intake_url, {"Authorization": f"Bearer {shop_token}"})

        async def theirs() -> float:
            return await side("theirs", bare_url, {})

        mine, other = await in_turn(ours, theirs, ROUNDS)
    note = f"{CONNECTIONS} connections; the other three services are not running, as on the other side"
    return Measured("d. POST /v1/orders vs bare FastAPI + Motor insert", mine, other, AIM, "requests/s", note=note)


async def _load(url: str, headers: dict[str, str], bodies: list[bytes]) -> float:
    waiting = list(bodies)
    headers = {**headers, "Content-Type": "application/json"}

    async def connection(http: aiohttp.ClientSession) -> None:
        while waiting:
            async with http.post(url, data=waiting.pop(), headers=headers) as answer:
                await answer.read()
                assert answer.status == 201, answer.status

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as http:
        started = time.perf_counter()
        await asyncio.gather(*(connection(http) for _ in range(CONNECTIONS)))
        return len(bodies) / (time.perf_counter() - started)


@asynccontextmanager
async def _bare_server(mongodb_uri: str, scratch: Path) -> AsyncIterator[str]:
    port = choose_ports(("bare",), scratch / "ports.json")["bare"]
    environment = {"PATH": os.environ["PATH"], "MONGODB_URI": mongodb_uri, "PORT": str(port)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "deploy.bench.bare_server", env=environment)
    try:
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(f"http://127.0.0.1:{port}/openapi.json"):
                        break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()
