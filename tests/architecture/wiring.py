"""What import rules can't see: where adapters are built, and which modules are acts. Read from the syntax."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# A class that is given one of these holds a connection: it is an adapter.
CONNECTIONS: Final = frozenset({"Client", "Database", "KafkaBroker"})
DRIVERS: Final = frozenset({"connect", "kafka_broker", "AsyncIOMotorClient", "AsyncMongoClient", "KafkaBroker"})

# An act is named by its verb: place_order, hand_over, send_letters.
VERBS: Final = frozenset({
    "advance", "answer", "cancel", "change", "collect", "complete", "confirm", "correct", "deliver", "erase",
    "export", "find", "forget", "give", "hand", "import", "notify", "open", "pay", "place", "publish", "receive",
    "record", "refuse", "register", "reject", "release", "reopen", "return", "revoke", "rotate", "seal", "send",
    "settle", "show", "stop", "take", "tell", "track", "verify", "withdraw", "write",
})  # fmt: skip
# A process carries out over days what acts decide; acts tell it what happened.
PROCESSES: Final = frozenset({"services.privacy.erase_subject"})


def built_outside_app(root: Path) -> list[str]:
    """`path:line builds X` for each adapter or driver a service's module other than app.py constructs."""
    adapters = DRIVERS | {name for path in _modules(root, "shared", "services") for name in _adapters(_tree(path))}
    return [
        f"{path.relative_to(root)}:{call.lineno} builds {name}"
        for path in _modules(root, "services")
        if path.name != "app.py" and "cli" not in path.parts
        for call in ast.walk(_tree(path))
        if isinstance(call, ast.Call) and (name := _name(call.func)) in adapters
    ]


def acts_importing_acts(root: Path) -> list[str]:
    """`act imports act` for every pair within the services."""
    acts = {
        ".".join(path.relative_to(root).with_suffix("").parts)
        for path in _modules(root, "services")
        if path.stem.split("_")[0] in VERBS and "_" in path.stem and not path.stem.endswith("_store")
    } - PROCESSES
    return [
        f"{act} imports {imported}"
        for act in sorted(acts)
        for imported in _imports(_tree((root / Path(*act.split("."))).with_suffix(".py")))
        if imported in acts
    ]


def _modules(root: Path, *packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (root / package).rglob("*.py"))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _adapters(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and CONNECTIONS & set(_given(node)):
            yield node.name


def _given(class_: ast.ClassDef) -> Iterator[str]:
    """Names of the types a class is constructed with."""
    for item in class_.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            for argument in (*item.args.args, *item.args.kwonlyargs):
                yield _name(argument.annotation)
        elif isinstance(item, ast.AnnAssign):
            yield _name(item.annotation)


def _name(node: ast.expr | None) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
