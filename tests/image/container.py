"""A container as a kubelet starts it: the image's own user, variables and folder, a root nobody can write, /tmp in
memory, no capability; but on the host's network, where the local stack is. Run by runc, without an engine."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

from tests.image.store import FOLDER, environment

NAMESPACES: Final = ("pid", "mount", "ipc", "uts")
STOP_SECONDS: Final = 60


def as_a_secret(files: Path, folder: Path, group: int) -> Path:
    """`folder`, with what is in `files`: as a kubelet mounts a Secret, readable by the pod's group alone."""
    shutil.copytree(files, folder)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 0, group)
        path.chmod(0o750 if path.is_dir() else 0o440)
    return folder


@dataclass(frozen=True, slots=True)
class Container:
    """`root`: the image's file system. `settings`: what OCI calls the config of an image."""

    root: Path
    settings: Mapping[str, Any]

    def run(
        self,
        command: Sequence[str],
        told: Mapping[str, str] | None = None,
        mounts: Mapping[str, Path] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """To its end. `mounts`: folder in the container → folder here, read-only."""
        with self._bundle(command, told or {}, mounts or {}) as start:
            return subprocess.run(start, env=environment(), capture_output=True, text=True, timeout=120)

    @asynccontextmanager
    async def running(
        self, command: Sequence[str], told: Mapping[str, str], mounts: Mapping[str, Path], log: Path
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Until the end of the block; then TERM, as a kubelet stops it."""
        with self._bundle(command, told, mounts) as start, log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(*start, env=environment(), stdout=out, stderr=out)
            try:
                yield process
            finally:
                if process.returncode is None:
                    process.terminate()
                await asyncio.wait_for(process.wait(), STOP_SECONDS)

    @contextmanager
    def _bundle(
        self, command: Sequence[str], told: Mapping[str, str], mounts: Mapping[str, Path]
    ) -> Iterator[Sequence[str]]:
        """The command that starts it; whatever is left of it is gone afterwards."""
        name = uuid4().hex
        runc = ("runc", "--root", str(FOLDER / "runc"))
        with TemporaryDirectory() as folder:
            Path(folder, "config.json").write_text(json.dumps(self._config(command, told, mounts)))
            try:
                yield (*runc, "run", "--bundle", folder, name)
            finally:
                subprocess.run([*runc, "delete", "--force", name], env=environment(), capture_output=True)

    def _config(
        self, command: Sequence[str], told: Mapping[str, str], mounts: Mapping[str, Path]
    ) -> Mapping[str, object]:
        uid, gid = map(int, self.settings["User"].split(":"))
        return {
            "ociVersion": "1.0.2",
            "root": {"path": str(self.root), "readonly": True},
            "process": {
                "args": list(command),
                "cwd": self.settings["WorkingDir"],
                "env": [*self.settings["Env"], *(f"{name}={value}" for name, value in told.items())],
                "user": {"uid": uid, "gid": gid},
                "capabilities": {},
                "noNewPrivileges": True,
            },
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {
                    "destination": "/tmp",
                    "type": "tmpfs",
                    "source": "tmpfs",
                    "options": ["nosuid", "mode=1777", "size=64m"],
                },
                *(
                    {"destination": there, "type": "none", "source": str(here), "options": ["bind", "ro"]}
                    for there, here in mounts.items()
                ),
            ],
            "linux": {"namespaces": [{"type": kind} for kind in NAMESPACES]},
        }
