"""A wrapped key opens for its reader, subject, epoch and session, unchanged; anything else is refused alike."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from shared.policy.load import load_policy
from shared.sealing.envelope import EnvelopeNotAuthentic
from shared.sealing.kek import KekUnavailable
from shared.sealing.kek_files import KekFiles, create_epoch
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper, WrappedKey
from tests.unit.sealing.mutations import flipped, resized

READERS = tuple(load_policy().readers)
SUBJECTS = ("5" * 32, "6" * 32)
EPOCHS = (1, 2)
MATERIAL = b"material of a data key"


class Place(NamedTuple):
    reader: str
    subject_id: str
    epoch: int


PLACES = [Place(*place) for place in product(READERS, SUBJECTS, EPOCHS)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def wrapped(root: Path) -> dict[Place, WrappedKey]:
    """One at each place, in a session of its own reader and epoch."""
    made: dict[Place, WrappedKey] = {}
    for epoch in EPOCHS:
        for reader in READERS:
            create_epoch(root, reader, epoch)
        wrapper = KeyWrapper(KekFiles(root / "intake", "intake"), 3_600)
        for place in (place for place in PLACES if place.epoch == epoch):
            made[place] = wrapper.wrap(MATERIAL, place.subject_id, place.reader)
    return made


@pytest.fixture
def key(wrapped: dict[Place, WrappedKey]) -> WrappedKey:
    return wrapped[PLACES[0]]


@pytest.fixture
def refusal(root: Path) -> Callable[[WrappedKey], Exception]:
    """What the reader of the first place answers."""

    def refused(changed: WrappedKey) -> Exception:
        with pytest.raises((EnvelopeNotAuthentic, KekUnavailable)) as refused:
            opened(root, changed, PLACES[0])
        return refused.value

    return refused


def opened(root: Path, key: WrappedKey, place: Place) -> bytes:
    return KeyUnwrapper(KekFiles(root / place.reader, place.reader), place.reader, 60).unwrap(key, place.subject_id)


def opens(root: Path, key: WrappedKey, place: Place) -> bool:
    try:
        return opened(root, key, place) == MATERIAL
    except (EnvelopeNotAuthentic, KekUnavailable):
        return False


@pytest.mark.parametrize("home", PLACES, ids=lambda place: f"{place.reader}-{place.subject_id[0]}-{place.epoch}")
def test_it_opens_at_its_own_place_of_all(root: Path, wrapped: dict[Place, WrappedKey], home: Place) -> None:
    moved = {place: replace(wrapped[home], epoch=place.epoch) for place in PLACES}
    assert [place for place in PLACES if opens(root, moved[place], place)] == [home]


@pytest.mark.parametrize("home", PLACES, ids=lambda place: f"{place.reader}-{place.subject_id[0]}-{place.epoch}")
def test_it_does_not_open_under_another_session(root: Path, wrapped: dict[Place, WrappedKey], home: Place) -> None:
    own = wrapped[home]
    later = KeyWrapper(KekFiles(root / "intake", "intake"), 0).wrap(MATERIAL, home.subject_id, home.reader)
    others = [key for key in (*wrapped.values(), later) if key.session != own.session]
    assert len(others) > len(READERS)
    for other in others:
        assert not opens(root, replace(own, session=other.session), home)
        assert not opens(root, replace(own, session=other.session, epoch=other.epoch), home)
        assert not opens(root, replace(own, wrapped=other.wrapped), home)


def test_every_change_of_its_bytes_is_refused_alike(
    key: WrappedKey, refusal: Callable[[WrappedKey], Exception]
) -> None:
    changes = [replace(key, wrapped=changed) for change in (flipped, resized) for changed in change(key.wrapped)]
    refusals = [refusal(changed) for changed in changes]
    assert {(type(refused), str(refused)) for refused in refusals} == {
        (EnvelopeNotAuthentic, str(EnvelopeNotAuthentic()))
    }
    assert all(refused.__cause__ is None and refused.__suppress_context__ for refused in refusals)


def test_every_change_of_its_session_is_refused_as_if_there_were_no_key(
    key: WrappedKey, refusal: Callable[[WrappedKey], Exception]
) -> None:
    changes = [replace(key, session=changed) for change in (flipped, resized) for changed in change(key.session)]
    refusals = [refusal(changed) for changed in changes]
    assert {(type(refused), str(refused)) for refused in refusals} == {
        (KekUnavailable, str(KekUnavailable(PLACES[0].reader, key.epoch)))
    }
    assert all(refused.__cause__ is None for refused in refusals)


@pytest.mark.parametrize("epoch", [-1, 0, 3, 2**63])
def test_epoch_that_never_was_opens_nothing(
    key: WrappedKey, refusal: Callable[[WrappedKey], Exception], epoch: int
) -> None:
    assert isinstance(refusal(replace(key, epoch=epoch)), KekUnavailable)
