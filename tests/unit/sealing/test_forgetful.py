"""Nothing is used beyond its age, and nothing stays in memory beyond it, asked for again or not."""

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from shared.sealing.forgetful import Forgetful
from shared.sealing.kek_files import KekFiles
from shared.sealing.keyring import Held, KeyringReader
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper
from tests.unit.sealing.a_keyring import FakeKeyring
from tests.unit.sealing.clock import Clock

AGE = 60.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> Forgetful[str, int]:
    return Forgetful(AGE, 3, clock)


def test_entry_is_used_until_its_age(memory: Forgetful[str, int], clock: Clock) -> None:
    memory.keep("a", 1, since=memory.now())
    clock.now += AGE - 0.001
    assert memory.get_or_keep("a", lambda: 2) == 1
    assert memory.holds("a")
    assert not memory.holds("a", younger_than=AGE / 2)
    clock.now += 0.001
    assert not memory.holds("a")
    assert memory.get_or_keep("a", lambda: 2) == 2


def test_age_counts_from_before_the_reading(memory: Forgetful[str, int], clock: Clock) -> None:
    since = memory.now()
    clock.now += AGE
    memory.keep("a", 1, since=since)
    assert not memory.holds("a")


def test_the_oldest_gives_way(memory: Forgetful[str, int]) -> None:
    for number, name in enumerate("abcd"):
        memory.keep(name, number, since=memory.now())
    assert [memory.holds(name) for name in "abcd"] == [False, True, True, True]


async def test_only_the_old_are_forgotten(memory: Forgetful[str, int], clock: Clock) -> None:
    memory.keep("old", 1, since=memory.now())
    clock.now += AGE - 1
    memory.keep("young", 2, since=memory.now())
    clock.now += 1
    memory.forget_old()
    assert (len(memory), memory["young"]) == (1, 2)


class Secret:
    """Whatever is kept, as something that can be seen to be gone."""


async def gone(make: Callable[[], Awaitable["weakref.ref[Secret]"]]) -> None:
    reference = await make()
    async with asyncio.timeout(5):
        while reference() is not None:
            gc.collect()
            await asyncio.sleep(0.005)


async def test_nothing_stays_though_nobody_asks_again() -> None:
    memory: Forgetful[str, Secret] = Forgetful(0.2, 10)

    async def keep() -> "weakref.ref[Secret]":
        memory.keep("older", Secret(), since=memory.now())
        await asyncio.sleep(0.05)
        return weakref.ref(memory.keep("younger", Secret(), since=memory.now()))

    await gone(keep)
    assert len(memory) == 0


async def test_no_key_and_no_session_stays_in_a_service(tmp_path: Path) -> None:
    """Reader, unwrapper and wrapper, each by its own memory: used once, then left alone."""
    keyring = FakeKeyring(tmp_path, "delivery")
    unwrapper = KeyUnwrapper(KekFiles(tmp_path / "delivery", "delivery"), "delivery", 0.5)
    reader = KeyringReader(keyring, unwrapper, max_age_seconds=0.5)
    wrapper = KeyWrapper(KekFiles(tmp_path / "intake", "intake"), 0.5)
    state = await reader.state(keyring.add().subject_id)
    assert isinstance(state, Held)
    state.key()
    wrapper.wrap(b"k" * 32, state.subject_id, "delivery")
    kept = (reader._cache, unwrapper._sessions, wrapper._sessions)
    assert [len(memory) for memory in kept] == [1, 1, 1]
    async with asyncio.timeout(5):
        while any(len(memory) for memory in kept):
            await asyncio.sleep(0.005)
