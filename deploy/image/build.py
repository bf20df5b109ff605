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
WITH_CACHE: Final = {"DOCKER_BUILDKIT": "1", "BUILDAH_LAYERS": "true"}  # the second build takes the first one's layers
SECRETS: Final = {"pip.conf": "PIP_CONFIG_FILE", "ca.crt": "PIP_CERT"}


def build(command: str, target: Path) -> str:
    """The image's name. `target`: the folder of its bill of materials. Raises CalledProcessError."""
    name = os.environ.get("IMAGE") or f"sealed-orders:{_version()}"
    made = [command, "build", "--file", "deploy/image/Dockerfile", *_options()]
    for more in (["--tag", name], ["--target", "sbom", "--output", f"type=local,dest={target}"]):
        subprocess.run([*made, *more, "."], cwd=ROOT, check=True, env={**os.environ, **WITH_CACHE})
    return name


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
    target = ROOT / "var" / "image"
    target.mkdir(parents=True, exist_ok=True)
    try:
        name = build(engine(), target)
    except NoEngine as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode
    print(f"{name}; what is in it: {target / 'sbom.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
