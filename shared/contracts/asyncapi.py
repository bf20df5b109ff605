"""The AsyncAPI 3 document: channels from the policy's topics, messages from the catalogue."""

from typing import Any

from shared.contracts.catalogue import PUBLISHED
from shared.contracts.event import Event, Message
from shared.contracts.ledger import LedgerHeadMoved
from shared.contracts.store_samples import StoreSampled
from shared.policy.model import Policy

HEADERS = {
    "type": "object",
    "description": "CloudEvents 1.0, Kafka protocol binding, binary content mode.",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "description": "32 hexadecimal digits; envelopes are bound to it."},
        "ce_source": {"type": "string", "format": "uri-reference"},
        "ce_type": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_dataschema": {"type": "string", "format": "uri-reference"},
        "content-type": {"type": "string", "const": "application/json"},
        "ce_traceparent": {
            "type": "string",
            "description": "W3C trace context, where the event came to be in a trace.",
        },
    },
}


_OTHER_KEYS: dict[type[Message], str] = {
    LedgerHeadMoved: "The word 'ledger': the chain is one.",
    StoreSampled: "The store's name.",
}


def asyncapi_document(policy: Policy) -> dict[str, Any]:
    """JSON-ready. One channel a topic, one send operation a publisher, one receive operation a consumer."""
    channels = {name: _channel(name, policy) for name in policy.topics if _carried(name)}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sealed Orders",
            "version": "1.0.0",
            "description": "Events between the services. Personal fields travel only in `sealed`, one envelope a "
            "reader; keys and headers carry random ids.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": _operations(policy, channels),
        "components": {"messages": {event.__name__: _message(event) for event in PUBLISHED}},
    }


def _carried(topic: str) -> list[type[Message]]:
    return [event for event in PUBLISHED if _on(event, topic)]


def _on(event: type[Message], topic: str) -> bool:
    prefix, placeholder, _ = event.TOPIC.partition("{store}")
    return topic == event.TOPIC if not placeholder else topic.startswith(prefix) and topic != "erasure-receipts"


def _channel(name: str, policy: Policy) -> dict[str, Any]:
    topic = policy.topic(name)
    return {
        "address": name,
        "title": topic.title,
        "messages": {event.__name__: {"$ref": f"#/components/messages/{event.__name__}"} for event in _carried(name)},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {"retention.ms": topic.retention_ms},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations(policy: Policy, channels: dict[str, Any]) -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for name in channels:
        topic = policy.topic(name)
        for action, services in (("send", topic.publishers), ("receive", topic.consumers)):
            for service in services:
                operations[f"{service}-{action}-{name}"] = {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{name}"},
                    "messages": [
                        {"$ref": f"#/channels/{name}/messages/{event.__name__}"}
                        for event in _carried(name)
                        if action == "receive" or service in event.PUBLISHERS
                    ],
                }
    return operations


def _message(event: type[Message]) -> dict[str, Any]:
    key = "The subject id." if issubclass(event, Event) else _OTHER_KEYS[event]
    return {
        "name": event.type_name(),
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip().partition("\n")[0],
        "headers": HEADERS,
        "payload": {"$ref": f"{event.type_name()}.json"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": "0.5.0"}},
    }
