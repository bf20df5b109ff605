"""A part is started, seen ready, repaired and stopped. The part here is a small fake service."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import pytest

from deploy.local.environment import child_environment
from deploy.local.part import Part, PartFailed, PartNotReady
from deploy.local.ports import choose_ports
from deploy.local.readiness import http_ready
from deploy.local.supervisor import BackOff, Supervisor

FAKE = Path(__file__).with_name("fake_service.py")


def a_supervisor(folder: Path, *arguments: str, **part: object) -> Supervisor:
    port = choose_ports(["fake"], folder / "ports.json")["fake"]
    argv = (sys.executable, str(FAKE), str(port), *arguments)
    settings = {"ready": http_ready(f"http://127.0.0.1:{port}/"), "stop_seconds": 5, **part}
    return Supervisor(
        Part("fake", argv, child_environment(), **settings),  # type: ignore[arg-type]
        working_dir=folder,
        log_dir=folder,
        back_off=BackOff(first=0.05, limit=0.2, steady=60),
    )


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_killed_part_comes_back_with_a_new_pid(tmp_path: Path) -> None:
    supervisor = a_supervisor(tmp_path)
    await supervisor.start()
    try:
        first = supervisor.kill()
        await supervisor.wait_ready()
        assert supervisor.alive
        assert supervisor.pid != first
    finally:
        await supervisor.stop()


async def test_part_that_keeps_dying_is_started_ever_more_slowly() -> None:
    back_off = BackOff(first=0.2, limit=1.0, steady=10)
    pauses = [0.0]
    for _ in range(5):
        pauses.append(back_off.after(pauses[-1], lived=0.1))
    assert pauses[1:] == [0.2, 0.4, 0.8, 1.0, 1.0]
    assert back_off.after(1.0, lived=11) == 0.2


async def test_part_that_dies_before_it_is_ready_fails_with_its_exit_code_and_its_last_words(tmp_path: Path) -> None:
    supervisor = a_supervisor(tmp_path, "--code", "3")
    with pytest.raises(PartFailed, match="this is why") as failure:
        await supervisor.start()
    assert failure.value.exit_code == 3
    assert not supervisor.alive


async def test_part_that_is_not_to_be_restarted_fails_as_a_shell_counts_signals(tmp_path: Path) -> None:
    supervisor = a_supervisor(tmp_path, restart=False)
    await supervisor.start()
    supervisor.kill()
    with pytest.raises(PartFailed) as failure:
        await supervisor.wait_ready()
    assert failure.value.exit_code == 128 + 9
    await supervisor.stop()


async def test_part_that_never_gets_ready_is_stopped_again(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    supervisor = a_supervisor(tmp_path, ready=never, start_seconds=0.5)
    with pytest.raises(PartNotReady, match=r"not ready within 0\.5 seconds"):
        await supervisor.start()
    assert not supervisor.alive


async def test_part_that_ignores_term_is_killed_after_its_grace(tmp_path: Path) -> None:
    supervisor = a_supervisor(tmp_path, "--deaf", stop_seconds=0.3)
    await supervisor.start()
    pid = supervisor.pid
    began = time.monotonic()
    async with asyncio.timeout(60):  # the part itself would stay for ever
        await supervisor.stop()
    assert time.monotonic() - began >= 0.3
    assert not exists(pid)


async def test_stopped_part_stays_down_until_it_is_started(tmp_path: Path) -> None:
    supervisor = a_supervisor(tmp_path)
    await supervisor.start()
    await supervisor.stop()
    await asyncio.sleep(0.3)
    assert not supervisor.alive
    await supervisor.start()
    assert supervisor.alive
    await supervisor.stop()


async def test_child_sees_no_variable_but_the_allowed_and_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMEBODYS_SECRET", "x")
    environment = child_environment({"OWN": "1"})
    assert environment["OWN"] == "1"
    assert "PATH" in environment
    assert "SOMEBODYS_SECRET" not in environment


async def test_ports_are_distinct_and_stay_the_same_while_free(tmp_path: Path) -> None:
    remembered = tmp_path / "ports.json"
    first = choose_ports(["a", "b", "c"], remembered)
    assert len(set(first.values())) == 3
    assert choose_ports(["c", "a", "b"], remembered) == first


async def test_no_two_parts_get_one_port_though_nobody_listens_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = list(choose_ports(["a", "b", "c"], tmp_path / "before.json").values())
    monkeypatch.setattr("random.sample", lambda *_: free)
    assert sorted(choose_ports(["d", "e", "f"], tmp_path / "ports.json").values()) == sorted(free)


async def test_two_parts_that_once_got_one_port_get_two(tmp_path: Path) -> None:
    remembered = tmp_path / "ports.json"
    (port,) = choose_ports(["a"], remembered).values()
    remembered.write_text(json.dumps({"a": port, "b": port}))
    chosen = choose_ports(["a", "b"], remembered)
    assert chosen["a"] == port != chosen["b"]


async def test_port_chosen_earlier_for_another_name_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.sample", lambda ports, count: list(ports)[:count])
    remembered = tmp_path / "ports.json"
    for name in ("a", "b", "c", "d"):
        choose_ports([name], remembered)
    assert len(set(json.loads(remembered.read_text()).values())) == 4


async def test_port_somebody_else_holds_is_replaced(tmp_path: Path) -> None:
    remembered = tmp_path / "ports.json"
    port = choose_ports(["a"], remembered)["a"]
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port):
        assert choose_ports(["a"], remembered)["a"] != port
