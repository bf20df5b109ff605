"""One data key per subject and reader; the publisher finds the same ones again for a returning person."""

from pathlib import Path

import pytest

from shared.sealing.envelope import Binding, EnvelopeNotAuthentic, seal, unseal
from shared.sealing.kek_files import KekFiles, create_epoch
from shared.sealing.subject_keys import PublisherUnwrapper, SubjectKeys, aead_of
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper

READERS = ("intake", "delivery", "notifications", "privacy")
SUBJECT = "5" * 32


@pytest.fixture
def keys_root(tmp_path: Path) -> Path:
    for reader in READERS:
        create_epoch(tmp_path, reader, 1)
    return tmp_path


def a_wrapper(keys_root: Path) -> KeyWrapper:
    return KeyWrapper(KekFiles(keys_root / "intake", "intake"), 60)


def an_unwrapper(keys_root: Path, reader: str) -> KeyUnwrapper:
    return KeyUnwrapper(KekFiles(keys_root / reader, reader), reader, 60)


def binding(reader: str) -> Binding:
    return Binding("e" * 32, "kz.exl.OrderPlaced.v1", SUBJECT, reader)


def test_each_reader_opens_its_own_envelope_with_its_own_column_alone(keys_root: Path) -> None:
    keys = SubjectKeys.create(SUBJECT, READERS)
    columns = keys.columns(a_wrapper(keys_root), "intake")
    for reader in ("delivery", "notifications", "privacy"):
        own = aead_of(an_unwrapper(keys_root, reader).unwrap(columns[reader], SUBJECT))
        assert unseal(seal({"x": reader}, binding(reader), keys.of(reader)), binding(reader), own) == {"x": reader}
        for other in set(READERS) - {reader}:
            with pytest.raises(EnvelopeNotAuthentic):
                unseal(seal({"x": other}, binding(reader), keys.of(other)), binding(reader), own)


def test_returning_person_is_sealed_for_under_the_same_keys(keys_root: Path) -> None:
    first = SubjectKeys.create(SUBJECT, READERS)
    columns = first.columns(a_wrapper(keys_root), "intake")
    again = SubjectKeys.from_column(SUBJECT, columns["intake"], an_unwrapper(keys_root, "intake"))
    for reader in READERS:
        envelope = seal({"x": 1}, binding(reader), again.of(reader))
        assert unseal(envelope, binding(reader), first.of(reader)) == {"x": 1}


def test_publisher_opens_what_it_sealed_for_itself(keys_root: Path) -> None:
    keys = SubjectKeys.create(SUBJECT, READERS)
    column = keys.columns(a_wrapper(keys_root), "intake")["intake"]
    own = aead_of(PublisherUnwrapper(an_unwrapper(keys_root, "intake"), "intake").unwrap(column, SUBJECT))
    assert unseal(seal({"x": 1}, binding("intake"), keys.of("intake")), binding("intake"), own) == {"x": 1}


def test_publishers_bunch_of_one_subject_is_refused_for_another(keys_root: Path) -> None:
    column = SubjectKeys.create(SUBJECT, READERS).columns(a_wrapper(keys_root), "intake")["intake"]
    with pytest.raises(EnvelopeNotAuthentic):
        SubjectKeys.from_column("6" * 32, column, an_unwrapper(keys_root, "intake"))


def test_keys_of_two_subjects_differ() -> None:
    one, other = (SubjectKeys.create(SUBJECT, READERS) for _ in range(2))
    with pytest.raises(EnvelopeNotAuthentic):
        unseal(seal({"x": 1}, binding("delivery"), one.of("delivery")), binding("delivery"), other.of("delivery"))


def test_reader_that_was_not_asked_for_has_no_key() -> None:
    with pytest.raises(KeyError):
        SubjectKeys.create(SUBJECT, ("delivery",)).of("notifications")
