"""A real API server takes each overlay whole, without a warning, and its pods under pod security "restricted"."""

import copy
from pathlib import Path

import pytest

from tests.apiserver.cluster import Cluster, pods
from tests.deploy.parts import container, of_kind
from tests.deploy.render import COMPONENTS, Manifest, objects, rendered


@pytest.mark.usefixtures("emptied")
def test_an_overlay_is_accepted_and_may_be_applied_again(cluster: Cluster, overlay: str, made: list[Manifest]) -> None:
    first = cluster.apply_overlay(overlay)
    assert first.accepted, first.words
    assert first.words.count("serverside-applied") == len(made)
    again = cluster.apply_overlay(overlay)
    assert again.accepted, again.words


def test_every_component_at_once_is_accepted(cluster: Cluster, tmp_path: Path) -> None:
    every = objects(rendered("base", tuple(COMPONENTS), tmp_path.resolve()))
    namespaces = [one for one in every if one["kind"] == "Namespace"]
    there = cluster.apply(*namespaces)
    assert there.accepted, there.words
    taken = cluster.try_out(*every)
    assert taken.accepted, taken.words


@pytest.mark.usefixtures("emptied")
def test_every_pod_is_admitted(cluster: Cluster, made: list[Manifest]) -> None:
    applied = cluster.apply(*made)
    assert applied.accepted, applied.words
    for one in pods(made):
        admitted = cluster.try_out(one)
        assert admitted.accepted, admitted.words


@pytest.mark.usefixtures("emptied")
def test_a_new_image_is_taken_once_the_last_migration_is_gone(cluster: Cluster, made: list[Manifest]) -> None:
    """A Job's pod can not be changed: docs/operations.md has the command that removes it first."""
    applied = cluster.apply(*made)
    assert applied.accepted, applied.words
    newer = copy.deepcopy(made)
    for one in of_kind(newer, "Deployment", "Job").values():
        one["spec"]["template"]["spec"]["containers"][0]["image"] = f"{container(one)['image']}-next"
    assert "field is immutable" in cluster.apply(*newer).words
    gone = cluster.ask("--namespace=sealed-orders", "delete", "job", "migrate", "--wait=false")
    assert gone.accepted, gone.words
    upgraded = cluster.apply(*newer)
    assert upgraded.accepted, upgraded.words
