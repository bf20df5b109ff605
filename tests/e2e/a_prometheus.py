"""A Prometheus of the test's own: it scrapes a running stack, evaluates the alerts, and is asked as Grafana asks it."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from deploy.local.stack import LocalStack
from deploy.monitoring.write import ALERTS

SCRAPED_EVERY: Final = "1s"
READY_SECONDS: Final = 60
# With CI=true nothing is skipped: the test then fails for the lack of it.
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None and os.environ.get("CI") != "true",
    reason="prometheus is missing: apt install prometheus, or `make monitoring` as root",
)


class Prometheus:
    def __init__(self, api: httpx.AsyncClient) -> None:
        self._api = api

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The vector it comes to now. Raises AssertionError with what Prometheus says against it."""
        answer = (await self._api.get("/api/v1/query", params={"query": expression})).json()
        assert answer["status"] == "success", answer
        return list(answer["data"]["result"])

    async def rules(self) -> dict[str, dict[str, Any]]:
        """Alert → its health, its state, its last error."""
        groups = (await self._api.get("/api/v1/rules")).json()["data"]["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}


@asynccontextmanager
async def prometheus_of(stack: LocalStack, folder: Path) -> AsyncIterator[Prometheus]:
    config = {
        "global": {"scrape_interval": SCRAPED_EVERY, "evaluation_interval": SCRAPED_EVERY},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {"job_name": service, "static_configs": [{"targets": [info.url.removeprefix("http://")]}]}
            for service, info in stack.info.services.items()
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "prometheus.log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            "prometheus",
            f"--config.file={folder}/prometheus.yaml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={address}",
            stdout=log,
            stderr=log,
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=30) as api:
            await _ready(api, process)
            yield Prometheus(api)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(api: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while True:
            assert process.returncode is None, "it ended; prometheus.log says why"
            try:
                if (await api.get("/-/ready")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)
