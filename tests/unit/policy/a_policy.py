"""The packaged policy file with one edit, as an officer would make it."""

from collections.abc import Callable
from typing import Any

import yaml

from shared.policy.load import PACKAGED, parse_policy
from shared.policy.model import Policy

Rows = dict[str, Any]


def unchanged(rows: Rows) -> None:
    return None


def policy_text(edit: Callable[[Rows], object] = unchanged) -> str:
    """The file's YAML after the edit."""
    rows = yaml.safe_load(PACKAGED.read_text(encoding="utf-8"))
    edit(rows)
    return yaml.safe_dump(rows, allow_unicode=True, sort_keys=False)


def a_policy(edit: Callable[[Rows], object] = unchanged) -> Policy:
    """The policy after the edit, also where its rows no longer fit together."""
    return parse_policy(policy_text(edit))
