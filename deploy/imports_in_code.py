"""Find which modules of the project Python files import, also by way of others; nothing is imported."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def reached_from(folder: Path, root: Path) -> frozenset[str]:
    """Files under `root` that the files under `folder` import, and those that these import: paths relative to it."""
    return reached_by(folder.rglob("*.py"), root)


def reached_by(files: Iterable[Path], root: Path) -> frozenset[str]:
    """As `reached_from`, of single files."""
    waiting, reached = list(files), set[Path]()
    while waiting:
        for module in _imports(ast.parse(waiting.pop().read_text(encoding="utf-8"))):
            path = root.joinpath(*module.split(".")).with_suffix(".py")
            if path not in reached and path.is_file():
                reached.add(path)
                waiting.append(path)
    return frozenset(str(path.relative_to(root)) for path in reached)


def _imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names that may be modules: a name imported from a package may be one."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{name.name}" for name in names)
