"""What the policy grants of all that is tried, said once more and independently of what provisions it."""

from deploy.least_privilege import kafka, keys, mongodb
from deploy.least_privilege.attempt import Attempt
from shared.policy.model import Policy

READS = {"find", "aggregate", "$lookup"}
OF_OWN_DATABASE = {"listCollections", "create"}
NOT_OF_OWN_COLLECTION = {"collMod"}  # the built-in role readWrite has it not


def is_granted(policy: Policy, attempt: Attempt) -> bool:
    match attempt.kind:
        case mongodb.COLLECTION:
            return _on_collection(policy, attempt)
        case mongodb.DATABASE:
            return attempt.group == attempt.service and attempt.act in OF_OWN_DATABASE
        case mongodb.INTERNAL | kafka.CLUSTER:
            return False
        case keys.KEYS:
            return _on_keys(policy, attempt)
        case keys.INDEX:
            return attempt.service in policy.store("keyring").collection("people").access
        case kafka.TOPIC:
            topic = policy.topic(attempt.name)
            roles = {"write": topic.publishers, "read": topic.consumers}
            return attempt.service in {**roles, "describe": topic.publishers + topic.consumers}.get(attempt.act, ())
        case kafka.GROUP:
            return attempt.act == "join" and attempt.name.startswith(f"{attempt.service}.")
    raise AssertionError(attempt)


def _on_collection(policy: Policy, attempt: Attempt) -> bool:
    if attempt.group == attempt.service:
        return attempt.act not in NOT_OF_OWN_COLLECTION
    if attempt.name == f"{attempt.service}_keys":
        return attempt.act in READS
    collection = policy.store(attempt.group).collections.get(attempt.name)
    actions = set(collection.access.get(attempt.service, ())) if collection else set()
    needed = {**dict.fromkeys(READS, "find"), "insert": "insert", "update": "update", "delete": "remove"}
    return {"insert", "update"} <= actions if attempt.act == "$merge" else needed.get(attempt.act) in actions


def _on_keys(policy: Policy, attempt: Attempt) -> bool:
    """Whoever makes people's keys has all data keys in hand; what is wrapped for a reader, that reader alone opens."""
    makes_keys = "insert" in policy.store("keyring").collection("subjects").access.get(attempt.service, ())
    match attempt.act:
        case keys.SEAL:
            return makes_keys
        case keys.READ:
            return makes_keys or attempt.service == attempt.name
        case _:
            return attempt.service == attempt.name
