"""What Kustomize makes of deploy/k8s: every combination that an operator may apply."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

Manifest = dict[str, Any]
K8S: Final = Path(__file__).parents[2] / "deploy" / "k8s"
COMPONENTS: Final = sorted(path.name for path in (K8S / "components").iterdir())
OF_TRIAL: Final = {"strimzi", "mongodb", "mongodb-cluster", "region"}
COMBINATIONS: Final = [
    ("base", ()),
    *(("base", (component,)) for component in COMPONENTS),
    ("base", tuple(COMPONENTS)),
    ("overlays/trial", ()),
    *(("overlays/trial", (component,)) for component in COMPONENTS if component not in OF_TRIAL),
    ("overlays/production", ()),
]


@cache
def rendered(root: str, components: tuple[str, ...], folder: Path) -> str:
    """YAML. `folder`: empty, for a kustomization that joins them. Raises CalledProcessError, with what it says."""
    target = K8S / root
    if components:
        paths = [os.path.relpath(K8S / "components" / name, folder) for name in components]
        # An overlay's images do not reach what is joined above it: its own list of components is where they belong.
        joined: Manifest = {"resources": [os.path.relpath(target, folder)], "components": paths}
        joined["images"] = [{"name": "sealed-orders", "newTag": "0.1.0"}]
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(joined))
        target = folder
    done = subprocess.run([kubectl(), "kustomize", str(target)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(text: str) -> list[Manifest]:
    return [one for one in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if one]


def kubectl() -> str:
    """Of the virtual environment (requirements/dev.in), else the machine's."""
    beside = Path(sys.executable).parent / "kubectl"
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    assert found, "kubectl is missing: `make setup` installs it."
    return found
