"""What kubectl itself says of its verbs: which flags each takes, and which of them take a value."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from tests.deploy.render import kubectl

FLAG: Final = re.compile(r"^\s+(?:(-\w), )?(--[\w-]+)=(.*):$", re.MULTILINE)
WITH_SECOND_WORD: Final = frozenset({"rollout", "config", "create", "auth", "set", "top"})
WITH_THIRD_WORD: Final = ("create", "secret")


@cache
def verb_of(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words that name what is to be done: ("rollout", "status")."""
    if words[:2] == WITH_THIRD_WORD:
        return words[:3]
    return words[:2] if words[0] in WITH_SECOND_WORD else words[:1]


@cache
def flags(verb: tuple[str, ...]) -> Mapping[str, bool]:
    """Flag, long or short → whether the next word is its value. Empty for a verb that kubectl does not have."""
    said = _said([*verb, "--help"])
    if f"kubectl {' '.join(verb)}".removesuffix("s") not in said:  # top takes pod and pods
        return {}
    return _flags_in(said) | global_flags()


@cache
def global_flags() -> Mapping[str, bool]:
    """Those that may stand before the verb as well."""
    return _flags_in(_said(["options"]))


def _flags_in(said: str) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for short, long, default in FLAG.findall(said):
        takes_value = default not in ("true", "false")
        found |= {name: takes_value for name in (short, long) if name}
    return found


def _said(arguments: Sequence[str]) -> str:
    return subprocess.run([kubectl(), *arguments], capture_output=True, text=True, timeout=60).stdout
