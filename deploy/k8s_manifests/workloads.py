"""A service's Deployment, Service, ServiceAccount and PodDisruptionBudget."""

from math import ceil
from typing import Final

from deploy.k8s_manifests import keys, settings
from deploy.k8s_manifests.names import HTTP_PORT, KAFKA_CLUSTER, Manifest, labels, metadata
from deploy.k8s_manifests.pods import container, mount, resources, template
from shared.http.server import GRACEFUL_SECONDS as REQUESTS_SECONDS
from shared.messaging.broker import GRACEFUL_SECONDS as BATCH_SECONDS
from shared.messaging.consume import REVOKE_WAIT_SECONDS
from shared.messaging.outbox import STOP_SECONDS as OUTBOX_SECONDS
from shared.messaging.worker import FINISH_SECONDS as WORK_SECONDS
from shared.policy.model import Policy

SPARE_SECONDS: Final = 10
# A start reads all suppressions and joins the groups before it is ready. Too little time here is a service that never
# starts once enough people have left; docs/sizing.md says how many these are. A start that fails ends by itself.
STARTUP_SECONDS: Final = 900
STARTUP_PERIOD_SECONDS: Final = 5
ROLLOUT_SECONDS: Final = STARTUP_SECONDS + 300  # without progress, until a rollout counts as failed; 600 if not said
# What a pod does on TERM, one after the other: it answers on, finishes requests, finishes its work, finishes and
# commits the batches, gives their partitions back, publishes what they left.
GRACE_SECONDS: Final = ceil(
    settings.DRAIN_SECONDS
    + REQUESTS_SECONDS
    + WORK_SECONDS
    + BATCH_SECONDS
    + REVOKE_WAIT_SECONDS
    + OUTBOX_SECONDS
    + SPARE_SECONDS
)
KAFKA_CA: Final = {
    "name": "kafka-ca",
    "secret": {
        "secretName": f"{KAFKA_CLUSTER}-cluster-ca-cert",
        "defaultMode": 0o440,
        "items": [{"key": "ca.crt", "path": "ca.crt"}],
    },
}


def of_service(policy: Policy, service: str) -> list[Manifest]:
    return [account(service), _deployment(policy, service), _service(service), _disruptions(service)]


def account(name: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(name, name),
        "automountServiceAccountToken": False,
    }


def _deployment(policy: Policy, service: str) -> Manifest:
    spread = [_spread(service, "topology.kubernetes.io/zone"), _spread(service, "kubernetes.io/hostname")]
    pod = template(
        service,
        _container(service),
        [keys.volume(policy, service), KAFKA_CA],
        terminationGracePeriodSeconds=GRACE_SECONDS,
        topologySpreadConstraints=spread,
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(service, service),
        "spec": {
            "replicas": 2,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": ROLLOUT_SECONDS,
            "selector": {"matchLabels": labels(service)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": pod,
        },
    }


def _container(service: str) -> Manifest:
    return container(
        service,
        ["python", "-m", f"services.{service}"],
        [mount("keys", settings.SHARED["SEALED_KEYS_DIR"]), mount("kafka-ca", "/kafka")],
        ports=[{"name": "http", "containerPort": HTTP_PORT}],
        envFrom=settings.env_from(service),
        env=settings.env(service),
        startupProbe=_probe(
            "ready",
            periodSeconds=STARTUP_PERIOD_SECONDS,
            failureThreshold=STARTUP_SECONDS // STARTUP_PERIOD_SECONDS,
        ),
        readinessProbe=_probe("ready", periodSeconds=5, failureThreshold=3),
        livenessProbe=_probe("live", periodSeconds=10, failureThreshold=6),
        resources=resources("250m", "512Mi"),
    )


def _probe(what: str, **more: int) -> Manifest:
    return {"httpGet": {"path": f"/health/{what}", "port": "http"}, "timeoutSeconds": 5, **more}


def _spread(service: str, over: str) -> Manifest:
    return {
        "maxSkew": 1,
        "topologyKey": over,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels(service)},
    }


def _service(service: str) -> Manifest:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(service, service),
        "spec": {"selector": labels(service), "ports": ports},
    }


def _disruptions(service: str) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(service, service),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels(service)}},
    }
