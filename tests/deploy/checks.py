"""What no schema sees: whether the manifests agree with each other, the policy and the code. Each yields faults."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final
from unittest.mock import patch

from pydantic import ValidationError
from pydantic_settings import SettingsError

from shared.http.server import GRACEFUL_SECONDS as REQUESTS_SECONDS
from shared.messaging.broker import GRACEFUL_SECONDS as BATCH_SECONDS
from shared.messaging.consume import REVOKE_WAIT_SECONDS
from shared.messaging.outbox import STOP_SECONDS as OUTBOX_SECONDS
from shared.messaging.worker import FINISH_SECONDS as WORK_SECONDS
from tests.deploy.built import POLICY, SETTINGS, groups, variables_of, variables_of_rotation
from tests.deploy.data_stores import (
    data_stay_in_one_region,
    kafka_keeps_its_volumes,
    kafka_listens_where_services_connect,
    mongodb_admits_its_users_alone,
    topics_fit_on_the_brokers,
)
from tests.deploy.parts import WORKLOADS, container, of_kind, pod, template, variables
from tests.deploy.published import only_what_people_use_is_published
from tests.deploy.reach import each_pod_is_reached_by_its_own, each_pod_reaches_what_it_is_told_of, nothing_else_is_open
from tests.deploy.render import Manifest
from tests.deploy.schemas import schemas_accept
from tests.deploy.secrets_in_use import (
    external_secrets_hold_what_is_read,
    no_pod_waits_for_a_map_that_nobody_makes,
    secrets_are_a_services_own,
)
from tests.deploy.strimzi import (
    a_user_s_password_is_what_its_service_signs_in_with,
    strimzi_s_kinds_are_of_this_cluster,
    topics_are_the_policys,
    users_may_what_the_policy_says,
)
from tests.deploy.time_limits import a_rotation_comes_to_its_end, a_start_is_given_time

OF_THE_SERVER: Final = frozenset({"FORWARDED_ALLOW_IPS"})  # read by uvicorn itself
SPARE_SECONDS: Final = 10  # of the grace, beyond what is counted: so that nothing that is left out goes unnoticed


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
    for name, one in of_kind(objects, *WORKLOADS).items():
        python, module_option, module, *_ = container(one)["command"]
        if (python, module_option) != ("python", "-m") or find_spec(module) is None:
            yield f"{name}: no module {module}"


def drain_fits_into_grace(objects: list[Manifest]) -> Iterator[str]:
    for name, one in of_kind(objects, "Deployment").items():
        drain = float(variables(one, objects).get("SEALED_DRAIN_SECONDS") or 0)
        needed = drain + REQUESTS_SECONDS + WORK_SECONDS + BATCH_SECONDS + REVOKE_WAIT_SECONDS + OUTBOX_SECONDS
        if not drain or pod(one).get("terminationGracePeriodSeconds", 30) < needed + SPARE_SECONDS:
            yield name


def settings_are_read(objects: list[Manifest]) -> Iterator[str]:
    """Every variable is one that the service's settings read and take, and none that they need is missing."""
    for name, one in of_kind(objects, "Deployment").items():
        told = {variable: value or "x" * 64 for variable, value in variables(one, objects).items()}
        known, needed = variables_of(name)
        known |= OF_THE_SERVER
        yield from (f"{name}: {variable} is not read" for variable in sorted(told.keys() - known))
        yield from (f"{name}: {variable} is missing" for variable in sorted(needed - told.keys()))
        try:
            with patch.dict(os.environ, told, clear=True):
                SETTINGS[name]()
        except SettingsError as error:
            yield f"{name}: {error}"
        except ValidationError as error:
            yield from (f"{name}: {fault['loc']} {fault['msg']}" for fault in error.errors(include_input=False))


