"""The version before this one, as it was committed: services and shared code, in an archive beside this file.

A shallow clone has it, and it can't be edited unseen. After a release it is replaced by what was released:
`make previous REF=v1.2.0`. It runs on today's libraries: their own upgrades are tested by everything else.
"""

import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ARCHIVE: Final = HERE / "previous.tar.xz"
REFERENCE: Final = HERE / "previous.ref"
KEPT: Final = ("services", "shared")
# Libraries that it asks for by name and that are no dependency any more; empty again with the next version kept.
STAND_INS: Final[Mapping[str, str]] = {"uvloop": "from asyncio import new_event_loop as new_event_loop\n"}


def unpacked(folder: Path) -> Path:
    """Its root, in that folder."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    for name, stand_in in STAND_INS.items():
        folder.joinpath(f"{name}.py").write_text(stand_in)
    return folder


def environment(root: Path) -> Mapping[str, str]:
    """With this, `python -m services.<name>` runs the code under the root, whatever folder it is started in."""
    return {"PYTHONPATH": str(root), "PYTHONSAFEPATH": "1"}


def runs_from(root: Path) -> Path:
    """Where a process with that environment finds the code. Tests that start one make sure of it."""
    where = "import services.intake.app as module; print(module.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", where],
        env={**os.environ, **environment(root)},
        capture_output=True,
        check=True,
        text=True,
    )
    return Path(done.stdout.strip())


def keep(reference: str) -> None:
    """Replace the archive by that commit's code, which needs the history."""
    commit = _git("rev-parse", f"{reference}^{{commit}}").decode().strip()
    tar = _git("archive", "--format=tar", commit, *KEPT)
    ARCHIVE.write_bytes(subprocess.run(["xz", "-9", "--stdout"], input=tar, capture_output=True, check=True).stdout)
    REFERENCE.write_text(_git("log", "-1", "--format=%H %cs %s", commit).decode())


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=HERE.parents[1], capture_output=True, check=True).stdout


if __name__ == "__main__":
    keep(sys.argv[1])
