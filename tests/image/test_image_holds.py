"""What is in the image, and what is not."""

import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

from deploy.image.build import ROOT
from deploy.k8s_manifests.pods import USER
from tests.image.conftest import CANARY
from tests.image.container import Container
from tests.image.store import buildah

BYTECODE_NEVER_CHECKED: Final = 1  # flags in a .pyc's head, PEP 552
SECRET_FILES: Final = re.compile(
    r"(^|/)(\.env|\.git|\.pypirc|\.netrc|pip\.conf|kek|signing\.json|lookup\.json|[^/]*\.key)(/|$)"
)


def files(container: Container, folder: str = "") -> dict[str, Path]:
    """Path in the image → path here, of whatever is no folder."""
    root = container.root
    return {f"/{path.relative_to(root)}": path for path in (root / folder).rglob("*") if not path.is_dir()}


def test_it_is_run_as_the_manifests_run_it(container: Container) -> None:
    assert container.settings["User"] == f"{USER}:{USER}"
    assert container.settings["Entrypoint"] == ["python", "-m"]


def test_its_labels_say_what_it_was_made_of(container: Container) -> None:
    labels = {
        name.removeprefix("org.opencontainers.image."): value for name, value in container.settings["Labels"].items()
    }
    assert labels["licenses"] == "Apache-2.0"
    assert f'version = "{labels["version"]}"' in (ROOT / "pyproject.toml").read_text()
    commit = labels["revision"].removesuffix("-dirty")
    assert subprocess.run(["git", "merge-base", "--is-ancestor", commit, "HEAD"], cwd=ROOT).returncode == 0


def test_nothing_in_it_can_be_run_but_python(container: Container) -> None:
    can_be_run = {name for name, path in files(container).items() if path.is_symlink() or path.stat().st_mode & 0o111}
    programs = {name for name in can_be_run if re.search(r"/s?bin/", name) and not name.startswith("/venv/")}
    assert programs == {"/usr/bin/python3.11"}
    assert not [name for name in files(container) if re.search(r"/(pip|ensurepip)/", name)]
    assert not [name for name in can_be_run if re.search(r"/(sh|bash|dash|busybox|apt|dpkg|perl|gcc|cc|ld|as)$", name)]


def test_all_code_and_data_of_the_services_are_in_it(container: Container) -> None:
    """Policy, templates, texts, translations, fonts, styles: byte for byte."""
    listed = subprocess.run(["git", "ls-files", "services", "shared"], cwd=ROOT, capture_output=True, text=True)
    tracked = [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    assert len(tracked) > 300
    assert not [name for name in tracked if (ROOT / name).read_bytes() != (container.root / "app" / name).read_bytes()]


def test_nothing_else_of_the_project_is_in_it(container: Container) -> None:
    assert {path.name for path in (container.root / "app").iterdir()} == {
        "services",
        "shared",
        "deploy",
        "LICENSE",
        "sbom.json",
    }
    kept = {"__init__.py", "__pycache__"}
    assert {path.name for path in (container.root / "app" / "deploy").iterdir()} == {*kept, "provision"}


@pytest.mark.parametrize("folder", ["app", "venv/lib", "usr/lib/python3.11"])
def test_every_module_is_compiled_and_never_looked_at_again(container: Container, folder: str) -> None:
    sources = [path for name, path in files(container, folder).items() if name.endswith(".py")]
    compiled = [path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc" for path in sources]
    assert sources
    assert not [path for path in compiled if path.read_bytes()[4] != BYTECODE_NEVER_CHECKED]


def test_its_user_may_write_nothing_but_what_is_temporary(container: Container) -> None:
    found = [path for path in container.root.rglob("*") if not path.is_symlink()]
    writable = [path for path in found if path.stat().st_mode & 0o002 or path.stat().st_uid != 0]
    assert writable == [container.root / "tmp"]


def test_no_layer_and_no_history_holds_a_secret(image: str, tmp_path: Path) -> None:
    buildah("push", image, f"oci:{tmp_path}")
    blobs = [path.read_bytes() for path in (tmp_path / "blobs" / "sha256").iterdir()]
    assert len(blobs) >= 5  # three layers, the config with its history, the manifest
    plain = [gzip.decompress(blob) if blob.startswith(b"\x1f\x8b") else blob for blob in blobs]
    assert not [len(blob) for blob in plain if CANARY.encode() in blob]


def test_no_file_is_of_a_kind_that_holds_secrets(container: Container) -> None:
    assert not [name for name in files(container) if SECRET_FILES.search(name)]
    assert not [line for line in container.settings["Env"] if re.search("TOKEN|PASSWORD|SECRET|URI|CONFIG_FILE", line)]


def test_its_bill_of_materials_lists_every_package(container: Container) -> None:
    text = (container.root / "app" / "sbom.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert (ROOT / "var" / "image" / "sbom.json").read_text() == text
    held = {(part["name"], part["version"]) for part in json.loads(text)["components"]}
    assert locked() <= {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in held}
    system = {(path.name, field(path, "Version")) for path in (container.root / "var/lib/dpkg/status.d").iterdir()}
    assert "python3.11-minimal" in dict(system)
    assert system <= held


def locked() -> set[tuple[str, str]]:
    """(name, version) of every package that requirements/service.lock has for Linux."""
    lines = re.findall(r"^([a-z][^\\\n]*)", (ROOT / "requirements" / "service.lock").read_text(), re.MULTILINE)
    wanted = [Requirement(line.strip()) for line in lines]
    return {(one.name.lower(), str(one.specifier).removeprefix("==")) for one in wanted if _is_here(one)}


def _is_here(one: Requirement) -> bool:
    return one.marker is None or one.marker.evaluate({"sys_platform": "linux", "python_version": "3.11"})


def field(path: Path, name: str) -> str:
    return next(line.partition(": ")[2] for line in path.read_text().splitlines() if line.startswith(f"{name}: "))
