"""`python -m deploy.monitoring.write [--check]`: the list of metrics and what the component `monitoring` has."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from deploy.k8s_manifests.names import NAMESPACE, Manifest, metadata
from deploy.k8s_manifests.write import HEAD
from deploy.monitoring.dashboards import dashboards
from deploy.monitoring.metrics_page import page

ROOT: Final = Path(__file__).parents[2]
ALERTS: Final = Path(__file__).with_name("alerts.yaml")
COMPONENT: Final = "deploy/k8s/components/monitoring"


def files() -> Mapping[str, str]:
    """Path in the repository → what is in it."""
    return {
        "docs/metrics.md": page(),
        f"{COMPONENT}/alerts.yaml": HEAD + yaml.dump(_rules(), Dumper=_InLines, sort_keys=False, width=120),
        **{f"{COMPONENT}/{name}.json": json.dumps(one, indent=1) + "\n" for name, one in dashboards().items()},
    }


def drifted(root: Path = ROOT) -> list[str]:
    """Files that are not what they would be written as."""
    return [
        name
        for name, wanted in files().items()
        if not (root / name).exists() or (root / name).read_text(encoding="utf-8") != wanted
    ]


def _rules() -> Manifest:
    """For Prometheus' operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata(NAMESPACE, NAMESPACE),
        "spec": yaml.safe_load(ALERTS.read_text(encoding="utf-8")),
    }


class _InLines(yaml.SafeDumper):
    """Expressions as they were written."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_InLines.add_representer(str, _text)


def main(check: bool) -> int:
    if check:
        for name in (found := drifted()):
            print(f"{name} is not what the code says. Run `make manifests`.")
        return bool(found)
    for name, wanted in files().items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
