"""checkov finds nothing in the manifests but what deploy/k8s/checkov.yaml says is meant so."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.deploy.parts import container, of_kind
from tests.deploy.render import COMPONENTS, K8S, objects, rendered

CHECKOV = Path(sys.prefix) / "checkov" / "bin" / "checkov"
KNOWN = frozenset(yaml.safe_load((K8S / "checkov.yaml").read_text())["skip-check"])
PLANTED = {"CKV_K8S_16": "privileged", "CKV_K8S_20": "allowPrivilegeEscalation"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, frozenset[str]]:
    """What it finds in each rendering, by its name. Read in one run: it takes longer to start than to read."""
    assert CHECKOV.exists(), "checkov is missing: `make check-deploy` installs it."
    folder = tmp_path_factory.mktemp("rendered")
    for name, root, components in (
        ("trial", "overlays/trial", ()),
        ("production", "overlays/production", ()),
        ("all", "base", tuple(COMPONENTS)),
    ):
        (folder / f"{name}.yaml").write_text(rendered(root, components, tmp_path_factory.mktemp(name).resolve()))
    planted = of_kind(objects((folder / "trial.yaml").read_text()), "Deployment")["delivery"]
    container(planted)["securityContext"].update(dict.fromkeys(PLANTED.values(), True))
    (folder / "planted.yaml").write_text(yaml.safe_dump(planted))
    argv = (CHECKOV, "--framework", "kubernetes", "-d", folder, "--compact", "--quiet", "--output", "json")
    done = subprocess.run((*argv, "--skip-download"), capture_output=True, text=True, timeout=300)
    told = json.loads(done.stdout)
    assert told["summary"]["parsing_errors"] == 0
    failed = [(Path(one["file_path"]).stem, one["check_id"]) for one in told["results"]["failed_checks"]]
    return {name: frozenset(check for of, check in failed if of == name) for name in (*_NAMES, "planted")}


_NAMES = ("trial", "production", "all")


@pytest.mark.parametrize("name", _NAMES)
def test_nothing_is_found_but_what_is_meant_so(name: str, found: Mapping[str, frozenset[str]]) -> None:
    assert found[name] - KNOWN == set()


def test_no_exception_is_one_too_many(found: Mapping[str, frozenset[str]]) -> None:
    assert KNOWN - frozenset().union(*(found[name] for name in _NAMES)) == set()


def test_what_is_planted_is_found(found: Mapping[str, frozenset[str]]) -> None:
    assert found["planted"] - KNOWN >= PLANTED.keys()
