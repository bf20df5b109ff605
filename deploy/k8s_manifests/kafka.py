"""Strimzi's topics and users: the same lists that the provisioner applies to a cluster without Strimzi."""

from itertools import groupby
from typing import Final

from deploy.k8s_manifests.names import KAFKA_CLUSTER, KAFKA_NAMESPACE, Manifest, metadata
from deploy.provision.kafka import MOST_COPIES
from shared.policy.access import KafkaAcl, kafka_acls
from shared.policy.model import Policy

API: Final = "kafka.strimzi.io/v1"
OPERATIONS: Final = {"READ": "Read", "WRITE": "Write", "DESCRIBE": "Describe"}
PATTERNS: Final = {"literal": "literal", "prefixed": "prefix"}


def topics(policy: Policy) -> list[Manifest]:
    return [
        {
            "apiVersion": API,
            "kind": "KafkaTopic",
            "metadata": _of_cluster(name, "kafka"),
            "spec": {
                "partitions": topic.partitions,
                "replicas": MOST_COPIES,
                "config": {
                    "retention.ms": str(topic.retention_ms),
                    "cleanup.policy": "delete",
                    "min.insync.replicas": str(MOST_COPIES - 1),
                },
            },
        }
        for name, topic in policy.topics.items()
    ]


def users(policy: Policy) -> list[Manifest]:
    """Named as the policy names the service, with the password of Secret `<service>-kafka` of Kafka's namespace."""
    return [_user(service, kafka_acls(policy)) for service in policy.erasing_stores]


def _user(service: str, acls: tuple[KafkaAcl, ...]) -> Manifest:
    mine = sorted((acl for acl in acls if acl.principal == f"User:{service}"), key=_resource)
    password = {"valueFrom": {"secretKeyRef": {"name": f"{service}-kafka", "key": "password"}}}
    return {
        "apiVersion": API,
        "kind": "KafkaUser",
        "metadata": _of_cluster(service, service),
        "spec": {
            "authentication": {"type": "scram-sha-512", "password": password},
            "authorization": {
                "type": "simple",
                "acls": [
                    {
                        "resource": {"type": kind, "name": name, "patternType": PATTERNS[pattern]},
                        "operations": [OPERATIONS[acl.operation] for acl in group],
                        "host": "*",
                    }
                    for (kind, name, pattern), group in groupby(mine, key=_resource)
                ],
            },
        },
    }


def _resource(acl: KafkaAcl) -> tuple[str, str, str]:
    return acl.resource, acl.name, acl.pattern


def _of_cluster(name: str, of: str) -> Manifest:
    known = metadata(name, of, KAFKA_NAMESPACE)
    return {**known, "labels": {**known["labels"], "strimzi.io/cluster": KAFKA_CLUSTER}}
