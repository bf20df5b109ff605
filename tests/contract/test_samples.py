"""What was published once is read today: one golden sample per event, one per event and reader of an envelope."""

import json
from typing import Any

import jsonschema
import pytest

from shared.contracts.catalogue import CONSUMED, PUBLISHED
from shared.contracts.snapshots import VIEWS, committed
from shared.messaging.cloudevents import read
from shared.sealing.envelope import Binding, EnvelopeNotAuthentic, unseal
from tests.contract.samples import FOLDER, SEALED, key_of, record_of, sample

NAMES = [event.type_name() for event in PUBLISHED]
BY_READER = {view.READER: view for view in VIEWS}


def test_every_event_has_a_sample_and_every_sample_an_event() -> None:
    """A new event: `python -m tests.contract.write_samples`, and commit what it wrote."""
    expected = {*NAMES, *(f"{event.type_name()}.{reader}" for event, reader in SEALED)}
    assert {path.name.removesuffix(".json") for path in FOLDER.glob("*.json")} == expected


def test_envelopes_are_sampled_for_every_reader_of_the_policy() -> None:
    assert {(event.__name__, reader) for event, reader in SEALED} == {
        ("OrderPlaced", "delivery"),
        ("OrderPlaced", "notifications"),
        ("OrderCorrected", "delivery"),
        ("OrderCorrected", "notifications"),
        ("SubjectRestricted", "privacy"),
    }


@pytest.mark.parametrize("event", CONSUMED, ids=lambda event: event.__name__)
def test_todays_code_reads_the_event_and_writes_it_the_same(event: Any) -> None:
    content = sample(event.type_name())
    received = read(record_of(event.type_name()))
    assert type(received.event) is event
    assert received.event_id == content["headers"]["ce_id"]
    assert json.loads(received.event.model_dump_json()) == content["value"]


@pytest.mark.parametrize("event", PUBLISHED, ids=lambda event: event.__name__)
def test_sample_shows_every_field(event: Any) -> None:
    assert set(sample(event.type_name())["value"]) == set(event.model_fields)


@pytest.mark.parametrize("event", PUBLISHED, ids=lambda event: event.__name__)
def test_sample_holds_against_the_committed_schema(event: Any) -> None:
    schema = committed()[f"{event.type_name()}.json"]
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    validator.validate(sample(event.type_name())["value"])
    assert not validator.is_valid({**sample(event.type_name())["value"], next(iter(schema["required"])): {}})


@pytest.mark.parametrize(("event", "reader"), SEALED, ids=lambda part: getattr(part, "__name__", part))
def test_reader_opens_its_envelope_to_just_these_fields(event: Any, reader: str) -> None:
    received, content = read(record_of(event.type_name())), sample(f"{event.type_name()}.{reader}")
    binding = Binding(received.event_id, received.event_type, received.event.subject_id, reader)
    fields = unseal(received.event.sealed_readers()[reader], binding, key_of(content))
    assert fields == content["fields"]
    view = BY_READER[reader].model_validate(fields)
    assert set(fields) == set(BY_READER[reader].model_fields)
    assert view.model_dump(mode="json") == fields


@pytest.mark.parametrize(("event", "reader"), SEALED, ids=lambda part: getattr(part, "__name__", part))
def test_other_readers_sample_key_does_not_open_it(event: Any, reader: str) -> None:
    received = read(record_of(event.type_name()))
    for other_event, other in SEALED:
        if (other_event, other) == (event, reader):
            continue
        binding = Binding(received.event_id, received.event_type, received.event.subject_id, reader)
        key = key_of(sample(f"{other_event.type_name()}.{other}"))
        with pytest.raises(EnvelopeNotAuthentic):
            unseal(received.event.sealed_readers()[reader], binding, key)
