"""Kafka and MongoDB as the manifests make them: where their data lie, and whether the services can use them."""

from collections.abc import Iterator
from typing import Any, Final

from tests.deploy.parts import WORKLOADS, of_kind, pod
from tests.deploy.render import Manifest

IN_SYNC: Final = {
    "min.insync.replicas": "default.replication.factor",
    "transaction.state.log.min.isr": "transaction.state.log.replication.factor",
}
REGION: Final = ("topology.kubernetes.io/region", "In")


def data_stay_in_one_region(objects: list[Manifest]) -> Iterator[str]:
    """Law 94-V art. 12(2): every pod that runs, and every volume that is claimed."""
    regions = set()
    for name, affinity in _affinities(objects):
        required = affinity.get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
        rules = [rule for term in required.get("nodeSelectorTerms", []) for rule in term["matchExpressions"]]
        if [(rule["key"], rule["operator"]) for rule in rules] != [REGION]:
            yield name
        regions |= {value for rule in rules for value in rule["values"]}
    if len(regions) != 1:
        yield f"regions {sorted(regions)}"
    classes = {claimed for _, claimed in _classes(objects)}
    if len(classes) > 1 or None in classes:
        yield f"storage classes {sorted(_classes(objects), key=str)}"


def kafka_keeps_its_volumes(objects: list[Manifest]) -> Iterator[str]:
    """Also when its cluster is deleted: `suppressions` is nowhere else."""
    for name, one in of_kind(objects, "KafkaNodePool").items():
        for volume in one["spec"]["storage"]["volumes"]:
            if volume["type"] != "persistent-claim" or volume.get("deleteClaim", False):
                yield f"{name}: volume {volume['id']}"


def kafka_listens_where_services_connect(objects: list[Manifest]) -> Iterator[str]:
    """At the address that they are told, by TLS and SCRAM-SHA-512, and refuses what no user is granted."""
    told = of_kind(objects, "ConfigMap")["sealed-orders"]["data"]["KAFKA_BOOTSTRAP_SERVERS"]
    for name, one in of_kind(objects, "Kafka").items():
        kafka, place = one["spec"]["kafka"], f"{name}-kafka-bootstrap.{one['metadata']['namespace']}.svc"
        open_to = {f"{place}:{listener['port']}" for listener in kafka["listeners"] if _is_safe(listener)}
        if open_to != {told} or len(kafka["listeners"]) != 1:
            yield f"{name}: not just at {told}"
        peers = [peer for listener in kafka["listeners"] for peer in listener.get("networkPolicyPeers", [])]
        if {_namespace(peer) for peer in peers} != {"sealed-orders", "keda"}:
            yield f"{name}: other peers"
        if kafka.get("authorization") != {"type": "simple"} or kafka["config"]["auto.create.topics.enable"]:
            yield f"{name}: may be used without a grant"


def topics_fit_on_the_brokers(objects: list[Manifest]) -> Iterator[str]:
    pools = of_kind(objects, "KafkaNodePool").values()
    brokers = sum(pool["spec"]["replicas"] for pool in pools if "broker" in pool["spec"]["roles"])
    if pools:
        topics = of_kind(objects, "KafkaTopic").items()
        yield from (name for name, topic in topics if topic["spec"]["replicas"] > brokers)
    for name, one in of_kind(objects, "Kafka").items():
        config = one["spec"]["kafka"]["config"]
        yield from (f"{name}: {key}" for key, value in config.items() if "factor" in key and value > brokers)
        for key, copies in IN_SYNC.items():
            if config[key] != max(1, config[copies] - 1):  # one may be away, and no more
                yield f"{name}: {key}"


def mongodb_admits_its_users_alone(objects: list[Manifest]) -> Iterator[str]:
    policies = [one["spec"] for one in of_kind(objects, "NetworkPolicy").values() if _namespace_of(one) == "mongodb"]
    for name, one in of_kind(objects, "MongoDBCommunity").items():
        members = {"matchLabels": {"app": f"{name}-svc"}}
        security = one["spec"]["security"]
        if not security["tls"]["enabled"] or security["authentication"]["modes"] != ["SCRAM-SHA-256"]:
            yield f"{name}: not by TLS and SCRAM"
        if not security["authentication"]["ignoreUnknownUsers"]:
            yield f"{name}: the operator would remove the users that the migration makes"
        peers = {
            (_namespace(peer), str(peer.get("podSelector", "")), port["port"])
            for policy in policies
            if policy["podSelector"] == members
            for rule in policy["ingress"]
            for peer in rule["from"]
            for port in rule["ports"]
        }
        if peers != {("sealed-orders", "", 27017), ("mongodb", str(members), 27017)}:
            yield f"{name}: {sorted(peers)}"


def _affinities(objects: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for name, one in of_kind(objects, *WORKLOADS).items():
        yield name, pod(one).get("affinity", {})
    for name, one in of_kind(objects, "KafkaNodePool").items():
        yield f"KafkaNodePool {name}", one["spec"]["template"]["pod"].get("affinity", {})
    for name, one in of_kind(objects, "MongoDBCommunity").items():
        yield f"MongoDBCommunity {name}", one["spec"]["statefulSet"]["spec"]["template"]["spec"].get("affinity", {})


def _classes(objects: list[Manifest]) -> Iterator[tuple[str, str | None]]:
    for name, one in of_kind(objects, "KafkaNodePool").items():
        yield from ((f"KafkaNodePool {name}", volume.get("class")) for volume in one["spec"]["storage"]["volumes"])
    for name, one in of_kind(objects, "MongoDBCommunity").items():
        for claim in one["spec"]["statefulSet"]["spec"]["volumeClaimTemplates"]:
            yield f"MongoDBCommunity {name}", claim["spec"].get("storageClassName")


def _is_safe(listener: Any) -> bool:
    return bool(listener["tls"]) and listener.get("authentication") == {"type": "scram-sha-512"}


def _namespace(peer: Manifest) -> str:
    return str(peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"])


def _namespace_of(one: Manifest) -> str:
    return str(one["metadata"]["namespace"])
