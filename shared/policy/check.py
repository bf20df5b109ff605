"""What the policy and the code must agree on. `python -m shared.policy.check` asks the file alone.

The code's side is passed in, so that the policy depends on none of it: `deploy/check_policy.py` gathers it.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shared.policy.consistency import Problem
from shared.policy.load import PolicyInvalid, load_policy
from shared.policy.model import Policy


@dataclass(frozen=True, slots=True)
class Code:
    """What the code does, by the policy's names.

    personal_fields: every personal field the contracts collect. views: reader → fields it asks for.
    collections: store → collection → where the code uses it. publishers: topic → services that publish there.
    """

    personal_fields: Iterable[str] = ()
    views: Mapping[str, Iterable[str]] = field(default_factory=dict)
    collections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    publishers: Mapping[str, Iterable[str]] = field(default_factory=dict)


def problems(policy: Policy, code: Code) -> tuple[Problem, ...]:
    """Everything where the code does what the policy does not say. Empty: they agree."""
    return (
        *_personal_fields(policy, code.personal_fields),
        *_views(policy, code.views),
        *_unmapped(policy, code.collections),
        *_publishers(policy, code.publishers),
    )


def unknown_fields(policy: Policy, store: str, collection: str, document: Mapping[str, Any]) -> list[str]:
    """Names of the document's top-level fields that the policy does not describe: drift. Never their values.

    Raises UnknownName for a store or collection the policy does not have."""
    described = {path.split(".")[0] for path in policy.store(store).collection(collection).fields}
    return sorted(set(document) - described)


def shown_name(name: str) -> str:
    """The name of a field or a collection as it may be told to others, unless it is none: a document that is not ours
    may have somebody's phone where a name should stand."""
    return name if _NAME.fullmatch(name) and not _NUMBER.search(name) else "(not a name)"


_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_NUMBER: Final = re.compile(r"\d{5}")


def _personal_fields(policy: Policy, collected: Iterable[str]) -> Iterator[Problem]:
    for name in sorted(collected):
        row = policy.fields.get(name)
        if row is None or not row.collected:
            yield Problem(
                f"contracts: {name}",
                "3.1",
                "a personal field is collected and the policy has no row that allows it",
                "Add its row under `fields` with clause, purposes and erasure, or stop collecting it.",
            )


def _views(policy: Policy, views: Mapping[str, Iterable[str]]) -> Iterator[Problem]:
    for reader, asked in views.items():
        granted = policy.fields_for(reader)
        for name in sorted(set(asked) - granted):
            yield Problem(
                f"view of {reader}: {name}",
                "4.3.1",
                f"{reader} asks for a field the policy does not grant it",
                f"Remove it from the view, or grant it to {reader} for a purpose under `fields`.",
            )


def _unmapped(policy: Policy, collections: Mapping[str, Mapping[str, str]]) -> Iterator[Problem]:
    for store, used in collections.items():
        mapped = policy.stores[store].collections if store in policy.stores else {}
        for name in sorted(set(used) - set(mapped)):
            yield Problem(
                f"{used[name]}: {name}",
                "1.1",
                f"a collection of {store} is used and not mapped, so erasure would not reach it",
                f"Add it under `stores.{store}.collections` with its subject, its action and its fields.",
            )


def _publishers(policy: Policy, publishers: Mapping[str, Iterable[str]]) -> Iterator[Problem]:
    for name, services in publishers.items():
        topic = policy.topics.get(name)
        for service in sorted(set(services) - set(topic.publishers if topic else ())):
            yield Problem(
                f"topic {name}",
                "4.3.3",
                f"{service} publishes to it and the policy does not say so",
                "Name the topic and its publisher under `topics`: the brokers' access lists are made of that.",
            )


def report(policy_path: Path | None, code: Code) -> int:
    """Print every problem of the file and of the code against it. Returns the exit code: 0 where there is none."""
    try:
        found = problems(load_policy(policy_path), code)
    except PolicyInvalid as invalid:
        found = invalid.problems
    for problem in found:
        print(problem, file=sys.stderr)
    print(f"policy: {len(found)} problem(s)" if found else "policy: in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(report(Path(sys.argv[1]) if len(sys.argv) > 1 else None, Code()))
