"""Every way to alter a JSON document in one place."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

Path = tuple[str | int, ...]


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict | list) and value:
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, (*path, key))
    else:
        yield path


def parent_of(certificate: Any, path: Path) -> Any:
    for key in path[:-1]:
        certificate = certificate[key]
    return certificate


def others(value: Any) -> list[Any]:
    """Values near enough to be missed."""
    match value:
        case bool():
            return [not value, None]
        case int() | float():
            return [value + 1, -value - 1, str(value), None]
        case str():
            flipped = value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
            return [flipped, value + " ", value[:-1] if value else "y", None, [value], 0, {}]
        case None:
            return ["2026-03-02T07:00:00.000Z", 0, False]
        case _:
            return [None, "", [value], {"x": value}]


def changed_leaves(document: Any) -> Iterator[tuple[str, Any]]:
    """(what was changed, the document with one leaf changed), for every leaf and every near value."""
    for path in leaves(document):
        original = parent_of(document, path)[path[-1]]
        for other in others(original):
            if other == original and type(other) is type(original):
                continue
            changed = deepcopy(document)
            parent_of(changed, path)[path[-1]] = other
            yield f"{path}: {original!r} became {other!r}", changed


def more_or_less(document: Any) -> Iterator[tuple[str, Any]]:
    """(what was done, the document with one member removed, or added beside it), for every member of any depth."""
    for path in sorted({leaf[:depth] for leaf in leaves(document) for depth in range(1, len(leaf) + 1)}, key=str):
        removed, added = deepcopy(document), deepcopy(document)
        del parent_of(removed, path)[path[-1]]
        yield f"without {path}", removed
        inside = parent_of(added, path)
        if isinstance(inside, dict):
            inside["added"] = "x"
        else:
            inside.append("x")
        yield f"more beside {path}", added
