"""The provider of key-encryption keys may be far away: no event loop waits for it, however keys are used."""

import threading
from pathlib import Path
from typing import Any

import pytest

from services.intake.order import Face
from services.intake.recognise_people import Recognition
from shared.contracts.orders import OrderPlaced
from shared.messaging.cloudevents import new_id
from shared.policy.load import load_policy
from shared.sealing.envelope import Binding, seal
from shared.sealing.kek_files import KekFiles
from shared.sealing.keyring import KeyringReader
from shared.sealing.opener import Opener, Sealed
from shared.sealing.subject_keys import PublisherUnwrapper, SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper, WrappedKey
from tests.builders import NOON
from tests.unit.sealing.a_keyring import READERS, FakeKeyring
from tests.unit.sealing.clock import Clock

SESSION_SECONDS = 60.0


class Far:
    """A provider that counts its calls, and refuses one from the event loop's own thread."""

    def __init__(self, inner: KekFiles) -> None:
        self._inner = inner
        self._loop = threading.get_ident()
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        assert threading.get_ident() != self._loop, f"{name} was asked on the event loop"
        self.calls += 1
        return getattr(self._inner, name)


@pytest.fixture
def keyring(tmp_path: Path) -> FakeKeyring:
    return FakeKeyring(tmp_path)


@pytest.fixture
def far(keyring: FakeKeyring, tmp_path: Path) -> Far:
    return Far(KekFiles(tmp_path / "delivery", "delivery"))


def an_envelope(keys: SubjectKeys) -> Sealed:
    event_id, event_type = new_id(), OrderPlaced.type_name()
    binding = Binding(event_id, event_type, keys.subject_id, "delivery")
    return Sealed(event_id, event_type, keys.subject_id, seal({"phone": "x"}, binding, keys.of("delivery")))


@pytest.mark.parametrize("fresh", [False, True])
async def test_envelopes_are_opened(keyring: FakeKeyring, far: Far, fresh: bool) -> None:
    reader = KeyringReader(keyring, KeyUnwrapper(far, "delivery", SESSION_SECONDS), max_age_seconds=60)
    opener = Opener("delivery", load_policy(), reader)
    many = [an_envelope(keyring.add()) for _ in range(5)]
    assert await opener.open_many(many, purpose="3.2.3", fresh=fresh) == [{"phone": "x"}] * 5
    assert await opener.open(many[0], purpose="3.2.3", fresh=fresh) == {"phone": "x"}
    assert far.calls == 1, "all keys are of one session"


async def test_session_that_is_about_to_end_is_renewed_before_it_is_needed(keyring: FakeKeyring, far: Far) -> None:
    clock = Clock()
    unwrapper = KeyUnwrapper(far, "delivery", SESSION_SECONDS, clock)
    keys = keyring.add()
    column = keyring.rows[keys.subject_id]
    assert column is not None
    key = WrappedKey(**column)
    await unwrapper.prepare([key])
    clock.now += SESSION_SECONDS * 0.95
    await unwrapper.prepare([key])
    clock.now += SESSION_SECONDS * 0.1
    unwrapper.unwrap(key, keys.subject_id)
    assert far.calls == 2


async def test_publishers_bunch_is_prepared_like_any_key(keyring: FakeKeyring, tmp_path: Path) -> None:
    wrapper = KeyWrapper(KekFiles(tmp_path / "intake", "intake"), SESSION_SECONDS)
    keys = SubjectKeys.create(new_id(), READERS)
    far = Far(KekFiles(tmp_path / "intake", "intake"))
    unwrapper = PublisherUnwrapper(KeyUnwrapper(far, "intake", SESSION_SECONDS), "intake")
    column = keys.columns(wrapper, "intake")["intake"]
    await unwrapper.prepare([column])
    assert unwrapper.unwrap(column, keys.subject_id)


class NobodyYet:
    """`KeyringStore` and `SubjectStore` of a shop's first day, and of its second."""

    def __init__(self) -> None:
        self.index: dict[str, str] = {}
        self.columns: dict[str, WrappedKey] = {}

    async def find(self, entries: Any, session: Any) -> dict[str, str]:
        return {entry: self.index[entry] for entry in entries if entry in self.index}

    async def unfenced(self, subject_ids: Any, session: Any) -> dict[str, WrappedKey]:
        return {subject_id: self.columns[subject_id] for subject_id in subject_ids}

    async def unrestricted(self, subject_ids: Any, session: Any) -> set[str]:
        return set(subject_ids)

    async def add(self, keys: Any, now: Any, session: Any) -> None:
        self.columns.update({subject_id: columns["intake"] for subject_id, columns in keys.items()})

    async def point(self, new: Any, changed: Any, now: Any, session: Any) -> None:
        self.index.update(new)


async def test_people_are_recognised_and_get_their_keys(keyring: FakeKeyring, tmp_path: Path) -> None:
    store, far = NobodyYet(), Far(KekFiles(tmp_path / "intake", "intake"))
    recognition = Recognition(
        store,  # type: ignore[arg-type]
        store,  # type: ignore[arg-type]
        publisher="intake",
        readers=READERS,
        wrapper=KeyWrapper(far, SESSION_SECONDS),
        unwrapper=KeyUnwrapper(far, "intake", SESSION_SECONDS),
    )
    face = Face("phone entry", "e-mail entry")
    first = await recognition.recognise([face], NOON, None)  # type: ignore[arg-type]
    again = await recognition.recognise([face], NOON, None)  # type: ignore[arg-type]
    assert first.keys[0].subject_id == again.keys[0].subject_id
    assert far.calls == 2 * len(READERS) + 1, "current epoch and session for each reader, and one to open"
