"""Least privilege, derived from the policy: MongoDB views and roles, Kafka access lists.

Plain values; the provisioner applies them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.policy.model import Policy
from shared.policy.rows import Action

ROLES_DATABASE = "admin"


@dataclass(frozen=True, slots=True)
class View:
    """A MongoDB view in `database` over `source`."""

    database: str
    name: str
    source: str
    pipeline: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Privilege:
    """Actions on one collection or view, by MongoDB's names."""

    database: str
    collection: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """A service's role, made in ROLES_DATABASE. `read_write`: where it has the built-in role readWrite."""

    name: str
    read_write: tuple[str, ...]
    privileges: tuple[Privilege, ...]


@dataclass(frozen=True, slots=True)
class KafkaAcl:
    """`principal` may do `operation`; the rest is refused. `prefixed`: on every name that begins so."""

    principal: str
    resource: Literal["topic", "group"]
    name: str
    pattern: Literal["literal", "prefixed"]
    operation: Literal["READ", "WRITE", "DESCRIBE"]


@dataclass(frozen=True, slots=True)
class KekGrant:
    """What a service may do with a reader's key-encryption keys in a KMS."""

    service: str
    act: Literal["seal", "open"]
    reader: str


def views(policy: Policy) -> tuple[View, ...]:
    """One view per reader onto its own column: `{_id, key, fenced_at}`. The collection stays closed to it."""
    return tuple(
        View(
            database=database,
            name=view_name(reader),
            source=name,
            pipeline=({"$project": {"_id": 1, "key": f"${column}.{reader}", "fenced_at": 1}},),
        )
        for database, name, column in _columns(policy)
        for reader in policy.readers
    )


def roles(policy: Policy) -> tuple[Role, ...]:
    """One role per service: its own database, its own keyring view, what the policy's `access` adds."""
    return tuple(
        Role(name=service, read_write=(service,), privileges=tuple(_privileges(policy, service)))
        for service in policy.erasing_stores
    )


def kafka_acls(policy: Policy) -> tuple[KafkaAcl, ...]:
    """Publishers write, consumers read in groups named after them, nobody else does anything."""
    return tuple(_topic_acls(policy)) + tuple(
        KafkaAcl(f"User:{service}", "group", f"{service}.", "prefixed", "READ") for service in policy.erasing_stores
    )


def kek_grants(policy: Policy) -> tuple[KekGrant, ...]:
    """Each reader opens its own, and nobody else does; whoever makes people's keys seals for every reader."""
    opening = (KekGrant(reader, "open", reader) for reader in policy.readers)
    sealing = (
        KekGrant(service, "seal", reader) for service in _whoever_may(policy, "insert") for reader in policy.readers
    )
    return (*opening, *sealing)


def kek_listers(policy: Policy) -> tuple[str, ...]:
    """Who may know which epochs there are: whoever makes people's keys, and whoever destroys and certifies it."""
    return tuple(dict.fromkeys((*_whoever_may(policy, "insert"), *_whoever_may(policy, "remove"))))


def view_name(reader: str) -> str:
    """Name of the reader's view of the keyring."""
    return f"{reader}_keys"


def _whoever_may(policy: Policy, action: Action) -> Iterator[str]:
    """Services with that privilege on people's keys."""
    for database, name, _ in _columns(policy):
        access = policy.store(database).collection(name).access
        yield from (service for service, actions in access.items() if action in actions)


def _columns(policy: Policy) -> Iterator[tuple[str, str, str]]:
    for database, store in policy.stores.items():
        for name, collection in store.collections.items():
            if collection.column_per_reader:
                yield database, name, collection.column_per_reader


def _privileges(policy: Policy, service: str) -> Iterator[Privilege]:
    if service in policy.readers:
        for database, _, _ in _columns(policy):
            yield Privilege(database, view_name(service), ("find",))
    for database, store in policy.stores.items():
        for name, collection in store.collections.items():
            if actions := collection.access.get(service):
                yield Privilege(database, name, actions)


def _topic_acls(policy: Policy) -> Iterator[KafkaAcl]:
    for name, topic in policy.topics.items():
        for service in dict.fromkeys((*topic.publishers, *topic.consumers)):
            principal = f"User:{service}"
            yield KafkaAcl(principal, "topic", name, "literal", "DESCRIBE")
            if service in topic.publishers:
                yield KafkaAcl(principal, "topic", name, "literal", "WRITE")
            if service in topic.consumers:
                yield KafkaAcl(principal, "topic", name, "literal", "READ")
