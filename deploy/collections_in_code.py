"""Find the MongoDB collections the code names, by reading its syntax; nothing is imported.

A collection shows as a constant `COLLECTION = "orders"` (or `…_COLLECTION`), as `database["orders"]`, as
`client["keyring"]["subjects"]`, or as `get_collection("orders")`.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Used:
    """A collection used at `where` (`path:line`). database: None where it is the service's own."""

    database: str | None
    name: str
    where: str


def collections_in(folder: Path, root: Path) -> list[Used]:
    """Collections used by the Python files under `folder`, with paths relative to `root`."""
    return [
        Used(database, name, f"{path.relative_to(root)}:{line}")
        for path in sorted(folder.rglob("*.py"))
        for database, name, line in _in_source(path.read_text(encoding="utf-8"))
    ]


def _in_source(source: str) -> Iterator[tuple[str | None, str, int]]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=constant)], value=ast.Constant(value=str(name)))
                | ast.AnnAssign(target=ast.Name(id=constant), value=ast.Constant(value=str(name)))
            ) if constant == "COLLECTION" or constant.endswith("_COLLECTION"):
                yield None, name, node.lineno
            case ast.Subscript(
                value=ast.Subscript(value=client, slice=ast.Constant(value=str(database))),
                slice=ast.Constant(value=str(name)),
            ) if _last_name(client).endswith("client"):
                yield database, name, node.lineno
            case ast.Subscript(value=database_, slice=ast.Constant(value=str(name))) if _last_name(database_).endswith(
                ("database", "db")
            ):
                yield None, name, node.lineno
            case ast.Call(func=ast.Attribute(attr="get_collection"), args=[ast.Constant(value=str(name)), *_]):
                yield None, name, node.lineno


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lower()
        case _:
            return ""
