"""One API server for the folder, with the kinds of the operators that the manifests speak to."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml

from deploy.apiserver import server
from tests.apiserver.cluster import Cluster
from tests.deploy.render import Manifest, objects, rendered
from tests.deploy.schemas import CRDS

BEFORE = ("kafka", "mongodb")  # the namespaces of Strimzi and of MongoDB's operator, which are installed first
SET_UP = Path(server.__file__).with_name("set-up.sh")


@pytest.fixture(scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with server.api_server(_programs(), tmp_path_factory.mktemp("apiserver")) as kubeconfig:
        cluster = Cluster(kubeconfig)
        there = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in BEFORE]
        taken = cluster.ask("create", "-f", "-", given=yaml.safe_dump_all([*there, *CRDS]))
        assert taken.accepted, taken.words
        known = cluster.ask("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        assert known.accepted, known.words
        yield cluster


def _programs() -> Path:
    """Built at the first time, which takes a while."""
    return Path(subprocess.run([SET_UP], stdout=subprocess.PIPE, text=True, check=True).stdout.strip())


@pytest.fixture(params=["trial", "production"])
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def made(overlay: str, tmp_path: Path) -> list[Manifest]:
    return objects(rendered(f"overlays/{overlay}", (), tmp_path))


@pytest.fixture
def emptied(cluster: Cluster, made: list[Manifest]) -> Iterator[None]:
    """What an overlay leaves is gone afterwards. Namespaces stay: to empty them is a controller's work."""
    yield
    gone = cluster.delete(*(one for one in made if one["kind"] != "Namespace"))
    assert gone.accepted, gone.words
