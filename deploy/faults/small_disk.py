"""A disk that can be filled: an ext4 image, mounted where a broker keeps its log. Root's, and Linux's."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

MEBIBYTES = 192


def possible() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mkfs.ext4") is not None


@asynccontextmanager
async def small_disk(folder: Path) -> AsyncIterator[None]:
    """`folder` is a disk of its own for the block, empty at its start; an ordinary folder where that can't be."""
    if folder.name == "broker" or not possible():
        yield
        return
    image = folder.with_name(f"{folder.name}.image")
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240
    await _run("truncate", "--size", f"{MEBIBYTES}M", str(image))
    await _run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
    await _run("mount", "-o", "loop", str(image), str(folder))
    try:
        await _run("rmdir", str(folder / "lost+found"))  # Kafka takes every folder for a partition's
        yield
    finally:
        await _run("umount", "--lazy", str(folder))


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise OSError(f"{command[0]} failed")
