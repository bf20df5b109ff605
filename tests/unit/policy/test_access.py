"""Least privilege, written out once: whoever widens it changes this file too."""

from shared.policy.access import KafkaAcl, KekGrant, Privilege, kafka_acls, kek_grants, kek_listers, roles, views
from shared.policy.load import load_policy
from tests.unit.policy.a_policy import a_policy

POLICY = load_policy()


def test_each_reader_has_a_view_onto_its_own_column_alone() -> None:
    assert [(view.database, view.name, view.source, *view.pipeline) for view in views(POLICY)] == [
        ("keyring", f"{reader}_keys", "subjects", {"$project": {"_id": 1, "key": f"$keys.{reader}", "fenced_at": 1}})
        for reader in ("intake", "delivery", "notifications", "privacy")
    ]


def test_each_service_writes_its_own_database_and_sees_its_own_keys() -> None:
    assert {role.name: (role.read_write, set(role.privileges)) for role in roles(POLICY)} == {
        "intake": (
            ("intake",),
            {
                Privilege("keyring", "intake_keys", ("find",)),
                Privilege("keyring", "subjects", ("insert",)),
                Privilege("keyring", "people", ("find", "insert", "update", "remove")),
            },
        ),
        "delivery": (("delivery",), {Privilege("keyring", "delivery_keys", ("find",))}),
        "notifications": (("notifications",), {Privilege("keyring", "notifications_keys", ("find",))}),
        "privacy": (
            ("privacy",),
            {
                Privilege("keyring", "privacy_keys", ("find",)),
                Privilege("keyring", "subjects", ("find", "update", "remove")),
                Privilege("keyring", "people", ("find", "remove")),
                Privilege("keyring", "epochs", ("find",)),
            },
        ),
    }


def test_a_reader_taken_out_of_the_policy_loses_its_view_and_its_privilege() -> None:
    policy = a_policy(lambda rows: rows["readers"].pop("notifications"))
    assert "notifications_keys" not in [view.name for view in views(policy)]
    (role,) = [role for role in roles(policy) if role.name == "notifications"]
    assert role.privileges == ()


def _may(operation: str) -> dict[str, set[str]]:
    allowed: dict[str, set[str]] = {}
    for acl in kafka_acls(POLICY):
        if acl.resource == "topic" and acl.operation == operation:
            allowed.setdefault(acl.principal.removeprefix("User:"), set()).add(acl.name)
    return allowed


def test_publishers_write_their_topics_and_nothing_else() -> None:
    assert _may("WRITE") == {
        "intake": {
            "orders",
            "consents",
            "erasure-receipts",
            "inspections",
            "inspection-answers",
            "store-samples",
            "dead-letters-intake",
        },
        "delivery": {"shipments", "erasure-receipts", "inspection-answers", "store-samples", "dead-letters-delivery"},
        "notifications": {"erasure-receipts", "inspection-answers", "store-samples", "dead-letters-notifications"},
        "privacy": {
            "erasure-intake",
            "erasure-delivery",
            "erasure-notifications",
            "erasure-privacy",
            "erasure-receipts",
            "cases",
            "ledger-heads",
            "inspections",
            "inspection-answers",
            "store-samples",
            "suppressions",
            "dead-letters-privacy",
        },
    }


def test_consumers_read_their_topics_and_nobody_reads_dead_letters() -> None:
    assert _may("READ") == {
        "intake": {"shipments", "cases", "erasure-intake", "inspections", "inspection-answers", "suppressions"},
        "delivery": {"orders", "erasure-delivery", "inspections", "suppressions"},
        "notifications": {"orders", "shipments", "consents", "erasure-notifications", "inspections", "suppressions"},
        "privacy": {
            "orders",
            "shipments",
            "consents",
            "erasure-privacy",
            "erasure-receipts",
            "inspections",
            "inspection-answers",
            "store-samples",
            "suppressions",
        },
    }


def test_groups_are_each_service_s_own() -> None:
    assert {acl for acl in kafka_acls(POLICY) if acl.resource == "group"} == {
        KafkaAcl(f"User:{service}", "group", f"{service}.", "prefixed", "READ")
        for service in ("intake", "delivery", "notifications", "privacy")
    }


def test_a_consumer_taken_out_of_the_policy_may_no_longer_read() -> None:
    policy = a_policy(lambda rows: rows["topics"]["orders"]["consumers"].remove("notifications"))
    lost = set(kafka_acls(POLICY)) - set(kafka_acls(policy))
    assert lost == {
        KafkaAcl("User:notifications", "topic", "orders", "literal", operation) for operation in ("READ", "DESCRIBE")
    }


def test_each_reader_opens_its_own_keys_and_intake_alone_seals() -> None:
    readers = ("intake", "delivery", "notifications", "privacy")
    assert set(kek_grants(POLICY)) == {
        *(KekGrant(reader, "open", reader) for reader in readers),
        *(KekGrant("intake", "seal", reader) for reader in readers),
    }
    assert kek_listers(POLICY) == ("intake", "privacy")
