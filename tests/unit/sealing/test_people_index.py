"""A person is found by phone or e-mail without either being stored."""

from pathlib import Path

import pytest

from shared.sealing.people_index import HOLDERS, PeopleIndex, create_key

PHONE = "+77000000042"


@pytest.fixture
def index(tmp_path: Path) -> PeopleIndex:
    create_key(tmp_path)
    return PeopleIndex.from_folder(tmp_path / "intake")


def test_same_value_has_the_same_entry_at_both_holders(tmp_path: Path) -> None:
    create_key(tmp_path)
    entries = {PeopleIndex.from_folder(tmp_path / holder).entry("phone", PHONE) for holder in HOLDERS}
    assert len(entries) == 1


def test_making_the_key_again_changes_no_entry(tmp_path: Path, index: PeopleIndex) -> None:
    create_key(tmp_path)
    assert PeopleIndex.from_folder(tmp_path / "privacy").entry("phone", PHONE) == index.entry("phone", PHONE)


def test_holder_that_lost_its_file_gets_the_same_key_again(tmp_path: Path, index: PeopleIndex) -> None:
    (tmp_path / "intake" / "lookup.json").unlink()
    create_key(tmp_path)
    assert PeopleIndex.from_folder(tmp_path / "intake").entry("phone", PHONE) == index.entry("phone", PHONE)


def test_entry_is_32_hex_digits_that_show_nothing_of_the_value(index: PeopleIndex) -> None:
    entry = index.entry("phone", PHONE)
    assert len(bytes.fromhex(entry)) == 16
    assert PHONE not in entry


def test_phone_and_email_of_the_same_text_have_different_entries(index: PeopleIndex) -> None:
    assert len({index.entry(kind, PHONE) for kind in ("phone", "email", "idempotency", "request")}) == 4


def test_another_key_gives_other_entries(tmp_path: Path, index: PeopleIndex) -> None:
    create_key(tmp_path / "elsewhere")
    other = PeopleIndex.from_folder(tmp_path / "elsewhere" / "intake")
    assert other.entry("phone", PHONE) != index.entry("phone", PHONE)
