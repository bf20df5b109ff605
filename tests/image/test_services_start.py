"""Each service, started in the image in the place of the local stack's own, against the same servers."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from deploy.k8s_manifests.pods import USER
from deploy.k8s_manifests.settings import SHARED
from deploy.local.layout import SERVICES
from deploy.local.readiness import http_ready, opened
from deploy.local.stack import LocalStack, local_stack
from tests.image.container import Container, as_a_secret

PAGES = {"intake": "/", "privacy": "/console/sign-in"}
START_SECONDS = 120


@dataclass(slots=True)
class Environments:
    """What the stack tells each service."""

    of: dict[str, Mapping[str, str]] = field(default_factory=dict)

    async def kept(self, service: str, environment: Mapping[str, str]) -> Mapping[str, str]:
        self.of[service] = environment
        return environment


@pytest.fixture(scope="module")
def told() -> Environments:
    return Environments()


@pytest.fixture(scope="module")
async def stack(told: Environments, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    """Without its services: their places are taken by those of the image."""
    async with local_stack(tmp_path_factory.mktemp("stack"), kafka_brokers=0, rewire=told.kept) as stack:
        for service in SERVICES:
            await stack.stop(service)
        yield stack


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_starts_answers_and_leaves(
    service: str, stack: LocalStack, told: Environments, container: Container, tmp_path: Path
) -> None:
    environment = {name: value for name, value in told.of[service].items() if name not in ("PATH", "HOME")}
    keys = as_a_secret(Path(environment["SEALED_KEYS_DIR"]), tmp_path / "keys", USER)
    environment["SEALED_KEYS_DIR"] = SHARED["SEALED_KEYS_DIR"]
    url, log = f"http://127.0.0.1:{environment['SEALED_PORT']}", tmp_path / "log"
    command = ["python", "-m", f"services.{service}"]
    async with container.running(command, environment, {SHARED["SEALED_KEYS_DIR"]: keys}, log) as process:
        await ready(f"{url}/health/ready", process, log)
        assert_is_confined(process.pid)
        async with httpx.AsyncClient(base_url=url, trust_env=False, follow_redirects=True) as client:
            assert (await client.get("/health/live")).json() == {"status": "alive"}
            assert "# HELP" in (await client.get("/metrics")).text
            if service in PAGES:
                await assert_pages_answer(client, PAGES[service])
    assert process.returncode == 0, tail(log)


async def ready(url: str, process: Process, log: Path) -> None:
    gate, ended = http_ready(url), asyncio.create_task(process.wait())
    async with asyncio.timeout(START_SECONDS):
        await asyncio.wait({ended, asyncio.create_task(opened(gate))}, return_when=asyncio.FIRST_COMPLETED)
    assert not ended.done(), tail(log)
    ended.cancel()


def tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


async def assert_pages_answer(client: httpx.AsyncClient, path: str) -> None:
    """Templates, translations and styles are there."""
    for language in ("kk", "ru", "en"):
        page = await client.get(path, params={"lang": language}, headers={"accept": "text/html"})
        assert page.status_code == 200
        assert f'<html lang="{language}">' in page.text
    style = await client.get("/static/style.css")
    assert (style.status_code, style.headers["content-type"].split(";")[0]) == (200, "text/css")


def assert_is_confined(parent: int) -> None:
    """What the kernel says of the process: its user, no capability, no way to new rights, a root it cannot write."""
    (pid,) = [pid for task in Path(f"/proc/{parent}/task").glob("*/children") for pid in task.read_text().split()]
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    assert set(status["Uid"].split() + status["Gid"].split()) == {str(USER)}
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"].strip() == "1"
    mounted = {
        line.split()[4]: line.split()[5].split(",") for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    }
    assert "ro" in mounted["/"]
    assert {path for path, options in mounted.items() if "ro" not in options} <= {"/tmp", "/dev", "/proc"}
