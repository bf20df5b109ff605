"""Kafka's topics as the policy has them. Repeatable; a topic that is there is left as it is.

Partitions of an existing topic are never changed: a person's events keep their order only as long as their key
keeps its partition.
"""

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.policy.model import Policy, Topic


async def provision(bootstrap_servers: str, policy: Policy, *, replication_factor: int = 1) -> None:
    """Create what is missing. Raises aiokafka's KafkaError where the broker refuses."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, client_id="provisioner")
    try:
        await admin.start()
        answer = await admin.create_topics(
            [_new_topic(name, topic, replication_factor) for name, topic in policy.topics.items()]
        )
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
