"""External Secrets: every Secret that a manifest reads, with just the keys that it may hold."""

from collections.abc import Iterable
from typing import Final

from deploy.k8s_manifests import keys, scaling, settings
from deploy.k8s_manifests.names import KAFKA_NAMESPACE, NAMESPACE, Manifest, metadata
from shared.policy.model import Policy

STORE: Final = {"kind": "ClusterSecretStore", "name": NAMESPACE}


def external_secrets(policy: Policy) -> list[Manifest]:
    """Kept in the store under `sealed-orders/<Secret>`, a property for each key. Keys of epochs are not among them: it
    goes with the component `vault`. One that only a component reads stays empty without it, and says so in its
    status."""
    return [
        secret
        for service in policy.erasing_stores
        for secret in (
            _secret(f"{service}-keys", service, map(keys.secret_key, keys.always(policy, service))),
            _secret(f"{service}-mongodb", service, ["uri"]),
            _secret(f"{service}-kafka", service, ["password"]),
            _secret(f"{service}-kafka", service, ["password"], KAFKA_NAMESPACE),
            _secret(f"{service}-tokens", service, settings.TOKENS[service]),
        )
    ] + [
        _secret("mongodb-admin", "migrate", ["uri"]),
        _secret("privacy-mailbox", "privacy", ["password"]),
        _secret("privacy-single-sign-on", "privacy", ["SEALED_OIDC_CLIENT_SECRET"]),
        _secret(scaling.SECRET, "keda", scaling.SECRET_KEYS),
    ]


def _secret(name: str, of: str, held: Iterable[str], namespace: str = NAMESPACE) -> Manifest:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": metadata(name, of, namespace),
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": STORE,
            "target": {"name": name, "creationPolicy": "Owner"},
            "data": [{"secretKey": key, "remoteRef": {"key": f"{NAMESPACE}/{name}", "property": key}} for key in held],
        },
    }
