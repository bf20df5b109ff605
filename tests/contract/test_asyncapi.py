"""The AsyncAPI document says what the policy says, and hangs together."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from shared.contracts.asyncapi import HEADERS
from shared.contracts.catalogue import PUBLISHED
from shared.contracts.snapshots import committed
from shared.policy.load import load_policy
from tests.contract.samples import sample

DOCUMENT: dict[str, Any] = committed()["asyncapi.json"]
POLICY = load_policy()
CARRIES_EVENTS = {name for name in POLICY.topics if not name.startswith("dead-letters-")}

REFERENCE = {"type": "object", "required": ["$ref"], "properties": {"$ref": {"type": "string"}}, "maxProperties": 1}
# Of the AsyncAPI 3.0.0 specification, what this document uses.
ASYNCAPI = {
    "type": "object",
    "required": ["asyncapi", "info"],
    "properties": {
        "asyncapi": {"const": "3.0.0"},
        "info": {
            "type": "object",
            "required": ["title", "version"],
            "additionalProperties": False,
            "properties": {name: {"type": "string"} for name in ("title", "version", "description")},
        },
        "defaultContentType": {"const": "application/json"},
        "channels": {
            "additionalProperties": {
                "type": "object",
                "required": ["address", "messages"],
                "additionalProperties": False,
                "properties": {
                    "address": {"type": "string"},
                    "title": {"type": "string"},
                    "messages": {"type": "object", "minProperties": 1, "additionalProperties": REFERENCE},
                    "bindings": {
                        "properties": {
                            "kafka": {
                                "additionalProperties": False,
                                "properties": {
                                    "partitions": {"type": "integer", "minimum": 1},
                                    "topicConfiguration": {
                                        "properties": {"retention.ms": {"type": "integer", "minimum": -1}},
                                    },
                                    "bindingVersion": {"type": "string"},
                                },
                            }
                        }
                    },
                },
            }
        },
        "operations": {
            "additionalProperties": {
                "type": "object",
                "required": ["action", "channel"],
                "additionalProperties": False,
                "properties": {
                    "action": {"enum": ["send", "receive"]},
                    "channel": REFERENCE,
                    "messages": {"type": "array", "items": REFERENCE, "minItems": 1},
                },
            }
        },
        "components": {
            "additionalProperties": False,
            "properties": {
                "messages": {
                    "additionalProperties": {
                        "type": "object",
                        "required": ["name", "payload", "headers"],
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"},
                            "title": {"type": "string"},
                            "summary": {"type": "string", "minLength": 1},
                            "headers": {"type": "object"},
                            "payload": REFERENCE,
                            "bindings": {"type": "object"},
                        },
                    }
                }
            },
        },
    },
    "additionalProperties": False,
}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def at(pointer: str) -> Any:
    found: Any = DOCUMENT
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_document_has_the_shape_of_asyncapi_3() -> None:
    jsonschema.Draft202012Validator(ASYNCAPI).validate(DOCUMENT)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        assert at(reference) if reference.startswith("#/") else reference in committed()


def test_every_payload_is_a_json_schema() -> None:
    for name, schema in committed().items():
        if name != "asyncapi.json":
            jsonschema.Draft202012Validator.check_schema(schema)


def test_every_topic_that_carries_events_is_a_channel() -> None:
    assert set(DOCUMENT["channels"]) == CARRIES_EVENTS
    for name, channel in DOCUMENT["channels"].items():
        topic, kafka = POLICY.topic(name), channel["bindings"]["kafka"]
        assert channel["address"] == name
        assert kafka["partitions"] == topic.partitions
        days = topic.retention_days
        assert kafka["topicConfiguration"]["retention.ms"] == (-1 if days is None else days * 24 * 60 * 60 * 1000)


@pytest.mark.parametrize("topic", sorted(CARRIES_EVENTS))
def test_publishers_and_consumers_are_the_policys(topic: str) -> None:
    def doing(action: str) -> set[str]:
        return {
            name.removesuffix(f"-{action}-{topic}")
            for name, operation in DOCUMENT["operations"].items()
            if operation["action"] == action and operation["channel"]["$ref"] == f"#/channels/{topic}"
        }

    assert doing("send") == set(POLICY.topic(topic).publishers)
    assert doing("receive") == set(POLICY.topic(topic).consumers)


@pytest.mark.parametrize("event", PUBLISHED, ids=lambda event: event.__name__)
def test_event_is_sent_by_its_publishers_and_nobody_else(event: Any) -> None:
    senders = {
        name.partition("-send-")[0]
        for name, operation in DOCUMENT["operations"].items()
        if operation["action"] == "send"
        and any(message["$ref"].endswith(f"/messages/{event.__name__}") for message in operation["messages"])
    }
    assert senders == set(event.PUBLISHERS)


@pytest.mark.parametrize("event", PUBLISHED, ids=lambda event: event.__name__)
def test_sample_of_every_message_has_its_headers_and_its_channel(event: Any) -> None:
    content = sample(event.type_name())
    jsonschema.Draft202012Validator(HEADERS).validate(content["headers"])
    message = DOCUMENT["components"]["messages"][event.__name__]
    assert message["name"] == content["headers"]["ce_type"]
    topic = event.model_validate(content["value"]).topic()
    assert event.__name__ in DOCUMENT["channels"][topic]["messages"]


def test_no_message_but_those_with_envelopes_travels_on_a_topic_that_is_not_sealed() -> None:
    for name in CARRIES_EVENTS:
        bring = [event for event in PUBLISHED if event.__name__ in DOCUMENT["channels"][name]["messages"]]
        assert POLICY.topic(name).sealed == any("sealed" in event.model_fields for event in bring)
