"""buildah without an engine: chroot isolation, plain copies for layers (vfs), everything under var/image/test.

What was built stays there: a second run builds only what has changed. A layer is a whole copy, so the store is thrown
away once it is large.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

from deploy.image.build import ROOT

FOLDER: Final = ROOT / "var" / "image" / "test"
STORE: Final = FOLDER / "store"
LARGE: Final = 12 * 2**30  # bytes: a first build takes 4, a change of the code 2
BASE: Final = "localhost/debian:12"
IMAGE: Final = "localhost/sealed-orders:test"


def environment() -> Mapping[str, str]:
    """For every call of buildah, the ones of `deploy.image.build` too."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings = FOLDER / "storage.conf"
    settings.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{STORE}"\nrunroot = "{FOLDER / "run"}"\n')
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return {**os.environ, "PATH": path, "CONTAINERS_STORAGE_CONF": str(settings), "BUILDAH_ISOLATION": "chroot"}


def buildah(*arguments: str) -> str:
    """What it prints. Raises CalledProcessError."""
    done = subprocess.run(["buildah", *arguments], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def make_room() -> None:
    size = sum(path.lstat().st_blocks * 512 for path in STORE.rglob("*")) if STORE.exists() else 0
    if size > LARGE:
        shutil.rmtree(FOLDER)


def ensure_base() -> None:
    """Debian 12 as `debootstrap` makes it, under the name BASE. Raises CalledProcessError."""
    if BASE in buildah("images", "--format", "{{.Name}}:{{.Tag}}").splitlines():
        return
    root = FOLDER / "debian"
    shutil.rmtree(root, ignore_errors=True)
    made = ["debootstrap", "--variant=minbase", "bookworm", str(root)]
    subprocess.run(made, env=environment(), check=True, stdout=subprocess.DEVNULL)
    container = buildah("from", "scratch")
    buildah("add", container, str(root), "/")
    buildah("commit", "--rm", container, BASE)
    shutil.rmtree(root)
