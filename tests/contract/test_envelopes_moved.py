"""An envelope opens where it belongs: event x version x reader x subject of the whole catalogue, and nowhere else."""

from itertools import product
from typing import Any

import pytest

from shared.contracts.catalogue import PUBLISHED
from shared.messaging.cloudevents import Unreadable, read
from shared.policy.load import load_policy
from shared.sealing.envelope import Binding, EnvelopeNotAuthentic, seal, unseal
from shared.sealing.subject_keys import SubjectKeys
from tests.contract.samples import SEALED, Published, key_of, record_of, sample

READERS = tuple(load_policy().readers)
SUBJECTS = {subject_id: SubjectKeys.create(subject_id, READERS) for subject_id in ("5" * 32, "6" * 32)}
EVENT_ID, OTHER_ID = "e" * 32, "f" * 32


def next_version(event: type[Published]) -> type[Published]:
    """As it would be written: the same name, one more."""
    return type(event.__name__, (event,), {"VERSION": event.VERSION + 1})


VERSIONS = [version for event in PUBLISHED for version in (event, next_version(event))]
TYPES = [version.type_name() for version in VERSIONS]
PLACES = [Binding(EVENT_ID, *place) for place in product(TYPES, SUBJECTS, READERS)]


def opens(envelope: bytes, place: Binding, key: Any) -> bool:
    try:
        unseal(envelope, place, key)
    except EnvelopeNotAuthentic:
        return False
    return True


@pytest.mark.parametrize("event_type", TYPES)
def test_it_opens_at_its_own_place_of_all(event_type: str) -> None:
    """With the key of the place it was moved to, and with the one it was sealed under."""
    for home in (place for place in PLACES if place.event_type == event_type):
        own = SUBJECTS[home.subject_id].of(home.reader)
        envelope = seal({"given_name": "Ақбөпе"}, home, own)
        there = [place for place in PLACES if opens(envelope, place, SUBJECTS[place.subject_id].of(place.reader))]
        assert there == [place for place in PLACES if opens(envelope, place, own)] == [home]
        assert not opens(envelope, Binding(OTHER_ID, home.event_type, home.subject_id, home.reader), own)


def test_a_version_is_a_part_of_its_type_and_no_two_types_are_the_same() -> None:
    """So the version is bound with the type: there is no way to bump one without the other."""
    assert all(version.type_name().endswith(f".{version.__name__}.v{version.VERSION}") for version in VERSIONS)
    assert len(set(TYPES)) == 2 * len(PUBLISHED)


# The same with published messages, moved as whoever holds a copy of the topic would move them.


def moved(event: type[Published], was: str, now: str) -> Any:
    """The sample's record with a text in it replaced, wherever it stands."""
    record = record_of(event.type_name())
    record.headers = tuple((name, value.replace(was.encode(), now.encode())) for name, value in record.headers)
    record.key, record.value = (part.replace(was.encode(), now.encode()) for part in (record.key, record.value))
    return record


def message_opens(record: Any, event: type[Published], reader: str) -> bool:
    """To that reader, who has the key. What is not even read does not open."""
    try:
        received = read(record)
    except Unreadable:
        return False
    place = Binding(received.event_id, received.event_type, received.event.subject_id, reader)
    return opens(envelope_of(event, reader), place, key_of(sample(f"{event.type_name()}.{reader}")))


def envelope_of(event: type[Published], reader: str) -> bytes:
    sealed: bytes = read(record_of(event.type_name())).event.sealed_readers()[reader]
    return sealed


@pytest.mark.parametrize(("event", "reader"), SEALED, ids=lambda part: getattr(part, "__name__", part))
class TestMessage:
    def test_opens_as_it_came(self, event: type[Published], reader: str) -> None:
        assert message_opens(record_of(event.type_name()), event, reader)

    def test_does_not_open_under_another_event_id_or_subject(self, event: type[Published], reader: str) -> None:
        untouched = read(record_of(event.type_name()))
        for was, now in ((untouched.event_id, OTHER_ID), (untouched.event.subject_id, "6" * 32)):
            elsewhere = moved(event, was, now)
            assert now in (read(elsewhere).event_id, read(elsewhere).event.subject_id)
            assert not message_opens(elsewhere, event, reader)

    def test_does_not_open_under_another_type_or_version(self, event: type[Published], reader: str) -> None:
        for other in set(TYPES) - {event.type_name()}:
            assert not message_opens(moved(event, event.type_name(), other), event, reader)

    def test_does_not_open_as_another_reader_s(self, event: type[Published], reader: str) -> None:
        received, key = read(record_of(event.type_name())), key_of(sample(f"{event.type_name()}.{reader}"))
        for other in set(READERS) - {reader}:
            place = Binding(received.event_id, received.event_type, received.event.subject_id, other)
            assert not opens(envelope_of(event, reader), place, key)
