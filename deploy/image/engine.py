"""What builds images here: Docker, Podman or buildah, whichever works."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

# A daemon's client may be here without its daemon; the others have none.
ASKED: Final[Mapping[str, tuple[str, ...]]] = {
    "docker": ("version", "--format", "{{.Server.Version}}"),
    "podman": ("version",),
    "buildah": ("version",),
}
REMEDY: Final = "Start Docker's daemon, or install Podman or buildah (Debian, Ubuntu: apt install buildah)."


class NoEngine(Exception):
    """Nothing here can build an image. The text says what was tried and what to do."""


def engine() -> str:
    """Its command. ENGINE names one. Raises NoEngine."""
    wanted = os.environ.get("ENGINE")
    faults = []
    for name in [wanted] if wanted else ASKED:
        fault = _fault(name)
        if fault is None:
            return name
        faults.append(f"{name}: {fault}")
    raise NoEngine("\n".join(["No engine here can build an image.", *(f"  {fault}" for fault in faults), REMEDY]))


def _fault(name: str) -> str | None:
    if name not in ASKED:
        return f"not one of {', '.join(ASKED)}"
    if shutil.which(name) is None:
        return "not installed"
    asked = subprocess.run([name, *ASKED[name]], capture_output=True, text=True)
    if asked.returncode == 0:
        return None
    return (asked.stderr.strip() or asked.stdout.strip() or f"ended with {asked.returncode}").splitlines()[-1]
