"""A reader's window on the keyring means the same on the fake and on MongoDB with the reader's own rights."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.sealing.envelope import Binding, seal, unseal
from shared.sealing.keyring import Fenced, Held, KeyringReader, Unknown
from tests.contract.a_keyring import READER, InMemory, InMongo, Keyring

UNKNOWN = "0" * 32
BINDING = Binding("e" * 32, "kz.exl.OrderPlaced.v1", "5" * 32, READER)


@pytest.fixture(params=["fake", pytest.param("mongodb", marks=pytest.mark.integration)])
def keyring(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Keyring]:
    keyring: Keyring
    if request.param == "fake":
        keyring = InMemory(tmp_path)
    else:
        keyring = InMongo(request.getfixturevalue("stores"), request.getfixturevalue("mongo"))
    yield keyring
    keyring.close()


@pytest.fixture
def reader(keyring: Keyring) -> KeyringReader:
    return KeyringReader(keyring.view, keyring.unwrapper(), max_age_seconds=60)


async def test_key_that_is_held_opens_what_was_sealed_under_it(keyring: Keyring, reader: KeyringReader) -> None:
    keys = await keyring.add()
    state = await reader.state(keys.subject_id)
    assert isinstance(state, Held)
    assert unseal(seal({"x": 1}, BINDING, keys.of(READER)), BINDING, state.key()) == {"x": 1}


async def test_subject_without_this_readers_key_is_fenced(keyring: Keyring, reader: KeyringReader) -> None:
    keys = await keyring.add()
    await keyring.destroy(keys.subject_id)
    assert await reader.state(keys.subject_id) == Fenced(keys.subject_id)


async def test_subject_the_keyring_does_not_have_is_unknown(reader: KeyringReader) -> None:
    assert await reader.state(UNKNOWN) == Unknown(UNKNOWN)


async def test_mixed_batch_is_one_look_up(keyring: Keyring, reader: KeyringReader) -> None:
    held, erased = await keyring.add(), await keyring.add()
    await keyring.destroy(erased.subject_id)
    many = [(await keyring.add()).subject_id for _ in range(20)]
    states = await reader.states([held.subject_id, erased.subject_id, UNKNOWN, *many])
    kinds = [type(states[subject]) for subject in (held.subject_id, erased.subject_id, UNKNOWN, *many)]
    assert kinds == [Held, Fenced, Unknown, *[Held] * 20]
    assert keyring.view.lookups == 1


async def test_empty_batch_asks_nothing(keyring: Keyring, reader: KeyringReader) -> None:
    assert await reader.states([]) == {}
    assert keyring.view.lookups == 0


async def test_erasure_is_seen_at_once_by_whoever_asks_past_the_cache(keyring: Keyring, reader: KeyringReader) -> None:
    keys = await keyring.add()
    await reader.state(keys.subject_id)
    await keyring.destroy(keys.subject_id)
    assert isinstance(await reader.state(keys.subject_id), Held)
    assert isinstance(await reader.state(keys.subject_id, fresh=True), Fenced)


async def test_evicted_answer_is_asked_for_again(keyring: Keyring, reader: KeyringReader) -> None:
    keys = await keyring.add()
    await reader.state(keys.subject_id)
    await keyring.destroy(keys.subject_id)
    reader.evict([keys.subject_id])
    assert isinstance(await reader.state(keys.subject_id), Fenced)
