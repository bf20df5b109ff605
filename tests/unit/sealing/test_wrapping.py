"""Who may unwrap a data key: its reader, for its subject, as long as its key-encryption key's epoch lives."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.sealing.envelope import EnvelopeNotAuthentic
from shared.sealing.kek import KekUnavailable
from shared.sealing.kek_files import KekFiles, create_epoch, destroy_epoch, epochs_in
from shared.sealing.wrapping import REMEMBERED_SESSIONS, KeyUnwrapper, KeyWrapper, WrappedKey
from tests.unit.sealing.clock import Clock

SUBJECT, OTHER_SUBJECT = "5" * 32, "6" * 32
MATERIAL = b"material of a data key"
SESSION_SECONDS = 60.0


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for reader in ("intake", "delivery", "notifications"):
        create_epoch(tmp_path, reader, 1)
    return tmp_path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wrapper(keys: Path, clock: Clock) -> KeyWrapper:
    return KeyWrapper(KekFiles(keys / "intake", "intake"), SESSION_SECONDS, clock)


def an_unwrapper(keys: Path, reader: str, clock: Clock | None = None) -> KeyUnwrapper:
    return KeyUnwrapper(KekFiles(keys / reader, reader), reader, SESSION_SECONDS, clock or Clock())


def test_reader_unwraps_what_was_wrapped_for_it(keys: Path, wrapper: KeyWrapper) -> None:
    wrapped = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
    assert an_unwrapper(keys, "delivery").unwrap(wrapped, SUBJECT) == MATERIAL


def test_wrapped_key_does_not_show_its_material(wrapper: KeyWrapper) -> None:
    wrapped = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
    assert MATERIAL not in wrapped.wrapped + wrapped.session


def test_reader_cannot_unwrap_anothers_key(keys: Path, wrapper: KeyWrapper) -> None:
    wrapped = wrapper.wrap(MATERIAL, SUBJECT, "notifications")
    with pytest.raises(KekUnavailable):
        an_unwrapper(keys, "delivery").unwrap(wrapped, SUBJECT)


def test_publisher_without_the_private_half_cannot_unwrap_what_it_wrapped(keys: Path, wrapper: KeyWrapper) -> None:
    wrapped = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
    posing = KeyUnwrapper(KekFiles(keys / "intake", "delivery"), "delivery", SESSION_SECONDS)
    with pytest.raises(KekUnavailable):
        posing.unwrap(wrapped, SUBJECT)


def test_key_moved_to_another_subject_is_refused(keys: Path, wrapper: KeyWrapper) -> None:
    wrapped = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
    with pytest.raises(EnvelopeNotAuthentic):
        an_unwrapper(keys, "delivery").unwrap(wrapped, OTHER_SUBJECT)


def test_changed_key_is_refused(keys: Path, wrapper: KeyWrapper) -> None:
    wrapped = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
    changed = replace(wrapped, wrapped=wrapped.wrapped[:-1] + bytes([wrapped.wrapped[-1] ^ 1]))
    with pytest.raises(EnvelopeNotAuthentic):
        an_unwrapper(keys, "delivery").unwrap(changed, SUBJECT)


def test_changed_session_is_refused(keys: Path, wrapper: KeyWrapper) -> None:
    wrapped = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
    changed = replace(wrapped, session=wrapped.session[:-1] + bytes([wrapped.session[-1] ^ 1]))
    with pytest.raises(KekUnavailable):
        an_unwrapper(keys, "delivery").unwrap(changed, SUBJECT)


def test_session_claimed_for_another_epoch_is_refused(keys: Path, wrapper: KeyWrapper) -> None:
    create_epoch(keys, "delivery", 2)
    (keys / "delivery/kek/2.json").write_text((keys / "delivery/kek/1.json").read_text())
    wrapped = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
    with pytest.raises(KekUnavailable):
        an_unwrapper(keys, "delivery").unwrap(replace(wrapped, epoch=3 - wrapped.epoch), SUBJECT)


def test_destroyed_epoch_leaves_nothing_to_unwrap_with(keys: Path, wrapper: KeyWrapper) -> None:
    wrapped = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
    destroy_epoch(keys, "delivery", 1)
    assert not list(keys.glob("*/public/delivery/1.json"))
    with pytest.raises(KekUnavailable) as refusal:
        an_unwrapper(keys, "delivery").unwrap(wrapped, SUBJECT)
    assert "epoch 1" in str(refusal.value)


def test_destroying_an_epoch_twice_is_success(keys: Path) -> None:
    destroy_epoch(keys, "delivery", 1)
    destroy_epoch(keys, "delivery", 1)
    assert epochs_in(keys / "delivery/kek") == []


def test_destroying_one_readers_epoch_leaves_the_others(keys: Path, wrapper: KeyWrapper) -> None:
    wrapped = wrapper.wrap(MATERIAL, SUBJECT, "notifications")
    destroy_epoch(keys, "delivery", 1)
    assert an_unwrapper(keys, "notifications").unwrap(wrapped, SUBJECT) == MATERIAL


def test_publisher_without_any_epoch_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(KekUnavailable, match="current epoch"):
        KeyWrapper(KekFiles(tmp_path, "intake"), SESSION_SECONDS).wrap(MATERIAL, SUBJECT, "delivery")


def test_creating_an_epoch_twice_keeps_the_key(keys: Path, wrapper: KeyWrapper) -> None:
    wrapped = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
    create_epoch(keys, "delivery", 1)
    assert an_unwrapper(keys, "delivery").unwrap(wrapped, SUBJECT) == MATERIAL


def test_key_files_are_their_owners_alone(keys: Path) -> None:
    assert {path.stat().st_mode & 0o077 for path in keys.rglob("*.json")} == {0}


def test_private_half_is_given_to_its_reader_alone(keys: Path) -> None:
    assert {path.relative_to(keys).parts[0] for path in keys.glob("*/kek/*.json")} == {
        "intake",
        "delivery",
        "notifications",
    }
    assert not list(keys.glob("*/public/*/kek*"))


class TestSessions:
    def test_one_session_serves_many_keys_while_it_is_young(self, wrapper: KeyWrapper, clock: Clock) -> None:
        first = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
        clock.now += SESSION_SECONDS - 0.001
        second = wrapper.wrap(MATERIAL, OTHER_SUBJECT, "delivery")
        assert first.session == second.session
        assert first.wrapped != second.wrapped

    def test_each_reader_has_a_session_of_its_own(self, wrapper: KeyWrapper) -> None:
        sessions = {wrapper.wrap(MATERIAL, SUBJECT, reader).session for reader in ("delivery", "notifications")}
        assert len(sessions) == 2

    def test_session_is_renewed_at_its_age_and_picks_up_the_new_epoch(
        self, keys: Path, wrapper: KeyWrapper, clock: Clock
    ) -> None:
        old = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
        create_epoch(keys, "delivery", 2)
        assert wrapper.wrap(MATERIAL, SUBJECT, "delivery").epoch == 1
        clock.now += SESSION_SECONDS
        new = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
        assert (old.epoch, new.epoch) == (1, 2)
        assert old.session != new.session
        unwrapper = an_unwrapper(keys, "delivery")
        assert unwrapper.unwrap(old, SUBJECT) == unwrapper.unwrap(new, SUBJECT) == MATERIAL

    def test_reader_remembers_an_opened_session_no_longer_than_it_may(
        self, keys: Path, wrapper: KeyWrapper, clock: Clock
    ) -> None:
        unwrapper = an_unwrapper(keys, "delivery", clock)
        wrapped = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
        unwrapper.unwrap(wrapped, SUBJECT)
        destroy_epoch(keys, "delivery", 1)
        clock.now += SESSION_SECONDS - 0.001
        assert unwrapper.unwrap(wrapped, SUBJECT) == MATERIAL
        clock.now += 0.001
        with pytest.raises(KekUnavailable):
            unwrapper.unwrap(wrapped, SUBJECT)

    def test_using_a_session_does_not_prolong_it(self, keys: Path, wrapper: KeyWrapper, clock: Clock) -> None:
        unwrapper = an_unwrapper(keys, "delivery", clock)
        wrapped = wrapper.wrap(MATERIAL, SUBJECT, "delivery")
        unwrapper.unwrap(wrapped, SUBJECT)
        destroy_epoch(keys, "delivery", 1)
        for _ in range(3):
            clock.now += SESSION_SECONDS / 4
            unwrapper.unwrap(wrapped, SUBJECT)
        clock.now += SESSION_SECONDS / 4
        with pytest.raises(KekUnavailable):
            unwrapper.unwrap(wrapped, SUBJECT)

    def test_reader_remembers_a_bounded_number_of_sessions(self, keys: Path) -> None:
        unwrapper = an_unwrapper(keys, "delivery")
        wrapper = KeyWrapper(KekFiles(keys / "intake", "intake"), session_seconds=0)
        many = [wrapper.wrap(MATERIAL, SUBJECT, "delivery") for _ in range(REMEMBERED_SESSIONS + 1)]
        for wrapped in many:
            unwrapper.unwrap(wrapped, SUBJECT)
        destroy_epoch(keys, "delivery", 1)
        assert unwrapper.unwrap(many[1], SUBJECT) == MATERIAL
        with pytest.raises(KekUnavailable):
            unwrapper.unwrap(many[0], SUBJECT)


def test_document_of_a_wrapped_key_reads_back() -> None:
    key = WrappedKey(3, b"session", b"wrapped")
    assert WrappedKey(**key.document()) == key  # type: ignore[arg-type]
