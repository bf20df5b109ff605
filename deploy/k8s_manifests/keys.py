"""Which keys a service's Secret `<service>-keys` may hold: its own, and what the policy lets it know of others'.

A Secret's keys have no folders: `kek.1.json` is mounted as kek/1.json. Only what is listed is mounted, so a key that
was put into the wrong Secret reaches nobody.
"""

from collections.abc import Iterator
from typing import Final

from deploy.k8s_manifests.names import Manifest
from services.privacy.console import one_time_code
from shared.policy.access import kek_grants, kek_listers
from shared.policy.model import Policy
from shared.sealing.people_index import HOLDERS

MOST_EPOCHS: Final = 24  # two years of a rotation each month; `make manifests` with more when they come


def always(policy: Policy, service: str) -> tuple[str, ...]:
    """Files under the key folder without which the service does not start."""
    return tuple(_always(policy, service))


def per_epoch(policy: Policy, service: str) -> tuple[str, ...]:
    """Files that come and go with epochs; none where the key-encryption keys are in Vault."""
    return tuple(_per_epoch(policy, service))


def volume(policy: Policy, service: str) -> Manifest:
    """A projected volume: the key folder."""
    name = f"{service}-keys"
    sources: list[Manifest] = [{"secret": {"name": name, "items": [_item(path) for path in always(policy, service)]}}]
    if epochs := per_epoch(policy, service):
        sources.append({"secret": {"name": name, "optional": True, "items": [_item(path) for path in epochs]}})
    return {"name": "keys", "projected": {"defaultMode": 0o440, "sources": sources}}


def secret_key(path: str) -> str:
    return path.replace("/", ".")


def _item(path: str) -> Manifest:
    return {"key": secret_key(path), "path": path}


def _always(policy: Policy, service: str) -> Iterator[str]:
    yield "signing.json"
    if service in HOLDERS:
        yield "lookup.json"
    if service == "privacy":
        yield one_time_code.FILE
        yield from (f"verify/{store}.json" for store in policy.erasing_stores)


def _per_epoch(policy: Policy, service: str) -> Iterator[str]:
    mine = [grant for grant in kek_grants(policy) if grant.service == service]
    sealed_for = [grant.reader for grant in mine if grant.act == "seal"]
    for epoch in range(1, MOST_EPOCHS + 1):
        if any(grant.act == "open" and grant.reader == service for grant in mine):
            yield f"kek/{epoch}.json"
        yield from (f"public/{reader}/{epoch}.json" for reader in sealed_for)
        if service in kek_listers(policy):
            yield from (f"epochs/{reader}/{epoch}.json" for reader in policy.readers if reader not in sealed_for)