def jobs_are_told_what_they_read(objects: list[Manifest]) -> Iterator[str]:
    """tests/integration/local_stack/test_migrate.py runs the migration with just this."""
    read = {"migrate": frozenset({"MONGODB_URI"}), "rotate-keys": variables_of_rotation()}
    needed = {
        "migrate": {"MONGODB_URI"},
        "rotate-keys": {"SEALED_ADMIN_MONGODB_URI", "SEALED_KEK", "VAULT_ADDR", "VAULT_TOKEN_FILE"},
    }
    for name, one in of_kind(objects, "Job", "CronJob").items():
        told = variables(one, objects).keys()
        yield from (f"{name}: {variable} is not read" for variable in sorted(told - read[name]))
        yield from (f"{name}: {variable} is missing" for variable in sorted(needed[name] - told))


def files_that_settings_name_are_mounted(objects: list[Manifest]) -> Iterator[str]:
    for name, one in of_kind(objects, *WORKLOADS).items():
        told = [value for value in variables(one, objects).values() if value and value.startswith("/")]
        folders = [mount["mountPath"] for mount in container(one)["volumeMounts"] if mount["name"] != "tmp"]
        files = {
            f"{mount['mountPath']}/{path}" for mount in container(one)["volumeMounts"] for path in _files(one, mount)
        }
        for path in [*told, *(word for word in container(one)["command"] if word.startswith("/"))]:
            if path not in folders and path not in files:
                yield f"{name}: {path}"


def _files(one: Manifest, mount: Manifest) -> Iterator[str]:
    """Paths within a mounted Secret or ConfigMap; of one mounted whole, the key that Vault's token has."""
    for volume in pod(one)["volumes"]:
        if volume["name"] == mount["name"] and (source := volume.get("secret") or volume.get("configMap")):
            yield from (item["path"] for item in source.get("items", [{"path": "token"}]))


def scaling_follows_the_code(objects: list[Manifest]) -> Iterator[str]:
    """The target exists, the groups are those that the built application joins, no more replicas than partitions."""
    deployments = of_kind(objects, "Deployment")
    for name, one in of_kind(objects, "ScaledObject").items():
        spec = one["spec"]
        if spec["scaleTargetRef"]["name"] not in deployments:
            yield f"{name}: no Deployment {spec['scaleTargetRef']['name']}"
            continue
        lags = [trigger["metadata"] for trigger in spec["triggers"] if trigger["type"] == "kafka"]
        asked = {(lag["topic"], lag["consumerGroup"]) for lag in lags}
        yield from (f"{name}: {pair}" for pair in sorted(asked ^ groups(name)))
        brokers = variables(deployments[name], objects)["KAFKA_BOOTSTRAP_SERVERS"]
        yield from (f"{name}: other brokers" for lag in lags if lag["bootstrapServers"] != brokers)
        if spec["maxReplicaCount"] > max(POLICY.topics[topic].partitions for topic, _ in groups(name)):
            yield f"{name}: more replicas than partitions"
        if "replicas" in deployments[name]["spec"]:
            yield f"{name}: the Deployment sets replicas too"


def jobs_do_not_overlap(objects: list[Manifest]) -> Iterator[str]:
    for name, one in of_kind(objects, "CronJob").items():
        spec = one["spec"]
        limits = ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
        bounded = "activeDeadlineSeconds" in spec["jobTemplate"]["spec"]
        if spec.get("concurrencyPolicy") != "Forbid" or not bounded or not all(limit in spec for limit in limits):
            yield name


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
    jobs_are_told_what_they_read,
    files_that_settings_name_are_mounted,
    no_pod_waits_for_a_map_that_nobody_makes,
    secrets_are_a_services_own,
    external_secrets_hold_what_is_read,
    nothing_else_is_open,
    each_pod_reaches_what_it_is_told_of,
    each_pod_is_reached_by_its_own,
    only_what_people_use_is_published,
    scaling_follows_the_code,
    strimzi_s_kinds_are_of_this_cluster,
    topics_are_the_policys,
    users_may_what_the_policy_says,
    a_user_s_password_is_what_its_service_signs_in_with,
    data_stay_in_one_region,
    kafka_keeps_its_volumes,
    kafka_listens_where_services_connect,
    topics_fit_on_the_brokers,
    mongodb_admits_its_users_alone,
    jobs_do_not_overlap,
    a_start_is_given_time,
    a_rotation_comes_to_its_end,
)
