# ruff: noqa: E501 (a defect a line)
"""Every combination of base, components and overlays keeps every rule; every planted defect breaks the rule named."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from deploy.k8s_manifests.write import drifted
from tests.deploy import checks
from tests.deploy.built import POLICY
from tests.deploy.checks import CHECKS
from tests.deploy.parts import container, of_kind, pod
from tests.deploy.render import COMBINATIONS, Manifest, objects, rendered

Check = Callable[[list[Manifest]], Any]


@pytest.mark.parametrize(
    ("root", "components"), COMBINATIONS, ids=lambda part: part if isinstance(part, str) else "+".join(part)
)
def test_a_combination_keeps_every_rule(
    root: str, components: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = objects(rendered(root, components, tmp_path_factory.mktemp("joined").resolve()))
    assert made
    assert {check.__name__: faults for check in CHECKS if (faults := list(check(made)))} == {}


def test_nothing_generated_has_drifted() -> None:
    assert drifted(POLICY) == []


def test_drift_is_noticed(tmp_path: Any) -> None:
    assert "base/intake.yaml" in drifted(POLICY, tmp_path)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """With the components that it leaves out."""
    folder = tmp_path_factory.mktemp("production").resolve()
    return objects(rendered("overlays/production", ("single-sign-on", "tracing"), folder))


def test_production_with_every_component_keeps_every_rule(production: list[Manifest]) -> None:
    assert {check.__name__: faults for check in CHECKS if (faults := list(check(production)))} == {}


def deployment(made: list[Manifest], name: str = "delivery") -> Manifest:
    return of_kind(made, "Deployment")[name]


def first(made: list[Manifest], kind: str, name: str = "delivery") -> Any:
    return of_kind(made, kind)[name]["spec"]


def lag(made: list[Manifest]) -> Any:
    return next(t for t in first(made, "ScaledObject")["triggers"] if t["type"] == "kafka")["metadata"]


def traces(made: list[Manifest]) -> Any:
    return of_kind(made, "ConfigMap")["tracing"]["data"]


def published(made: list[Manifest]) -> Any:
    return first(made, "Ingress", "sealed-orders")["rules"][0]["http"]["paths"]


def kafka(made: list[Manifest]) -> Any:
    return first(made, "Kafka", "sealed-orders")["kafka"]


def mongodb(made: list[Manifest]) -> Any:
    return first(made, "MongoDBCommunity", "sealed-orders")


def acls(made: list[Manifest]) -> Any:
    return first(made, "KafkaUser")["authorization"]["acls"]


def acl_of(made: list[Manifest], topic: str) -> Any:
    return next(acl for acl in acls(made) if acl["resource"]["name"] == topic)


def keys_of(made: list[Manifest]) -> Any:
    return next(v for v in pod(deployment(made))["volumes"] if v["name"] == "keys")["projected"]["sources"]


def variable(made: list[Manifest], name: str) -> Any:
    return next(v for v in container(deployment(made))["env"] if v["name"] == name)


DEFECTS: list[tuple[str, Check, Callable[[list[Manifest]], Any]]] = [
    ("a kind nobody knows", checks.schemas_accept, lambda m: m[0].update(kind="Namespaze")),
    ("a field nobody knows", checks.schemas_accept, lambda m: deployment(m)["spec"].update(replica=2)),
    ("a custom field mistyped", checks.schemas_accept, lambda m: first(m, "ScaledObject").update(maxReplica=9)),
    ("a writable root", checks.pods_are_restricted, lambda m: container(deployment(m))["securityContext"].update(readOnlyRootFilesystem=False)),
    ("a token mounted", checks.pods_are_restricted, lambda m: deployment(m)["spec"]["template"]["spec"].update(automountServiceAccountToken=True)),
    ("a namespace that enforces nothing", checks.pods_are_restricted, lambda m: of_kind(m, "Namespace")["sealed-orders"]["metadata"]["labels"].clear()),
    ("no bound of memory", checks.memory_is_bounded, lambda m: container(deployment(m))["resources"].pop("limits")),
    ("a probe on a wrong port", checks.probes_ask_what_is_served, lambda m: container(deployment(m))["readinessProbe"]["httpGet"].update(port="metrics")),
    ("liveness that asks dependencies", checks.probes_ask_what_is_served, lambda m: container(deployment(m))["livenessProbe"]["httpGet"].update(path="/health/ready")),
    ("another port than the service's", checks.ports_are_the_services, lambda m: container(deployment(m))["ports"][0].update(containerPort=8081)),
    ("scraping another path", checks.ports_are_the_services, lambda m: first(m, "PodMonitor", "sealed-orders")["podMetricsEndpoints"][0].update(path="/metric")),
    ("a Service that selects another", checks.selectors_find_their_pods, lambda m: first(m, "Service")["selector"].update({"app.kubernetes.io/name": "intake"})),
    ("another service's command", checks.commands_and_images_agree, lambda m: container(deployment(m))["command"].__setitem__(2, "services.intake")),
    ("another image", checks.commands_and_images_agree, lambda m: deployment(m)["spec"]["template"]["spec"]["containers"][0].update(image="sealed-orders:0.0.9")),
    ("too little grace", checks.drain_fits_into_grace, lambda m: deployment(m)["spec"]["template"]["spec"].update(terminationGracePeriodSeconds=30)),
    ("no drain", checks.drain_fits_into_grace, lambda m: of_kind(m, "ConfigMap")["sealed-orders"]["data"].pop("SEALED_DRAIN_SECONDS")),
    ("a setting mistyped", checks.settings_are_read, lambda m: of_kind(m, "ConfigMap")["delivery"]["data"].update(PARTNER_URI="x")),
    ("a setting missing", checks.settings_are_read, lambda m: of_kind(m, "ConfigMap")["delivery"]["data"].pop("PARTNER_URL")),
    ("a setting that is refused", checks.settings_are_read, lambda m: of_kind(m, "ConfigMap")["sealed-orders"]["data"].update(SEALED_KEY_CACHE_SECONDS="600")),
    ("a job's variable mistyped", checks.jobs_are_told_what_they_read, lambda m: container(of_kind(m, "CronJob")["rotate-keys"])["env"][0].update(name="ADMIN_MONGODB_URI")),
    ("a job's module that is not there", checks.commands_and_images_agree, lambda m: container(of_kind(m, "Job")["migrate"])["command"].__setitem__(2, "deploy.provision.migration")),
    ("a file that is not mounted", checks.files_that_settings_name_are_mounted, lambda m: of_kind(m, "ConfigMap")["sealed-orders"]["data"].update(KAFKA_CA_FILE="/kafka/ca.pem")),
    ("another service's MongoDB user", checks.secrets_are_a_services_own, lambda m: variable(m, "MONGODB_URI")["valueFrom"]["secretKeyRef"].update(name="privacy-mongodb")),
    ("another reader's private key", checks.secrets_are_a_services_own, lambda m: keys_of(m)[1]["secret"]["items"].append({"key": "kek.privacy.1.json", "path": "kek/9.json"})),
    ("a key of one's own left out", checks.secrets_are_a_services_own, lambda m: keys_of(m)[0]["secret"]["items"].pop()),
    ("an epoch without which it does not start", checks.secrets_are_a_services_own, lambda m: keys_of(m)[0]["secret"]["items"].append(keys_of(m)[1]["secret"]["items"].pop())),
    ("a missing key of a job", checks.external_secrets_hold_what_is_read, lambda m: first(m, "ExternalSecret", "mongodb-admin")["data"].clear()),
    ("a missing key", checks.external_secrets_hold_what_is_read, lambda m: first(m, "ExternalSecret", "delivery-tokens")["data"].clear()),
    ("a Secret of KEDA's that nobody fills", checks.external_secrets_hold_what_is_read, lambda m: first(m, "ExternalSecret", "keda-kafka")["data"].pop()),
    ("a Secret that is not made", checks.external_secrets_hold_what_is_read, lambda m: first(m, "ExternalSecret", "delivery-mongodb")["target"].update(creationPolicy="None")),
    ("a client that is given another secret", checks.external_secrets_hold_what_is_read, lambda m: next(v for v in container(deployment(m, "privacy"))["env"] if v["name"] == "SEALED_OIDC_CLIENT_SECRET")["valueFrom"]["secretKeyRef"].update(name="privacy-tokens", key="SEALED_OFFICER_TOKEN")),
    ("a mailbox without its password", checks.external_secrets_hold_what_is_read, lambda m: first(m, "ExternalSecret", "privacy-mailbox")["data"].clear()),
    ("a mailbox whose password is not mounted", checks.files_that_settings_name_are_mounted, lambda m: of_kind(m, "ConfigMap")["mailbox"]["data"].update(SEALED_IMAP_PASSWORD_FILE="/mailbox/secret")),
    ("an authority of MongoDB's that has to be there", checks.no_pod_waits_for_a_map_that_nobody_makes, lambda m: next(v for v in pod(deployment(m))["volumes"] if v["name"] == "mongodb-ca")["configMap"].pop("optional")),
    ("a mailbox out of reach", checks.each_pod_reaches_what_it_is_told_of, lambda m: first(m, "NetworkPolicy", "mailbox")["egress"].clear()),
    ("a mailbox without TLS", checks.settings_are_read, lambda m: of_kind(m, "ConfigMap")["mailbox"]["data"].update(SEALED_IMAP_TLS="none")),
    ("Vault's authority that is not mounted", checks.files_that_settings_name_are_mounted, lambda m: of_kind(m, "ConfigMap")["vault"]["data"].update(VAULT_CACERT="/vault/ca.crt")),
    ("a collector out of reach", checks.each_pod_reaches_what_it_is_told_of, lambda m: m.remove(of_kind(m, "NetworkPolicy")["tracing"])),
    ("another port than the collector's", checks.each_pod_reaches_what_it_is_told_of, lambda m: first(m, "NetworkPolicy", "tracing")["egress"][0]["ports"][0].update(port=4317)),
    ("all pods beside the collector in reach", checks.each_pod_reaches_what_it_is_told_of, lambda m: first(m, "NetworkPolicy", "tracing")["egress"][0]["to"][0].pop("podSelector")),
    ("a job that may reach the collector", checks.each_pod_reaches_what_it_is_told_of, lambda m: first(m, "NetworkPolicy", "tracing")["podSelector"].pop("matchExpressions")),
    ("a service that may reach the collector and is not told", checks.each_pod_reaches_what_it_is_told_of, lambda m: container(deployment(m))["envFrom"].remove({"configMapRef": {"name": "tracing"}})),
    ("a setting of traces mistyped", checks.settings_are_read, lambda m: traces(m).update(OTEL_TRACES_SAMPLER="always_on")),
    ("a share of traces that is none", checks.settings_are_read, lambda m: traces(m).update(OTEL_TRACES_SAMPLER_ARG="10")),
    ("an issuer out of reach", checks.each_pod_reaches_what_it_is_told_of, lambda m: first(m, "NetworkPolicy", "single-sign-on")["egress"].clear()),
    ("a role that nobody knows", checks.settings_are_read, lambda m: of_kind(m, "ConfigMap")["single-sign-on"]["data"].update(SEALED_OIDC_ROLES='{"heads": "head"}')),
    ("a client without its secret", checks.external_secrets_hold_what_is_read, lambda m: first(m, "ExternalSecret", "privacy-single-sign-on")["data"].clear()),
    ("an egress left open", checks.nothing_else_is_open, lambda m: first(m, "NetworkPolicy")["egress"].append({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})),
    ("no default deny", checks.nothing_else_is_open, lambda m: first(m, "NetworkPolicy", "default-deny").update(policyTypes=["Ingress"])),
    ("MongoDB out of reach", checks.each_pod_reaches_what_it_is_told_of, lambda m: first(m, "NetworkPolicy")["egress"].pop(2)),
    ("an address that no rule lets it reach", checks.each_pod_reaches_what_it_is_told_of, lambda m: of_kind(m, "ConfigMap")["delivery"]["data"].update(PARTNER_URL="https://other.egress.svc")),
    ("a peer that it is not told of", checks.each_pod_reaches_what_it_is_told_of, lambda m: first(m, "NetworkPolicy")["egress"].append(first(m, "NetworkPolicy", "intake")["egress"][-1])),
    ("Vault out of a rotation's reach", checks.each_pod_reaches_what_it_is_told_of, lambda m: first(m, "NetworkPolicy", "rotate-keys")["egress"].pop()),
    ("no way in for scraping", checks.each_pod_is_reached_by_its_own, lambda m: first(m, "NetworkPolicy")["ingress"].clear()),
    ("a way in from outside for a service without pages", checks.each_pod_is_reached_by_its_own, lambda m: first(m, "NetworkPolicy", "intake-ingress").update(podSelector={})),
    ("a gateway that is a whole namespace", checks.each_pod_is_reached_by_its_own, lambda m: first(m, "NetworkPolicy", "operators")["ingress"][0]["from"][0].pop("podSelector")),
    ("metrics let out", checks.only_what_people_use_is_published, lambda m: published(m).append({**published(m)[0], "path": "/metrics"})),
    ("everything let out", checks.only_what_people_use_is_published, lambda m: published(m)[0].update(pathType="Prefix")),
    ("a page that nobody gets to", checks.only_what_people_use_is_published, lambda m: published(m).pop(1)),
    ("a typo in a group id", checks.scaling_follows_the_code, lambda m: lag(m).update(consumerGroup="delivery.order")),
    ("a scale target that is not there", checks.scaling_follows_the_code, lambda m: first(m, "ScaledObject")["scaleTargetRef"].update(name="deliver")),
    ("more replicas than partitions", checks.scaling_follows_the_code, lambda m: first(m, "ScaledObject").update(maxReplicaCount=7)),
    ("a group that nobody joins", checks.scaling_follows_the_code, lambda m: lag(m).update(topic="consents", consumerGroup="delivery.consents")),
    ("a custom field of Strimzi's mistyped", checks.schemas_accept, lambda m: first(m, "KafkaUser")["authorization"]["acls"][0].update(operation="Read")),
    ("a topic of another cluster", checks.strimzi_s_kinds_are_of_this_cluster, lambda m: of_kind(m, "KafkaTopic")["orders"]["metadata"]["labels"].clear()),
    ("a grant that the policy lacks", checks.users_may_what_the_policy_says, lambda m: acl_of(m, "orders")["operations"].append("Write")),
    ("a grant that is missing", checks.users_may_what_the_policy_says, lambda m: acls(m).pop()),
    ("a grant on every topic", checks.users_may_what_the_policy_says, lambda m: acls(m).append({"resource": {"type": "topic", "name": "", "patternType": "prefix"}, "operations": ["Read"], "host": "*"})),
    ("another service's groups", checks.users_may_what_the_policy_says, lambda m: acls(m).append({"resource": {"type": "group", "name": "privacy.", "patternType": "prefix"}, "operations": ["Read"], "host": "*"})),
    ("two passwords of one user", checks.a_user_s_password_is_what_its_service_signs_in_with, lambda m: next(one for one in m if one["kind"] == "ExternalSecret" and one["metadata"]["namespace"] == "kafka")["spec"]["data"][0]["remoteRef"].update(key="other")),
    ("fewer days of retention", checks.topics_are_the_policys, lambda m: first(m, "KafkaTopic", "orders")["config"].update({"retention.ms": "1"})),
    ("a topic left out", checks.topics_are_the_policys, lambda m: m.remove(of_kind(m, "KafkaTopic")["orders"])),
    ("a pod of another region", checks.data_stay_in_one_region, lambda m: deployment(m)["spec"]["template"]["spec"].pop("affinity")),
    ("a Kafka of another region", checks.data_stay_in_one_region, lambda m: first(m, "KafkaNodePool", "nodes")["template"]["pod"].pop("affinity")),
    ("a MongoDB of another region", checks.data_stay_in_one_region, lambda m: mongodb(m)["statefulSet"]["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"][0]["matchExpressions"][0].update(values=["eu"])),
    ("a volume of the cluster's own class", checks.data_stay_in_one_region, lambda m: mongodb(m)["statefulSet"]["spec"]["volumeClaimTemplates"][0]["spec"].pop("storageClassName")),
    ("a volume that goes with its cluster", checks.kafka_keeps_its_volumes, lambda m: first(m, "KafkaNodePool", "nodes")["storage"]["volumes"][0].update(deleteClaim=True)),
    ("writing that waits for every copy", checks.topics_fit_on_the_brokers, lambda m: kafka(m)["config"].update({"transaction.state.log.min.isr": 3})),
    ("a listener without TLS", checks.kafka_listens_where_services_connect, lambda m: kafka(m)["listeners"][0].update(tls=False)),
    ("a listener on another port", checks.kafka_listens_where_services_connect, lambda m: kafka(m)["listeners"][0].update(port=9094)),
    ("a listener open to every namespace", checks.kafka_listens_where_services_connect, lambda m: kafka(m)["listeners"][0].pop("networkPolicyPeers")),
    ("a Kafka without access lists", checks.kafka_listens_where_services_connect, lambda m: kafka(m).pop("authorization")),
    ("more copies than brokers", checks.topics_fit_on_the_brokers, lambda m: first(m, "KafkaNodePool", "nodes").update(replicas=1)),
    ("a MongoDB without TLS", checks.mongodb_admits_its_users_alone, lambda m: mongodb(m)["security"]["tls"].update(enabled=False)),
    ("a MongoDB that forgets its users", checks.mongodb_admits_its_users_alone, lambda m: mongodb(m)["security"]["authentication"].update(ignoreUnknownUsers=False)),
    ("a MongoDB open to another namespace", checks.mongodb_admits_its_users_alone, lambda m: first(m, "NetworkPolicy", "mongodb")["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"].update({"kubernetes.io/metadata.name": "egress"})),
    ("rotations that overlap", checks.jobs_do_not_overlap, lambda m: first(m, "CronJob", "rotate-keys").update(concurrencyPolicy="Allow")),
    ("a start that is given up too early", checks.a_start_is_given_time, lambda m: container(deployment(m))["startupProbe"].update(failureThreshold=30)),
    ("a rollout that is given up before a start", checks.a_start_is_given_time, lambda m: deployment(m)["spec"].pop("progressDeadlineSeconds")),
    ("a rotation that is stopped too early", checks.a_rotation_comes_to_its_end, lambda m: first(m, "CronJob", "rotate-keys")["jobTemplate"]["spec"].update(activeDeadlineSeconds=7200)),
]  # fmt: skip


@pytest.mark.parametrize(("check", "plant"), [row[1:] for row in DEFECTS], ids=[row[0] for row in DEFECTS])
def test_a_planted_defect_is_caught(
    check: Check, plant: Callable[[list[Manifest]], Any], production: list[Manifest]
) -> None:
    assert list(check(production)) == []
    made = copy.deepcopy(production)
    plant(made)
    assert list(check(made)) != []
