"""Show log files as they grow, each line with its part's name in its colour.

The files are written by the parts themselves: a terminal that is slow, or a launcher that is gone, holds none up.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_red", "bright_cyan", "bright_green")
WIDTH = 15
POLL_SECONDS = 0.1


def show(console: Console, part: str, line: str, *, colour: str = "white") -> None:
    """One line, as it is: no markup, no highlighting, no wrapping."""
    console.print(Text.assemble((f"{part:<{WIDTH}} │ ", colour), Text.from_ansi(line)), soft_wrap=True)


async def follow(console: Console, logs: Mapping[str, Path]) -> None:
    """Until cancelled, from what is in the files now."""
    colours = dict(zip(logs, COLOURS * len(logs), strict=False))
    positions = {part: _size(path) for part, path in logs.items()}
    rest = dict.fromkeys(logs, "")
    while True:
        for part, path in logs.items():
            text, positions[part] = _read_from(path, positions[part])
            *lines, rest[part] = (rest[part] + text).split("\n")
            for line in lines:
                show(console, part, line, colour=colours[part])
        await asyncio.sleep(POLL_SECONDS)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _read_from(path: Path, position: int) -> tuple[str, int]:
    if _size(path) <= position:
        return "", position
    with path.open("rb") as file:
        file.seek(position)
        content = file.read()
    return content.decode(errors="replace"), position + len(content)
