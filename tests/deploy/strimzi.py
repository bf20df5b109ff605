"""Strimzi's topics and users against the policy's own words: who publishes, who consumes, for how many days."""

from collections.abc import Iterator
from typing import Final

from tests.deploy.built import POLICY, groups
from tests.deploy.parts import of_kind
from tests.deploy.render import Manifest

DAY_MS: Final = 86_400_000
CLUSTER: Final = {"strimzi.io/cluster": "sealed-orders"}


def strimzi_s_kinds_are_of_this_cluster(objects: list[Manifest]) -> Iterator[str]:
    """Its operators look at nothing else: in the namespace of the cluster, with its name as a label."""
    for one in objects:
        known = one["metadata"]
        here = known.get("namespace") == "kafka" and CLUSTER.items() <= known.get("labels", {}).items()
        if one["apiVersion"].startswith("kafka.strimzi.io/") and one["kind"] != "Kafka" and not here:
            yield f"{one['kind']} {known['name']}"


def topics_are_the_policys(objects: list[Manifest]) -> Iterator[str]:
    found = of_kind(objects, "KafkaTopic")
    if found and found.keys() != POLICY.topics.keys():
        yield f"other topics: {sorted(found.keys() ^ POLICY.topics.keys())}"
    for name, one in found.items():
        spec, facts = one["spec"], POLICY.topics[name]
        kept = "-1" if facts.retention_days is None else str(facts.retention_days * DAY_MS)
        in_sync = int(spec["config"]["min.insync.replicas"])
        held = {
            "partitions": spec["partitions"] == facts.partitions,
            "retention": spec["config"]["retention.ms"] == kept,
            "deletion": spec["config"]["cleanup.policy"] == "delete",
            "copies": in_sync == max(1, spec["replicas"] - 1),
        }
        yield from (f"{name}: {what}" for what, holds in held.items() if not holds)


def users_may_what_the_policy_says(objects: list[Manifest]) -> Iterator[str]:
    """Every service, every topic, every operation, asked one by one; and every group that a service joins."""
    users = of_kind(objects, "KafkaUser")
    if users and users.keys() != set(POLICY.erasing_stores):
        yield f"other users: {sorted(users)}"
    for name, user in users.items():
        acls = user["spec"]["authorization"]["acls"]
        for topic, facts in POLICY.topics.items():
            writes, reads = name in facts.publishers, name in facts.consumers
            for operation, granted in (("Write", writes), ("Read", reads), ("Describe", writes or reads)):
                if _allow(acls, "topic", topic, operation) != granted:
                    yield f"{name}: {operation} {topic}"
        for service in POLICY.erasing_stores:
            yield from (
                f"{name}: group {group}"
                for _, group in groups(service)
                if _allow(acls, "group", group, "Read") != (service == name)
            )
        if beyond := sorted({acl["resource"]["name"] for acl in acls} - POLICY.topics.keys() - {f"{name}."}):
            yield f"{name}: {beyond}"


def a_user_s_password_is_what_its_service_signs_in_with(objects: list[Manifest]) -> Iterator[str]:
    """One property of the store, in a Secret of each namespace."""
    external = [one for one in objects if one["kind"] == "ExternalSecret"]
    held = {(one["metadata"]["namespace"], one["spec"]["target"]["name"]): one["spec"]["data"] for one in external}
    for name, user in of_kind(objects, "KafkaUser").items():
        secret = user["spec"]["authentication"]["password"]["valueFrom"]["secretKeyRef"]
        if secret != {"name": f"{name}-kafka", "key": "password"}:
            yield f"{name}: {secret['name']}"
        of_kafka, of_service = held.get(("kafka", secret["name"])), held.get(("sealed-orders", secret["name"]))
        if external and (of_kafka is None or of_kafka != of_service):
            yield f"{name}: two passwords"


def _allow(acls: list[Manifest], kind: str, name: str, operation: str) -> bool:
    """As Kafka decides; reading or writing includes describing."""
    return any(
        operation in acl["operations"] or operation == "Describe"
        for acl in acls
        if acl["resource"]["type"] == kind
        and (
            name.startswith(acl["resource"]["name"])
            if acl["resource"]["patternType"] == "prefix"
            else name == acl["resource"]["name"]
        )
    )
