"""What can be done to a process from outside: let it stand still, set its clock wrong, give it a twin."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.faults.desk import Desk
from deploy.local.layout import ROOT
from deploy.local.part import Part
from deploy.local.readiness import http_ready
from deploy.local.supervisor import Supervisor

LIBRARIES = Path("/usr/lib")


def libfaketime() -> Path | None:
    """Debian's package `faketime` has it."""
    return next(iter(sorted(LIBRARIES.glob("*/faketime/libfaketime.so.1"))), None)


@asynccontextmanager
async def standing_still(pid: int) -> AsyncIterator[None]:
    """The process is not scheduled: its connections stay open, and nobody answers."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def clock_off(desk: Desk, service: str, seconds: int) -> AsyncIterator[None]:
    """The service runs with a clock that is so many seconds fast, or slow where negative; then with the true one."""
    wrong = {
        "LD_PRELOAD": str(libfaketime()),
        "FAKETIME": f"{seconds:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # how time passes is right, only what time it is is not
    }
    environment = desk.mesh.environments[service]
    await desk.stack.stop(service)
    environment.update(wrong)
    try:
        await desk.stack.start(service)
        yield
    finally:
        for name in wrong:
            del environment[name]
        await desk.stack.stop(service)
        await desk.stack.start(service)


def twin_of(desk: Desk, service: str) -> Supervisor:
    """A second replica of the service, to be started and stopped. It uses the first one's proxies."""
    port = _free_port()
    part = Part(
        name=f"{service}-twin",
        argv=(sys.executable, "-m", f"services.{service}"),
        environment={**desk.mesh.environments[service], "SEALED_PORT": str(port)},
        ready=http_ready(f"http://127.0.0.1:{port}/health/ready"),
    )
    return Supervisor(part, working_dir=ROOT, log_dir=desk.stack.layout.log)


@asynccontextmanager
async def twin(desk: Desk, service: str) -> AsyncIterator[Supervisor]:
    """A second replica, ready."""
    replica = twin_of(desk, service)
    await replica.start()
    try:
        yield replica
    finally:
        await replica.stop()


async def start_later(replica: Supervisor) -> "asyncio.Task[None]":
    """It joins its groups as soon as they let it; meanwhile what happens goes on."""
    return asyncio.create_task(replica.start())


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
