"""How a person, a key and a request are known again: by keyed hashes of what is normal, never by a plain one."""

import hashlib
from pathlib import Path

import pytest

from services.intake.order import Wanted
from tests.builders import NOON, a_person
from tests.unit.intake.an_intake import Intake, body_of


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return Intake(tmp_path)


def test_a_person_shows_the_same_face_however_phone_and_e_mail_are_typed(intake: Intake) -> None:
    typed = intake.wanted(phone="8 (700) 000-00-42", email="AQBOPE.Sydyqbek@example.kz")
    assert typed.face == intake.wanted().face
    assert intake.wanted(phone="+7 700 000 00 43").face.phone != typed.face.phone


def test_a_request_is_the_same_however_it_is_written(intake: Intake) -> None:
    first, again = intake.wanted("key-1"), intake.wanted("key-1", phone="8 700 000 00 42")
    assert (first.key, first.fingerprint) == (again.key, again.fingerprint)
    other = intake.wanted("key-1", language="ru")
    assert other.key == first.key
    assert other.fingerprint != first.fingerprint


def test_a_request_without_a_key_is_one_of_its_own(intake: Intake) -> None:
    first, again = intake.wanted(), intake.wanted()
    assert first.key != again.key
    assert first.fingerprint is again.fingerprint is None


def test_no_hash_can_be_tried_out_without_the_key(intake: Intake, tmp_path: Path) -> None:
    person = a_person()
    wanted, elsewhere = intake.wanted("key-1"), Intake(tmp_path / "other").wanted("key-1")
    assert hashes(wanted).isdisjoint(hashes(elsewhere))
    for value in (person.phone, person.email, "key-1"):
        digests = [hashlib.new(name, value.encode()).hexdigest() for name in ("md5", "sha1", "sha256")]
        assert not [found for found in hashes(wanted) for digest in digests if digest.startswith(found)]


def hashes(wanted: Wanted) -> set[str | None]:
    return {wanted.face.phone, wanted.face.email, wanted.key, wanted.fingerprint}


def test_a_key_from_the_page_is_none_of_a_shop_s(intake: Intake) -> None:
    """Anybody may choose the key that the page's form carries."""
    shop = intake.wanted("key-1")
    page = intake.desk.take(body_of(), "key-1", NOON, channel="web")
    assert page.key != shop.key
    assert (page.fingerprint, page.channel, shop.channel) == (shop.fingerprint, "web", "shop")
