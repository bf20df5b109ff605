"""A file of JSON lines, as the SMS gateway and the partner keep."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def read(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def append(path: Path, line: Line) -> None:
    with path.open("a") as file:
        file.write(_dumps(line))


def replace(path: Path, lines: Iterable[Line]) -> None:
    """Atomically: a reader sees all old lines or all new ones."""
    temporary = path.with_suffix(".new")
    temporary.write_text("".join(map(_dumps, lines)))
    temporary.replace(path)


def _dumps(line: Line) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"
