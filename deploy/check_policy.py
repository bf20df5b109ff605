"""Check the policy file against the contracts and the services: `python -m deploy.check_policy`, in `make check`."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from deploy.collections_in_code import collections_in
from deploy.imports_in_code import reached_from
from shared.contracts.catalogue import PUBLISHED
from shared.contracts.personal import PersonalData
from shared.contracts.views import ReaderView
from shared.policy.check import Code, report
from shared.stores import keyring_view

ROOT: Final = Path(__file__).parents[1]


def code(root: Path = ROOT) -> Code:
    """What the contracts ask for and which collections the services under `root` use."""
    return Code(
        personal_fields=PersonalData.model_fields,
        views={view.READER: view.model_fields for view in ReaderView.__subclasses__()},
        collections=_collections(root),
        publishers=_publishers(_services(root)),
    )


def _services(root: Path) -> list[str]:
    return sorted(path.parent.name for path in (root / "services").glob("*/__init__.py"))


def _collections(root: Path) -> Mapping[str, Mapping[str, str]]:
    """Store → collection → where. What a module of `shared` keeps (the outbox), it keeps in the database of every
    service that imports it, also by way of another module."""
    keyring = dict.fromkeys(
        (keyring_view.SUBJECTS, keyring_view.PEOPLE, keyring_view.EPOCHS), "shared/stores/keyring_view.py"
    )
    used: dict[str, dict[str, str]] = {keyring_view.DATABASE: keyring}
    kept_by_shared = collections_in(root / "shared", root)
    for service in _services(root):
        reached = reached_from(root / "services" / service, root)
        shared = [found for found in kept_by_shared if found.where.partition(":")[0] in reached]
        for found in (*shared, *collections_in(root / "services" / service, root)):
            used.setdefault(found.database or service, {}).setdefault(found.name, found.where)
    return used


def _publishers(services: Iterable[str]) -> Mapping[str, Iterable[str]]:
    """Topic → publishers. A topic `erasure-{store}` stands for one per service."""
    published: dict[str, set[str]] = {}
    for event in PUBLISHED:
        topics = {event.TOPIC.replace("{store}", service) for service in services}
        for topic in topics:
            published.setdefault(topic, set()).update(event.PUBLISHERS)
    return published


if __name__ == "__main__":
    sys.exit(report(Path(sys.argv[1]) if len(sys.argv) > 1 else None, code()))
