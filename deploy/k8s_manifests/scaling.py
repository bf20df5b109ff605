"""KEDA: replicas by what waits in the service's groups, never more than a topic has partitions."""

from typing import Final

from deploy.k8s_manifests.names import KAFKA_CLUSTER, KAFKA_NAMESPACE, KAFKA_PORT, NAMESPACE, Manifest, metadata
from shared.messaging.consume import MAX_RECORDS
from shared.policy.model import Policy

AUTHENTICATION: Final = f"{NAMESPACE}-keda"
SECRET: Final = "keda-kafka"
SECRET_KEYS: Final = ("sasl", "username", "password", "tls", "ca")
LEAST: Final = 2
LAG_PER_REPLICA: Final = 5 * MAX_RECORDS
# Broadcast to every replica or read whole at each start: no group commits what was read.
WITHOUT_GROUP: Final = frozenset({"suppressions"})


def groups(policy: Policy, service: str) -> dict[str, str]:
    """Topic → consumer group, as shared/messaging/consume.py names it."""
    return {
        name: f"{service}.{name}"
        for name, topic in policy.topics.items()
        if service in topic.consumers and name not in WITHOUT_GROUP
    }


def scaled_object(policy: Policy, service: str) -> Manifest:
    most = max(policy.topics[name].partitions for name in groups(policy, service))
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata(service, service),
        "spec": {
            "scaleTargetRef": {"name": service},
            "minReplicaCount": LEAST,
            "maxReplicaCount": most,
            "pollingInterval": 15,
            "cooldownPeriod": 600,
            # KEDA itself can not read the lag: keep what carried the load so far, not the least.
            "fallback": {
                "failureThreshold": 4,
                "replicas": min(LEAST + 1, most),
                "behavior": "currentReplicasIfHigher",
            },
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _slow_to_shrink()}},
            "triggers": [_cpu(), *(_lag(topic, group) for topic, group in groups(policy, service).items())],
        },
    }


def authentication() -> Manifest:
    """KEDA's own Kafka user, which the cluster's administrator makes: it describes groups and topics, reads nothing."""
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": metadata(AUTHENTICATION, "keda"),
        "spec": {
            "secretTargetRef": [{"parameter": parameter, "name": SECRET, "key": parameter} for parameter in SECRET_KEYS]
        },
    }


def _slow_to_shrink() -> Manifest:
    return {
        "scaleUp": {"stabilizationWindowSeconds": 30, "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]},
        "scaleDown": {
            "stabilizationWindowSeconds": 900,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 300}],
        },
    }


def _cpu() -> Manifest:
    return {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "70"}}


def _lag(topic: str, group: str) -> Manifest:
    return {
        "type": "kafka",
        "name": topic,
        "metadata": {
            "bootstrapServers": f"{KAFKA_CLUSTER}-kafka-bootstrap.{KAFKA_NAMESPACE}.svc:{KAFKA_PORT}",
            "consumerGroup": group,
            "topic": topic,
            "lagThreshold": str(LAG_PER_REPLICA),
            "offsetResetPolicy": "earliest",
        },
        "authenticationRef": {"name": AUTHENTICATION},
    }
