"""Kafka as the policy has it: topics, and where the cluster asks who speaks, users and access lists.

Repeatable; a topic that is there is left as it is.

Partitions of an existing topic are never changed: a person's events keep their order only as long as their key
keeps its partition.
"""

import asyncio
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from deploy.provision.kafka_access import provision_access
from shared.messaging.kafka_address import KafkaAddress
from shared.policy.model import Policy
from shared.policy.rows import Topic

MOST_COPIES = 3  # of a message


async def provision(kafka: KafkaAddress, policy: Policy, passwords: Mapping[str, str]) -> None:
    """Create what is missing. `passwords`: of each service.

    Raises aiokafka's KafkaError or confluent_kafka's KafkaException where the broker refuses."""
    await _create_topics(kafka, policy)
    if kafka.username is not None:
        await asyncio.to_thread(provision_access, kafka, policy, passwords)


async def _create_topics(kafka: KafkaAddress, policy: Policy) -> None:
    admin = AIOKafkaAdminClient(**kafka.client_options(), client_id="provisioner")
    try:
        await admin.start()
        copies = min(MOST_COPIES, len((await admin.describe_cluster())["brokers"]))
        answer = await admin.create_topics([_new_topic(name, topic, copies) for name, topic in policy.topics.items()])
    finally:
        await admin.close()
    for _, code, *_ in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise for_code(code)


def _new_topic(name: str, topic: Topic, replication_factor: int) -> NewTopic:
    return NewTopic(
        name,
        topic.partitions,
        replication_factor,
        topic_configs={"retention.ms": str(topic.retention_ms), "cleanup.policy": "delete"},
    )
