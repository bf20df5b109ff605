"""JSON Schema snapshots and the AsyncAPI document: written from the models, checked for drift and for breaks.

`python -m shared.contracts.snapshots --check` fails when a committed snapshot differs from its model, and names the
breaking changes; without `--check` it writes them, but never a breaking change under the same version.
"""

import json
import sys
from pathlib import Path
from typing import Any

from shared.contracts.asyncapi import asyncapi_document
from shared.contracts.breaking import breaking_changes
from shared.contracts.catalogue import PUBLISHED
from shared.contracts.views import DeliveryView, NotificationsView, PrivacyView
from shared.policy.load import load_policy

FOLDER = Path(__file__).parent / "schemas"
VERSIONED = ("kz.", "view.")  # what one version writes and another reads
VIEWS = (DeliveryView, NotificationsView, PrivacyView)


def current() -> dict[str, dict[str, Any]]:
    """File name → content, as the models have it now."""
    schemas = {f"{event.type_name()}.json": event.model_json_schema(mode="serialization") for event in PUBLISHED}
    views = {f"view.{view.READER}.json": view.model_json_schema(mode="serialization") for view in VIEWS}
    return {**schemas, **views, "asyncapi.json": asyncapi_document(load_policy())}


def committed(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    return {path.name: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def problems(old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]) -> list[str]:
    """Breaks first, then drift; each with its remedy."""
    found = [
        f"{name}: {change}. Give the event a new VERSION and publish both for a while."
        for name, schema in old.items()
        if name.startswith(VERSIONED)
        for change in breaking_changes(schema, new.get(name))
    ]
    drifted = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return found + [
        f"{name} differs from its model. Run 'make contracts' and commit the difference." for name in drifted
    ]


def write(folder: Path = FOLDER) -> list[str]:
    """Write what changed; returns the breaking changes that were not written."""
    old, new = committed(folder), current()
    folder.mkdir(exist_ok=True)
    broken = {
        name: changes
        for name, schema in old.items()
        if name.startswith(VERSIONED) and (changes := breaking_changes(schema, new.get(name)))
    }
    for name, content in new.items():
        if name not in broken:
            (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    return [f"{name}: {change}" for name, changes in broken.items() for change in changes]


def main(arguments: list[str]) -> int:
    found = problems(committed(), current()) if "--check" in arguments else write()
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
