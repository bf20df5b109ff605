"""What no schema sees: whether the manifests agree with each other, the policy and the code. Each yields faults."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic_settings import BaseSettings

from deploy.k8s_manifests import kafka, keys, network
from services.delivery.settings import DeliverySettings
from services.intake.settings import IntakeSettings
from services.notifications.settings import NotificationsSettings
from services.privacy.settings import PrivacySettings
from shared.http.server import GRACEFUL_SECONDS as REQUESTS_SECONDS
from shared.messaging.broker import GRACEFUL_SECONDS as BATCH_SECONDS
from shared.messaging.consume import REVOKE_WAIT_SECONDS
from shared.policy.load import load_policy
from tests.deploy.render import Manifest
from tests.deploy.schemas import schemas_accept

POLICY: Final = load_policy()
SETTINGS: Final[dict[str, type[BaseSettings]]] = {
    "intake": IntakeSettings,
    "delivery": DeliverySettings,
    "notifications": NotificationsSettings,
    "privacy": PrivacySettings,
}
WORKLOADS: Final = ("Deployment", "Job", "CronJob")


def of_kind(objects: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] in kinds}


def template(one: Manifest) -> Manifest:
    spec = one["spec"]["jobTemplate"]["spec"] if one["kind"] == "CronJob" else one["spec"]
    return dict(spec["template"])


def pod(one: Manifest) -> Manifest:
    return dict(template(one)["spec"])


def container(one: Manifest) -> Manifest:
    (only,) = pod(one)["containers"]
    return dict(only)


def pods_are_restricted(objects: list[Manifest]) -> Iterator[str]:
    for name, one in of_kind(objects, *WORKLOADS).items():
        context, of_pod = container(one).get("securityContext", {}), pod(one)
        held = {
            "escalation": context.get("allowPrivilegeEscalation") is False,
            "capabilities": context.get("capabilities") == {"drop": ["ALL"]},
            "root file system": context.get("readOnlyRootFilesystem") is True,
            "user": context.get("runAsNonRoot") is True and context.get("runAsUser", 0) > 0,
            "seccomp": of_pod["securityContext"].get("seccompProfile") == {"type": "RuntimeDefault"},
            "token": of_pod.get("automountServiceAccountToken") is False,
            "host": not any(of_pod.get(what) for what in ("hostNetwork", "hostPID", "hostIPC")),
        }
        yield from (f"{name}: {what}" for what, holds in held.items() if not holds)
    (namespace,) = of_kind(objects, "Namespace").values()
    if namespace["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
        yield "the namespace does not enforce it"


def memory_is_bounded(objects: list[Manifest]) -> Iterator[str]:
    for name, one in of_kind(objects, *WORKLOADS).items():
        resources = container(one).get("resources", {})
        if "memory" not in resources.get("limits", {}) or "cpu" not in resources.get("requests", {}):
            yield name


def probes_ask_what_is_served(objects: list[Manifest]) -> Iterator[str]:
    for name, one in of_kind(objects, "Deployment").items():
        of = container(one)
        ports = {port["name"] for port in of["ports"]}
        for probe, path in (("startup", "ready"), ("readiness", "ready"), ("liveness", "live")):
            get = of.get(f"{probe}Probe", {}).get("httpGet", {})
            if get.get("path") != f"/health/{path}" or get.get("port") not in ports:
                yield f"{name}: {probe}"


def ports_are_the_services(objects: list[Manifest]) -> Iterator[str]:
    listens = int(of_kind(objects, "ConfigMap")["sealed-orders"]["data"]["SEALED_PORT"])
    for name, one in of_kind(objects, "Deployment").items():
        if [(port["name"], port["containerPort"]) for port in container(one)["ports"]] != [("http", listens)]:
            yield name
    for name, one in of_kind(objects, "Service").items():
        if [port["targetPort"] for port in one["spec"]["ports"]] != ["http"]:
            yield f"Service {name}"
    for one in of_kind(objects, "PodMonitor").values():
        if [(end["port"], end["path"]) for end in one["spec"]["podMetricsEndpoints"]] != [("http", "/metrics")]:
            yield "PodMonitor"


def selectors_find_their_pods(objects: list[Manifest]) -> Iterator[str]:
    pods = {name: template(one)["metadata"]["labels"] for name, one in of_kind(objects, *WORKLOADS).items()}
    for one in objects:
        if one["kind"] not in ("Service", "PodDisruptionBudget", "Deployment"):
            continue
        selector = one["spec"]["selector"]
        wanted = selector if one["kind"] == "Service" else selector["matchLabels"]
        found = [name for name, labels in pods.items() if wanted.items() <= labels.items()]
        if found != [one["metadata"]["name"]]:
            yield f"{one['kind']} {one['metadata']['name']} selects {found}"


def commands_and_images_agree(objects: list[Manifest]) -> Iterator[str]:
    images = {container(one)["image"] for one in of_kind(objects, *WORKLOADS).values()}
    if len(images) != 1 or not images.pop().startswith("sealed-orders"):
        yield "more than one image"
    for name, one in of_kind(objects, "Deployment").items():
        if container(one)["command"] != ["python", "-m", f"services.{name}"]:
            yield name


def drain_fits_into_grace(objects: list[Manifest]) -> Iterator[str]:
    for name, one in of_kind(objects, "Deployment").items():
        sleep = container(one).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        needed = sleep + REQUESTS_SECONDS + BATCH_SECONDS + REVOKE_WAIT_SECONDS
        if not sleep or pod(one).get("terminationGracePeriodSeconds", 30) < needed:
            yield name


def settings_are_read(objects: list[Manifest]) -> Iterator[str]:
    """Every variable is one that the service's settings read, and none that they need is missing."""
    maps = of_kind(objects, "ConfigMap")
    for name, one in of_kind(objects, "Deployment").items():
        sources = [source["configMapRef"]["name"] for source in container(one)["envFrom"]]
        if missing := [source for source in sources if source not in maps]:
            yield f"{name}: no ConfigMap {missing}"
        given = {key for source in sources if source in maps for key in maps[source]["data"]}
        given |= {variable["name"] for variable in container(one)["env"]}
        fields = SETTINGS[name].model_fields.values()
        known = {str(field.validation_alias) for field in fields}
        needed = {str(field.validation_alias) for field in fields if field.is_required()}
        yield from (f"{name}: {variable} is not read" for variable in sorted(given - known))
        yield from (f"{name}: {variable} is missing" for variable in sorted(needed - given))


