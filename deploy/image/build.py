"""`make image`: one image of the four services, and its bill of materials in var/image/sbom.json.

ENGINE  docker, podman or buildah; the first that works, if left out
BASE    another Debian 12, by its digest
IMAGE   another name than sealed-orders:<version>
PIP_CONFIG_FILE, PIP_CERT   where packages come from and who signs for it; used in the build, kept in no layer
"""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.image.engine import NoEngine, engine

ROOT: Final = Path(__file__).resolve().parents[2]
SBOM: Final = "/app/sbom.json"
WITH_CACHE: Final = {"DOCKER_BUILDKIT": "1", "BUILDAH_LAYERS": "true"}
SECRETS: Final = {"pip.conf": "PIP_CONFIG_FILE", "ca.crt": "PIP_CERT"}


def build(command: str) -> str:
    """The image's name. Raises CalledProcessError."""
    name = os.environ.get("IMAGE") or f"sealed-orders:{_version()}"
    made = [command, "build", "--file", "deploy/image/Dockerfile", *_options(), "--tag", name, "."]
    subprocess.run(made, cwd=ROOT, check=True, env={**os.environ, **WITH_CACHE})
    return name


def bill_of_materials(command: str, image: str) -> str:
    """Read in the image, by its Python: there is nothing else in it that could. Raises CalledProcessError."""
    read = ("-c", f"print(open({SBOM!r}).read(), end='')")
    if command != "buildah":
        return _said(command, "run", "--rm", "--network", "none", "--entrypoint", "python", image, *read)
    container = _said("buildah", "from", "--pull-never", image).strip()
    try:
        return _said("buildah", "run", container, "--", "python", *read)
    finally:
        _said("buildah", "rm", container)


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _options() -> Iterator[str]:
    arguments = {"VERSION": _version(), "REVISION": _revision()}
    if base := os.environ.get("BASE"):
        arguments["BASE"] = base
    for name, value in arguments.items():
        yield from ("--build-arg", f"{name}={value}")
    for identity, variable in SECRETS.items():
        if path := os.environ.get(variable):
            yield from ("--secret", f"id={identity},src={path}")


def _version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _revision() -> str:
    """The commit, marked where files differ from it; `unknown` outside of a repository."""
    said = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return said.stdout.strip() or "unknown"


def main() -> int:
    listed = ROOT / "var" / "image" / "sbom.json"
    try:
        command = engine()
        name = build(command)
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_text(bill_of_materials(command, name), encoding="utf-8")
    except NoEngine as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode
    print(f"{name}; what is in it: {listed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
