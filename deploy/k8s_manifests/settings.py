"""What a service is told: ConfigMaps of what is no secret, and which key of which Secret holds the rest.

The names are those of services/<name>/settings.py.
"""

from typing import Final

from deploy.k8s_manifests.names import (
    EGRESS_NAMESPACE,
    HTTP_PORT,
    KAFKA_CLUSTER,
    KAFKA_NAMESPACE,
    KAFKA_PORT,
    NAMESPACE,
    Manifest,
    metadata,
)
from deploy.k8s_manifests.network import OUTSIDE_PORT

DRAIN_SECONDS: Final = 5  # until every node has stopped sending requests to a pod that leaves
SHARED: Final = {
    "SEALED_HOST": "0.0.0.0",
    "SEALED_PORT": str(HTTP_PORT),
    "SEALED_DRAIN_SECONDS": str(DRAIN_SECONDS),
    "SEALED_KEYS_DIR": "/keys",
    "SEALED_LOG_FORMAT": "json",
    "SEALED_KEY_CACHE_SECONDS": "60",
    "KAFKA_BOOTSTRAP_SERVERS": f"{KAFKA_CLUSTER}-kafka-bootstrap.{KAFKA_NAMESPACE}.svc:{KAFKA_PORT}",
    "KAFKA_CA_FILE": "/kafka/ca.crt",
}
_SMTP: Final = {"SMTP_HOST": f"smtp.{EGRESS_NAMESPACE}.svc", "SMTP_PORT": str(OUTSIDE_PORT["smtp"])}
_SMS: Final = {"SMS_GATEWAY_URL": f"https://sms.{EGRESS_NAMESPACE}.svc"}
OWN: Final = {
    "intake": {**_SMTP, **_SMS},
    "delivery": {"PARTNER_URL": f"https://partner.{EGRESS_NAMESPACE}.svc"},
    "notifications": {**_SMTP, **_SMS},
    "privacy": _SMTP,
}
TOKENS: Final = {
    "intake": ("SEALED_SHOP_TOKEN", "SEALED_OPERATOR_TOKEN"),
    "delivery": ("SEALED_OPERATOR_TOKEN",),
    "notifications": ("SEALED_OPERATOR_TOKEN",),
    "privacy": ("SEALED_OFFICER_TOKEN",),
}


def config_map(name: str, of: str, data: dict[str, str]) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name, of), "data": data}


def env_from(service: str) -> list[Manifest]:
    return [{"configMapRef": {"name": name}} for name in (NAMESPACE, service)]


def env(service: str) -> list[Manifest]:
    return [
        {"name": "KAFKA_USERNAME", "value": service},
        _secret("KAFKA_PASSWORD", f"{service}-kafka", "password"),
        _secret("MONGODB_URI", f"{service}-mongodb", "uri"),
        *(_secret(token, f"{service}-tokens", token) for token in TOKENS[service]),
    ]


def _secret(variable: str, name: str, key: str) -> Manifest:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}
