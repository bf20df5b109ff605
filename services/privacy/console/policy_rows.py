"""A policy as rows of text, and how two policies differ. Pure; a row is a path of the file and what stands there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from shared.policy.model import Policy

# What names the items of a list of rows.
NAMED_BY = ("version",)


@dataclass(frozen=True, slots=True)
class Change:
    """`before` is None where the row is new, `after` where it is gone."""

    row: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Passage:
    """Words of a text that both versions have, or the one or the other."""

    kind: Literal["same", "gone", "new"]
    words: str


def rows_of(policy: Policy) -> dict[str, str]:
    """`fields.phone.grants.delivery` → `3.2.3`, and so on for everything in the file."""
    return dict(_rows("", policy.model_dump(mode="json", exclude={"digest"})))


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """Who may see what first, then the rest, each in the order of its path."""
    differing = (name for name in {*before, *after} if before.get(name) != after.get(name))
    ordered = sorted(differing, key=lambda name: (".grants" not in name, name))
    return tuple(Change(name, before.get(name), after.get(name)) for name in ordered)


def passages(before: str, after: str) -> tuple[Passage, ...]:
    """Two texts word by word."""
    old, new = before.split(), after.split()
    found: list[Passage] = []
    for what, from_, to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(Passage("same", " ".join(old[from_:to])))
            continue
        if from_ < to:
            found.append(Passage("gone", " ".join(old[from_:to])))
        if new_from < new_to:
            found.append(Passage("new", " ".join(new[new_from:new_to])))
    return tuple(found)


def _rows(path: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case dict() if value:
            for name, item in value.items():
                yield from _rows(f"{path}.{name}" if path else name, item)
        case [dict(), *_]:
            for number, item in enumerate(value):
                name = next((item[key] for key in NAMED_BY if key in item), number)
                yield from _rows(f"{path}.{name}", item)
        case list():
            yield path, ", ".join(str(item) for item in value)
        case None | {}:
            yield path, ""
        case _:
            yield path, str(value)
