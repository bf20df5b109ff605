"""Every way to alter a JSON document in one place."""

from collections.abc import Iterator
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
