"""Who may talk to whom: nothing, and then for each service what it needs, in and out.

What is outside the cluster is reached through pods of the namespace `egress`, one per destination, so that no address
range is open to a service.
"""

from typing import Final

from deploy.k8s_manifests.names import (
    EGRESS_NAMESPACE,
    HTTP_PORT,
    KAFKA_NAMESPACE,
    KAFKA_PORT,
    MONGODB_NAMESPACE,
    MONGODB_PORT,
    MONITORING_NAMESPACE,
    Manifest,
    labels,
    metadata,
)

OUTSIDE_PORT: Final = {"smtp": 587, "sms": 443, "partner": 443}
REACHES: Final = {
    "intake": ("smtp", "sms"),  # its one-time codes
    "delivery": ("partner",),
    "notifications": ("smtp", "sms"),
    "privacy": ("smtp",),  # components mailbox and single-sign-on open what they need
}


def default_deny() -> Manifest:
    return _policy("default-deny", NAMESPACE_WIDE, ["Ingress", "Egress"], {"podSelector": {}})


def of_service(service: str) -> Manifest:
    outside = [_outside(name) for name in REACHES[service]]
    return _policy(
        service,
        service,
        ["Ingress", "Egress"],
        {
            "podSelector": {"matchLabels": labels(service)},
            "ingress": [{"from": [in_namespace(MONITORING_NAMESPACE)], "ports": tcp(HTTP_PORT)}],
            "egress": [dns(), kafka(), mongodb(), *outside],
        },
    )


def of_job(name: str, *egress: Manifest) -> Manifest:
    spec = {"podSelector": {"matchLabels": labels(name)}, "egress": [dns(), *egress]}
    return _policy(name, name, ["Ingress", "Egress"], spec)


def dns() -> Manifest:
    pods = {**in_namespace("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    return {"to": [pods], "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}


def kafka() -> Manifest:
    return {"to": [in_namespace(KAFKA_NAMESPACE)], "ports": tcp(KAFKA_PORT)}


def mongodb() -> Manifest:
    return {"to": [in_namespace(MONGODB_NAMESPACE)], "ports": tcp(MONGODB_PORT)}


def in_namespace(name: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def tcp(port: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port}]


def _outside(name: str) -> Manifest:
    pods = {**in_namespace(EGRESS_NAMESPACE), "podSelector": {"matchLabels": {"app.kubernetes.io/name": name}}}
    return {"to": [pods], "ports": tcp(OUTSIDE_PORT[name])}


NAMESPACE_WIDE: Final = "all"


def _policy(name: str, of: str, types: list[str], spec: Manifest) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(name, of),
        "spec": {"policyTypes": types, **spec},
    }
