# ruff: noqa: E501 (a defect a line)
"""What the API server refuses: so that its acceptance says something. Some of it no schema sees."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.apiserver.cluster import Cluster, pods
from tests.deploy.parts import container, of_kind, pod
from tests.deploy.render import Manifest, objects, rendered

Plant = Callable[[Manifest], Any]


@pytest.fixture(scope="module")
def production(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Manifest]]:
    made = objects(rendered("overlays/production", (), tmp_path_factory.mktemp("production")))
    applied = cluster.apply(*made)
    assert applied.accepted, applied.words
    yield made
    cluster.delete(*(one for one in made if one["kind"] != "Namespace"))


POD_DEFECTS: list[tuple[str, Plant]] = [
    ("privileged", lambda one: one["spec"]["containers"][0]["securityContext"].update(privileged=True, allowPrivilegeEscalation=True)),
    ("hostNetwork", lambda one: one["spec"].update(hostNetwork=True)),
    ("runAsNonRoot", lambda one: (one["spec"]["securityContext"].update(runAsNonRoot=False), one["spec"]["containers"][0]["securityContext"].pop("runAsNonRoot"))),
    ("hostPath", lambda one: one["spec"]["volumes"].append({"name": "node", "hostPath": {"path": "/"}})),
    ("seccompProfile", lambda one: one["spec"]["securityContext"].pop("seccompProfile")),
]  # fmt: skip


@pytest.mark.parametrize(("words", "plant"), POD_DEFECTS, ids=[row[0] for row in POD_DEFECTS])
def test_a_pod_that_may_more_is_refused(words: str, plant: Plant, cluster: Cluster, production: list[Manifest]) -> None:
    one = next(one for one in pods(production) if one["metadata"]["name"] == "delivery")
    admitted = cluster.try_out(one)
    assert admitted.accepted, admitted.words
    plant(one)
    refused = cluster.try_out(one)
    assert not refused.accepted
    assert 'violates PodSecurity "restricted' in refused.words
    assert words in refused.words


DEFECTS: list[tuple[str, str, str, Plant, str]] = [
    ("a field nobody knows", "Deployment", "delivery", lambda one: one["spec"].update(replica=2), "field not declared in schema"),
    ("a volume that is not there", "Deployment", "delivery", lambda one: container(one)["volumeMounts"][1].update(name="key"), "volumeMounts[1].name: Not found"),
    ("labels that its selector does not find", "Deployment", "delivery", lambda one: one["spec"]["template"]["metadata"]["labels"].clear(), "does not match template `labels`"),
    ("two files in one place", "Deployment", "delivery", lambda one: next(v for v in pod(one)["volumes"] if v["name"] == "keys")["projected"]["sources"][0]["secret"]["items"].append({"key": "x", "path": "../x"}), "must not contain '..'"),
    ("a pod of which it only warns", "Deployment", "delivery", lambda one: pod(one)["securityContext"].pop("seccompProfile"), "would violate PodSecurity"),
    ("a schedule that is none", "CronJob", "rotate-keys", lambda one: one["spec"].update(schedule="monthly"), "spec.schedule: Invalid value"),
    ("a time zone that is none", "CronJob", "rotate-keys", lambda one: one["spec"].update(timeZone="Asia/Almata"), "unknown time zone"),
    ("a budget that says two things", "PodDisruptionBudget", "delivery", lambda one: one["spec"].update(minAvailable=1), "cannot be both set"),
    ("a port beyond the last", "NetworkPolicy", "delivery", lambda one: one["spec"]["ingress"][0]["ports"][0].update(port=80800), "must be between 1 and 65535"),
    ("replicas that are no number", "ScaledObject", "delivery", lambda one: one["spec"].update(maxReplicaCount="many"), "maxReplicaCount"),
    ("a store of a kind that is none", "ExternalSecret", "delivery-tokens", lambda one: one["spec"]["secretStoreRef"].update(kind="Store"), "Unsupported value"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name", "plant", "words"), [row[1:] for row in DEFECTS], ids=[row[0] for row in DEFECTS]
)
def test_a_planted_defect_is_refused(
    kind: str, name: str, plant: Plant, words: str, cluster: Cluster, production: list[Manifest]
) -> None:
    one = copy.deepcopy(of_kind(production, kind)[name])
    accepted = cluster.try_out(one)
    assert accepted.accepted, accepted.words
    plant(one)
    refused = cluster.try_out(one)
    assert not refused.accepted
    assert words in refused.words
