"""What a test asks of the API server, through kubectl as an operator would."""

import copy
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.deploy.parts import WORKLOADS, of_kind, template
from tests.deploy.render import K8S, Manifest, kubectl

SECONDS = 120


@dataclass(frozen=True)
class Answer:
    """`accepted`: everything was taken, and without a warning. `words`: what the server said."""

    accepted: bool
    words: str


class Cluster:
    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def apply_overlay(self, name: str) -> Answer:
        return self.ask(*_APPLY, "-k", str(K8S / "overlays" / name))

    def apply(self, *manifests: Manifest) -> Answer:
        return self.ask(*_APPLY, "-f", "-", given=yaml.safe_dump_all(manifests))

    def try_out(self, *manifests: Manifest) -> Answer:
        """Admitted and validated, but not kept."""
        return self.ask(*_APPLY, "--dry-run=server", "-f", "-", given=yaml.safe_dump_all(manifests))

    def delete(self, *manifests: Manifest) -> Answer:
        return self.ask("delete", "--ignore-not-found", "--wait=false", "-f", "-", given=yaml.safe_dump_all(manifests))

    def ask(self, *words: str, given: str = "") -> Answer:
        argv = (kubectl(), "--kubeconfig", str(self.kubeconfig), "--warnings-as-errors", *words)
        done = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=SECONDS)
        return Answer(done.returncode == 0, done.stdout + done.stderr)


_APPLY = ("apply", "--server-side", "--validate=strict")


def pods(objects: list[Manifest]) -> list[Manifest]:
    """The pods that controllers would make: pod security refuses a pod, and only warns of what makes it."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template(one)["metadata"], "name": name, "namespace": one["metadata"]["namespace"]},
            "spec": template(one)["spec"],
        }
        for name, one in of_kind(copy.deepcopy(objects), *WORKLOADS).items()
    ]
