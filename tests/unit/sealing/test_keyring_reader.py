"""A key is looked up once per batch and forgotten at its age, whatever else happens."""

from pathlib import Path

import pytest

from shared.sealing.kek import KekUnavailable
from shared.sealing.kek_files import destroy_epoch
from shared.sealing.keyring import Fenced, Held, KeyringReader, Unknown
from tests.unit.sealing.a_keyring import FakeKeyring
from tests.unit.sealing.clock import Clock

MAX_AGE = 60.0


@pytest.fixture
def keyring(tmp_path: Path) -> FakeKeyring:
    return FakeKeyring(tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reader(keyring: FakeKeyring, clock: Clock) -> KeyringReader:
    return KeyringReader(keyring, keyring.unwrapper(), max_age_seconds=MAX_AGE, clock=clock)


async def test_one_look_up_serves_a_whole_batch(keyring: FakeKeyring, reader: KeyringReader) -> None:
    subjects = [keyring.add().subject_id for _ in range(500)]
    states = await reader.states(subjects * 2)
    assert len(keyring.lookups) == 1
    assert sorted(keyring.lookups[0]) == sorted(subjects)
    assert {type(state) for state in states.values()} == {Held}


async def test_young_answer_is_not_asked_for_again(keyring: FakeKeyring, reader: KeyringReader, clock: Clock) -> None:
    subject = keyring.add().subject_id
    await reader.state(subject)
    clock.now += MAX_AGE - 0.001
    assert isinstance(await reader.state(subject), Held)
    assert len(keyring.lookups) == 1


async def test_only_what_is_not_known_is_asked_for(keyring: FakeKeyring, reader: KeyringReader) -> None:
    known, new = keyring.add().subject_id, keyring.add().subject_id
    await reader.state(known)
    await reader.states([known, new])
    assert keyring.lookups == [[known], [new]]


async def test_erased_persons_key_is_forgotten_at_its_age_though_the_eviction_was_lost(
    keyring: FakeKeyring, reader: KeyringReader, clock: Clock
) -> None:
    subject = keyring.add().subject_id
    await reader.state(subject)
    keyring.destroy(subject)
    clock.now += MAX_AGE - 0.001
    assert isinstance(await reader.state(subject), Held)  # the stated bound, and no more
    clock.now += 0.001
    assert await reader.state(subject) == Fenced(subject)


async def test_using_a_key_does_not_prolong_it(keyring: FakeKeyring, reader: KeyringReader, clock: Clock) -> None:
    subject = keyring.add().subject_id
    for _ in range(4):
        assert isinstance(await reader.state(subject), Held)
        clock.now += MAX_AGE / 4
    keyring.destroy(subject)
    assert await reader.state(subject) == Fenced(subject)


async def test_age_counts_from_before_the_look_up(keyring: FakeKeyring, clock: Clock, tmp_path: Path) -> None:
    class Slow(FakeKeyring):
        async def columns(self, subject_ids):  # type: ignore[no-untyped-def]
            found = await super().columns(subject_ids)
            clock.now += MAX_AGE / 2
            return found

    slow = Slow(tmp_path)
    reader = KeyringReader(slow, slow.unwrapper(), max_age_seconds=MAX_AGE, clock=clock)
    subject = slow.add().subject_id
    await reader.state(subject)
    slow.destroy(subject)
    clock.now += MAX_AGE / 2
    assert await reader.state(subject) == Fenced(subject)


async def test_evicted_key_is_asked_for_again(keyring: FakeKeyring, reader: KeyringReader) -> None:
    subject = keyring.add().subject_id
    await reader.state(subject)
    keyring.destroy(subject)
    reader.evict([subject, "never seen"])
    assert await reader.state(subject) == Fenced(subject)


async def test_fresh_asks_for_everything_again(keyring: FakeKeyring, reader: KeyringReader) -> None:
    subject = keyring.add().subject_id
    await reader.state(subject)
    keyring.destroy(subject)
    assert await reader.state(subject, fresh=True) == Fenced(subject)
    assert await reader.state(subject) == Fenced(subject)


async def test_unknown_subject_is_asked_for_each_time(keyring: FakeKeyring, reader: KeyringReader) -> None:
    """Its keys may be written a moment later: an order must not be refused for the age of a cache."""
    assert await reader.state("5" * 32) == Unknown("5" * 32)
    keyring.rows["5" * 32] = keyring.rows[keyring.add().subject_id]
    assert isinstance(await reader.state("5" * 32), Held)


async def test_memory_is_bounded_and_the_oldest_answer_goes_first(keyring: FakeKeyring, clock: Clock) -> None:
    reader = KeyringReader(keyring, keyring.unwrapper(), max_age_seconds=MAX_AGE, size=3, clock=clock)
    subjects = [keyring.add().subject_id for _ in range(4)]
    for subject in subjects:
        await reader.state(subject)
        clock.now += 1
    assert reader.oldest_seconds() == 3
    keyring.lookups.clear()
    await reader.states(subjects[1:])
    assert keyring.lookups == []
    await reader.state(subjects[0])
    assert keyring.lookups == [[subjects[0]]]


async def test_oldest_age_of_an_empty_cache_is_zero(reader: KeyringReader) -> None:
    assert reader.oldest_seconds() == 0


async def test_key_is_unwrapped_only_when_something_is_opened(
    keyring: FakeKeyring, reader: KeyringReader, tmp_path: Path
) -> None:
    subject = keyring.add().subject_id
    destroy_epoch(tmp_path, "delivery", 1)
    state = await reader.state(subject)
    assert isinstance(state, Held)
    with pytest.raises(KekUnavailable):
        state.key()
