"""What the brokers themselves refuse: whom they do not know, and what the policy does not grant."""

from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from deploy.local.layout import SERVICES
from deploy.local.stack import LocalStack
from shared.messaging.cloudevents import new_id
from shared.messaging.kafka_address import KafkaAddress
from shared.policy.load import load_policy

POLICY = load_policy()
FOREIGN = {
    "intake": ("shipments", "erasure-delivery"),
    "delivery": ("orders", "consents"),
    "notifications": ("dead-letters-intake", "erasure-privacy"),
    "privacy": ("orders", "dead-letters-delivery"),
}
"""Service → a topic it may not write, a topic it may not read."""


async def write(kafka: KafkaAddress, topic: str) -> int:
    """Offset of a message that nobody can read as an event."""
    producer = AIOKafkaProducer(
        **kafka.client_options(), acks="all", enable_idempotence=True, request_timeout_ms=10_000
    )
    await producer.start()
    try:
        return int((await producer.send_and_wait(topic, b"test", key=b"test")).offset)
    finally:
        await producer.stop()


async def read(kafka: KafkaAddress, topic: str, group: str) -> None:
    consumer = AIOKafkaConsumer(topic, **kafka.client_options(), group_id=group, enable_auto_commit=False)
    try:
        await consumer.start()
        await consumer.getmany(timeout_ms=2_000)
    finally:
        await consumer.stop()


async def topics(kafka: KafkaAddress) -> set[str]:
    admin = AIOKafkaAdminClient(**kafka.client_options())
    try:
        await admin.start()
        return set(await admin.list_topics())
    finally:
        await admin.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_writing_a_foreign_topic_is_refused(stack: LocalStack, service: str) -> None:
    topic, _ = FOREIGN[service]
    assert service not in POLICY.topics[topic].publishers
    with pytest.raises(TopicAuthorizationFailedError):
        await write(stack.kafka(service), topic)


@pytest.mark.parametrize("service", SERVICES)
async def test_reading_a_foreign_topic_is_refused(stack: LocalStack, service: str) -> None:
    _, topic = FOREIGN[service]
    assert service not in POLICY.topics[topic].consumers
    with pytest.raises(TopicAuthorizationFailedError):
        await read(stack.kafka(service), topic, f"{service}.test-{new_id()}")


async def test_group_of_another_service_is_closed(stack: LocalStack) -> None:
    """Whoever joins it takes partitions, and thereby messages, away from its owner."""
    with pytest.raises(GroupAuthorizationFailedError):
        await read(stack.kafka("notifications"), "orders", "delivery.orders")


async def test_service_sees_no_topic_but_its_own(stack: LocalStack) -> None:
    own = {name for name, t in POLICY.topics.items() if "delivery" in (*t.publishers, *t.consumers)}
    assert await topics(stack.kafka("delivery")) == own
    assert set(POLICY.topics) <= await topics(stack.info.kafka.address)


@pytest.mark.parametrize("service", SERVICES)
async def test_own_topic_takes_an_idempotent_producer(stack: LocalStack, service: str) -> None:
    """What is written here no service reads: each its own dead letters."""
    assert await write(stack.kafka(service), f"dead-letters-{service}") >= 0


@pytest.mark.parametrize("changes", [{"username": None, "password": None}, {"password": "a guess"}])
async def test_whom_the_broker_does_not_know_it_refuses(stack: LocalStack, changes: dict[str, str | None]) -> None:
    stranger = replace(stack.kafka("intake"), **changes)
    with pytest.raises(KafkaConnectionError):
        await write(stranger, "orders")


def test_services_publish_idempotently_and_each_as_itself(stack: LocalStack) -> None:
    for service in SERVICES:
        environment = Path(f"/proc/{stack.pid(service)}/environ").read_text().split("\0")
        assert {"SEALED_KAFKA_IDEMPOTENCE=true", f"KAFKA_USERNAME={service}"} <= set(environment)


async def test_no_topic_makes_itself(stack: LocalStack) -> None:
    """Not even for the administrator: a topic that the policy does not have is nobody's."""
    name = f"unheard-of-{new_id()}"
    with pytest.raises((KafkaError, TimeoutError)):
        await write(stack.info.kafka.address, name)
    assert name not in await topics(stack.info.kafka.address)
