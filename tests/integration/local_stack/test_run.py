"""`sealed run` as an operator sees it: the whole stack in a process of its own."""

import asyncio
import itertools
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from deploy.local.layout import ROOT, SERVICES, Layout
from deploy.local.stack_info import StackInfo, read_stack

EXTERNAL = ("KAFKA_BOOTSTRAP_SERVERS", "MONGODB_URI")
pytestmark = pytest.mark.e2e


async def launch(var: Path, **variables: str) -> asyncio.subprocess.Process:
    embedded = {name: value for name, value in os.environ.items() if name not in EXTERNAL}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", "run"),
        cwd=ROOT,
        env={**embedded, "SEALED_VAR": str(var), **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def running_stack(layout: Layout) -> StackInfo:
    async with asyncio.timeout(90):
        while not layout.stack_json.exists():
            await asyncio.sleep(0.1)
    return read_stack(layout.stack_json)


async def changed_pid(layout: Layout, service: str, pid: int) -> StackInfo:
    async with asyncio.timeout(20):
        while (info := read_stack(layout.stack_json)).services[service].pid == pid:
            await asyncio.sleep(0.05)
    return info


async def said_until(launcher: asyncio.subprocess.Process, last: str) -> str:
    """What it prints up to that line. Raises TimeoutError if it never does."""
    assert launcher.stdout
    said = ""
    async with asyncio.timeout(90):
        while last not in said:
            line = await launcher.stdout.readline()
            assert line, said
            said += line.decode()
    return said


async def test_run_prints_the_pages_addresses_and_the_sign_in(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    launcher = await launch(tmp_path, COLUMNS="200")
    said = await said_until(launcher, "sealed officer code approver")
    info = read_stack(layout.stack_json)
    client, console = info.services["intake"].url, info.services["privacy"].url
    pages = (f"{client}/", f"{client}/my-data", f"{client}/operator/call-backs", f"{console}/console")
    assert [page for page in pages if page not in said] == []
    for role in ("officer", "approver"):
        assert (layout.secrets / f"console-{role}.password").read_text().strip() in said
    async with httpx.AsyncClient(headers={"Accept": "text/html"}, follow_redirects=True) as visitor:
        for page in pages:
            assert (await visitor.get(page)).status_code == 200, page
    launcher.send_signal(signal.SIGTERM)
    await launcher.communicate()
    assert launcher.returncode == 0


async def test_run_repairs_a_killed_service_and_drains_on_term(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    launcher = await launch(tmp_path, SEALED_REPLICAS="2")
    before = await running_stack(layout)
    assert {service: len(replicas) for service, replicas in before.replicas.items()} == dict.fromkeys(SERVICES, 2)
    assert before.services == {service: replicas[0] for service, replicas in before.replicas.items()}
    async with httpx.AsyncClient() as client:
        for replica in itertools.chain(*before.replicas.values()):
            assert (await client.get(f"{replica.url}/health/ready")).status_code == 200

    os.kill(before.services["delivery"].pid, signal.SIGKILL)
    after = await changed_pid(layout, "delivery", before.services["delivery"].pid)
    assert after.services["intake"] == before.services["intake"]

    launcher.send_signal(signal.SIGTERM)
    output, _ = await launcher.communicate()
    assert launcher.returncode == 0
    assert "delivery        │ ended with -9; started again".encode() in output
    assert not layout.stack_json.exists()
    for replica in itertools.chain(*after.replicas.values()):
        with pytest.raises(ProcessLookupError):
            os.kill(replica.pid, 0)


async def test_run_names_the_variable_of_a_server_that_does_not_answer(tmp_path: Path) -> None:
    launcher = await launch(tmp_path, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    output, _ = await launcher.communicate()
    assert launcher.returncode == 1
    assert b"KAFKA_BOOTSTRAP_SERVERS" in output
    assert b"Traceback" not in output
