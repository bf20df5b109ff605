"""Traces, for who wants them: each service is told of a collector in the cluster, and may reach its one port."""

from collections.abc import Sequence
from typing import Final

from deploy.k8s_manifests import network, settings
from deploy.k8s_manifests.names import NAMESPACE, TRACING_NAMESPACE, Manifest, metadata

NAME: Final = "tracing"
COLLECTOR: Final = "otel-collector"
OTLP_PORT: Final = 4318  # OTLP over HTTP
RATIO: Final = "0.1"  # of the traces that begin; docs/benchmark.md has what they cost
SETTINGS: Final = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{COLLECTOR}.{TRACING_NAMESPACE}.svc:{OTLP_PORT}",
    "OTEL_TRACES_SAMPLER_ARG": RATIO,
}


def to_collector(services: Sequence[str]) -> list[Manifest]:
    return [settings.config_map(NAME, NAME, SETTINGS), _policy(services)]


def _policy(services: Sequence[str]) -> Manifest:
    """Of the services alone: jobs make no spans."""
    part_of = {"app.kubernetes.io/part-of": NAMESPACE}
    named = {"key": "app.kubernetes.io/name", "operator": "In", "values": list(services)}
    pods = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": COLLECTOR}}}
    egress = {"to": [{**network.in_namespace(TRACING_NAMESPACE), **pods}], "ports": network.tcp(OTLP_PORT)}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(NAME, NAME),
        "spec": {
            "policyTypes": ["Egress"],
            "podSelector": {"matchLabels": part_of, "matchExpressions": [named]},
            "egress": [egress],
        },
    }
