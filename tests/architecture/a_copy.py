"""A copy of the code in which a test plants a violation."""

import shutil
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("services", "shared", "deploy")


def a_copy(target: Path) -> Path:
    """The three packages' Python files and the import rules, under `target`."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, target / package, ignore=_all_but_python)
    shutil.copy(ROOT / ".importlinter", target)
    return target


def plant(root: Path, module: str, source: str) -> Path:
    """Write `source` as that dotted module, and the packages above it where they are missing."""
    path = (root / Path(*module.split("."))).with_suffix(".py")
    for folder in reversed(path.relative_to(root).parents[:-1]):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "__init__.py").touch()
    path.write_text(source, encoding="utf-8")
    return path


def _all_but_python(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith(".py") and not (Path(folder) / name).is_dir()}
