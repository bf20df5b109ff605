"""The image, really built, once a run."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.image.build import ROOT
from tests.image.container import Container
from tests.image.store import BASE, IMAGE, buildah, ensure_base, environment, make_room

CANARY = "canary-of-the-package-index-73b1"


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its name: built by what `make image` runs, with a build secret that must not stay in it."""
    make_room()
    ensure_base()
    secret = tmp_path_factory.mktemp("pip") / "pip.conf"
    secret.write_text(f"[global]\n# {CANARY}\n")
    told = {**environment(), "ENGINE": "buildah", "BASE": BASE, "IMAGE": IMAGE, "PIP_CONFIG_FILE": str(secret)}
    built = subprocess.run(
        [sys.executable, "-m", "deploy.image.build"], cwd=ROOT, env=told, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-4000:]
    return IMAGE


@pytest.fixture(scope="session")
def container(image: str) -> Iterator[Container]:
    name = buildah("from", "--pull-never", image)
    settings = json.loads(buildah("inspect", "--type", "container", name))["OCIv1"]["config"]
    yield Container(Path(buildah("mount", name)), settings)
    buildah("rm", name)
