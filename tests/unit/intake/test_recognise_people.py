"""One person, one subject: by phone or e-mail, within a batch too; never one whose erasure has begun."""

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.intake.order import Face
from services.intake.recognise_people import Recognition
from shared.sealing.wrapping import WrappedKey
from tests.builders import NOON
from tests.unit.intake.an_intake import Intake


class FakeKeyring:
    """Keyring and subjects in memory."""

    def __init__(self) -> None:
        self.index: dict[str, str] = {}
        self.columns: dict[str, Mapping[str, WrappedKey]] = {}
        self.fenced: set[str] = set()
        self.restricted: set[str] = set()

    async def find(self, entries: Collection[str], session: Any) -> dict[str, str]:
        return {entry: self.index[entry] for entry in entries if entry in self.index}

    async def unfenced(self, subject_ids: Collection[str], session: Any) -> dict[str, WrappedKey]:
        return {s: self.columns[s]["intake"] for s in subject_ids if s in self.columns and s not in self.fenced}

    async def unrestricted(self, subject_ids: Collection[str], session: Any) -> set[str]:
        return set(subject_ids) - self.restricted

    async def add(self, keys: Mapping[str, Mapping[str, WrappedKey]], now: datetime, session: Any) -> None:
        self.columns.update(keys)

    async def point(self, new: Mapping[str, str], changed: Mapping[str, str], now: datetime, session: Any) -> None:
        assert not set(new) & set(self.index)
        assert set(changed) <= set(self.index)
        self.index.update({**new, **changed})


class People:
    def __init__(self, keys_root: Path) -> None:
        intake = Intake(keys_root)
        self.keyring = FakeKeyring()
        self._recognition = Recognition(
            self.keyring,  # type: ignore[arg-type]
            self.keyring,  # type: ignore[arg-type]
            publisher="intake",
            readers=tuple(intake.policy.readers),
            wrapper=intake.wrapper,
            unwrapper=intake.unwrapper,
        )

    async def come(self, *faces: tuple[str, ...]) -> list[str]:
        """(phone, e-mail) of each, or (phone,); returns their subject ids."""
        recognised = await self._recognition.recognise([Face(*face) for face in faces], NOON, None)  # type: ignore[arg-type]
        return [keys.subject_id for keys in recognised.keys]


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(tmp_path)


async def test_a_returning_person_keeps_the_subject_and_its_keys(people: People) -> None:
    (first,) = await people.come(("p1", "e1"))
    assert set(people.keyring.columns[first]) == {"intake", "delivery", "notifications", "privacy"}
    for face in (("p1", "e1"), ("p1", "e2"), ("p2", "e1")):
        assert await people.come(face) == [first]
    assert set(people.keyring.columns) == {first}
    assert people.keyring.index == dict.fromkeys(["p1", "p2", "e1", "e2"], first)


async def test_people_of_one_batch_are_known_to_each_other(people: People) -> None:
    a, b, c, d = await people.come(("p1", "e1"), ("p1", "e2"), ("p3", "e2"), ("p4", "e4"))
    assert a == b == c != d
    assert set(people.keyring.columns) == {a, d}


async def test_the_phone_decides_where_both_are_known_and_differ(people: People) -> None:
    father, daughter = await people.come(("p1", "family"), ("p2", "hers"))
    assert await people.come(("p2", "family")) == [daughter]
    assert people.keyring.index["family"] == father


@pytest.mark.parametrize("begun", ["fenced", "restricted"])
async def test_who_is_being_erased_comes_back_as_somebody_new(people: People, begun: str) -> None:
    (before,) = await people.come(("p1", "e1"))
    getattr(people.keyring, begun).add(before)
    after, again = await people.come(("p1", "e1"), ("p1", "e1"))
    assert before != after == again
    assert people.keyring.index == {"p1": after, "e1": after}


async def test_who_was_erased_comes_back_as_somebody_new(people: People) -> None:
    (before,) = await people.come(("p1", "e1"))
    people.keyring.columns.clear()
    people.keyring.index.clear()
    assert await people.come(("p1", "e1")) != [before]


async def test_a_live_e_mail_is_enough_where_the_phone_leads_to_somebody_erased(people: People) -> None:
    gone, live = await people.come(("p1", "e1"), ("p2", "e2"))
    people.keyring.fenced.add(gone)
    assert await people.come(("p1", "e2")) == [live]
    assert people.keyring.index == {"p1": live, "e1": gone, "p2": live, "e2": live}


async def test_who_gives_a_phone_alone_is_known_by_it_and_leads_nowhere_else(people: People) -> None:
    (called,) = await people.come(("p1",))
    assert people.keyring.index == {"p1": called}
    assert await people.come(("p1", "e1"), ("p1",)) == [called, called]
    assert people.keyring.index == {"p1": called, "e1": called}