def secrets_are_a_services_own(objects: list[Manifest]) -> Iterator[str]:
    """Only its own Secrets, and of the key folder just what the policy lets it hold."""
    for name, one in of_kind(objects, "Deployment").items():
        shared = {"sealed-orders-cluster-ca-cert"}
        for secret, _ in _secrets(one):
            if secret not in {f"{name}-{what}" for what in ("keys", "kafka", "mongodb", "tokens", "vault")} | shared:
                yield f"{name} reads {secret}"
        mounted = {key for secret, key in _secrets(one) if secret == f"{name}-keys"}
        allowed = {*keys.always(POLICY, name), *keys.per_epoch(POLICY, name)}
        if mounted != {keys.secret_key(path) for path in allowed}:
            yield f"{name}: {sorted(mounted ^ {keys.secret_key(path) for path in allowed})[:3]}"


def external_secrets_hold_what_is_read(objects: list[Manifest]) -> Iterator[str]:
    given = {
        (one["spec"]["target"]["name"], entry["secretKey"])
        for one in objects
        if one["kind"] == "ExternalSecret" and one["metadata"]["namespace"] == "sealed-orders"
        for entry in one["spec"]["data"]
    }
    read = {pair for one in of_kind(objects, "Deployment").values() for pair in _secrets(one, optional=False)}
    named = {one["spec"]["target"]["name"] for one in of_kind(objects, "ExternalSecret").values()}
    if named:
        yield from (f"{secret} lacks {key}" for secret, key in sorted(read - given) if secret in named)
        yield from (f"{secret} holds {key} for nobody" for secret, key in sorted(given - read) if "admin" not in secret)


def nothing_else_is_open(objects: list[Manifest]) -> Iterator[str]:
    """Every pod is denied all but its own policy's peers; no rule is without a peer and a port, or an address range."""
    policies = of_kind(objects, "NetworkPolicy")
    if policies.get("default-deny", {}).get("spec") != network.default_deny()["spec"]:
        yield "default-deny"
    for name, one in policies.items():
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for rule in one["spec"].get(direction, []):
                peers = rule.get(side) or [{}]
                if not rule.get("ports") or any(
                    "ipBlock" in peer or not peer.get("namespaceSelector") for peer in peers
                ):
                    yield f"{name}: {direction}"


