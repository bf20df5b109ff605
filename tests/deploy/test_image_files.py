"""What can be said of the image without building it. tests/image builds it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.image.build import ROOT
from deploy.imports_in_code import reached_by
from deploy.k8s_manifests.pods import USER
from deploy.k8s_manifests.write import files
from tests.deploy.built import POLICY
from tests.deploy.parts import container

DOCKERFILE: Final = ROOT / "deploy" / "image" / "Dockerfile"


def modules() -> Iterator[str]:
    """What jobs run."""
    for manifests in files(POLICY).values():
        for one in manifests:
            if one["kind"] in ("Job", "CronJob"):
                python, option, module, *_ = container(one)["command"]
                assert (python, option) == ("python", "-m")
                yield module


def test_the_image_gets_what_the_jobs_import_and_nothing_else_of_deploy() -> None:
    started = [ROOT.joinpath(*module.split(".")).with_suffix(".py") for module in modules()]
    assert len(started) >= 2
    imported = {*(str(path.relative_to(ROOT)) for path in started), *reached_by(started, ROOT)}
    let_in = set(re.findall(r"^!(deploy/provision/.*)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert {path for path in imported if path.startswith("deploy/")} == let_in - {"deploy/provision/__init__.py"}
    assert not [path for path in imported if path.startswith("tests/")]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_its_user_is_the_manifests() -> None:
    text = DOCKERFILE.read_text()
    assert f"\nUSER {USER}:{USER}\n" in text
    assert f"sealed:x:{USER}:{USER}:" in text


def test_its_base_is_named_by_digest() -> None:
    bases = re.findall(r"^ARG BASE=(.*)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert len(bases) == 1
    assert re.fullmatch(r"[a-z0-9.:-]+@sha256:[0-9a-f]{64}", bases[0])
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE)) == {"${BASE}", "scratch"}
