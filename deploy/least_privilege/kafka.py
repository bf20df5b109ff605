"""Each service, as its own principal, tries every act on every topic and every consumer group.

It leaves messages behind that no service could read as an event, so this is for a stack that nobody else uses.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import product
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    for_code,
)
from aiokafka.protocol.admin import DescribeAclsRequest
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from deploy.least_privilege.attempt import Attempt
from deploy.local.layout import SERVICES
from deploy.local.stack import LocalStack
from deploy.provision.kafka_access import administration
from shared.messaging.kafka_address import KafkaAddress
from shared.policy.model import Policy

TOPIC, GROUP, CLUSTER = "topic", "consumer group", "cluster"
REFUSALS = (
    TopicAuthorizationFailedError,
    GroupAuthorizationFailedError,
    ClusterAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
CODES: Final = {refusal.errno for refusal in REFUSALS}
AT_ONCE = 8
SECONDS = 120
MARK = b"an attempt"
ANY = 1  # in Kafka's protocol, of whatever is filtered
Act = Callable[[], Awaitable[Any]]


async def attempts(stack: LocalStack, policy: Policy) -> list[Attempt]:
    """Raises aiokafka's or confluent_kafka's errors for anything but access granted or refused."""
    for topic in policy.topics:
        await _write(stack.info.kafka.address, topic)
    gate = asyncio.Semaphore(AT_ONCE)

    async def try_it(service: str, kind: str, name: str, act: str, run: Act) -> Attempt:
        async with gate:
            return Attempt(service, kind, kind, name, act, await _answer(run))

    found: list[Attempt] = []
    for tries in (_on_topics, _on_groups, _administering):
        every = [(service, *one) for service in SERVICES for one in tries(service, stack.kafka(service), policy)]
        found += await asyncio.gather(*(try_it(*one) for one in every))
    return found


async def _answer(run: Act) -> str | None:
    try:
        await asyncio.wait_for(run(), SECONDS)
    except REFUSALS as refused:
        return f"Kafka {refused.errno}"
    except KafkaException as refused:
        if (code := refused.args[0].code()) not in CODES:
            raise
        return f"Kafka {code}"
    return None


def _on_topics(service: str, kafka: KafkaAddress, policy: Policy) -> Iterator[tuple[str, str, str, Act]]:
    for topic in policy.topics:
        yield TOPIC, topic, "write", partial(_write, kafka, topic)
        yield TOPIC, topic, "read", partial(_read, kafka, topic, f"{service}.attempt-{topic}")


def _on_groups(service: str, kafka: KafkaAddress, policy: Policy) -> Iterator[tuple[str, str, str, Act]]:
    """Each group that some service has, joined for a topic that this one may read: the topic is no reason to refuse."""
    own = next(name for name, topic in policy.topics.items() if service in topic.consumers)
    for other, (name, topic) in product(SERVICES, policy.topics.items()):
        if other in topic.consumers:
            yield GROUP, f"{other}.{name}", "join", partial(_read, kafka, own, f"{other}.{name}")


def _administering(service: str, kafka: KafkaAddress, policy: Policy) -> Iterator[tuple[str, str, str, Act]]:
    admin = administration(kafka)

    def asked(act: Callable[..., Any], *arguments: Any) -> Act:
        return partial(asyncio.to_thread, _settled, act, *arguments)

    for topic in policy.topics:
        change = ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)
        config = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[change])
        yield TOPIC, topic, "describe", asked(admin.describe_topics, TopicCollection([topic]))
        yield TOPIC, topic, "change", asked(admin.incremental_alter_configs, [config])
        yield TOPIC, topic, "add partitions", asked(admin.create_partitions, [NewPartitions(topic, 60)])
        yield TOPIC, topic, "delete", asked(admin.delete_topics, [topic])
    for group in {f"{other}.{name}" for other in SERVICES for name, t in policy.topics.items() if other in t.consumers}:
        yield GROUP, group, "delete", asked(admin.delete_consumer_groups, [group])
    everybody = AclBinding(
        ResourceType.TOPIC,
        "orders",
        ResourcePatternType.LITERAL,
        f"User:{service}",
        "*",
        AclOperation.ALL,
        AclPermissionType.ALLOW,
    )
    yield CLUSTER, "", "create a topic", asked(admin.create_topics, [NewTopic("made-by-an-attempt", 1)])
    yield CLUSTER, "", "grant itself access", asked(admin.create_acls, [everybody])
    yield CLUSTER, "", "read access lists", partial(_read_lists, kafka)
    yield CLUSTER, "", "write in a transaction", partial(_begin, kafka, f"{service}.attempt")


def _settled(act: Callable[..., Any], *arguments: Any) -> None:
    answer = act(*arguments, request_timeout=30)
    for future in answer.values() if isinstance(answer, dict) else [answer]:
        future.result(timeout=60)


async def _read_lists(kafka: KafkaAddress) -> None:
    """By the protocol itself: confluent_kafka gives an empty list where the broker refuses."""
    client = AIOKafkaClient(**kafka.client_options())
    await client.bootstrap()
    try:
        answer = await client.send(client.get_random_node(), DescribeAclsRequest(ANY, None, ANY, None, None, ANY, ANY))
    finally:
        await client.close()
    if answer.error_code:
        raise for_code(answer.error_code)


async def _write(kafka: KafkaAddress, topic: str) -> None:
    producer = AIOKafkaProducer(**kafka.client_options(), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(topic, MARK, key=MARK)
    finally:
        await producer.stop()


async def _begin(kafka: KafkaAddress, transaction: str) -> None:
    producer = AIOKafkaProducer(**kafka.client_options(), transactional_id=transaction)
    try:
        await producer.start()
    finally:
        await producer.stop()


async def _read(kafka: KafkaAddress, topic: str, group: str) -> None:
    """Until a message came."""
    consumer = AIOKafkaConsumer(
        topic, **kafka.client_options(), group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        while not await consumer.getmany(timeout_ms=500):
            pass
    finally:
        await consumer.stop()