def each_service_reaches_its_own(objects: list[Manifest]) -> Iterator[str]:
    policies = of_kind(objects, "NetworkPolicy")
    for name in of_kind(objects, "Deployment"):
        wanted = network.of_service(name)["spec"]
        if policies.get(name, {}).get("spec") != wanted:
            yield name


def scaling_follows_the_code(objects: list[Manifest]) -> Iterator[str]:
    """The target exists, the group is the one in the code, and no more replicas than partitions."""
    deployments = of_kind(objects, "Deployment")
    for name, one in of_kind(objects, "ScaledObject").items():
        spec = one["spec"]
        if spec["scaleTargetRef"]["name"] not in deployments:
            yield f"{name}: no Deployment {spec['scaleTargetRef']['name']}"
        lags = [trigger["metadata"] for trigger in spec["triggers"] if trigger["type"] == "kafka"]
        reads = {topic for topic, facts in POLICY.topics.items() if name in facts.consumers} - {"suppressions"}
        if {lag["topic"] for lag in lags} != reads:
            yield f"{name}: other topics than it reads"
        yield from (
            f"{name}: {lag['consumerGroup']}" for lag in lags if lag["consumerGroup"] != f"{name}.{lag['topic']}"
        )
        if spec["maxReplicaCount"] > max(POLICY.topics[topic].partitions for topic in reads):
            yield f"{name}: more replicas than partitions"
        if "replicas" in deployments.get(name, {"spec": {}})["spec"]:
            yield f"{name}: the Deployment sets replicas too"


def topics_and_acls_are_the_policys(objects: list[Manifest]) -> Iterator[str]:
    """Replication aside, which overlays set."""
    for kind, wanted in (("KafkaTopic", kafka.topics(POLICY)), ("KafkaUser", kafka.users(POLICY))):
        found = of_kind(objects, kind)
        for one in wanted if found else []:
            name = one["metadata"]["name"]
            if _without_copies(found.pop(name, {})) != _without_copies(one):
                yield f"{kind} {name}"
        yield from (f"{kind} {name} is not the policy's" for name in found)


def data_stay_in_one_region(objects: list[Manifest]) -> Iterator[str]:
    regions = set()
    for name, one in of_kind(objects, *WORKLOADS).items():
        affinity = pod(one).get("affinity", {}).get("nodeAffinity", {})
        terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
        rules = [rule for term in terms for rule in term["matchExpressions"]]
        if [(rule["key"], rule["operator"]) for rule in rules] != [("topology.kubernetes.io/region", "In")]:
            yield name
        regions |= {value for rule in rules for value in rule["values"]}
    if len(regions) != 1:
        yield f"regions {sorted(regions)}"


def jobs_do_not_overlap(objects: list[Manifest]) -> Iterator[str]:
    for name, one in of_kind(objects, "CronJob").items():
        spec = one["spec"]
        limits = ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
        bounded = "activeDeadlineSeconds" in spec["jobTemplate"]["spec"]
        if spec.get("concurrencyPolicy") != "Forbid" or not bounded or not all(limit in spec for limit in limits):
            yield name


def _secrets(one: Manifest, *, optional: bool = True) -> Iterator[tuple[str, str]]:
    """(Secret, key) that a pod reads."""
    for variable in container(one)["env"]:
        if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
            yield reference["name"], reference["key"]
    for volume in pod(one)["volumes"]:
        sources: list[dict[str, Any]] = [source["secret"] for source in volume.get("projected", {}).get("sources", [])]
        if secret := volume.get("secret"):
            sources.append({"name": secret["secretName"], **secret})
        for source in sources:
            if optional or not source.get("optional"):
                yield from ((source["name"], item["key"]) for item in source.get("items", [{"key": "*"}]))


def _without_copies(one: Manifest) -> Manifest:
    spec = {name: value for name, value in one.get("spec", {}).items() if name != "replicas"}
    if "config" in spec:
        spec["config"] = {name: value for name, value in spec["config"].items() if name != "min.insync.replicas"}
    return {**one, "spec": spec}


CHECKS: Final = (
    schemas_accept,
    pods_are_restricted,
    memory_is_bounded,
    probes_ask_what_is_served,
    ports_are_the_services,
    selectors_find_their_pods,
    commands_and_images_agree,
    drain_fits_into_grace,
    settings_are_read,
    secrets_are_a_services_own,
    external_secrets_hold_what_is_read,
    nothing_else_is_open,
    each_service_reaches_its_own,
    scaling_follows_the_code,
    topics_and_acls_are_the_policys,
    data_stay_in_one_region,
    jobs_do_not_overlap,
)
