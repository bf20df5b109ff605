"""Secrets that pods read: each its service's own, each key filled by somebody, each map there. Each yields faults."""

from collections.abc import Iterator
from typing import Final

from tests.deploy.built import POLICY, key_files
from tests.deploy.parts import WORKLOADS, of_kind, pod, secrets_of
from tests.deploy.render import Manifest

# Strimzi's certificate authority, and tokens of Vault, which are renewed where they were made.
MADE_ELSEWHERE: Final = frozenset(
    {"sealed-orders-cluster-ca-cert", "vault-admin", *(f"{service}-vault" for service in POLICY.erasing_stores)}
)
MAPS_MADE_ELSEWHERE: Final = frozenset({"vault-ca"})  # docs/operations.md, step 4
SECRETS_OF_A_SERVICE: Final = ("keys", "kafka", "mongodb", "tokens", "vault", "mailbox", "single-sign-on")
STORE: Final = {"kind": "ClusterSecretStore", "name": "sealed-orders"}  # docs/operations.md
# Secret that a component reads → an object of that component.
OF_COMPONENTS: Final = {
    "mongodb-admin": "migrate",
    "privacy-mailbox": "mailbox",
    "privacy-single-sign-on": "single-sign-on",
    "keda-kafka": "sealed-orders-keda",
}
MONTHS: Final = 24  # of rotations that every key folder has room for


def no_pod_waits_for_a_map_that_nobody_makes(objects: list[Manifest]) -> Iterator[str]:
    """One that is mounted is a manifest, or may be missing, or the component that mounts it asks for it."""
    there = of_kind(objects, "ConfigMap").keys() | MAPS_MADE_ELSEWHERE
    for name, one in of_kind(objects, *WORKLOADS).items():
        maps = [volume["configMap"] for volume in pod(one)["volumes"] if "configMap" in volume]
        yield from (f"{name}: {of['name']}" for of in maps if not of.get("optional") and of["name"] not in there)


def secrets_are_a_services_own(objects: list[Manifest]) -> Iterator[str]:
    """Only its own Secrets, and of the key folder just the files that the provisioner makes for it, in each epoch."""
    for name, one in of_kind(objects, "Deployment").items():
        own = {"sealed-orders-cluster-ca-cert", *(f"{name}-{what}" for what in SECRETS_OF_A_SERVICE)}
        yield from (f"{name} reads {secret}" for secret, _ in secrets_of(one) if secret not in own)
        (volume,) = [volume for volume in pod(one)["volumes"] if volume["name"] == "keys"]
        items = [item for source in volume["projected"]["sources"] for item in source["secret"]["items"]]
        yield from (f"{name}: {item['path']}" for item in items if item["key"] != item["path"].replace("/", "."))
        allowed = {path.replace("/1.json", f"/{n}.json") for path in key_files(name) for n in range(1, MONTHS + 1)}
        mounted = {item["path"] for item in items}
        yield from (f"{name}: {path}" for path in sorted(mounted ^ allowed))
        always = {item["path"] for item in volume["projected"]["sources"][0]["secret"]["items"]}
        if always != {path for path in key_files(name) if not path.endswith("/1.json")}:
            yield f"{name}: a file of an epoch is required, or one is not that it does not start without"


def external_secrets_hold_what_is_read(objects: list[Manifest]) -> Iterator[str]:
    """All of it, but for what others make and renew; and nothing for nobody, but for components that are left out."""
    given = {
        (one["spec"]["target"]["name"], entry["secretKey"])
        for one in objects
        if one["kind"] == "ExternalSecret" and one["metadata"]["namespace"] == "sealed-orders"
        for entry in one["spec"]["data"]
    }
    read = {pair for one in of_kind(objects, *WORKLOADS).values() for pair in secrets_of(one, optional=False)}
    read |= {
        (entry["name"], entry["key"])
        for one in of_kind(objects, "TriggerAuthentication").values()
        for entry in one["spec"]["secretTargetRef"]
    }
    names = {one["metadata"]["name"] for one in objects if one["kind"] != "ExternalSecret"}
    left_out = {secret for secret, shown_by in OF_COMPONENTS.items() if shown_by not in names}
    if given:
        yield from (f"{secret} lacks {key}" for secret, key in sorted(read - given) if secret not in MADE_ELSEWHERE)
        held = sorted(given - read)
        yield from (f"{secret} holds {key} for nobody" for secret, key in held if secret not in left_out)
    for spec in (one["spec"] for one in objects if one["kind"] == "ExternalSecret"):
        if spec["target"]["creationPolicy"] != "Owner" or spec["secretStoreRef"] != STORE:
            yield f"{spec['target']['name']}: not made, or of another store"
