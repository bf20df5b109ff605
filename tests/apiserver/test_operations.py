"""docs/operations.md, typed from its beginning to its end: what a server can answer without controllers and services.

Left out is what waits for a controller or a pod, what has a name for its reader to fill in, and `make`.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.apiserver.cluster import Cluster
from tests.deploy.kubectl_help import verb_of
from tests.deploy.render import K8S, Manifest, kubectl, objects, rendered
from tests.deploy.typed import BLOCK, Typed, of_line
from tests.deploy.typed_kubectl import PLACEHOLDER
from tests.deploy.typed_sealed import ROOT

PAGE: Final = ROOT / "docs" / "operations.md"
NEEDS_MORE: Final = {
    *(("wait",), ("logs",), ("exec",), ("port-forward",), ("top", "pods")),
    *(("rollout", "status"), ("rollout", "undo"), ("rollout", "history")),
}
GIVEN_BY_OTHERS: Final = ("imap.password", "client.secret", "keda.password", "mongodb-ca.crt", "vault-ca.crt")


def lines() -> Iterator[str]:
    for mark, block in BLOCK.findall(PAGE.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            if mark == "sh" and all(can_be_typed(typed) for typed in of_line(line)):
                yield line


def can_be_typed(typed: Typed) -> bool:
    program, *arguments = typed.words or ("export",)
    if program == "kubectl":
        return verb_of((*arguments, "")) not in NEEDS_MORE and not any(map(PLACEHOLDER.match, arguments))
    if program == "sealed":
        return arguments[0] == "secrets" and "--vault-addr" not in arguments
    return program in ("umask", "openssl", "tr", "base64", "rm", "less")


@pytest.fixture
def folder(cluster: Cluster, tmp_path: Path) -> Iterator[Path]:
    """A checkout's manifests, what others give, and the command; what was made in the cluster is gone afterwards."""
    (tmp_path / "deploy").symlink_to(K8S.parent)
    for name in GIVEN_BY_OTHERS:
        (tmp_path / name).write_text("x")
    (tmp_path / "kubeconfig").write_text(cluster.kubeconfig.read_text())
    command = tmp_path / "bin" / "sealed"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m deploy.cli "$1" "{tmp_path}/$2"\n')
    command.chmod(0o755)
    yield tmp_path
    made = objects(rendered("overlays/production", (), tmp_path))
    assert cluster.delete(*(one for one in made if one["kind"] != "Namespace")).accepted
    for space in ("sealed-orders", "kafka", "mongodb"):
        left = "secrets,configmaps,jobs"
        assert cluster.ask("delete", left, "--all", "-n", space, "--wait=false", "--cascade=background").accepted


def test_every_command_that_needs_no_more_than_a_server_is_taken(cluster: Cluster, folder: Path) -> None:
    strimzis: Manifest = {"apiVersion": "v1", "kind": "Secret", "stringData": {"ca.crt": "x"}}
    strimzis["metadata"] = {"name": "sealed-orders-cluster-ca-cert", "namespace": "kafka"}
    assert cluster.apply(strimzis).accepted
    refused = {line: said for line in lines() if (said := typed(line, folder))}
    assert refused == {}


def test_most_of_the_page_is_typed() -> None:
    assert len(list(lines())) > 30


def test_what_is_mistyped_is_refused(folder: Path) -> None:
    assert "not found" in typed("kubectl rollout restart deployment/inteke", folder)


def typed(line: str, folder: Path) -> str:
    """What went wrong, in the shell's words; empty where nothing did."""
    environment = {
        "PATH": f"{folder / 'bin'}:{Path(kubectl()).parent}:/usr/bin:/bin",
        "KUBECONFIG": str(folder / "kubeconfig"),
        "SEALED_ADMIN_MONGODB_URI": "mongodb://administrator:x@mongodb.example.kz",
        "HOME": str(folder),
        "PAGER": "cat",
    }
    argv = ["bash", "-euo", "pipefail", "-c", line.replace("| less", "| tail -1")]
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return "" if done.returncode == 0 else (done.stderr or done.stdout)[-400:]
