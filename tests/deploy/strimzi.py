"""Strimzi's topics and users against the policy's own words: who publishes, who consumes, for how many days.

Their shape is held by models of these two kinds alone, since Strimzi's own schemas are in no registry.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tests.deploy.built import POLICY, groups
from tests.deploy.parts import of_kind
from tests.deploy.render import Manifest

DAY_MS: Final = 86_400_000
CLUSTER: Final = {"strimzi.io/cluster": "sealed-orders"}


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Topic(_Form):
    partitions: int
    replicas: int
    config: dict[Literal["retention.ms", "cleanup.policy", "min.insync.replicas"], str]


class _Secret(_Form):
    name: str
    key: str


class _From(_Form):
    secret: _Secret = Field(alias="secretKeyRef")


class _Password(_Form):
    value_from: _From = Field(alias="valueFrom")


class _Authentication(_Form):
    type: Literal["scram-sha-512"]
    password: _Password


class _Resource(_Form):
    type: Literal["topic", "group"]
    name: str
    pattern: Literal["literal", "prefix"] = Field(alias="patternType")


class _Acl(_Form):
    resource: _Resource
    operations: list[Literal["Read", "Write", "Describe"]]
    host: Literal["*"]


class _Authorization(_Form):
    type: Literal["simple"]
    acls: list[_Acl]

    def allow(self, kind: str, name: str, operation: str) -> bool:
        """As Kafka decides; reading or writing includes describing."""
        return any(
            operation in acl.operations or (operation == "Describe" and bool(acl.operations))
            for acl in self.acls
            if acl.resource.type == kind
            and (name == acl.resource.name if acl.resource.pattern == "literal" else name.startswith(acl.resource.name))
        )


class _User(_Form):
    authentication: _Authentication
    authorization: _Authorization


FORMS: Final[dict[str, type[_Form]]] = {"KafkaTopic": _Topic, "KafkaUser": _User}


def strimzi_takes_their_form(objects: list[Manifest]) -> Iterator[str]:
    for kind, form in FORMS.items():
        for name, one in of_kind(objects, kind).items():
            labels = one["metadata"]["labels"].items()
            if one["apiVersion"] != "kafka.strimzi.io/v1" or not CLUSTER.items() <= labels:
                yield f"{kind} {name}: not of this cluster"
            try:
                form.model_validate(one["spec"])
            except ValidationError as error:
                yield f"{kind} {name}: {error.errors()[0]['loc']}"


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
        may = _User.model_validate(user["spec"]).authorization
        for topic, facts in POLICY.topics.items():
            writes, reads = name in facts.publishers, name in facts.consumers
            for operation, granted in (("Write", writes), ("Read", reads), ("Describe", writes or reads)):
                if may.allow("topic", topic, operation) != granted:
                    yield f"{name}: {operation} {topic}"
        for service in POLICY.erasing_stores:
            yield from (
                f"{name}: group {group}"
                for _, group in groups(service)
                if may.allow("group", group, "Read") != (service == name)
            )
        if beyond := sorted(_named(may) - POLICY.topics.keys() - {f"{name}."}):
            yield f"{name}: {beyond}"


def a_user_s_password_is_what_its_service_signs_in_with(objects: list[Manifest]) -> Iterator[str]:
    """One property of the store, in a Secret of each namespace."""
    external = [one for one in objects if one["kind"] == "ExternalSecret"]
    held = {(one["metadata"]["namespace"], one["spec"]["target"]["name"]): one["spec"]["data"] for one in external}
    for name, user in of_kind(objects, "KafkaUser").items():
        secret = _User.model_validate(user["spec"]).authentication.password.value_from.secret
        if (secret.name, secret.key) != (f"{name}-kafka", "password"):
            yield f"{name}: {secret.name}"
        of_kafka, of_service = held.get(("kafka", secret.name)), held.get(("sealed-orders", secret.name))
        if external and (of_kafka is None or of_kafka != of_service):
            yield f"{name}: two passwords"


def _named(may: _Authorization) -> set[Any]:
    return {acl.resource.name for acl in may.acls}
