"""A disk that can be filled: a file system in memory, mounted where a broker keeps its log. Root's, and Linux's."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

MEBIBYTES = 192


def possible() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


@asynccontextmanager
async def small_disk(folder: Path) -> AsyncIterator[None]:
    """`folder` is a disk of its own for the block, empty at its start; an ordinary folder where that can't be."""
    if folder.name == "broker" or not possible():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240
    await _run("mount", "-t", "tmpfs", "-o", f"size={MEBIBYTES}m", "tmpfs", str(folder))
    try:
        yield
    finally:
        await _run("umount", "--lazy", str(folder))


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise OSError(f"{command[0]} failed")
