"""Names that every manifest shares."""

from typing import Any, Final

Manifest = dict[str, Any]

NAMESPACE: Final = "sealed-orders"
KAFKA_NAMESPACE: Final = "kafka"
MONGODB_NAMESPACE: Final = "mongodb"
EGRESS_NAMESPACE: Final = "egress"
MONITORING_NAMESPACE: Final = "monitoring"
VAULT_NAMESPACE: Final = "vault"
TRACING_NAMESPACE: Final = "tracing"
KAFKA_CLUSTER: Final = "sealed-orders"
KAFKA_PORT: Final = 9093
MONGODB_PORT: Final = 27017
HTTP_PORT: Final = 8080
IMAGE: Final = "sealed-orders"


def labels(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": NAMESPACE}


def metadata(name: str, of: str, namespace: str = NAMESPACE) -> Manifest:
    """`of`: the service or job it belongs to."""
    return {"name": name, "namespace": namespace, "labels": labels(of)}
