"""Who may do what on Kafka: a user per service and the access lists that follow from the policy.

Repeatable. A list that the policy does not have (any more) is taken away: where the policy loses a grant, so does the
broker.
"""

from collections.abc import Mapping
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from shared.messaging.kafka_address import KafkaAddress
from shared.policy.access import KafkaAcl, kafka_acls
from shared.policy.model import Policy

ITERATIONS = 8192
ANSWER_SECONDS = 30
_ANY: Any = None  # which the library's types leave out
_EVERY = AclBindingFilter(
    ResourceType.ANY, _ANY, ResourcePatternType.ANY, _ANY, _ANY, AclOperation.ANY, AclPermissionType.ANY
)


def provision_access(kafka: KafkaAddress, policy: Policy, passwords: Mapping[str, str]) -> None:
    """Service → password. Blocks. Raises confluent_kafka's KafkaException where the broker refuses."""
    admin = administration(kafka)
    _settle(admin.alter_user_scram_credentials([_user(name, password) for name, password in passwords.items()]))
    wanted = {_binding(acl) for acl in kafka_acls(policy)}
    present = set(admin.describe_acls(_EVERY, request_timeout=ANSWER_SECONDS).result())
    ours = {f"User:{service}" for service in passwords}
    stale = [acl for acl in present - wanted if acl.principal in ours or acl.name in policy.topics]
    if stale:
        _settle(admin.delete_acls([_exactly(acl) for acl in stale]))
    if missing := list(wanted - present):
        _settle(admin.create_acls(missing))


def administration(kafka: KafkaAddress) -> AdminClient:
    """librdkafka's administration client: whether it may do anything, the brokers decide."""
    options: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "security.protocol": "SASL_SSL" if kafka.ca_file else "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": kafka.username,
        "sasl.password": kafka.password,
        "log_level": 0,  # what went wrong is raised
    }
    return AdminClient(options | ({"ssl.ca.location": str(kafka.ca_file)} if kafka.ca_file else {}))


def _settle(futures: Mapping[Any, Any]) -> None:
    for future in futures.values():
        future.result(timeout=ANSWER_SECONDS)


def _user(name: str, password: str) -> UserScramCredentialUpsertion:
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    return UserScramCredentialUpsertion(name, scram, password.encode())


def _binding(acl: KafkaAcl) -> AclBinding:
    return AclBinding(
        ResourceType[acl.resource.upper()],
        acl.name,
        ResourcePatternType[acl.pattern.upper()],
        acl.principal,
        "*",
        AclOperation[acl.operation],
        AclPermissionType.ALLOW,
    )


def _exactly(acl: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        acl.restype, acl.name, acl.resource_pattern_type, acl.principal, acl.host, acl.operation, acl.permission_type
    )
